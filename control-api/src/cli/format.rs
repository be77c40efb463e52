//! Formats as technicians write them: `1080p60`, `2160p59.94`, `1920x1200p60`.

use serde_json::{Value, json};
use st2110::format::VideoFormat;

/// The `video` of a body from a short name, sampling and depth.
pub fn video(short: &str, sampling: &str, depth: u8, packing: &str) -> Result<Value, String> {
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
        (width.parse().map_err(|_| wrong())?, height.parse().map_err(|_| wrong())?)
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
    let video = json!({
        "width": width, "height": height, "rate": rate, "sampling": sampling, "depth": depth,
        "scan": scan, "packing": packing,
    });
    match serde_json::from_value::<VideoFormat>(video.clone()) {
        Ok(_) => Ok(video),
        Err(error) => Err(error.to_string()),
    }
}

/// A format of an answer by its short name and what distinguishes it.
pub fn short(video: &Value) -> String {
    match serde_json::from_value::<VideoFormat>(video.clone()) {
        Ok(video) => {
            format!("{} {} {}-bit", video.short_name(), video.sampling, video.depth)
        }
        Err(_) => video.to_string(),
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
