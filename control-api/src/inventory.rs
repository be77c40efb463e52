//! Inputs and outputs as people know them.

mod lock;
mod names;
mod preset;
mod zone;

use std::{collections::BTreeMap, fmt::Display, str::FromStr};

pub use lock::{Lock, LockKind};
pub use names::{Labels, SourceType};
pub use preset::{Preset, PresetId, PresetRoute, PresetSource};
pub use zone::{Place, Plan, Zone};

use ormatrix_protocol::{
    AncillaryInput, AudioInput, Failover, InputId, InputSpec, Leg, Level, Merge, OnLoss, OutputId,
    OutputSpec, OutputStream, spec::IdError,
};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use st2110::{
    format::VideoFormat,
    sdp::{Colorimetry, Range, TransferCharacteristic},
};

use crate::{actor::Actor, problem::Error};

/// What inputs and outputs have in common.
pub trait Stream: Clone + Send + Sync + 'static {
    /// Its name for programs.
    type Id: Clone + Ord + Display + FromStr<Err = IdError> + Send + Sync + 'static;
    /// `input` or `output`.
    const KIND: &'static str;

    /// Its name for programs.
    fn id(&self) -> &Self::Id;
    /// The levels it has, the picture first, and where each arrives or goes.
    fn levels(&self) -> Vec<(Level, &[Leg])>;
    /// Every one of its kind.
    fn all(inventory: &Inventory) -> &BTreeMap<Self::Id, Self>;
    /// There is none of that id, as an error.
    fn unknown(id: String) -> Error;

    /// Whether it has a level.
    fn has(&self, level: Level) -> bool {
        self.levels().iter().any(|(has, _)| *has == level)
    }
}

/// The legs of a picture and of what is beside it.
fn levels<'a>(
    video: &'a [Leg],
    audio: Option<&'a [Leg]>,
    ancillary: Option<&'a [Leg]>,
) -> Vec<(Level, &'a [Leg])> {
    let beside = [(Level::Audio, audio), (Level::Ancillary, ancillary)];
    let beside = beside.into_iter().filter_map(|(level, legs)| Some((level, legs?)));
    std::iter::once((Level::Video, video)).chain(beside).collect()
}

/// What enters the matrix.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Input {
    /// Its name for programs.
    pub id: InputId,
    /// Its name for people, 1 to 80 characters.
    pub label: String,
    /// That name in other languages.
    pub labels: Labels,
    /// Where it stands, up to 80 characters; empty when nobody said.
    pub zone: String,
    /// What kind of device it is.
    pub source_type: SourceType,
    /// What it sends.
    pub video: VideoFormat,
    /// Where it arrives.
    pub legs: Vec<Leg>,
    /// RTP payload type, 96 to 127.
    pub payload_type: u8,
    /// Longest UDP datagram with its header: 1460, or up to 8960 (ST 2110-10 §6.4).
    pub max_udp: u16,
    /// How its sample values are meant; for its SDP.
    pub colour: Colour,
    /// How two legs become one stream.
    pub merge: Merge,
    /// Its sound.
    pub audio: Option<AudioInput>,
    /// Its ancillary data.
    pub ancillary: Option<AncillaryInput>,
    /// What stands in for it when it fails.
    pub failover: Failover,
}

/// How sample values are meant (ST 2110-20 §7.3, §7.5, §7.6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Colour {
    /// Colorimetry.
    pub colorimetry: Colorimetry,
    /// Transfer characteristic; SDR where not given.
    pub tcs: Option<TransferCharacteristic>,
    /// Range; narrow where not given.
    pub range: Option<Range>,
}

impl Default for Colour {
    fn default() -> Self {
        Self { colorimetry: Colorimetry::Bt709, tcs: None, range: None }
    }
}

impl Input {
    /// What the router needs to know of it.
    pub fn spec(&self) -> InputSpec {
        InputSpec {
            id: self.id.clone(),
            video: self.video,
            legs: self.legs.clone(),
            merge: self.merge,
            payload_type: self.payload_type,
            max_udp: self.max_udp,
            label: Some(self.label.clone()),
            audio: self.audio.clone(),
            ancillary: self.ancillary.clone(),
            failover: self.failover.clone(),
        }
    }
}

/// What leaves the matrix.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Output {
    /// Its name for programs.
    pub id: OutputId,
    /// Its name for people, 1 to 80 characters.
    pub label: String,
    /// That name in other languages.
    pub labels: Labels,
    /// Where it stands, up to 80 characters; empty when nobody said.
    pub zone: String,
    /// The input that it shows when it is parked; nothing where not given.
    pub park: Option<InputId>,
    /// Where it goes.
    pub legs: Vec<Leg>,
    /// RTP payload type, 96 to 127.
    pub payload_type: u8,
    /// The synchronisation source it keeps through every take.
    pub ssrc: u32,
    /// IP time to live or hop limit, 1 to 255.
    pub ttl: u8,
    /// Differentiated services code point, 0 to 63.
    pub dscp: u8,
    /// What the device behind it can show.
    pub accepts: Accepts,
    /// Where its sound goes.
    pub audio: Option<OutputStream>,
    /// Where its ancillary data go.
    pub ancillary: Option<OutputStream>,
    /// What it sends when its input is lost and nothing stands in.
    pub on_loss: OnLoss,
}

