//! What arrives where an input is missed, in words.

use st2110::{
    analysis::{Arrival, RecognisedVideo, Recogniser, Recognition, StreamKind},
    format::VideoFormat,
};

/// Fewest packets that are anything.
const FEWEST_PACKETS: u64 = 8;

/// Looks at packets that are not what was declared.
#[derive(Debug, Default)]
pub struct Stranger {
    recogniser: Recogniser,
}

impl Stranger {
    /// Takes a datagram in.
    pub fn record(&mut self, arrival: &Arrival<'_>) {
        self.recogniser.record(arrival);
    }

    /// What came since the last time, where it is not what was declared. Begins anew.
    pub fn found(&mut self, format: &VideoFormat, payload_type: u8) -> Option<String> {
        let recognition = std::mem::take(self).recogniser.recognise();
        words(&recognition, format, payload_type)
    }
}

fn words(seen: &Recognition, format: &VideoFormat, payload_type: u8) -> Option<String> {
    if seen.packets < FEWEST_PACKETS {
        return None;
    }
    match &seen.kind {
        Ok(StreamKind::Video(video)) => {
            if differs(video, format) {
                return Some(video.format.to_string());
            }
            let found = seen.payload_type.filter(|found| *found != payload_type)?;
            Some(format!("RTP payload type {found} in place of {payload_type}"))
        }
        Ok(StreamKind::Audio(audio)) => Some(format!(
            "audio: {} {} Hz, {} channels",
            audio.depth, audio.clock_hz, audio.channels
        )),
        Ok(StreamKind::Ancillary(_)) => Some("ancillary data".to_owned()),
        Err(reason) => Some(format!("RTP packets of no known kind: {reason}")),
    }
}

/// Whether it is another format; where packets fit several samplings, by size and rate.
fn differs(seen: &RecognisedVideo, declared: &VideoFormat) -> bool {
    let seen_as = |format: &VideoFormat| (format.width, format.height, format.rate, format.scan);
    let coded = |format: &VideoFormat| (format.sampling, format.depth);
    seen_as(&seen.format) != seen_as(declared)
        || !seen.ambiguous && coded(&seen.format) != coded(declared)
}

#[cfg(test)]
mod tests {
    use st2110::{
        format::{Depth, Packing, Rate, Sampling, Scan},
        rfc4175::FramePlan,
    };

    use super::*;

    fn format(width: u16, height: u16, rate: u32) -> VideoFormat {
        VideoFormat {
            width,
            height,
            rate: Rate::new(rate, 1).unwrap(),
            sampling: Sampling::YCbCr422,
            depth: Depth::D10,
            scan: Scan::Progressive,
            packing: Packing::Gpm,
        }
    }

    /// A quarter of a second of frames.
    fn send(stranger: &mut Stranger, format: &VideoFormat, payload_type: u8) {
        let plan = FramePlan::new(format, 1460).unwrap();
        let mut sequence = 0;
        let period = format.rate.period_ns();
        for frame in 0..250_000_000 / period {
            for index in 0..plan.packets() {
                let planned = plan.packet(index).unwrap();
                let mut packet = vec![0; planned.packet_len()];
                let time = (frame * period * 9 / 100_000) as u32;
                planned.write_header(sequence, time, 7, payload_type, &mut packet);
                sequence += 1;
                let time_ns = frame * period + index as u64 * 1000;
                stranger.record(&Arrival::whole(time_ns, &packet));
            }
        }
    }

    #[test]
    fn what_comes_instead_is_named() {
        let declared = format(640, 360, 50);
        let mut stranger = Stranger::default();
        assert_eq!(stranger.found(&declared, 96), None, "nothing came");
        send(&mut stranger, &declared, 96);
        assert_eq!(stranger.found(&declared, 96), None, "as declared");
        send(&mut stranger, &format(640, 360, 25), 96);
        let found = stranger.found(&declared, 96).unwrap();
        assert!(found.starts_with("640x360 progressive 25 "), "{found}");
        send(&mut stranger, &format(1280, 720, 50), 96);
        let found = stranger.found(&declared, 96).unwrap();
        assert!(found.starts_with("1280x720 progressive 50 YCbCr-4:2:2 10-bit"), "{found}");
        send(&mut stranger, &declared, 101);
        let found = stranger.found(&declared, 96).unwrap();
        assert_eq!(found, "RTP payload type 101 in place of 96");
        for number in 0..100_u8 {
            let packet = [0x80, 96, 0, number, 0, 0, 0, 0, 0, 0, 0, 1, number, 1, 2];
            stranger.record(&Arrival::whole(u64::from(number), &packet));
        }
        assert!(stranger.found(&declared, 96).unwrap().contains("no known kind"));
    }
}
