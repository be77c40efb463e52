//! Sound and ancillary data beside the picture, as a judge sees them: whose they are, when
//! they belong, and that they go with their picture.

mod support;

use std::{fs, io::Write, path::Path, process::Command};

use ormatrix_io::{Clock, SystemClock};
use ormatrix_source::{canvas::Typeface, overlay::Overlay};
use ormatrix_strip::{MARK_DID, MARK_SDID, Mark, Tone, decode_packet};
use st2110::{
    ancillary::{AncPayload, DataId},
    audio::{AudioDepth, unpack},
    format::{Depth, VideoFormat},
    level::Level,
    rfc4175::Raster,
    rtp::RtpHeader,
    timing::{VIDEO_CLOCK_HZ, rtp_to_tai, tai_to_rtp},
};
use support::{Packets, Receiver, Source, format, mark};

/// Channels of a 48 kHz L24 packet, and the TAI sample number of its first sample.
struct Sound {
    number: u64,
    channels: Vec<Vec<i32>>,
}

/// Takes in what a source has sent; its packets follow each other without a gap.
fn sound(packets: &mut Packets, channels: usize, mut enough: impl FnMut(usize) -> bool) -> Sound {
    let mut sound = Sound { number: 0, channels: vec![Vec::new(); channels] };
    let mut last: Option<(u16, u32)> = None;
    let mut count = 0;
    while !enough(count) {
        let Some(packet) = packets.packet() else { break };
        let rtp = RtpHeader::parse(&packet).unwrap();
        let payload = rtp.payload(&packet);
        let mut samples = vec![0; payload.len() / 3];
        unpack(AudioDepth::L24, payload, &mut samples).unwrap();
        let per_packet = (samples.len() / channels) as u32;
        assert!(!rtp.marker && rtp.payload_type == 97);
        match last {
            None => {
                let tai = rtp_to_tai(rtp.timestamp, SystemClock.tai(), 48_000);
                sound.number = (u128::from(tai) * 48_000 / 1_000_000_000) as u64;
            }
            Some((sequence, timestamp)) => {
                assert_eq!(rtp.sequence, sequence.wrapping_add(1));
                assert_eq!(rtp.timestamp, timestamp.wrapping_add(per_packet));
            }
        }
        last = Some((rtp.sequence, rtp.timestamp));
        for frame in samples.chunks(channels) {
            for (channel, sample) in sound.channels.iter_mut().zip(frame) {
                channel.push(*sample);
            }
        }
        count += 1;
    }
    sound
}