impl Output {
    /// What the router needs to know of it.
    pub fn spec(&self) -> OutputSpec {
        OutputSpec {
            id: self.id.clone(),
            legs: self.legs.clone(),
            payload_type: self.payload_type,
            ssrc: self.ssrc,
            ttl: self.ttl,
            dscp: self.dscp,
            audio: self.audio.clone(),
            ancillary: self.ancillary.clone(),
            on_loss: self.on_loss,
        }
    }
}

/// Which formats an output takes; in JSON `"any"` or a list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Accepts {
    /// Whatever comes.
    #[default]
    Any,
    /// One of these.
    Formats(Vec<VideoFormat>),
}

impl Accepts {
    /// Whether a stream of this format may be routed there.
    pub fn takes(&self, format: &VideoFormat) -> bool {
        match self {
            Self::Any => true,
            Self::Formats(formats) => formats.contains(format),
        }
    }

    /// The format, when there is only one.
    pub fn only(&self) -> Option<VideoFormat> {
        match self {
            Self::Formats(formats) if formats.len() == 1 => formats.first().copied(),
            _ => None,
        }
    }
}

impl Serialize for Accepts {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Any => serializer.serialize_str("any"),
            Self::Formats(formats) => formats.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Accepts {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl<'de> de::Visitor<'de> for Visitor {
            type Value = Accepts;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("\"any\" or a list of video formats")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Accepts, E> {
                match text {
                    "any" => Ok(Accepts::Any),
                    _ => Err(E::invalid_value(de::Unexpected::Str(text), &self)),
                }
            }

            fn visit_seq<A: de::SeqAccess<'de>>(self, mut seq: A) -> Result<Accepts, A::Error> {
                let mut formats = Vec::new();
                while let Some(format) = seq.next_element()? {
                    formats.push(format);
                }
                Ok(Accepts::Formats(formats))
            }
        }
        deserializer.deserialize_any(Visitor)
    }
}

/// Everything known by name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Inventory {
    /// By id.
    pub inputs: BTreeMap<InputId, Input>,
    /// By id.
    pub outputs: BTreeMap<OutputId, Output>,
    /// By id.
    pub presets: BTreeMap<PresetId, Preset>,
    /// By name.
    pub zones: BTreeMap<String, Zone>,
    /// Outputs that are kept as they are, expired ones too until somebody looks.
    pub locks: BTreeMap<OutputId, Lock>,
}

impl Inventory {
    /// Another of the same kind with a level on one of the same addresses, and that leg. One
    /// address on two interfaces is two, as it is for the router.
    pub fn rival<T: Stream>(&self, stream: &T) -> Option<(&T, Leg)> {
        let ours = stream.levels();
        let taken = |other: &T| {
            let theirs = other.levels();
            let mut theirs = theirs.iter().flat_map(|(_, legs)| *legs);
            theirs.find_map(|held| {
                let mut ours = ours.iter().flat_map(|(_, legs)| *legs);
                ours.find(|leg| same_address(leg, held)).cloned()
            })
        };
        let others = T::all(self).values().filter(|other| other.id() != stream.id());
        others.into_iter().find_map(|other| taken(other).map(|leg| (other, leg)))
    }

    /// The lock of an output, unless its time is over.
    pub fn lock(&self, output: &OutputId, unix_ns: u64) -> Option<&Lock> {
        self.locks.get(output).filter(|lock| !lock.expired(unix_ns))
    }

    /// Whether somebody may change what an output shows, as an error if not.
    pub fn unlocked(&self, output: &OutputId, actor: &Actor, unix_ns: u64) -> Result<(), Error> {
        match self.lock(output, unix_ns) {
            Some(lock) if !lock.lets(&actor.name) => {
                Err(Error::Locked { output: output.clone(), lock: lock.clone() })
            }
            _ => Ok(()),
        }
    }

    /// What would be without an input: presets that recall it, outputs that are parked on it.
    pub fn users_of_input(&self, input: &InputId) -> Vec<String> {
        let presets = self
            .presets
            .values()
            .filter(|preset| preset.routes.iter().any(|route| route.source.input() == Some(input)));
        let outputs = self.outputs.values().filter(|output| output.park.as_ref() == Some(input));
        presets
            .map(|preset| format!("preset '{}'", preset.id))
            .chain(outputs.map(|output| format!("output '{}' (park)", output.id)))
            .collect()
    }

