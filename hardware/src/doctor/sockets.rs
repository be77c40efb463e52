//! Batched UDP: what the kernel grants, tried on the loopback interface.
//!
//! A kernel's version does not tell whether segmentation works, and a socket option that was
//! accepted does not either: so one burst is sent and received.

use std::{
    io::IoSlice,
    net::{IpAddr, Ipv4Addr},
    time::Duration,
};

use ormatrix_io::{RxBatch, RxOptions, RxSocket, TxOptions, TxSocket};
use st2110::leg::Leg;

use super::{Area, Finding, Host, Verdict};

/// Packets of the trial burst, and octets of each: an ST 2110-20 packet of 1200 octets of
/// pixels with its headers.
const PACKETS: usize = 16;
const PACKET: usize = 1220;

/// Octets that 1080p60 4:2:2 10-bit brings in a frame: 4320 packets of 1220.
const FRAME: usize = 4320 * PACKET;

pub fn findings(host: &dyn Host) -> Vec<Finding> {
    let limit = |name: &str| host.read(&format!("/proc/sys/net/core/{name}"))?.parse().ok();
    let mut found = match try_loopback() {
        Ok(trial) => vec![
            receive_buffer(trial.granted, limit("rmem_max")),
            segmentation(trial.sent_at_once),
            coalescing(trial.most_in_one),
        ],
        Err(error) => vec![
            Finding::new(
                Area::Sockets,
                "loopback",
                Verdict::Missing,
                error,
                "A burst sent to this host's own loopback address did not arrive; nothing that \
             runs on one machine can work like this.",
            )
            .mended_by("ip link set lo up"),
        ],
    };
    found.push(send_buffer(limit("wmem_max")));
    found
}

/// What happened to the trial burst.
struct Trial {
    /// Octets of receive buffer, as asked for (the kernel doubles them for its own use).
    granted: usize,
    /// Whether the kernel took the burst in one send.
    sent_at_once: bool,
    /// Most packets that came in one receive.
    most_in_one: usize,
}

fn try_loopback() -> Result<Trial, String> {
    let any_port = Leg::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0);
    let rx = RxSocket::open(&any_port, &RxOptions::default()).map_err(|e| e.to_string())?;
    let address = rx.local_addr().map_err(|e| e.to_string())?;
    let leg = Leg::new(address.ip(), address.port());
    let mut tx = TxSocket::open(&leg, &TxOptions::default()).map_err(|e| e.to_string())?;
    let burst = vec![0x55; PACKETS * PACKET];
    tx.send(&[IoSlice::new(&burst)], PACKET).map_err(|e| format!("cannot send: {e}"))?;
    let mut batch = RxBatch::new(PACKETS, 1 << 16);
    let (mut arrived, mut most_in_one) = (0, 0);
    while arrived < PACKETS {
        if !rx.wait(Duration::from_secs(2)).map_err(|e| format!("cannot wait: {e}"))? {
            return Err(format!("{arrived} of {PACKETS} packets arrived"));
        }
        for index in 0..rx.receive(&mut batch).map_err(|e| format!("cannot receive: {e}"))? {
            let datagram = batch.datagram(index);
            let packets = datagram.octets.len().div_ceil(datagram.segment.max(1));
            arrived += packets;
            most_in_one = packets.max(most_in_one);
        }
    }
    Ok(Trial {
        granted: rx.receive_buffer().map_err(|e| e.to_string())? / 2,
        sent_at_once: tx.segmentation(),
        most_in_one,
    })
}

fn receive_buffer(granted: usize, limit: Option<usize>) -> Finding {
    let asked = RxOptions::default().receive_buffer;
    let verdict = match granted {
        _ if granted >= asked => Verdict::Good,
        _ if granted >= FRAME => Verdict::Fair,
        _ => Verdict::Missing,
    };
    let mut value = format!("{} granted of {} asked", octets(granted), octets(asked));
    if let Some(limit) = limit {
        let passed = if granted > limit { ", passed by privilege" } else { "" };
        value = format!("{value} (net.core.rmem_max {}{passed})", octets(limit));
    }
    Finding::new(
        Area::Sockets,
        "receive-buffer",
        verdict,
        value,
        format!(
            "What arrives while a program has no core waits here, and what does not fit is \
             lost. One frame of 1080p60 at 10 bit is {}; a buffer below that loses pictures \
             whenever the host hesitates.",
            octets(FRAME)
        ),
    )
    .mended_by("install -m 644 hardware/sysctl/60-ormatrix.conf /etc/sysctl.d/ && sysctl --system")
}

