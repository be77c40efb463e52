//! Anti-aliased shapes as functions of a point: how much of it they cover.

use super::Point;

/// What a capsule says of a point.
#[derive(Clone, Copy, Debug)]
pub struct Hit {
    /// 0 outside, 1 inside, between at the edge.
    pub cover: f32,
    /// How far along the axis: 0 at the first end, 1 at the second.
    pub along: f32,
    /// How far beside the axis: -1 at one edge, 1 at the other.
    pub side: f32,
}

/// A line with round ends and a radius at each of them; `soft` is the width of its edge.
pub fn capsule(point: Point, from: Point, to: Point, radii: [f32; 2], soft: f32) -> Hit {
    let axis = [to[0] - from[0], to[1] - from[1]];
    let rel = [point[0] - from[0], point[1] - from[1]];
    let length = axis[0].hypot(axis[1]).max(1e-6);
    let along = ((rel[0] * axis[0] + rel[1] * axis[1]) / (length * length)).clamp(0.0, 1.0);
    let radius = radii[0] + (radii[1] - radii[0]) * along;
    let distance = (rel[0] - axis[0] * along).hypot(rel[1] - axis[1] * along);
    let side = (axis[0] * rel[1] - axis[1] * rel[0]) / length / radius.max(1e-6);
    Hit { cover: edge(radius - distance, soft), along, side: side.clamp(-1.0, 1.0) }
}

/// A disc.
pub fn disc(point: Point, centre: Point, radius: f32, soft: f32) -> f32 {
    edge(radius - (point[0] - centre[0]).hypot(point[1] - centre[1]), soft)
}

/// An upright ellipse; its edge is `soft` wide along the shorter radius.
pub fn ellipse(point: Point, centre: Point, radii: [f32; 2], soft: f32) -> f32 {
    let distance = ((point[0] - centre[0]) / radii[0]).hypot((point[1] - centre[1]) / radii[1]);
    edge((1.0 - distance) * radii[0].min(radii[1]), soft)
}

/// A convex polygon, its corners clockwise on the screen.
pub fn polygon(point: Point, corners: &[Point], soft: f32) -> f32 {
    let mut inside = f32::INFINITY;
    for (index, a) in corners.iter().enumerate() {
        let b = corners[(index + 1) % corners.len()];
        let axis = [b[0] - a[0], b[1] - a[1]];
        let length = axis[0].hypot(axis[1]).max(1e-6);
        let distance = (axis[0] * (point[1] - a[1]) - axis[1] * (point[0] - a[0])) / length;
        inside = inside.min(distance);
    }
    edge(inside, soft)
}

fn edge(inside: f32, soft: f32) -> f32 {
    (inside / soft.max(1e-6) + 0.5).clamp(0.0, 1.0)
}
