//! Inside a hollow organ, as a flexible endoscope sees it.

use super::Scene;
use crate::canvas::{Canvas, Colour, Noise, Point, capsule, disc, lerp, lit, mix, smoothstep};

/// Radius of the round picture in scene units.
const RADIUS: f32 = 0.488;

pub(super) struct Endoscope {
    tissue: Noise,
    vessels: Noise,
    wet: Noise,
}

impl Endoscope {
    pub(super) fn new() -> Self {
        Self {
            tissue: Noise::new(11, 8, 5),
            vessels: Noise::new(23, 8, 3),
            wet: Noise::new(37, 32, 3),
        }
    }

    /// The wall of the organ at a point of the unit disc.
    fn wall(&self, q: Point, phase: f32) -> Colour {
        // The tunnel's vanishing point wanders as the organ moves.
        let hole = [lerp(-0.20, -0.12, phase), lerp(-0.14, -0.20, phase)];
        let (dx, dy) = (q[0] - hole[0], q[1] - hole[1]);
        let bend = self.tissue.at(q[0] * 0.22 + 0.3, q[1] * 0.22 + phase * 0.03);
        let distance = dx.hypot(dy * 1.08) * (0.78 + 0.44 * bend);
        let depth = 0.42 / (distance + 0.10) - phase * 0.16;
        let turn = dy.atan2(dx) / std::f32::consts::TAU;

        let (u, v) = (turn * 2.0, depth * 0.34);
        let flesh = self.tissue.at(u, v);
        let fine = self.tissue.at(u * 3.0 + 0.1, v * 3.0);
        let mut colour = mix([0.62, 0.19, 0.15], [0.96, 0.56, 0.45], flesh * 0.75 + fine * 0.25);

        // Ring-shaped folds: a lit crest, a shadow behind it.
        let ring = depth * 8.2 + (bend - 0.5) * 3.4 + (turn * 18.8).sin() * 0.35;
        let fold = 0.5 + 0.5 * ring.sin();
        let crest = smoothstep(0.55, 1.0, fold);
        let shadow = smoothstep(0.35, 0.0, fold);
        // Thin dark red branches.
        let branch = 1.0 - (2.0 * self.vessels.at(u * 1.5 + 0.2, v * 1.5) - 1.0).abs();
        let twig = 1.0 - (2.0 * self.vessels.at(u * 3.0 + 0.7, v * 3.0 + 0.4) - 1.0).abs();
        let red = smoothstep(0.93, 0.99, branch) * 0.65 + smoothstep(0.95, 1.0, twig) * 0.4;
        colour = mix(colour, [0.55, 0.06, 0.08], red.min(0.8));

        // The light sits at the tip: near is bright, the far end is dark.
        let near = smoothstep(0.02, 0.62, distance);
        let vignette = 1.0 - 0.50 * (q[0] * q[0] + q[1] * q[1]).powi(2);
        let light = near * vignette * (0.80 + 0.30 * crest - 0.42 * shadow);
        colour = lit(colour, light);

        // Wet highlights on the crests.
        let shine = self.wet.at(u * 1.3 + phase * 0.010, v * 1.3);
        let gleam = smoothstep(0.71, 0.80, shine) * smoothstep(0.25, 0.9, crest + flesh * 0.3);
        mix(colour, [1.0, 0.94, 0.90], gleam * near * vignette * 0.85)
    }
}

impl Scene for Endoscope {
    fn draw(&self, phase: f32, canvas: &mut Canvas) {
        let soft = canvas.pixel() * 1.5;
        canvas.shade(|p| {
            let inside = disc(p, [0.0, 0.0], RADIUS, soft);
            if inside == 0.0 {
                return [0.012; 3];
            }
            let wall = self.wall([p[0] / RADIUS, p[1] / RADIUS], phase);
            mix([0.012; 3], wall, inside)
        });
        instrument(phase, canvas, soft);
        // The notch that tells up, as scopes have it.
        canvas.paint([-0.03, -0.5], [0.03, -0.44], |p| {
            let depth = p[1] + RADIUS;
            let inside = (0.026 - depth) * 0.7 - p[0].abs();
            ([0.012; 3], (inside / soft + 0.5).clamp(0.0, 1.0))
        });
    }
}

/// A grasping forceps that comes in from the lower right.
fn instrument(phase: f32, canvas: &mut Canvas, soft: f32) {
    let tip = [lerp(0.135, 0.085, phase), lerp(0.150, 0.115, phase)];
    let root = [0.46, 0.40];
    let axis = [tip[0] - root[0], tip[1] - root[1]];
    let length = axis[0].hypot(axis[1]);
    let (along, across) =
        ([axis[0] / length, axis[1] / length], [-axis[1] / length, axis[0] / length]);
    let opening = lerp(0.040, 0.010, phase);
    let jaw = |side: f32| {
        let reach = 0.082;
        [
            tip[0] + along[0] * reach + across[0] * opening * side,
            tip[1] + along[1] * reach + across[1] * opening * side,
        ]
    };
    let clip = |p: Point| disc(p, [0.0, 0.0], RADIUS, soft);
    canvas.paint([-0.15, -0.1], [0.5, 0.5], |p| {
        let shadow = capsule([p[0] - 0.016, p[1] - 0.03], root, tip, [0.036, 0.030], 0.04);
        ([0.05, 0.0, 0.0], shadow.cover * 0.5 * clip(p))
    });
    for side in [-1.0, 1.0] {
        canvas.paint([-0.15, -0.1], [0.5, 0.5], |p| {
            let hit = capsule(p, tip, jaw(side), [0.013, 0.005], soft);
            let teeth = 0.85 + 0.15 * (hit.along * 55.0).sin();
            (metal(hit.side * side, 0.92 * teeth), hit.cover * clip(p))
        });
    }
    canvas.paint([-0.15, -0.1], [0.5, 0.5], |p| {
        let hit = capsule(p, root, tip, [0.030, 0.026], soft);
        let band = if hit.along > 0.90 { 0.72 } else { 1.0 };
        (metal(hit.side, band * lerp(0.55, 1.0, hit.along)), hit.cover * clip(p))
    });
    canvas.paint([-0.15, -0.1], [0.5, 0.5], |p| {
        ([0.22, 0.22, 0.24], disc(p, tip, 0.008, soft) * clip(p))
    });
}

/// A polished cylinder, seen from the light.
pub(super) fn metal(side: f32, light: f32) -> Colour {
    let round = (1.0 - side * side).max(0.0).sqrt();
    let gleam = smoothstep(0.30, 0.0, (side + 0.25).abs());
    let grey = (0.22 + 0.50 * round + 0.42 * gleam) * light;
    [grey, grey * 1.01, grey * 1.04]
}
