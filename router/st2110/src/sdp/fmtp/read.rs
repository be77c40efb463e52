//! Reading the parameters, fault by fault.

use std::str::FromStr;

use super::{
    Colorimetry, Range, Standard, TransferCharacteristic, VideoParameters, loose_rate,
    packing_name,
    parameters::{DATAGRAM, Parameters, decimal, names, parameter},
};
use crate::{
    format::{Depth, Packing, Sampling, Scan, VideoFormat},
    rfc4175::Raster,
    sdp::{
        SdpError, SdpFault,
        section::{Complain, Place},
    },
    timing::{LimitsError, SenderType, limits},
};

const GENERAL: &str = "ST 2110-20 §7.1";
const REQUIRED: &str = "ST 2110-20 §7.2";
const DEFAULTED: &str = "ST 2110-20 §7.3";
const SENDER: &str = "ST 2110-21 §8";

/// Samplings and depths that the standard has and this product does not.
const FOREIGN_SAMPLINGS: &[&str] = &[
    "CLYCbCr-4:4:4",
    "CLYCbCr-4:2:2",
    "CLYCbCr-4:2:0",
    "ICtCp-4:4:4",
    "ICtCp-4:2:2",
    "ICtCp-4:2:0",
    "XYZ",
    "KEY",
    // RFC 4175 only.
    "YCbCr-4:1:1",
    "RGBA",
    "BGR",
    "BGRA",
];
const FOREIGN_DEPTHS: &[&str] = &["16", "16f"];

/// Reads the parameters behind the payload type. `framerate` is what `a=framerate` says.
pub(in crate::sdp) fn read(
    text: &str,
    framerate: Option<&str>,
    place: Place,
    complain: Complain<'_>,
) -> Result<VideoParameters, SdpError> {
    let mut reader = Parameters::split(text, GENERAL, &[], place, complain)?;
    let sampling = reader.sampling()?;
    let depth = reader.depth()?;
    let width = reader.size("width", "1920")?;
    let height = reader.size("height", "1080")?;
    let rate = reader.rate(framerate.and_then(loose_rate), REQUIRED)?;
    let scan = reader.scan()?;
    let packing = reader.packing()?;
    let format = VideoFormat { width, height, rate, sampling, depth, scan, packing };
    Raster::new(&format).map_err(|error| place.error(SdpFault::Raster(error)))?;
    let colorimetry = reader.colorimetry()?;
    let standard = reader.standard()?;
    let sender_type = reader.sender_type()?;
    if let Err(error @ LimitsError::NotBroadcast { .. }) = limits(&format, 1, 1460, sender_type) {
        reader.complain(SdpFault::SenderType(error))?;
    }
    let transfer = reader.name(
        "TCS",
        DEFAULTED,
        TransferCharacteristic::from_name,
        &names(TransferCharacteristic::ALL, TransferCharacteristic::as_str),
    )?;
    // Names that the second edition brought (ST 2110-20:2022 §7.2).
    if standard == Standard::V2017
        && (colorimetry == Colorimetry::Alpha
            || transfer == Some(TransferCharacteristic::St2115LogS3))
    {
        reader.wrong("SSN=ST2110-20:2017", "SSN=ST2110-20:2022", REQUIRED)?;
    }
    let (timestamp_mode, timestamp_delay_us) = reader.timestamps()?;
    Ok(VideoParameters {
        format,
        colorimetry,
        standard,
        sender_type,
        transfer,
        range: reader.name(
            "RANGE",
            DEFAULTED,
            Range::from_name,
            &names(Range::ALL, Range::as_str),
        )?,
        pixel_aspect: reader.pixel_aspect()?,
        max_udp: reader.number("MAXUDP", 1, 8960, DATAGRAM)?,
        offset_us: reader.number("TROFF", 0, u32::MAX, SENDER)?,
        cmax: reader.number("CMAX", 1, u32::MAX, SENDER)?,
        timestamp_mode,
        timestamp_delay_us,
    })
}

