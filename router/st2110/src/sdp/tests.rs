use super::*;
use crate::{
    format::{Depth, Packing, Sampling, Scan, VideoFormat},
    timing::SenderType,
};

const FMTP: &str = "a=fmtp:96 sampling=YCbCr-4:2:2; width=1920; height=1080; exactframerate=60000/1001; depth=10; colorimetry=BT709; PM=2110GPM; SSN=ST2110-20:2017; TP=2110TPW; ";

/// A description that breaks nothing, with `change` applied to it.
fn text(from: &str, to: &str) -> String {
    let text = format!(
        "v=0\r\no=- 7 8 IN IP4 192.0.2.10\r\ns=Endoscope 1\r\nt=0 0\r\nm=video 20000 RTP/AVP 96\r\n\
         c=IN IP4 239.1.2.3/32\r\na=source-filter: incl IN IP4 239.1.2.3 192.0.2.10\r\n\
         a=rtpmap:96 raw/90000\r\n{FMTP}\r\n\
         a=ts-refclk:ptp=IEEE1588-2008:39-A7-94-FF-FE-07-CB-D0:127\r\na=mediaclk:direct=0\r\n"
    );
    assert!(text.contains(from), "'{from}' is not in the description");
    text.replace(from, to)
}

fn format() -> VideoFormat {
    VideoFormat {
        width: 1920,
        height: 1080,
        rate: "60000/1001".parse().unwrap(),
        sampling: Sampling::YCbCr422,
        depth: Depth::D10,
        scan: Scan::Progressive,
        packing: Packing::Gpm,
    }
}

#[test]
fn a_clean_description_reads_and_writes_the_same() {
    let text = text("", "");
    let sdp = Sdp::parse(&text).unwrap();
    assert_eq!(sdp.video, VideoParameters::new(format()));
    assert_eq!(sdp.legs[0].leg.source, Some("192.0.2.10".parse().unwrap()));
    assert_eq!((sdp.legs[0].ttl, sdp.legs[0].payload_type), (Some(32), 96));
    assert_eq!((sdp.session_id, sdp.session_version), (7, 8));
    assert_eq!(sdp.to_string(), text);
    assert_eq!(Sdp::parse_tolerant(&text).unwrap(), (sdp, Vec::new()));
}

#[test]
fn every_parameter_reads_and_writes_the_same() {
    let parameters = "a=fmtp:112 sampling=RGB; width=720; height=576; exactframerate=25; depth=12; interlace; segmented; TCS=HLG; colorimetry=BT2100; RANGE=FULL; PAR=12:11; PM=2110BPM; SSN=ST2110-20:2022; TP=2110TPN; MAXUDP=8000; TROFF=1000; CMAX=5; TSMODE=SAMP; TSDELAY=33; ";
    let text = text(FMTP, parameters).replace("96", "112");
    let sdp = Sdp::parse(&text).unwrap();
    assert_eq!(
        sdp.video,
        VideoParameters {
            format: VideoFormat {
                width: 720,
                height: 576,
                rate: "25".parse().unwrap(),
                sampling: Sampling::Rgb,
                depth: Depth::D12,
                scan: Scan::Psf,
                packing: Packing::Bpm,
            },
            colorimetry: Colorimetry::Bt2100,
            standard: Standard::V2022,
            sender_type: SenderType::Narrow,
            transfer: Some(TransferCharacteristic::Hlg),
            range: Some(Range::Full),
            pixel_aspect: Some((12, 11)),
            max_udp: Some(8000),
            offset_us: Some(1000),
            cmax: Some(5),
            timestamp_mode: Some(TimestampMode::Sampled),
            timestamp_delay_us: Some(33),
        }
    );
    assert_eq!(sdp.to_string(), text);
}

/// What strict reading says of a change to the clean description.
fn refusal(from: &str, to: &str) -> String {
    Sdp::parse(&text(from, to)).expect_err(to).to_string()
}

