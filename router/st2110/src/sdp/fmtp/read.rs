//! Reading the parameters, fault by fault.

use std::str::FromStr;

use super::{
    Colorimetry, Range, Standard, TimestampMode, TransferCharacteristic, VideoParameters,
    loose_rate, packing_name,
};
use crate::{
    format::{Depth, Packing, Rate, Sampling, Scan, VideoFormat},
    rfc4175::Raster,
    sdp::{
        SdpError, SdpFault,
        parse::{Complain, Place},
    },
    timing::{LimitsError, SenderType, limits},
};

const GENERAL: &str = "ST 2110-20 §7.1";
const REQUIRED: &str = "ST 2110-20 §7.2";
const DEFAULTED: &str = "ST 2110-20 §7.3";
const SENDER: &str = "ST 2110-21 §8";
const DATAGRAM: &str = "ST 2110-10 §6.4";
const TIMESTAMPS: &str = "ST 2110-10:2022 §8.7";

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
    let mut reader = Reader { parameters: Vec::new(), place, complain };
    reader.split(text)?;
    let sampling = reader.sampling()?;
    let depth = reader.depth()?;
    let width = reader.size("width", "1920")?;
    let height = reader.size("height", "1080")?;
    let rate = reader.rate(framerate)?;
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
        timestamp_mode: reader.name(
            "TSMODE",
            TIMESTAMPS,
            TimestampMode::from_name,
            &names(TimestampMode::ALL, TimestampMode::as_str),
        )?,
        timestamp_delay_us: reader.number("TSDELAY", 0, u32::MAX, TIMESTAMPS)?,
    })
}

struct Reader<'a, 'c> {
    parameters: Vec<(&'a str, Option<&'a str>)>,
    place: Place,
    complain: Complain<'c>,
}

