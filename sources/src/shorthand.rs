//! Formats as technicians write them: `1080p60`, `1920x1200p59.94`, `1080i25`, `1080psf24`.

use std::fmt;

use st2110::format::{Depth, Packing, Rate, Sampling, Scan, VideoFormat};

/// Raster, scan and rate of a shorthand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shorthand {
    /// Active pixels in a line.
    pub width: u16,
    /// Active lines in a frame.
    pub height: u16,
    /// Scan.
    pub scan: Scan,
    /// Frames a second.
    pub rate: Rate,
}

impl Shorthand {
    /// Reads `[WIDTHx]HEIGHT` `p`, `i` or `psf` `RATE`.
    ///
    /// A height alone takes the width of its broadcast raster, otherwise that of 16:9.
    /// 23.98, 29.97, 59.94 and the like mean their n·1000/1001. An interlaced rate is in
    /// frames; from 48 on it is read as fields (1080i50 is 1080i25).
    pub fn parse(text: &str) -> Result<Self, ShorthandError> {
        let refused = |why| ShorthandError { text: text.to_owned(), why };
        let at = text
            .find(['p', 'i'])
            .ok_or_else(|| refused("there is no p, i or psf between height and rate"))?;
        let (raster, rest) = text.split_at(at);
        let (scan, rate) = if let Some(rate) = rest.strip_prefix("psf") {
            (Scan::Psf, rate)
        } else if let Some(rate) = rest.strip_prefix('p') {
            (Scan::Progressive, rate)
        } else {
            (Scan::Interlaced, &rest[1..])
        };
        let number = |text: &str| text.parse::<u16>().ok().filter(|value| *value > 0);
        let (width, height) = match raster.split_once('x') {
            Some((width, height)) => (number(width), number(height)),
            None => (number(raster).and_then(width_of), number(raster)),
        };
        let width = width.ok_or_else(|| refused("its width is not known: write WIDTHxHEIGHT"))?;
        let height = height.ok_or_else(|| refused("its height is not a number"))?;
        let (mut numerator, denominator) =
            rate_of(rate).ok_or_else(|| refused("its rate is not one: 50, 59.94 or 60000/1001"))?;
        let mut divisor = 1;
        if scan == Scan::Interlaced && numerator >= 47 * denominator {
            (numerator, divisor) =
                if numerator % 2 == 0 { (numerator / 2, 1) } else { (numerator, 2) };
        }
        let rate = Rate::new(numerator, denominator * divisor)
            .map_err(|_| refused("its rate must be above 0 and up to 1000"))?;
        Ok(Self { width, height, scan, rate })
    }

    /// The whole format.
    pub fn with(self, sampling: Sampling, depth: Depth, packing: Packing) -> VideoFormat {
        let Self { width, height, scan, rate } = self;
        VideoFormat { width, height, rate, sampling, depth, scan, packing }
    }
}

/// The width of a broadcast raster, or of 16:9 where that is even.
fn width_of(height: u16) -> Option<u16> {
    match height {
        480 | 486 | 576 => Some(720),
        1200 => Some(1920),
        _ => {
            let width = u32::from(height) * 16 / 9;
            (u32::from(height) * 16 % 9 == 0 && width % 2 == 0).then_some(width)?.try_into().ok()
        }
    }
}

/// Numerator and denominator of `60`, `59.94` or `60000/1001`.
fn rate_of(text: &str) -> Option<(u32, u32)> {
    if let Some((numerator, denominator)) = text.split_once('/') {
        return Some((numerator.parse().ok()?, denominator.parse().ok()?));
    }
    let Some((whole, decimals)) = text.split_once('.') else {
        return Some((text.parse().ok()?, 1));
    };
    if decimals.is_empty() || !decimals.bytes().all(|digit| digit.is_ascii_digit()) {
        return None;
    }
    let next = whole.parse::<u32>().ok()?.checked_add(1)?;
    let value: f64 = text.parse().ok()?;
    let exact = f64::from(next) * 1000.0 / 1001.0;
    if (value - exact).abs() < 0.006 {
        Some((next.checked_mul(1000)?, 1001))
    } else if decimals.trim_end_matches('0').is_empty() {
        Some((next - 1, 1))
    } else {
        None
    }
}

/// Text that is no format.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShorthandError {
    text: String,
    why: &'static str,
}

impl fmt::Display for ShorthandError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "'{}' is not a format: {}; write it like 1080p60, 1080i25 or 1920x1200p59.94",
            self.text, self.why
        )
    }
}

impl std::error::Error for ShorthandError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_technicians_write_is_understood() {
        for (text, width, height, scan, rate) in [
            ("720p50", 1280, 720, Scan::Progressive, "50"),
            ("1080p59.94", 1920, 1080, Scan::Progressive, "60000/1001"),
            ("1080p23.98", 1920, 1080, Scan::Progressive, "24000/1001"),
            ("1080p23.976", 1920, 1080, Scan::Progressive, "24000/1001"),
            ("1080p60000/1001", 1920, 1080, Scan::Progressive, "60000/1001"),
            ("2160p60", 3840, 2160, Scan::Progressive, "60"),
            ("1080i25", 1920, 1080, Scan::Interlaced, "25"),
            ("1080i50", 1920, 1080, Scan::Interlaced, "25"),
            ("1080i29.97", 1920, 1080, Scan::Interlaced, "30000/1001"),
            ("1080i59.94", 1920, 1080, Scan::Interlaced, "30000/1001"),
            ("576i25", 720, 576, Scan::Interlaced, "25"),
            ("1080psf24", 1920, 1080, Scan::Psf, "24"),
            ("1920x1200p60", 1920, 1200, Scan::Progressive, "60"),
            ("180p25", 320, 180, Scan::Progressive, "25"),
            ("1080p30.0", 1920, 1080, Scan::Progressive, "30"),
        ] {
            let read = Shorthand::parse(text).unwrap();
            let expected = Shorthand { width, height, scan, rate: rate.parse().unwrap() };
            assert_eq!(read, expected, "{text}");
        }
    }

    #[test]
    fn the_rest_is_refused_with_a_reason() {
        for text in [
            "",
            "1080",
            "1080p",
            "p60",
            "1080q60",
            "1081p60",
            "0p60",
            "1080p59.90",
            "1080p0",
            "axbp60",
            "1080p60/0",
        ] {
            let error = Shorthand::parse(text).unwrap_err().to_string();
            assert!(error.contains("1080p60"), "{error}");
        }
    }
}
