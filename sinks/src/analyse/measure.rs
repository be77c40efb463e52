//! One stream, measured: what a capture file and a live tap have in common.

use std::net::SocketAddr;

use num_rational::Ratio;
use st2110::{
    analysis::{
        AncillaryAnalyser, AncillarySettings, Arrival, AudioAnalyser, AudioSettings, NetworkFacts,
        NetworkWatch, Recognition, StreamKind, VideoAnalyser, VideoSettings,
    },
    format::Scan,
    rfc4175::STANDARD_UDP_LIMIT,
    timing::SenderType,
};

use super::{
    AnalyseOptions,
    report::{Measured, StreamAnalysis},
};

/// Fewest RTP packets that make a stream; below it is noise.
pub const FEWEST_PACKETS: u64 = 8;

/// What a stream is held against.
#[derive(Clone, Debug)]
pub enum Expected {
    /// A picture.
    Video(Box<VideoSettings>),
    /// Sound.
    Audio(AudioSettings),
    /// Ancillary data.
    Ancillary(AncillarySettings),
    /// Nothing, for this reason.
    Unknown(&'static str),
}

impl Expected {
    /// What the packets look like, or what was told, and what was not told but inferred.
    pub fn of(
        recognition: &Recognition,
        told: Option<VideoSettings>,
        options: &AnalyseOptions,
    ) -> (Self, Vec<String>) {
        let mut inferred = Vec::new();
        let expected = match &recognition.kind {
            Ok(StreamKind::Audio(settings)) => {
                inferred.push(format!(
                    "{} {} Hz, {} channels, {} samples a packet",
                    settings.depth,
                    settings.clock_hz,
                    settings.channels,
                    settings.samples_per_packet
                ));
                Self::Audio(*settings)
            }
            Ok(StreamKind::Ancillary(seen)) => {
                inferred.push(match seen.rate {
                    Some(rate) => format!("ancillary data at {rate} frames a second"),
                    None => "ancillary data at an unknown rate".to_owned(),
                });
                let interlaced = Some(seen.interlaced);
                Self::Ancillary(AncillarySettings { rate: seen.rate, interlaced })
            }
            kind => {
                let (mut settings, packets_per_frame) = match (told, kind) {
                    (Some(settings), Ok(StreamKind::Video(seen))) => {
                        (settings, seen.packets_per_frame)
                    }
                    (Some(settings), _) => (settings, None),
                    (None, Ok(StreamKind::Video(seen))) => {
                        inferred.push(seen.format.to_string());
                        if seen.ambiguous {
                            inferred.push(
                                "other samplings fit as well: give --sdp or --format".to_owned(),
                            );
                        }
                        if seen.format.scan == Scan::Psf {
                            inferred.push("fields share a timestamp: taken as PsF".to_owned());
                        }
                        (VideoSettings::new(seen.format), seen.packets_per_frame)
                    }
                    (None, Ok(_)) => return (Self::Unknown("not video"), inferred),
                    (None, Err(reason)) => return (Self::Unknown(reason), inferred),
                };
                settings.packets_per_frame = packets_per_frame;
                if let Some(packets) = packets_per_frame {
                    inferred.push(format!("{packets} packets a frame"));
                }
                settings.sender_type = options.sender_type.or(settings.sender_type);
                settings.list_compatible = options.list_compatible;
                if let Some(us) = options.offset_us {
                    settings.offset_ns = Some(Ratio::from_integer(i128::from(us) * 1000));
                }
                Self::Video(Box::new(settings))
            }
        };
        (expected, inferred)
    }
}

/// Its place in the world.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Ends {
    /// Who sends.
    pub source: SocketAddr,
    /// Where to.
    pub destination: SocketAddr,
}

#[derive(Debug)]
enum Analyser {
    Video(Box<VideoAnalyser>),
    Audio(Box<AudioAnalyser>),
    Ancillary(Box<AncillaryAnalyser>),
    Unknown(&'static str),
}

/// A stream being measured.
#[derive(Debug)]
pub struct Measurement {
    ends: Ends,
    inferred: Vec<String>,
    sender_type: Option<SenderType>,
    /// SSRC and payload type, as far as they are known of a stream that is not measured.
    named: (Option<u32>, Option<u8>),
    network: NetworkWatch,
    analyser: Analyser,
}

impl Measurement {
    /// Nothing received yet.
    pub fn new(ends: Ends, expected: Expected) -> Self {
        let mut udp_limit = STANDARD_UDP_LIMIT;
        let mut sender_type = None;
        let analyser = match expected {
            Expected::Video(settings) => {
                udp_limit = settings.max_udp;
                sender_type = settings.sender_type;
                Analyser::Video(Box::new(VideoAnalyser::new(*settings)))
            }
            Expected::Audio(settings) => Analyser::Audio(Box::new(AudioAnalyser::new(settings))),
            Expected::Ancillary(settings) => {
                Analyser::Ancillary(Box::new(AncillaryAnalyser::new(settings)))
            }
            Expected::Unknown(reason) => Analyser::Unknown(reason),
        };
        Self {
            ends,
            inferred: Vec::new(),
            sender_type,
            named: (None, None),
            network: NetworkWatch::new(usize::from(udp_limit)),
            analyser,
        }
    }

    /// One whose packets have been looked at before.
    pub fn recognised(
        ends: Ends,
        recognition: &Recognition,
        told: Option<VideoSettings>,
        options: &AnalyseOptions,
    ) -> Self {
        let claimed = told.as_ref().and_then(|settings| settings.sender_type);
        let (expected, inferred) = Expected::of(recognition, told, options);
        Self {
            inferred,
            sender_type: options.sender_type.or(claimed),
            named: (recognition.ssrc, recognition.payload_type),
            ..Self::new(ends, expected)
        }
    }

    /// Takes a datagram in: what its headers say, and when it came.
    pub fn record(&mut self, facts: &NetworkFacts, arrival: &Arrival<'_>) {
        self.network.record(facts);
        if facts.fragmented {
            return;
        }
        match &mut self.analyser {
            Analyser::Video(analyser) => analyser.record(arrival),
            Analyser::Audio(analyser) => analyser.record(arrival),
            Analyser::Ancillary(analyser) => analyser.record(arrival),
            Analyser::Unknown(_) => {}
        }
    }

    /// What was measured so far; the stream is shown under a number.
    pub fn report(&self, number: usize) -> StreamAnalysis {
        let measured = match &self.analyser {
            Analyser::Video(analyser) => Measured::Video(Box::new(analyser.report())),
            Analyser::Audio(analyser) => Measured::Audio(Box::new(analyser.report())),
            Analyser::Ancillary(analyser) => Measured::Ancillary(Box::new(analyser.report())),
            Analyser::Unknown(reason) => Measured::Unknown { reason: (*reason).to_owned() },
        };
        let inferred = self.inferred.clone();
        let sender_type = self.sender_type;
        StreamAnalysis::new(
            number,
            self.ends,
            self.named,
            inferred,
            sender_type,
            &self.network,
            measured,
        )
    }
}
