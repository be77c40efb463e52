//! For each count a stream that raises exactly it, and one that does not.

use std::f64::consts::TAU;

use ormatrix_strip::{TONE_PEAK, Tone};
use st2110::audio::{AudioDepth, AudioFormat, PacketTime, SampleRate};

use super::{AudioJudge, AudioReport};
use crate::check::synthetic::{SoundSender, at, level_a};

/// 430 Hz and 1330 Hz.
fn tones() -> [Tone; 2] {
    [430, 1330].map(|hz| Tone::from_hz(hz).unwrap())
}

/// Judges packets that arrive evenly.
fn judge_ramped(format: &AudioFormat, packets: &[Vec<u8>], ramp_ms: u16) -> AudioReport {
    let mut judge = AudioJudge::new(format, Some(97), ramp_ms);
    for (packet, place) in packets.iter().zip(1_u64..) {
        let ns = place * u64::from(format.samples_per_packet()) * 1_000_000_000
            / u64::from(format.rtp_clock_hz());
        judge.packet(packet, &at(ns), &mut |_| ());
    }
    judge.end(&mut |_| ());
    judge.finish()
}

fn judge(packets: &[Vec<u8>]) -> AudioReport {
    judge_ramped(&level_a(), packets, 0)
}

fn defects(report: &AudioReport) -> Vec<(u64, &'static str)> {
    let mut defects = report.defects(false);
    defects.retain(|(count, _)| *count > 0);
    defects
}

fn packets(tone: Tone, count: usize) -> (SoundSender, Vec<Vec<u8>>) {
    let mut sender = SoundSender::new(level_a());
    let packets = (0..count).map(|_| sender.tone(tone)).collect();
    (sender, packets)
}

#[test]
fn a_good_stream_is_clean_at_every_level() {
    let [tone, _] = tones();
    for (rate_hz, depth, packet_time) in [
        (SampleRate::Hz48000, AudioDepth::L24, PacketTime::Ms1),
        (SampleRate::Hz48000, AudioDepth::L16, PacketTime::Us125),
        (SampleRate::Hz48000, AudioDepth::L24, PacketTime::Us333),
        (SampleRate::Hz96000, AudioDepth::L24, PacketTime::Ms1),
    ] {
        let format = AudioFormat { depth, rate_hz, packet_time, ..level_a() };
        let mut sender = SoundSender::new(format.clone());
        let packets: Vec<_> = (0..600).map(|_| sender.tone(tone)).collect();
        let report = judge_ramped(&format, &packets, 0);
        assert_eq!(defects(&report), [], "{format}: {report:#?}");
        let [heard] = report.tones.as_slice() else { panic!("{format}: {:?}", report.tones) };
        assert_eq!((heard.hz, heard.min_offset, heard.max_offset), (430, 0, 0), "{format}");
        let seconds = 600.0 * f64::from(packet_time.samples(rate_hz)) / f64::from(rate_hz.hz());
        assert!(report.tone_ms as f64 >= seconds * 1000.0 - 2.0, "{format}: {}", report.tone_ms);
        assert!(report.max_step <= report.max_step_of_tone + 256, "{format}: {report:#?}");
        assert_eq!((report.switch_count, report.silent_ms, report.other_ms), (0, 0, 0));
    }
}

#[test]
fn loss_and_numbers_are_counted_as_for_video() {
    let [tone, _] = tones();
    let (_, mut lost) = packets(tone, 100);
    lost.drain(40..43);
    let report = judge(&lost);
    assert_eq!(defects(&report), [(3, "missing packets")]);
    assert_eq!((report.missing_ms, report.clicks, report.timestamp_breaks), (3, 0, 0));

    let (mut sender, mut broken) = packets(tone, 50);
    sender.sequence = sender.sequence.wrapping_sub(10_000);
    broken.extend((0..50).map(|_| sender.tone(tone)));
    assert_eq!(defects(&judge(&broken)), [(1, "sequence breaks")]);

    let (mut sender, mut other) = packets(tone, 50);
    sender.ssrc = 5;
    other.extend((0..50).map(|_| sender.tone(tone)));
    assert_eq!(defects(&judge(&other)), [(1, "changes of SSRC")]);
}

#[test]
fn twice_and_out_of_order_is_borne() {
    let [tone, _] = tones();
    let (_, mut all) = packets(tone, 200);
    let copy = all[50].clone();
    all.insert(53, copy);
    all.swap(90, 95);
    let report = judge(&all);
    assert_eq!(defects(&report), []);
    assert_eq!((report.packets.duplicate_packets, report.tone_ms), (1, 200));
    assert!(report.packets.reordered_packets > 0);
}

