//! Writing descriptions that foreign receivers open as they are.

use std::fmt;

use sdp_types::{Attribute, Connection, Media, MediaType, Origin, Session, Time};

use super::{Essence, Sdp, SdpLeg, SessionDescription};

impl fmt::Display for Sdp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        SessionDescription::from(self.clone()).fmt(f)
    }
}

impl fmt::Display for SessionDescription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = Vec::new();
        session(self).write(&mut text).map_err(|_| fmt::Error)?;
        f.write_str(&String::from_utf8_lossy(&text))
    }
}

/// The description as `sdp-types` has it, which strips what would break a line.
fn session(sdp: &SessionDescription) -> Session {
    let address_type =
        if sdp.origin.contains(':') { sdp_types::AddrType::Ip6 } else { sdp_types::AddrType::Ip4 };
    let origin = Origin::new(
        sdp.session_id,
        sdp.session_version,
        sdp_types::NetType::In,
        address_type,
        &sdp.origin,
    );
    // A session without a name has a space for it (RFC 8866 §5.3).
    let name = if sdp.name.is_empty() { " " } else { &sdp.name };
    let mut session = Session::new(origin, name);
    session.session_description.clone_from(&sdp.information);
    session.times.push(Time::new(0, 0));
    for stream in &sdp.streams {
        let mids: Vec<_> = stream.legs.iter().filter_map(|leg| leg.mid.as_deref()).collect();
        if mids.len() > 1 {
            let group = format!("DUP {}", mids.join(" "));
            session.attributes.push(Attribute::with_value("group", group));
        }
        session.medias.extend(stream.legs.iter().map(|leg| media(&stream.essence, leg)));
    }
    session
}

fn media(essence: &Essence, leg: &SdpLeg) -> Media {
    let (medium, map, parameters) = match essence {
        Essence::Video(video) => (MediaType::Video, "raw/90000".to_owned(), video.to_string()),
        Essence::Audio(audio) => (MediaType::Audio, audio.rtpmap(), audio.to_string()),
        Essence::Ancillary(ancillary) => {
            (MediaType::Video, "smpte291/90000".to_owned(), ancillary.to_string())
        }
    };
    let mut media =
        Media::new(medium, leg.leg.port, sdp_types::TransportProto::RtpAvp, leg.payload_type);
    let address = leg.leg.address;
    media.connections.push(Connection::from_ip_addr_ttl(address, leg.ttl));
    let mut attribute = |name: &str, value: String| {
        media.attributes.push(Attribute::with_value(name, value));
    };
    if let Some(source) = leg.leg.source {
        let family = if address.is_ipv4() { "IP4" } else { "IP6" };
        // RFC 4570 §3: a space follows the colon.
        attribute("source-filter", format!(" incl IN {family} {address} {source}"));
    }
    attribute("rtpmap", format!("{} {map}", leg.payload_type));
    if !parameters.is_empty() {
        attribute("fmtp", format!("{} {parameters}", leg.payload_type));
    }
    if let Essence::Audio(audio) = essence {
        attribute("ptime", audio.format.packet_time.ptime(audio.format.rate_hz).to_owned());
        if let Some(longest) = audio.maxptime() {
            attribute("maxptime", longest);
        }
    }
    for clock in &leg.reference_clocks {
        attribute("ts-refclk", clock.to_string());
    }
    if let Some(clock) = leg.media_clock {
        attribute("mediaclk", clock.to_string());
    }
    if let Some(mid) = &leg.mid {
        attribute("mid", mid.clone());
    }
    media
}
