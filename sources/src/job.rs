//! What is to be sent and where, checked as a whole before anything starts.

mod levels;

use std::net::SocketAddr;

use ormatrix_strip::{MarkError, Name};
use st2110::{
    format::{Depth, FormatError, Packing, Sampling, Scan, VideoFormat},
    leg::Leg,
    rfc4175::{FramePlan, PlanError, STANDARD_UDP_LIMIT},
    timing::{LimitsError, SenderType, limits},
};

use crate::{
    media::Input,
    options::Options,
    pattern::{Pattern, UnknownPattern},
    sender::WhenLate,
    shorthand::{Shorthand, ShorthandError},
};

pub use levels::{AncillaryPlan, AudioPlan, LevelError, SoundFrom};

/// Largest datagram ST 2110-10 allows at all, UDP header included.
const EXTENDED_UDP_LIMIT: u16 = 8960;

/// A source that can be started.
#[derive(Clone, Debug)]
pub struct Job {
    /// Where pictures come from.
    pub input: Input,
    /// Whether strip and text are written into them.
    pub marked: bool,
    /// Name in the strip.
    pub name: Name,
    /// Name in the text and in the SDP.
    pub label: String,
    /// Id to register as.
    pub id: String,
    /// Zone to register in.
    pub zone: String,
    /// The wire format.
    pub format: VideoFormat,
    /// Largest datagram, UDP header included.
    pub max_udp: u16,
    /// ST 2110-21 sender type.
    pub sender_type: SenderType,
    /// What to do when too late.
    pub when_late: WhenLate,
    /// The longest burst in packets: CMAX, if not set otherwise.
    pub burst: u32,
    /// Receivers; one or two.
    pub legs: Vec<Leg>,
    /// Sound, if there is any.
    pub audio: Option<AudioPlan>,
    /// Ancillary data, if there are any.
    pub ancillary: Option<AncillaryPlan>,
    /// Everything else as set.
    pub options: Options,
    /// What the user should know but need not mend.
    pub warnings: Vec<String>,
}

impl Job {
    /// Checks settings.
    pub fn new(options: Options) -> Result<Self, JobError> {
        let mut warnings = Vec::new();
        let input = input(&options)?;
        let format = format(&options)?;
        let max_udp = options.max_udp.unwrap_or(STANDARD_UDP_LIMIT);
        if max_udp > EXTENDED_UDP_LIMIT {
            return Err(JobError::MaxUdp(max_udp));
        }
        let packets = FramePlan::new(&format, max_udp)?.packets();
        let (sender_type, cmax) = sender_type(&options, &format, packets, max_udp, &mut warnings)?;
        let burst = options.burst.unwrap_or(cmax).max(1);
        if burst > cmax {
            warnings.push(format!(
                "bursts of {burst} packets: {sender_type} allows {cmax} (CMAX, ST 2110-21 §7.1), \
                 switches and receivers may drop packets"
            ));
        }
        let when_late = options
            .when_late
            .as_deref()
            .map_or(Ok(WhenLate::default()), str::parse)
            .map_err(JobError::WhenLate)?;
        let id = options.id.clone().unwrap_or_else(|| default_id(&input));
        let label = options.label.clone().unwrap_or_else(|| id.clone());
        let name = match &options.name {
            Some(name) => Name::new(name)?,
            None => Name::new(&label).unwrap_or_else(|error| {
                warnings.push(format!("in the strip, {error}"));
                Name::cut(&label)
            }),
        };
        for (what, value, low, high) in [
            ("payload_type", options.payload_type, 96, 127),
            ("dscp", options.dscp, 0, 63),
            ("priority", options.priority, 1, 99),
        ] {
            if let Some(value) = value.filter(|value| !(low..=high).contains(value)) {
                return Err(JobError::OutOfRange { what, value, low, high });
            }
        }
        let marked = options.mark.unwrap_or(!input.is_capture());
        let zone = options.zone.clone().unwrap_or_default();
        let legs_to = |to: &Option<Vec<String>>| legs(&options, to.as_deref().unwrap_or_default());
        let legs = legs_to(&options.to)?;
        let audio = levels::audio(&options, &input, &name, legs_to(&options.audio_to)?)?;
        let ancillary = levels::ancillary(&options, &format, legs_to(&options.ancillary_to)?)?;
        distinct(&[
            &legs,
            audio.as_ref().map_or(&[], |plan| &plan.legs),
            ancillary.as_ref().map_or(&[], |plan| &plan.legs),
        ])?;
        Ok(Self {
            input,
            marked,
            name,
            label,
            id,
            zone,
            format,
            max_udp,
            sender_type,
            when_late,
            burst,
            legs,
            audio,
            ancillary,
            options,
            warnings,
        })
    }

    /// The legs, of which sending needs at least one.
    pub fn receivers(&self) -> Result<&[Leg], JobError> {
        if self.legs.is_empty() { Err(JobError::NoReceiver) } else { Ok(&self.legs) }
    }
}

