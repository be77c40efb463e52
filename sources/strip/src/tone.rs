//! Test tones that say which source they are of and when each of their samples is due.
//!
//! A tone has 10·p hertz, p coprime with 4800. Its sample at RTP timestamp t is a pure function
//! of t: with n the number of the sample counted from the TAI epoch at the sampling rate (of
//! which t is the lower 32 bits), the sample is
//!
//! ```text
//! round(0.1 · 2²³ · sin(2π · (p·n mod P) / P)),   P = rate / 10: 4800 or 9600
//! ```
//!
//! in 24 bits, a sine of −20 dBFS peak. The period is 100 ms, whatever the tone, and every
//! index n mod P of it has a phase of its own: a run of 48 samples says both which tone it is
//! and, to the sample, at which index it stands. 2³² is no multiple of P: a judge first
//! unwraps a timestamp near to the present time (`st2110::timing::rtp_to_tai`), and takes the
//! number of the sample from that.
//!
//! Channel c, counted from 0, is P/64 samples ahead of channel c−1: the first channel is the
//! tone itself, and the others tell which they are by their index, up to 64 of them.
//!
//! In memory samples are `i32`, left-aligned, as `st2110::audio` has them.
//!
//! Cost: a sample is one look into a table; [`Tone::identify`] takes some microseconds when
//! the samples are exact, a quarter of a millisecond when they are faded or of something else.

mod fade;

use std::{f64::consts::TAU, fmt, sync::LazyLock};

/// p of every tone.
const FACTORS: [u16; 32] = [
    41, 43, 47, 49, 53, 59, 61, 67, 71, 73, 77, 79, 83, 89, 91, 97, 101, 103, 107, 109, 113, 119,
    121, 127, 131, 133, 137, 139, 143, 149, 151, 157,
];

/// Peak of a tone, left-aligned in 32 bits: −20 dBFS.
pub const TONE_PEAK: i32 = 838_861 << 8;

/// Fewest samples that identify a tone.
pub const LEAST_RUN: usize = 48;

/// One turn of the sine in steps of 96 kHz' tones; those of 48 kHz take every second.
const TURN: usize = 9600;

/// Channels that differ.
const CHANNELS: u64 = 64;

static SINE: LazyLock<Box<[i32]>> = LazyLock::new(|| {
    let at = |step: usize| {
        let sample = 838_860.8 * (TAU * step as f64 / TURN as f64).sin();
        (sample.round() as i32) << 8
    };
    (0..TURN).map(at).collect()
});

/// A test tone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Tone(u16);

impl Tone {
    /// Every tone, the lowest first.
    pub fn all() -> impl Iterator<Item = Self> {
        FACTORS.into_iter().map(Self)
    }

    /// The tone of so many hertz, if it is one.
    pub fn from_hz(hz: u32) -> Option<Self> {
        Self::all().find(|tone| tone.hz() == hz)
    }

    /// The tone of a source by its name, the same on every host (FNV-1a, mixed once more).
    pub fn of_name(name: &str) -> Self {
        let hash = name.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, octet| {
            (hash ^ u64::from(octet)).wrapping_mul(0x0100_0000_01b3)
        });
        // The last octets of the name have not reached every bit yet.
        let mixed = (hash ^ hash >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        Self(FACTORS[(mixed >> 32) as usize % FACTORS.len()])
    }

    /// Its pitch.
    pub const fn hz(self) -> u32 {
        self.0 as u32 * 10
    }

    /// Samples after which every tone repeats itself: 4800 at 48 kHz, 9600 at 96 kHz; `None`
    /// at other rates, which have no tones.
    pub const fn period(rate_hz: u32) -> Option<u64> {
        match rate_hz {
            48_000 => Some(4800),
            96_000 => Some(9600),
            _ => None,
        }
    }

    /// Samples that each channel is ahead of the one before.
    pub const fn channel_shift(rate_hz: u32) -> Option<u64> {
        match Self::period(rate_hz) {
            Some(period) => Some(period / CHANNELS),
            None => None,
        }
    }

    /// Sample `number` since the TAI epoch of a channel counted from 0; 0 at rates without
    /// tones.
    #[inline]
    pub fn sample(self, rate_hz: u32, channel: u8, number: u64) -> i32 {
        let Some(period) = Self::period(rate_hz) else { return 0 };
        let index = (number % period + u64::from(channel) * (period / CHANNELS)) % period;
        let step = index * u64::from(self.0) % period * (TURN as u64 / period);
        SINE.get(step as usize).copied().unwrap_or(0)
    }

