//! The sender of both legs: one thread, so that the lag between them is kept exactly.

use std::io::{ErrorKind, IoSlice};

use ormatrix_io::{Clock, SystemClock, TxOptions, TxSocket, thread};
use serde_json::{Value, json};

use super::Job;
use crate::known::Known;

/// Packets that are due together.
const PACKETS_A_TICK: u64 = 8;

/// From the start of the program to the first packet.
const LEAD_NS: u64 = 100_000_000;

struct Leg {
    index: usize,
    socket: TxSocket,
    lag_ns: u64,
    /// The next tick to send.
    tick: u64,
    /// When each tick was sent.
    sent_at: Vec<u64>,
    sent: u64,
    dropped: u64,
}

/// Sends it all. The report says how many packets each leg sent and dropped, and the least
/// and the longest time by which the later leg was behind, as it really was.
///
/// # Panics
/// When a leg cannot be sent on.
pub fn run(job: &Job) -> Value {
    let stream = job.stream();
    let period_ns = job.format.rate.period_ns();
    let mut legs = [0, 1].map(|index| {
        let options = TxOptions { ttl: 8, ..TxOptions::default() };
        let socket = TxSocket::open(&job.legs[index], &options).expect("a leg to send on");
        let lag_ns = job.lag_us[index] * 1000;
        Leg { index, socket, lag_ns, tick: 0, sent_at: Vec::new(), sent: 0, dropped: 0 }
    });
    thread::precise_timers();
    // Where that is not allowed the lag may be worse, which the report tells.
    let _ = thread::prioritise(30);
    let clock = SystemClock;
    let start = clock.now() + LEAD_NS;
    let ticks = stream.packets().div_ceil(PACKETS_A_TICK);
    let due = |leg: &Leg| {
        start + leg.lag_ns + leg.tick * PACKETS_A_TICK * period_ns / stream.packets_per_frame()
    };
    while let Some(leg) = legs.iter_mut().filter(|leg| leg.tick < ticks).min_by_key(|leg| due(leg))
    {
        clock.sleep_until(due(leg));
        leg.sent_at.push(clock.now());
        leg.send(&stream);
    }
    let [first, second] = &legs;
    let lags = first.sent_at.iter().zip(&second.sent_at).map(|(a, b)| a.abs_diff(*b) / 1000);
    json!({
        "packets": stream.packets(),
        "sent": [first.sent, second.sent],
        "dropped": [first.dropped, second.dropped],
        "least_lag_us": lags.clone().min(),
        "most_lag_us": lags.max(),
    })
}

impl Leg {
    /// Sends what is due, but for what this leg loses, in as few calls as may be.
    fn send(&mut self, stream: &Known) {
        let first = self.tick * PACKETS_A_TICK;
        let end = (first + PACKETS_A_TICK).min(stream.packets());
        self.tick += 1;
        let mut number = first;
        while number < end {
            let lost = stream.is_lost(number, self.index);
            let behind =
                (number..end).find(|next| stream.is_lost(*next, self.index) != lost).unwrap_or(end);
            if lost {
                self.dropped += behind - number;
            } else {
                self.hand_over(stream.run(number..behind), stream.packet_octets());
                self.sent += behind - number;
            }
            number = behind;
        }
    }

    fn hand_over(&mut self, octets: &[u8], segment: usize) {
        let packets = octets.len() / segment;
        loop {
            match self.socket.send(&[IoSlice::new(octets)], segment) {
                Ok(left) => {
                    assert_eq!(left, packets, "a part of a gathered send");
                    return;
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => std::thread::yield_now(),
                Err(error) => panic!("leg {}: {error}", self.index),
            }
        }
    }
}
