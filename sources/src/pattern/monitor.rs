//! A vital signs monitor: four traces drawn by a sweep, four numbers.

use std::f32::consts::TAU;

use super::{Motion, Scene};
use crate::canvas::{Canvas, Colour, Point, Typeface, lit, smoothstep};

/// Heartbeats in one sweep of the screen.
const BEATS: f32 = 4.0;

/// Width of the dark gap in front of the sweep, as a share of its way.
const GAP: f32 = 0.06;

pub(super) struct Monitor {
    face: Typeface,
}

struct Trace {
    label: &'static str,
    value: &'static str,
    unit: &'static str,
    colour: Colour,
    /// Height from 0 to 1 at a share of the sweep.
    wave: fn(f32) -> f32,
}

const TRACES: [Trace; 4] = [
    Trace { label: "ECG", value: "75", unit: "/min", colour: [0.25, 0.95, 0.45], wave: ecg },
    Trace {
        label: "ART",
        value: "118/76",
        unit: "mmHg",
        colour: [1.0, 0.36, 0.34],
        wave: pressure,
    },
    Trace { label: "SpO2", value: "98", unit: "%", colour: [0.30, 0.78, 1.0], wave: pulse },
    Trace { label: "CO2", value: "38", unit: "mmHg", colour: [1.0, 0.85, 0.30], wave: breath },
];

impl Monitor {
    pub(super) fn new(face: Typeface) -> Self {
        Self { face }
    }
}

impl Scene for Monitor {
    fn motion(&self) -> Motion {
        Motion::Cycle
    }

    fn lines(&self) -> usize {
        720
    }

    fn draw(&self, phase: f32, canvas: &mut Canvas) {
        let half = canvas.half_width();
        canvas.shade(|_| [0.014, 0.018, 0.022]);
        let (left, right) = (-half + 0.04, half - 0.56);
        let height = 0.235;
        for (row, trace) in TRACES.iter().enumerate() {
            let top = -0.47 + row as f32 * 0.238;
            let base = top + height * 0.88;
            draw_trace(canvas, trace, [left, right], [base, height * 0.66], phase);
            canvas.text(&self.face, [left, top], 0.042, trace.colour, trace.label);
            let size = if trace.value.len() > 3 { 0.125 } else { 0.185 };
            let at = [right + 0.06, top + (0.205 - size) / 2.0 + 0.02];
            canvas.text(&self.face, at, size, trace.colour, trace.value);
            let unit = [half - 0.13, top];
            canvas.text(&self.face, unit, 0.034, lit(trace.colour, 0.7), trace.unit);
            canvas.paint([-half, top + height], [half, top + height + 0.0015], |_| {
                ([0.20, 0.22, 0.24], 1.0)
            });
        }
    }
}

fn draw_trace(
    canvas: &mut Canvas,
    trace: &Trace,
    [left, right]: Point,
    [base, height]: Point,
    phase: f32,
) {
    let thin = 0.0032;
    let soft = canvas.pixel() * 1.2;
    let step = canvas.pixel();
    let level = |x: f32| base - height * (trace.wave)((x - left) / (right - left));
    canvas.paint([left, base - height * 1.1], [right, base + height * 0.25], |p| {
        let share = (p[0] - left) / (right - left);
        // How long ago the sweep was here: 0 just now, 1 about to be drawn over.
        let age = (phase - share).rem_euclid(1.0);
        let shown = smoothstep(1.0 - GAP * 0.6, 1.0 - GAP, age);
        // The line spans what the wave covers within this column.
        let (a, b) = (level(p[0] - step / 2.0), level(p[0] + step / 2.0));
        let outside = (a.min(b) - p[1]).max(p[1] - a.max(b)).max(0.0);
        let cover = ((thin - outside) / soft + 0.5).clamp(0.0, 1.0);
        let bright = if age < 0.012 { 1.0 } else { 0.92 };
        (lit(trace.colour, bright), cover * shown)
    });
}

fn bump(at: f32, centre: f32, width: f32) -> f32 {
    let distance = (at - centre) / width;
    (-distance * distance).exp()
}

fn ecg(share: f32) -> f32 {
    let at = (share * BEATS).rem_euclid(1.0);
    0.18 + 0.10 * bump(at, 0.20, 0.035) - 0.10 * bump(at, 0.325, 0.012)
        + 0.82 * bump(at, 0.35, 0.014)
        - 0.20 * bump(at, 0.378, 0.013)
        + 0.20 * bump(at, 0.58, 0.055)
}

fn pressure(share: f32) -> f32 {
    let at = (share * BEATS - 0.42).rem_euclid(1.0);
    let rise = smoothstep(0.0, 0.13, at);
    let fall = (-(at - 0.13).max(0.0) * 2.3).exp();
    // It ends where the next beat begins, so that the trace has no step.
    let end = (-0.87_f32 * 2.3).exp();
    let notch = 0.10 * bump(at, 0.42, 0.04) - 0.07 * bump(at, 0.36, 0.025);
    0.06 + 0.84 * rise * (fall - end) / (1.0 - end) + notch
}

fn pulse(share: f32) -> f32 {
    let at = (share * BEATS - 0.50).rem_euclid(1.0);
    0.08 + 0.74 * smoothstep(0.0, 0.20, at) * smoothstep(1.0, 0.16, at)
        + 0.12 * bump(at, 0.52, 0.07)
}

fn breath(share: f32) -> f32 {
    let at = share.rem_euclid(1.0);
    let plateau = smoothstep(0.12, 0.18, at) * smoothstep(0.62, 0.56, at);
    0.06 + plateau * (0.62 + 0.22 * smoothstep(0.16, 0.58, at)) + 0.004 * (at * TAU).sin()
}
