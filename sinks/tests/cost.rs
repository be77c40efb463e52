//! What judging costs. Not part of a test run: it measures, and wants a quiet machine.
//!
//! `cargo test -p ormatrix-sink --test cost -- --ignored --nocapture`

use std::{
    io::IoSlice,
    sync::{Arc, atomic::AtomicBool, mpsc},
    thread,
    time::Duration,
};

use ormatrix_io::{Clock, SystemClock, TxOptions, TxSocket};
use ormatrix_sink::{
    check::{self, CheckOptions},
    stream::{Stream, format_name},
};
use st2110::{
    format::{Depth, Sampling, VideoFormat},
    leg::Leg,
    rfc4175::FramePlan,
};

const SECONDS: u64 = 10;

/// Packets of one gathered send, as a sender within CMAX of type W makes them.
const BURST: usize = 16;

#[test]
#[ignore = "measures the cost of judging on this machine"]
fn judging_1080p60() {
    let format = format_name::parse("1080p60", Sampling::YCbCr422, Depth::D10).unwrap();
    let stop = Arc::new(AtomicBool::new(false));
    let (open, opened) = mpsc::channel();
    let sender = thread::spawn(move || send(&format, &opened.recv().unwrap()));
    let mut stream = Stream::of(format, Leg::new("127.0.0.1".parse().unwrap(), 0));
    let options = CheckOptions {
        length: Some(Duration::from_secs(SECONDS + 1)),
        coalesce: Duration::from_micros(250),
        ..CheckOptions::default()
    };
    let report = check::run(&mut stream, &options, &stop, |addresses| {
        open.send(Leg::new(addresses[0].ip(), addresses[0].port())).unwrap();
    })
    .unwrap();
    let sent = sender.join().unwrap();
    println!("{report}");
    println!(
        "{sent} frames sent; judging took {:.1} % of one core, {:.0} ns a packet",
        report.cpu_seconds * 100.0 / SECONDS as f64,
        report.cpu_seconds * 1e9 / report.packets as f64
    );
}

fn send(format: &VideoFormat, leg: &Leg) -> u64 {
    let plan = FramePlan::new(format, 1460).unwrap();
    let picture = vec![0x5a_u8; plan.raster().buffer_octets()];
    let mut socket = TxSocket::open(leg, &TxOptions::default()).unwrap();
    let clock = SystemClock;
    let (start, period) = (clock.now(), format.rate.period_ns());
    let frames = SECONDS * 60;
    let mut sequence = 0_u32;
    for frame in 0..frames {
        for first in (0..plan.packets()).step_by(BURST) {
            clock.sleep_until(
                start + frame * period + period * first as u64 / plan.packets() as u64,
            );
            let mut headers = [[0_u8; 32]; BURST];
            let mut lengths = [0; BURST];
            let last = plan.packets().min(first + BURST);
            for (slot, index) in (first..last).enumerate() {
                let time = (frame * 1500) as u32;
                lengths[slot] = plan.header(index, sequence, time, 1, 96, &mut headers[slot]);
                sequence += 1;
            }
            let packets: Vec<_> = (first..last).map(|i| plan.packet(i).unwrap()).collect();
            let mut gather = Vec::new();
            for (slot, packet) in packets.iter().enumerate() {
                gather.push(IoSlice::new(&headers[slot][..lengths[slot]]));
                gather.extend(packet.ranges().iter().map(|r| IoSlice::new(&picture[r.clone()])));
            }
            socket.send(&gather, plan.max_packet_len()).unwrap();
        }
    }
    frames
}
