//! A chest under fluoroscopy: spine, ribs, heart, breathing, a catheter on its way.

use super::Scene;
use crate::canvas::{Canvas, Noise, Point, capsule, ellipse, lerp, smoothstep};

pub(super) struct Xray {
    soft_tissue: Noise,
    grain: Noise,
}

impl Xray {
    pub(super) fn new() -> Self {
        Self { soft_tissue: Noise::new(91, 4, 5), grain: Noise::new(93, 256, 2) }
    }

    /// How bright (dense) the body is at a point; `breath` is 0 to 1.
    fn density(&self, p: Point, breath: f32) -> f32 {
        let [x, y] = p;
        let side = x.abs();
        let lift = breath * 0.025;
        let cloud = self.soft_tissue.at(x * 0.4 + 0.1, y * 0.4);
        let body = smoothstep(0.86, 0.66, side - 0.10 * y + 0.05 * (y * 3.0).sin());
        let mut grey = 0.06 + body * (0.34 + 0.14 * (cloud - 0.5));

        // Lungs: dark, larger while breathing in.
        let lung =
            ellipse([side, y], [0.32, -0.02 + lift * 0.6], [0.235 + lift * 0.5, 0.43 + lift], 0.09);
        let marks = self.soft_tissue.at(x * 1.7, y * 1.7 - lift);
        grey -= lung * (0.22 - 0.10 * smoothstep(0.45, 0.8, marks));

        // Diaphragm domes below.
        let dome =
            0.40 + lift * 1.8 + (side - 0.32).powi(2) * 0.9 - if x > 0.0 { 0.0 } else { 0.02 };
        grey += smoothstep(dome - 0.012, dome + 0.03, y) * body * 0.20;

        // Ribs: arcs that fall to the outside; their edges are denser.
        for rib in 0..9 {
            let rib = rib as f32;
            let start = -0.46 + rib * 0.104 + lift * (0.2 + rib * 0.06);
            let line = start + 0.62 * (side - 0.05).max(0.0).powf(1.5) - 0.10 * side;
            let across = (y - line).abs();
            let width = 0.021;
            let shaft = smoothstep(width, width * 0.6, across);
            let rim = smoothstep(width * 0.55, width * 0.85, across) * shaft;
            let reach = smoothstep(0.56, 0.48, side) * smoothstep(0.03, 0.06, side);
            grey += (shaft * 0.10 + rim * 0.10) * reach;
        }

        // Heart and great vessels.
        let beat = 1.0 + 0.02 * (breath * std::f32::consts::TAU).sin();
        grey += ellipse(p, [0.095, 0.17], [0.20 * beat, 0.185 * beat], 0.07) * 0.20;
        grey += ellipse(p, [0.02, -0.16], [0.085, 0.22], 0.06) * 0.12;

        // Spine: vertebrae with lighter discs between, spinous processes.
        let column = smoothstep(0.072, 0.052, side);
        let step = (y * 11.5 + 0.3).rem_euclid(1.0);
        let vertebra = smoothstep(0.0, 0.10, step) * smoothstep(0.80, 0.70, step);
        grey += column * (0.12 + 0.13 * vertebra);
        grey += ellipse([x, (step - 0.45) * 0.087], [0.0, 0.0], [0.014, 0.02], 0.012) * 0.12;

        // Collar bones.
        let bone = capsule([side, y], [0.05, -0.37], [0.50, -0.47], [0.020, 0.015], 0.012);
        grey + bone.cover * 0.16
    }
}

impl Scene for Xray {
    fn draw(&self, phase: f32, canvas: &mut Canvas) {
        let shift = phase * 7.31;
        canvas.shade(|p| {
            // Quantum noise is new in every frame.
            let grain = self.grain.at(p[0] * 0.93 + shift, p[1] * 0.93 + shift * 1.7) - 0.5;
            let grey = (self.density(p, phase) + grain * 0.085) * 1.12;
            [grey * 0.97, grey, grey * 1.01]
        });
        catheter(phase, canvas);
    }
}

/// A wire from the neck vein into the heart, its end moving.
fn catheter(phase: f32, canvas: &mut Canvas) {
    const PIECES: usize = 40;
    let soft = canvas.pixel() * 1.5;
    let end = lerp(0.80, 1.0, phase);
    let at = |share: f32| {
        let bend = smoothstep(0.55, 1.0, share);
        [
            -0.20 + 0.165 * smoothstep(0.0, 0.5, share) + bend * bend * 0.24,
            -0.52 + share * 0.66 + bend * (0.10 - 0.16 * bend),
        ]
    };
    for piece in 0..PIECES {
        let a = at(piece as f32 / PIECES as f32 * end);
        let b = at((piece + 1) as f32 / PIECES as f32 * end);
        let low = [a[0].min(b[0]) - 0.02, a[1].min(b[1]) - 0.02];
        let high = [a[0].max(b[0]) + 0.02, a[1].max(b[1]) + 0.02];
        let radius = if piece % 8 == 7 || piece + 1 == PIECES { 0.0070 } else { 0.0036 };
        canvas.paint(low, high, |p| {
            ([0.97, 0.98, 1.0], capsule(p, a, b, [radius; 2], soft).cover * 0.92)
        });
    }
}
