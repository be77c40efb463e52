//! The operating room from a camera on the wall: lamps, table, four people at work.

use super::Scene;
use crate::canvas::{
    Canvas, Colour, Noise, Point, capsule, disc, ellipse, lerp, lit, mix, polygon, smoothstep,
};

pub(super) struct Room {
    grain: Noise,
}

/// A person: where they stand, how large, what they wear, and which way they lean.
struct Person {
    at: Point,
    size: f32,
    gown: Colour,
    cap: Colour,
    lean: f32,
}

const PEOPLE: [Person; 4] = [
    Person {
        at: [-0.30, -0.05],
        size: 0.92,
        gown: [0.13, 0.42, 0.50],
        cap: [0.20, 0.52, 0.62],
        lean: 0.6,
    },
    Person {
        at: [0.02, -0.09],
        size: 0.88,
        gown: [0.11, 0.37, 0.46],
        cap: [0.52, 0.66, 0.80],
        lean: -0.5,
    },
    Person {
        at: [0.33, -0.06],
        size: 0.92,
        gown: [0.13, 0.42, 0.50],
        cap: [0.18, 0.48, 0.60],
        lean: -0.9,
    },
    Person {
        at: [0.62, 0.02],
        size: 0.98,
        gown: [0.16, 0.46, 0.48],
        cap: [0.62, 0.72, 0.62],
        lean: 0.4,
    },
];

impl Room {
    pub(super) fn new() -> Self {
        Self { grain: Noise::new(171, 64, 3) }
    }

    fn background(&self, [x, y]: Point) -> Colour {
        let grain = (self.grain.at(x * 0.7, y * 0.7) - 0.5) * 0.02;
        let glow = 0.30 * (-((x * x) * 1.2 + (y + 0.25).powi(2) * 2.6)).exp();
        let colour = if y < 0.17 {
            // Wall panels.
            let joint = smoothstep(0.004, 0.0, ((x / 0.46).rem_euclid(1.0) - 0.5).abs() * 0.46);
            lit(mix([0.47, 0.57, 0.58], [0.34, 0.43, 0.45], y + 0.5), 0.72 + glow - joint * 0.10)
        } else {
            let depth = (y - 0.17) / 0.33;
            lit(mix([0.38, 0.44, 0.43], [0.26, 0.31, 0.31], depth), 0.80 + glow)
        };
        colour.map(|value| value + grain)
    }
}

impl Scene for Room {
    fn draw(&self, phase: f32, canvas: &mut Canvas) {
        let soft = canvas.pixel() * 1.5;
        canvas.shade(|p| self.background(p));
        wall_screen(canvas, phase, soft);
        for (index, person) in PEOPLE.iter().enumerate().take(3) {
            let sway = ((phase + index as f32 * 0.31) * std::f32::consts::PI).sin();
            draw_person(canvas, person, sway, soft);
        }
        table(canvas, soft);
        arms(canvas, phase, soft);
        let sway = (phase * std::f32::consts::PI).cos();
        draw_person(canvas, &PEOPLE[3], sway, soft);
        lamps(canvas, soft);
    }
}

fn draw_person(canvas: &mut Canvas, person: &Person, sway: f32, soft: f32) {
    let size = person.size;
    let x = person.at[0] + sway * 0.008;
    let y = person.at[1];
    let head = [x + person.lean * 0.028 * size, y - 0.168 * size + sway * 0.003];
    let reach = 0.20 * size;
    canvas.paint([x - reach, y - reach - 0.1], [x + reach, y + 0.52], |p| {
        // Shoulders narrow into a gown that hangs to the ground.
        let torso = capsule(
            p,
            [x, y - 0.015 * size],
            [x, y + 0.33 * size],
            [0.096 * size, 0.112 * size],
            soft,
        );
        let fold = 0.92 + 0.08 * ((p[0] - x) * 90.0 + p[1] * 8.0).sin();
        let side = (p[0] - x) / (0.11 * size);
        let light = fold
            * (1.08 - 0.30 * side * side)
            * lerp(1.12, 0.70, smoothstep(y - 0.1, y + 0.4, p[1]));
        (lit(person.gown, light), torso.cover)
    });
    canvas.paint([head[0] - 0.09, head[1] - 0.09], [head[0] + 0.09, head[1] + 0.10], |p| {
        let neck = capsule(p, head, [x, y - 0.06 * size], [0.030 * size, 0.036 * size], soft).cover;
        ([0.74, 0.55, 0.46], neck)
    });
    canvas.paint([head[0] - 0.09, head[1] - 0.09], [head[0] + 0.09, head[1] + 0.10], |p| {
        let cover = ellipse(p, head, [0.050 * size, 0.060 * size], soft);
        let down = (p[1] - head[1]) / (0.060 * size) - 0.12 * ((p[0] - head[0]) / 0.05).powi(2);
        let round = 1.05 - 0.35 * ((p[0] - head[0]) / (0.050 * size)).powi(2);
        let colour = if down < -0.16 {
            person.cap
        } else if down < 0.16 {
            [0.80, 0.61, 0.52]
        } else {
            [0.72, 0.84, 0.90]
        };
        (lit(colour, round), cover)
    });
}

