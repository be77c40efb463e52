//! Formats by the names technicians use.

use st2110::format::{Depth, FormatError, Packing, Rate, Sampling, Scan, VideoFormat};

/// Why a name is not a format.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FormatNameError {
    /// Not of the form.
    #[error("'{0}' is not a format: write 1080p60, 1080i25, 2160p59.94 or 640x360p25")]
    Form(String),
    /// A height with no usual width.
    #[error(
        "how wide is {height} lines? Write WIDTHx{height}p…; known are 480, 576, 720, 1080, 2160"
    )]
    Width {
        /// The height given.
        height: u16,
    },
    /// Its rate is none.
    #[error(transparent)]
    Rate(#[from] FormatError),
}

/// Reads `1080p60`, `1080i29.97`, `1080psf24` or `640x360p30000/1001`.
pub fn parse(name: &str, sampling: Sampling, depth: Depth) -> Result<VideoFormat, FormatNameError> {
    let form = || FormatNameError::Form(name.to_owned());
    let at = name.find(['p', 'i']).ok_or_else(form)?;
    let (raster, rest) = name.split_at(at);
    let (scan, rate) = if let Some(rate) = rest.strip_prefix("psf") {
        (Scan::Psf, rate)
    } else if let Some(rate) = rest.strip_prefix('i') {
        (Scan::Interlaced, rate)
    } else {
        (Scan::Progressive, &rest[1..])
    };
    let number = |text: &str| text.parse::<u16>().map_err(|_| form());
    let (width, height) = if let Some((width, height)) = raster.split_once('x') {
        (number(width)?, number(height)?)
    } else {
        let height = number(raster)?;
        let width = match height {
            480 | 576 => 720,
            720 => 1280,
            1080 => 1920,
            2160 => 3840,
            _ => return Err(FormatNameError::Width { height }),
        };
        (width, height)
    };
    let rate = match rate {
        "23.98" | "23.976" => Rate::new(24_000, 1001)?,
        "29.97" => Rate::new(30_000, 1001)?,
        "59.94" => Rate::new(60_000, 1001)?,
        "119.88" => Rate::new(120_000, 1001)?,
        text => text.parse()?,
    };
    Ok(VideoFormat { width, height, rate, sampling, depth, scan, packing: Packing::Gpm })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_as_they_are_written() {
        for name in ["1080p60", "1080i25", "2160p59.94", "720p50", "1080psf24"] {
            let format = parse(name, Sampling::YCbCr422, Depth::D10).unwrap();
            let text = format.short_name();
            assert_eq!(text, name);
        }
        let small = parse("640x360p30000/1001", Sampling::Rgb, Depth::D8).unwrap();
        assert_eq!((small.width, small.height), (640, 360));
    }

    #[test]
    fn what_is_no_format_says_what_to_write() {
        for name in ["", "p", "1080", "1080q60", "x720p50", "1080p", "1080p0", "99999p50", "700p50"]
        {
            let error = parse(name, Sampling::YCbCr422, Depth::D10).unwrap_err();
            assert!(!error.to_string().is_empty(), "{name}");
        }
    }
}
