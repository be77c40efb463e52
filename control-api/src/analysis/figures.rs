//! The few numbers of a watcher's report that are worth watching all the time.
//!
//! A report is JSON of a program of its own, perhaps of another version: what it does not say
//! or says otherwise is not known, and nothing here can fail.

use ormatrix_protocol::Level;
use serde::Deserialize;

/// Streams and pairs that are looked at; an input has three levels of two legs.
const MOST: usize = 6;

/// What a report says in numbers.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Figures {
    /// Whether all is good; `None` when nobody can tell.
    pub good: Option<bool>,
    /// Each stream.
    pub streams: Vec<StreamFigures>,
    /// Each two legs of a level.
    pub pairs: Vec<PairFigures>,
}

/// One leg of a level, over the window of the report.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct StreamFigures {
    /// Its level.
    pub level: Level,
    /// Its leg, from 0.
    pub leg: u8,
    /// Packets that never came.
    pub lost_packets: Option<u64>,
    /// How much the delay behind the RTP timestamps varied, ns: of pictures and data, between
    /// first packets of frames; of sound, the greatest TS-DF (EBU Tech 3337).
    pub jitter_ns: Option<f64>,
    /// Most packets in the bucket of ST 2110-21 §6.6.1.
    pub cinst_max: Option<f64>,
    /// Most packets in the virtual receiver of §6.6.2.
    pub vrx_max: Option<f64>,
    /// Fewest packets in it: below 0 it was empty when it should have read.
    pub vrx_min: Option<f64>,
}

/// Two legs of a level, over the window of the report.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PairFigures {
    /// Their level.
    pub level: Level,
    /// Greatest distance between two copies of a packet, ns.
    pub skew_ns: Option<f64>,
}

#[derive(Deserialize)]
struct Report {
    #[serde(default)]
    good: Option<bool>,
    #[serde(default)]
    streams: Vec<Stream>,
    #[serde(default)]
    pairs: Vec<Pair>,
}

#[derive(Deserialize)]
struct Stream {
    #[serde(rename = "essence")]
    level: Level,
    leg: u8,
    #[serde(default)]
    rtp: Option<Rtp>,
    #[serde(default)]
    latency_ns: Option<Span>,
    #[serde(default)]
    delay_factor_ns: Option<Span>,
    #[serde(default)]
    cinst: Option<Span>,
    #[serde(default)]
    pacing: Option<String>,
    #[serde(default)]
    linear: Option<Receiver>,
    #[serde(default)]
    gapped: Option<Receiver>,
}

#[derive(Deserialize)]
struct Pair {
    #[serde(rename = "essence")]
    level: Level,
    #[serde(default)]
    distance_ns: Option<Span>,
}

#[derive(Clone, Copy, Deserialize)]
struct Rtp {
    lost: u64,
}

#[derive(Clone, Copy, Deserialize)]
struct Receiver {
    #[serde(default)]
    vrx: Option<Span>,
}

#[derive(Clone, Copy, Deserialize)]
struct Span {
    min: f64,
    max: f64,
}

impl Figures {
    /// Those of a report; none of what is no report.
    pub fn of(json: &[u8]) -> Self {
        let Ok(report) = serde_json::from_slice::<Report>(json) else { return Self::default() };
        Self {
            good: report.good,
            streams: report.streams.iter().take(MOST).map(StreamFigures::of).collect(),
            pairs: report.pairs.iter().take(MOST).map(PairFigures::of).collect(),
        }
    }
}

impl StreamFigures {
    fn of(stream: &Stream) -> Self {
        // What the sender does is judged as what it looks like.
        let gapped = stream.pacing.as_deref() == Some("gapped");
        let receiver = stream.gapped.filter(|_| gapped).or(stream.linear);
        let vrx = receiver.and_then(|receiver| receiver.vrx);
        let spread = stream.latency_ns.map(|latency| latency.max - latency.min);
        Self {
            level: stream.level,
            leg: stream.leg,
            lost_packets: stream.rtp.map(|rtp| rtp.lost),
            jitter_ns: stream.delay_factor_ns.map(|delay| delay.max).or(spread),
            cinst_max: stream.cinst.map(|cinst| cinst.max),
            vrx_max: vrx.map(|vrx| vrx.max),
            vrx_min: vrx.map(|vrx| vrx.min),
        }
    }
}

