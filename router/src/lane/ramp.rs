//! Mute ramps: sound that falls to silence before a take and rises from it afterwards, so
//! that no loudspeaker clicks.
//!
//! This is the one place where the router changes payload: a few milliseconds of samples at
//! a take, on outputs that ask for it.

use st2110::audio::AudioDepth;

use crate::flow::Pcm;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fade {
    /// Sound as it comes.
    Full,
    /// Falling; so many sampling periods of it are over.
    Out(u32),
    /// Silence.
    Silent,
    /// Rising; so many sampling periods of it are over.
    In(u32),
}

/// An output's fader.
#[derive(Clone, Debug)]
pub struct Ramp {
    ms: u16,
    fade: Fade,
    /// A packet as it was before the ramp: other outputs share it.
    saved: Vec<u8>,
}

impl Ramp {
    /// Ramps of so many milliseconds.
    pub fn new(ms: u16) -> Self {
        Self { ms, fade: Fade::Full, saved: Vec::with_capacity(9000) }
    }

    fn length(&self, pcm: &Pcm) -> u32 {
        (pcm.hz / 1000 * u32::from(self.ms)).max(1)
    }

    /// Begins to fall, from wherever it is.
    pub fn fall(&mut self, pcm: &Pcm) {
        self.fade = match self.fade {
            Fade::Full => Fade::Out(0),
            Fade::In(over) => Fade::Out(self.length(pcm).saturating_sub(over)),
            falling => falling,
        };
    }

    /// Begins to rise, from wherever it is.
    pub fn rise(&mut self, pcm: &Pcm) {
        self.fade = match self.fade {
            Fade::Silent => Fade::In(0),
            Fade::Out(over) => Fade::In(self.length(pcm).saturating_sub(over)),
            rising => rising,
        };
    }

    /// Is silent, and rises with the next packet.
    pub fn start(&mut self) {
        self.fade = Fade::In(0);
    }

    /// Whether it is on its way to silence.
    pub fn is_falling(&self) -> bool {
        matches!(self.fade, Fade::Out(_))
    }

    /// Whether packets must be changed.
    #[inline]
    pub fn is_full(&self) -> bool {
        self.fade == Fade::Full
    }

    /// Changes a packet's samples, and remembers what they were.
    pub fn apply(&mut self, payload: &mut [u8], pcm: &Pcm) {
        self.saved.clear();
        self.saved.extend_from_slice(payload);
        let length = self.length(pcm);
        let width = pcm.depth.octets();
        for period in payload.chunks_exact_mut(width * usize::from(pcm.channels.max(1))) {
            let gain = match self.fade {
                Fade::Full => length,
                Fade::Silent => 0,
                // The last sample is silent already.
                Fade::Out(over) => length - (over + 1).min(length),
                Fade::In(over) => over.min(length),
            };
            for sample in period.chunks_exact_mut(width) {
                scale(sample, pcm.depth, gain, length);
            }
            self.fade = match self.fade {
                Fade::Out(over) if over + 1 >= length => Fade::Silent,
                Fade::Out(over) => Fade::Out(over + 1),
                Fade::In(over) if over + 1 >= length => Fade::Full,
                Fade::In(over) => Fade::In(over + 1),
                steady => steady,
            };
        }
    }

    /// Puts back what [`Ramp::apply`] changed last.
    pub fn restore(&self, payload: &mut [u8]) {
        payload.copy_from_slice(&self.saved);
    }
}

/// Multiplies a sample by `gain` / `full`.
#[inline]
fn scale(sample: &mut [u8], depth: AudioDepth, gain: u32, full: u32) {
    let scaled = |value: i32| (i64::from(value) * i64::from(gain) / i64::from(full)) as i32;
    match (depth, sample) {
        (AudioDepth::L16, [a, b]) => {
            let octets = scaled(i32::from(i16::from_be_bytes([*a, *b]))).to_be_bytes();
            [*a, *b] = [octets[2], octets[3]];
        }
        (AudioDepth::L24, [a, b, c]) => {
            let octets = scaled(i32::from_be_bytes([*a, *b, *c, 0]) >> 8).to_be_bytes();
            [*a, *b, *c] = [octets[1], octets[2], octets[3]];
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pcm(depth: AudioDepth) -> Pcm {
        Pcm { depth, channels: 2, hz: 48_000, octets: 48 * 2 * depth.octets(), samples: 48 }
    }

    /// A packet of one loud value on both channels, through the ramp, as samples.
    fn passed(ramp: &mut Ramp, pcm: &Pcm, value: i32) -> Vec<i32> {
        let width = pcm.depth.octets();
        let sample = &value.to_be_bytes()[4 - width..];
        let before = sample.repeat(96);
        let mut octets = before.clone();
        ramp.apply(&mut octets, pcm);
        let read = |sample: &[u8]| match sample {
            [a, b] => i32::from(i16::from_be_bytes([*a, *b])),
            [a, b, c] => i32::from_be_bytes([*a, *b, *c, 0]) >> 8,
            _ => unreachable!("two widths"),
        };
        let samples = octets.chunks_exact(width).map(read).collect();
        ramp.restore(&mut octets);
        assert_eq!(octets, before);
        samples
    }

    #[test]
    fn sound_falls_to_silence_and_rises_without_a_step() {
        for (depth, value) in [(AudioDepth::L16, -30_000), (AudioDepth::L24, 8_000_000)] {
            let pcm = pcm(depth);
            let mut ramp = Ramp::new(3);
            let mut heard = vec![value; 2];
            ramp.fall(&pcm);
            for _ in 0..4 {
                heard.extend(passed(&mut ramp, &pcm, value));
            }
            assert!(!ramp.is_falling() && !ramp.is_full());
            assert_eq!(heard.last(), Some(&0));
            ramp.start();
            for _ in 0..3 {
                heard.extend(passed(&mut ramp, &pcm, value));
            }
            assert!(ramp.is_full());
            heard.extend([value; 2]);
            let left: Vec<i32> = heard.iter().copied().step_by(2).collect();
            let step = left.windows(2).map(|pair| (pair[1] - pair[0]).abs()).max().unwrap();
            assert!(step <= value.abs() / 144 + 1, "{step}");
        }
    }

    #[test]
    fn a_ramp_turns_where_it_is() {
        let pcm = pcm(AudioDepth::L16);
        let mut ramp = Ramp::new(2);
        ramp.fall(&pcm);
        let down = passed(&mut ramp, &pcm, 9600);
        ramp.rise(&pcm);
        let up = passed(&mut ramp, &pcm, 9600);
        assert!((down.last().unwrap() - up.first().unwrap()).abs() <= 2 * 9600 / 96 + 1);
        assert!(ramp.is_full());
    }
}
