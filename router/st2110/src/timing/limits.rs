//! The traffic model of ST 2110-21: read schedule, network compatibility, virtual receiver.

use std::{fmt, str::FromStr};

use num_rational::Ratio;
use serde::{Deserialize, Serialize, de};

use super::SECOND_NS;
use crate::format::{Rate, Scan, VideoFormat};

/// An exact number of nanoseconds.
pub type Exact = Ratio<i128>;

/// From this rate on type W is not defined (ST 2110-21 §7.1.4), in packets a second.
const WIDE_LIMIT: u64 = 900_000;

/// Sender type (ST 2110-21 §7.1), written in SDP as `TP`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SenderType {
    /// Type N: gapped, as if read from SDI.
    Narrow,
    /// Type NL: evenly over the frame.
    NarrowLinear,
    /// Type W: evenly over the frame with room for software.
    Wide,
}

impl SenderType {
    /// Every type, in the order of the standard.
    pub const ALL: &[Self] = &[Self::Narrow, Self::NarrowLinear, Self::Wide];

    /// As the SDP writes it: `2110TPN`, `2110TPNL`, `2110TPW`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Narrow => "2110TPN",
            Self::NarrowLinear => "2110TPNL",
            Self::Wide => "2110TPW",
        }
    }

    /// How the type reads its packets: type N gapped, the others linear.
    pub const fn pacing(self) -> Pacing {
        match self {
            Self::Narrow => Pacing::Gapped,
            Self::NarrowLinear | Self::Wide => Pacing::Linear,
        }
    }
}

impl fmt::Display for SenderType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for SenderType {
    type Err = SenderTypeError;

    fn from_str(text: &str) -> Result<Self, SenderTypeError> {
        let found = Self::ALL.iter().find(|sender| sender.as_str() == text);
        found.copied().ok_or_else(|| SenderTypeError(text.to_owned()))
    }
}

impl Serialize for SenderType {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for SenderType {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

/// Not a sender type.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("'{0}' is not a sender type: one of 2110TPN, 2110TPNL, 2110TPW (ST 2110-21 §8)")]
pub struct SenderTypeError(pub String);

/// When packets are read: during the active lines only, or over the whole frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pacing {
    /// ST 2110-21 §6.3.2.
    Gapped,
    /// ST 2110-21 §6.3.3.
    Linear,
}

/// One frame period, exactly.
pub fn frame_period_ns(rate: Rate) -> Exact {
    let ratio = rate.ratio();
    Ratio::new(i128::from(*ratio.denom()) * i128::from(SECOND_NS), i128::from(*ratio.numer()))
}

/// TRODEFAULT (ST 2110-21 §6.4): how far behind the frame's start its first packet is due.
pub fn troffset_default_ns(format: &VideoFormat) -> Exact {
    let lines = match (format.scan, format.height) {
        (Scan::Progressive, 1080..) => Ratio::new(43, 1125),
        (Scan::Progressive, _) => Ratio::new(28, 750),
        (_, 1080..) => Ratio::new(22, 1125),
        (_, 576..) => Ratio::new(26, 625),
        _ => Ratio::new(20, 525),
    };
    frame_period_ns(format.rate) * lines
}

/// TRS (ST 2110-21 §6.3): the time between two packets of a frame of `packets`, which must
/// not be 0 (taken as 1 then).
pub fn trs_ns(format: &VideoFormat, packets: usize, pacing: Pacing) -> Exact {
    let active = match pacing {
        Pacing::Linear => Ratio::from_integer(1),
        Pacing::Gapped => active_share(format),
    };
    frame_period_ns(format.rate) * active / packets.max(1) as i128
}

/// RACTIVE: the share of a frame that its active lines take (ST 2110-21 §6.3.2).
fn active_share(format: &VideoFormat) -> Ratio<i128> {
    match (format.scan, format.height) {
        (Scan::Progressive, _) | (_, 1080..) => Ratio::new(1080, 1125),
        (_, 576..) => Ratio::new(576, 625),
        _ => Ratio::new(487, 525),
    }
}

/// What a sender of a type must keep to, and a receiver bear.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// CMAX: packets a sender may be ahead of the draining network (ST 2110-21 §7.1).
    pub cmax: u32,
    /// VRX_FULL: packets the virtual receiver buffer holds (ST 2110-21 §7.1).
    pub vrx_full: u32,
    /// TRS: time between two packets, in nanoseconds.
    pub trs_ns: Exact,
}

/// The limits of ST 2110-21 §7.1 for a frame of `packets` in datagrams up to `max_udp`
/// octets (1460 unless the SDP says `MAXUDP`).
pub fn limits(
    format: &VideoFormat,
    packets: usize,
    max_udp: u16,
    sender: SenderType,
) -> Result<Limits, LimitsError> {
    if sender == SenderType::Narrow && !is_broadcast(format) {
        return Err(LimitsError::NotBroadcast { width: format.width, height: format.height });
    }
    // Packets a second, NPKT / TFRAME.
    let a_second = Ratio::new(
        packets as u128 * u128::from(*format.rate.ratio().numer()),
        u128::from(*format.rate.ratio().denom()),
    );
    if sender == SenderType::Wide && a_second >= Ratio::from_integer(u128::from(WIDE_LIMIT)) {
        return Err(LimitsError::TooFast { packets_a_second: a_second.to_integer() as u64 });
    }
    let max_udp = u128::from(max_udp.max(1));
    let (least_vrx, vrx_divisor, least_cmax, cmax_divisor) = match sender {
        SenderType::Narrow | SenderType::NarrowLinear => (1500 * 8, 27_000, 4, 43_200),
        SenderType::Wide => (1500 * 720, 300, 16, 21_600),
    };
    let drained = match sender {
        SenderType::Narrow => {
            let active = active_share(format);
            a_second / Ratio::new(*active.numer() as u128, *active.denom() as u128)
        }
        SenderType::NarrowLinear | SenderType::Wide => a_second,
    };
    Ok(Limits {
        cmax: (drained / cmax_divisor).to_integer().max(least_cmax) as u32,
        vrx_full: (a_second / vrx_divisor).to_integer().max(least_vrx / max_udp) as u32,
        trs_ns: trs_ns(format, packets, sender.pacing()),
    })
}

