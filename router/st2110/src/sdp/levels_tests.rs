use super::*;
use crate::{
    ancillary::{DataId, TransmissionModel},
    audio::{AudioDepth, AudioFormat, PacketTime, SampleRate},
    format::{Depth, Packing, Rate, Sampling, Scan, VideoFormat},
    level::Level,
};

/// Video, audio and ancillary data in one session, each broken by nothing.
const LEVELS: &str = "v=0\r
o=- 7 8 IN IP4 192.0.2.10\r
s=Endoscope 1\r
t=0 0\r
m=video 20000 RTP/AVP 96\r
c=IN IP4 239.1.2.3/32\r
a=source-filter: incl IN IP4 239.1.2.3 192.0.2.10\r
a=rtpmap:96 raw/90000\r
a=fmtp:96 sampling=YCbCr-4:2:2; width=1920; height=1080; exactframerate=60000/1001; depth=10; colorimetry=BT709; PM=2110GPM; SSN=ST2110-20:2017; TP=2110TPW; \r
a=ts-refclk:ptp=IEEE1588-2008:traceable\r
a=mediaclk:direct=0\r
m=audio 20002 RTP/AVP 97\r
c=IN IP4 239.1.2.4/32\r
a=source-filter: incl IN IP4 239.1.2.4 192.0.2.10\r
a=rtpmap:97 L24/48000/8\r
a=fmtp:97 channel-order=SMPTE2110.(51,ST); TSMODE=SAMP; TSDELAY=1000; \r
a=ptime:0.125\r
a=maxptime:1\r
a=ts-refclk:ptp=IEEE1588-2008:traceable\r
a=mediaclk:direct=0\r
m=video 20004 RTP/AVP 100\r
c=IN IP4 239.1.2.5/32\r
a=source-filter: incl IN IP4 239.1.2.5 192.0.2.10\r
a=rtpmap:100 smpte291/90000\r
a=fmtp:100 DID_SDID={0x61,0x02}; DID_SDID={0x41,0x05}; VPID_Code=132; exactframerate=60000/1001; TM=LLTM; SSN=ST2110-40:2023; TROFF=500; \r
a=ts-refclk:ptp=IEEE1588-2008:traceable\r
a=mediaclk:direct=0\r
";

fn changed(from: &str, to: &str) -> String {
    assert!(LEVELS.contains(from), "'{from}' is not in the description");
    LEVELS.replace(from, to)
}

#[test]
fn three_levels_read_and_write_the_same() {
    let session = SessionDescription::parse(LEVELS).unwrap();
    assert_eq!(session.streams.len(), 3);
    let (video, stream) = session.video().unwrap();
    assert_eq!(video.format.short_name(), "1080p59.94");
    assert_eq!(stream.to_legs()[0].port, 20_000);
    let (audio, stream) = session.audio().next().unwrap();
    assert_eq!(
        audio.format,
        AudioFormat {
            depth: AudioDepth::L24,
            rate_hz: SampleRate::Hz48000,
            channels: 8,
            packet_time: PacketTime::Us125,
            channel_order: Some("SMPTE2110.(51,ST)".parse().unwrap()),
        }
    );
    assert_eq!(audio.max_packet_time_ns, Some(1_000_000));
    assert_eq!(audio.timestamp_mode, Some(TimestampMode::Sampled));
    assert_eq!((stream.payload_type(), stream.to_legs()[0].port), (97, 20_002));
    let (ancillary, stream) = session.ancillary().next().unwrap();
    assert_eq!(
        ancillary.data_ids,
        [DataId { did: 0x61, sdid: 0x02 }, DataId { did: 0x41, sdid: 0x05 }]
    );
    assert_eq!((ancillary.vpid_code, ancillary.offset_us), (Some(132), Some(500)));
    assert_eq!(ancillary.transmission_model, Some(TransmissionModel::LowLatency));
    assert_eq!(ancillary.rate, video.format.rate);
    assert_eq!(stream.to_legs()[0].source, Some("192.0.2.10".parse().unwrap()));
    assert_eq!(AncillaryParameters::new(&ancillary.format(true)).data_ids, ancillary.data_ids);
    assert_eq!(session.to_string(), LEVELS);
    assert_eq!(SessionDescription::parse_tolerant(LEVELS).unwrap(), (session, Vec::new()));
    // Who cares for video only finds it here, too.
    assert_eq!(Sdp::parse(LEVELS).unwrap().legs[0].leg.port, 20_000);
}