impl PairFigures {
    fn of(pair: &Pair) -> Self {
        Self { level: pair.level, skew_ns: pair.distance_ns.map(|distance| distance.max) }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use st2110::analysis::{
        Arrival, AudioAnalyser, AudioSettings, LegPair, VideoAnalyser, VideoSettings,
    };

    use super::*;

    /// A packet of four of each frame, of no particular content.
    fn packet(sequence: u16, timestamp: u32, last: bool, octets: usize) -> Vec<u8> {
        let mut packet = vec![0x80, if last { 0xe0 } else { 0x60 }];
        packet.extend(sequence.to_be_bytes());
        packet.extend(timestamp.to_be_bytes());
        packet.extend(7_u32.to_be_bytes());
        packet.resize(12 + octets, 0);
        packet
    }

    #[test]
    fn figures_are_found_where_the_analysers_put_them() {
        let format = json!({
            "width": 320, "height": 180, "rate": "50", "sampling": "YCbCr-4:2:2", "depth": 10,
            "scan": "progressive", "packing": "GPM"
        });
        let format = serde_json::from_value(format).unwrap();
        let settings = VideoSettings { packets_per_frame: Some(4), ..VideoSettings::new(format) };
        let (mut video, mut pair) = (VideoAnalyser::new(settings), LegPair::default());
        let settings = AudioSettings {
            clock_hz: 48_000,
            depth: st2110::audio::AudioDepth::L24,
            channels: 2,
            samples_per_packet: 48,
        };
        let mut audio = AudioAnalyser::new(settings);
        for number in (0..40_u16).filter(|number| *number != 21) {
            let (frame, place) = (number / 4, number % 4);
            let at = u64::from(frame) * 20_000_000 + u64::from(place) * 1000;
            // Every second frame is a tenth of a millisecond late.
            let late = at + u64::from(frame % 2) * 100_000;
            let octets = packet(number, u32::from(frame) * 1800, place == 3, 100);
            video.record(&Arrival::whole(late, &octets));
            pair.record(0, &Arrival::whole(at, &octets));
            pair.record(1, &Arrival::whole(at + 3_000_000, &octets));
            let sound = packet(number, u32::from(number) * 48, false, 288);
            let beat = u64::from(number) * 1_000_000 + u64::from(number % 2) * 250_000;
            audio.record(&Arrival::whole(beat, &sound));
        }
        // As `ormatrix-sink watch` puts them together.
        let stream = |level: &str, report: serde_json::Value| {
            let mut stream = json!({ "stream": 1, "essence": level, "leg": 0, "kind": level });
            stream.as_object_mut().unwrap().extend(report.as_object().unwrap().clone());
            stream
        };
        let mut legs = json!({ "essence": "video", "streams": [1, 2] });
        let report = serde_json::to_value(pair.report()).unwrap();
        legs.as_object_mut().unwrap().extend(report.as_object().unwrap().clone());
        let streams = [
            stream("video", serde_json::to_value(video.report()).unwrap()),
            stream("audio", serde_json::to_value(audio.report()).unwrap()),
        ];
        let report = json!({ "shape": 1, "good": true, "streams": streams, "pairs": [legs] });
        let figures = Figures::of(report.to_string().as_bytes());

        let [video, audio] = &figures.streams[..] else { panic!("{figures:?}") };
        assert_eq!((video.level, video.lost_packets), (Level::Video, Some(1)));
        assert_eq!(video.jitter_ns, Some(100_000.0));
        assert!(video.cinst_max >= Some(4.0), "{video:?}");
        assert!(video.vrx_max.is_some() && video.vrx_min.is_some(), "{video:?}");
        assert_eq!((audio.level, audio.lost_packets), (Level::Audio, Some(1)));
        assert_eq!(audio.jitter_ns, Some(250_000.0));
        assert_eq!(figures.pairs, [PairFigures { level: Level::Video, skew_ns: Some(3e6) }]);
    }

    #[test]
    fn the_schedule_is_the_one_that_the_packets_follow() {
        let span = |min: i64, max: i64| json!({"count": 1, "min": min, "mean": 0.5, "max": max});
        let video = |pacing: &str| {
            let report = json!({"shape": 1, "good": false, "streams": [{
                "stream": 1, "essence": "video", "leg": 1, "kind": "video", "pacing": pacing,
                "rtp": {"packets": 9, "lost": 3}, "latency_ns": span(1000, 5000),
                "cinst": span(1, 4), "linear": {"vrx": span(-1, 8)}, "gapped": {"vrx": span(0, 5)},
            }], "pairs": []});
            Figures::of(report.to_string().as_bytes())
        };
        let expected = StreamFigures {
            level: Level::Video,
            leg: 1,
            lost_packets: Some(3),
            jitter_ns: Some(4000.0),
            cinst_max: Some(4.0),
            vrx_max: Some(8.0),
            vrx_min: Some(-1.0),
        };
        assert_eq!(video("linear").streams, std::slice::from_ref(&expected));
        assert_eq!(video("linear").good, Some(false));
        let expected = StreamFigures { vrx_max: Some(5.0), vrx_min: Some(0.0), ..expected };
        assert_eq!(video("gapped").streams, [expected]);
    }

    #[test]
    fn sound_and_legs() {
        let report = json!({"good": null, "streams": [{
            "essence": "audio", "leg": 0, "rtp": {"lost": 0}, "level": "A",
            "delay_factor_ns": {"min": 1, "max": 7500.5}, "latency_ns": null,
        }], "pairs": [{"essence": "audio", "distance_ns": {"min": 1.0, "max": 2e6}}]});
        let figures = Figures::of(report.to_string().as_bytes());
        assert_eq!((figures.good, figures.streams[0].jitter_ns), (None, Some(7500.5)));
        assert_eq!(figures.streams[0].vrx_max, None);
        let pair = PairFigures { level: Level::Audio, skew_ns: Some(2e6) };
        assert_eq!(figures.pairs, [pair]);
    }

    #[test]
    fn what_is_no_report_says_nothing() {
        for none in ["", "[]", "{}", "{\"streams\":7}", "{\"streams\":[{\"leg\":-1}]}"] {
            assert_eq!(Figures::of(none.as_bytes()), Figures::default(), "{none}");
        }
        let many = json!({"streams": vec![json!({"essence": "video", "leg": 0}); 50]});
        assert_eq!(Figures::of(many.to_string().as_bytes()).streams.len(), MOST);
    }
}
