//! Between streams and their session descriptions (`st2110::sdp` reads and writes them).
//!
//! An input or output has one stream of each level: of a session with more, the first is
//! taken and the others are named.

use std::{
    fs,
    net::{IpAddr, Ipv4Addr},
    path::Path,
};

use ormatrix_protocol::{
    AncillaryInput, AudioInput, InputStream, Leg, Level, Merge, OutputStream,
    spec::standard_udp_limit,
};
use serde::Deserialize;
use st2110::{
    format::VideoFormat,
    rfc4175::FramePlan,
    sdp::{
        AncillaryParameters, AudioParameters, Essence, ReferenceClock, SdpError, SdpFault,
        SessionDescription, Stream, VideoParameters,
    },
    timing::{SenderType, limits},
};
use utoipa::IntoParams;

use crate::{
    inventory::{Colour, Input, Output},
    problem::Error,
    settings::OutputClock,
};

/// What an SDP does not say, beside `POST` or `PUT` of one.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct SdpQuery {
    /// With an SDP: the id; made from the label unless given.
    pub id: Option<String>,
    /// With an SDP: the label; the session's name unless given.
    pub label: Option<String>,
    /// With an SDP: where it stands.
    pub zone: Option<String>,
    /// With an SDP: accept what GStreamer and FFmpeg write.
    pub tolerant: bool,
}

/// What an SDP says of the streams of a device.
#[derive(Debug)]
pub struct Described {
    /// The session's name, if it has one.
    pub name: Option<String>,
    /// The picture's format.
    pub video: VideoFormat,
    /// Where the picture goes.
    pub legs: Vec<Leg>,
    /// RTP payload type of the picture.
    pub payload_type: u8,
    /// Longest UDP datagram with its header.
    pub max_udp: u16,
    /// How its sample values are meant.
    pub colour: Colour,
    /// Its sound.
    pub audio: Option<AudioInput>,
    /// Its ancillary data.
    pub ancillary: Option<AncillaryInput>,
    /// What was assumed or not taken over.
    pub warnings: Vec<String>,
}

/// Reads an SDP; the error points at the line and names the clause.
pub fn parse(text: &str, tolerant: bool) -> Result<Described, Error> {
    let (session, warnings) = if tolerant {
        SessionDescription::parse_tolerant(text).map_err(|error| refused(&error))?
    } else {
        let session = SessionDescription::parse(text).map_err(|error| {
            let mut error = refused(&error);
            let tolerable = || {
                SessionDescription::parse_tolerant(text).is_ok_and(|(it, _)| it.video().is_some())
            };
            if let Error::Sdp { reason, .. } = &mut error
                && tolerable()
            {
                reason.push_str("; or accept it as it is with ?tolerant=true");
            }
            error
        })?;
        (session, Vec::new())
    };
    for warning in &warnings {
        tracing::info!(%warning, "accepted an SDP that breaks a clause");
    }
    let mut warnings: Vec<String> = warnings.iter().map(ToString::to_string).collect();
    let Some((video, stream)) = session.video() else {
        return Err(refused(&SdpError { line: None, fault: SdpFault::VideoSections { found: 0 } }));
    };
    let interlace = video.format.fields() > 1;
    let audio = session.audio().next();
    let ancillary = session.ancillary().next();
    for level in Level::BESIDE {
        let of_level = session.streams.iter().filter(|stream| stream.essence.level() == level);
        for other in of_level.skip(1) {
            let place = other.legs.first().map(|leg| leg.leg.socket_address());
            let place = place.map_or_else(String::new, |place| format!(" at {place}"));
            warnings.push(format!(
                "the {level} stream{place} was not taken over: an input or output has one, and the \
                 first is it; add another with streams of its own for the others"
            ));
        }
    }
    let name = session.name.trim();
    Ok(Described {
        name: (!name.is_empty() && name != "-").then(|| name.to_owned()),
        video: video.format,
        legs: stream.to_legs(),
        payload_type: stream.payload_type(),
        max_udp: video.max_udp.unwrap_or(standard_udp_limit()),
        colour: Colour { colorimetry: video.colorimetry, tcs: video.transfer, range: video.range },
        audio: audio.map(|(audio, stream)| beside(audio.format.clone(), stream)),
        ancillary: ancillary.map(|(data, stream)| beside(data.format(interlace), stream)),
        warnings,
    })
}

fn beside<F>(format: F, stream: &Stream) -> InputStream<F> {
    InputStream {
        format,
        legs: stream.to_legs(),
        merge: Merge::default(),
        payload_type: stream.payload_type(),
    }
}

fn refused(error: &SdpError) -> Error {
    let reason = error.fault.to_string();
    // Every fault ends with the clause it breaks, in parentheses.
    let clause = reason.strip_suffix(')').and_then(|text| text.rsplit_once('('));
    let clause = clause.map(|(_, clause)| clause.to_owned());
    Error::Sdp { line: error.line.unwrap_or(0), reason, clause }
}

/// The SDP of an input: its sender's address stands there only if it was declared, since a
/// wrong source filter lets nothing through.
pub fn of_input(input: &Input) -> String {
    let leg = input.legs.first();
    let unicast = leg.map(|leg| leg.address).filter(|address| !address.is_multicast());
    let origin = leg.and_then(|leg| leg.source).or(unicast);
    let clock = local_clock(leg.and_then(interface));
    let mut sdp = SessionDescription::new(&input.label, UNKNOWN);
    let video = parameters(input.video, input.max_udp, input.colour);
    push(&mut sdp, video, &input.legs, input.payload_type, &clock);
    if let Some(InputStream { format, legs, payload_type, .. }) = &input.audio {
        push(&mut sdp, AudioParameters::new(format.clone()), legs, *payload_type, &clock);
    }
    if let Some(InputStream { format, legs, payload_type, .. }) = &input.ancillary {
        push(&mut sdp, AncillaryParameters::new(format), legs, *payload_type, &clock);
    }
    if let Some(origin) = origin {
        sdp.origin = origin.to_string();
    }
    sdp.session_id = session_id(input.id.as_str());
    sdp.to_string()
}

