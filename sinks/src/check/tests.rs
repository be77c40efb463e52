//! For each defect a stream that shows exactly it, and one that does not.

use ormatrix_strip::{BLACK, COLUMNS, Edge, Layout, Mark, Name, ROWS, WHITE, encode};
use st2110::{
    format::VideoFormat,
    rfc4175::{FramePlan, Raster},
};

use super::{Arrival, Judge, Report};
use crate::receive::ExtendedSequence;

const SSRC: u32 = 7;
const PERIOD_NS: u64 = 20_000_000;
const TICKS: u32 = 1800;

/// Makes packets of frames with strips, numbered like a good sender's.
pub(super) struct Sender {
    pub(super) format: VideoFormat,
    plan: FramePlan,
    number: u32,
    ssrc: u32,
}

impl Sender {
    pub(super) fn new() -> Self {
        Self::scanned("progressive")
    }

    fn scanned(scan: &str) -> Self {
        let json = format!(
            r#"{{"width":320,"height":96,"rate":"50","sampling":"YCbCr-4:2:2","depth":10,"scan":"{scan}"}}"#
        );
        let format: VideoFormat = serde_json::from_str(&json).unwrap();
        Self { format, plan: FramePlan::new(&format, 1460).unwrap(), number: 65_400, ssrc: SSRC }
    }

    /// A frame's picture with the strips of two marks.
    pub(super) fn picture(&self, top: &Mark, bottom: &Mark) -> Vec<u8> {
        let raster = Raster::new(&self.format).unwrap();
        let layout = Layout::new(320, 96).unwrap();
        let mut luma = vec![BLACK; 320 * 96];
        for (edge, mark) in [(Edge::Top, top), (Edge::Bottom, bottom)] {
            let bits = encode(mark);
            for (column, row) in (0..COLUMNS).flat_map(|c| (0..ROWS).map(move |r| (c, r))) {
                let block = layout.block(edge, column, row);
                for y in block.y..block.y + block.height {
                    let at = (y * 320 + block.x) as usize;
                    let value = if bits.get(column, row) { WHITE } else { BLACK };
                    luma[at..at + block.width as usize].fill(value);
                }
            }
        }
        let mut frame = vec![0_u8; raster.buffer_octets()];
        for (pair, group) in luma.chunks_exact(2).zip(frame.chunks_exact_mut(5)) {
            let luma = |index: usize| u64::from(pair[index]) << 2;
            let bits = 512 << 30 | luma(0) << 20 | 512 << 10 | luma(1);
            group.copy_from_slice(&bits.to_be_bytes()[3..]);
        }
        frame
    }

    pub(super) fn packets_of(&mut self, picture: &[u8], timestamp: u32) -> Vec<Vec<u8>> {
        let mut packets = Vec::new();
        for index in 0..self.plan.packets() {
            let planned = self.plan.packet(index).unwrap();
            let field_time = u32::from(planned.field) * TICKS / 2;
            let mut packet = vec![0_u8; planned.packet_len() - planned.data_len()];
            let time = timestamp.wrapping_add(field_time);
            planned.write_header(self.number, time, self.ssrc, 96, &mut packet);
            for range in planned.ranges() {
                packet.extend_from_slice(&picture[range.clone()]);
            }
            self.number += 1;
            packets.push(packet);
        }
        packets
    }

    /// The packets of a frame of a source by name and number.
    fn frame(&mut self, name: &str, number: u32) -> Vec<Vec<u8>> {
        let mark = mark(name, number);
        let picture = self.picture(&mark, &mark);
        self.packets_of(&picture, number.wrapping_mul(TICKS))
    }

    fn frames(&mut self, name: &str, numbers: impl IntoIterator<Item = u32>) -> Vec<Vec<Vec<u8>>> {
        numbers.into_iter().map(|number| self.frame(name, number)).collect()
    }
}

