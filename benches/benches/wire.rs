//! What reading, placing and thinning a 1080p 4:2:2 10-bit frame costs.
#![allow(missing_docs, reason = "criterion's macros make undocumented items")]

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use st2110::{
    format::VideoFormat,
    rfc4175::{FramePlan, PayloadHeader, Raster, STANDARD_UDP_LIMIT, samples::Decimator},
    rtp::RtpHeader,
};

fn frame() -> (VideoFormat, Vec<Vec<u8>>) {
    let format: VideoFormat = serde_json::from_value(serde_json::json!({
        "width": 1920, "height": 1080, "rate": "60", "sampling": "YCbCr-4:2:2", "depth": 10
    }))
    .unwrap();
    let plan = FramePlan::new(&format, STANDARD_UDP_LIMIT).unwrap();
    let packets = (0..plan.packets()).map(|index| {
        let planned = plan.packet(index).unwrap();
        let mut octets = vec![0x55; planned.packet_len()];
        planned.write_header(index as u32, 1, 2, 96, &mut octets);
        octets
    });
    (format, packets.collect())
}

fn read(packet: &[u8]) -> (RtpHeader, PayloadHeader) {
    let rtp = RtpHeader::parse(packet).unwrap();
    (rtp, PayloadHeader::parse(rtp.payload(packet)).unwrap())
}

fn wire(criterion: &mut Criterion) {
    let (format, packets) = frame();
    let raster = Raster::new(&format).unwrap();
    let mut picture = vec![0; raster.buffer_octets()];
    let mut group = criterion.benchmark_group("wire/1080p frame");
    group.throughput(Throughput::Elements(packets.len() as u64));
    group.bench_function("read headers", |bench| {
        bench.iter(|| packets.iter().map(|packet| read(packet).1.data_len()).sum::<usize>());
    });
    group.bench_function("read and place", |bench| {
        bench.iter(|| {
            for packet in &packets {
                let (rtp, header) = read(packet);
                let data = &rtp.payload(packet)[header.data_start..];
                raster.place(&header, data, &mut picture).unwrap();
            }
        });
    });
    let mut third = Decimator::new(&raster, 3).unwrap();
    let mut still = vec![0; third.i420_octets()];
    group.bench_function("thin to 640 wide", |bench| {
        bench.iter(|| third.i420(&picture, &mut still).unwrap());
    });
    group.finish();
}

criterion_group!(benches, wire);
criterion_main!(benches);
