//! What a video stream looks like: raster, rate, sampling, depth, scan and packing.

use std::{fmt, str::FromStr};

use num_rational::Ratio;
use serde::{Deserialize, Serialize, de};

/// The raster and packing of an ST 2110-20 stream, as its SDP declares them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VideoFormat {
    /// Active pixels in a line.
    pub width: u16,
    /// Active lines in a whole frame, both fields together.
    pub height: u16,
    /// Frames a second; for interlaced video frames, not fields.
    pub rate: Rate,
    /// Colour sampling.
    pub sampling: Sampling,
    /// Bits a sample.
    pub depth: Depth,
    /// Progressive, interlaced or segmented.
    #[serde(default)]
    pub scan: Scan,
    /// Packing mode (ST 2110-20 §6.3).
    #[serde(default)]
    pub packing: Packing,
}

impl VideoFormat {
    /// The pixel group that every sample row data segment is a multiple of.
    pub fn pgroup(&self) -> Pgroup {
        Pgroup::of(self.sampling, self.depth)
    }

    /// Fields (or segments) a frame: 1 for progressive, otherwise 2.
    pub fn fields(&self) -> u16 {
        if self.scan == Scan::Progressive { 1 } else { 2 }
    }

    /// The same picture by the name technicians use: `1080p60`, `1080i25`, `2160p59.94`.
    pub fn short_name(&self) -> String {
        let letter = match self.scan {
            Scan::Progressive => "p",
            Scan::Interlaced => "i",
            Scan::Psf => "psf",
        };
        let rate = self.rate.0;
        if *rate.denom() == 1 {
            format!("{}{letter}{}", self.height, rate.numer())
        } else {
            let value = f64::from(*rate.numer()) / f64::from(*rate.denom());
            format!("{}{letter}{value:.2}", self.height)
        }
    }
}

impl fmt::Display for VideoFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}x{} {} {} {} {}-bit {}",
            self.width, self.height, self.scan, self.rate, self.sampling, self.depth, self.packing
        )
    }
}

/// An exact frame rate in frames a second, written `60` or `60000/1001`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Rate(Ratio<u32>);

impl Rate {
    /// Frame rates in use.
    pub fn usual() -> impl Iterator<Item = Self> {
        const USUAL: [(u32, u32); 13] = [
            (24_000, 1001),
            (24, 1),
            (25, 1),
            (30_000, 1001),
            (30, 1),
            (48, 1),
            (50, 1),
            (60_000, 1001),
            (60, 1),
            (100, 1),
            (120_000, 1001),
            (120, 1),
            (240, 1),
        ];
        USUAL.into_iter().filter_map(|(n, d)| Self::new(n, d).ok())
    }

    /// `numerator / denominator` frames a second, above 0 and up to 1000.
    pub fn new(numerator: u32, denominator: u32) -> Result<Self, FormatError> {
        let refused = || FormatError::Rate(format!("{numerator}/{denominator}"));
        if numerator == 0 || denominator == 0 || numerator > 1_000_000 || denominator > 10_000 {
            return Err(refused());
        }
        let ratio = Ratio::new(numerator, denominator);
        if ratio > Ratio::from_integer(1000) { Err(refused()) } else { Ok(Self(ratio)) }
    }

    /// Frames a second as an exact ratio.
    pub fn ratio(self) -> Ratio<u32> {
        self.0
    }

    /// One frame period in nanoseconds, rounded down.
    pub fn period_ns(self) -> u64 {
        1_000_000_000 * u64::from(*self.0.denom()) / u64::from(*self.0.numer())
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for Rate {
    type Err = FormatError;

    fn from_str(text: &str) -> Result<Self, FormatError> {
        let (numerator, denominator) = text.split_once('/').unwrap_or((text, "1"));
        match (numerator.parse(), denominator.parse()) {
            (Ok(numerator), Ok(denominator)) => Self::new(numerator, denominator),
            _ => Err(FormatError::Rate(text.to_owned())),
        }
    }
}

/// Serde, display and parsing for a closed set of names.
macro_rules! named {
    ($(#[$meta:meta])* $name:ident, $error:ident { $($(#[$vmeta:meta])* $variant:ident = $text:literal),+ $(,)? }) => {
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
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(self.as_str())
            }
        }

        impl FromStr for $name {
            type Err = FormatError;

            fn from_str(text: &str) -> Result<Self, FormatError> {
                match text {
                    $($text => Ok(Self::$variant),)+
                    _ => Err(FormatError::$error(text.to_owned())),
                }
            }
        }
    };
}

named! {
    /// Colour sampling (ST 2110-20 §7.4.1), as written in `sampling=`.
    Sampling, Sampling {
        /// Y'CbCr with half the chroma horizontally.
        YCbCr422 = "YCbCr-4:2:2",
        /// Y'CbCr with half the chroma both ways.
        YCbCr420 = "YCbCr-4:2:0",
        /// Y'CbCr with full chroma.
        YCbCr444 = "YCbCr-4:4:4",
        /// R'G'B'.
        Rgb = "RGB",
    }
}

named! {
    /// Bits a sample (ST 2110-20 §7.4.2). In JSON a number.
    Depth, Depth {
        /// 8 bits.
        D8 = "8",
        /// 10 bits.
        D10 = "10",
        /// 12 bits.
        D12 = "12",
    }
}

named! {
    /// How lines follow each other in time.
    Scan, Scan {
        /// Whole frames.
        Progressive = "progressive",
        /// Two fields, each with its own time.
        Interlaced = "interlaced",
        /// A progressive frame sent as two segments.
        Psf = "psf",
    }
}

named! {
    /// Packing mode (ST 2110-20 §6.3.2, §6.3.3), without its `2110` prefix.
    Packing, Packing {
        /// General packing: any whole number of pixel groups a packet.
        Gpm = "GPM",
        /// Block packing: 180-octet blocks.
        Bpm = "BPM",
    }
}

#[allow(clippy::derivable_impls, reason = "the macro derives nothing")]
impl Default for Scan {
    fn default() -> Self {
        Self::Progressive
    }
}

#[allow(clippy::derivable_impls, reason = "the macro derives nothing")]
impl Default for Packing {
    fn default() -> Self {
        Self::Gpm
    }
}

impl Depth {
    /// Bits a sample.
    pub const fn bits(self) -> u8 {
        match self {
            Self::D8 => 8,
            Self::D10 => 10,
            Self::D12 => 12,
        }
    }
}

/// Strings in JSON, both ways.
macro_rules! serde_as_text {
    ($($name:ident),+) => {$(
        impl Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
            }
        }
    )+};
}

