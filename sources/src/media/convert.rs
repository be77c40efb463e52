//! Short pipelines that make packed frames out of drawn scenes and test patterns.

use std::path::Path;

use gstreamer::{self as gst, prelude::*};
use gstreamer_app as gst_app;
use gstreamer_video as gst_video;
use st2110::format::VideoFormat;

use super::{Layout, MediaError, require};
use crate::{canvas::Canvas, overlay, pattern::Scene};

/// How long a pipeline that only computes may take for one picture.
const PATIENCE: gst::ClockTime = gst::ClockTime::from_seconds(20);

/// A running pipeline that ends in an appsink.
pub(super) struct Pull {
    pipeline: gst::Pipeline,
    sink: gst_app::AppSink,
}

impl Pull {
    /// Builds `description` with an appsink named `out` that takes `caps`.
    pub(super) fn new(description: &str, caps: &gst::Caps) -> Result<Self, MediaError> {
        Self::named(description, "out", caps)
    }

    /// The same with another name of the appsink.
    pub(super) fn named(
        description: &str,
        name: &str,
        caps: &gst::Caps,
    ) -> Result<Self, MediaError> {
        let refused =
            |reason: String| MediaError::Pipeline { pipeline: description.to_owned(), reason };
        let pipeline = gst::parse::launch(description)
            .map_err(|error| refused(error.to_string()))?
            .downcast::<gst::Pipeline>()
            .map_err(|_| refused("it is a single element".to_owned()))?;
        let sink = pipeline
            .by_name(name)
            .and_then(|element| element.downcast::<gst_app::AppSink>().ok())
            .ok_or_else(|| refused("it has no appsink".to_owned()))?;
        sink.set_caps(Some(caps));
        Ok(Self { pipeline, sink })
    }

    pub(super) const fn pipeline(&self) -> &gst::Pipeline {
        &self.pipeline
    }

    pub(super) const fn sink(&self) -> &gst_app::AppSink {
        &self.sink
    }

    pub(super) fn play(&self) -> Result<(), MediaError> {
        if self.pipeline.set_state(gst::State::Playing).is_err() {
            return Err(self.fault());
        }
        Ok(())
    }

    /// The next picture of a pipeline that computes as fast as it can.
    pub(super) fn pull(&self) -> Result<gst::Sample, MediaError> {
        self.sink.try_pull_sample(PATIENCE).ok_or_else(|| self.fault())
    }

    /// The first error on the bus, or that there is none.
    pub(super) fn fault(&self) -> MediaError {
        let message = self.pipeline.bus().and_then(|bus| {
            bus.timed_pop_filtered(gst::ClockTime::ZERO, &[gst::MessageType::Error])
        });
        match message.as_ref().map(|message| message.view()) {
            Some(gst::MessageView::Error(error)) => element_error(error),
            _ => MediaError::Element {
                element: self.pipeline.name().to_string(),
                message: "it gave no picture and said no reason".to_owned(),
                hint: String::new(),
            },
        }
    }
}

impl Drop for Pull {
    fn drop(&mut self) {
        // Nothing can be done about a pipeline that will not stop.
        let _ = self.pipeline.set_state(gst::State::Null);
    }
}

/// An element's error in words for people.
pub(super) fn element_error(error: &gst::message::Error) -> MediaError {
    let text = error.error().to_string();
    let lower = text.to_lowercase();
    let hint = if lower.contains("missing") || lower.contains("no decoder") {
        " (a decoder is missing: apt install gstreamer1.0-libav gstreamer1.0-plugins-bad gstreamer1.0-plugins-ugly)"
    } else {
        ""
    };
    MediaError::Element {
        element: error
            .src()
            .map_or_else(|| "GStreamer".to_owned(), |source| source.name().to_string()),
        message: text,
        hint: hint.to_owned(),
    }
}

/// Draws scenes and makes packed frames of them.
pub(super) struct SceneFrames {
    scene: Box<dyn Scene>,
    size: (usize, usize),
    margins: (f32, f32),
    pull: Pull,
    source: gst_app::AppSrc,
    layout: Layout,
}

