//! The picture that says there is none.

use gstreamer as gst;
use gstreamer::prelude::*;
use gstreamer_app as gst_app;

use crate::picture::{PictureError, refused};

/// Renders a slate of `caps` that says `text` in large letters.
pub fn render(text: &str, caps: &gst::Caps) -> Result<gst::Buffer, PictureError> {
    let line = "videotestsrc pattern=black num-buffers=1 ! capsfilter name=size \
                ! textoverlay name=text valignment=center halignment=center shaded-background=false \
                  font-desc=\"Sans Bold 40\" ! videoconvert ! capsfilter name=format \
                ! appsink name=out sync=false";
    let built = gst::parse::launch(line).map_err(refused("cannot draw text"))?;
    let lost = || refused("cannot draw text")("an element is missing");
    let pipeline = built.downcast::<gst::Pipeline>().map_err(|_| lost())?;
    let element = |name| pipeline.by_name(name).ok_or_else(lost);
    let structure = caps.structure(0).ok_or_else(lost)?;
    let size = |name| structure.get::<i32>(name).unwrap_or(0);
    let plain = gst::Caps::builder("video/x-raw")
        .field("format", "BGRx")
        .field("width", size("width"))
        .field("height", size("height"))
        .build();
    element("size")?.set_property("caps", plain);
    element("text")?.set_property("text", text);
    // A still picture has neither rate nor fields.
    let mut wanted = gst::Caps::builder("video/x-raw")
        .field("width", size("width"))
        .field("height", size("height"));
    for name in ["format", "colorimetry"] {
        if let Ok(value) = structure.get::<String>(name) {
            wanted = wanted.field(name, value);
        }
    }
    element("format")?.set_property("caps", wanted.build());
    let sink = element("out")?.downcast::<gst_app::AppSink>().map_err(|_| lost())?;
    pipeline.set_state(gst::State::Playing).map_err(refused("cannot draw text"))?;
    let sample = sink.try_pull_sample(gst::ClockTime::from_seconds(5));
    let _ = pipeline.set_state(gst::State::Null);
    let mut buffer = sample
        .and_then(|sample| sample.buffer_owned())
        .ok_or_else(|| refused("cannot draw text")("no picture within 5 s"))?;
    let unstamped = buffer.make_mut();
    unstamped.set_pts(None);
    unstamped.set_dts(None);
    unstamped.set_duration(None);
    Ok(buffer)
}
