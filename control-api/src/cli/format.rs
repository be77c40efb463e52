//! Formats as technicians write them: `1080p60`, `2160p59.94`, `1920x1200p60`.

use ormatrix_client::types::{Packing, Sampling, Scan, Video};
use st2110::format::VideoFormat;

/// The `video` of a body from a short name, sampling and depth.
pub fn video(short: &str, sampling: &str, depth: u8, packing: &str) -> Result<Video, String> {
    let wrong =
        || format!("'{short}' is not a format: write 1080p60, 2160p59.94, 1080i25 or 1920x1200p60");
    let letter = short.find(|c: char| c.is_ascii_alphabetic() && c != 'x').ok_or_else(wrong)?;
    let (raster, rest) = short.split_at(letter);
    let (scan, rate) = if let Some(rate) = rest.strip_prefix("psf") {
        ("psf", rate)
    } else if let Some(rate) = rest.strip_prefix('p') {
        ("progressive", rate)
    } else {
        ("interlaced", rest.strip_prefix('i').ok_or_else(wrong)?)
    };
    let (width, height) = if let Some((width, height)) = raster.split_once('x') {
        let read = |text: &str| text.parse::<u16>().map_err(|_| wrong());
        (read(width)?, read(height)?)
    } else {
        let height: u16 = raster.parse().map_err(|_| wrong())?;
        let width: u16 = match height {
            480 | 486 | 576 => 720,
            720 => 1280,
            1080 => 1920,
            2160 => 3840,
            4320 => 7680,
            _ => return Err(format!("{}; give its width too", wrong())),
        };
        (width, height)
    };
    let rate = match rate {
        "23.98" | "23.976" => "24000/1001",
        "29.97" => "30000/1001",
        "59.94" => "60000/1001",
        "119.88" => "120000/1001",
        other => other,
    };
    let video = Video {
        width: width.into(),
        height: height.into(),
        rate: rate.to_owned(),
        sampling: Sampling::from(sampling),
        depth: depth.into(),
        scan: Some(Scan::from(scan)),
        packing: Some(Packing::from(packing)),
    };
    read(&video).map_err(|error| error.to_string())?;
    Ok(video)
}

/// A format, if it is one.
fn read(video: &Video) -> Result<VideoFormat, serde_json::Error> {
    serde_json::from_value(serde_json::to_value(video)?)
}

/// A format of an answer by its short name and what distinguishes it.
pub fn short(video: &Video) -> String {
    match read(video) {
        Ok(video) => {
            format!("{} {} {}-bit", video.short_name(), video.sampling, video.depth)
        }
        // A newer server may know formats that this program does not.
        Err(_) => format!("{}x{} {}", video.width, video.height, video.rate),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_names_are_formats() {
        for (name, back) in [
            ("1080p60", "1080p60 RGB 10-bit"),
            ("2160p59.94", "2160p59.94 RGB 10-bit"),
            ("1080i25", "1080i25 RGB 10-bit"),
            ("1920x1200psf30000/1001", "1200psf29.97 RGB 10-bit"),
        ] {
            assert_eq!(short(&video(name, "RGB", 10, "GPM").unwrap()), back);
        }
        for bad in ["", "1080", "p60", "1080q60", "1080p0", "999p60", "1080p60.5", "axbp1"] {
            assert!(video(bad, "RGB", 10, "GPM").is_err(), "{bad}");
        }
    }
}
