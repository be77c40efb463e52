//! Pseudo-random octets for the fuzz targets' bodies: half of them noise, half valid inputs
//! with a few octets changed, which get deeper. Seeds are fixed: a failure repeats.

const ROUNDS: usize = 40_000;

/// Xorshift, 64 bits.
pub struct Noise(pub u64);

impl Noise {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, limit: usize) -> usize {
        (self.next() % limit as u64) as usize
    }

    fn octets(&mut self, most: usize) -> Vec<u8> {
        (0..self.below(most + 1)).map(|_| self.next() as u8).collect()
    }

    /// Changes, removes, repeats or cuts a few octets.
    fn mutate(&mut self, seed: &[u8]) -> Vec<u8> {
        let mut octets = seed.to_vec();
        for _ in 0..self.below(4) {
            if octets.is_empty() {
                break;
            }
            let at = self.below(octets.len());
            match self.below(6) {
                0 => octets[at] = self.next() as u8,
                1 => octets[at] ^= 1 << self.below(8),
                2 => drop(octets.remove(at)),
                3 => octets.insert(at, self.next() as u8),
                4 => octets.truncate(at),
                _ => {
                    let end = at + self.below(octets.len() - at).min(40);
                    let piece = octets[at..end].to_vec();
                    let to = self.below(octets.len());
                    octets.splice(to..to, piece);
                }
            }
        }
        octets
    }

    /// Runs a body over noise and over changed seeds.
    pub fn run(&mut self, seeds: &[Vec<u8>], body: fn(&[u8])) {
        for seed in seeds {
            body(seed);
        }
        for _ in 0..ROUNDS / 2 {
            body(&self.octets(200));
            let seed = &seeds[self.below(seeds.len())];
            body(&self.mutate(seed));
        }
    }
}
