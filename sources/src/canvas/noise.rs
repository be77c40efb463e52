//! Tileable value noise as a texture: computed once, read with a few loads a point.

/// Side of the texture in samples; a power of two.
const SIDE: usize = 512;

/// A seamless texture of values from 0 to 1.
#[derive(Clone, Debug)]
pub struct Noise {
    samples: Vec<f32>,
}

impl Noise {
    /// Sums `octaves` layers, the coarsest with `period` cells along a side (a power of two
    /// up to 512), each finer one half as strong; stretched to fill 0 to 1.
    pub fn new(seed: u32, period: usize, octaves: u32) -> Self {
        let mut samples = vec![0.0_f32; SIDE * SIDE];
        let mut random = Random(seed.wrapping_mul(0x9e37_79b9) | 1);
        let (mut cells, mut weight) = (period.clamp(1, SIDE), 1.0);
        for _ in 0..octaves {
            add_layer(&mut samples, cells, weight, &mut random);
            if cells == SIDE {
                break;
            }
            cells = (cells * 2).min(SIDE);
            weight *= 0.5;
        }
        let low = samples.iter().copied().fold(f32::INFINITY, f32::min);
        let high = samples.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let stretch = 1.0 / (high - low).max(f32::EPSILON);
        for sample in &mut samples {
            *sample = (*sample - low) * stretch;
        }
        Self { samples }
    }

    /// The value at a place; the texture repeats every unit.
    pub fn at(&self, u: f32, v: f32) -> f32 {
        let (x, y) = ((u - u.floor()) * SIDE as f32, (v - v.floor()) * SIDE as f32);
        let (column, row) = (x as usize, y as usize);
        let (across, down) = (x - column as f32, y - row as f32);
        let sample =
            |dx: usize, dy: usize| self.samples[((row + dy) % SIDE) * SIDE + (column + dx) % SIDE];
        let upper = sample(0, 0) + (sample(1, 0) - sample(0, 0)) * across;
        let lower = sample(0, 1) + (sample(1, 1) - sample(0, 1)) * across;
        upper + (lower - upper) * down
    }
}

fn add_layer(samples: &mut [f32], cells: usize, weight: f32, random: &mut Random) {
    let lattice: Vec<f32> = (0..cells * cells).map(|_| random.next()).collect();
    let step = SIDE / cells;
    // Where a sample lies between the lattice points of its cell, eased.
    let eased: Vec<f32> = (0..step)
        .map(|at| {
            let share = at as f32 / step as f32;
            share * share * (3.0 - 2.0 * share)
        })
        .collect();
    for (y, row) in samples.chunks_exact_mut(SIDE).enumerate() {
        let (upper, lower) = (y / step * cells, (y / step + 1) % cells * cells);
        let down = eased[y % step];
        for (x, sample) in row.iter_mut().enumerate() {
            let (left, right) = (x / step, (x / step + 1) % cells);
            let across = eased[x % step];
            let above = lattice[upper + left] * (1.0 - across) + lattice[upper + right] * across;
            let below = lattice[lower + left] * (1.0 - across) + lattice[lower + right] * across;
            *sample += weight * (above * (1.0 - down) + below * down);
        }
    }
}

/// Xorshift: the same picture from the same seed on every machine.
struct Random(u32);

impl Random {
    fn next(&mut self) -> f32 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 17;
        self.0 ^= self.0 << 5;
        (self.0 >> 8) as f32 / 16_777_216.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_texture_is_seamless_and_fills_its_range() {
        let noise = Noise::new(1, 8, 4);
        let step = 1.0 / SIDE as f32;
        let (mut low, mut high) = (1.0_f32, 0.0_f32);
        for at in 0..SIDE {
            let v = at as f32 * step;
            assert!((noise.at(1.0 - step, v) - noise.at(0.0, v)).abs() < 0.2, "column {at}");
            assert!((noise.at(-3.0, v) - noise.at(0.0, v)).abs() < 1e-6);
            low = (0..SIDE).map(|x| noise.at(x as f32 * step, v)).fold(low, f32::min);
            high = (0..SIDE).map(|x| noise.at(x as f32 * step, v)).fold(high, f32::max);
        }
        assert!(low < 0.01 && high > 0.99, "{low} {high}");
    }
}
