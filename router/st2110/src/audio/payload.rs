//! Samples in and out of a payload.
//!
//! In memory a sample is an `i32`, left-aligned: full scale is full scale at either depth,
//! and what converts, mixes or ramps need not know the depth. Interleaving stays as it is.
//! One pass, no allocation, no look at the format beyond the depth.

use super::AudioDepth;

/// Writes interleaved samples as a payload and returns its octets.
///
/// Bits below the depth are cut off, not rounded. Writes nothing when `out` is too short.
pub fn pack(
    depth: AudioDepth,
    samples: &[i32],
    out: &mut [u8],
) -> Result<usize, AudioPayloadError> {
    let (needed, available) = (samples.len() * depth.octets(), out.len());
    let Some(out) = out.get_mut(..needed) else {
        return Err(AudioPayloadError::Room { needed, available });
    };
    match depth {
        AudioDepth::L16 => {
            for (out, sample) in out.as_chunks_mut::<2>().0.iter_mut().zip(samples) {
                let [first, second, ..] = sample.to_be_bytes();
                *out = [first, second];
            }
        }
        AudioDepth::L24 => {
            for (out, sample) in out.as_chunks_mut::<3>().0.iter_mut().zip(samples) {
                let [first, second, third, _] = sample.to_be_bytes();
                *out = [first, second, third];
            }
        }
    }
    Ok(needed)
}

/// Reads the samples of a payload, interleaved as they are, and returns how many.
///
/// Bits below the depth are 0. Writes nothing when the payload ends within a sample or `out`
/// is too short; whether it ends within a frame is
/// [`AudioFormat::check_payload`](super::AudioFormat::check_payload)'s question.
pub fn unpack(
    depth: AudioDepth,
    payload: &[u8],
    out: &mut [i32],
) -> Result<usize, AudioPayloadError> {
    let (octets, width) = (payload.len(), depth.octets());
    if !octets.is_multiple_of(width) {
        return Err(AudioPayloadError::Ragged { octets, width });
    }
    let (needed, available) = (octets / width, out.len());
    let Some(out) = out.get_mut(..needed) else {
        return Err(AudioPayloadError::Room { needed, available });
    };
    match depth {
        AudioDepth::L16 => {
            for (sample, octets) in out.iter_mut().zip(payload.as_chunks::<2>().0) {
                *sample = i32::from_be_bytes([octets[0], octets[1], 0, 0]);
            }
        }
        AudioDepth::L24 => {
            for (sample, octets) in out.iter_mut().zip(payload.as_chunks::<3>().0) {
                *sample = i32::from_be_bytes([octets[0], octets[1], octets[2], 0]);
            }
        }
    }
    Ok(needed)
}

/// Why a payload is not the audio it should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AudioPayloadError {
    /// Not the length that the format gives every packet.
    #[error("{octets} octets of payload, the format gives {expected} (ST 2110-30 §6.2.1)")]
    Length {
        /// Octets there are.
        octets: usize,
        /// Octets there should be.
        expected: usize,
    },
    /// It ends within a sample.
    #[error("{octets} octets are no whole number of samples of {width} (RFC 3190 §4)")]
    Ragged {
        /// Octets there are.
        octets: usize,
        /// Octets a sample.
        width: usize,
    },
    /// The buffer given is too short.
    #[error("room for {available} where {needed} are to be written")]
    Room {
        /// Octets or samples to write.
        needed: usize,
        /// Octets or samples the buffer holds.
        available: usize,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_are_big_endian_and_left_aligned() {
        let mut samples = [9; 3];
        let sixteen = [0x80, 0x00, 0x7f, 0xff, 0x00, 0x01];
        assert_eq!(unpack(AudioDepth::L16, &sixteen, &mut samples), Ok(3));
        assert_eq!(samples, [i32::MIN, 0x7fff_0000, 0x0001_0000]);
        let mut back = [0; 6];
        assert_eq!(pack(AudioDepth::L16, &samples, &mut back), Ok(6));
        assert_eq!(back, sixteen);
        let twenty_four = [0x80, 0, 0, 0xff, 0xff, 0xff, 0x01, 0x02, 0x03];
        assert_eq!(unpack(AudioDepth::L24, &twenty_four, &mut samples), Ok(3));
        assert_eq!(samples, [i32::MIN, -256, 0x0102_0300]);
        let mut back = [0; 9];
        assert_eq!(pack(AudioDepth::L24, &samples, &mut back), Ok(9));
        assert_eq!(back, twenty_four);
        // Cut, not rounded.
        assert_eq!(pack(AudioDepth::L24, &[-1], &mut back), Ok(3));
        assert_eq!(back[..3], [0xff, 0xff, 0xff]);
    }

    #[test]
    fn what_does_not_fit_is_left_alone() {
        let mut samples = [7; 2];
        let error = AudioPayloadError::Ragged { octets: 4, width: 3 };
        assert_eq!(unpack(AudioDepth::L24, &[0; 4], &mut samples), Err(error));
        let error = AudioPayloadError::Room { needed: 3, available: 2 };
        assert_eq!(unpack(AudioDepth::L16, &[0; 6], &mut samples), Err(error));
        assert_eq!(samples, [7; 2]);
        let mut out = [7; 5];
        let error = AudioPayloadError::Room { needed: 6, available: 5 };
        assert_eq!(pack(AudioDepth::L24, &[0; 2], &mut out), Err(error));
        assert_eq!(out, [7; 5]);
    }
}
