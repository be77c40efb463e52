//! Which Debian package brings an element that is not there.

use gstreamer as gst;

use super::MediaError;

/// Elements used here, by the package that brings them.
const PACKAGES: &[(&str, &[&str])] = &[
    (
        "gstreamer1.0-plugins-base",
        &[
            "appsink",
            "appsrc",
            "audioconvert",
            "audiorate",
            "audioresample",
            "uridecodebin",
            "videoconvertscale",
            "videorate",
            "videotestsrc",
        ],
    ),
    ("gstreamer1.0-plugins-good", &["pngenc", "pulsesrc", "v4l2src", "ximagesrc"]),
    ("gstreamer1.0-plugins-bad", &["decklinkaudiosrc", "decklinkvideosrc"]),
    ("gstreamer1.0-alsa", &["alsasrc"]),
];

/// Starts `GStreamer` and makes sure that the elements named are installed.
pub fn require(elements: &[&str]) -> Result<(), MediaError> {
    gst::init().map_err(MediaError::Start)?;
    for element in elements {
        if gst::ElementFactory::find(element).is_none() {
            let package = PACKAGES
                .iter()
                .find(|(_, names)| names.contains(element))
                .map_or("gstreamer1.0-plugins-base", |(package, _)| package);
            return Err(MediaError::Missing { element: (*element).to_owned(), package });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_comes_with_its_package() {
        require(&["appsink", "videoconvertscale"]).unwrap();
        let error = require(&["appsink", "nosuchelement"]).unwrap_err().to_string();
        assert!(error.contains("nosuchelement") && error.contains("apt install"), "{error}");
    }
}