impl SceneFrames {
    /// `marked` frames keep the scene clear of the strips and the text.
    pub(super) fn new(
        scene: Box<dyn Scene>,
        layout: Layout,
        marked: bool,
    ) -> Result<Self, MediaError> {
        require(&["appsrc", "appsink", "videoconvertscale"])?;
        let format = *layout.raster().format();
        let (width, height) = (usize::from(format.width), usize::from(format.height));
        let lines = scene.lines().min(height);
        // An even width near the same proportions.
        let size = ((width * lines / height).max(2) / 2 * 2, lines);
        let margin = |lines: Result<u32, _>| lines.unwrap_or(0) as f32 / height as f32;
        let margins = if marked {
            (margin(overlay::lines_above(&format)), margin(overlay::lines_below(&format)))
        } else {
            (0.0, 0.0)
        };
        let pull = Pull::new(
            "appsrc name=in format=time block=true ! \
             videoconvertscale add-borders=false n-threads=2 ! \
             appsink name=out sync=false max-buffers=1",
            &layout.caps(false)?,
        )?;
        let source = pull
            .pipeline()
            .by_name("in")
            .and_then(|element| element.downcast::<gst_app::AppSrc>().ok())
            .ok_or_else(|| pull.fault())?;
        let info = gst_video::VideoInfo::builder(
            gst_video::VideoFormat::Rgb,
            size.0 as u32,
            size.1 as u32,
        )
        .fps(gst::Fraction::new(0, 1));
        let caps = info.build().and_then(|info| info.to_caps()).map_err(|_| pull.fault())?;
        source.set_caps(Some(&caps));
        pull.play()?;
        Ok(Self { scene, size, margins, pull, source, layout })
    }

    /// The packed frame of a moment.
    pub(super) fn frame(&self, phase: f32) -> Result<Vec<u8>, MediaError> {
        let (width, height) = self.size;
        let mut canvas = Canvas::new(width, height, self.margins.0, self.margins.1);
        self.scene.draw(phase, &mut canvas);
        let rgb = canvas.to_rgb8();
        // GStreamer's rows start at multiples of four octets.
        let stride = (width * 3).next_multiple_of(4);
        let mut rows = Vec::with_capacity(stride * height);
        for row in rgb.chunks_exact(width * 3) {
            rows.extend_from_slice(row);
            rows.resize(rows.len().next_multiple_of(stride), 0);
        }
        let mut buffer = gst::Buffer::from_mut_slice(rows);
        if let Some(buffer) = buffer.get_mut() {
            buffer.set_pts(gst::ClockTime::ZERO);
        }
        self.source.push_buffer(buffer).map_err(|_| self.pull.fault())?;
        let sample = self.pull.pull()?;
        let mut packed = Vec::new();
        self.layout.pack(sample.buffer().ok_or_else(|| self.pull.fault())?, &mut packed)?;
        Ok(packed)
    }
}

/// One packed frame of a scene, for stills.
pub fn scene_frame(
    scene: Box<dyn Scene>,
    layout: Layout,
    marked: bool,
    phase: f32,
) -> Result<Vec<u8>, MediaError> {
    SceneFrames::new(scene, layout, marked)?.frame(phase)
}

/// Writes an 8-bit 4:2:2 packed frame as a PNG file.
pub fn save_png(format: &VideoFormat, frame: Vec<u8>, path: &Path) -> Result<(), MediaError> {
    require(&["appsrc", "appsink", "videoconvertscale", "pngenc"])?;
    let layout = Layout::new(format)?;
    let pull = Pull::new(
        "appsrc name=in format=time ! videoconvertscale ! pngenc ! appsink name=out sync=false",
        &gst::Caps::builder("image/png").build(),
    )?;
    let source = pull
        .pipeline()
        .by_name("in")
        .and_then(|element| element.downcast::<gst_app::AppSrc>().ok())
        .ok_or_else(|| pull.fault())?;
    source.set_caps(Some(&layout.caps(true)?));
    pull.play()?;
    source.push_buffer(gst::Buffer::from_mut_slice(frame)).map_err(|_| pull.fault())?;
    let sample = pull.pull()?;
    let map = sample
        .buffer()
        .and_then(|buffer| buffer.map_readable().ok())
        .ok_or_else(|| pull.fault())?;
    std::fs::write(path, map.as_slice())
        .map_err(|error| MediaError::Open { path: path.to_owned(), reason: error.to_string() })
}
