//! UDP datagrams out of captured frames.

use std::net::{IpAddr, SocketAddr};

use etherparse::{
    EtherType, IpNumber, LaxLinkExtSlice, LaxNetSlice, LaxSlicedPacket, TransportSlice,
};
use pcap_parser::Linktype;
use st2110::analysis::NetworkFacts;

use super::capture::Frame;

/// Octets of a UDP header.
const UDP_HEADER: usize = 8;

/// A UDP datagram, or the first fragment of one.
#[derive(Clone, Copy, Debug)]
pub struct Datagram<'a> {
    /// Who sent it.
    pub source: SocketAddr,
    /// Where to.
    pub destination: SocketAddr,
    /// What the headers say.
    pub facts: NetworkFacts,
    /// Its payload, as far as it was kept; of a fragment nothing.
    pub payload: &'a [u8],
    /// Octets the payload had.
    pub payload_octets: usize,
}

/// What a frame is.
#[derive(Clone, Copy, Debug)]
pub enum Content<'a> {
    /// UDP.
    Datagram(Datagram<'a>),
    /// A fragment behind the first, to this address.
    Fragment(IpAddr),
    /// Anything else.
    Other,
    /// Of a kind of link that is not read.
    UnknownLink,
}

/// Looks into a frame.
pub fn look<'a>(frame: &Frame<'a>) -> Content<'a> {
    let octets = frame.octets;
    let sliced = match frame.link {
        Linktype::ETHERNET => LaxSlicedPacket::from_ethernet(octets).ok(),
        Linktype::RAW | Linktype::IPV4 | Linktype::IPV6 => LaxSlicedPacket::from_ip(octets).ok(),
        // Linux cooked capture: the protocol at 14 of 16, or at 0 of 20 octets.
        Linktype::LINUX_SLL => cooked(octets, 14, 16),
        Linktype::LINUX_SLL2 => cooked(octets, 0, 20),
        _ => return Content::UnknownLink,
    };
    sliced.map_or(Content::Other, |sliced| of_sliced(frame, &sliced))
}

fn cooked(octets: &[u8], protocol_at: usize, header: usize) -> Option<LaxSlicedPacket<'_>> {
    let protocol = octets.get(protocol_at..)?.first_chunk::<2>()?;
    let protocol = EtherType(u16::from_be_bytes(*protocol));
    Some(LaxSlicedPacket::from_ether_type(protocol, octets.get(header..)?))
}

fn of_sliced<'a>(frame: &Frame<'_>, sliced: &LaxSlicedPacket<'a>) -> Content<'a> {
    let Some(net) = &sliced.net else { return Content::Other };
    let (source, destination, dscp, ttl, later_fragment): (IpAddr, IpAddr, _, _, _) = match net {
        LaxNetSlice::Ipv4(ip) => {
            let header = ip.header();
            (
                header.source_addr().into(),
                header.destination_addr().into(),
                header.dcp().value(),
                header.ttl(),
                header.fragments_offset().value() > 0,
            )
        }
        LaxNetSlice::Ipv6(ip) => {
            let header = ip.header();
            let later = ip.is_payload_fragmented() && !starts_datagram(ip.extensions().slice());
            (
                header.source_addr().into(),
                header.destination_addr().into(),
                header.dscp().value(),
                header.hop_limit(),
                later,
            )
        }
        LaxNetSlice::Arp(_) => return Content::Other,
    };
    let Some(ip_payload) = net.ip_payload_ref() else { return Content::Other };
    if ip_payload.ip_number != IpNumber::UDP {
        return Content::Other;
    }
    if later_fragment {
        return Content::Fragment(destination);
    }
    // etherparse leaves the UDP header of a fragment alone: it may not be whole.
    let (source_port, destination_port, length, payload) = match &sliced.transport {
        Some(TransportSlice::Udp(udp)) => {
            (udp.source_port(), udp.destination_port(), udp.length(), udp.payload())
        }
        _ => match ip_payload.payload.first_chunk::<UDP_HEADER>() {
            Some(header) => {
                let word = |at: usize| u16::from_be_bytes([header[at], header[at + 1]]);
                (word(0), word(2), word(4), &ip_payload.payload[UDP_HEADER..])
            }
            None => return Content::Other,
        },
    };
    let cut = frame.octets.len() < frame.length || ip_payload.fragmented;
    let announced = usize::from(length).saturating_sub(UDP_HEADER);
    let payload_octets = if cut { announced.max(payload.len()) } else { payload.len() };
    let destination_mac = match &sliced.link {
        Some(etherparse::LinkSlice::Ethernet2(ethernet)) => Some(ethernet.destination()),
        _ => None,
    };
    let vlan = sliced.link_exts.iter().find_map(|extension| match extension {
        LaxLinkExtSlice::Vlan(vlan) => {
            Some((vlan.vlan_identifier().value(), vlan.priority_code_point().value()))
        }
        LaxLinkExtSlice::Macsec(_) => None,
    });
    Content::Datagram(Datagram {
        source: SocketAddr::new(source, source_port),
        destination: SocketAddr::new(destination, destination_port),
        facts: NetworkFacts {
            destination,
            destination_mac,
            udp_octets: payload_octets + UDP_HEADER,
            dscp,
            ttl,
            vlan,
            fragmented: ip_payload.fragmented,
        },
        payload: if ip_payload.fragmented { &[] } else { payload },
        payload_octets,
    })
}

/// Whether IPv6 extension headers with a fragment header say offset 0: bits 0 to 12 of its
/// third and fourth octet. The fragment header is the last before the payload.
fn starts_datagram(extensions: &[u8]) -> bool {
    let from = extensions.len().saturating_sub(8);
    match extensions.get(from..) {
        Some(&[_, _, high, low, ..]) => u16::from_be_bytes([high, low]) >> 3 == 0,
        _ => true,
    }
}