#[test]
fn every_level_says_whose_it_is_and_when() {
    let video = format("180p25");
    let (mut pictures, mut audio, mut ancillary) =
        (Receiver::new(video), Packets::new(), Packets::new());
    let source = Source::start(&format!(
        "--to 127.0.0.1:{} --audio-to 127.0.0.1:{} --ancillary-to 127.0.0.1:{} --channels 4 \
         --format 180p25 --pattern black --name Lamp --offset-us 5000 --frames 40 --json",
        pictures.port(),
        audio.port(),
        ancillary.port()
    ));
    let mut shown = Vec::new();
    for _ in 0..40 {
        let frame = pictures.frame().expect("a frame within 20 seconds");
        shown.push((mark(&video, &frame.octets).unwrap(), frame.timestamp));
    }
    let heard = sound(&mut audio, 4, |count| count == 1000);
    let (success, json, errors) = source.wait();
    assert!(success, "{errors}");
    let report: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert!(report["audio"]["packets"].as_u64() >= Some(1000), "{json}");
    assert_eq!(report["ancillary"]["packets"], 40);

    // The ancillary packet of each frame has the very mark of its picture, and its timestamp.
    for (mark, timestamp) in &shown {
        let packet = ancillary.packet().expect("a packet for each frame");
        let rtp = RtpHeader::parse(&packet).unwrap();
        let payload = AncPayload::parse(rtp.payload(&packet)).unwrap();
        assert_eq!(payload.check(), Ok(()));
        assert!(rtp.marker && rtp.payload_type == 100);
        assert_eq!(rtp.timestamp, *timestamp);
        let packets: Vec<_> = payload.packets().map(Result::unwrap).collect();
        assert_eq!(packets[0].id(), DataId { did: 0x60, sdid: 0x60 });
        assert_eq!(packets[1].id(), DataId { did: MARK_DID, sdid: MARK_SDID });
        assert_eq!(decode_packet(packets[1].words()), Ok(*mark));
        // The time code's frame and second: groups of four bits above bit 3 of each word.
        let groups: Vec<u64> = packets[0].words().map(|word| u64::from(word) >> 4 & 0xf).collect();
        let unix_us = mark.tai_us - 37_000_000;
        assert_eq!(groups[4] + groups[6] * 10, unix_us / 1_000_000 % 60);
        assert_eq!(groups[0] + (groups[2] & 3) * 10, unix_us % 1_000_000 / 40_000);
    }
    // Every sample is the one of its moment, in every channel.
    let tone = Tone::of_name("Lamp");
    for (channel, samples) in (0_u8..).zip(&heard.channels) {
        for (number, sample) in (heard.number..).zip(samples) {
            assert_eq!(*sample, tone.sample(48_000, channel, number));
        }
        let (hz, index) = Tone::identify(&samples[..48]).unwrap();
        let expected = heard.number + u64::from(channel) * 75;
        assert_eq!((hz, u64::from(index)), (tone.hz(), expected % 4800));
    }
}

/// A clip whose pictures carry their number, and whose sound is the tone of 410 Hz from its
/// first sample on.
fn clip(path: &Path, video: &VideoFormat, frames: u32) {
    let folder = path.parent().unwrap();
    let (raw, pcm) = (folder.join("raw"), folder.join("pcm"));
    let raster = Raster::new(video).unwrap();
    let mut overlay = Overlay::new(raster, "clip", &Typeface::built_in().unwrap()).unwrap();
    let mut file = fs::File::create(&raw).unwrap();
    let mut octets = vec![0x80; raster.buffer_octets()];
    for number in 0..frames {
        overlay.draw(&mut octets, &Mark::new("clip", 0, number).unwrap(), 0).unwrap();
        file.write_all(&octets).unwrap();
    }
    let samples = u64::from(frames) * 48_000 / 25;
    fs::write(&pcm, tone_octets(samples)).unwrap();
    let pipeline = format!(
        "filesrc location={} blocksize={} ! rawvideoparse width={} height={} format=uyvy \
         framerate=25/1 ! queue ! matroskamux name=mux ! filesink location={} \
         filesrc location={} ! rawaudioparse pcm-format=s32le sample-rate=48000 num-channels=2 \
         ! queue ! mux.",
        raw.display(),
        octets.len(),
        video.width,
        video.height,
        path.display(),
        pcm.display()
    );
    launch(&pipeline);
}

/// Stereo, 32 bits: the tone on both channels.
fn tone_octets(samples: u64) -> Vec<u8> {
    let tone = Tone::from_hz(410).unwrap();
    (0..samples)
        .flat_map(|number| [tone.sample(48_000, 0, number).to_le_bytes(); 2])
        .flatten()
        .collect()
}

fn launch(pipeline: &str) {
    let made = Command::new("gst-launch-1.0").arg("-q").args(pipeline.split_whitespace()).status();
    assert!(made.unwrap().success(), "{pipeline}");
}

/// Difference of two times, in microseconds, where the period is 100 ms.
fn apart(a_us: i64, b_us: i64) -> i64 {
    (a_us - b_us + 50_000).rem_euclid(100_000) - 50_000
}