    /// Which tone (in hertz) a run of one channel's samples at 48 kHz is, and at which index,
    /// 0 to 4799, its first stands. See [`identify_at`](Self::identify_at).
    pub fn identify(samples: &[i32]) -> Option<(u32, u32)> {
        Self::identify_at(48_000, samples)
    }

    /// The same at another rate.
    ///
    /// `None` for fewer than [`LEAST_RUN`] samples, silence, anything that is not one tone
    /// throughout (a run across a switch), and what cannot be told for certain. Samples may
    /// have been cut to 16 bits, and may be under a fade that is linear over the whole run;
    /// under a fade at 16 bits a run of less than 96 samples may be a few indices off.
    pub fn identify_at(rate_hz: u32, samples: &[i32]) -> Option<(u32, u32)> {
        let period = Self::period(rate_hz)? as usize;
        if samples.len() < LEAST_RUN {
            return None;
        }
        let (tone, index) = exact(period, samples).or_else(|| fade::identify(period, samples))?;
        Some((tone.hz(), index))
    }

    /// The index at which the tone has phase `step`, of `period` to a turn.
    fn index_of(self, step: usize, period: usize) -> u32 {
        // p has an inverse: it is coprime with the period.
        (0..period).find(|index| index * usize::from(self.0) % period == step).unwrap_or(0) as u32
    }
}

impl fmt::Display for Tone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} Hz", self.hz())
    }
}

