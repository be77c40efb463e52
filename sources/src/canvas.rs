//! A small picture to draw demo patterns on, in floating-point R'G'B'.
//!
//! Patterns are drawn at a reduced size and scaled up afterwards, so clarity counts more
//! than speed here; one 960×540 picture takes a few milliseconds. Coordinates are
//! *scene units*: the height of the free area is 1, its centre is (0, 0), x goes right and
//! y down.

mod noise;
mod shape;

pub use noise::Noise;
pub use ormatrix_typeface::{Glyph, Typeface};
pub use shape::{Hit, capsule, disc, ellipse, polygon};

/// Red, green and blue from 0 to 1, gamma-coded.
pub type Colour = [f32; 3];

/// A point in scene units.
pub type Point = [f32; 2];

/// A picture of R'G'B' values.
#[derive(Clone, Debug)]
pub struct Canvas {
    width: usize,
    height: usize,
    pixels: Vec<Colour>,
    /// Pixels a scene unit.
    scale: f32,
    /// The scene's origin in pixels.
    origin: Point,
}

impl Canvas {
    /// A black picture. `above` and `below` are the shares of its height that others will
    /// draw over; the scene lies between.
    pub fn new(width: usize, height: usize, above: f32, below: f32) -> Self {
        let scale = (1.0 - above - below).max(0.1) * height as f32;
        let origin = [width as f32 / 2.0, above * height as f32 + scale / 2.0];
        Self { width, height, pixels: vec![[0.0; 3]; width * height], scale, origin }
    }

    /// Half of the picture's width in scene units.
    pub fn half_width(&self) -> f32 {
        self.origin[0] / self.scale
    }

    /// The size of a pixel in scene units: how wide an edge is blurred.
    pub fn pixel(&self) -> f32 {
        1.0 / self.scale
    }

    /// Gives every pixel the colour of its point.
    pub fn shade(&mut self, colour: impl Fn(Point) -> Colour) {
        let (width, scale, origin) = (self.width, self.scale, self.origin);
        for (y, row) in self.pixels.chunks_exact_mut(width).enumerate() {
            let v = (y as f32 + 0.5 - origin[1]) / scale;
            for (x, pixel) in row.iter_mut().enumerate() {
                *pixel = colour([(x as f32 + 0.5 - origin[0]) / scale, v]);
            }
        }
    }

    /// Blends a colour over the pixels between two corners; `paint` gives colour and
    /// opacity for a point.
    pub fn paint(&mut self, from: Point, to: Point, paint: impl Fn(Point) -> (Colour, f32)) {
        let (scale, origin) = (self.scale, self.origin);
        let range = |axis: usize, size: usize| {
            let low = (from[axis].min(to[axis]) * scale + origin[axis]).floor().max(0.0) as usize;
            let high = (from[axis].max(to[axis]) * scale + origin[axis]).ceil().max(0.0) as usize;
            low.min(size)..high.min(size)
        };
        let columns = range(0, self.width);
        for y in range(1, self.height) {
            let v = (y as f32 + 0.5 - origin[1]) / scale;
            for x in columns.clone() {
                let (colour, opacity) = paint([(x as f32 + 0.5 - origin[0]) / scale, v]);
                if opacity > 0.0 {
                    let pixel = &mut self.pixels[y * self.width + x];
                    *pixel = mix(*pixel, colour, opacity.min(1.0));
                }
            }
        }
    }

    /// Writes a line of text whose capitals are about 0.7 `size` high, its upper left corner
    /// at `at`.
    pub fn text(&mut self, face: &Typeface, at: Point, size: f32, colour: Colour, text: &str) {
        let height = (size * self.scale).round().max(4.0) as usize;
        let width = Typeface::advance(height);
        let left = (at[0] * self.scale + self.origin[0]).round();
        let top = (at[1] * self.scale + self.origin[1]).round().max(0.0) as usize;
        for (index, character) in text.chars().enumerate() {
            let glyph = face.glyph(character, width, height);
            let start = (left + (index * width) as f32).max(0.0) as usize;
            for (dy, row) in glyph.coverage.chunks_exact(width).enumerate() {
                for (dx, &coverage) in row.iter().enumerate() {
                    let (x, y) = (start + dx, top + dy);
                    if coverage > 0 && x < self.width && y < self.height {
                        let pixel = &mut self.pixels[y * self.width + x];
                        *pixel = mix(*pixel, colour, f32::from(coverage) / 255.0);
                    }
                }
            }
        }
    }

    /// The picture as 8-bit RGB, row after row, dithered so that dark gradients don't band.
    pub fn to_rgb8(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.pixels.len() * 3);
        let mut state = 0x9e37_79b9_u32;
        for pixel in &self.pixels {
            state ^= state << 13;
            state ^= state >> 17;
            state ^= state << 5;
            let dither = (state >> 8) as f32 / 16_777_216.0;
            // `as` saturates: colours beyond white stay white.
            out.extend(pixel.map(|value| (value * 255.0 + dither) as u8));
        }
        out
    }
}

/// `a` for 0, `b` for 1, between them in proportion.
pub fn mix(a: Colour, b: Colour, share: f32) -> Colour {
    [a[0] + (b[0] - a[0]) * share, a[1] + (b[1] - a[1]) * share, a[2] + (b[2] - a[2]) * share]
}

/// A colour made brighter or darker.
pub fn lit(colour: Colour, light: f32) -> Colour {
    colour.map(|value| value * light)
}

/// 0 below `from`, 1 above `to`, smooth between; `from` may be the larger.
pub fn smoothstep(from: f32, to: f32, value: f32) -> f32 {
    let share = ((value - from) / (to - from)).clamp(0.0, 1.0);
    share * share * (3.0 - 2.0 * share)
}

/// Between two numbers in proportion.
pub fn lerp(from: f32, to: f32, share: f32) -> f32 {
    from + (to - from) * share
}
