//! Strips drawn into pictures of many sizes come back as they went in.

use ormatrix_strip::{
    BLACK, Edge, Layout, Mark, Rect, StripError, WHITE, decode, decode_edge, encode,
};
use proptest::prelude::*;

const SIZES: [(u32, u32); 9] = [
    (1280, 720),
    (1920, 1080),
    (1920, 1200),
    (3840, 2160),
    (640, 360),
    (720, 576),
    (320, 180),
    (1366, 768),
    (160, 90),
];

fn mark() -> impl Strategy<Value = Mark> {
    ("\\PC{0,4}[ -~]{0,4}", 0..1_u64 << 56, any::<u32>())
        .prop_filter_map("a name that fits", |(name, tai_us, frame)| {
            Mark::new(&name, tai_us, frame).ok()
        })
}

/// Luma of a picture whose strips say `top` and `bottom`, grey between.
fn draw(layout: &Layout, (width, height): (u32, u32), top: &Mark, bottom: &Mark) -> Vec<u8> {
    let (top, bottom) = (encode(top), encode(bottom));
    let mut picture = vec![96; (width * height) as usize];
    for (edge, bits) in [(Edge::Top, top), (Edge::Bottom, bottom)] {
        for index in 0..240 {
            let Rect { x, y, width: wide, height: high } =
                layout.block(edge, index % 80, index / 80);
            let value = if bits.get(index % 80, index / 80) { WHITE } else { BLACK };
            for line in y..y + high {
                picture[(line * width + x) as usize..][..wide as usize].fill(value);
            }
        }
    }
    picture
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn round_trip_at_every_size(mark in mark(), size in prop::sample::select(&SIZES[..])) {
        let layout = Layout::new(size.0, size.1).unwrap();
        let picture = draw(&layout, size, &mark, &mark);
        let read = decode(&layout, |x, y| picture[(y * size.0 + x) as usize]);
        prop_assert_eq!(read, Ok(mark));
    }

    #[test]
    fn round_trip_under_noise_and_low_contrast(
        mark in mark(),
        size in prop::sample::select(&SIZES[..7]),
        seed in any::<u32>(),
    ) {
        let layout = Layout::new(size.0, size.1).unwrap();
        let mut picture = draw(&layout, size, &mark, &mark);
        let mut state = seed | 1;
        for pixel in &mut picture {
            state ^= state << 13;
            state ^= state >> 17;
            state ^= state << 5;
            // Contrast halved, then noise of plus or minus 40.
            let noise = (state >> 8) % 81;
            *pixel = (u32::from(*pixel) / 2 + 20 + noise) as u8;
        }
        let read = decode(&layout, |x, y| picture[(y * size.0 + x) as usize]);
        prop_assert_eq!(read, Ok(mark));
    }

    #[test]
    fn garbage_never_reads_as_a_mark(pixels in prop::collection::vec(any::<u8>(), 160 * 90)) {
        let layout = Layout::new(160, 90).unwrap();
        prop_assert!(decode(&layout, |x, y| pixels[(y * 160 + x) as usize]).is_err());
    }
}

#[test]
fn a_frame_mixed_of_two_shows() {
    let size = (640, 360);
    let layout = Layout::new(size.0, size.1).unwrap();
    let before = Mark::new("Endoscope", 1_763_757_305_000_000, 41).unwrap();
    let after = Mark::new("Endoscope", 1_763_757_305_016_666, 42).unwrap();
    let picture = draw(&layout, size, &before, &after);
    let luma = |x, y| picture[(y * 640 + x) as usize];
    assert_eq!(decode(&layout, luma), Err(StripError::Mixed { top: before, bottom: after }));
    assert_eq!(decode_edge(&layout, Edge::Bottom, luma), Ok(after));
}

#[test]
fn a_picture_without_strip_says_so() {
    let layout = Layout::new(640, 360).unwrap();
    assert_eq!(
        decode(&layout, |_, _| 90),
        Err(StripError::NoContrast { edge: Edge::Top, darkest: 90, brightest: 90 })
    );
    let stripes = decode(&layout, |x, _| if x % 16 < 8 { BLACK } else { WHITE });
    assert_eq!(stripes, Err(StripError::NoSync { found: 0x55 }));
}

#[test]
fn another_aspect_ratio_reads_with_the_scaled_layout() {
    let mark = Mark::new("Übersicht", 1_763_757_305_000_000, 7).unwrap();
    let layout = Layout::new(720, 576).unwrap();
    let picture = draw(&layout, (720, 576), &mark, &mark);
    let placed = Rect { x: 10, y: 20, width: 640, height: 360 };
    let scaled = Layout::scaled((720, 576), placed).unwrap();
    let nearest =
        |x: u32, y: u32| picture[((y - 20) * 576 / 360 * 720 + (x - 10) * 720 / 640) as usize];
    assert_eq!(decode(&scaled, nearest), Ok(mark));
}