fn mark(name: &str, number: u32) -> Mark {
    Mark::new(name, 1_000_000 + u64::from(number) * PERIOD_NS / 1000, number).unwrap()
}

/// Judges packets that arrive evenly, a frame each period.
fn judge(sender: &Sender, frames: &[Vec<Vec<u8>>]) -> Report {
    judge_expecting(sender, frames, None)
}

fn judge_expecting(sender: &Sender, frames: &[Vec<Vec<u8>>], name: Option<&str>) -> Report {
    let expected = name.map(|name| Name::new(name).unwrap());
    let mut judge = Judge::new(&sender.format, Some(96), expected).unwrap();
    let mut now = 0;
    for (index, frame) in frames.iter().enumerate() {
        now = index as u64 * PERIOD_NS;
        let tai = 1_000_000_000 + now + 5_000_000;
        for packet in frame {
            judge.packet(packet, &Arrival { now, tai, unix: tai });
        }
    }
    judge.finish(now).conclude()
}

/// The defects, as `name: count`, of a report.
fn defects(report: &Report) -> Vec<(&'static str, u64)> {
    [
        ("partial", report.partial),
        ("mixed", report.mixed),
        ("duplicated", report.duplicated),
        ("missing_frames", report.missing_frames),
        ("missing_packets", report.missing_packets),
        ("sequence_breaks", report.sequence_breaks),
        ("ssrc_changes", report.ssrc_changes),
        ("malformed_packets", report.malformed_packets),
        ("outside_format", report.outside_format),
        ("without_marker", report.without_marker),
        ("unexpected_source", report.unexpected_source),
    ]
    .into_iter()
    .filter(|&(_, count)| count > 0)
    .collect()
}

#[test]
fn a_good_stream_is_clean() {
    let mut sender = Sender::new();
    // More than a wrap of the 16-bit number.
    let frames = sender.frames("Endoscope", 0..600);
    assert!(sender.number > 65_536 + 200, "{}", sender.number);
    let report = judge(&sender, &frames);
    assert!(report.clean, "{:?}", report.defects);
    assert_eq!((report.frames, report.whole), (599, 599), "the first is not judged");
    assert_eq!(report.extended_sequence, ExtendedSequence::Advancing);
    assert_eq!(report.strip_undecodable, 0);
    let [source] = report.sources.as_slice() else { panic!("{:?}", report.sources) };
    assert_eq!(
        (source.name.as_str(), source.first_frame, source.last_frame),
        ("Endoscope", 1, 599)
    );
    let latency = report.latency_us.unwrap();
    assert!(latency.min <= 5000 && latency.max >= 5000 && latency.max < 5100, "{latency:?}");
}

#[test]
fn nothing_received_is_not_clean() {
    let report = judge(&Sender::new(), &[]);
    assert!(!report.clean && report.frames == 0);
}

#[test]
fn interlaced_and_psf_are_judged_by_frame() {
    for scan in ["interlaced", "psf"] {
        let mut sender = Sender::scanned(scan);
        let mut frames = sender.frames("A", 0..5);
        let report = judge(&sender, &frames);
        assert!(report.clean, "{scan}: {:?}", report.defects);
        assert_eq!((report.whole, report.sources[0].frames), (4, 4), "{scan}");
        let half = frames[2].len() / 2;
        frames[2].truncate(half); // the second field is lost
        let report = judge(&sender, &frames);
        assert_eq!((report.partial, report.whole), (1, 3), "{scan}");
    }
}

#[test]
fn a_lost_packet_is_a_missing_packet_and_a_partial_frame() {
    let mut sender = Sender::new();
    let mut frames = sender.frames("A", 0..4);
    frames[2].remove(20);
    assert_eq!(defects(&judge(&sender, &frames)), [("partial", 1), ("missing_packets", 1)]);
}

