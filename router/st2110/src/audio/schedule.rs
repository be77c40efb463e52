//! When each packet of audio belongs: packets counted from the epoch, as frames are.
//!
//! Two senders at one rate and packet time cut time at the same moments without having
//! talked, and a packet's number gives its RTP timestamp (ST 2110-10 §7.3, AES67 §7.1).

use super::AudioFormat;

/// Nanoseconds in a second.
const SECOND_NS: u128 = 1_000_000_000;

impl AudioFormat {
    /// The number of the packet whose samples are being taken at a moment.
    pub fn packet_at(&self, tai_ns: u64) -> u64 {
        let samples = u128::from(tai_ns) * u128::from(self.rtp_clock_hz()) / SECOND_NS;
        (samples / u128::from(self.samples_per_packet())) as u64
    }

    /// The first nanosecond of packet `packet`, so that [`packet_at`](Self::packet_at) gives
    /// the packet again. Its samples are all there, and it may leave, one packet time later.
    /// Beyond the year 2554 it stays at `u64::MAX`.
    pub fn packet_start_ns(&self, packet: u64) -> u64 {
        let samples = u128::from(packet) * u128::from(self.samples_per_packet());
        let start = (samples * SECOND_NS).div_ceil(u128::from(self.rtp_clock_hz()));
        u64::try_from(start).unwrap_or(u64::MAX)
    }

    /// The RTP timestamp of packet `packet`: the number of its first sample mod 2³².
    pub fn packet_timestamp(&self, packet: u64) -> u32 {
        (u128::from(packet) * u128::from(self.samples_per_packet())) as u32
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::{AudioDepth, AudioFormat, PacketTime, SampleRate};
    use crate::timing::tai_to_rtp;

    fn format(rate_hz: SampleRate, packet_time: PacketTime) -> AudioFormat {
        let depth = AudioDepth::L24;
        AudioFormat { depth, rate_hz, channels: 2, packet_time, channel_order: None }
    }

    #[test]
    fn packets_by_hand() {
        let level_a = format(SampleRate::Hz48000, PacketTime::Ms1);
        assert_eq!((level_a.packet_at(999_999), level_a.packet_at(1_000_000)), (0, 1));
        assert_eq!(level_a.packet_start_ns(1000), 1_000_000_000);
        assert_eq!(level_a.packet_timestamp(89_478_486), 32);
        // 48 samples at 44.1 kHz: 1 088 435.37 ns.
        let cd = format(SampleRate::Hz44100, PacketTime::Ms1);
        assert_eq!(cd.packet_start_ns(1), 1_088_436);
    }

    proptest! {
        #[test]
        fn numbers_moments_and_timestamps_agree(
            packet in 0_u64..1 << 41,
            rate in prop::sample::select(SampleRate::ALL),
            time in prop::sample::select(PacketTime::ALL),
        ) {
            let format = format(rate, time);
            let start = format.packet_start_ns(packet);
            prop_assert_eq!(format.packet_at(start), packet);
            prop_assert_eq!(tai_to_rtp(start, rate.hz()), format.packet_timestamp(packet));
            if packet > 0 {
                prop_assert_eq!(format.packet_at(start - 1), packet - 1);
            }
        }
    }
}
