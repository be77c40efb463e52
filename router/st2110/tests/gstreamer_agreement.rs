//! Byte-for-byte agreement with `GStreamer`'s `rtpvrawpay` and `rtpvrawdepay`, for every
//! format that both sides have: UYVY, UYVP, I420, AYUV (4:4:4 8-bit) and RGB.
//!
//! `gst-launch-1.0` runs as a process; RTP goes through files in RFC 4571 framing
//! (`rtpstreampay`, `rtpstreamdepay`). Frames are `videotestsrc pattern=snow`.
//!
//! Where `GStreamer` 1.22 leaves the standards, as seen in its packets:
//! - `rtpvrawpay` always writes an extended sequence number of 0;
//! - it counts the lines of interlaced video through the frame (first field 0, 2, 4 …, second
//!   1, 3, 5 …) where ST 2110-20 §6.1.4 counts anew in each field: read here with
//!   [`Raster::with_frame_lines`];
//! - interlaced I420 cannot be read back at all: for a 32x16 frame the first field's rows
//!   are numbered 0, 4, 8, 12, but row 0 holds frame lines 0 and 1, one of each field, and
//!   the chroma of line 0 to 3 only (`lin / yinc` with a doubled `yinc`), so half of the
//!   chroma lines are never sent;
//! - `rtpvrawdepay` refuses interlaced video ("interlaced formats not supported yet");
//! - a packet takes as many segments as fit, more than the three of ST 2110-20 §6.2.1 when
//!   rows are much shorter than the MTU; the rasters here are wide enough.

#[path = "support/gstreamer.rs"]
mod gstreamer;

use std::{fs, path::Path};

use st2110::{
    format::{Depth, Packing, Rate, Sampling, Scan, VideoFormat},
    rfc4175::{
        Coverage, FramePlan, MAX_HEADER_LEN, PayloadHeader, Raster, STANDARD_UDP_LIMIT,
        samples::{pack, plane_size, unpack},
    },
    rtp::RtpHeader,
};

use self::gstreamer::{framed, launch};

/// Frames a test runs.
const FRAMES: usize = 2;

/// A `GStreamer` video format and what it is here.
#[derive(Clone, Copy)]
enum Layout {
    /// Pixel groups as on the wire.
    Packed,
    /// Planes of Y, Cb, Cr.
    I420,
    /// A, Y, Cb, Cr for each pixel; alpha is not sent.
    Ayuv,
}

struct Case {
    name: &'static str,
    layout: Layout,
    format: VideoFormat,
}

impl Case {
    fn new(name: &'static str, width: u16, height: u16, scan: Scan) -> Self {
        let (layout, sampling, depth) = match name {
            "UYVY" => (Layout::Packed, Sampling::YCbCr422, Depth::D8),
            "UYVP" => (Layout::Packed, Sampling::YCbCr422, Depth::D10),
            "RGB" => (Layout::Packed, Sampling::Rgb, Depth::D8),
            "AYUV" => (Layout::Ayuv, Sampling::YCbCr444, Depth::D8),
            "I420" => (Layout::I420, Sampling::YCbCr420, Depth::D8),
            _ => panic!("{name}"),
        };
        let rate = Rate::new(25, 1).unwrap();
        let packing = Packing::Gpm;
        let format = VideoFormat { width, height, rate, sampling, depth, scan, packing };
        Self { name, layout, format }
    }

    /// Our raster, at the stride of a `GStreamer` buffer where that is packed as ours is.
    fn raster(&self) -> Raster {
        let raster = Raster::new(&self.format).unwrap();
        match self.layout {
            Layout::Packed => raster.with_stride(raster.row_octets().next_multiple_of(4)).unwrap(),
            Layout::I420 | Layout::Ayuv => raster,
        }
    }

    /// Octets of a `GStreamer` frame.
    fn octets(&self) -> usize {
        let (width, height) = (usize::from(self.format.width), usize::from(self.format.height));
        match self.layout {
            Layout::Packed => self.raster().stride() * height,
            Layout::Ayuv => width * height * 4,
            Layout::I420 => {
                self.i420_planes().iter().map(|(_, stride, lines)| stride * lines).sum()
            }
        }
    }

