//! What the router reports: signals, routes, counters.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use st2110::level::Level;

use crate::spec::{InputId, InputSpec, MonitorSpec, OutputId, OutputSpec, Take};

/// Everything a client needs to show the truth.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RouterStatus {
    /// Version of the router's program.
    pub version: String,
    /// Differs for every start of the router.
    pub instance: u64,
    /// When this instance started.
    pub started_at: u64,
    /// Lanes at work.
    pub lanes: u16,
    /// Every input, by id.
    pub inputs: Vec<InputStatus>,
    /// Every output, by id.
    pub outputs: Vec<OutputStatus>,
    /// Every monitor, by input.
    pub monitors: Vec<MonitorStatus>,
    /// Salvos that wait for their time, by take.
    #[serde(default, with = "by_take")]
    pub scheduled: BTreeMap<u64, Scheduled>,
}

/// Keys of JSON objects are text, and stay text inside of tagged messages: numbers are read
/// from them here.
mod by_take {
    use std::collections::BTreeMap;

    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    use super::Scheduled;

    pub fn serialize<S: Serializer>(
        scheduled: &BTreeMap<u64, Scheduled>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.collect_map(scheduled.iter().map(|(take, it)| (take.to_string(), it)))
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<BTreeMap<u64, Scheduled>, D::Error> {
        let scheduled = BTreeMap::<String, Scheduled>::deserialize(deserializer)?;
        let number = |take: &str| {
            take.parse().map_err(|_| D::Error::custom(format!("'{take}' is no number of a take")))
        };
        scheduled.into_iter().map(|(take, it)| Ok((number(&take)?, it))).collect()
    }
}

/// Takes that wait for their time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Scheduled {
    /// When, TAI ns since 1970.
    pub at: u64,
    /// What will be taken.
    pub takes: Vec<Take>,
}

/// One input now.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct InputStatus {
    /// What was asked for.
    pub spec: InputSpec,
    /// Whether pictures arrive.
    pub signal: Signal,
    /// What arrived since the router started.
    pub counters: InputCounters,
    /// The lane that receives it.
    pub lane: u16,
    /// The levels beside its picture.
    #[serde(default)]
    pub levels: BTreeMap<Level, InputLevel>,
    /// What was found about its picture.
    #[serde(default)]
    pub findings: Findings,
}

/// A level of an input beside its picture.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct InputLevel {
    /// Whether it arrives.
    pub signal: Signal,
    /// What arrived since the router started.
    pub counters: InputCounters,
}

/// What is found by looking at an input's picture, which packets alone do not tell.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Findings {
    /// Packets flow and the picture has not changed since then.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub frozen_since: Option<u64>,
    /// The picture has been black since then.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub black_since: Option<u64>,
    /// What arrives in place of the declared format, in words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub found_format: Option<String>,
}

/// One output now.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OutputStatus {
    /// What was asked for.
    pub spec: OutputSpec,
    /// What it shows.
    pub route: Route,
    /// What left since the router started.
    pub counters: OutputCounters,
    /// The levels beside its picture.
    #[serde(default)]
    pub levels: BTreeMap<Level, OutputLevel>,
}

/// A level of an output beside its picture.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OutputLevel {
    /// What is on it.
    pub route: Route,
    /// What left since the router started.
    pub counters: OutputCounters,
}

/// One monitor now.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MonitorStatus {
    /// What was asked for.
    pub spec: MonitorSpec,
    /// What left since the router started.
    pub counters: OutputCounters,
}

/// Whether an input can be vouched for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SignalState {
    /// Whole frames arrive.
    Ok,
    /// Frames arrive, but packets were lost or refused within the last second.
    Unstable,
    /// Nothing usable arrives.
    Lost,
}

/// The state of an input's signal and since when.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Signal {
    /// Now.
    pub state: SignalState,
    /// Since when.
    pub since: u64,
}