serde_as_text!(Rate, Sampling, Scan, Packing);

impl Serialize for Depth {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u8(self.bits())
    }
}

impl<'de> Deserialize<'de> for Depth {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        u8::deserialize(deserializer)?.to_string().parse().map_err(de::Error::custom)
    }
}

/// The smallest run of octets that holds whole pixels (ST 2110-20 §6.2, RFC 4175 §4.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pgroup {
    /// Octets in the group.
    pub octets: u16,
    /// Pixels the group covers along a line.
    pub pixels: u16,
    /// Lines the group covers: 2 for 4:2:0, otherwise 1.
    pub lines: u16,
}

impl Pgroup {
    /// The group of a sampling at a depth. 4:2:0 at 12 bits has one too (RFC 4175 §4.3).
    pub const fn of(sampling: Sampling, depth: Depth) -> Self {
        let (octets, pixels, lines) = match (sampling, depth) {
            (Sampling::YCbCr422, Depth::D8) => (4, 2, 1),
            (Sampling::YCbCr422, Depth::D10) => (5, 2, 1),
            (Sampling::YCbCr422, Depth::D12) => (6, 2, 1),
            (Sampling::YCbCr420, Depth::D8) => (6, 2, 2),
            (Sampling::YCbCr420, Depth::D10) => (15, 4, 2),
            (Sampling::YCbCr420, Depth::D12) => (9, 2, 2),
            (Sampling::YCbCr444 | Sampling::Rgb, Depth::D8) => (3, 1, 1),
            (Sampling::YCbCr444 | Sampling::Rgb, Depth::D10) => (15, 4, 1),
            (Sampling::YCbCr444 | Sampling::Rgb, Depth::D12) => (9, 2, 1),
        };
        Self { octets, pixels, lines }
    }
}

/// A format that this product does not know.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FormatError {
    /// Not a frame rate.
    #[error("'{0}' is not a frame rate: write 50 or 60000/1001, above 0 and up to 1000")]
    Rate(String),
    /// Not a sampling.
    #[error("'{0}' is not a sampling: one of YCbCr-4:2:2, YCbCr-4:2:0, YCbCr-4:4:4, RGB")]
    Sampling(String),
    /// Not a depth.
    #[error("'{0}' is not a depth: one of 8, 10, 12")]
    Depth(String),
    /// Not a scan.
    #[error("'{0}' is not a scan: one of progressive, interlaced, psf")]
    Scan(String),
    /// Not a packing mode.
    #[error("'{0}' is not a packing mode: one of GPM, BPM")]
    Packing(String),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_reads_as_the_api_writes_it() {
        let json = r#"{"width":1920,"height":1080,"rate":"60000/1001","sampling":"YCbCr-4:2:2","depth":10,"scan":"progressive","packing":"GPM"}"#;
        let format: VideoFormat = serde_json::from_str(json).unwrap();
        assert_eq!(format.short_name(), "1080p59.94");
        assert_eq!(serde_json::to_string(&format).unwrap(), json);
        let error =
            serde_json::from_str::<VideoFormat>(&json.replace("4:2:2", "4:1:1")).unwrap_err();
        assert!(error.to_string().contains("YCbCr-4:1:1"), "{error}");
    }

    #[test]
    fn a_rate_of_nothing_is_refused() {
        for text in ["0", "60/0", "", "-1", "1/1/1", "1001/1", "4294967296"] {
            assert!(text.parse::<Rate>().is_err(), "{text}");
        }
        assert_eq!("60000/1000".parse::<Rate>().unwrap().to_string(), "60");
    }
}
