//! Rows of cells, twelve samples at a time.
//!
//! Twelve samples are 12, 15 or 18 octets at 8, 10 and 12 bits, and three cells of 4:2:2,
//! two of 4:2:0, four of 4:4:4 or RGB. What is left of a row goes through a padded copy.

use super::{RowSamples, RowSamplesMut, Sample};
use crate::format::{Depth, Sampling, VideoFormat};

/// Samples in a unit.
const UNIT: usize = 12;

/// Octets of a unit at 12 bits, the longest.
const MOST_OCTETS: usize = 18;

/// Which samples of a unit belong to each component: first, first below, second, third.
struct Order<const A: usize, const B: usize, const C: usize> {
    first: [usize; A],
    first_below: [usize; B],
    second: [usize; C],
    third: [usize; C],
}

const YCBCR_422: Order<6, 0, 3> =
    Order { first: [1, 3, 5, 7, 9, 11], first_below: [], second: [0, 4, 8], third: [2, 6, 10] };
const YCBCR_420: Order<4, 4, 2> =
    Order { first: [0, 1, 6, 7], first_below: [2, 3, 8, 9], second: [4, 10], third: [5, 11] };
const YCBCR_444: Order<4, 0, 4> =
    Order { first: [1, 4, 7, 10], first_below: [], second: [0, 3, 6, 9], third: [2, 5, 8, 11] };
const RGB: Order<4, 0, 4> =
    Order { first: [0, 3, 6, 9], first_below: [], second: [1, 4, 7, 10], third: [2, 5, 8, 11] };

/// Calls a function with the octets of a unit and the order that a format has.
macro_rules! for_format {
    ($format:expr, $call:ident($($argument:expr),*)) => {
        match ($format.depth, $format.sampling) {
            (Depth::D8, Sampling::YCbCr422) => $call::<T, 12, 6, 0, 3>($($argument),*, &YCBCR_422),
            (Depth::D8, Sampling::YCbCr420) => $call::<T, 12, 4, 4, 2>($($argument),*, &YCBCR_420),
            (Depth::D8, Sampling::YCbCr444) => $call::<T, 12, 4, 0, 4>($($argument),*, &YCBCR_444),
            (Depth::D8, Sampling::Rgb) => $call::<T, 12, 4, 0, 4>($($argument),*, &RGB),
            (Depth::D10, Sampling::YCbCr422) => $call::<T, 15, 6, 0, 3>($($argument),*, &YCBCR_422),
            (Depth::D10, Sampling::YCbCr420) => $call::<T, 15, 4, 4, 2>($($argument),*, &YCBCR_420),
            (Depth::D10, Sampling::YCbCr444) => $call::<T, 15, 4, 0, 4>($($argument),*, &YCBCR_444),
            (Depth::D10, Sampling::Rgb) => $call::<T, 15, 4, 0, 4>($($argument),*, &RGB),
            (Depth::D12, Sampling::YCbCr422) => $call::<T, 18, 6, 0, 3>($($argument),*, &YCBCR_422),
            (Depth::D12, Sampling::YCbCr420) => $call::<T, 18, 4, 4, 2>($($argument),*, &YCBCR_420),
            (Depth::D12, Sampling::YCbCr444) => $call::<T, 18, 4, 0, 4>($($argument),*, &YCBCR_444),
            (Depth::D12, Sampling::Rgb) => $call::<T, 18, 4, 0, 4>($($argument),*, &RGB),
        }
    };
}

/// Unpacks a row whose lengths have been checked.
pub(super) fn unpack<T: Sample>(format: &VideoFormat, row: &[u8], out: &mut RowSamplesMut<'_, T>) {
    for_format!(format, unpack_cells(row, out));
}

/// Packs a row whose lengths have been checked.
pub(super) fn pack<T: Sample>(format: &VideoFormat, samples: &RowSamples<'_, T>, row: &mut [u8]) {
    for_format!(format, pack_cells(samples, row));
}

#[inline]
fn unpack_cells<T: Sample, const OCTETS: usize, const A: usize, const B: usize, const C: usize>(
    row: &[u8],
    out: &mut RowSamplesMut<'_, T>,
    order: &Order<A, B, C>,
) {
    let (units, rest) = row.as_chunks::<OCTETS>();
    let mut first = &mut *out.first;
    let mut below = &mut *out.first_below;
    let mut second = &mut *out.second;
    let mut third = &mut *out.third;
    for unit in units {
        let samples = decode(unit);
        (first, below) =
            (scatter(first, &samples, &order.first), scatter(below, &samples, &order.first_below));
        (second, third) =
            (scatter(second, &samples, &order.second), scatter(third, &samples, &order.third));
    }
    if !rest.is_empty() {
        let mut unit = [0; OCTETS];
        unit[..rest.len()].copy_from_slice(rest);
        let samples = decode(&unit);
        let fill = |out: &mut [T], order: &[usize]| {
            for (out, at) in out.iter_mut().zip(order) {
                *out = T::from_wire(samples[*at]);
            }
        };
        fill(first, &order.first);
        fill(below, &order.first_below);
        fill(second, &order.second);
        fill(third, &order.third);
    }
}

