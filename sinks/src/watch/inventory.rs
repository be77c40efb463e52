//! What the matrix says of its inputs and outputs, as far as it matters to who looks.
//!
//! What cannot be read of one level leaves that level out, not the whole answer: control may
//! be newer.

use serde::{Deserialize, de::DeserializeOwned};
use serde_json::Value;
use st2110::{
    analysis::{AncillarySettings, AudioSettings},
    ancillary::AncillaryFormat,
    audio::AudioFormat,
    format::VideoFormat,
    leg::Leg,
    level::Level,
};

use super::plan::Declared;
use crate::stream::{Control, ControlError};

/// An input.
#[derive(Clone, Debug, Deserialize)]
pub struct Input {
    pub id: String,
    video: VideoFormat,
    legs: Vec<Leg>,
    #[serde(default = "payload_type")]
    pub payload_type: u8,
    #[serde(default = "max_udp")]
    max_udp: u16,
    #[serde(default)]
    range: Option<String>,
    #[serde(default)]
    audio: Value,
    #[serde(default)]
    ancillary: Value,
    #[serde(default)]
    failover: Value,
    #[serde(default)]
    signal: Signal,
}

/// An output.
#[derive(Clone, Debug, Deserialize)]
pub struct Output {
    pub id: String,
    legs: Vec<Leg>,
    #[serde(default)]
    audio: Value,
    #[serde(default)]
    ancillary: Value,
    #[serde(default)]
    route: Route,
    #[serde(default)]
    levels: Value,
}

#[derive(Clone, Debug, Default, Deserialize)]
struct Route {
    #[serde(default)]
    input: Option<String>,
}

#[derive(Clone, Debug, Default, Deserialize)]
struct Signal {
    #[serde(default)]
    state: String,
}

/// Both.
#[derive(Clone, Debug, Default)]
pub struct Inventory {
    pub inputs: Vec<Input>,
    pub outputs: Vec<Output>,
}

/// Whose analysis somebody waits for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct Wanted {
    #[serde(default)]
    pub inputs: Vec<String>,
    #[serde(default)]
    pub outputs: Vec<String>,
}

/// A stream of an input or output.
#[derive(Clone, Debug)]
pub struct Declaration {
    pub level: Level,
    pub declared: Declared,
    pub legs: Vec<Leg>,
}

impl Inventory {
    /// As it is now.
    pub fn read(control: &Control) -> Result<Self, ControlError> {
        Ok(Self {
            inputs: control.json("/api/v1/inputs")?,
            outputs: control.json("/api/v1/outputs")?,
        })
    }

    fn input(&self, id: &str) -> Option<&Input> {
        self.inputs.iter().find(|input| input.id == id)
    }

    /// The streams of an output, held against what is routed to them.
    pub fn output_streams(&self, output: &Output) -> Vec<Declaration> {
        let of = |level: Level, id: Option<&str>| {
            let streams = id.and_then(|id| self.input(id)).map(Input::streams).unwrap_or_default();
            streams
                .into_iter()
                .find(|stream| stream.level == level)
                .map_or(Declared::Unknown, |stream| stream.declared)
        };
        let video = Declaration {
            level: Level::Video,
            declared: of(Level::Video, output.route.input.as_deref()),
            legs: output.legs.clone(),
        };
        let beside = [(Level::Audio, &output.audio), (Level::Ancillary, &output.ancillary)];
        let beside = beside.into_iter().filter_map(|(level, value)| {
            let legs = read::<Vec<Leg>>(&value["legs"])?;
            // A level that was not broken away follows the picture.
            let apart = output.levels[level.as_str()].get("route").map(|route| &route["input"]);
            let input = apart.map_or(output.route.input.as_deref(), Value::as_str);
            Some(Declaration { level, declared: of(level, input), legs })
        });
        std::iter::once(video).chain(beside).collect()
    }
}

impl Input {
    /// Its streams.
    pub fn streams(&self) -> Vec<Declaration> {
        let legs = |value: &Value| read::<Vec<Leg>>(&value["legs"]);
        let declared = Declared::Video { format: self.video, max_udp: self.max_udp };
        let mut streams =
            vec![Declaration { level: Level::Video, declared, legs: self.legs.clone() }];
        if let (Some(format), Some(legs)) =
            (read::<AudioFormat>(&self.audio["format"]), legs(&self.audio))
        {
            let settings = AudioSettings {
                clock_hz: format.rtp_clock_hz(),
                depth: format.depth,
                channels: u16::from(format.channels),
                samples_per_packet: u32::from(format.samples_per_packet()),
            };
            let declared = Declared::Audio(settings);
            streams.push(Declaration { level: Level::Audio, declared, legs });
        }
        if let (Some(format), Some(legs)) =
            (read::<AncillaryFormat>(&self.ancillary["format"]), legs(&self.ancillary))
        {
            let settings =
                AncillarySettings { rate: Some(format.rate), interlaced: Some(format.interlace) };
            let declared = Declared::Ancillary(settings);
            streams.push(Declaration { level: Level::Ancillary, declared, legs });
        }
        streams
    }