    /// Start, stride and lines of each plane of a `GStreamer` I420 frame.
    fn i420_planes(&self) -> [(usize, usize, usize); 3] {
        let (width, height) = (usize::from(self.format.width), usize::from(self.format.height));
        let luma = width.next_multiple_of(4);
        let chroma = (width / 2).next_multiple_of(4);
        let half = height / 2;
        [
            (0, luma, height),
            (luma * height, chroma, half),
            (luma * height + chroma * half, chroma, half),
        ]
    }

    /// Components of a `GStreamer` frame that is not packed as ours is.
    fn components(&self, frame: &[u8]) -> [Vec<u8>; 3] {
        if let Layout::Ayuv = self.layout {
            return [1, 2, 3].map(|at| frame.chunks_exact(4).map(|pixel| pixel[at]).collect());
        }
        let raster = self.raster();
        let planes = self.i420_planes();
        [0, 1, 2].map(|component| {
            let (start, stride, lines) = planes[component];
            let (width, _) = plane_size(&raster, component);
            frame[start..start + stride * lines]
                .chunks(stride)
                .flat_map(|line| &line[..width])
                .copied()
                .collect()
        })
    }

    /// A `GStreamer` frame as our packed frame.
    fn packed(&self, frame: &[u8]) -> Vec<u8> {
        let raster = self.raster();
        if let Layout::Packed = self.layout {
            return frame[..raster.buffer_octets()].to_vec();
        }
        let mut packed = vec![0; raster.buffer_octets()];
        let components = self.components(frame);
        pack(&raster, components.each_ref().map(Vec::as_slice), &mut packed).unwrap();
        packed
    }

    /// Whether a `GStreamer` frame shows the same picture as our packed frame.
    fn assert_same(&self, packed: &[u8], frame: &[u8], what: &str) {
        let raster = self.raster();
        if let Layout::Packed = self.layout {
            for (line, (ours, theirs)) in
                packed.chunks(raster.stride()).zip(frame.chunks(raster.stride())).enumerate()
            {
                let octets = raster.row_octets();
                assert!(ours[..octets] == theirs[..octets], "{what}: {} line {line}", self.name);
            }
        } else {
            let theirs = self.components(frame);
            let mut ours = theirs.each_ref().map(|plane| vec![0_u8; plane.len()]);
            unpack(&raster, packed, ours.each_mut().map(Vec::as_mut_slice)).unwrap();
            for component in 0..3 {
                assert!(
                    ours[component] == theirs[component],
                    "{what}: {} component {component}",
                    self.name
                );
            }
        }
    }

    /// Makes frames in `raw`, and their packets from `rtpvrawpay` in `packets`.
    fn pay(&self, raw: &Path, packets: &Path) -> Vec<u8> {
        let VideoFormat { width, height, scan, .. } = self.format;
        let interlaced = if scan == Scan::Interlaced {
            "! capssetter caps=video/x-raw,interlace-mode=interleaved,field-order=top-field-first"
        } else {
            ""
        };
        launch(&format!(
            "videotestsrc num-buffers={FRAMES} pattern=snow \
             ! video/x-raw,format={},width={width},height={height},framerate=25/1 {interlaced} \
             ! tee name=tee ! queue ! filesink location={} \
             tee. ! queue ! rtpvrawpay ! rtpstreampay ! filesink location={}",
            self.name,
            raw.display(),
            packets.display()
        ));
        let frames = fs::read(raw).unwrap();
        assert_eq!(frames.len(), self.octets() * FRAMES, "{}", self.name);
        frames
    }
}