#[test]
fn each_broken_clause_is_named_with_its_line_and_remedy() {
    for (from, to, line, parts) in [
        (
            "m=audio 20002 RTP/AVP 97",
            "m=audio 20002 RTP/AVP 33",
            12,
            ["'m=audio 5004", "96 to 127"],
        ),
        ("L24/48000/8", "L20/48000/8", 15, ["not supported", "L16, L24"]),
        ("L24/48000/8", "AM824/48000/8", 15, ["not supported", "ST 2110-30 §6.1"]),
        ("L24/48000/8", "L24/32000/8", 15, ["32000", "48000, 96000, 44100"]),
        ("L24/48000/8", "L24/48000/0", 15, ["0 channels", "§7"]),
        ("L24/48000/8", "L24/48000/65", 15, ["65 channels", "§7"]),
        ("L24/48000/8", "L24/48000/300", 15, ["300 channels", "§7"]),
        ("L24/48000/8", "L24/48000/x", 15, ["a=rtpmap:97 L24/48000/8", "RFC 3190"]),
        ("L24/48000/8", "L24/48000/8/9", 15, ["a=rtpmap:97 L24/48000/8", "RFC 3190"]),
        ("a=rtpmap:97 L24/48000/8\r\n", "", 12, ["a=rtpmap:97 L24/48000/8", "RFC 3190"]),
        ("(51,ST)", "(51,XX)", 16, ["SMPTE2110.(51,ST)", "§6.2.2"]),
        ("(51,ST)", "(51,ST,M)", 16, ["more than 8", "§6.2.2"]),
        ("TSMODE=SAMP", "TSMODE=OLD", 16, ["NEW or PRES", "§8.7"]),
        ("TSDELAY=1000", "TSDELAY=1000; MAXUDP=8960", 16, ["1460", "ST 2110-30 §6.2.1"]),
        ("TSDELAY=1000", "TSDELAY=1; TSDELAY=1", 16, ["twice", "ST 2110-30 §6.2"]),
        ("a=ptime:0.125\r\n", "", 12, ["a=ptime:1", "AES67 §8.1"]),
        ("ptime:0.125", "ptime:0.128", 17, ["a=ptime:0.125", "AES67 §7.2"]),
        ("ptime:0.125", "ptime:20", 17, ["a=ptime:1", "AES67 §8.1"]),
        ("maxptime:1", "maxptime:0.1", 18, ["no less", "AES67 §8.1"]),
        ("maxptime:1", "maxptime:soon", 18, ["milliseconds", "AES67 §8.1"]),
        ("smpte291/90000", "smpte291/48000", 24, ["a=rtpmap:100 smpte291/90000", "RFC 8331 §3"]),
        ("{0x61,0x02}", "{61,02}", 25, ["DID_SDID={0x61,0x02}", "RFC 8331 §4"]),
        ("{0x61,0x02}", "{0xe7,0x02}", 25, ["{0xe7,0x00}", "RFC 8331 §3.1"]),
        ("VPID_Code=132", "VPID_Code=256", 25, ["0 to 255", "RFC 8331 §4"]),
        ("VPID_Code=132", "VPID_Code=1; VPID_Code=1", 25, ["twice", "RFC 8331 §4"]),
        ("TM=LLTM; ", "", 25, ["SSN=ST2110-40:2018", "ST 2110-40:2023 §7"]),
        ("TM=LLTM", "TM=FAST", 25, ["LLTM or CTM", "ST 2110-40:2023 §7"]),
        ("ST2110-40:2023", "ST2110-40:2021", 25, ["SSN=ST2110-40:2023", "§7"]),
        ("SSN=ST2110-40:2023; ", "", 25, ["SSN=ST2110-40:2023", "ST 2110-40:2023 §7"]),
        ("TROFF=500", "TROFF=-1", 25, ["TROFF=0 to", "ST 2110-40:2023 §7"]),
        ("TROFF=500", "MAXUDP=1460", 25, ["1460 octets", "ST 2110-40:2023 §5.2.1"]),
        (
            "s=Endoscope 1\r\nt=0 0\r\n",
            "s=Endoscope 1\r\nt=0 0\r\na=group:FID a b\r\n",
            5,
            ["FID", "ST 2110-40:2023 §7"],
        ),
        (
            "a=fmtp:100 DID_SDID={0x61,0x02}; DID_SDID={0x41,0x05}; VPID_Code=132; exactframerate=60000/1001; TM=LLTM; SSN=ST2110-40:2023; TROFF=500; \r\n",
            "",
            21,
            ["a=fmtp:100 DID_SDID=", "ST 2110-40:2023 §7"],
        ),
    ] {
        let refusal = SessionDescription::parse(&changed(from, to)).expect_err(to).to_string();
        assert!(refusal.starts_with(&format!("line {line}: ")), "{to}: {refusal}");
        for part in parts {
            assert!(refusal.contains(part), "{to}: '{part}' not in '{refusal}'");
        }
    }
    let sections = LEVELS.find("m=").unwrap();
    let refusal = SessionDescription::parse(&LEVELS[..sections]).unwrap_err().to_string();
    assert!(refusal.contains("no media section") && refusal.contains("ST 2110-10"), "{refusal}");
}

