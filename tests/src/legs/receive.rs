//! The judge: every packet of the stream once, octet for octet as it was sent.

use std::time::Duration;

use ormatrix_io::{RxBatch, RxOptions, RxSocket};
use ormatrix_protocol::Leg;
use serde_json::{Value, json};

use super::Job;

/// Longest wait for the first packet.
const START: Duration = Duration::from_mins(1);

/// A silence that long is the end.
const END: Duration = Duration::from_secs(3);

/// Receives until the stream ends. Of the report, `wrong` counts packets that are none of the
/// stream, octet for octet; `twice` and `missing` are between the first and the last;
/// `out_of_order` counts steps to anything but the next number; `renumbered` counts packets
/// whose place in the output's sequence is not their place in the stream.
///
/// # Panics
/// When it cannot listen at `at`, an address and port.
pub fn run(job: &Job, at: &str) -> Value {
    let stream = job.stream();
    let at: std::net::SocketAddr = at.parse().expect("ADDRESS:PORT");
    let leg = Leg::new(at.ip(), at.port());
    let socket = RxSocket::open(&leg, &RxOptions { receive_buffer: 128 << 20 }).expect("a port");
    let mut batch = RxBatch::new(64, 1 << 16);
    let mut seen = vec![0_u8; stream.packets() as usize];
    let (mut packets, mut wrong, mut out_of_order, mut renumbered) = (0_u64, 0_u64, 0_u64, 0_u64);
    let mut last: Option<u64> = None;
    let mut shift: Option<u32> = None;
    let (mut ssrc, mut payload_type) = (None, None);
    let mut identities = 0_u64;
    eprintln!("listening");
    while socket.wait(if packets == 0 { START } else { END }).expect("a socket to wait on") {
        socket.receive(&mut batch).expect("a socket to read");
        for mut datagram in batch.datagrams() {
            for packet in datagram.segments() {
                packets += 1;
                let Some(number) = stream.recognise(packet) else {
                    wrong += 1;
                    continue;
                };
                seen[number as usize] = seen[number as usize].saturating_add(1);
                out_of_order += u64::from(last.is_some_and(|last| number != last + 1));
                last = Some(number);
                let sequence = u32::from_be_bytes([packet[12], packet[13], packet[2], packet[3]]);
                let shifted = sequence.wrapping_sub(number as u32);
                renumbered += u64::from(*shift.get_or_insert(shifted) != shifted);
                let identity = (Some(packet[8..12].to_vec()), Some(packet[1] & 0x7f));
                if identity != (ssrc.clone(), payload_type) {
                    (ssrc, payload_type) = identity;
                    identities += 1;
                }
            }
        }
    }
    let first = seen.iter().position(|times| *times > 0);
    let end = seen.iter().rposition(|times| *times > 0).map_or(0, |last| last + 1);
    let between = &seen[first.unwrap_or(end)..end];
    let missing: u64 = between.iter().map(|times| u64::from(*times == 0)).sum();
    json!({
        "packets": packets,
        "first": first,
        "end": end,
        "missing": missing,
        "twice": between.iter().filter(|times| **times > 1).count(),
        "wrong": wrong,
        "out_of_order": out_of_order,
        "renumbered": renumbered,
        "identities": identities,
        "kernel_drops": socket.kernel_drops(),
    })
}
