//! Between streams and their session descriptions (`st2110::sdp` reads and writes them).

use std::{
    fs,
    net::{IpAddr, Ipv4Addr},
    path::Path,
};

use ormatrix_protocol::{Leg, spec::standard_udp_limit};
use serde::Deserialize;
use st2110::{
    format::VideoFormat,
    rfc4175::FramePlan,
    sdp::{ReferenceClock, Sdp, SdpError, VideoParameters},
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

/// What an SDP says of a stream.
#[derive(Debug)]
pub struct Described {
    /// The session's name, if it has one.
    pub name: Option<String>,
    /// Its format.
    pub video: VideoFormat,
    /// Where it goes.
    pub legs: Vec<Leg>,
    /// RTP payload type.
    pub payload_type: u8,
    /// Longest UDP datagram with its header.
    pub max_udp: u16,
    /// How its sample values are meant.
    pub colour: Colour,
}

/// Reads an SDP; the error points at the line and names the clause.
pub fn parse(text: &str, tolerant: bool) -> Result<Described, Error> {
    let sdp = if tolerant {
        let (sdp, warnings) = Sdp::parse_tolerant(text).map_err(|error| refused(&error))?;
        for warning in warnings {
            tracing::info!(%warning, "accepted an SDP that breaks a clause");
        }
        sdp
    } else {
        Sdp::parse(text).map_err(|error| {
            let mut error = refused(&error);
            if let Error::Sdp { reason, .. } = &mut error
                && Sdp::parse_tolerant(text).is_ok()
            {
                reason.push_str("; or accept it as it is with ?tolerant=true");
            }
            error
        })?
    };
    let video = sdp.video;
    // The parser gives one leg or two.
    let payload_type = sdp.legs.first().map_or(Sdp::PAYLOAD_TYPE, |leg| leg.payload_type);
    let name = sdp.name.trim();
    Ok(Described {
        name: (!name.is_empty() && name != "-").then(|| name.to_owned()),
        video: video.format,
        legs: sdp.legs.into_iter().map(|leg| leg.leg).collect(),
        payload_type,
        max_udp: video.max_udp.unwrap_or(standard_udp_limit()),
        colour: Colour { colorimetry: video.colorimetry, tcs: video.transfer, range: video.range },
    })
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
    let video = parameters(input.video, input.max_udp, input.colour);
    let mut sdp =
        Sdp::new(&input.label, UNKNOWN, video, &input.legs, &local_clock(leg.and_then(interface)));
    if let Some(origin) = origin {
        sdp.origin = origin.to_string();
    }
    for leg in &mut sdp.legs {
        leg.payload_type = input.payload_type;
    }
    sdp.session_id = session_id(input.id.as_str());
    sdp.to_string()
}

/// The SDP of an output in the format of what it shows; `take` is the number of the take
/// that put it there, `clock` what the settings say of the sources' clocks.
pub fn of_output(
    output: &Output,
    video: VideoFormat,
    max_udp: u16,
    colour: Colour,
    take: u64,
    clock: &OutputClock,
) -> String {
    let leg = output.legs.first();
    let origin = leg.and_then(sender_address);
    let video = parameters(video, max_udp, colour);
    let clock = match clock {
        OutputClock::LocalMac => local_clock(leg.and_then(interface)),
        OutputClock::Ptp(clock) => clock.clone(),
    };
    let mut sdp = Sdp::new(&output.label, origin.unwrap_or(UNKNOWN), video, &output.legs, &clock);
    for leg in &mut sdp.legs {
        leg.payload_type = output.payload_type;
        leg.ttl = leg.ttl.map(|_| output.ttl);
    }
    sdp.session_id = session_id(output.id.as_str());
    sdp.session_version = take.max(1);
    sdp.to_string()
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
