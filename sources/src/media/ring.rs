//! A ring of pre-rendered frames.
//!
//! A thread of its own draws the frames; sending starts with the first. They are drawn into
//! (strip, text) in place and never copied. Memory: as much as the setting allows, at most
//! 48 frames; where that is less than the motion's duration each frame stays for several.

use std::sync::mpsc::{Receiver, sync_channel};

use super::{
    Frame, Layout, MediaError, Pictures,
    convert::{Pull, SceneFrames},
    require,
};
use crate::{
    canvas::Typeface,
    pattern::{Motion, Pattern},
};

/// More frames than this add memory but no grace.
const MOST_FRAMES: usize = 48;

/// How long the motion takes from start to start, in seconds.
const LOOP_SECONDS: f64 = 3.2;

/// Frames of a pattern, over and over.
#[derive(Debug)]
pub struct Ring {
    frames: Vec<Vec<u8>>,
    incoming: Option<Receiver<Result<Vec<u8>, MediaError>>>,
    stride: usize,
    /// Frames there will be.
    total: usize,
    motion: Motion,
    /// How many times each is sent, and how many more times the present one.
    hold: usize,
    left: usize,
    position: usize,
    forward: bool,
}

impl Ring {
    /// Starts drawing; returns when the first frame is there.
    pub fn start(
        pattern: Pattern,
        layout: &Layout,
        marked: bool,
        memory_mib: usize,
        face: &Typeface,
    ) -> Result<Self, MediaError> {
        let octets = layout.raster().buffer_octets();
        let rate = layout.raster().format().rate.ratio();
        let a_second = f64::from(*rate.numer()) / f64::from(*rate.denom());
        let scene = pattern.scene(face);
        let motion = scene.as_ref().map_or(pattern.test_motion(), |scene| scene.motion());
        let room = (memory_mib << 20) / octets.max(1);
        if room == 0 {
            return Err(MediaError::Memory { frame_mib: octets.div_ceil(1 << 20), memory_mib });
        }
        let steps = (LOOP_SECONDS * a_second).round().max(2.0) as usize;
        let useful = match motion {
            Motion::Still => 1,
            Motion::Sway => steps / 2 + 1,
            Motion::Cycle => steps,
        };
        let total = room.min(MOST_FRAMES).min(useful).max(1);
        let round = match motion {
            Motion::Still => 1,
            Motion::Sway => (2 * total).saturating_sub(2).max(1),
            Motion::Cycle => total,
        };
        let hold = ((steps as f64 / round as f64).round() as usize).max(1);

        let (sender, incoming) = sync_channel(2);
        let drawn = layout.clone();
        let draw = move || {
            let frames = || -> Result<(), MediaError> {
                let make = maker(pattern, scene, drawn, marked, total)?;
                for index in 0..total {
                    let share = match motion {
                        Motion::Still => 0.0,
                        Motion::Sway => eased(index as f32 / (total - 1).max(1) as f32),
                        Motion::Cycle => index as f32 / total as f32,
                    };
                    if sender.send(Ok(make(share)?)).is_err() {
                        break;
                    }
                }
                Ok(())
            };
            if let Err(error) = frames() {
                // Nobody left to tell: the source has ended.
                let _ = sender.send(Err(error));
            }
        };
        std::thread::Builder::new()
            .name("draw".to_owned())
            .spawn(draw)
            .map_err(|_| MediaError::Drawing(pattern.to_string()))?;
        let first = incoming.recv().map_err(|_| MediaError::Drawing(pattern.to_string()))??;
        let mut frames = Vec::with_capacity(total);
        frames.push(first);
        Ok(Self {
            frames,
            incoming: Some(incoming),
            stride: layout.raster().stride(),
            total,
            motion,
            hold,
            left: hold,
            position: 0,
            forward: true,
        })
    }

    /// Frames there will be when all are drawn, and how often each is sent.
    pub const fn size(&self) -> (usize, usize) {
        (self.total, self.hold)
    }

    fn take_in(&mut self) -> Result<(), MediaError> {
        if let Some(incoming) = &self.incoming {
            for frame in incoming.try_iter() {
                self.frames.push(frame?);
            }
            if self.frames.len() >= self.total {
                self.incoming = None;
                tracing::info!("all frames are drawn");
            }
        }
        Ok(())
    }

    fn advance(&mut self) {
        let last = self.frames.len() - 1;
        match self.motion {
            Motion::Still => {}
            Motion::Cycle if self.position < last => self.position += 1,
            // Stays where it is until the rest is drawn.
            Motion::Cycle => self.position = if self.incoming.is_none() { 0 } else { last },
            Motion::Sway => {
                if self.position == 0 {
                    self.forward = true;
                } else if self.position >= last {
                    self.forward = false;
                }
                if self.forward && self.position < last {
                    self.position += 1;
                } else {
                    self.position = self.position.saturating_sub(1);
                }
            }
        }
    }
}

impl Pictures for Ring {
    fn stride(&self) -> usize {
        self.stride
    }

    fn next(&mut self) -> Result<Option<Frame<'_>>, MediaError> {
        self.take_in()?;
        if self.left == 0 {
            self.advance();
            self.left = self.hold;
        }
        self.left -= 1;
        Ok(self.frames.get_mut(self.position).map(|frame| Frame::Editable(frame)))
    }
}

/// Slow at both ends, as a pendulum.
fn eased(share: f32) -> f32 {
    0.5 - 0.5 * (share * std::f32::consts::PI).cos()
}

type Maker = Box<dyn Fn(f32) -> Result<Vec<u8>, MediaError>>;

/// What makes the frames: a drawn scene, or `videotestsrc`.
fn maker(
    pattern: Pattern,
    scene: Option<Box<dyn crate::pattern::Scene>>,
    layout: Layout,
    marked: bool,
    total: usize,
) -> Result<Maker, MediaError> {
    if let Some(scene) = scene {
        let frames = SceneFrames::new(scene, layout, marked)?;
        return Ok(Box::new(move |share| frames.frame(share)));
    }
    require(&["videotestsrc", "appsink", "videoconvertscale"])?;
    let pull = Pull::new(
        &format!(
            "videotestsrc pattern={pattern} num-buffers={total} ! videoconvertscale ! \
             appsink name=out sync=false max-buffers=1"
        ),
        &layout.caps(true)?,
    )?;
    pull.play()?;
    Ok(Box::new(move |_| {
        let sample = pull.pull()?;
        let mut packed = Vec::new();
        layout.pack(sample.buffer().ok_or_else(|| pull.fault())?, &mut packed)?;
        Ok(packed)
    }))
}