    /// What would be without an output: presets that recall something on it.
    pub fn users_of_output(&self, output: &OutputId) -> Vec<String> {
        let presets = self.presets.values();
        let presets =
            presets.filter(|preset| preset.routes.iter().any(|route| route.output == *output));
        presets.map(|preset| format!("preset '{}'", preset.id)).collect()
    }

    /// The inputs that name this one as a backup.
    pub fn backed_by<'a>(&'a self, backup: &'a InputId) -> impl Iterator<Item = &'a Input> {
        self.inputs.values().filter(move |input| input.failover.backups.contains(backup))
    }
}

/// Whether two legs meet: one address and port on one interface.
pub fn same_address(one: &Leg, other: &Leg) -> bool {
    one.socket_address() == other.socket_address() && one.interface == other.interface
}

impl Stream for Input {
    type Id = InputId;
    const KIND: &'static str = "input";

    fn id(&self) -> &InputId {
        &self.id
    }

    fn levels(&self) -> Vec<(Level, &[Leg])> {
        let audio = self.audio.as_ref().map(|audio| audio.legs.as_slice());
        let ancillary = self.ancillary.as_ref().map(|ancillary| ancillary.legs.as_slice());
        levels(&self.legs, audio, ancillary)
    }

    fn all(inventory: &Inventory) -> &BTreeMap<InputId, Self> {
        &inventory.inputs
    }

    fn unknown(id: String) -> Error {
        Error::UnknownInput(id)
    }
}

impl Stream for Output {
    type Id = OutputId;
    const KIND: &'static str = "output";

    fn id(&self) -> &OutputId {
        &self.id
    }

    fn levels(&self) -> Vec<(Level, &[Leg])> {
        let audio = self.audio.as_ref().map(|audio| audio.legs.as_slice());
        let ancillary = self.ancillary.as_ref().map(|ancillary| ancillary.legs.as_slice());
        levels(&self.legs, audio, ancillary)
    }

    fn all(inventory: &Inventory) -> &BTreeMap<OutputId, Self> {
        &inventory.outputs
    }

    fn unknown(id: String) -> Error {
        Error::UnknownOutput(id)
    }
}

/// An id made from a label: lower case, letters and digits, hyphens between; `fallback`
/// where nothing of the label remains. At most 48 octets, so that a number may follow.
pub fn slug(label: &str, fallback: &str) -> String {
    let mut id = String::new();
    for character in label.chars() {
        let lower = character.to_lowercase().next().unwrap_or(character);
        let plain = match lower {
            'ä' | 'æ' => "ae",
            'ö' | 'ø' | 'œ' => "oe",
            'ü' => "ue",
            'ß' => "ss",
            'à' | 'á' | 'â' | 'ã' | 'å' => "a",
            'ç' | 'č' => "c",
            'è' | 'é' | 'ê' | 'ë' => "e",
            'ì' | 'í' | 'î' | 'ï' => "i",
            'ñ' => "n",
            'ò' | 'ó' | 'ô' | 'õ' => "o",
            'ù' | 'ú' | 'û' => "u",
            _ => "",
        };
        if lower.is_ascii_alphanumeric() {
            id.push(lower);
        } else if !plain.is_empty() {
            id.push_str(plain);
        } else if !id.is_empty() && !id.ends_with('-') {
            id.push('-');
        }
        if id.len() >= 47 {
            break;
        }
    }
    let id = id.trim_end_matches('-');
    if id.is_empty() { fallback.to_owned() } else { id.to_owned() }
}

/// An id after the label that nothing has, with a number where needed.
pub fn free_id<Id: FromStr>(
    label: &str,
    fallback: &str,
    taken: impl Fn(&Id) -> bool,
) -> Option<Id> {
    let slug = slug(label, fallback);
    let numbered = (2..).map(|n| format!("{slug}-{n}"));
    std::iter::once(slug.clone())
        .chain(numbered)
        .filter_map(|id| id.parse().ok())
        .find(|id| !taken(id))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slugs_are_ids() {
        for (label, id) in [
            ("Endoscope 1", "endoscope-1"),
            ("  OR 3 – Überkopf-Kamera ", "or-3-ueberkopf-kamera"),
            ("手術", "input"),
            ("", "input"),
            ("A--B", "a-b"),
        ] {
            assert_eq!(slug(label, "input"), id);
        }
        let long = slug(&"ß".repeat(200), "input");
        assert!(long.parse::<InputId>().is_ok() && long.len() <= 48, "{long}");
    }

    #[test]
    fn accepts_is_any_or_a_list() {
        assert_eq!(serde_json::from_str::<Accepts>("\"any\"").unwrap(), Accepts::Any);
        assert_eq!(serde_json::from_str::<Accepts>("[]").unwrap(), Accepts::Formats(vec![]));
        let error = serde_json::from_str::<Accepts>("\"all\"").unwrap_err().to_string();
        assert!(error.contains("\"any\" or a list"), "{error}");
    }
}
