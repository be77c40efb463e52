//! Tones under a linear fade: the best fit of `(a + b·n) · sin(w·n + phase)` among all tones.
//!
//! For a given pitch and phase a and b are a problem of least squares with two unknowns. Its
//! normal equations follow from twelve sums over the run, so that each phase tried costs a
//! few multiplications whatever the length of the run.

use std::f64::consts::{PI, TAU};

use super::{SINE, TONE_PEAK, TURN, Tone};

/// Phases tried first in half a turn, before the best is refined.
const COARSE: usize = 48;

/// Longest part of a run that is looked at: 5 ms at 96 kHz.
const LONGEST: usize = 480;

/// Least unit of 16 bits, left-aligned in 32.
const UNIT: f64 = 65_536.0;

/// Most that samples may be off, root of the mean square: what cutting to 16 bits does, and
/// a little for the arithmetic of who faded.
const TOLERANCE: f64 = 0.6 * UNIT;

/// Quietest peak, in 32 bits, that is more than silence: −78 dBFS.
const SILENCE: f64 = 4.0 * UNIT;

/// The tone and its index at the first sample.
pub(super) fn identify(period: usize, samples: &[i32]) -> Option<(Tone, u32)> {
    let samples = &samples[..samples.len().min(LONGEST)];
    // Cutting rounds down: put half a unit back.
    let cut = samples.iter().all(|sample| sample.trailing_zeros() >= 16);
    let shift = if cut { UNIT / 2.0 } else { 0.0 };
    let values: Vec<f64> = samples.iter().map(|sample| f64::from(*sample) + shift).collect();
    let peak = values.iter().fold(0.0, |peak: f64, value| peak.max(value.abs()));
    if !(SILENCE..=f64::from(TONE_PEAK) * 1.02).contains(&peak) {
        return None;
    }
    let mut fits: Vec<Fit> = Tone::all().map(|tone| best(tone, period, &values)).collect();
    fits.sort_by(|a, b| a.rest.total_cmp(&b.rest));
    let [first, second, ..] = fits.as_slice() else { return None };
    let rms = |fit: &Fit| (fit.rest / values.len() as f64).sqrt();
    // Another tone that fits nearly as well makes it uncertain.
    if rms(first) > TOLERANCE || rms(second) < 2.0 * rms(first) {
        return None;
    }
    nearest(first, period, &values)
}

/// How well a tone fits.
struct Fit {
    tone: Tone,
    /// Phase in the middle of the run.
    phase: f64,
    /// Sum of the squares left over.
    rest: f64,
}

/// Sums over a run, with n counted from its middle: x·n^i, and s², s·c, c² times n^i, where s
/// and c are sine and cosine of w·n.
struct Sums {
    energy: f64,
    /// x·s, x·c, then the same times n.
    with: [[f64; 2]; 2],
    /// For each power of n from 0 to 2: s², s·c, c².
    own: [[f64; 3]; 3],
}

impl Sums {
    fn new(w: f64, values: &[f64]) -> Self {
        let middle = (values.len() - 1) as f64 / 2.0;
        let mut sums = Self { energy: 0.0, with: [[0.0; 2]; 2], own: [[0.0; 3]; 3] };
        for (at, value) in values.iter().enumerate() {
            let n = at as f64 - middle;
            let (s, c) = (w * n).sin_cos();
            sums.energy += value * value;
            let mut power = 1.0;
            for (order, own) in sums.own.iter_mut().enumerate() {
                if let Some([sine, cosine]) = sums.with.get_mut(order) {
                    *sine += value * s * power;
                    *cosine += value * c * power;
                }
                let [ss, sc, cc] = own;
                *ss += s * s * power;
                *sc += s * c * power;
                *cc += c * c * power;
                power *= n;
            }
        }
        sums
    }

    /// What is left at a phase with the best a and b.
    fn rest(&self, phase: f64) -> f64 {
        let (sin, cos) = phase.sin_cos();
        let [x0, x1] = self.with.map(|[s, c]| cos * s + sin * c);
        let [u0, u1, u2] =
            self.own.map(|[ss, sc, cc]| cos * cos * ss + 2.0 * sin * cos * sc + sin * sin * cc);
        let determinant = u0 * u2 - u1 * u1;
        if determinant.abs() < 1e-9 * u0 * u2 {
            return self.energy;
        }
        let explained = (x0 * x0 * u2 - 2.0 * x0 * x1 * u1 + x1 * x1 * u0) / determinant;
        (self.energy - explained).max(0.0)
    }
}

/// The phase at which a tone fits best.
fn best(tone: Tone, period: usize, values: &[f64]) -> Fit {
    let w = TAU * f64::from(tone.0) / period as f64;
    let sums = Sums::new(w, values);
    let step = PI / COARSE as f64;
    let coarse = (0..COARSE)
        .map(|at| at as f64 * step)
        .min_by(|a, b| sums.rest(*a).total_cmp(&sums.rest(*b)))
        .unwrap_or(0.0);
    let (mut low, mut high) = (coarse - step, coarse + step);
    // A third less each time: to a millionth of a turn.
    for _ in 0..28 {
        let third = (high - low) / 3.0;
        if sums.rest(low + third) < sums.rest(high - third) {
            high -= third;
        } else {
            low += third;
        }
    }
    let phase = low.midpoint(high);
    Fit { tone, phase, rest: sums.rest(phase) }
}

/// The index near a fit's phase whose own samples fit best, if the gain is one of a fade.
fn nearest(fit: &Fit, period: usize, values: &[f64]) -> Option<(Tone, u32)> {
    let tone = fit.tone;
    let w = TAU * f64::from(tone.0) / period as f64;
    let middle = (values.len() - 1) as f64 / 2.0;
    let turn = (fit.phase - w * middle) / TAU;
    // The sign of the gain tells which half of the turn.
    let tried = [0.0, 0.5].into_iter().flat_map(|half| {
        let step = ((turn + half).rem_euclid(1.0) * period as f64).round() as usize;
        (0..5).map(move |near| (step + period + near - 2) % period)
    });
    let (_, step) = tried
        .filter_map(|step| Some((rest_at(tone, step, period, values)?, step)))
        .min_by(|(a, _), (b, _)| a.total_cmp(b))?;
    Some((tone, tone.index_of(step, period)))
}

/// What is left of a run that starts at a phase, in steps; `None` if its gain is negative or
/// above 1 at either end.
fn rest_at(tone: Tone, start: usize, period: usize, values: &[f64]) -> Option<f64> {
    let middle = (values.len() - 1) as f64 / 2.0;
    let (mut energy, mut x, mut u) = (0.0, [0.0; 2], [0.0; 3]);
    for (at, value) in values.iter().enumerate() {
        let step = (start + at * usize::from(tone.0)) % period * (TURN / period);
        let (sine, n) = (f64::from(SINE[step]), at as f64 - middle);
        energy += value * value;
        x = [x[0] + value * sine, x[1] + value * sine * n];
        let square = sine * sine;
        u = [u[0] + square, u[1] + square * n, u[2] + square * n * n];
    }
    let determinant = u[0] * u[2] - u[1] * u[1];
    let a = (x[0] * u[2] - x[1] * u[1]) / determinant;
    let b = (x[1] * u[0] - x[0] * u[1]) / determinant;
    let gains = [a - b * middle, a + b * middle];
    let plausible = gains.iter().all(|gain| (-0.02..=1.02).contains(gain));
    plausible.then_some((energy - a * x[0] - b * x[1]).max(0.0))
}