#[test]
fn a_frame_cut_short_with_good_numbers_is_only_partial() {
    let mut sender = Sender::new();
    let mut frames = sender.frames("A", 0..2);
    let mut cut = sender.frame("A", 2);
    let lost = cut.split_off(30);
    sender.number -= lost.len() as u32;
    frames.push(cut);
    frames.extend(sender.frames("A", 3..5));
    assert_eq!(defects(&judge(&sender, &frames)), [("partial", 1)]);
}

#[test]
fn a_stream_that_dies_within_a_frame_leaves_it_partial() {
    let mut sender = Sender::new();
    let mut frames = sender.frames("A", 0..3);
    frames[2].truncate(10);
    assert_eq!(defects(&judge(&sender, &frames)), [], "in progress at the end");
    frames.extend(std::iter::repeat_with(Vec::new).take(12)); // 240 ms of silence
    assert_eq!(defects(&judge(&sender, &frames)), [("partial", 1)]);
}

#[test]
fn strips_that_differ_are_a_mixed_frame() {
    let mut sender = Sender::new();
    let mut frames = sender.frames("A", 0..3);
    let (top, bottom) = (mark("A", 3), mark("B", 9));
    let picture = sender.picture(&top, &bottom);
    frames.push(sender.packets_of(&picture, 3 * TICKS));
    assert_eq!(defects(&judge(&sender, &frames)), [("mixed", 1)]);
    let picture = sender.picture(&mark("A", 4), &mark("A", 5));
    frames.push(sender.packets_of(&picture, 4 * TICKS));
    assert_eq!(defects(&judge(&sender, &frames)), [("mixed", 2)]);
}

#[test]
fn rows_of_two_timestamps_between_each_other_are_mixed_frames() {
    let mut sender = Sender::new();
    let frames = sender.frames("A", 0..2);
    let start = sender.number;
    let (a, b) = (sender.frame("A", 2), sender.frame("A", 3));
    // Renumbered in the order they go out: half of one, half of the other, and so on.
    let half = a.len() / 2;
    let mut woven: Vec<Vec<u8>> = Vec::new();
    for part in [&a[..half], &b[..half], &a[half..], &b[half..]] {
        woven.extend(part.iter().cloned());
    }
    for (packet, number) in woven.iter_mut().zip(start..) {
        packet[2..4].copy_from_slice(&(number as u16).to_be_bytes());
        packet[12..14].copy_from_slice(&((number >> 16) as u16).to_be_bytes());
    }
    let mut all = frames.clone();
    all.push(woven);
    all.extend(sender.frames("A", 4..6));
    assert_eq!(defects(&judge(&sender, &all)), [("mixed", 2)]);
    // The same packets with their own numbers were only overtaken on the way.
    sender.number = start + (a.len() + b.len()) as u32;
    let mut all = frames;
    let mut reordered: Vec<_> = a[..half].to_vec();
    for part in [&b[..half], &a[half..], &b[half..]] {
        reordered.extend(part.iter().cloned());
    }
    all.push(reordered);
    all.extend(sender.frames("A", 4..6));
    let report = judge(&sender, &all);
    assert_eq!(defects(&report), []);
    assert!(report.reordered_packets > 0);
}

#[test]
fn a_frame_shown_again_is_duplicated() {
    let mut sender = Sender::new();
    let mut frames = sender.frames("A", 0..3);
    let again = mark("A", 2);
    let picture = sender.picture(&again, &again);
    frames.push(sender.packets_of(&picture, 3 * TICKS));
    frames.extend(sender.frames("A", 4..6));
    let report = judge(&sender, &frames);
    assert_eq!(report.duplicated, 1);
    // Number 3 was never shown.
    assert_eq!(defects(&report), [("duplicated", 1), ("missing_frames", 1)]);
    // The whole frame again under the same timestamp.
    let mut sender = Sender::new();
    let frames = sender.frames("A", [0, 1, 2, 2, 3]);
    assert_eq!(defects(&judge(&sender, &frames)), [("duplicated", 1)]);
}