#[inline]
fn pack_cells<T: Sample, const OCTETS: usize, const A: usize, const B: usize, const C: usize>(
    samples: &RowSamples<'_, T>,
    row: &mut [u8],
    order: &Order<A, B, C>,
) {
    let (units, rest) = row.as_chunks_mut::<OCTETS>();
    let RowSamples { mut first, first_below: mut below, mut second, mut third } = *samples;
    for unit in units {
        let mut values = [0; UNIT];
        first = gather(first, &mut values, &order.first);
        below = gather(below, &mut values, &order.first_below);
        second = gather(second, &mut values, &order.second);
        third = gather(third, &mut values, &order.third);
        encode(&values, unit);
    }
    if !rest.is_empty() {
        let mut values = [0; UNIT];
        let mut fill = |samples: &[T], order: &[usize]| {
            for (sample, at) in samples.iter().zip(order) {
                values[*at] = sample.to_wire();
            }
        };
        fill(first, &order.first);
        fill(below, &order.first_below);
        fill(second, &order.second);
        fill(third, &order.third);
        let mut unit = [0; OCTETS];
        encode(&values, &mut unit);
        rest.copy_from_slice(&unit[..rest.len()]);
    }
}

/// Moves a component's samples of a unit to the front of `out` and returns what is behind.
#[inline]
fn scatter<'a, T: Sample, const N: usize>(
    out: &'a mut [T],
    samples: &[u16; UNIT],
    order: &[usize; N],
) -> &'a mut [T] {
    // Rows have been checked: only the last, partial unit could be short.
    match out.split_first_chunk_mut::<N>() {
        Some((chunk, rest)) => {
            for (out, at) in chunk.iter_mut().zip(order) {
                *out = T::from_wire(samples[*at]);
            }
            rest
        }
        None => &mut [],
    }
}

/// The reverse of [`scatter`].
#[inline]
fn gather<'a, T: Sample, const N: usize>(
    from: &'a [T],
    samples: &mut [u16; UNIT],
    order: &[usize; N],
) -> &'a [T] {
    match from.split_first_chunk::<N>() {
        Some((chunk, rest)) => {
            for (sample, at) in chunk.iter().zip(order) {
                samples[*at] = sample.to_wire();
            }
            rest
        }
        None => &[],
    }
}

/// The samples of a unit of 12 (8-bit), 15 (10-bit) or 18 octets (12-bit).
///
/// Deeper samples are cut out of 64-bit words: two words hold the twelve of 10 bits.
#[inline]
fn decode<const OCTETS: usize>(unit: &[u8; OCTETS]) -> [u16; UNIT] {
    let mut samples = [0; UNIT];
    match OCTETS {
        12 => {
            for (sample, octet) in samples.iter_mut().zip(unit) {
                *sample = u16::from(*octet);
            }
        }
        15 => {
            // Octet 7 is in both words: bits 56 to 59 end the sixth sample.
            let (high, low) = (word(unit, 0), word(unit, 7));
            for at in 0..6 {
                samples[at] = (high >> (54 - 10 * at)) as u16 & 0x3ff;
                samples[6 + at] = (low >> (50 - 10 * at)) as u16 & 0x3ff;
            }
        }
        MOST_OCTETS => {
            let (high, middle, low) = (word(unit, 0), word(unit, 6), word(unit, 10));
            for at in 0..4 {
                samples[at] = (high >> (52 - 12 * at)) as u16 & 0xfff;
                samples[4 + at] = (middle >> (52 - 12 * at)) as u16 & 0xfff;
                samples[8 + at] = (low >> (36 - 12 * at)) as u16 & 0xfff;
            }
        }
        _ => {}
    }
    samples
}

/// Eight octets of a unit, most significant first.
#[inline]
fn word(unit: &[u8], at: usize) -> u64 {
    // Every caller's `at` leaves eight octets; checked away when inlined.
    unit.get(at..)
        .and_then(|rest| rest.first_chunk())
        .map_or(0, |octets| u64::from_be_bytes(*octets))
}

/// The reverse of [`decode`]; bits above the depth are dropped.
#[inline]
fn encode<const OCTETS: usize>(samples: &[u16; UNIT], unit: &mut [u8; OCTETS]) {
    match OCTETS {
        12 => {
            for (octet, sample) in unit.iter_mut().zip(samples) {
                *octet = *sample as u8;
            }
        }
        15 => {
            let joined = |samples: &[u16]| {
                samples.iter().fold(0, |word: u64, sample| word << 10 | u64::from(sample & 0x3ff))
            };
            let (high, low) = samples.split_at(UNIT / 2);
            let both = u128::from(joined(high)) << 60 | u128::from(joined(low));
            unit.copy_from_slice(&both.to_be_bytes()[1..]);
        }
        MOST_OCTETS => {
            let (sixes, _) = unit.as_chunks_mut::<6>();
            for (out, samples) in sixes.iter_mut().zip(samples.chunks_exact(4)) {
                let joined = samples
                    .iter()
                    .fold(0, |word: u64, sample| word << 12 | u64::from(sample & 0xfff));
                out.copy_from_slice(&joined.to_be_bytes()[2..]);
            }
        }
        _ => {}
    }
}