/// What an output does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RouteState {
    /// Nothing is routed.
    None,
    /// A take is under way: the old picture still runs, or the new one's first frame has begun.
    Switching,
    /// A take was made and its source has not sent a whole frame yet.
    Waiting,
    /// Whole frames of the input have left on this output.
    Live,
    /// It was live; the input's signal is lost.
    NoSignal,
}

/// What is on an output.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Route {
    /// What it shows or shall show.
    pub input: Option<InputId>,
    /// How far it is.
    pub state: RouteState,
    /// When this state began.
    pub since: u64,
    /// When the first whole frame of the input had left, if it has.
    pub confirmed_at: Option<u64>,
    /// Number of the take that asked for it; grows with every take of the router.
    pub take: u64,
    /// What is shown in its place, because it has failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stand_in: Option<StandIn>,
}

/// What an output shows in place of an input that has failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StandIn {
    /// One of its backups.
    Backup(InputId),
    /// A picture that says what is lost: the route's state is `no-signal`.
    Slate,
}

/// Names a reason in counters, metrics and messages.
macro_rules! reasons {
    ($(#[$meta:meta])* $name:ident { $($(#[$vmeta:meta])* $variant:ident = $text:literal),+ $(,)? }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum $name { $($(#[$vmeta])* #[serde(rename = $text)] $variant),+ }

        impl $name {
            /// Every reason; a reason's place in it is `reason as usize`.
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            /// The name in JSON and metrics.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text),+ }
            }
        }
    };
}

reasons! {
    /// Why a packet that arrived on an input was not accepted.
    DropReason {
        /// Not RTP version 2.
        Garbage = "garbage",
        /// Shorter than its own headers say.
        Truncated = "truncated",
        /// Longer than ST 2110-10 allows.
        Oversize = "oversize",
        /// Arrived as IP fragments, which ST 2110-10 forbids.
        Fragmented = "fragmented",
        /// RTCP on the media port; legal and ignored.
        Rtcp = "rtcp",
        /// An RTP payload type other than declared.
        PayloadType = "payload_type",
        /// A payload header that RFC 4175 does not know.
        PayloadHeader = "payload_header",
        /// Another synchronisation source while the present one is alive.
        WrongSsrc = "wrong_ssrc",
        /// Another sender's address while the present one is alive, or not the declared source.
        ForeignSender = "foreign_sender",
        /// Contradicts the declared format.
        Format = "format",
        /// Seen before on the same leg.
        Duplicate = "duplicate",
        /// The other leg's copy came first (ST 2022-7): as it should be.
        SecondCopy = "second_copy",
        /// Not of the stream that the other leg carries, or a jump that the next packet does
        /// not confirm.
        Stray = "stray",
        /// Too old to place in the sequence.
        Late = "late",
    }
}

reasons! {
    /// Why an accepted packet did not leave on an output that was on its input.
    WithheldReason {
        /// Before the first whole frame to join.
        BeforeJoin = "before_join",
        /// Belongs to a frame after the last one of this source.
        AfterLeave = "after_leave",
        /// A monitor rests between two frames.
        Thinned = "thinned",
        /// The kernel did not take it.
        SendFailed = "send_failed",
    }
}

/// What an input has seen. `packets` = accepted + the sum of `dropped`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct InputCounters {
    /// Packets that arrived.
    pub packets: u64,
    /// Their octets, UDP payload.
    pub bytes: u64,
    /// Frames that began.
    pub frames: u64,
    /// Frames that arrived complete.
    pub whole_frames: u64,
    /// Frames whose end never came.
    pub cut_frames: u64,
    /// Packets missing in the sequence, on every leg.
    pub lost_packets: u64,
    /// Packets not accepted; every [`DropReason`] that occurred.
    pub dropped: BTreeMap<DropReason, u64>,
    /// What each leg contributed, in the order of the legs.
    pub legs: Vec<LegCounters>,
}

