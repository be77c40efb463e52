//! GStreamer: the elements that sources and sinks are made of.

use super::{Area, Finding, Host, Verdict};

/// Elements that serve one purpose.
struct Purpose {
    check: &'static str,
    /// Without these nothing of the purpose works.
    elements: &'static [&'static str],
    /// Debian's packages of them.
    package: &'static str,
    /// Whether the matrix can do its job without.
    needed: bool,
    reason: &'static str,
}

const PURPOSES: &[Purpose] = &[
    Purpose {
        check: "pictures",
        elements: &[
            "appsrc",
            "appsink",
            "videoconvert",
            "videoconvertscale",
            "videotestsrc",
            "videorate",
        ],
        package: "gstreamer1.0-plugins-base",
        needed: true,
        reason: "Every source and every display is built on these.",
    },
    Purpose {
        check: "stills",
        elements: &["jpegenc", "pngenc"],
        package: "gstreamer1.0-plugins-good",
        needed: true,
        reason: "The panel shows inputs as stills.",
    },
    Purpose {
        check: "text",
        elements: &["textoverlay"],
        package: "gstreamer1.0-x",
        needed: false,
        reason: "A display says in words that its signal is lost.",
    },
    Purpose {
        check: "files",
        elements: &["uridecodebin", "qtdemux", "matroskademux", "h264parse", "avdec_h264"],
        package: "gstreamer1.0-plugins-base gstreamer1.0-plugins-good gstreamer1.0-plugins-bad \
                  gstreamer1.0-libav",
        needed: false,
        reason: "Recordings are played from MP4 and Matroska files with H.264.",
    },
    Purpose {
        check: "cameras",
        elements: &["v4l2src"],
        package: "gstreamer1.0-plugins-good",
        needed: false,
        reason: "USB and capture cards that Linux sees as cameras.",
    },
    Purpose {
        check: "decklink",
        elements: &["decklinkvideosrc"],
        package: "gstreamer1.0-plugins-bad",
        needed: false,
        reason: "SDI and HDMI through Blackmagic DeckLink cards (their driver comes from the maker).",
    },
    Purpose {
        check: "screen",
        elements: &["ximagesrc"],
        package: "gstreamer1.0-plugins-good",
        needed: false,
        reason: "A workstation's X11 screen as a source.",
    },
    Purpose {
        check: "kms",
        elements: &["kmssink"],
        package: "gstreamer1.0-plugins-bad",
        needed: false,
        reason: "A display straight on the graphics card, without a desktop.",
    },
    Purpose {
        check: "wayland",
        elements: &["waylandsink"],
        package: "gstreamer1.0-plugins-bad",
        needed: false,
        reason: "A display in a window of a Wayland desktop.",
    },
    Purpose {
        check: "x11",
        elements: &["ximagesink"],
        package: "gstreamer1.0-x",
        needed: false,
        reason: "A display in a window of an X11 desktop.",
    },
    Purpose {
        check: "gl",
        elements: &["glimagesink"],
        package: "gstreamer1.0-gl",
        needed: false,
        reason: "A display through OpenGL, where the others do not serve.",
    },
];

pub fn findings(host: &dyn Host) -> Vec<Finding> {
    let Some(version) = host.run("gst-inspect-1.0", &["--version"]) else {
        return vec![
            Finding::new(
                Area::Media,
                "gstreamer",
                Verdict::Unknown,
                "gst-inspect-1.0 is not installed",
                "It tells which elements there are.",
            )
            .mended_by("apt-get install gstreamer1.0-tools"),
        ];
    };
    let mut found = vec![self::version(&version.text)];
    found.extend(PURPOSES.iter().map(|purpose| elements(host, purpose)));
    found
}

fn version(text: &str) -> Finding {
    let version = text.lines().find_map(|line| line.strip_prefix("GStreamer ")).map(str::trim);
    let new_enough = version.and_then(|version| {
        let mut parts = version.split('.').map(|part| part.parse::<u32>().ok());
        Some((parts.next()??, parts.next()??) >= (1, 22))
    });
    let verdict = match new_enough {
        Some(true) => Verdict::Good,
        Some(false) => Verdict::Missing,
        None => Verdict::Unknown,
    };
    Finding::new(
        Area::Media,
        "gstreamer",
        verdict,
        version.unwrap_or("version not told"),
        "Sources and sinks are built for 1.22 (Debian 12) or newer.",
    )
}

fn elements(host: &dyn Host, purpose: &Purpose) -> Finding {
    let absent: Vec<&str> = purpose
        .elements
        .iter()
        .copied()
        .filter(|element| {
            !host.run("gst-inspect-1.0", &["--exists", element]).is_some_and(|out| out.success)
        })
        .collect();
    let verdict = match (absent.is_empty(), purpose.needed) {
        (true, _) => Verdict::Good,
        (false, false) => Verdict::Fair,
        (false, true) => Verdict::Missing,
    };
    let value = if absent.is_empty() {
        purpose.elements.join(", ")
    } else {
        format!("no {}", absent.join(", no "))
    };
    Finding::new(Area::Media, format!("gst:{}", purpose.check), verdict, value, purpose.reason)
        .mended_by(format!("apt-get install {}", purpose.package))
}

#[cfg(test)]
mod tests {
    use super::{super::host::paper::PaperHost, *};

    #[test]
    fn without_the_tool_nothing_is_claimed() {
        let found = findings(&PaperHost::default());
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].verdict, Verdict::Unknown);
    }

    #[test]
    fn needed_and_optional_elements_differ() {
        let mut host = PaperHost::default().program(
            "gst-inspect-1.0 --version",
            true,
            "gst-inspect-1.0 version 1.22.0\nGStreamer 1.22.0\n",
        );
        for element in ["appsrc", "appsink", "videoconvert", "videotestsrc", "jpegenc", "pngenc"] {
            host = host.program(&format!("gst-inspect-1.0 --exists {element}"), true, "");
        }
        let found = findings(&host);
        let find = |check: &str| found.iter().find(|finding| finding.check == check).unwrap();
        assert_eq!(find("gstreamer").verdict, Verdict::Good);
        assert_eq!(
            (find("gst:pictures").verdict, find("gst:pictures").value.as_str()),
            (Verdict::Missing, "no videoconvertscale, no videorate")
        );
        assert_eq!(find("gst:stills").verdict, Verdict::Good);
        assert_eq!(find("gst:kms").verdict, Verdict::Fair);
        assert!(find("gst:kms").remedy.as_ref().unwrap().contains("plugins-bad"));
    }

    #[test]
    fn versions_are_compared_as_numbers() {
        assert_eq!(version("GStreamer 1.9.2").verdict, Verdict::Missing);
        assert_eq!(version("GStreamer 1.26.2\n").verdict, Verdict::Good);
        assert_eq!(version("GStreamer next").verdict, Verdict::Unknown);
    }
}