impl<'a> Reader<'a, '_> {
    /// `name=value` or `name`, between semicolons and white space (ST 2110-20 §7.1).
    fn split(&mut self, text: &'a str) -> Result<(), SdpError> {
        for parameter in text.split(';').map(str::trim).filter(|text| !text.is_empty()) {
            let (name, value) = match parameter.split_once('=') {
                Some((name, value)) => (name.trim_end(), Some(plain(value))),
                None => (parameter, None),
            };
            let clean = value.map_or_else(|| name.to_owned(), |value| format!("{name}={value}"));
            if clean != parameter {
                self.wrong(parameter, &clean, GENERAL)?;
            }
            if self.find(name).is_some() {
                self.complain(SdpFault::ParameterRepeated { name: name.to_owned() })?;
            } else {
                self.parameters.push((name, value));
            }
        }
        Ok(())
    }

    fn find(&self, name: &str) -> Option<(&'a str, Option<&'a str>)> {
        self.parameters.iter().find(|(found, _)| *found == name).copied()
    }

    /// A parameter's value; empty for one without.
    fn value(&self, name: &str) -> Option<&'a str> {
        self.find(name).map(|(_, value)| value.unwrap_or_default())
    }

    fn complain(&mut self, fault: SdpFault) -> Result<(), SdpError> {
        (self.complain)(self.place.error(fault))
    }

    fn wrong(&mut self, found: &str, expected: &str, clause: &'static str) -> Result<(), SdpError> {
        self.complain(parameter(found, expected, clause))
    }

    /// What a parameter is missing; an error or a warning as the caller decides.
    fn missing(name: &'static str, example: &str, clause: &'static str) -> SdpFault {
        SdpFault::ParameterMissing { name, example: example.to_owned(), clause }
    }

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
            return Err(self.place.error(Self::missing(name, example, REQUIRED)));
        };
        value.parse().map_err(|_| {
            let supported = names(all, text);
            let found = format!("{name}={value}");
            self.place.error(if foreign.contains(&value) {
                SdpFault::Unsupported { found, supported }
            } else {
                parameter(&found, &format!("{name}={supported}"), REQUIRED)
            })
        })
    }

    fn size(&mut self, name: &'static str, example: &str) -> Result<u16, SdpError> {
        let Some(value) = self.value(name) else {
            return Err(self.place.error(Self::missing(name, example, REQUIRED)));
        };
        decimal(value).filter(|size| (1..=32_767).contains(size)).ok_or_else(|| {
            let expected = format!("{name}=1 to 32767, without leading zeros");
            self.place.error(parameter(&format!("{name}={value}"), &expected, REQUIRED))
        })
    }

    /// Integers as such, others as the fraction in lowest terms (ST 2110-20 §7.2).
    fn rate(&mut self, framerate: Option<&str>) -> Result<Rate, SdpError> {
        let Some(value) = self.value("exactframerate") else {
            let assumed = framerate.and_then(loose_rate).or_else(|| Rate::new(25, 1).ok());
            let example = assumed.map_or_else(String::new, |rate| rate.to_string());
            let missing = Self::missing("exactframerate", &example, REQUIRED);
            return match assumed {
                Some(rate) => self.complain(missing).map(|()| rate),
                None => Err(self.place.error(missing)),
            };
        };
        let found = format!("exactframerate={value}");
        let Some(rate) = loose_rate(value) else {
            let expected = "exactframerate=50, or exactframerate=60000/1001";
            return Err(self.place.error(parameter(&found, expected, REQUIRED)));
        };
        if rate.to_string() != value {
            self.wrong(&found, &format!("exactframerate={rate}"), REQUIRED)?;
        }
        Ok(rate)
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

    /// A required name that something can stand in for.
    fn assumed<T: Copy>(
        &mut self,
        name: &'static str,
        assumed: T,
        all: &[T],
        text: impl Fn(T) -> &'static str,
        clause: &'static str,
    ) -> Result<T, SdpError> {
        let Some(value) = self.value(name) else {
            return self.complain(Self::missing(name, text(assumed), clause)).map(|()| assumed);
        };
        if let Some(found) = all.iter().find(|candidate| text(**candidate) == value) {
            return Ok(*found);
        }
        let expected = format!("{name}={}", names(all, text));
        self.wrong(&format!("{name}={value}"), &expected, clause)?;
        Ok(assumed)
    }

    /// An optional name.
    fn name<T>(
        &mut self,
        name: &'static str,
        clause: &'static str,
        from: impl Fn(&str) -> Option<T>,
        all: &str,
    ) -> Result<Option<T>, SdpError> {
        let Some(value) = self.value(name) else { return Ok(None) };
        let found = from(value);
        if found.is_none() {
            self.wrong(&format!("{name}={value}"), &format!("{name}={all}"), clause)?;
        }
        Ok(found)
    }

    /// An optional number from `least` to `most`.
    fn number<T: FromStr + Copy + PartialOrd + std::fmt::Display>(
        &mut self,
        name: &'static str,
        least: T,
        most: T,
        clause: &'static str,
    ) -> Result<Option<T>, SdpError> {
        let Some(value) = self.value(name) else { return Ok(None) };
        let found = decimal(value).filter(|number| *number >= least && *number <= most);
        if found.is_none() {
            let expected = format!("{name}={least} to {most}");
            self.wrong(&format!("{name}={value}"), &expected, clause)?;
        }
        Ok(found)
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

fn parameter(found: &str, expected: &str, clause: &'static str) -> SdpFault {
    SdpFault::Parameter { found: found.to_owned(), expected: expected.to_owned(), clause }
}

/// A value without what caps strings put around it: blanks, a type, quotes.
fn plain(value: &str) -> &str {
    let value = value.trim_start();
    let value = ["(string)", "(int)", "(boolean)"]
        .iter()
        .find_map(|kind| value.strip_prefix(kind))
        .unwrap_or(value);
    value.strip_prefix('"').and_then(|value| value.strip_suffix('"')).unwrap_or(value)
}

/// A number in plain decimal digits, without sign or leading zeros.
fn decimal<T: FromStr>(text: &str) -> Option<T> {
    let digits = text.bytes().all(|octet| octet.is_ascii_digit());
    if !digits || text.len() > 1 && text.starts_with('0') {
        return None;
    }
    text.parse().ok()
}

fn names<T: Copy>(all: &[T], text: impl Fn(T) -> &'static str) -> String {
    all.iter().map(|value| text(*value)).collect::<Vec<_>>().join(" or ")
}

fn greatest_divisor(mut a: u32, mut b: u32) -> u32 {
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}