/// What an output sends beside its picture: as what is on those levels, if anything is known.
#[derive(Clone, Copy, Debug, Default)]
pub struct Beside<'a> {
    /// The sound.
    pub audio: Option<&'a AudioInput>,
    /// The ancillary data.
    pub ancillary: Option<&'a AncillaryInput>,
}

/// The SDP of an output in the formats of what is on it; `picture` is format, longest datagram
/// and meaning of the video, `take` the number of the last take that put something there,
/// `clock` what the settings say of the sources' clocks.
pub fn of_output(
    output: &Output,
    picture: (VideoFormat, u16, Colour),
    beside: &Beside<'_>,
    take: u64,
    clock: &OutputClock,
) -> String {
    let leg = output.legs.first();
    let origin = leg.and_then(sender_address);
    let clock = match clock {
        OutputClock::LocalMac => local_clock(leg.and_then(interface)),
        OutputClock::Ptp(clock) => clock.clone(),
    };
    let mut sdp = SessionDescription::new(&output.label, origin.unwrap_or(UNKNOWN));
    let (video, max_udp, colour) = picture;
    let video = parameters(video, max_udp, colour);
    push(&mut sdp, video, &output.legs, output.payload_type, &clock);
    if let (Some(OutputStream { legs, payload_type, .. }), Some(from)) =
        (&output.audio, beside.audio)
    {
        push(&mut sdp, AudioParameters::new(from.format.clone()), legs, *payload_type, &clock);
    }
    if let (Some(OutputStream { legs, payload_type, .. }), Some(from)) =
        (&output.ancillary, beside.ancillary)
    {
        push(&mut sdp, AncillaryParameters::new(&from.format), legs, *payload_type, &clock);
    }
    for leg in sdp.streams.iter_mut().flat_map(|stream| &mut stream.legs) {
        leg.ttl = leg.ttl.map(|_| output.ttl);
    }
    sdp.session_id = session_id(output.id.as_str());
    sdp.session_version = take.max(1);
    sdp.to_string()
}

fn push(
    sdp: &mut SessionDescription,
    essence: impl Into<Essence>,
    legs: &[Leg],
    payload_type: u8,
    clock: &ReferenceClock,
) {
    sdp.push(essence, legs, clock);
    for leg in sdp.streams.last_mut().into_iter().flat_map(|stream| &mut stream.legs) {
        leg.payload_type = payload_type;
    }
}

const UNKNOWN: IpAddr = IpAddr::V4(Ipv4Addr::UNSPECIFIED);

fn parameters(format: VideoFormat, max_udp: u16, colour: Colour) -> VideoParameters {
    let mut video = VideoParameters::new(format);
    video.colorimetry = colour.colorimetry;
    video.transfer = colour.tcs;
    video.range = colour.range;
    video.max_udp = (max_udp > standard_udp_limit()).then_some(max_udp);
    // Type W is defined below 900 000 packets a second only (ST 2110-21 §7.1.4).
    let packets = FramePlan::new(&format, max_udp).map(|plan| plan.packets());
    if packets.is_ok_and(|n| limits(&format, n, max_udp, SenderType::Wide).is_err()) {
        video.sender_type = SenderType::NarrowLinear;
    }
    video
}

/// The address that the kernel sends from to a leg.
fn sender_address(leg: &Leg) -> Option<IpAddr> {
    if leg.source.is_some() {
        return leg.source;
    }
    // Connecting a datagram socket chooses the address and sends nothing.
    let domain = socket2::Domain::for_address(leg.socket_address());
    let socket = socket2::Socket::new(domain, socket2::Type::DGRAM, None).ok()?;
    if let Some(interface) = &leg.interface {
        socket.bind_device(Some(interface.as_bytes())).ok()?;
    }
    socket.connect(&leg.socket_address().into()).ok()?;
    Some(socket.local_addr().ok()?.as_socket()?.ip())
}

fn interface(leg: &Leg) -> Option<&str> {
    leg.interface.as_deref()
}

/// The clock of a network interface: that of the leg, or the first that has an address.
/// Nothing more can be claimed of the sources' clocks.
fn local_clock(interface: Option<&str>) -> ReferenceClock {
    let address = |name: &str| {
        let text = fs::read_to_string(Path::new("/sys/class/net").join(name).join("address"));
        let octets = text.ok()?;
        let octets: Vec<u8> =
            octets.trim().split(':').map_while(|o| u8::from_str_radix(o, 16).ok()).collect();
        <[u8; 6]>::try_from(octets).ok()
    };
    let mut names: Vec<String> = fs::read_dir("/sys/class/net")
        .into_iter()
        .flatten()
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .collect();
    names.sort();
    let any = || names.iter().filter_map(|name| address(name)).find(|octets| *octets != [0; 6]);
    ReferenceClock::LocalMac(interface.and_then(address).or_else(any).unwrap_or_default())
}

/// The same number for the same stream, always (RFC 8866 §5.2); FNV-1a of its id.
fn session_id(id: &str) -> u64 {
    let hash = id.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, octet| {
        (hash ^ u64::from(octet)).wrapping_mul(0x0100_0000_01b3)
    });
    // Some readers hold it in a signed number.
    hash >> 1
}
