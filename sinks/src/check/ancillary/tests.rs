//! For each count a stream that raises exactly it, and one that does not.

use ormatrix_strip::{Mark, Name};
use st2110::{ancillary::AncField, ancillary::AncillaryFormat, format::VideoFormat};

use super::{AncillaryJudge, AncillaryReport};
use crate::{
    check::{
        judge::SeenFrame,
        synthetic::{DataSender, TAI_S, at, two_names},
    },
    receive::FrameTime,
};

const TICKS: u32 = 1800;
const PERIOD_NS: u64 = 20_000_000;

fn format() -> AncillaryFormat {
    serde_json::from_str(r#"{"rate":"50"}"#).unwrap()
}

fn mark(name: &str, frame: u32) -> Mark {
    Mark::new(name, TAI_S * 1_000_000 + u64::from(frame) * 20_000, frame).unwrap()
}

fn frames(sender: &mut DataSender, name: &str, numbers: std::ops::Range<u32>) -> Vec<Vec<u8>> {
    numbers.map(|number| sender.frame(number * TICKS, Some(&mark(name, number)))).collect()
}

/// Judges packets, one each period.
fn judge(packets: &[Vec<u8>]) -> AncillaryReport {
    judge_with(packets, &[])
}

/// The same with pictures: a name for each period.
fn judge_with(packets: &[Vec<u8>], pictures: &[&str]) -> AncillaryReport {
    let json = r#"{"width":320,"height":96,"rate":"50","sampling":"YCbCr-4:2:2","depth":10}"#;
    let video: VideoFormat = serde_json::from_str(json).unwrap();
    let mut judge = AncillaryJudge::new(&format(), Some(100), !pictures.is_empty());
    for place in 0..packets.len().max(pictures.len()) {
        let now = at(place as u64 * PERIOD_NS);
        if let Some(packet) = packets.get(place) {
            judge.packet(packet, &now);
        }
        if let Some(name) = pictures.get(place) {
            let mark = Some(mark(name, place as u32)).filter(|_| !name.is_empty());
            let time = FrameTime::begin(&video, place as u32 * TICKS, 0);
            judge.picture(&SeenFrame { time, mark, last: now, period_ns: PERIOD_NS });
        }
    }
    judge.end();
    judge.finish()
}

fn defects(report: &AncillaryReport) -> Vec<(u64, &'static str)> {
    let mut defects = report.defects(false);
    defects.retain(|(count, _)| *count > 0);
    defects
}

#[test]
fn a_good_stream_is_clean() {
    let packets = frames(&mut DataSender::new(), "Endoscope", 0..50);
    let report = judge_with(&packets, &["Endoscope"; 50]);
    assert_eq!(defects(&report), [], "{report:#?}");
    assert_eq!((report.frames, report.anc_packets, report.without_picture), (49, 100, 0));
    let kinds: Vec<_> = report.kinds.iter().map(|kind| (&*kind.id, kind.packets)).collect();
    assert_eq!(kinds, [("0x5a/0x4d", 50), ("0x60/0x60", 50)]);
    let code = report.time_code.unwrap();
    assert_eq!((&*code.first, code.packets, code.kind), ("12:34:56:17", 50, "LTC"));
    assert_eq!((report.sources[0].name.as_str(), report.sources[0].frames), ("Endoscope", 49));
    assert!(report.latency_us.is_some());
}

#[test]
fn keep_alives_are_frames_without_a_mark() {
    let mut sender = DataSender::new();
    let packets: Vec<_> = (0..10).map(|n| sender.frame(n * TICKS, None)).collect();
    let report = judge(&packets);
    assert_eq!(defects(&report), []);
    assert_eq!((report.keep_alives, report.without_mark, report.frames), (10, 9, 9));
}

#[test]
fn loss_and_numbers_are_counted_as_for_video() {
    let mut sender = DataSender::new();
    let mut lost = frames(&mut sender, "A", 0..20);
    lost.remove(10);
    // The frame is lost with its packet.
    assert_eq!(defects(&judge(&lost)), [(1, "missing packets"), (1, "missing frames")]);

    let mut sender = DataSender::new();
    let mut packets = frames(&mut sender, "A", 0..10);
    sender.sequence -= 20_000;
    packets.extend(frames(&mut sender, "A", 10..20));
    assert_eq!(defects(&judge(&packets)), [(1, "sequence breaks")]);

    let mut sender = DataSender::new();
    let mut packets = frames(&mut sender, "A", 0..10);
    sender.ssrc = 5;
    packets.extend(frames(&mut sender, "A", 10..20));
    assert_eq!(defects(&judge(&packets)), [(1, "changes of SSRC")]);

    // The extended number does not follow the wrap.
    let mut sender = DataSender::new();
    let mut packets = frames(&mut sender, "A", 0..10);
    packets[8][12..14].copy_from_slice(&7_u16.to_be_bytes());
    assert!(judge(&packets).packets.sequence_breaks > 0);
}

#[test]
fn twice_and_out_of_order_is_borne() {
    let mut packets = frames(&mut DataSender::new(), "A", 0..20);
    let copy = packets[5].clone();
    packets.insert(6, copy);
    let report = judge(&packets);
    assert_eq!((defects(&report), report.packets.duplicate_packets), (vec![], 1));
}

/// Octets of RTP header, payload header and packet header before the first word.
const WORDS: usize = 24;

#[test]
fn breaches_of_the_payload_are_told_apart() {
    let spoil = |at: usize, bits: u8| {
        let mut packets = frames(&mut DataSender::new(), "A", 0..10);
        packets[5][at] ^= bits;
        judge(&packets)
    };
    // DID 0x60 has even parity: 0b10_0110_0000. Its upper bits are no part of the checksum
    // but the lower of the two.
    let report = spoil(WORDS, 0x80);
    assert_eq!(defects(&report), [(1, "parity faults")]);
    assert!(report.first_fault.unwrap().contains("DID"));
    // The second user data word's lowest bits.
    let report = spoil(WORDS + 6, 0x04);
    assert_eq!(defects(&report), [(1, "checksum faults")]);
    // Reserved bits.
    assert_eq!(defects(&spoil(19, 0x01)), [(1, "payload faults")]);
    // F bits 0b01: the frame is not read.
    let report = spoil(17, 0x40);
    assert_eq!((report.field_faults, report.packets.missing_packets), (1, 0));
    // A length beyond the datagram.
    let report = spoil(14, 0x40);
    assert_eq!(report.packets.malformed_packets, 1);
}

#[test]
fn field_bits_go_with_the_video() {
    let mut sender = DataSender::new();
    sender.field = AncField::First;
    let packets = frames(&mut sender, "A", 0..10);
    let report = judge_with(&packets, &["A"; 10]);
    // Ten against the scan, nine that do not alternate.
    assert_eq!(report.field_faults, 19);
    let mut packets = Vec::new();
    let mut sender = DataSender::new();
    for number in 0..10 {
        for (field, ticks) in [(AncField::First, 0), (AncField::Second, 900)] {
            sender.field = field;
            packets.push(sender.frame(number * TICKS + ticks, Some(&mark("A", number))));
        }
    }
    let report = judge(&packets);
    assert_eq!((defects(&report), report.duplicated), (vec![], 0), "{report:#?}");
}

#[test]
fn markers_end_frames_and_nothing_else() {
    let mut packets = frames(&mut DataSender::new(), "A", 0..10);
    packets[5][1] &= 0x7f;
    assert_eq!(defects(&judge(&packets)), [(1, "marker faults")]);
    // A second packet of the frame behind its marker.
    let mut sender = DataSender::new();
    let mut packets = frames(&mut sender, "A", 0..5);
    packets.push(sender.frame(4 * TICKS, None));
    packets.extend(frames(&mut sender, "A", 5..10));
    assert_eq!(defects(&judge(&packets)), [(1, "marker faults")]);
}

#[test]
fn frame_numbers_skipped_or_shown_again_are_told() {
    let mut sender = DataSender::new();
    let mut packets = frames(&mut sender, "A", 0..10);
    packets.extend(frames(&mut sender, "A", 12..20));
    assert_eq!(defects(&judge(&packets)), [(2, "missing frames")]);
    let mut sender = DataSender::new();
    let mut packets = frames(&mut sender, "A", 0..10);
    packets.push(sender.frame(10 * TICKS, Some(&mark("A", 9))));
    packets.extend(frames(&mut sender, "A", 10..20).into_iter().skip(1));
    let report = judge(&packets);
    assert_eq!(report.duplicated, 1, "{report:#?}");
}

/// The data of each period's source.
fn by_source(names: &[&str]) -> Vec<Vec<u8>> {
    let mut sender = DataSender::new();
    let numbered = names.iter().zip(0..);
    numbered.map(|(name, n)| sender.frame(n * TICKS, Some(&mark(name, n)))).collect()
}

/// So many periods of each source.
fn periods(of: &[(usize, &'static str)]) -> Vec<&'static str> {
    of.iter().flat_map(|(count, name)| std::iter::repeat_n(*name, *count)).collect()
}

#[test]
fn data_that_follow_the_picture_are_neither_mismatched_nor_stale() {
    let [a, b] = two_names();
    let names = periods(&[(10, a), (10, b), (10, a), (3, b), (10, a)]);
    let report = judge_with(&by_source(&names), &names);
    assert_eq!(defects(&report), [], "{report:#?}");
    assert_eq!(report.switch_count, 4);
}

#[test]
fn data_that_follow_late_or_early_are_mismatched() {
    let [a, b] = two_names();
    let pictures = periods(&[(10, a), (20, b)]);
    let late = periods(&[(12, a), (18, b)]);
    let report = judge_with(&by_source(&late), &pictures);
    assert_eq!((report.mismatched, report.stale), (2, 0));
    let early = periods(&[(9, a), (21, b)]);
    assert_eq!(judge_with(&by_source(&early), &pictures).mismatched, 1);
    assert!(report.defects(true).iter().all(|(count, _)| *count == 0), "breakaway");
}

#[test]
fn pictures_without_data_are_told() {
    let with_frame_50_at = |off: u32| {
        let mut sender = DataSender::new();
        let stamp = |n: u32| n * TICKS + if n == 50 { off } else { 0 };
        let packets: Vec<_> =
            (0..200).map(|n| sender.frame(stamp(n), Some(&mark("A", n)))).collect();
        judge_with(&packets, &["A"; 200])
    };
    assert_eq!(with_frame_50_at(0).pictures_without, 0);
    let report = with_frame_50_at(5);
    assert_eq!((report.pictures_without, report.without_picture), (1, 1));
}

#[test]
fn data_of_the_old_source_behind_the_new_are_stale() {
    let [a, b] = two_names();
    let pictures = periods(&[(10, a), (30, b)]);
    let names = periods(&[(10, a), (1, b), (2, a), (27, b)]);
    let report = judge_with(&by_source(&names), &pictures);
    assert_eq!((report.stale, report.mismatched), (2, 2), "{report:#?}");
    // Under timestamps that no picture has.
    let mut sender = DataSender::new();
    let mut packets = frames(&mut sender, a, 0..10);
    packets.extend(frames(&mut sender, b, 10..12));
    packets.push(sender.frame(11 * TICKS + 300, Some(&mark(a, 11))));
    packets.extend(frames(&mut sender, b, 12..39));
    let report = judge_with(&packets, &pictures);
    assert_eq!((report.stale, report.mismatched, report.without_picture), (1, 0, 1));
    // Without pictures, by timestamps that go back.
    let mut sender = DataSender::new();
    let mut packets = frames(&mut sender, a, 0..10);
    packets.extend(frames(&mut sender, b, 10..12));
    packets.push(sender.frame(10 * TICKS - 900, Some(&mark(a, 10))));
    packets.extend(frames(&mut sender, b, 12..20));
    assert_eq!(judge(&packets).stale, 1);
    assert_eq!(Name::new(a).unwrap().as_str(), judge(&packets).sources[0].name);
}
