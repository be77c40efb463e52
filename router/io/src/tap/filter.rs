//! The program that the kernel runs on every packet that passes the interface: classic BPF
//! (socket(7), `SO_ATTACH_FILTER`), compiled to machine code where the host's JIT is on.
//!
//! Offsets are counted from the network header, so that one program serves links of any kind
//! and packets whose VLAN tag the kernel has put aside. Behind the first fragment of a
//! datagram there is no port: fragments are refused.

use std::net::{IpAddr, SocketAddr};

use socket2::SockFilter;

use super::Direction;

/// Most instructions of a program (`BPF_MAXINSNS`).
const LONGEST: usize = 4096;
/// Every octet of a packet.
const WHOLE: u32 = u32::MAX;

const ETHERTYPE_IPV4: u32 = 0x0800;
const ETHERTYPE_IPV6: u32 = 0x86dd;
const UDP: u32 = 17;
/// Of the last sixteen bits of a fragment's field: where it lies in its datagram.
const FRAGMENT_OFFSET: u32 = 0x1fff;

/// `ld`: into the accumulator.
const WORD: u16 = 0x20;
const HALF: u16 = 0x28;
const OCTET: u16 = 0x30;
/// `ldh [x + k]`.
const HALF_FROM_X: u16 = 0x48;
const LOAD: u16 = 0x60;
const STORE: u16 = 0x02;
const JUMP: u16 = 0x05;
const IF_EQUAL: u16 = 0x15;
const IF_GREATER: u16 = 0x25;
const IF_ANY_BIT: u16 = 0x45;
const AND: u16 = 0x54;
const SHIFT_LEFT: u16 = 0x64;
const TO_X: u16 = 0x07;
const FROM_X: u16 = 0x87;
const RETURN: u16 = 0x06;

const fn kernel(field: i32) -> u32 {
    (libc::SKF_AD_OFF + field).cast_unsigned()
}

const fn network(offset: i32) -> u32 {
    (libc::SKF_NET_OFF + offset).cast_unsigned()
}

const fn step(code: u16, k: u32) -> SockFilter {
    SockFilter::new(code, 0, 0, k)
}

const REFUSE: SockFilter = step(RETURN, 0);

/// Goes on behind the next instruction if the condition holds, else with it.
const fn skip_if(code: u16, k: u32) -> SockFilter {
    SockFilter::new(code, 1, 0, k)
}

/// Goes on with the next instruction if the condition holds, else `over` further.
const fn unless(code: u16, k: u32, over: u8) -> SockFilter {
    SockFilter::new(code, 0, over, k)
}

/// A program that lets UDP packets to these addresses through; `None` when it would be too
/// long.
pub fn program(direction: Direction, flows: &[SocketAddr]) -> Option<Vec<SockFilter>> {
    let v4 = ipv4(flows);
    let mut program = vec![step(WORD, kernel(libc::SKF_AD_PKTTYPE))];
    match direction {
        // To this host, to all, to a group: 0, 1 and 2.
        Direction::Incoming => program.extend([unless(IF_GREATER, 2, 1), REFUSE]),
        Direction::Outgoing => {
            program.extend([skip_if(IF_EQUAL, u32::from(libc::PACKET_OUTGOING)), REFUSE]);
        }
    }
    let over = u32::try_from(v4.len()).ok()? + 2;
    program.extend([
        step(WORD, kernel(libc::SKF_AD_PROTOCOL)),
        unless(IF_EQUAL, ETHERTYPE_IPV6, 1),
        step(JUMP, over),
        skip_if(IF_EQUAL, ETHERTYPE_IPV4),
        REFUSE,
    ]);
    program.extend(v4);
    program.extend(ipv6(flows));
    (program.len() <= LONGEST).then_some(program)
}

/// Address in memory word 0, port in X.
fn ipv4(flows: &[SocketAddr]) -> Vec<SockFilter> {
    let mut program = vec![
        step(OCTET, network(9)),
        skip_if(IF_EQUAL, UDP),
        REFUSE,
        step(HALF, network(6)),
        unless(IF_ANY_BIT, FRAGMENT_OFFSET, 1),
        REFUSE,
        // The header's length in words of four octets.
        step(OCTET, network(0)),
        step(AND, 0x0f),
        step(SHIFT_LEFT, 2),
        step(TO_X, 0),
        step(HALF_FROM_X, network(2)),
        step(TO_X, 0),
        step(WORD, network(16)),
        step(STORE, 0),
    ];
    for flow in flows {
        let IpAddr::V4(address) = flow.ip() else { continue };
        program.extend([
            step(LOAD, 0),
            unless(IF_EQUAL, address.to_bits(), 3),
            step(FROM_X, 0),
            unless(IF_EQUAL, u32::from(flow.port()), 1),
            step(RETURN, WHOLE),
        ]);
    }
    program.push(REFUSE);
    program
}

/// Address in memory words 0 to 3, port in X. Extension headers, which media never has, are
/// not looked behind.
fn ipv6(flows: &[SocketAddr]) -> Vec<SockFilter> {
    let mut program = vec![
        step(OCTET, network(6)),
        skip_if(IF_EQUAL, UDP),
        REFUSE,
        step(HALF, network(42)),
        step(TO_X, 0),
    ];
    for word in 0..4_u8 {
        let offset = 24 + 4 * i32::from(word);
        program.extend([step(WORD, network(offset)), step(STORE, u32::from(word))]);
    }
    for flow in flows {
        let IpAddr::V6(address) = flow.ip() else { continue };
        let bits = address.to_bits();
        for word in 0..4_u8 {
            let part = (bits >> (96 - 32 * u32::from(word))) as u32;
            // What is left of the eleven instructions of this address.
            let over = 11 - 2 * (word + 1);
            program.extend([step(LOAD, u32::from(word)), unless(IF_EQUAL, part, over)]);
        }
        program.extend([
            step(FROM_X, 0),
            unless(IF_EQUAL, u32::from(flow.port()), 1),
            step(RETURN, WHOLE),
        ]);
    }
    program.push(REFUSE);
    program
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_has_an_end() {
        let flow = |port| SocketAddr::from(([127, 0, 0, 1], port));
        let many: Vec<_> = (1..800).map(flow).collect();
        assert!(program(Direction::Incoming, &many).is_some());
        let too_many: Vec<_> = (1..900).map(flow).collect();
        assert!(program(Direction::Incoming, &too_many).is_none());
    }
}
