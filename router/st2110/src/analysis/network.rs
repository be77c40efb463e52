//! Below RTP: UDP length, fragments, DSCP, addresses (ST 2110-10 §6).

use std::net::IpAddr;

use serde::Serialize;

use super::verdict::{Outcome, Verdict};

/// What the headers below RTP say of a datagram.
#[derive(Clone, Copy, Debug)]
pub struct NetworkFacts {
    /// Where it is sent to.
    pub destination: IpAddr,
    /// Its Ethernet address, if the capture has it.
    pub destination_mac: Option<[u8; 6]>,
    /// Octets of the UDP datagram with its header.
    pub udp_octets: usize,
    /// Differentiated services code point.
    pub dscp: u8,
    /// Time to live, or hop limit.
    pub ttl: u8,
    /// VLAN, where there is a tag, and its priority.
    pub vlan: Option<(u16, u8)>,
    /// Whether it came in fragments.
    pub fragmented: bool,
}

/// A code point and how often it came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Dscp {
    /// 0 to 63.
    pub dscp: u8,
    /// Datagrams.
    pub datagrams: u64,
}

/// What was found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct NetworkReport {
    /// Datagrams looked at.
    pub datagrams: u64,
    /// The longest, with the UDP header.
    pub longest_udp_octets: usize,
    /// What is allowed.
    pub udp_limit: usize,
    /// Datagrams longer than that.
    pub too_long: u64,
    /// Datagrams in fragments.
    pub fragmented: u64,
    /// Code points, by value.
    pub dscp: Vec<Dscp>,
    /// Least time to live.
    pub least_ttl: Option<u8>,
    /// VLAN and priority of the last datagram that had a tag.
    pub vlan: Option<(u16, u8)>,
    /// Multicast datagrams whose Ethernet address is not that of their group.
    pub wrong_mac: u64,
    /// Whether they are multicast.
    pub multicast: bool,
}

/// Watches the headers below RTP.
#[derive(Clone, Debug)]
pub struct NetworkWatch {
    dscp: [u64; 64],
    report: NetworkReport,
    mac_known: bool,
}

impl NetworkWatch {
    /// `udp_limit` is 1460 unless the SDP says `MAXUDP`.
    pub const fn new(udp_limit: usize) -> Self {
        Self {
            dscp: [0; 64],
            mac_known: false,
            report: NetworkReport {
                datagrams: 0,
                longest_udp_octets: 0,
                udp_limit,
                too_long: 0,
                fragmented: 0,
                dscp: Vec::new(),
                least_ttl: None,
                vlan: None,
                wrong_mac: 0,
                multicast: false,
            },
        }
    }

    /// Takes a datagram in.
    #[inline]
    pub fn record(&mut self, facts: &NetworkFacts) {
        let report = &mut self.report;
        report.datagrams += 1;
        report.longest_udp_octets = report.longest_udp_octets.max(facts.udp_octets);
        report.too_long += u64::from(facts.udp_octets > report.udp_limit);
        report.fragmented += u64::from(facts.fragmented);
        self.dscp[usize::from(facts.dscp & 63)] += 1;
        report.least_ttl = Some(report.least_ttl.map_or(facts.ttl, |ttl| ttl.min(facts.ttl)));
        report.vlan = facts.vlan.or(report.vlan);
        report.multicast = facts.destination.is_multicast();
        if let (Some(expected), Some(mac)) = (group_mac(facts.destination), facts.destination_mac) {
            self.mac_known = true;
            report.wrong_mac += u64::from(mac != expected);
        }
    }

    /// What was found so far.
    pub fn report(&self) -> NetworkReport {
        let dscp = self.dscp.iter().enumerate().filter(|(_, datagrams)| **datagrams > 0);
        let dscp = dscp.map(|(dscp, datagrams)| Dscp { dscp: dscp as u8, datagrams: *datagrams });
        NetworkReport { dscp: dscp.collect(), ..self.report.clone() }
    }

    /// The checks of ST 2110-10.
    pub fn verdicts(&self) -> Vec<Verdict> {
        let report = self.report();
        let codes: Vec<_> = report.dscp.iter().map(|code| code.dscp.to_string()).collect();
        let mac = match (report.multicast, self.mac_known) {
            (false, _) => (Outcome::Unknown, "unicast".to_owned()),
            (true, false) => (Outcome::Unknown, "no Ethernet header".to_owned()),
            (true, true) => (Outcome::of(report.wrong_mac == 0), report.wrong_mac.to_string()),
        };
        vec![
            Verdict::new(
                "udp-length",
                Outcome::of(report.too_long == 0),
                format!("{} octets", report.longest_udp_octets),
                format!("{} octets", report.udp_limit),
                "ST 2110-10 §6.3",
            ),
            Verdict::none_of("ip-fragments", report.fragmented, "ST 2110-10 §6.3"),
            Verdict::new("group-address", mac.0, mac.1, "0 mismatches", "RFC 1112 §6.4"),
            Verdict::new(
                "dscp",
                if codes.len() > 1 { Outcome::Note } else { Outcome::Pass },
                codes.join(", "),
                "one; media is usually 34 (AF41)",
                "ST 2110-10 §6.2",
            ),
        ]
    }
}

/// The Ethernet address of a multicast group (RFC 1112 §6.4, RFC 2464 §7).
fn group_mac(address: IpAddr) -> Option<[u8; 6]> {
    if !address.is_multicast() {
        return None;
    }
    Some(match address {
        IpAddr::V4(address) => {
            let [_, high, middle, low] = address.octets();
            [0x01, 0x00, 0x5e, high & 0x7f, middle, low]
        }
        IpAddr::V6(address) => {
            let [.., a, b, c, d] = address.octets();
            [0x33, 0x33, a, b, c, d]
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_rule_has_its_counter() {
        let mut watch = NetworkWatch::new(1460);
        let good = NetworkFacts {
            destination: "239.129.1.2".parse().unwrap(),
            destination_mac: Some([1, 0, 0x5e, 1, 1, 2]),
            udp_octets: 1460,
            dscp: 34,
            ttl: 64,
            vlan: None,
            fragmented: false,
        };
        watch.record(&good);
        assert!(watch.verdicts().iter().all(|verdict| verdict.outcome == Outcome::Pass));
        watch.record(&NetworkFacts { udp_octets: 1461, dscp: 0, ..good });
        watch.record(&NetworkFacts { fragmented: true, ..good });
        watch.record(&NetworkFacts { destination_mac: Some([1, 0, 0x5e, 129, 1, 2]), ..good });
        let outcomes: Vec<_> = watch.verdicts().iter().map(|verdict| verdict.outcome).collect();
        assert_eq!(outcomes, [Outcome::Fail, Outcome::Fail, Outcome::Fail, Outcome::Note]);
        assert_eq!(group_mac("ff3e::8000:102".parse().unwrap()), Some([51, 51, 128, 0, 1, 2]));
    }
}