#[test]
fn the_sound_of_a_file_goes_with_its_pictures() {
    let video = VideoFormat { depth: Depth::D8, ..format("180p25") };
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("clip.mkv");
    clip(&file, &video, 50);
    let (mut pictures, mut audio) = (Receiver::new(video), Packets::new());
    let source = Source::start(&format!(
        "--to 127.0.0.1:{} --audio-to 127.0.0.1:{} --format 180p25 --depth 8 --mark false \
         --file {} --frames 130",
        pictures.port(),
        audio.port(),
        file.display()
    ));
    // When each picture was sent for the first time, less when it is in the clip.
    let (mut sent, mut last, mut passes) = (Vec::new(), None, 0);
    for _ in 0..130 {
        let frame = pictures.frame().expect("a frame within 20 seconds");
        let number = mark(&video, &frame.octets).unwrap().frame;
        if last.is_some_and(|last| number < last) {
            passes += 1;
        }
        if last.replace(number) != Some(number) {
            let tai = rtp_to_tai(frame.timestamp, SystemClock.tai(), VIDEO_CLOCK_HZ);
            sent.push((tai, (tai / 1000) as i64 - i64::from(number) * 40_000));
        }
    }
    assert!(passes >= 1, "the clip begins again");
    let (success, _, errors) = source.wait();
    assert!(success, "{errors}");
    audio.quiet_after(std::time::Duration::from_millis(300));
    let heard = sound(&mut audio, 2, |_| false);
    assert_eq!(heard.channels[0], heard.channels[1]);

    // The same of each millisecond of sound.
    let (mut compared, mut worst, mut exact) = (0, 0, 0);
    for (at, run) in (0_u64..).zip(heard.channels[0].chunks_exact(48)) {
        // Silence before the first picture, and where the clip begins again.
        let Some((410, index)) = Tone::identify(run) else { continue };
        let number = heard.number + at * 48;
        let tai = (u128::from(number) * 1_000_000_000 / 48_000) as u64;
        let in_clip_us = i64::from(index) * 1_000_000 / 48_000;
        let shift = (tai / 1000) as i64 - in_clip_us;
        // Against the picture sent last before it.
        let Some((_, picture)) = sent.iter().rev().find(|(sent, _)| *sent <= tai) else { continue };
        let off = apart(shift, *picture);
        (compared, worst) = (compared + 1, worst.max(off.abs()));
        exact += usize::from(off.abs() <= 25);
    }
    println!("{compared} ms compared, worst {worst} us, {exact} to the sample");
    assert!(compared > 3000, "{compared} ms of sound: {errors}");
    // A frame period, and the rounding of timestamps.
    assert!(worst <= 40_050, "{worst} us");
    assert!(exact * 2 > compared, "{exact} of {compared}");
}

#[test]
fn a_sound_file_plays_on_without_a_gap() {
    let folder = tempfile::tempdir().unwrap();
    let (pcm, file) = (folder.path().join("pcm"), folder.path().join("tone.wav"));
    // Whole periods of the tone: where the file begins again does not show.
    fs::write(&pcm, tone_octets(48_000)).unwrap();
    launch(&format!(
        "filesrc location={} ! rawaudioparse pcm-format=s32le sample-rate=48000 num-channels=2 \
         ! wavenc ! filesink location={}",
        pcm.display(),
        file.display()
    ));
    let (mut pictures, mut audio) = (Receiver::new(format("180p25")), Packets::new());
    let _source = Source::start(&format!(
        "--to 127.0.0.1:{} --audio-to 127.0.0.1:{} --audio file --audio-file {} --channels 4 \
         --format 180p25 --pattern black --packet-time 125us",
        pictures.port(),
        audio.port(),
        file.display()
    ));
    assert!(pictures.frame().is_some());
    let heard = sound(&mut audio, 4, |count| count == 28_000);
    let samples = &heard.channels[0];
    let start = samples.iter().position(|sample| *sample != 0).expect("sound");
    // The first sample of the tone is 0.
    let tone = Tone::from_hz(410).unwrap();
    for (number, sample) in (1..).zip(&samples[start..]) {
        assert_eq!(*sample, tone.sample(48_000, 0, number), "sample {number}");
    }
    assert!(samples.len() - start > 120_000);
    // A file of two channels fills two.
    assert_eq!(heard.channels[1], heard.channels[0]);
    assert!(heard.channels[2..].iter().flatten().all(|sample| *sample == 0));
}