fn input(options: &Options) -> Result<Input, JobError> {
    let mut named: Vec<Input> = Vec::new();
    named.extend(options.file.clone().map(Input::File));
    named.extend(options.v4l2.clone().map(Input::V4l2));
    named.extend(options.decklink.map(Input::Decklink));
    named.extend(options.screen.filter(|wanted| *wanted).map(|_| Input::Screen));
    if let Some(pattern) = &options.pattern {
        named.push(Input::Pattern(pattern.parse()?));
    }
    match named.len() {
        0 => Ok(Input::Pattern(Pattern::Endoscope)),
        1 => Ok(named.remove(0)),
        _ => Err(JobError::SeveralInputs),
    }
}

fn default_id(input: &Input) -> String {
    match input {
        Input::Pattern(pattern) => pattern.to_string(),
        Input::File(path) => path
            .file_stem()
            .map_or_else(|| "file".to_owned(), |stem| stem.to_string_lossy().into_owned()),
        Input::V4l2(path) => path
            .file_name()
            .map_or_else(|| "v4l2".to_owned(), |name| name.to_string_lossy().into_owned()),
        Input::Decklink(number) => format!("decklink{number}"),
        Input::Screen => "screen".to_owned(),
    }
}

fn format(options: &Options) -> Result<VideoFormat, JobError> {
    let mut shorthand = Shorthand::parse(options.format.as_deref().unwrap_or("1080p60"))?;
    if let Some(scan) = &options.scan {
        shorthand.scan = scan.parse::<Scan>()?;
    }
    let sampling = options.sampling.as_deref().map_or(Ok(Sampling::YCbCr422), str::parse)?;
    let depth = options.depth.map_or(Ok(Depth::D10), |depth| depth.to_string().parse())?;
    let packing = options.packing.as_deref().map_or(Ok(Packing::Gpm), str::parse)?;
    Ok(shorthand.with(sampling, depth, packing))
}

fn sender_type(
    options: &Options,
    format: &VideoFormat,
    packets: usize,
    max_udp: u16,
    warnings: &mut Vec<String>,
) -> Result<(SenderType, u32), JobError> {
    let cmax = |wanted| limits(format, packets, max_udp, wanted).map(|limits| limits.cmax);
    let wanted = match options.sender_type.as_deref() {
        Some("N") => SenderType::Narrow,
        Some("NL") => SenderType::NarrowLinear,
        Some("W") => SenderType::Wide,
        Some(other) => return Err(JobError::SenderType(other.to_owned())),
        None => match cmax(SenderType::Wide) {
            Ok(cmax) => return Ok((SenderType::Wide, cmax)),
            Err(error) => {
                warnings.push(format!("{error}; this source sends as 2110TPNL"));
                SenderType::NarrowLinear
            }
        },
    };
    Ok((wanted, cmax(wanted)?))
}

fn legs(options: &Options, to: &[String]) -> Result<Vec<Leg>, JobError> {
    let interfaces = options.interface.as_deref().unwrap_or_default();
    // A level without receivers is none: what it lacks of interfaces does not matter.
    if to.len() > 2 || !to.is_empty() && interfaces.len() > to.len() || interfaces.len() > 2 {
        return Err(JobError::Legs { to: to.len(), interfaces: interfaces.len() });
    }
    let leg = |(index, text): (usize, &String)| {
        let address: SocketAddr = text.parse().map_err(|_| JobError::Receiver(text.clone()))?;
        if address.port() == 0 || address.ip().is_unspecified() {
            return Err(JobError::Receiver(text.clone()));
        }
        let interface = interfaces.get(index).or(interfaces.first()).cloned();
        Ok(Leg { source: options.source, interface, ..Leg::new(address.ip(), address.port()) })
    };
    to.iter().enumerate().map(leg).collect()
}

/// Refuses two streams to one place. Two legs of one may have the same group, on different
/// interfaces.
fn distinct(streams: &[&[Leg]]) -> Result<(), JobError> {
    for (index, stream) in streams.iter().enumerate() {
        for leg in streams.iter().skip(index + 1).copied().flatten() {
            let place = leg.socket_address();
            if stream.iter().any(|other| other.socket_address() == place) {
                return Err(JobError::SameReceiver(place));
            }
        }
    }
    Ok(())
}