#[test]
fn each_broken_clause_is_named_with_its_line_and_remedy() {
    for (from, to, line, parts) in [
        ("sampling=YCbCr-4:2:2; ", "", 9, ["sampling=YCbCr-4:2:2", "§7.2"]),
        ("YCbCr-4:2:2", "YCbCr-4:2:3", 9, ["YCbCr-4:2:0", "§7.2"]),
        ("YCbCr-4:2:2", "ICtCp-4:2:2", 9, ["not supported", "YCbCr-4:2:2"]),
        ("width=1920", "width=01920", 9, ["1 to 32767", "§7.2"]),
        ("width=1920", "width=1921", 9, ["multiple of 2", "§6.2"]),
        ("width=1920", "width=40000", 9, ["1 to 32767", "§7.2"]),
        ("width=1920", "width = 1920", 9, ["'width=1920'", "§7.1"]),
        ("width=1920", "width=1920; width=1920", 9, ["twice", "§7.1"]),
        ("60000/1001", "59.94", 9, ["exactframerate=60000/1001", "§7.2"]),
        ("60000/1001", "120000/2002", 9, ["exactframerate=60000/1001", "§7.2"]),
        ("60000/1001", "fast", 9, ["exactframerate=50", "§7.2"]),
        ("depth=10", "depth=9", 9, ["depth=8 or 10 or 12", "§7.2"]),
        ("depth=10", "depth=16f", 9, ["not supported", "8 or 10 or 12"]),
        ("depth=10; ", "depth=10; segmented; ", 9, ["interlace; segmented", "§7.3"]),
        ("depth=10; ", "depth=10; interlace=1; ", 9, ["'interlace'", "§7.3"]),
        ("BT709", "REC709", 9, ["BT709 or", "§7.2"]),
        ("BT709", "ALPHA", 9, ["ST2110-20:2022", "§7.2"]),
        ("PM=2110GPM; ", "", 9, ["PM=2110GPM", "§7.2"]),
        ("SSN=ST2110-20:2017; ", "", 9, ["SSN=ST2110-20:2017", "§7.2"]),
        ("ST2110-20:2017", "ST2110-20:2018", 9, ["ST2110-20:2022", "§7.2"]),
        ("TP=2110TPW; ", "", 9, ["TP=2110TPW", "ST 2110-21 §8"]),
        ("TP=2110TPW", "TP=2110TPX", 9, ["2110TPNL", "ST 2110-21 §8"]),
        ("TP=2110TPW; ", "TP=2110TPW; MAXUDP=9000; ", 9, ["1 to 8960", "ST 2110-10 §6.4"]),
        ("TP=2110TPW; ", "TP=2110TPW; CMAX=0; ", 9, ["CMAX=1 to", "ST 2110-21 §8"]),
        ("TP=2110TPW; ", "TP=2110TPW; PAR=2:2; ", 9, ["lowest terms", "§7.3"]),
        ("TP=2110TPW; ", "TP=2110TPW; RANGE=WIDE; ", 9, ["FULLPROTECT", "§7.3"]),
        ("TP=2110TPW; ", "TP=2110TPW; TSMODE=OLD; ", 9, ["NEW or PRES", "§8.7"]),
        ("raw/90000", "raw/48000", 8, ["rtpmap:96 raw/90000", "§7.1"]),
        ("raw/90000", "H264/90000", 8, ["rtpmap:96 raw/90000", "§7.1"]),
        ("RTP/AVP 96", "RTP/AVP 34", 5, ["96 to 127", "RFC 3551 §6"]),
        ("RTP/AVP 96", "RTP/AVP 96 97", 5, ["one payload type", "RFC 8866 §5.14"]),
        ("RTP/AVP 96", "UDP 96", 5, ["RTP/AVP", "RFC 8866 §5.14"]),
        ("video 20000", "video 0", 5, ["port", "RFC 8866 §5.14"]),
        ("239.1.2.3/32", "239.1.2.3", 6, ["239.1.2.3/64", "§5.7"]),
        ("239.1.2.3/32", "239.1.2.3/32/2", 6, ["239.1.2.3/64", "§5.7"]),
        ("239.1.2.3/32", "nowhere", 6, ["nowhere", "§5.7"]),
        ("239.1.2.3/32", "192.0.2.1/32", 6, ["192.0.2.1", "§5.7"]),
        ("incl IN", "excl IN", 7, ["incl IN IP4 239.1.2.3", "RFC 4570 §3"]),
        ("239.1.2.3 192", "239.1.2.4 192", 7, ["incl IN IP4 239.1.2.3", "RFC 4570 §3"]),
        (".3 192.0.2.10", ".3 192.0.2.10 192.0.2.11", 7, ["one address", "RFC 4570 §3"]),
        ("IEEE1588-2008", "IEEE1588-2002", 10, ["ts-refclk:ptp=IEEE1588-2008", "§8.2"]),
        ("direct=0", "direct=1", 11, ["mediaclk:direct=0", "§8.3"]),
    ] {
        let refusal = refusal(from, to);
        assert!(refusal.starts_with(&format!("line {line}: ")), "{to}: {refusal}");
        for part in parts {
            assert!(refusal.contains(part), "{to}: '{part}' not in '{refusal}'");
        }
    }
}