#[test]
fn a_step_of_the_timestamp_is_told_from_loss() {
    let [tone, _] = tones();
    let (mut sender, mut all) = packets(tone, 50);
    sender.next += 48;
    all.extend((0..50).map(|_| sender.tone(tone)));
    let report = judge(&all);
    assert!(defects(&report).contains(&(1, "steps of the timestamp other than one packet")));
    assert_eq!((report.missing_ms, report.timestamp_breaks_at_switches), (1, 0));
    // What is left out is silence.
    assert!(report.clicks > 0 && report.clicks_at_switches == 0, "{report:#?}");
}

#[test]
fn payloads_of_wrong_length_are_not_heard() {
    let [tone, _] = tones();
    let (_, mut all) = packets(tone, 60);
    all[20].truncate(200);
    all[30].extend([0; 6]);
    let report = judge(&all);
    assert_eq!(defects(&report), [(2, "packets of wrong length")]);
    assert_eq!((report.missing_ms, report.tone_ms), (2, 58));
}

#[test]
fn foreign_datagrams_are_counted_apart() {
    let [tone, _] = tones();
    let (_, mut all) = packets(tone, 20);
    let mut video = all[3].clone();
    video[1] = 96;
    all.extend([b"garbage".to_vec(), video, vec![0x80, 200, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0]]);
    let report = judge(&all);
    assert_eq!(defects(&report), [(1, "malformed packets")]);
    assert_eq!((report.packets.wrong_payload_type, report.packets.rtcp_packets), (1, 1));
    assert_eq!(defects(&judge(&[])), [(1, "stream of which no packet came")]);
}

#[test]
fn a_click_is_heard_within_a_tone() {
    let [tone, _] = tones();
    let mut sender = SoundSender::new(level_a());
    let spot = sender.next + 48 * 50 + 7;
    let all: Vec<_> = (0..100)
        .map(|_| {
            sender.packet(|channel, number| {
                let spoilt = if number == spot && channel == 1 { TONE_PEAK / 2 } else { 0 };
                tone.sample(48_000, channel, number) + spoilt
            })
        })
        .collect();
    let report = judge(&all);
    // Up and down again.
    assert_eq!((report.clicks, report.clicks_at_switches), (2, 0), "{report:#?}");
    assert!(report.max_step > 3 * report.max_step_of_tone, "{report:#?}");
    assert_eq!(report.misplaced_channels_ms, 1);
    assert!(defects(&report).contains(&(2, "clicks")));
}

#[test]
fn a_slip_of_some_samples_is_a_click_and_an_offset() {
    let [tone, _] = tones();
    let mut sender = SoundSender::new(level_a());
    let spot = sender.next + 48 * 50;
    let all: Vec<_> = (0..100)
        .map(|_| {
            let slip = |number| if number < spot { number } else { number + 30 };
            sender.packet(|channel, number| tone.sample(48_000, channel, slip(number)))
        })
        .collect();
    let report = judge(&all);
    assert!(report.clicks > 0 && report.clicks_at_switches == 0, "{report:#?}");
    assert_eq!((report.tones[0].min_offset, report.tones[0].max_offset), (0, 30));
}

/// Half a second of one tone and half of another, cut or faded over `ramp_ms` each.
fn switched(ramp_ms: u64, shift: u64) -> Vec<Vec<u8>> {
    let [a, b] = tones();
    let mut sender = SoundSender::new(level_a());
    let spot = sender.next + 48 * 250;
    let ramp = (48 * ramp_ms) as f64;
    let mut out = Vec::new();
    for packet in 0..500 {
        if packet == 250 {
            sender.next += shift;
        }
        out.push(sender.packet(|channel, number| {
            let (tone, far) =
                if packet < 250 { (a, spot - 1 - number) } else { (b, number - spot - shift) };
            let gain = if ramp == 0.0 { 1.0 } else { (far as f64 / ramp).min(1.0) };
            let sample = tone.sample(48_000, channel, number);
            ((f64::from(sample) * gain) as i32) & !0xff
        }));
    }
    out
}