/// What one leg of an input has seen.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct LegCounters {
    /// Whether the stream arrives on it now.
    pub alive: bool,
    /// Packets that arrived.
    pub packets: u64,
    /// Their octets, UDP payload.
    pub bytes: u64,
    /// Packets missing between others of this leg. A leg that fell silent has not lost
    /// packets, it is not `alive`.
    pub lost_packets: u64,
    /// How much later than on the other leg packets arrive, microseconds; what came first
    /// shows 0.
    pub behind_us: u32,
    /// Packets not accepted; every [`DropReason`] that occurred.
    pub dropped: BTreeMap<DropReason, u64>,
}

/// What an output has sent. Offered = `packets` + the sum of `withheld`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct OutputCounters {
    /// Packets sent.
    pub packets: u64,
    /// Their octets, UDP payload.
    pub bytes: u64,
    /// Whole frames sent.
    pub whole_frames: u64,
    /// Completed takes.
    pub takes: u64,
    /// Packets not sent; every [`WithheldReason`] that occurred.
    pub withheld: BTreeMap<WithheldReason, u64>,
    /// What the kernel said when it last refused to send, on whatever leg, if it ever did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub send_error: Option<String>,
    /// What left on each leg, in the order of the legs.
    pub legs: Vec<SentLegCounters>,
}

/// What one leg of an output has sent.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct SentLegCounters {
    /// Packets sent.
    pub packets: u64,
    /// Packets that the kernel would not send.
    pub failed_packets: u64,
    /// What the kernel said when it last refused to send, if it ever did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub send_error: Option<String>,
}

/// The counters of everything at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Telemetry {
    /// When.
    pub at: u64,
    /// By input.
    pub inputs: BTreeMap<InputId, InputCounters>,
    /// By output.
    pub outputs: BTreeMap<OutputId, OutputCounters>,
    /// By watched input.
    pub monitors: BTreeMap<InputId, OutputCounters>,
    /// By input and level beside the picture.
    #[serde(default)]
    pub input_levels: BTreeMap<InputId, BTreeMap<Level, InputCounters>>,
    /// By output and level beside the picture.
    #[serde(default)]
    pub output_levels: BTreeMap<OutputId, BTreeMap<Level, OutputCounters>>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn salvos_that_wait_survive_a_tagged_message() {
        let scheduled = Scheduled { at: 7, takes: Vec::new() };
        let status = RouterStatus {
            version: String::new(),
            instance: 1,
            started_at: 0,
            lanes: 1,
            inputs: Vec::new(),
            outputs: Vec::new(),
            monitors: Vec::new(),
            scheduled: BTreeMap::from([(12, scheduled)]),
        };
        let status = Box::new(status);
        for message in [
            crate::FromRouter::Hello { protocol: 2, status: status.clone() },
            crate::FromRouter::Reply { id: 1, result: Ok(crate::Reply::Status(status)) },
        ] {
            let line = serde_json::to_string(&message).unwrap();
            assert!(line.contains(r#""scheduled":{"12":"#), "{line}");
            assert_eq!(serde_json::from_str::<crate::FromRouter>(&line).unwrap(), message);
        }
        let wrong = r#"{"version":"","instance":1,"started_at":0,"lanes":1,"inputs":[],"outputs":[],
            "monitors":[],"scheduled":{"soon":{"at":1,"takes":[]}}}"#;
        let error = serde_json::from_str::<RouterStatus>(wrong).unwrap_err().to_string();
        assert!(error.contains("'soon' is no number"), "{error}");
    }

    #[test]
    fn reasons_keep_their_place() {
        for (place, reason) in DropReason::ALL.iter().enumerate() {
            assert_eq!(*reason as usize, place);
            assert_eq!(serde_json::to_value(reason).unwrap(), reason.as_str());
        }
        for (place, reason) in WithheldReason::ALL.iter().enumerate() {
            assert_eq!(*reason as usize, place);
        }
    }
}