fn clock() -> ReferenceClock {
    ReferenceClock::PtpTraceable
}

fn legs(third: u8) -> [Leg; 2] {
    [1, 2].map(|second| Leg::new([239, second, third, 1].into(), 20_000))
}

fn audio(channels: u8) -> AudioParameters {
    AudioParameters::new(AudioFormat {
        depth: AudioDepth::L24,
        rate_hz: SampleRate::Hz48000,
        channels,
        packet_time: PacketTime::Ms1,
        channel_order: None,
    })
}

fn ancillary() -> AncillaryParameters {
    AncillaryParameters {
        rate: Rate::new(50, 1).unwrap(),
        data_ids: Vec::new(),
        vpid_code: None,
        transmission_model: None,
        offset_us: None,
        timestamp_mode: None,
        timestamp_delay_us: None,
    }
}

fn video() -> VideoParameters {
    VideoParameters::new(VideoFormat {
        width: 1920,
        height: 1080,
        rate: Rate::new(50, 1).unwrap(),
        sampling: Sampling::YCbCr422,
        depth: Depth::D10,
        scan: Scan::Progressive,
        packing: Packing::Gpm,
    })
}

/// Every level over two legs, audio twice.
fn duplicated() -> SessionDescription {
    let mut session = SessionDescription::new("Two", [192, 0, 2, 10].into());
    session.push(video(), &legs(1), &clock());
    session.push(audio(8), &legs(2), &clock());
    session.push(ancillary(), &legs(3), &clock());
    session.push(audio(2), &legs(4), &clock());
    session
}

#[test]
fn two_legs_of_every_level_are_grouped_and_read_back() {
    let session = duplicated();
    let text = session.to_string();
    for group in [
        "primary secondary",
        "audio-primary audio-secondary",
        "ancillary-primary ancillary-secondary",
        "audio-2-primary audio-2-secondary",
    ] {
        assert!(text.contains(&format!("a=group:DUP {group}\r\n")), "{text}");
    }
    let read = SessionDescription::parse(&text).unwrap();
    assert_eq!(read, session);
    for (stream, third) in read.streams.iter().zip([1, 2, 3, 4]) {
        let addresses: Vec<_> = stream.to_legs().iter().map(|leg| leg.address).collect();
        assert_eq!(addresses, [[239, 1, third, 1].into(), IpAddr::from([239, 2, third, 1])]);
    }
    // Sections need not lie beside each other: all first legs, then all second ones.
    let mut parts: Vec<_> = text.split("m=").collect();
    let head = parts.remove(0);
    let (first, second): (Vec<_>, Vec<_>) = parts.chunks(2).map(|pair| (pair[0], pair[1])).unzip();
    let shuffled = format!("{head}m={}m={}", first.join("m="), second.join("m="));
    assert_eq!(SessionDescription::parse(&shuffled).unwrap(), session);
}

