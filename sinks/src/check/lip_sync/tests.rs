//! Sessions of three levels that keep together, and such that do not.

use ormatrix_strip::{Mark, Tone};

use crate::{
    check::{
        Place, Report, SessionJudge, Tolerated,
        synthetic::{DataSender, SoundSender, TAI_S, at, level_a, two_names},
        tests::Sender,
    },
    stream::{Beside, BesideStream},
};

const MS: u64 = 1_000_000;

/// What each millisecond sounds like: whose tone, and how many samples ahead.
type Sound<'a> = &'a dyn Fn(u64) -> Option<(&'a str, i64)>;

/// So many frames of 20 ms: `picture` tells whose each is, `sound` what each millisecond is.
/// Video arrives 5 ms into a frame, sound `late` ms behind its end.
fn run(
    frames: u64,
    picture: &dyn Fn(u64) -> &'static str,
    sound: Sound<'_>,
    late: u64,
    tolerated: Tolerated,
) -> Report {
    let mut video = Sender::new();
    let mut audio = SoundSender::new(level_a());
    let mut data = DataSender::new();
    let stream = BesideStream { format: level_a(), payload_type: Some(97), legs: vec![] };
    let of_data = BesideStream {
        format: serde_json::from_str(r#"{"rate":"50"}"#).unwrap(),
        payload_type: Some(100),
        legs: vec![],
    };
    let beside = Beside { audio: vec![stream], ancillary: vec![of_data] };
    let mut judge = SessionJudge::new(true, &beside, None, tolerated);
    judge.describe_video(&video.format, Some(96)).unwrap();
    for ms in 0..frames * 20 {
        if let Some(taken) = ms.checked_sub(late) {
            let packet = match sound(taken) {
                Some((name, ahead)) => {
                    let tone = Tone::of_name(name);
                    let shifted = |n: u64| n.wrapping_add_signed(ahead);
                    audio.packet(|c, n| tone.sample(48_000, c, shifted(n)))
                }
                None => audio.packet(|_, _| 0),
            };
            judge.packet(Place::Audio(0), &packet, &at((ms + 1) * MS));
        }
        if ms % 20 == 5 {
            let number = ms / 20;
            let tai_us = TAI_S * 1_000_000 + number * 20_000;
            let mark = Mark::new(picture(number), tai_us, number as u32).unwrap();
            let timestamp = (u128::from(tai_us) * 9 / 100) as u32;
            let octets = video.picture(&mark, &mark);
            for packet in video.packets_of(&octets, timestamp) {
                judge.packet(Place::Video, &packet, &at(ms * MS));
            }
            let packet = data.frame(timestamp, Some(&mark));
            judge.packet(Place::Ancillary(0), &packet, &at(ms * MS));
        }
    }
    judge.finish(at(frames * 20 * MS).now).conclude_with(&tolerated)
}

fn plain(frames: u64, picture: &dyn Fn(u64) -> &'static str, sound: Sound<'_>) -> Report {
    run(frames, picture, sound, 0, Tolerated::default())
}

#[test]
fn what_belongs_together_is_measured_to_be() {
    let [a, b] = two_names();
    // A switch each five frames.
    let picture = |frame: u64| if (frame / 5).is_multiple_of(2) { a } else { b };
    let report = plain(100, &picture, &|ms| Some((picture(ms / 20), 0)));
    assert!(report.clean, "{:?}", report.defects);
    assert_eq!(report.levels, ["video", "audio", "ancillary"]);
    let sync = &report.lip_sync[0];
    // But for the first frame, which is not judged.
    assert_eq!((sync.frames, sync.off, sync.other_source_heard), (99, 0, 0), "{sync:#?}");
    let offset = sync.offset_us.unwrap();
    assert_eq!((offset.min, offset.median, offset.max), (0, 0, 0));
    assert_eq!(sync.sources.len(), 2);
    // Sound of the first moment arrives 4 ms before the whole picture.
    let arrival = sync.arrival_us.unwrap();
    assert_eq!((arrival.min, arrival.max), (-4000, -4000));
    assert_eq!((report.audio[0].switch_count, report.switch_count), (19, 19));
    assert_eq!((report.ancillary[0].mismatched, report.ancillary[0].stale), (0, 0));
    let text = report.to_string();
    assert!(text.contains("lip-sync") && text.contains("0 us median (0 to 0)"), "{text}");
    let json = serde_json::to_value(&report).unwrap();
    assert_eq!(json["audio"][0]["missing_packets"], 0);
    assert_eq!(json["lip_sync"][0]["sources"][0]["offset_us"]["median"], 0);
}

#[test]
fn sound_that_is_always_off_is_told_and_sound_that_moves_is_a_defect() {
    let [a, _] = two_names();
    // 480 samples: 10 ms of a later moment.
    let report = plain(60, &|_| a, &|_| Some((a, 480)));
    let sync = &report.lip_sync[0];
    assert_eq!(sync.offset_us.unwrap().median, 10_000);
    assert_eq!((sync.off, report.clean), (0, true), "{:?}", report.defects);
    // Two samples from the fortieth frame on.
    let report = plain(60, &|_| a, &|ms| Some((a, if ms < 800 { 0 } else { -2 })));
    let sync = &report.lip_sync[0];
    assert_eq!((sync.off, sync.frames), (20, 59), "{sync:#?}");
    assert_eq!(sync.offset_us.unwrap().min, -42);
    assert!(report.defects.contains(&"lip-sync: 20 frames out of sync".to_owned()));
    // One is as near as anybody can tell.
    let report = plain(60, &|_| a, &|ms| Some((a, i64::from(ms >= 800))));
    assert_eq!(report.lip_sync[0].off, 0);
}

#[test]
fn another_sources_sound_is_told_per_frame() {
    let [a, b] = two_names();
    let picture = |frame: u64| if frame < 20 { a } else { b };
    // The sound follows two frames and 3 ms late.
    let sound = |ms: u64| Some((if ms < 443 { a } else { b }, 0));
    let report = plain(60, &picture, &sound);
    assert_eq!(report.lip_sync[0].other_source_heard, 3, "{:#?}", report.lip_sync);
    assert!(!report.clean);
    let last = &report.lip_sync[0].others[2];
    assert_eq!((&*last.name, last.frame, last.hz), (b, 22, Tone::of_name(a).hz()));
    assert_eq!(last.ms, (1.0, 2.0));
    let breakaway = Tolerated { breakaway: true, ..Tolerated::default() };
    let report = run(60, &picture, &sound, 0, breakaway);
    assert!(report.clean && report.lip_sync[0].other_source_heard == 3, "{:?}", report.defects);
    // Half a frame early.
    let report = plain(60, &picture, &|ms| Some((if ms < 390 { a } else { b }, 0)));
    assert_eq!(report.lip_sync[0].other_source_heard, 1);
}

#[test]
fn a_ramp_is_given_its_time() {
    let [a, b] = two_names();
    let picture = |frame: u64| if frame < 20 { a } else { b };
    let sound = |ms: u64| Some((if ms < 404 { a } else { b }, 0));
    assert_eq!(plain(60, &picture, &sound).lip_sync[0].other_source_heard, 1);
    let ramped = Tolerated { ramp_ms: 5, ..Tolerated::default() };
    let report = run(60, &picture, &sound, 0, ramped);
    assert_eq!(report.lip_sync[0].other_source_heard, 0, "{:#?}", report.lip_sync);
}

#[test]
fn frames_without_tone_or_sound_are_counted_apart() {
    let [a, _] = two_names();
    let report = plain(60, &|_| a, &|ms| (ms < 600).then_some((a, 0)));
    let sync = &report.lip_sync[0];
    assert_eq!((sync.frames, sync.without_tone, sync.without_sound), (29, 30, 0), "{sync:#?}");
    // Sound that is half a second behind its time is waited for; what never comes is not.
    let report = run(60, &|_| a, &|_| Some((a, 0)), 500, Tolerated::default());
    let sync = &report.lip_sync[0];
    assert_eq!((sync.frames, sync.without_sound), (34, 25), "{sync:#?}");
    let arrival = sync.arrival_us.unwrap();
    assert_eq!((arrival.min, arrival.max), (496_000, 496_000));
}