    /// Its format.
    pub const fn video(&self) -> &VideoFormat {
        &self.video
    }

    /// The legs of its picture.
    pub fn legs(&self) -> &[Leg] {
        &self.legs
    }

    /// When it counts as frozen, and as black.
    pub fn rules(&self) -> (Option<u32>, Option<u32>) {
        let of = |name: &str| self.failover[name].as_u64().and_then(|ms| u32::try_from(ms).ok());
        (of("frozen_ms"), of("black_ms"))
    }

    /// Whether it uses the full range of values.
    pub fn is_full_range(&self) -> bool {
        self.range.as_deref().is_some_and(|range| range.starts_with("FULL"))
    }

    /// Whether the router misses its picture.
    pub fn is_lost(&self) -> bool {
        self.signal.state == "lost"
    }
}

impl Output {
    /// The legs of its picture.
    #[cfg(test)]
    pub fn legs(&self) -> &[Leg] {
        &self.legs
    }
}

fn read<T: DeserializeOwned>(value: &Value) -> Option<T> {
    serde_json::from_value(value.clone()).ok()
}

const fn payload_type() -> u8 {
    96
}

const fn max_udp() -> u16 {
    st2110::rfc4175::STANDARD_UDP_LIMIT
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use st2110::audio::{AudioDepth, PacketTime, SampleRate};

    use super::*;

    fn inventory() -> Inventory {
        let leg = |port: u16| json!({"address": "239.1.1.1", "port": port});
        let video = json!({
            "width": 1920, "height": 1080, "rate": "50", "sampling": "YCbCr-4:2:2",
            "depth": 10, "scan": "progressive", "packing": "GPM"
        });
        let audio = AudioFormat {
            depth: AudioDepth::L24,
            rate_hz: SampleRate::from_hz(48_000).unwrap(),
            channels: 2,
            packet_time: PacketTime::ALL[0],
            channel_order: None,
        };
        let inputs = json!([
            {"id": "a", "video": video, "legs": [leg(1), leg(2)], "payload_type": 100,
             "signal": {"state": "lost"}, "range": "FULLPROTECT",
             "failover": {"frozen_ms": 500},
             "audio": {"format": audio, "legs": [leg(3)], "payload_type": 97},
             "ancillary": {"format": {"rate": "50"}, "legs": [leg(4)]}},
            {"id": "b", "video": video, "legs": [leg(5)], "audio": {"format": "of tomorrow"}},
        ]);
        let outputs = json!([
            {"id": "x", "legs": [leg(6)], "route": {"input": "a", "state": "live"},
             "audio": {"legs": [leg(7)]},
             "levels": {"audio": {"route": {"input": null}}}},
            {"id": "y", "legs": [leg(8)], "route": {"input": "a"}, "audio": {"legs": [leg(9)]}},
        ]);
        Inventory {
            inputs: serde_json::from_value(inputs).unwrap(),
            outputs: serde_json::from_value(outputs).unwrap(),
        }
    }

    #[test]
    fn what_is_read_of_an_input() {
        let inventory = inventory();
        let [a, b] = inventory.inputs.as_slice() else { panic!("{inventory:?}") };
        assert_eq!((a.payload_type, b.payload_type), (100, 96));
        assert!(a.is_lost() && !b.is_lost() && a.is_full_range() && !b.is_full_range());
        assert_eq!((a.rules(), b.rules()), ((Some(500), None), (None, None)));
        let levels: Vec<_> = a.streams().iter().map(|stream| stream.level).collect();
        assert_eq!(levels, [Level::Video, Level::Audio, Level::Ancillary]);
        assert_eq!(a.streams()[0].legs.len(), 2);
        assert_eq!(b.streams().len(), 1, "what cannot be read is left out");
    }

    #[test]
    fn an_output_is_held_against_what_is_routed_to_it() {
        let inventory = inventory();
        let [x, y] = inventory.outputs.as_slice() else { panic!("{inventory:?}") };
        assert_eq!(x.legs().len(), 1);
        let [video, audio] = &inventory.output_streams(x)[..] else { panic!("{x:?}") };
        assert!(matches!(video.declared, Declared::Video { max_udp: 1460, .. }));
        assert_eq!(audio.declared, Declared::Unknown, "broken away, to nothing");
        assert!(matches!(inventory.output_streams(y)[1].declared, Declared::Audio(_)));
    }
}