/// Why settings make no source.
#[derive(Debug, thiserror::Error)]
pub enum JobError {
    /// More than one kind of input.
    #[error("name one of --pattern, --file, --v4l2, --decklink and --screen, not several")]
    SeveralInputs,
    /// Not a pattern.
    #[error(transparent)]
    Pattern(#[from] UnknownPattern),
    /// Not a format.
    #[error(transparent)]
    Shorthand(#[from] ShorthandError),
    /// Not a sampling, depth, scan or packing.
    #[error(transparent)]
    Format(#[from] FormatError),
    /// Not a raster that can be sent.
    #[error("this format cannot be sent: {0}")]
    Plan(#[from] PlanError),
    /// Not a sender type.
    #[error("'{0}' is not a sender type: N, NL or W")]
    SenderType(String),
    /// Not a choice for late packets.
    #[error("when_late is '{0}': rush or hold")]
    WhenLate(String),
    /// A sender type that the standard does not define here.
    #[error(transparent)]
    Limits(#[from] LimitsError),
    /// Not an address and port.
    #[error(
        "'{0}' is not a receiver: write ADDRESS:PORT, such as 239.0.0.1:5004 or [ff3e::1]:5004"
    )]
    Receiver(String),
    /// Nowhere to send to.
    #[error("there is no receiver: name one with --to ADDRESS:PORT")]
    NoReceiver,
    /// Too many legs or interfaces.
    #[error(
        "{to} receivers and {interfaces} interfaces: a stream has one or two legs, and one interface for all or one for each"
    )]
    Legs {
        /// Receivers named.
        to: usize,
        /// Interfaces named.
        interfaces: usize,
    },
    /// Two streams to one place.
    #[error("{0} is named for two streams: picture, sound and ancillary data need a port each")]
    SameReceiver(SocketAddr),
    /// Sound or ancillary data.
    #[error(transparent)]
    Level(#[from] LevelError),
    /// A name the strip cannot hold.
    #[error(transparent)]
    Name(#[from] MarkError),
    /// A datagram larger than allowed.
    #[error("max_udp is {0}, but the extended limit is {EXTENDED_UDP_LIMIT} (ST 2110-10 §6.4)")]
    MaxUdp(u16),
    /// A number out of its range.
    #[error("{what} is {value}, but must be {low} to {high}")]
    OutOfRange {
        /// The setting.
        what: &'static str,
        /// Its value.
        value: u8,
        /// Least.
        low: u8,
        /// Most.
        high: u8,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(change: impl FnOnce(&mut Options)) -> Result<Job, JobError> {
        let mut options = Options::default();
        change(&mut options);
        Job::new(options)
    }

    #[test]
    fn defaults_are_full_hd_wide() {
        let job = with(|_| ()).unwrap();
        assert_eq!(job.format.short_name(), "1080p60");
        assert_eq!((job.sender_type, job.burst), (SenderType::Wide, 16));
        assert!(job.marked && job.warnings.is_empty());
        assert!(matches!(job.receivers(), Err(JobError::NoReceiver)));
    }

    #[test]
    fn ultra_hd_is_narrow_linear_and_says_so() {
        let job = with(|options| options.format = Some("2160p60".into())).unwrap();
        assert_eq!((job.sender_type, job.burst), (SenderType::NarrowLinear, 24));
        assert!(job.warnings[0].contains("2110TPNL"), "{:?}", job.warnings);
        let forced = with(|options| {
            options.format = Some("2160p60".into());
            options.sender_type = Some("W".into());
        });
        assert!(matches!(forced, Err(JobError::Limits(_))));
    }

    #[test]
    fn captures_are_not_covered_and_inputs_do_not_mix() {
        assert!(!with(|options| options.screen = Some(true)).unwrap().marked);
        let both = with(|options| {
            options.screen = Some(true);
            options.pattern = Some("robot".into());
        });
        assert!(matches!(both, Err(JobError::SeveralInputs)));
    }

    #[test]
    fn bad_receivers_are_refused() {
        for to in ["localhost:5004", "10.0.0.1", "10.0.0.1:0", "0.0.0.0:5004", "10.0.0.1:70000"] {
            let job = with(|options| options.to = Some(vec![to.into()]));
            assert!(matches!(job, Err(JobError::Receiver(_))), "{to}");
        }
        let job = with(|options| {
            options.to = Some(vec!["[ff3e::1]:5004".into(), "10.0.0.1:5004".into()]);
        });
        assert_eq!(job.unwrap().legs.len(), 2);
    }

    #[test]
    fn a_label_too_long_for_the_strip_warns_and_a_name_errs() {
        let job =
            with(|options| options.label = Some("Laparoscope of the left side".into())).unwrap();
        assert_eq!(job.name.as_str(), "Laparoscope of t");
        assert_eq!(job.warnings.len(), 1);
        assert!(
            with(|options| options.name = Some("Laparoscope of the left side".into())).is_err()
        );
    }

    #[test]
    fn the_command_line_replaces_the_input_of_a_file() {
        let file = Options { pattern: Some("robot".into()), ttl: Some(3), ..Options::default() };
        let line = Options { file: Some("a.mp4".into()), ..Options::default() };
        let job = Job::new(line.or(file)).unwrap();
        assert_eq!(job.input, Input::File("a.mp4".into()));
        assert_eq!(job.options.ttl, Some(3));
    }
}