/// The patient under drapes, with the field where the light falls.
fn table(canvas: &mut Canvas, soft: f32) {
    let top = [[-0.62, 0.155], [0.56, 0.155], [0.70, 0.285], [-0.76, 0.285]];
    let front = [[-0.76, 0.284], [0.70, 0.284], [0.66, 0.50], [-0.72, 0.50]];
    canvas.paint([-0.8, 0.1], [0.75, 0.5], |p| {
        let fold = 0.90 + 0.10 * (p[0] * 46.0 + (p[1] * 9.0).sin()).sin();
        (
            lit([0.10, 0.31, 0.43], fold * lerp(0.95, 0.55, (p[1] - 0.28) / 0.22)),
            polygon(p, &front, soft),
        )
    });
    canvas.paint([-0.8, 0.1], [0.75, 0.3], |p| {
        let light = 0.80 + 0.55 * (-((p[0] - 0.02).powi(2) * 7.0)).exp();
        (lit([0.15, 0.42, 0.55], light), polygon(p, &top, soft))
    });
    canvas.paint([-0.6, 0.05], [0.6, 0.28], |p| {
        let body = ellipse(p, [-0.02, 0.195], [0.46, 0.072], 0.02);
        let light = 0.95 + 0.55 * (-((p[0] - 0.02).powi(2) * 9.0)).exp() - (p[1] - 0.15) * 2.4;
        (lit([0.16, 0.44, 0.58], light), body)
    });
    canvas.paint([-0.2, 0.1], [0.25, 0.26], |p| {
        ([0.80, 0.42, 0.34], ellipse(p, [0.02, 0.168], [0.080, 0.024], 0.006))
    });
}

/// Gloved arms that reach into the field.
fn arms(canvas: &mut Canvas, phase: f32, soft: f32) {
    let work = phase * 0.022;
    let reaches: [(Point, Point); 5] = [
        ([-0.24, 0.06], [-0.065 + work, 0.155]),
        ([-0.36, 0.08], [-0.16, 0.190 - work]),
        ([0.06, 0.02], [0.035, 0.135 + work]),
        ([0.27, 0.05], [0.105 - work, 0.158]),
        ([0.40, 0.08], [0.19, 0.195 + work * 0.5]),
    ];
    for (shoulder, hand) in reaches {
        canvas.paint([-0.5, -0.05], [0.5, 0.26], |p| {
            let hit = capsule(p, shoulder, hand, [0.036, 0.021], soft);
            let sleeve = lit([0.12, 0.39, 0.47], 1.16 - 0.5 * hit.side.abs());
            let glove = [0.88, 0.90, 0.84];
            (mix(sleeve, glove, smoothstep(0.76, 0.78, hit.along)), hit.cover)
        });
    }
}

/// Two lamps on arms, the larger over the table, with their glow.
fn lamps(canvas: &mut Canvas, soft: f32) {
    for (centre, radii, arm) in [
        ([0.02, -0.385], [0.19, 0.052], [0.10, -0.60]),
        ([-0.47, -0.34], [0.12, 0.040], [-0.38, -0.60]),
    ] {
        canvas.paint([-0.7, -0.7], [0.4, -0.3], |p| {
            ([0.62, 0.66, 0.68], capsule(p, arm, centre, [0.010; 2], soft).cover)
        });
        canvas.paint([centre[0] - 0.5, -0.6], [centre[0] + 0.5, 0.0], |p| {
            let glow = ellipse(p, centre, [radii[0] * 1.9, radii[1] * 3.6], 0.16);
            ([1.0, 1.0, 0.94], glow * 0.16)
        });
        canvas.paint([centre[0] - 0.3, -0.5], [centre[0] + 0.3, -0.2], |p| {
            ([0.55, 0.60, 0.62], ellipse(p, centre, [radii[0] * 1.07, radii[1] * 1.20], soft))
        });
        canvas.paint([centre[0] - 0.3, -0.5], [centre[0] + 0.3, -0.2], |p| {
            let cell = ((p[0] - centre[0]) * 62.0).sin() * ((p[1] - centre[1]) * 150.0).sin();
            (lit([1.0, 0.995, 0.95], 0.94 + 0.06 * cell), ellipse(p, centre, radii, soft))
        });
    }
}

/// A screen on the wall that shows the endoscope.
fn wall_screen(canvas: &mut Canvas, phase: f32, soft: f32) {
    let centre = [-0.70, -0.13];
    let corners = |half: [f32; 2]| {
        [
            [centre[0] - half[0], centre[1] - half[1]],
            [centre[0] + half[0], centre[1] - half[1]],
            [centre[0] + half[0], centre[1] + half[1]],
            [centre[0] - half[0], centre[1] + half[1]],
        ]
    };
    let (frame, glass) = (corners([0.150, 0.092]), corners([0.140, 0.082]));
    canvas.paint([-0.9, -0.3], [-0.5, 0.0], |p| ([0.14, 0.15, 0.16], polygon(p, &frame, soft)));
    canvas.paint([-0.9, -0.3], [-0.5, 0.0], |p| {
        let inside = disc(p, centre, 0.072, soft);
        let depth = (p[0] - centre[0] - 0.02 * phase).hypot(p[1] - centre[1]) / 0.072;
        let flesh = mix([0.30, 0.05, 0.05], [0.82, 0.36, 0.30], smoothstep(0.1, 0.7, depth));
        (mix([0.01; 3], flesh, inside), polygon(p, &glass, soft))
    });
}
