//! A stream received as GStreamer buffers.

use std::time::Duration;

use gstreamer as gst;
use ormatrix_io::{Clock, SystemClock};

use super::{FrameMemory, PictureError, PictureFormat};
use crate::{
    receive::{Assembled, Assembler, Input, InputError, assembler::Counts},
    stream::{Description, Stream},
};

/// What came.
#[derive(Debug)]
pub enum Received {
    /// The format is known now, or another one.
    Format(gst::Caps),
    /// A whole frame, and when its first packet arrived (monotonic).
    Frame(gst::Buffer, u64),
}

struct Current {
    description: Description,
    picture: PictureFormat,
    assembler: Assembler<FrameMemory>,
}

/// Receives a stream, whatever its format becomes.
pub struct PictureReceiver {
    stream: Stream,
    input: Input,
    clock: SystemClock,
    current: Option<Current>,
    /// Counts of the formats before.
    before: Counts,
}

impl PictureReceiver {
    /// Opens the sockets.
    pub fn open(stream: Stream, coalesce: Duration) -> Result<Self, PictureError> {
        super::start()?;
        let input = Input::open(stream.legs(), coalesce)?;
        Ok(Self { stream, input, clock: SystemClock, current: None, before: Counts::default() })
    }

    /// The sockets.
    pub const fn input(&self) -> &Input {
        &self.input
    }

    /// What went past.
    pub fn counts(&self) -> Counts {
        let now = self.current.as_ref().map_or_else(Counts::default, |c| c.assembler.counts());
        self.before.plus(now)
    }

    /// What the frames are, once known.
    pub fn caps(&self) -> Option<&gst::Caps> {
        self.current.as_ref().map(|current| current.picture.caps())
    }

    /// Forgets frames in progress: the stream has stopped.
    pub fn forget(&mut self) {
        if let Some(current) = &mut self.current {
            current.assembler.clear();
        }
    }

    /// Waits up to `timeout` for packets and tells what they led to, in order.
    pub fn receive(
        &mut self,
        timeout: Duration,
        mut tell: impl FnMut(Received),
    ) -> Result<(), PictureError> {
        if let Some(description) = self.stream.update() {
            self.describe(description, &mut tell)?;
        }
        let clock = self.clock;
        let mut failed = None;
        let current = &mut self.current;
        let read = self.input.receive(
            timeout,
            || clock.now(),
            |packet, &at| {
                let Some(Current { picture, assembler, .. }) = current else { return };
                let whole = match assembler.packet(packet, at, &mut || picture.acquire()) {
                    Assembled::Nothing => return,
                    Assembled::Whole(whole) => whole,
                };
                match picture.buffer(whole.memory) {
                    Ok(buffer) => tell(Received::Frame(buffer, whole.first_at)),
                    Err(error) => failed = Some(error),
                }
            },
        );
        read.map_err(InputError::from)?;
        failed.map_or(Ok(()), Err)
    }

    fn describe(
        &mut self,
        description: Description,
        tell: &mut impl FnMut(Received),
    ) -> Result<(), PictureError> {
        if self.current.as_ref().is_some_and(|current| current.description.looks_like(&description))
        {
            return Ok(());
        }
        let picture = PictureFormat::new(&description.format, description.colorimetry)?;
        let assembler =
            Assembler::new(&description.format, picture.raster(), description.payload_type);
        self.before = self.counts();
        tell(Received::Format(picture.caps().clone()));
        self.current = Some(Current { description, picture, assembler });
        Ok(())
    }
}