#[test]
fn a_frame_shown_again_without_a_strip_is_told_by_its_timestamp() {
    let mut sender = Sender::new();
    let grey = vec![0x80; 320 * 96 * 5 / 2];
    let frames: Vec<_> =
        [0, 1, 2, 2, 3].map(|number| sender.packets_of(&grey, number * TICKS)).into();
    let report = judge(&sender, &frames);
    assert_eq!(defects(&report), [("duplicated", 1)]);
    assert_eq!(report.strip_undecodable, 4);
}

#[test]
fn frame_numbers_skipped_within_a_source_are_missing_frames() {
    let mut sender = Sender::new();
    let frames = sender.frames("A", [0, 1, 2, 5, 6]);
    assert_eq!(defects(&judge(&sender, &frames)), [("missing_frames", 2)]);
}

#[test]
fn a_clean_switch_shows_no_defect() {
    let mut sender = Sender::new();
    let mut frames = sender.frames("A", 0..3);
    frames.extend(sender.frames("B", 500..503));
    frames.extend(sender.frames("A", 7..9));
    let report = judge(&sender, &frames);
    assert_eq!(defects(&report), []);
    assert_eq!(report.switch_count, 2);
    let switch = &report.switches[0];
    assert_eq!((switch.from.as_str(), switch.to.as_str(), switch.gap_ns), ("A", "B", PERIOD_NS));
}

#[test]
fn a_source_that_begins_anew_shows_no_old_frame() {
    let mut sender = Sender::new();
    let mut frames = sender.frames("A", 100..103);
    for number in 0..3 {
        let later = Mark::new("A", 5_000_000 + u64::from(number) * 20_000, number).unwrap();
        let picture = sender.picture(&later, &later);
        frames.push(sender.packets_of(&picture, (103 + number) * TICKS));
    }
    let report = judge(&sender, &frames);
    assert_eq!((defects(&report), report.source_restarts), (vec![], 1));
}

#[test]
fn numbers_that_jump_back_are_a_sequence_break() {
    let mut sender = Sender::new();
    let mut frames = sender.frames("A", 0..3);
    sender.number -= 10_000;
    frames.extend(sender.frames("A", 3..6));
    assert_eq!(defects(&judge(&sender, &frames)), [("sequence_breaks", 1)]);
}

#[test]
fn an_extended_number_off_its_wraps_is_a_sequence_break() {
    let mut sender = Sender::new();
    let mut frames = sender.frames("A", 0..3);
    sender.number += 65_536 * 5;
    frames.extend(sender.frames("A", 3..6));
    // Twenty 16-bit wraps' worth of loss cannot hide behind a continuous 16-bit number
    // unless the sender's extended number has proved itself; it has, at the first wrap.
    let report = judge(&sender, &frames);
    assert_eq!(report.missing_packets + report.sequence_breaks, 65_536 * 5);
    // Once seen to advance, a wrap without a step of it is a break.
    let mut sender = Sender::new();
    let mut frames = sender.frames("A", 0..300);
    sender.number = sender.number & 0xffff | 0x7_0000;
    frames.extend(sender.frames("A", 300..303));
    assert_eq!(judge(&sender, &frames).missing_packets, 65_536 * 6);
    sender.number = sender.number & 0xffff | 0x2_0000;
    frames.extend(sender.frames("A", 303..306));
    assert_eq!(judge(&sender, &frames).sequence_breaks, 1);
}

#[test]
fn a_constant_extended_number_is_reported_once_and_no_break() {
    let mut sender = Sender::new();
    let mut frames = sender.frames("A", 0..300);
    for packet in frames.iter_mut().flatten() {
        packet[12..14].fill(0);
    }
    let report = judge(&sender, &frames);
    assert_eq!(defects(&report), []);
    assert_eq!(report.extended_sequence, ExtendedSequence::Constant);
}

