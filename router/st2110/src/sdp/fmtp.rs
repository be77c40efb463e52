//! The format parameters of ST 2110-20 §7, ST 2110-21 §8 and ST 2110-10 §8.

use std::fmt;

use crate::{
    format::{Packing, Rate, Scan, VideoFormat},
    timing::SenderType,
};

pub(super) mod parameters;
mod read;

pub(super) use read::read;

/// Closed sets of names that are only read from and written to SDP.
macro_rules! names {
    ($(#[$meta:meta])* $name:ident { $($(#[$vmeta:meta])* $variant:ident = $text:literal),+ $(,)? }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum $name { $($(#[$vmeta])* $variant),+ }

        impl $name {
            /// Every value, in the order of the standard.
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            /// The name as the standard writes it.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text),+ }
            }

            /// The value of a name.
            pub fn from_name(name: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|value| value.as_str() == name)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(self.as_str())
            }
        }
    };
}

names! {
    /// Colorimetry (ST 2110-20 §7.5).
    Colorimetry {
        /// ITU-R BT.601-7.
        Bt601 = "BT601",
        /// ITU-R BT.709-6.
        Bt709 = "BT709",
        /// ITU-R BT.2020-2.
        Bt2020 = "BT2020",
        /// ITU-R BT.2100.
        Bt2100 = "BT2100",
        /// Academy Color Encoding Specification.
        St2065_1 = "ST2065-1",
        /// Academy Density Exchange.
        St2065_3 = "ST2065-3",
        /// ISO 11664-1 tristimulus values.
        Xyz = "XYZ",
        /// An alpha or matte signal (since the 2022 edition).
        Alpha = "ALPHA",
        /// Not told.
        Unspecified = "UNSPECIFIED",
    }
}

names! {
    /// Transfer characteristic system (ST 2110-20 §7.6).
    TransferCharacteristic {
        /// Standard dynamic range, BT.1886.
        Sdr = "SDR",
        /// Perceptual quantisation, BT.2100.
        Pq = "PQ",
        /// Hybrid log-gamma, BT.2100.
        Hlg = "HLG",
        /// Linear light, floating point.
        Linear = "LINEAR",
        /// Linear light that is to be shown as PQ.
        Bt2100LinPq = "BT2100LINPQ",
        /// Linear light that is to be shown as HLG.
        Bt2100LinHlg = "BT2100LINHLG",
        /// Academy Color Encoding Specification.
        St2065_1 = "ST2065-1",
        /// Digital cinema.
        St428_1 = "ST428-1",
        /// Density.
        Density = "DENSITY",
        /// Camera log S3 (since the 2022 edition).
        St2115LogS3 = "ST2115LOGS3",
        /// Not told.
        Unspecified = "UNSPECIFIED",
    }
}

names! {
    /// Range of sample values (ST 2110-20 §7.3).
    Range {
        /// As in ITU-R BT.709 and BT.2100 narrow.
        Narrow = "NARROW",
        /// Full but for the codes reserved to timing.
        FullProtect = "FULLPROTECT",
        /// Every code.
        Full = "FULL",
    }
}

names! {
    /// Where RTP timestamps come from (ST 2110-10:2022 §8.7).
    TimestampMode {
        /// Made new by the sender.
        New = "NEW",
        /// Kept from an earlier stream.
        Preserved = "PRES",
        /// The moment of sampling.
        Sampled = "SAMP",
    }
}

names! {
    /// Edition of ST 2110-20 that a sender keeps to (`SSN`, ST 2110-20 §7.2).
    Standard {
        /// The first edition.
        V2017 = "ST2110-20:2017",
        /// The second edition.
        V2022 = "ST2110-20:2022",
    }
}

/// Everything a `a=fmtp` line says of a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VideoParameters {
    /// Raster, rate, sampling, depth, scan, packing.
    pub format: VideoFormat,
    /// `colorimetry`.
    pub colorimetry: Colorimetry,
    /// `SSN`.
    pub standard: Standard,
    /// `TP`.
    pub sender_type: SenderType,
    /// `TCS`; SDR if not given.
    pub transfer: Option<TransferCharacteristic>,
    /// `RANGE`; narrow if not given.
    pub range: Option<Range>,
    /// `PAR`, width to height of a pixel in lowest terms; 1:1 if not given.
    pub pixel_aspect: Option<(u32, u32)>,
    /// `MAXUDP`, octets of a datagram with its UDP header; 1460 if not given.
    pub max_udp: Option<u16>,
    /// `TROFF` in microseconds; TRODEFAULT if not given.
    pub offset_us: Option<u32>,
    /// `CMAX` in packets; that of the sender type if not given.
    pub cmax: Option<u32>,
    /// `TSMODE`.
    pub timestamp_mode: Option<TimestampMode>,
    /// `TSDELAY` in microseconds.
    pub timestamp_delay_us: Option<u32>,
}