#[test]
fn missing_lines_are_named_with_an_example() {
    let whole = text("", "");
    for (start, part) in [
        ("v=0", "RFC 8866"),
        ("o=", "o=- 1 1 IN"),
        ("s=", "s=Endoscope"),
        ("t=", "t=0 0"),
        ("m=", "video sections"),
        ("c=", "c=IN IP4"),
        ("a=rtpmap", "a=rtpmap:96 raw/90000"),
        ("a=fmtp", "a=fmtp:96 sampling="),
        ("a=ts-refclk", "a=ts-refclk:ptp="),
        ("a=mediaclk", "a=mediaclk:direct=0"),
    ] {
        let without: String =
            whole.split_inclusive('\n').filter(|line| !line.starts_with(start)).collect();
        let refusal = Sdp::parse(&without).expect_err(start).to_string();
        assert!(refusal.contains(part), "{start}: {refusal}");
    }
    // A source filter is no duty.
    assert!(Sdp::parse(&text("a=source-filter: incl IN IP4 239.1.2.3 192.0.2.10\r\n", "")).is_ok());
}

#[test]
fn gapped_senders_need_a_broadcast_raster() {
    let wuxga = text("height=1080", "height=1200");
    assert!(Sdp::parse(&wuxga).is_ok());
    let refusal = Sdp::parse(&wuxga.replace("TPW", "TPN")).unwrap_err().to_string();
    assert!(refusal.contains("2110TPNL") && refusal.contains("§6.3.2"), "{refusal}");
}

fn two_legs() -> Sdp {
    let legs = ["239.1.2.3", "239.2.2.3"].map(|address| Leg {
        source: Some("192.0.2.10".parse().unwrap()),
        ..Leg::new(address.parse().unwrap(), 20_000)
    });
    let origin = "192.0.2.10".parse().unwrap();
    let clock = ReferenceClock::PtpTraceable;
    Sdp::new("Two", origin, VideoParameters::new(format()), &legs, &clock)
}

#[test]
fn two_legs_are_grouped_and_read_back() {
    let sdp = two_legs();
    let text = sdp.to_string();
    assert!(text.contains("a=group:DUP primary secondary\r\nm=video"), "{text}");
    assert_eq!(text.matches("a=mid:").count(), 2);
    assert_eq!(Sdp::parse(&text).unwrap(), sdp);
    for (from, to, part) in [
        ("a=group:DUP primary secondary\r\n", "", "a=group:DUP"),
        ("DUP primary secondary", "DUP primary third", "a=group:DUP"),
        ("a=mid:secondary", "a=mid:primary", "a=group:DUP"),
    ] {
        let refusal = Sdp::parse(&text.replace(from, to)).unwrap_err().to_string();
        assert!(refusal.contains(part), "{refusal}");
    }
    let mut other = sdp.clone();
    other.legs[1].payload_type = 97;
    let refusal = Sdp::parse(&other.to_string()).unwrap_err().to_string();
    assert!(refusal.contains("payload type") && refusal.contains("ST 2022-7"), "{refusal}");
    let mut same = sdp.clone();
    same.legs[1].leg = same.legs[0].leg.clone();
    let refusal = Sdp::parse(&same.to_string()).unwrap_err().to_string();
    assert!(refusal.contains("same address"), "{refusal}");
    let at = text.rfind("depth=10").unwrap();
    let different = format!("{}depth=12{}", &text[..at], &text[at + 8..]);
    let refusal = Sdp::parse(&different).unwrap_err().to_string();
    assert!(refusal.contains("fmtp"), "{refusal}");
    let three = text.clone() + &text[text.rfind("m=video").unwrap()..];
    assert!(Sdp::parse(&three).unwrap_err().to_string().contains("3 video sections"));
}

