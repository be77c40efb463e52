//! Pseudo-random octets for fuzz bodies: half of them noise, half valid inputs with a few
//! octets changed, which get deeper. Dice are fixed: a failure repeats.

use std::{env, fs, path::Path};

/// How many inputs a body is given, unless `ORMATRIX_FUZZ_ROUNDS` says otherwise.
const ROUNDS: usize = 8_000;

/// Inputs asked for.
///
/// # Panics
/// When `ORMATRIX_FUZZ_ROUNDS` is no number.
pub fn rounds() -> usize {
    env::var("ORMATRIX_FUZZ_ROUNDS")
        .map_or(ROUNDS, |text| text.replace('_', "").parse().expect("a number of rounds"))
}

/// Runs a body over valid inputs, over changed ones, and over noise of up to `longest` octets.
/// The valid inputs are also written into the folder `name` of the one that
/// `ORMATRIX_FUZZ_SEEDS` names, for others to begin with.
///
/// # Panics
/// When the body does: that is a finding.
pub fn drill(name: &str, longest: usize, valid: &[Vec<u8>], body: fn(&[u8])) {
    if let Some(folder) = env::var_os("ORMATRIX_FUZZ_SEEDS") {
        let folder = Path::new(&folder).join(name);
        fs::create_dir_all(&folder).expect("a folder for seeds");
        for (index, octets) in valid.iter().enumerate() {
            fs::write(folder.join(index.to_string()), octets).expect("a seed can be written");
        }
    }
    let mut dice = fastrand::Rng::with_seed(0x2022_0007);
    for octets in valid {
        body(octets);
    }
    for _ in 0..rounds() / 2 {
        let length = dice.usize(0..=longest);
        body(&std::iter::repeat_with(|| dice.u8(..)).take(length).collect::<Vec<_>>());
        if let Some(octets) = dice.choice(valid) {
            let changed = change(octets.clone(), &mut dice);
            body(&changed);
        }
    }
}

/// Changes, removes, repeats or cuts a few octets.
fn change(mut octets: Vec<u8>, dice: &mut fastrand::Rng) -> Vec<u8> {
    for _ in 0..dice.usize(1..6) {
        if octets.is_empty() {
            break;
        }
        let at = dice.usize(0..octets.len());
        match dice.u8(0..6) {
            0 => octets[at] = dice.u8(..),
            1 => octets[at] ^= 1 << dice.u8(0..8),
            2 => drop(octets.remove(at)),
            3 => octets.insert(at, dice.u8(..)),
            4 => octets.truncate(at),
            _ => {
                let end = (at + dice.usize(0..64)).min(octets.len());
                let piece = octets[at..end].to_vec();
                let to = dice.usize(0..octets.len());
                octets.splice(to..to, piece);
            }
        }
    }
    octets
}