/// Whether a raster has an SDI counterpart that a gapped schedule could follow.
fn is_broadcast(format: &VideoFormat) -> bool {
    matches!(
        (format.width, format.height),
        (720, 480 | 486 | 576)
            | (1280, 720)
            | (1920 | 2048, 1080)
            | (3840 | 4096, 2160)
            | (7680 | 8192, 4320)
    )
}

/// A sender type that is not defined for a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LimitsError {
    /// Type N needs vertical blanking to leave out.
    #[error(
        "{width}x{height} is no broadcast raster: use 2110TPNL or 2110TPW instead of 2110TPN (ST 2110-21 §6.3.2)"
    )]
    NotBroadcast {
        /// Pixels in a line.
        width: u16,
        /// Lines in a frame.
        height: u16,
    },
    /// Type W ends at 900 000 packets a second.
    #[error(
        "{packets_a_second} packets a second: 2110TPW is defined below 900000, use 2110TPNL or larger packets (ST 2110-21 §7.1.4)"
    )]
    TooFast {
        /// What the stream has, rounded down.
        packets_a_second: u64,
    },
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::{Depth, Packing, Sampling};

    fn format(width: u16, height: u16, rate: &str, scan: Scan) -> VideoFormat {
        VideoFormat {
            width,
            height,
            rate: rate.parse().unwrap(),
            sampling: Sampling::YCbCr422,
            depth: Depth::D10,
            scan,
            packing: Packing::Gpm,
        }
    }

    #[test]
    fn full_hd_at_60_has_the_known_limits() {
        let format = format(1920, 1080, "60", Scan::Progressive);
        let of = |sender| limits(&format, 4320, 1460, sender).unwrap();
        let (narrow, linear, wide) =
            (of(SenderType::Narrow), of(SenderType::NarrowLinear), of(SenderType::Wide));
        assert_eq!((narrow.cmax, linear.cmax, wide.cmax), (6, 6, 16));
        assert_eq!((narrow.vrx_full, linear.vrx_full, wide.vrx_full), (9, 9, 864));
        // 1/60 s × 0.96 / 4320 = 3.7037… µs; linear 3.8580… µs
        assert_eq!(narrow.trs_ns, Ratio::new(100_000, 27));
        assert_eq!(wide.trs_ns, Ratio::new(312_500, 81));
        // 43/1125 of a frame: 637.037 µs
        assert_eq!(troffset_default_ns(&format), Ratio::new(17_200_000, 27));
    }

    #[test]
    fn ultra_hd_at_60_has_no_wide_sender() {
        let format = format(3840, 2160, "60", Scan::Progressive);
        let of = |sender| limits(&format, 17_280, 1460, sender);
        let (narrow, linear) =
            (of(SenderType::Narrow).unwrap(), of(SenderType::NarrowLinear).unwrap());
        assert_eq!((narrow.cmax, linear.cmax), (25, 24));
        assert_eq!((narrow.vrx_full, linear.vrx_full), (38, 38));
        assert_eq!(narrow.trs_ns.to_integer(), 925);
        assert_eq!(of(SenderType::Wide), Err(LimitsError::TooFast { packets_a_second: 1_036_800 }));
        let slower = VideoFormat { rate: Rate::new(50, 1).unwrap(), ..format };
        assert!(limits(&slower, 17_280, 1460, SenderType::Wide).is_ok());
    }

    #[test]
    fn other_rasters_and_scans_use_their_own_lines() {
        let period = frame_period_ns(Rate::new(25, 1).unwrap());
        let hd = format(1920, 1080, "25", Scan::Interlaced);
        assert_eq!(troffset_default_ns(&hd), period * Ratio::new(22, 1125));
        let sd = format(720, 576, "25", Scan::Interlaced);
        assert_eq!(troffset_default_ns(&sd), period * Ratio::new(26, 625));
        assert_eq!(trs_ns(&sd, 576, Pacing::Gapped), period / 625);
        let p720 = format(1280, 720, "50", Scan::Progressive);
        assert_eq!(troffset_default_ns(&p720), frame_period_ns(p720.rate) * Ratio::new(28, 750));
        let wuxga = format(1920, 1200, "60", Scan::Progressive);
        assert!(matches!(
            limits(&wuxga, 4800, 1460, SenderType::Narrow),
            Err(LimitsError::NotBroadcast { height: 1200, .. })
        ));
        assert!(limits(&wuxga, 4800, 1460, SenderType::NarrowLinear).is_ok());
    }

    #[test]
    fn small_streams_keep_the_least_limits() {
        let format = format(1280, 720, "25", Scan::Progressive);
        let wide = limits(&format, 500, 1460, SenderType::Wide).unwrap();
        assert_eq!((wide.cmax, wide.vrx_full), (16, 739));
        let narrow = limits(&format, 500, 1460, SenderType::Narrow).unwrap();
        assert_eq!((narrow.cmax, narrow.vrx_full), (4, 8));
    }

    #[test]
    fn sender_types_are_written_as_in_sdp() {
        for sender in SenderType::ALL {
            assert_eq!(sender.to_string().parse(), Ok(*sender));
        }
        assert!("TPW".parse::<SenderType>().is_err());
    }
}