impl VideoParameters {
    /// A format in BT.709 from a sender of type W, everything else at its default.
    pub const fn new(format: VideoFormat) -> Self {
        Self {
            format,
            colorimetry: Colorimetry::Bt709,
            standard: Standard::V2017,
            sender_type: SenderType::Wide,
            transfer: None,
            range: None,
            pixel_aspect: None,
            max_udp: None,
            offset_us: None,
            cmax: None,
            timestamp_mode: None,
            timestamp_delay_us: None,
        }
    }
}

impl fmt::Display for VideoParameters {
    /// The parameters of the line, each ended by `; ` as both generations of the public
    /// conformance checker want it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let VideoFormat { width, height, rate, sampling, depth, scan, packing } = self.format;
        write!(f, "sampling={sampling}; width={width}; height={height}; ")?;
        write!(f, "exactframerate={rate}; depth={depth}; ")?;
        f.write_str(match scan {
            Scan::Progressive => "",
            Scan::Interlaced => "interlace; ",
            Scan::Psf => "interlace; segmented; ",
        })?;
        write_option(f, "TCS", self.transfer)?;
        write!(f, "colorimetry={}; ", self.colorimetry)?;
        write_option(f, "RANGE", self.range)?;
        if let Some((width, height)) = self.pixel_aspect {
            write!(f, "PAR={width}:{height}; ")?;
        }
        write!(
            f,
            "PM={}; SSN={}; TP={}; ",
            packing_name(packing),
            self.standard,
            self.sender_type
        )?;
        write_option(f, "MAXUDP", self.max_udp)?;
        write_option(f, "TROFF", self.offset_us)?;
        write_option(f, "CMAX", self.cmax)?;
        write_option(f, "TSMODE", self.timestamp_mode)?;
        write_option(f, "TSDELAY", self.timestamp_delay_us)
    }
}

pub(super) fn write_option(
    f: &mut fmt::Formatter<'_>,
    name: &str,
    value: Option<impl fmt::Display>,
) -> fmt::Result {
    value.map_or(Ok(()), |value| write!(f, "{name}={value}; "))
}

/// The packing mode as `PM` has it.
const fn packing_name(packing: Packing) -> &'static str {
    match packing {
        Packing::Gpm => "2110GPM",
        Packing::Bpm => "2110BPM",
    }
}

/// A frame rate written as a decimal number, such as `a=framerate:59.94`: the usual rate it
/// stands for, or the number itself.
fn loose_rate(text: &str) -> Option<Rate> {
    if let Ok(rate) = text.parse() {
        return Some(rate);
    }
    let (whole, fraction) = text.split_once('.')?;
    let digits = u32::try_from(fraction.len()).ok().filter(|digits| *digits <= 9)?;
    let scale = 10_u128.pow(digits);
    let parse = |text: &str| if text.is_empty() { Some(0) } else { text.parse::<u32>().ok() };
    let value = u128::from(parse(whole)?) * scale + u128::from(parse(fraction)?);
    let near = |rate: &Rate| {
        let (numerator, denominator) =
            (u128::from(*rate.ratio().numer()), u128::from(*rate.ratio().denom()));
        // |value/scale - numerator/denominator| < 1/200, less than half the least distance.
        (value * denominator).abs_diff(numerator * scale) * 200 < scale * denominator
    };
    Rate::usual().find(near).or_else(|| {
        // Three decimals are as fine as a rate of its own can be meant.
        Rate::new(u32::try_from(value * 1000 / scale).ok()?, 1000).ok()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimal_rates_are_taken_for_the_usual_ones() {
        for (text, rate) in [
            ("25", "25"),
            ("25.0", "25"),
            ("59.94", "60000/1001"),
            ("59.940060", "60000/1001"),
            ("29.97", "30000/1001"),
            ("23.976", "24000/1001"),
            ("30.0", "30"),
            ("12.5", "25/2"),
            ("60000/1001", "60000/1001"),
        ] {
            assert_eq!(loose_rate(text).unwrap().to_string(), rate, "{text}");
        }
        for text in ["", ".", "a.b", "-1.0", "0.0", "5000.0", "1.0000000000000000000001"] {
            assert_eq!(loose_rate(text), None, "{text}");
        }
    }
}
