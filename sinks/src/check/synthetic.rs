//! Packets of good streams beside the video, for tests to break.

use ormatrix_strip::{MARK_DID, MARK_SDID, Mark, Tone, encode_packet};
use st2110::{
    ancillary::{AncData, AncField, AncFrame, DataId, Location, data_word},
    audio::{AudioDepth, AudioFormat, PacketTime, SampleRate, pack},
    rtp::{HEADER_LEN, RtpHeader},
};

use super::Arrival;

/// A moment at which seconds, frames and samples begin, in seconds of TAI.
pub const TAI_S: u64 = 1_763_757_342;

/// An arrival, in nanoseconds after that moment.
pub fn at(after_ns: u64) -> Arrival {
    let tai = TAI_S * 1_000_000_000 + after_ns;
    Arrival { now: 1_000_000_000 + after_ns, tai, unix: tai - 37_000_000_000 }
}

/// L24, 48 kHz, two channels, a millisecond.
pub fn level_a() -> AudioFormat {
    AudioFormat {
        depth: AudioDepth::L24,
        rate_hz: SampleRate::Hz48000,
        channels: 2,
        packet_time: PacketTime::Ms1,
        channel_order: None,
    }
}

/// Makes packets of sound.
pub struct SoundSender {
    pub format: AudioFormat,
    pub sequence: u16,
    pub ssrc: u32,
    /// Number of the next packet's first sample since the TAI epoch.
    pub next: u64,
}

impl SoundSender {
    pub fn new(format: AudioFormat) -> Self {
        let next = TAI_S * u64::from(format.rtp_clock_hz());
        Self { format, sequence: 65_500, ssrc: 21, next }
    }

    /// The next packet, of what `sample` gives for a channel and the number of a sample.
    pub fn packet(&mut self, sample: impl Fn(u8, u64) -> i32) -> Vec<u8> {
        let count = u64::from(self.format.samples_per_packet());
        let samples: Vec<i32> = (self.next..self.next + count)
            .flat_map(|number| (0..self.format.channels).map(move |channel| (channel, number)))
            .map(|(channel, number)| sample(channel, number))
            .collect();
        let mut packet = vec![0; HEADER_LEN + self.format.payload_octets()];
        header(self.sequence, self.next as u32, self.ssrc, 97, false)
            .write_fixed(&mut packet)
            .unwrap();
        pack(self.format.depth, &samples, &mut packet[HEADER_LEN..]).unwrap();
        self.sequence = self.sequence.wrapping_add(1);
        self.next += count;
        packet
    }

    /// The next packet of a source's tone.
    pub fn tone(&mut self, tone: Tone) -> Vec<u8> {
        let hz = self.format.rtp_clock_hz();
        self.packet(|channel, number| tone.sample(hz, channel, number))
    }
}

/// Makes packets of ancillary data, one a frame.
pub struct DataSender {
    pub sequence: u32,
    pub ssrc: u32,
    pub field: AncField,
}

impl DataSender {
    pub fn new() -> Self {
        Self { sequence: 65_530, ssrc: 22, field: AncField::Frame }
    }

    /// A frame's packet: a time code, and the mark if there is one; nothing at all for none.
    pub fn frame(&mut self, timestamp: u32, mark: Option<&Mark>) -> Vec<u8> {
        let code = [0x70_u8, 0, 0x10, 0, 0x60, 0, 0x50, 0, 0x40, 0, 0x30, 0, 0x20, 0, 0x10, 0]
            .map(data_word);
        let words = mark.map_or([0x200; 34], |mark| encode_packet(mark).map(data_word));
        let data = |did, sdid, words| AncData {
            location: Location::ANYWHERE,
            id: DataId { did, sdid },
            words,
        };
        let all = [data(0x60, 0x60, &code[..]), data(MARK_DID, MARK_SDID, &words[..])];
        let packets = if mark.is_some() { &all[..] } else { &[] };
        let mut frame = AncFrame::new(self.field, packets, 1460).unwrap();
        let mut packet = vec![0; 1452];
        let written =
            frame.next_packet(self.sequence, timestamp, self.ssrc, 100, &mut packet).unwrap();
        self.sequence += 1;
        packet.truncate(written.unwrap());
        packet
    }
}

fn header(sequence: u16, timestamp: u32, ssrc: u32, payload_type: u8, marker: bool) -> RtpHeader {
    RtpHeader {
        marker,
        payload_type,
        sequence,
        timestamp,
        ssrc,
        payload_start: HEADER_LEN,
        payload_end: HEADER_LEN,
    }
}

/// Two sources whose tones differ.
pub fn two_names() -> [&'static str; 2] {
    let names = ["Endoscope", "Room"];
    assert_ne!(Tone::of_name(names[0]), Tone::of_name(names[1]));
    names
}