fn send_buffer(limit: Option<usize>) -> Finding {
    let asked = TxOptions::default().send_buffer;
    let (verdict, value) = match limit {
        None => (Verdict::Unknown, "not told".to_owned()),
        Some(limit) => (
            if limit >= asked { Verdict::Good } else { Verdict::Fair },
            format!("up to {} of {} asked", octets(limit.min(asked)), octets(asked)),
        ),
    };
    Finding::new(
        Area::Sockets,
        "send-buffer",
        verdict,
        value,
        "Packets wait here for the network card. With too little room a burst is refused, and \
         the router counts it as send_failed.",
    )
    .mended_by("install -m 644 hardware/sysctl/60-ormatrix.conf /etc/sysctl.d/ && sysctl --system")
}

fn segmentation(sent_at_once: bool) -> Finding {
    Finding::new(
        Area::Sockets,
        "gso",
        if sent_at_once { Verdict::Good } else { Verdict::Fair },
        if sent_at_once {
            format!("{PACKETS} packets left in one send over loopback")
        } else {
            "refused: packets are sent one by one".to_owned()
        },
        "UDP_SEGMENT lets one system call send many packets. Without it (before Linux 4.18) \
         sending costs about twenty times the processor time.",
    )
}

fn coalescing(most_in_one: usize) -> Finding {
    Finding::new(
        Area::Sockets,
        "gro",
        if most_in_one > 1 { Verdict::Good } else { Verdict::Fair },
        format!("{most_in_one} of {PACKETS} packets came in one receive over loopback"),
        "UDP_GRO hands over a run of packets as one. Without it (before Linux 5.0) receiving \
         costs about eight times the processor time.",
    )
}

/// Octets in the largest unit that keeps them readable.
fn octets(octets: usize) -> String {
    match octets {
        0..1024 => format!("{octets} octets"),
        1024..1_048_576 => format!("{} KiB", octets >> 10),
        _ => format!("{:.1} MiB", octets as f64 / f64::from(1 << 20)).replace(".0 ", " "),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_buffer_below_a_frame_is_missing() {
        let small = receive_buffer(212_992, Some(212_992));
        assert_eq!(small.verdict, Verdict::Missing);
        assert_eq!(small.value, "208 KiB granted of 32 MiB asked (net.core.rmem_max 208 KiB)");
        assert!(small.remedy.unwrap().contains("60-ormatrix.conf"));
        assert_eq!(receive_buffer(8 << 20, Some(8 << 20)).verdict, Verdict::Fair);
        let forced = receive_buffer(32 << 20, Some(4 << 20));
        assert_eq!(forced.verdict, Verdict::Good);
        assert!(forced.value.ends_with("passed by privilege)"), "{}", forced.value);
    }

    #[test]
    fn a_short_send_buffer_is_told() {
        assert_eq!(send_buffer(Some(16 << 20)).value, "up to 8 MiB of 8 MiB asked");
        assert_eq!(send_buffer(Some(212_992)).verdict, Verdict::Fair);
        assert_eq!(send_buffer(None).verdict, Verdict::Unknown);
    }

    #[test]
    fn what_came_apart_is_no_offload() {
        assert_eq!(coalescing(1).verdict, Verdict::Fair);
        assert_eq!(coalescing(16).verdict, Verdict::Good);
        assert_eq!(segmentation(false).verdict, Verdict::Fair);
    }

    #[test]
    fn the_trial_burst_comes_back() {
        let trial = try_loopback().unwrap();
        assert!(trial.granted > 0 && (1..=PACKETS).contains(&trial.most_in_one));
    }
}