impl Parameters<'_, '_> {
    fn sampling(&mut self) -> Result<Sampling, SdpError> {
        self.choice("sampling", "YCbCr-4:2:2", FOREIGN_SAMPLINGS, Sampling::ALL, |sampling| {
            sampling.as_str()
        })
    }

    fn depth(&mut self) -> Result<Depth, SdpError> {
        self.choice("depth", "10", FOREIGN_DEPTHS, Depth::ALL, Depth::as_str)
    }

    /// A parameter that nothing can stand in for.
    fn choice<T: FromStr + Copy>(
        &mut self,
        name: &'static str,
        example: &str,
        foreign: &[&str],
        all: &[T],
        text: impl Fn(T) -> &'static str,
    ) -> Result<T, SdpError> {
        let Some(value) = self.value(name) else {
            return Err(self.error(Self::missing(name, example, REQUIRED)));
        };
        value.parse().map_err(|_| {
            let supported = names(all, text);
            let found = format!("{name}={value}");
            self.error(if foreign.contains(&value) {
                SdpFault::Unsupported { found, supported }
            } else {
                parameter(&found, &format!("{name}={supported}"), REQUIRED)
            })
        })
    }

    fn size(&mut self, name: &'static str, example: &str) -> Result<u16, SdpError> {
        let Some(value) = self.value(name) else {
            return Err(self.error(Self::missing(name, example, REQUIRED)));
        };
        decimal(value).filter(|size| (1..=32_767).contains(size)).ok_or_else(|| {
            let expected = format!("{name}=1 to 32767, without leading zeros");
            self.error(parameter(&format!("{name}={value}"), &expected, REQUIRED))
        })
    }

    fn scan(&mut self) -> Result<Scan, SdpError> {
        for name in ["interlace", "segmented"] {
            if let Some((_, Some(value))) = self.find(name) {
                self.wrong(&format!("{name}={value}"), name, DEFAULTED)?;
            }
        }
        let given = |name| !matches!(self.find(name), None | Some((_, Some("0" | "false"))));
        match (given("interlace"), given("segmented")) {
            (false, false) => Ok(Scan::Progressive),
            (true, false) => Ok(Scan::Interlaced),
            (true, true) => Ok(Scan::Psf),
            (false, true) => self.complain(SdpFault::SegmentedAlone).map(|()| Scan::Psf),
        }
    }

    fn packing(&mut self) -> Result<Packing, SdpError> {
        self.assumed("PM", Packing::Gpm, Packing::ALL, packing_name, REQUIRED)
    }

    fn colorimetry(&mut self) -> Result<Colorimetry, SdpError> {
        // The names of RFC 4175 §6.1, which GStreamer writes.
        let older = match self.value("colorimetry") {
            Some("BT601-5") => Some(Colorimetry::Bt601),
            Some("BT709-2") => Some(Colorimetry::Bt709),
            _ => None,
        };
        let assumed = older.unwrap_or(Colorimetry::Unspecified);
        self.assumed("colorimetry", assumed, Colorimetry::ALL, Colorimetry::as_str, REQUIRED)
    }

    fn standard(&mut self) -> Result<Standard, SdpError> {
        self.assumed("SSN", Standard::V2017, Standard::ALL, Standard::as_str, REQUIRED)
    }

    fn sender_type(&mut self) -> Result<SenderType, SdpError> {
        self.assumed("TP", SenderType::Wide, SenderType::ALL, SenderType::as_str, SENDER)
    }

    fn pixel_aspect(&mut self) -> Result<Option<(u32, u32)>, SdpError> {
        let Some(value) = self.value("PAR") else { return Ok(None) };
        let parts = value.split_once(':');
        let aspect = parts.and_then(|(width, height)| Some((decimal(width)?, decimal(height)?)));
        match aspect {
            Some((width, height))
                if width > 0 && height > 0 && greatest_divisor(width, height) == 1 =>
            {
                Ok(Some((width, height)))
            }
            _ => {
                let expected = "PAR=12:11, two integers in lowest terms";
                self.wrong(&format!("PAR={value}"), expected, DEFAULTED).map(|()| None)
            }
        }
    }
}

fn greatest_divisor(mut a: u32, mut b: u32) -> u32 {
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}