#[test]
fn other_media_are_passed_over() {
    let beside = text(
        "m=video",
        "m=audio 5004 RTP/AVP 97\r\nc=IN IP4 239.9.9.9/32\r\na=rtpmap:97 L24/48000/2\r\nm=video 5006 RTP/AVP 98\r\na=rtpmap:98 smpte291/90000\r\nm=video",
    );
    assert_eq!(Sdp::parse(&beside).unwrap().legs.len(), 1);
    let broken = beside.replace("depth=10", "depth=9");
    assert_eq!(Sdp::parse(&broken).unwrap_err().line, Some(14));
}

#[test]
fn session_level_lines_are_inherited() {
    let text = "v=0\no=- 7 8 IN IP6 fd00::1\ns= \nc=IN IP6 ff3e::1\nt=0 0\n\
        a=source-filter: incl IN IP6 ff3e::1 fd00::1\na=ts-refclk:localmac=40-A3-6B-A0-2B-D2\n\
        a=mediaclk:sender\nm=video 20000 RTP/AVP 96\na=rtpmap:96 raw/90000\n"
        .to_owned()
        + FMTP;
    let sdp = Sdp::parse(&text).unwrap();
    assert_eq!(sdp.legs[0].leg.address, "ff3e::1".parse::<IpAddr>().unwrap());
    assert_eq!(sdp.legs[0].leg.source, Some("fd00::1".parse().unwrap()));
    assert_eq!((sdp.legs[0].ttl, sdp.legs[0].media_clock), (None, Some(MediaClock::Sender)));
    assert_eq!(sdp.name, "");
    assert_eq!(Sdp::parse(&sdp.to_string()).unwrap(), sdp);
}

#[test]
fn ffmpeg_and_gstreamer_are_tolerated_and_judged() {
    // As FFmpeg 5.1 writes for `-c:v rawvideo -f rtp`.
    let ffmpeg = "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=No Name\nc=IN IP4 127.0.0.1\nt=0 0\n\
        a=tool:libavformat\nm=video 5004 RTP/AVP 96\nb=AS:491\na=rtpmap:96 raw/90000\n\
        a=fmtp:96 sampling=YCbCr-4:2:2; width=64; height=16; depth=8\n";
    let (sdp, warnings) = Sdp::parse_tolerant(ffmpeg).unwrap();
    assert_eq!(sdp.video.format.to_string(), "64x16 progressive 25 YCbCr-4:2:2 8-bit GPM");
    let warnings: Vec<_> = warnings.iter().map(ToString::to_string).collect();
    for missing in ["exactframerate=25", "PM=", "SSN=", "TP=", "colorimetry=", "ts-refclk"] {
        assert!(
            warnings.iter().any(|warning| warning.contains(missing)),
            "{missing}: {warnings:?}"
        );
    }
    assert!(Sdp::parse(ffmpeg).is_err());
    // The caps of GStreamer 1.22's rtpvrawpay as a description.
    let gstreamer = ffmpeg.replace("raw/90000", "RAW/90000").replace(
        "sampling=YCbCr-4:2:2; width=64; height=16; depth=8",
        "sampling=YCbCr-4:2:2;depth=(string)10;width=(string)64;height=16;colorimetry=BT601-5\n\
         a=framerate:59.94",
    );
    let (sdp, warnings) = Sdp::parse_tolerant(&gstreamer).unwrap();
    assert_eq!(sdp.video.format.depth, Depth::D10);
    assert_eq!(sdp.video.format.rate.to_string(), "60000/1001");
    assert_eq!(sdp.video.colorimetry, Colorimetry::Bt601);
    assert!(warnings.iter().any(|warning| warning.to_string().contains("'depth=10'")));
    // Nothing stands in for a size.
    assert!(Sdp::parse_tolerant(&ffmpeg.replace("width=64; ", "")).is_err());
}

#[test]
fn what_is_written_has_a_source_filter_and_no_line_can_be_smuggled_in() {
    let leg = Leg::new("239.1.2.3".parse().unwrap(), 20_000);
    let video = VideoParameters::new(format());
    let clock = ReferenceClock::LocalMac([0x40, 0xa3, 0x6b, 0xa0, 0x2b, 0xd2]);
    let sdp = Sdp::new("a\r\nm=audio 1 RTP/AVP 0", [192, 0, 2, 1].into(), video, &[leg], &clock);
    let text = sdp.to_string();
    assert!(text.contains("a=source-filter: incl IN IP4 239.1.2.3 192.0.2.1\r\n"), "{text}");
    assert!(!text.contains("\nm=audio"), "{text}");
    assert_eq!(Sdp::parse(&text).unwrap().legs, sdp.legs);
}