#[test]
fn what_legs_and_groups_break_is_named() {
    let text = duplicated().to_string();
    let audio_group = "a=group:DUP audio-primary audio-secondary\r\n";
    for (from, to, part) in [
        // Audio without a group is two streams; video is not.
        ("a=group:DUP primary secondary\r\n", "", "a=group:DUP primary secondary"),
        ("DUP audio-primary audio-secondary", "DUP audio-primary third", "'third'"),
        ("DUP audio-primary audio-secondary", "DUP audio-primary", "1 legs"),
        ("DUP audio-primary audio-secondary", "DUP audio-primary primary", "'primary'"),
        (audio_group, "a=group:DUP audio-primary audio-secondary mine\r\n", "'mine'"),
        (
            "DUP audio-2-primary audio-2-secondary",
            "DUP audio-primary audio-2-primary",
            "'audio-primary'",
        ),
        ("a=mid:audio-secondary", "a=mid:audio-primary", "'a=mid:audio-primary' twice"),
    ] {
        assert!(text.contains(from), "{from}");
        let refusal = SessionDescription::parse(&text.replace(from, to)).expect_err(to).to_string();
        assert!(refusal.contains(part), "{to}: {refusal}");
    }
    let streams = |text: &str| SessionDescription::parse(text).unwrap().streams.len();
    assert_eq!((streams(&text), streams(&text.replace(audio_group, ""))), (4, 5));
    // An audio leg and one of ancillary data.
    let mixed = text.replace(audio_group, "").replace(
        "DUP ancillary-primary ancillary-secondary",
        "DUP audio-primary ancillary-secondary",
    );
    let refusal = SessionDescription::parse(&mixed).unwrap_err().to_string();
    assert!(refusal.contains("kind of medium") && refusal.contains("ST 2022-7"), "{refusal}");
    for (change, part) in [
        (&(|leg: &mut SdpLeg| leg.payload_type = 99) as &dyn Fn(&mut SdpLeg), "payload type"),
        (&|leg| leg.leg = legs(2)[0].clone(), "same address"),
    ] {
        let mut session = duplicated();
        session.streams[1].legs[0].leg.source = None;
        change(&mut session.streams[1].legs[1]);
        let refusal = SessionDescription::parse(&session.to_string()).unwrap_err().to_string();
        assert!(refusal.contains(part), "{refusal}");
    }
    let at = text.rfind("L24/48000/8").unwrap();
    let different = format!("{}L16{}", &text[..at], &text[at + 3..]);
    let refusal = SessionDescription::parse(&different).unwrap_err().to_string();
    assert!(refusal.contains("rtpmap, ptime or fmtp"), "{refusal}");
    // Two video streams are one too many.
    let mut twice = duplicated();
    twice.push(video(), &legs(5), &clock());
    let refusal = SessionDescription::parse(&twice.to_string()).unwrap_err().to_string();
    assert!(refusal.contains("4 video sections"), "{refusal}");
}

#[test]
fn one_section_with_two_sources_is_refused_by_name() {
    // RFC 7104 §4.1.
    let both = changed(
        "a=source-filter: incl IN IP4 239.1.2.4 192.0.2.10\r\n",
        "a=source-filter: incl IN IP4 239.1.2.4 192.0.2.10 192.0.2.11\r\n\
         a=ssrc:1000 cname:ch1@example.com\r\na=ssrc:1010 cname:ch1@example.com\r\n\
         a=ssrc-group:DUP 1000 1010\r\n",
    );
    for error in [
        SessionDescription::parse(&both).unwrap_err(),
        SessionDescription::parse_tolerant(&both).unwrap_err(),
    ] {
        assert_eq!((error.line, &error.fault), (Some(17), &SdpFault::SourceDuplication));
        let text = error.to_string();
        assert!(
            text.contains("a=group:DUP primary secondary") && text.contains("RFC 7104"),
            "{text}"
        );
    }
}

