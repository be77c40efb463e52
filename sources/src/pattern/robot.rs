//! A surgical robot's console view: wide field, two wristed instruments, a suture.

use super::{Scene, endoscope::metal};
use crate::canvas::{Canvas, Colour, Noise, Point, capsule, disc, lerp, lit, mix, smoothstep};

pub(super) struct Robot {
    tissue: Noise,
    vessels: Noise,
    wet: Noise,
}

impl Robot {
    pub(super) fn new() -> Self {
        Self {
            tissue: Noise::new(51, 4, 6),
            vessels: Noise::new(67, 8, 2),
            wet: Noise::new(71, 32, 3),
        }
    }

    fn field(&self, p: Point, phase: f32) -> Colour {
        let (u, v) = (p[0] * 0.42 + 0.2, p[1] * 0.42 + phase * 0.012);
        let warp = self.tissue.at(u * 0.7 + 0.5, v * 0.7);
        let (u, v) = (u + warp * 0.14, v + warp * 0.10);
        let height = |u: f32, v: f32| self.tissue.at(u, v);
        let here = height(u, v);
        // Light from the upper left: slope towards it is bright.
        let slope = here - height(u + 0.012, v + 0.012);
        let fat = smoothstep(0.52, 0.68, self.tissue.at(u * 0.8 + 0.4, v * 0.8 + 0.2));
        let flesh = mix([0.66, 0.23, 0.20], [0.95, 0.56, 0.50], here);
        let mut colour = mix(flesh, [0.97, 0.82, 0.52], fat * 0.75);
        let branch = 1.0 - (2.0 * self.vessels.at(u * 1.2, v * 1.2) - 1.0).abs();
        colour = mix(colour, [0.50, 0.06, 0.10], smoothstep(0.94, 0.99, branch) * 0.6);
        let gleam = smoothstep(0.72, 0.80, self.wet.at(u * 2.0, v * 2.0 + phase * 0.01))
            * smoothstep(0.0, 0.06, slope);
        let radius = p[0].hypot(p[1]);
        let light = (0.90 + slope * 4.2).clamp(0.25, 1.35) * (1.06 - 0.42 * radius * radius);
        mix(lit(colour, light), [1.0, 0.97, 0.94], gleam * 0.8)
    }
}

impl Scene for Robot {
    fn draw(&self, phase: f32, canvas: &mut Canvas) {
        let soft = canvas.pixel() * 1.5;
        let edge = canvas.half_width() + 0.05;
        canvas.shade(|p| self.field(p, phase));
        let left_tip = [lerp(-0.16, -0.09, phase), lerp(0.08, 0.03, phase)];
        let right_tip = [lerp(0.20, 0.15, phase), lerp(0.00, -0.05, phase)];
        suture(canvas, left_tip, right_tip, soft);
        arm(canvas, [-edge, 0.44], left_tip, lerp(0.05, 0.012, phase), soft);
        arm(canvas, [edge, 0.34], right_tip, lerp(0.012, 0.04, phase), soft);
    }
}

/// One instrument: shaft, wrist, two jaws.
fn arm(canvas: &mut Canvas, root: Point, tip: Point, opening: f32, soft: f32) {
    let axis = [tip[0] - root[0], tip[1] - root[1]];
    let length = axis[0].hypot(axis[1]);
    let unit = [axis[0] / length, axis[1] / length];
    let wrist = [tip[0] - unit[0] * 0.115, tip[1] - unit[1] * 0.115];
    let from = [root[0].min(tip[0]) - 0.1, root[1].min(tip[1]) - 0.15];
    let to = [root[0].max(tip[0]) + 0.1, root[1].max(tip[1]) + 0.15];
    canvas.paint(from, to, |p| {
        let shadow = capsule([p[0] - 0.02, p[1] - 0.05], root, tip, [0.055, 0.02], 0.06);
        ([0.10, 0.0, 0.0], shadow.cover * 0.42)
    });
    for side in [-1.0, 1.0] {
        let end = [tip[0] - unit[1] * opening * side, tip[1] + unit[0] * opening * side];
        let mid = [
            wrist[0].midpoint(end[0]) - unit[1] * (opening + 0.012) * side,
            wrist[1].midpoint(end[1]) + unit[0] * (opening + 0.012) * side,
        ];
        for (a, b, radii) in [(wrist, mid, [0.016, 0.014]), (mid, end, [0.014, 0.006])] {
            canvas.paint(from, to, |p| {
                let hit = capsule(p, a, b, radii, soft);
                (metal(hit.side, 0.95), hit.cover)
            });
        }
    }
    canvas.paint(from, to, |p| {
        let hit = capsule(p, root, wrist, [0.052, 0.040], soft);
        let collar = smoothstep(0.80, 0.81, hit.along);
        let black = lit([0.20, 0.21, 0.23], (1.0 - hit.side * hit.side).max(0.0).sqrt() + 0.12);
        (mix(black, metal(hit.side, 0.9), collar), hit.cover)
    });
    canvas.paint(from, to, |p| (metal(0.4, 0.6), disc(p, wrist, 0.020, soft)));
}

/// A blue thread that hangs between both instruments.
fn suture(canvas: &mut Canvas, from: Point, to: Point, soft: f32) {
    const PIECES: usize = 24;
    let at = |piece: usize| {
        let share = piece as f32 / PIECES as f32;
        let sag = (share * (1.0 - share)) * 0.55;
        [lerp(from[0], to[0], share), lerp(from[1], to[1], share) + sag]
    };
    for piece in 0..PIECES {
        let (a, b) = (at(piece), at(piece + 1));
        let low = [a[0].min(b[0]) - 0.02, a[1].min(b[1]) - 0.02];
        let high = [a[0].max(b[0]) + 0.02, a[1].max(b[1]) + 0.02];
        canvas
            .paint(low, high, |p| ([0.16, 0.22, 0.62], capsule(p, a, b, [0.0035; 2], soft).cover));
    }
}