#[test]
fn captured_sound_flows_beside_a_pattern() {
    let (mut pictures, mut audio) = (Receiver::new(format("180p25")), Packets::new());
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("source.toml");
    fs::write(
        &config,
        format!(
            "to = [\"127.0.0.1:{}\"]\naudio = \"capture\"\naudio_to = [\"127.0.0.1:{}\"]\n\
             audio_device = \"gst:audiotestsrc is-live=true wave=square volume=0.5\"\n\
             format = \"180p25\"\npattern = \"black\"\n",
            pictures.port(),
            audio.port()
        ),
    )
    .unwrap();
    let _source = Source::start(&format!("--config {}", config.display()));
    assert!(pictures.frame().is_some());
    let heard = sound(&mut audio, 2, |count| count == 2000);
    let loud = heard.channels[0].iter().filter(|sample| sample.unsigned_abs() > 1 << 29).count();
    assert!(loud > 48_000, "{loud} samples of the device");
}

#[test]
fn a_script_is_sent_line_by_line() {
    let folder = tempfile::tempdir().unwrap();
    let script = folder.path().join("data.anc");
    fs::write(&script, "61/02:8094ae\n-\n41/05:00 61/02:80\n").unwrap();
    let (mut pictures, mut ancillary) = (Receiver::new(format("180p25")), Packets::new());
    let _source = Source::start(&format!(
        "--to 127.0.0.1:{} --ancillary-to 127.0.0.1:{} --ancillary file --ancillary-file {} \
         --mark false --format 180p25 --pattern black",
        pictures.port(),
        ancillary.port(),
        script.display()
    ));
    assert!(pictures.frame().is_some());
    let mut counts = Vec::new();
    for _ in 0..9 {
        let packet = ancillary.packet().unwrap();
        let rtp = RtpHeader::parse(&packet).unwrap();
        let payload = AncPayload::parse(rtp.payload(&packet)).unwrap();
        assert_eq!(payload.check(), Ok(()));
        counts.push(payload.count);
        assert!(rtp.timestamp.wrapping_sub(tai_to_rtp(SystemClock.tai(), 90_000)) > 1 << 31);
    }
    // A busy host may leave frames out; lines then go with them.
    assert!(counts.contains(&0) && counts.contains(&1) && counts.contains(&2), "{counts:?}");
}

#[test]
fn the_sdp_has_every_level() {
    let (success, text, errors) = Source::start(
        "--to 239.20.0.2:5004 --audio-to 239.20.0.2:5006 --audio-to 239.20.1.2:5006 \
         --ancillary-to 239.20.0.2:5008 --source 127.0.0.1 --channels 64 --format 1080i29.97 \
         --label Lamp sdp",
    )
    .wait();
    assert!(success, "{errors}");
    let session = st2110::sdp::SessionDescription::parse(&text).unwrap();
    let levels: Vec<_> = session.streams.iter().map(|stream| stream.essence.level()).collect();
    assert_eq!(levels, Level::ALL);
    let (audio, stream) = session.audio().next().unwrap();
    assert_eq!(audio.format.level().unwrap().as_str(), "C");
    assert_eq!((stream.legs.len(), stream.payload_type()), (2, 97));
    let (ancillary, stream) = session.ancillary().next().unwrap();
    assert_eq!((ancillary.rate.to_string(), stream.payload_type()), ("30000/1001".into(), 100));
    assert_eq!(ancillary.data_ids.len(), 2);
}