#[test]
fn a_cut_clicks_and_a_ramp_does_not() {
    let cut = judge(&switched(0, 0));
    assert_eq!((cut.switch_count, cut.switches[0].mute_ms), (1, 0), "{:?}", cut.switches);
    assert_eq!((&*cut.switches[0].from, &*cut.switches[0].to), ("430 Hz", "1330 Hz"));
    assert!(cut.clicks > 0 && cut.clicks == cut.clicks_at_switches, "{cut:#?}");
    assert_eq!(defects(&cut), [], "what a cut cannot avoid");
    assert!(cut.defects(true).contains(&(cut.clicks, "clicks")), "but a ramp can");

    let faded = judge_ramped(&level_a(), &switched(5, 0), 5);
    assert_eq!((faded.switch_count, faded.clicks), (1, 0), "{faded:#?}");
    assert!(faded.defects(true).iter().all(|(count, _)| *count == 0));
    assert!((1..=12).contains(&faded.longest_mute_ms), "{}", faded.longest_mute_ms);
}

#[test]
fn gaps_and_overlaps_at_a_switch_are_told_and_no_defect() {
    let gap = judge(&switched(0, 240));
    assert_eq!((gap.timestamp_breaks, gap.timestamp_breaks_at_switches), (1, 1));
    assert!((gap.switches[0].gap_ms - 5.0).abs() < 1e-9 && gap.longest_overlap_ms == 0.0);
    assert_eq!(defects(&gap), []);
    let [a, b] = tones();
    let (mut sender, mut all) = packets(a, 250);
    sender.next -= 24;
    all.extend((0..250).map(|_| sender.tone(b)));
    let overlap = judge(&all);
    assert!((overlap.longest_overlap_ms - 0.5).abs() < 1e-9, "{overlap:#?}");
    assert_eq!((defects(&overlap), overlap.switch_count), (vec![], 1));
}

#[test]
fn silence_is_a_sound_of_its_own_once_it_lasts() {
    let [tone, _] = tones();
    let (mut sender, mut all) = packets(tone, 300);
    all.extend((0..100).map(|_| sender.packet(|_, _| 0)));
    all.extend((0..300).map(|_| sender.tone(tone)));
    let short = judge(&all);
    assert_eq!((short.silent_ms, short.switch_count), (100, 0), "{short:#?}");
    let (mut sender, mut all) = packets(tone, 300);
    all.extend((0..400).map(|_| sender.packet(|_, _| 0)));
    all.extend((0..300).map(|_| sender.tone(tone)));
    let long = judge(&all);
    let names: Vec<_> = long.switches.iter().map(|s| (&*s.from, &*s.to)).collect();
    assert_eq!(names, [("430 Hz", "silence"), ("silence", "430 Hz")]);
}

#[test]
fn foreign_sound_is_not_judged() {
    let mut sender = SoundSender::new(level_a());
    let foreign = |_: u8, number: u64| {
        let turn = (number % 4801) as f64 * 777.7 / 48_000.0;
        (f64::from(i32::MAX / 2) * (TAU * turn).sin()) as i32 & !0xff
    };
    let mut all: Vec<_> = (0..600).map(|_| sender.packet(foreign)).collect();
    let report = judge(&all);
    assert_eq!((defects(&report), report.other_ms, report.tones.len()), (vec![], 600, 0));
    // Our tone after it is found within 20 ms.
    let [tone, _] = tones();
    all.extend((0..200).map(|_| sender.tone(tone)));
    let report = judge(&all);
    assert!((180..=200).contains(&report.tone_ms), "{}", report.tone_ms);
    assert_eq!(report.clicks, 0);
}

#[test]
fn swapped_channels_are_told() {
    let [tone, _] = tones();
    let mut sender = SoundSender::new(level_a());
    let swapped = |channel: u8, number| tone.sample(48_000, 1 - channel, number);
    let all: Vec<_> = (0..100).map(|_| sender.packet(swapped)).collect();
    let report = judge(&all);
    assert_eq!(report.misplaced_channels_ms, 100);
    assert_eq!(defects(&report), [(100, "ms of misplaced channels")]);
}

#[test]
fn sound_that_breaks_off_at_a_gap_clicks() {
    let cut = judge(&switched(0, 240));
    assert!(cut.clicks > 0 && cut.clicks == cut.clicks_at_switches, "{cut:#?}");
    assert!(cut.defects(true).contains(&(cut.clicks, "clicks")));
    let faded = judge_ramped(&level_a(), &switched(5, 240), 5);
    assert_eq!((faded.clicks, faded.switch_count), (0, 1), "{faded:#?}");
    assert!((5..=17).contains(&faded.longest_mute_ms), "{}", faded.longest_mute_ms);
}