/// The one tone whose samples these are, bit by bit, in 24 bits or cut to 16.
fn exact(period: usize, samples: &[i32]) -> Option<(Tone, u32)> {
    let sine = &SINE[..];
    let stride = TURN / period;
    let first = *samples.first()?;
    [!0xff, !0xffff].into_iter().find_map(|mask: i32| {
        let starts = (0..period).filter(|step| sine[step * stride] & mask == first);
        let mut matches = starts.flat_map(|start| {
            Tone::all().filter_map(move |tone| {
                let mut step = start;
                let same = samples.iter().all(|sample| {
                    let expected = sine[step * stride] & mask;
                    step = (step + usize::from(tone.0)) % period;
                    expected == *sample
                });
                same.then_some((tone, start))
            })
        });
        let (tone, start) = matches.next()?;
        // No two tones share so many samples; a test looks at all.
        Some((tone, tone.index_of(start, period)))
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const TAI_SAMPLE: u64 = 1_763_757_342 * 48_000;

    fn run(tone: Tone, rate: u32, from: u64, length: u64) -> Vec<i32> {
        (from..from + length).map(|number| tone.sample(rate, 0, number)).collect()
    }

    fn with_gain(samples: &[i32], from: f64, to: f64, mask: i32) -> Vec<i32> {
        let last = (samples.len() - 1) as f64;
        let gain = |at: usize| from + (to - from) * at as f64 / last;
        let fade = |(at, sample): (usize, &i32)| (f64::from(*sample) * gain(at)) as i32 & mask;
        samples.iter().enumerate().map(fade).collect()
    }

    #[test]
    fn tones_are_as_documented() {
        for tone in Tone::all() {
            let p = tone.hz() / 10;
            assert!(tone.hz() % 10 == 0 && [2, 3, 5].iter().all(|prime| p % prime != 0), "{tone}");
            // Every index has its phase: the period is whole.
            let mut seen = vec![false; 4800];
            for number in 0..4800 {
                seen[number * p as usize % 4800] = true;
            }
            assert!(seen.iter().all(|seen| *seen));
            assert_eq!(tone.sample(48_000, 0, 7), tone.sample(48_000, 0, 7 + 4800));
            assert_eq!(tone.sample(48_000, 0, 7), tone.sample(96_000, 0, 14));
            assert_eq!(tone.sample(48_000, 3, 7), tone.sample(48_000, 0, 7 + 3 * 75));
            assert_eq!(Tone::from_hz(tone.hz()), Some(tone));
        }
        assert!(Tone::all().count() >= 24);
        assert_eq!((Tone::from_hz(440), Tone::from_hz(10)), (None, None));
        // By hand: 410 Hz, a twelfth of a period of 48 kHz is step 41·4800/12 mod 4800 = 2000:
        // 150°, half the peak.
        let half = Tone(41).sample(48_000, 0, 400);
        assert_eq!(half, 419_430 << 8);
        assert_eq!(SINE.iter().max(), Some(&TONE_PEAK));
        assert_eq!(Tone(41).sample(44_100, 0, 400), 0);
    }

    #[test]
    fn names_have_their_tones_for_good() {
        // What is written on a plan must stay true.
        let names = ["endoscope", "robot", "xray", "ultrasound", "room", "monitor"];
        assert_eq!(names.map(|name| Tone::of_name(name).hz()), [1310, 1070, 970, 1030, 490, 1010]);
        let spread: std::collections::HashSet<_> =
            (0..400).map(|n| Tone::of_name(&format!("source {n}"))).collect();
        assert_eq!(spread.len(), FACTORS.len());
    }

    #[test]
    fn every_index_of_every_tone_is_told_from_all_others() {
        for tone in Tone::all() {
            for index in (0..4800).step_by(7) {
                let samples = run(tone, 48_000, index, 48);
                assert_eq!(Tone::identify(&samples), Some((tone.hz(), index as u32)));
                let cut: Vec<i32> = samples.iter().map(|sample| sample & !0xffff).collect();
                assert_eq!(Tone::identify(&cut), Some((tone.hz(), index as u32)));
            }
        }
    }

    #[test]
    fn what_is_no_tone_is_none() {
        assert_eq!(Tone::identify(&[0; 480]), None);
        assert_eq!(Tone::identify(&[1 << 16; 480]), None);
        assert_eq!(Tone::identify(&run(Tone(41), 48_000, 0, 47)), None);
        // A switch from one to another in the middle, and to silence.
        let [a, b] = [Tone(41), Tone(97)].map(|tone| run(tone, 48_000, TAI_SAMPLE, 96));
        let switched: Vec<i32> = a[..48].iter().chain(&b[48..]).copied().collect();
        assert_eq!(Tone::identify(&switched), None);
        let ended: Vec<i32> = a[..60].iter().copied().chain([0; 36]).collect();
        assert_eq!(Tone::identify(&ended), None);
        // A jump of one sample within a tone.
        let jumped: Vec<i32> =
            a[..30].iter().chain(&run(Tone(41), 48_000, TAI_SAMPLE + 32, 60)).copied().collect();
        assert_eq!(Tone::identify(&jumped), None);
        // A pitch between two tones.
        let between: Vec<i32> = (0..96)
            .map(|n| (f64::from(TONE_PEAK) * (TAU * 420.0 / 48_000.0 * f64::from(n)).sin()) as i32)
            .collect();
        assert_eq!(Tone::identify(&between), None);
        // Too loud for one.
        let loud: Vec<i32> = a.iter().map(|sample| sample * 3).collect();
        assert_eq!(Tone::identify(&loud), None);
    }

    #[test]
    fn the_other_rate_is_told_too() {
        let tone = Tone(113);
        let samples = run(tone, 96_000, 96_000 * 1_763_757_342 + 4321, 96);
        assert_eq!(Tone::identify_at(96_000, &samples), Some((1130, 4321)));
        assert_eq!(Tone::identify_at(44_100, &samples), None);
    }

    proptest! {
        #[test]
        fn fades_are_seen_through(
            factor in 0..FACTORS.len(),
            start in 0_u64..4800,
            length in 48_u64..480,
            falls in any::<bool>(),
            far in 0.0..0.6_f64,
        ) {
            let tone = Tone(FACTORS[factor]);
            let samples = run(tone, 48_000, start, length);
            let (from, to) = if falls { (1.0, far) } else { (far, 1.0) };
            let faded = with_gain(&samples, from, to, !0xff);
            prop_assert_eq!(Tone::identify(&faded), Some((tone.hz(), start as u32)));
        }

        #[test]
        fn fades_of_sixteen_bits_are_seen_through(
            factor in 0..FACTORS.len(),
            start in 0_u64..4800,
            length in 240_u64..480,
            falls in any::<bool>(),
        ) {
            let tone = Tone(FACTORS[factor]);
            let samples = run(tone, 48_000, start, length);
            let (from, to) = if falls { (1.0, 0.0) } else { (0.0, 1.0) };
            let faded = with_gain(&samples, from, to, !0xffff);
            let found = Tone::identify(&faded);
            prop_assert!(
                found.is_some_and(|(hz, index)| {
                    let off = (i64::from(index) - start as i64).rem_euclid(4800);
                    hz == tone.hz() && (off <= 1 || off == 4799)
                }),
                "{:?} for {} at {}", found, tone, start
            );
        }

        #[test]
        fn noise_is_no_tone(samples in prop::collection::vec(any::<i32>(), 48..200)) {
            prop_assert_eq!(Tone::identify(&samples), None);
        }
    }
}