#[test]
fn another_ssrc_between_frames_is_only_that() {
    let mut sender = Sender::new();
    let mut frames = sender.frames("A", 0..3);
    sender.ssrc = 8;
    sender.number = 5;
    frames.extend(sender.frames("A", 3..6));
    assert_eq!(defects(&judge(&sender, &frames)), [("ssrc_changes", 1)]);
}

#[test]
fn two_senders_on_one_address_are_mixed() {
    let mut one = Sender::new();
    let mut two = Sender::new();
    two.ssrc = 9;
    let frames: Vec<Vec<Vec<u8>>> = (0..6)
        .map(|number| {
            let (a, b) = (one.frame("A", number), two.frame("B", number + 70));
            a.into_iter().zip(b).flat_map(|(a, b)| [a, b]).collect()
        })
        .collect();
    let report = judge(&one, &frames);
    assert!(report.mixed >= 8 && report.ssrc_changes > 400, "{:?}", report.defects);
}

#[test]
fn packets_twice_and_out_of_order_are_tolerated() {
    let mut sender = Sender::new();
    let mut frames = sender.frames("A", 0..6);
    for frame in &mut frames[1..] {
        frame.swap(3, 9);
        frame.swap(0, 1);
        let copy = frame[12].clone();
        frame.insert(20, copy);
    }
    // Across a boundary: the last packet of one after the first of the next.
    let last = frames[3].pop().unwrap();
    frames[4].insert(2, last);
    let report = judge(&sender, &frames);
    assert_eq!(defects(&report), []);
    assert_eq!(report.duplicate_packets, 5);
    assert!(report.reordered_packets >= 10);
    assert_eq!(report.whole, 5);
}

#[test]
fn foreign_datagrams_are_counted_apart() {
    let mut sender = Sender::new();
    let mut frames = sender.frames("A", 0..4);
    let mut other_type = frames[1][0].clone();
    other_type[1] = 97;
    let mut outside = frames[1][0].clone();
    outside[16..18].copy_from_slice(&1000_u16.to_be_bytes());
    frames[1].extend([
        b"garbage".to_vec(),
        other_type,
        outside,
        vec![0x80, 200, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0],
    ]);
    let short = frames[1][0][..20].to_vec();
    frames[1].push(short);
    let report = judge(&sender, &frames);
    assert_eq!(defects(&report), [("malformed_packets", 2), ("outside_format", 1)]);
    assert_eq!((report.wrong_payload_type, report.rtcp_packets), (1, 1));
}

#[test]
fn a_missing_marker_and_an_unexpected_name_are_defects() {
    let mut sender = Sender::new();
    let mut frames = sender.frames("A", 0..4);
    frames[2].last_mut().unwrap()[1] &= 0x7f;
    assert_eq!(defects(&judge(&sender, &frames)), [("without_marker", 1)]);
    let frames = Sender::new().frames("A", 0..4);
    assert_eq!(defects(&judge_expecting(&sender, &frames, Some("A"))), []);
    let report = judge_expecting(&sender, &frames, Some("B"));
    assert_eq!(defects(&report), [("unexpected_source", 3)]);
}

#[test]
fn a_change_of_format_is_followed() {
    let mut sender = Sender::new();
    let frames = sender.frames("A", 0..3);
    let mut judge = Judge::new(&sender.format, None, None).unwrap();
    let at = Arrival::default();
    frames.iter().flatten().for_each(|packet| judge.packet(packet, &at));
    let mut other = Sender::scanned("interlaced");
    other.number = sender.number;
    judge.change_format(&other.format, None).unwrap();
    other.frames("A", 3..6).iter().flatten().for_each(|packet| judge.packet(packet, &at));
    let report = judge.finish(0).conclude();
    assert_eq!(defects(&report), [("missing_frames", 2)], "those in between are not judged");
    assert_eq!((report.format_changes, report.whole), (1, 3));
}