/// What `rtpvrawpay` sends is what the frame holds.
fn their_packets_in_our_frame(case: &Case, raster: &Raster) {
    let directory = tempfile::tempdir().unwrap();
    let (raw, stream) = (directory.path().join("raw"), directory.path().join("packets"));
    let frames = case.pay(&raw, &stream);
    let stream = fs::read(&stream).unwrap();
    let mut coverage = Coverage::new(raster);
    let mut packed = vec![0; raster.buffer_octets()];
    let mut whole = 0;
    let mut markers = 0;
    for packet in framed(&stream) {
        let rtp = RtpHeader::parse(packet).unwrap();
        let payload = rtp.payload(packet);
        let header = PayloadHeader::parse(payload).unwrap();
        raster.place(&header, &payload[header.data_start..], &mut packed).unwrap();
        coverage.record(&header).unwrap();
        markers += u16::from(rtp.marker);
        if markers == raster.fields() {
            assert!(coverage.is_exact(), "{}: {} missing", case.name, coverage.missing());
            case.assert_same(&packed, &frames[whole * case.octets()..][..case.octets()], "pay");
            whole += 1;
            markers = 0;
            coverage.clear();
            packed.fill(0);
        }
    }
    assert_eq!(whole, FRAMES, "{}", case.name);
}

/// What we send, `rtpvrawdepay` reads as the frame it was.
fn our_packets_in_their_frame(case: &Case, packing: Packing) {
    let directory = tempfile::tempdir().unwrap();
    let [raw, stream, back] = ["raw", "packets", "back"].map(|name| directory.path().join(name));
    let frames = case.pay(&raw, &stream);
    let format = VideoFormat { packing, ..case.format };
    let plan = FramePlan::with_stride(&format, STANDARD_UDP_LIMIT, case.raster().stride()).unwrap();
    let mut ours = Vec::new();
    let mut sequence = 0x0001_fff0_u32;
    for (number, frame) in frames.chunks(case.octets()).enumerate() {
        let packed = case.packed(frame);
        for index in 0..plan.packets() {
            let mut header = [0; MAX_HEADER_LEN];
            let length =
                plan.header(index, sequence, number as u32 * 3600, 0x2110, 96, &mut header);
            let planned = plan.packet(index).unwrap();
            ours.extend((planned.packet_len() as u16).to_be_bytes());
            ours.extend_from_slice(&header[..length]);
            for range in planned.ranges() {
                ours.extend_from_slice(&packed[range.clone()]);
            }
            sequence = sequence.wrapping_add(1);
        }
    }
    fs::write(&stream, ours).unwrap();
    launch(&format!(
        "filesrc location={} ! application/x-rtp-stream,media=video,clock-rate=90000,\
         encoding-name=RAW,payload=96,sampling={},depth=(string){},width=(string){},\
         height=(string){} ! rtpstreamdepay ! rtpvrawdepay ! filesink location={}",
        stream.display(),
        format.sampling,
        format.depth,
        format.width,
        format.height,
        back.display()
    ));
    let back = fs::read(&back).unwrap();
    assert_eq!(back.len(), case.octets() * FRAMES, "{}", case.name);
    for (sent, received) in frames.chunks(case.octets()).zip(back.chunks(case.octets())) {
        case.assert_same(&case.packed(sent), received, "depay");
    }
}

/// Both ways, over a small raster without padding, one with, and full HD.
fn agrees(name: &'static str, padded_width: u16) {
    for (width, height) in [(640, 16), (padded_width, 16), (1920, 1080)] {
        let case = Case::new(name, width, height, Scan::Progressive);
        their_packets_in_our_frame(&case, &case.raster());
        for packing in [Packing::Gpm, Packing::Bpm] {
            our_packets_in_their_frame(&case, packing);
        }
    }
}

#[test]
fn uyvy_is_ycbcr_422_of_8_bits() {
    agrees("UYVY", 642);
}

#[test]
fn uyvp_is_ycbcr_422_of_10_bits() {
    agrees("UYVP", 642);
}

#[test]
fn i420_is_ycbcr_420_of_8_bits() {
    agrees("I420", 642);
}

#[test]
fn ayuv_is_ycbcr_444_of_8_bits() {
    agrees("AYUV", 641);
}

#[test]
fn rgb_is_rgb_of_8_bits() {
    agrees("RGB", 641);
}

#[test]
fn interlaced_lines_are_numbered_through_the_frame() {
    for name in ["UYVY", "UYVP", "AYUV", "RGB"] {
        let case = Case::new(name, 720, 576, Scan::Interlaced);
        their_packets_in_our_frame(&case, &case.raster().with_frame_lines());
    }
}
