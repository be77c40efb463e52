//! How two legs become one stream, as people say it: by a class of ST 2022-7 or by a time.

use ormatrix_protocol::{Merge, MergeOrder};
use serde::Deserialize;
use st2110::{format::VideoFormat, rfc4175::FramePlan};
use utoipa::ToSchema;

use super::schema;
use crate::{problem::Error, validate};

/// How the copies on two legs become one stream (ST 2022-7). Class A with the order restored
/// unless given.
#[derive(Clone, Copy, Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MergeBody {
    /// How far one leg may be behind the other, as a class: A 10 ms, B 50 ms, C 150 ms (450 ms
    /// below 270 Mb/s), D 150 µs. Either this or `skew_us`.
    pub class: Option<Class>,
    /// The same in microseconds.
    #[schema(minimum = 1, maximum = 450_000)]
    pub skew_us: Option<u32>,
    /// `restored`: packets leave in order, and what one leg lost is waited for; `first-copy`:
    /// every packet leaves at once, and what one leg lost leaves late.
    #[schema(value_type = Option<schema::MergeOrder>)]
    pub order: Option<MergeOrder>,
}

/// Path differential of ST 2022-7.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, ToSchema)]
pub enum Class {
    /// 10 ms.
    A,
    /// 50 ms.
    B,
    /// 150 ms, or 450 ms below 270 Mb/s.
    C,
    /// 150 µs.
    D,
}

/// Streams of at least so many bits a second are of high bit rate (ST 2022-7 §6).
const HIGH_BIT_RATE: u64 = 270_000_000;

impl Class {
    fn skew_us(self, bits_per_second: u64) -> u32 {
        match self {
            Self::A => 10_000,
            Self::B => 50_000,
            Self::C if bits_per_second >= HIGH_BIT_RATE => 150_000,
            Self::C => 450_000,
            Self::D => 150,
        }
    }
}

/// What a stream takes of a network, as far as RTP packets go.
fn bits_per_second(video: &VideoFormat, max_udp: u16) -> u64 {
    // A format that cannot be cut is refused by its own check.
    let Ok(plan) = FramePlan::new(video, max_udp) else { return 0 };
    let octets = plan.packets() as u64 * plan.max_packet_len() as u64;
    octets * 8 * 1_000_000_000 / video.rate.period_ns().max(1)
}

impl MergeBody {
    /// The router's numbers for a picture.
    pub fn resolve(self, video: &VideoFormat, max_udp: u16) -> Result<Merge, Error> {
        self.at("", bits_per_second(video, max_udp))
    }

    /// The router's numbers for a level whose bit rate is always low: 64 channels of 24 bits at
    /// 48 kHz are 74 Mb/s. `level` is where it stands, with its dot.
    pub fn resolve_slow(self, level: &str) -> Result<Merge, Error> {
        self.at(level, 0)
    }

    fn at(self, level: &str, bits_per_second: u64) -> Result<Merge, Error> {
        let default = Merge::default();
        let skew_us = match (self.class, self.skew_us) {
            (Some(_), Some(_)) => {
                let reason = "a class and a time are given: keep one of them";
                return Err(validate::invalid(format!("{level}merge.skew_us"), reason));
            }
            (Some(class), None) => class.skew_us(bits_per_second),
            (None, Some(skew_us)) => skew_us,
            (None, None) => default.skew_us,
        };
        Ok(Merge { skew_us, order: self.order.unwrap_or(default.order) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn class_c_depends_on_the_bit_rate() {
        let video = |width: u16, height: u16| -> VideoFormat {
            serde_json::from_value(serde_json::json!({
                "width": width, "height": height, "rate": "50",
                "sampling": "YCbCr-4:2:2", "depth": 10
            }))
            .unwrap()
        };
        for (format, class, skew_us) in [
            (video(1920, 1080), Class::A, 10_000),
            (video(1920, 1080), Class::B, 50_000),
            (video(1920, 1080), Class::C, 150_000),
            (video(320, 180), Class::C, 450_000),
            (video(1920, 1080), Class::D, 150),
        ] {
            let body = MergeBody { class: Some(class), ..MergeBody::default() };
            assert_eq!(body.resolve(&format, 1460).unwrap().skew_us, skew_us);
        }
        let slow = MergeBody { class: Some(Class::C), ..MergeBody::default() };
        assert_eq!(slow.resolve_slow("audio.").unwrap().skew_us, 450_000);
        let both = MergeBody { class: Some(Class::A), skew_us: Some(5), order: None };
        assert!(both.resolve(&video(320, 180), 1460).is_err());
    }
}
