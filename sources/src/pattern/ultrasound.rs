//! A four-chamber view of a beating heart, with colour Doppler.

use super::Scene;
use crate::canvas::{Canvas, Colour, Noise, Point, capsule, lerp, mix, polygon, smoothstep};

/// The transducer's virtual centre above the picture, and the sector's reach from it.
const APEX: Point = [0.0, -0.565];
const NEAR: f32 = 0.085;
const FAR: f32 = 1.035;
/// Half of the sector's opening, in radians.
const HALF_ANGLE: f32 = 0.70;

pub(super) struct Ultrasound {
    speckle: Noise,
    tissue: Noise,
}

impl Ultrasound {
    pub(super) fn new() -> Self {
        Self { speckle: Noise::new(131, 128, 3), tissue: Noise::new(137, 4, 5) }
    }

    fn echo(&self, p: Point, radius: f32, angle: f32, beat: f32) -> Colour {
        let tissue = self.tissue.at(p[0] * 0.8 + 0.2, p[1] * 0.8 + beat * 0.01);
        let mut strength = 0.30 + 0.50 * smoothstep(0.30, 0.75, tissue);
        // Skin and chest wall: bright layers near the probe.
        strength += smoothstep(0.16, 0.10, radius) * 0.5 * (0.6 + 0.4 * (radius * 190.0).sin());

        // Chambers: dark blood, bright walls. Ventricles contract while atria fill.
        let squeeze = lerp(1.0, 0.76, beat);
        let chambers: [(Point, [f32; 2], f32); 4] = [
            ([-0.115, -0.115], [0.088 * squeeze, 0.205 * lerp(1.0, 0.9, beat)], 0.16),
            ([0.110, -0.105], [0.075 * squeeze, 0.180 * lerp(1.0, 0.9, beat)], -0.14),
            ([-0.120, 0.225], [0.105 * lerp(0.86, 1.0, beat), 0.098], 0.0),
            ([0.110, 0.225], [0.098 * lerp(0.86, 1.0, beat), 0.092], 0.0),
        ];
        for (centre, radii, tilt) in chambers {
            let rel = [p[0] - centre[0] - tilt * (p[1] - centre[1]), p[1] - centre[1]];
            let ring = (rel[0] / radii[0]).hypot(rel[1] / radii[1]) + (tissue - 0.5) * 0.25;
            let blood = smoothstep(1.0, 0.86, ring);
            let wall = smoothstep(1.36, 1.10, ring) * smoothstep(0.90, 1.05, ring);
            strength = lerp(strength + wall * 0.38, 0.035, blood);
        }
        // Mitral and tricuspid valves: two leaflets each, open towards the ventricle.
        for centre in [-0.118, 0.110] {
            for side in [-1.0, 1.0] {
                let hinge = [centre + side * 0.082, 0.118];
                let open = lerp(0.070, 0.012, beat);
                let end = [centre + side * open * 0.55, 0.118 - open * 1.3];
                strength += capsule(p, hinge, end, [0.009, 0.006], 0.014).cover * 0.75;
            }
        }
        // Grain in the probe's own geometry: finer along the beam than across.
        let grain = self.speckle.at(angle * 0.75 + beat * 0.013, radius * 0.95 - beat * 0.006);
        let deep = 1.0 - 0.42 * smoothstep(0.55, 1.0, radius);
        let grey = strength * (0.16 + 1.30 * grain * grain) * deep * 1.15;
        let mut colour = [grey * 0.98, grey, grey * 1.04];

        // Doppler window over the left side: towards the probe red, away from it blue.
        let window = [[-0.235, -0.20], [-0.005, -0.20], [-0.005, 0.285], [-0.235, 0.285]];
        if polygon(p, &window, 0.001) > 0.5 && strength < 0.12 {
            let jet = smoothstep(0.085, 0.0, (p[0] + 0.118 + 0.16 * (p[1] - 0.1)).abs());
            let flow = self.tissue.at(p[0] * 2.2, p[1] * 1.6 - beat * 0.30) * 1.6 * jet;
            let filling = smoothstep(0.75, 0.10, beat);
            let (toward, away) = ([0.98, 0.30 + 0.5 * jet * flow, 0.06], [0.08, 0.30, 0.95]);
            let lively = smoothstep(0.26, 0.60, flow);
            colour = mix(colour, mix(away, toward, filling), lively * 0.92);
        }
        colour
    }
}

impl Scene for Ultrasound {
    fn draw(&self, phase: f32, canvas: &mut Canvas) {
        let soft = canvas.pixel();
        canvas.shade(|p| {
            let (dx, dy) = (p[0] - APEX[0], p[1] - APEX[1]);
            let (radius, angle) = (dx.hypot(dy), dx.atan2(dy));
            let inside = smoothstep(NEAR - soft, NEAR + soft, radius)
                * smoothstep(FAR + soft, FAR - soft, radius)
                * smoothstep(soft, -soft, (angle.abs() - HALF_ANGLE) * radius);
            if inside == 0.0 {
                return [0.012, 0.014, 0.018];
            }
            mix([0.012, 0.014, 0.018], self.echo(p, radius, angle, phase), inside)
        });
        scales(canvas);
    }
}

/// Depth ticks on the right, grey and Doppler scales on the left.
fn scales(canvas: &mut Canvas) {
    let right = canvas.half_width() - 0.09;
    for tick in 0..=20 {
        let y = -0.46 + tick as f32 * 0.046;
        let width = if tick % 5 == 0 { 0.035 } else { 0.016 };
        canvas.paint([right - width, y], [right, y + 0.003], |_| ([0.75, 0.78, 0.82], 0.9));
    }
    let left = -canvas.half_width() + 0.07;
    canvas.paint([left, -0.42], [left + 0.028, -0.08], |p| ([(-0.08 - p[1]) / 0.34; 3], 1.0));
    canvas.paint([left, 0.02], [left + 0.028, 0.36], |p| {
        let share = (p[1] - 0.02) / 0.34;
        let warm = mix([1.0, 0.85, 0.25], [0.45, 0.0, 0.0], share * 2.0);
        let cold = mix([0.0, 0.0, 0.45], [0.30, 0.80, 1.0], share * 2.0 - 1.0);
        (if share < 0.5 { warm } else { cold }, 1.0)
    });
}
