//! Pictures as PNG or JPEG, by a pipeline that stays up.

use gstreamer as gst;
use gstreamer::prelude::*;
use gstreamer_app as gst_app;

use super::{PictureError, refused};

/// How a picture is encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// PNG, 8 bits RGB, lossless from there.
    Png,
    /// JPEG of this quality, 1 to 100.
    Jpeg(u8),
}

/// Encodes one picture at a time.
pub struct Encoder {
    pipeline: gst::Pipeline,
    source: gst_app::AppSrc,
    sink: gst_app::AppSink,
}

impl Encoder {
    /// Starts the encoder.
    pub fn new(encoding: Encoding) -> Result<Self, PictureError> {
        super::start()?;
        let middle = match encoding {
            Encoding::Png => "videoconvert ! video/x-raw,format=RGB ! pngenc".to_owned(),
            Encoding::Jpeg(quality) => format!("videoconvert ! jpegenc quality={quality}"),
        };
        let line = format!("appsrc name=in format=time ! {middle} ! appsink name=out sync=false");
        let pipeline = gst::parse::launch(&line).map_err(refused("cannot build the encoder"))?;
        let lost = || refused("cannot build the encoder")("an element is missing");
        let pipeline = pipeline.downcast::<gst::Pipeline>().map_err(|_| lost())?;
        let element = |name| pipeline.by_name(name).ok_or_else(lost);
        let source = element("in")?.downcast().map_err(|_| lost())?;
        let sink = element("out")?.downcast().map_err(|_| lost())?;
        let encoder = Self { pipeline, source, sink };
        encoder
            .pipeline
            .set_state(gst::State::Playing)
            .map_err(refused("cannot start the encoder"))?;
        Ok(encoder)
    }

    /// The octets of the file.
    pub fn encode(&self, buffer: gst::Buffer, caps: &gst::Caps) -> Result<Vec<u8>, PictureError> {
        let mut buffer = buffer;
        // Each picture stands alone: no clock, no durations.
        buffer.make_mut().set_pts(gst::ClockTime::ZERO);
        let sample = gst::Sample::builder().buffer(&buffer).caps(caps).build();
        drop(buffer);
        self.source.push_sample(&sample).map_err(refused("the encoder takes no picture"))?;
        let patience = gst::ClockTime::from_seconds(10);
        let encoded = self.sink.try_pull_sample(patience).ok_or_else(|| {
            let bus = self.pipeline.bus();
            let error = bus.and_then(|bus| bus.pop_filtered(&[gst::MessageType::Error]));
            let reason = match error.as_ref().map(|message| message.view()) {
                Some(gst::MessageView::Error(error)) => error.error().to_string(),
                _ => "no picture within 10 s".to_owned(),
            };
            refused("the encoder failed")(reason)
        })?;
        let buffer = encoded.buffer().ok_or_else(|| refused("the encoder failed")("no data"))?;
        let map = buffer.map_readable().map_err(refused("cannot read the encoded picture"))?;
        Ok(map.to_vec())
    }
}

impl Drop for Encoder {
    fn drop(&mut self) {
        let _ = self.pipeline.set_state(gst::State::Null);
    }
}