#[test]
fn foreign_senders_are_tolerated_and_judged() {
    // As FFmpeg 5.1 writes for `-c:a pcm_s16be -f rtp`, and an older ancillary sender.
    let text = "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=No Name\nc=IN IP4 127.0.0.1\nt=0 0\n\
        m=audio 5004 RTP/AVP 97\nb=AS:1536\na=rtpmap:97 L16/48000/2\n\
        m=video 5006 RTP/AVP 100\na=rtpmap:100 SMPTE291/90000\na=fmtp:100 VPID_Code=133\n\
        m=audio 5008 RTP/AVP 98\na=rtpmap:98 AM824/48000/2\n\
        m=application 5010 RTP/AVP 101\na=rtpmap:101 ST2110-41/90000\n\
        m=video 5012 RTP/AVP 96\na=rtpmap:96 raw/90000\n\
        a=fmtp:96 sampling=YCbCr-4:2:2; width=64; height=16; exactframerate=50; depth=8\n";
    assert!(SessionDescription::parse(text).is_err());
    let (session, warnings) = SessionDescription::parse_tolerant(text).unwrap();
    let levels: Vec<_> = session.streams.iter().map(|stream| stream.essence.level()).collect();
    assert_eq!(levels, [Level::Audio, Level::Ancillary, Level::Video]);
    let (audio, _) = session.audio().next().unwrap();
    assert_eq!(audio.format.to_string(), "L16 48000 Hz 2 channels 1ms");
    // The rate of the video beside it, not just any.
    let (ancillary, _) = session.ancillary().next().unwrap();
    assert_eq!((ancillary.rate.to_string().as_str(), ancillary.vpid_code), ("50", Some(133)));
    let warnings: Vec<_> = warnings.iter().map(ToString::to_string).collect();
    for part in ["a=ptime", "SSN=ST2110-40:2018", "exactframerate=50", "AM824", "ts-refclk"] {
        assert!(warnings.iter().any(|warning| warning.contains(part)), "{part}: {warnings:?}");
    }
    // 44.1 kHz with the name of its packet time instead of the time.
    let (session, warnings) = SessionDescription::parse_tolerant(
        &text.replace("L16/48000/2\n", "L16/44100/2\na=ptime:1\n"),
    )
    .unwrap();
    assert_eq!(session.audio().next().unwrap().0.format.packet_time, PacketTime::Ms1);
    assert!(warnings.iter().any(|warning| warning.to_string().contains("1.09")));
    // Two legs of video that nobody grouped are taken for such.
    let ungrouped =
        text.to_owned() + &text[text.rfind("m=video").unwrap()..].replace("5012", "5014");
    let (session, warnings) = SessionDescription::parse_tolerant(&ungrouped).unwrap();
    assert_eq!(session.video().unwrap().1.legs.len(), 2);
    assert!(warnings.iter().any(|warning| warning.fault == SdpFault::Group));
    // Without any map, payload type 11 means one thing.
    let plain =
        "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=audio 5004 RTP/AVP 11\n";
    let (session, _) = SessionDescription::parse_tolerant(plain).unwrap();
    let format = &session.audio().next().unwrap().0.format;
    assert_eq!(format.to_string(), "L16 44100 Hz 1 channels 1ms");
}

#[test]
fn longest_packet_times_are_kept() {
    for text in ["0.125", "0.12", "0.333", "4", "20", "100.5"] {
        let session =
            SessionDescription::parse(&changed("maxptime:1\r\n", &format!("maxptime:{text}\r\n")));
        let written = session.unwrap().to_string();
        assert!(written.contains(&format!("a=maxptime:{text}\r\n")), "{written}");
    }
}
