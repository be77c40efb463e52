//! Sound from `GStreamer`, put where it belongs in time.
//!
//! Sound of the same pipeline as the picture shares its clock. A picture is sent in the frame
//! that starts next, so it reaches the wire a part of a frame, or of a device's delay, after
//! its moment in the pipeline. [`TimeLine`] carries that shift from the picture to the sound,
//! which is sent with the very same. So a sample and a picture of one moment of the file or
//! capture have RTP timestamps of one moment of TAI, to the sample. A picture that repeats or
//! falls out, because the rates meet so, is off by that one frame; where pictures have moved
//! by more than one and a half, the sound is put in its place again. Nothing drifts, as one
//! clock drives both.
//!
//! Two cases keep less. A sound card that hands its samples over later than the camera does
//! makes the sound later by that difference, which is told. And sound without a picture of
//! the same pipeline (a file or a capture beside a pattern) has no relation to the picture.

use std::sync::{Arc, Mutex, PoisonError};

use tracing::warn;

use super::{Sound, shelf::Shelf};
use crate::media::{
    MediaError, Moment,
    sound::{Block, Tap},
};

/// Samples kept ahead: 0.3 s.
const AHEAD: (u64, u64) = (3, 10);

/// Blocks nearer than this to the end of the last follow it without a gap: 5 ms.
const JOIN: u64 = 200;

/// How far behind its arrival sound without a picture is sent, in nanoseconds.
const OWN_DELAY_NS: u64 = 60_000_000;

/// Most that a sound card may be behind the camera, in nanoseconds.
const MOST_LAG_NS: u64 = 500_000_000;

const SECOND_NS: u64 = 1_000_000_000;

/// Where pictures of a pipeline stand on the time line of the wire.
#[derive(Clone, Debug, Default)]
pub struct TimeLine(Arc<Mutex<Option<Shift>>>);

/// What to add to a moment of the pipeline, and the run of the pipeline it holds for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Shift {
    base_ns: u64,
    ns: i64,
}

impl TimeLine {
    /// Says with which frame start a picture is sent.
    pub fn picture(&self, moment: Moment, start_tai_ns: u64) {
        let ns = start_tai_ns.wrapping_sub(moment.at_ns).cast_signed();
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) =
            Some(Shift { base_ns: moment.base_ns, ns });
    }

    fn shift(&self) -> Option<Shift> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How blocks find their place.
pub enum Follow {
    /// By the picture's time line.
    Picture {
        /// That line.
        line: TimeLine,
        /// Frame period in nanoseconds.
        period_ns: u64,
    },
    /// One behind the other, without a gap.
    Nothing,
}

/// Where blocks come from.
pub trait Blocks: Send {
    /// The next block that is there.
    fn pull(&mut self) -> Option<Block>;
    /// Whether blocks come as time passes, rather than as fast as one likes.
    fn is_live(&self) -> bool;
    /// Looks after what makes them, if nobody else does.
    fn attend(&mut self) -> Result<(), MediaError>;
}

impl Blocks for Tap {
    fn pull(&mut self) -> Option<Block> {
        Self::pull(self)
    }

    fn is_live(&self) -> bool {
        Self::is_live(self)
    }

    /// The picture's thread does.
    fn attend(&mut self) -> Result<(), MediaError> {
        Ok(())
    }
}

/// Sound that comes when it comes.
pub struct Feed {
    blocks: Box<dyn Blocks>,
    follow: Follow,
    rate_hz: u64,
    shelf: Shelf,
    /// A block that came before its picture.
    pending: Option<Block>,
    shift: Option<Shift>,
    /// Whether everything that was waiting at the start has been taken in.
    settled: bool,
    failed: bool,
    /// How much later than the picture the sound is because its device is.
    lag_ns: u64,
}

impl Feed {
    /// Sound of so many channels at a sampling rate.
    pub fn new(blocks: Box<dyn Blocks>, channels: u8, rate_hz: u32, follow: Follow) -> Self {
        Self {
            blocks,
            follow,
            rate_hz: u64::from(rate_hz),
            shelf: Shelf::new(channels),
            pending: None,
            shift: None,
            settled: false,
            failed: false,
            lag_ns: 0,
        }
    }

    /// Takes in what has come, as long as it is not too far ahead of sample `number`.
    fn gather(&mut self, number: u64) {
        let ahead = number + self.rate_hz * AHEAD.0 / AHEAD.1;
        while self.shelf.is_empty() || self.shelf.end() < ahead {
            let latest = match &self.follow {
                Follow::Picture { line, .. } => line.shift(),
                Follow::Nothing => None,
            };
            let follows = matches!(self.follow, Follow::Picture { .. });
            // Without a picture there is no place; what has come waits.
            if follows && latest.is_none() {
                return;
            }
            let Some(block) = self.pending.take().or_else(|| self.blocks.pull()) else {
                self.settled = true;
                self.attend();
                return;
            };
            let place = match latest {
                None => self.behind(number),
                Some(latest) if latest.base_ns == block.moment.base_ns => {
                    self.beside_picture(&block.moment, latest, number)
                }
                Some(_)
                    if self.shift.is_some_and(|shift| shift.base_ns == block.moment.base_ns) =>
                {
                    // The picture has begun anew; this is the end of the sound before.
                    continue;
                }
                Some(_) => {
                    self.pending = Some(block);
                    return;
                }
            };
            let gap = place.abs_diff(self.shelf.end());
            if self.shelf.is_empty() || gap > self.rate_hz / JOIN {
                self.shelf.restart(place, &block.samples);
            } else {
                self.shelf.append(&block.samples);
            }
        }
    }

    /// The place behind the last block, or a little ahead if that is past.
    fn behind(&self, number: u64) -> u64 {
        if self.shelf.end() < number {
            number + self.rate_hz * OWN_DELAY_NS / SECOND_NS
        } else {
            self.shelf.end()
        }
    }

    /// The place of a block of the same pipeline as the picture.
    fn beside_picture(&mut self, moment: &Moment, latest: Shift, number: u64) -> u64 {
        let period_ns = match &self.follow {
            Follow::Picture { period_ns, .. } => *period_ns,
            Follow::Nothing => 0,
        };
        let stays = |shift: &Shift| {
            shift.base_ns == latest.base_ns && latest.ns.abs_diff(shift.ns) <= period_ns * 3 / 2
        };
        let shift = self.shift.filter(stays).unwrap_or(latest);
        self.shift = Some(shift);
        let tai = moment.at_ns.wrapping_add_signed(shift.ns);
        let rate = u128::from(self.rate_hz);
        // To the nearest sample: moments are in whole nanoseconds.
        let place = |lag: u64| {
            let ns = u128::from(tai.saturating_add(lag));
            ((ns * rate + u128::from(SECOND_NS) / 2) / u128::from(SECOND_NS)) as u64
        };
        let found = place(self.lag_ns);
        let late_ns = number.saturating_sub(found) * SECOND_NS / self.rate_hz;
        if late_ns == 0 || !self.settled || !self.blocks.is_live() {
            return found;
        }
        if self.lag_ns + late_ns < MOST_LAG_NS {
            // A little more, not to come back for each microsecond.
            self.lag_ns += late_ns + 5_000_000;
            warn!(
                "the sound device is behind the picture's: sound is sent {} ms later than its picture",
                self.lag_ns / 1_000_000
            );
        }
        place(self.lag_ns)
    }

    /// Looks after the pipeline; one that has failed is told of once and left alone.
    fn attend(&mut self) {
        if !self.failed
            && let Err(error) = self.blocks.attend()
        {
            warn!("no more sound: {error}");
            self.failed = true;
        }
    }
}

impl Sound for Feed {
    fn fill(&mut self, number: u64, out: &mut [i32]) -> bool {
        self.gather(number);
        self.shelf.take(number, out)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use super::*;

    /// Blocks of 10 ms at 48 kHz, mono, whose samples count up.
    struct Queue(Arc<Mutex<VecDeque<Block>>>, bool);

    impl Blocks for Queue {
        fn pull(&mut self) -> Option<Block> {
            self.0.lock().unwrap().pop_front()
        }
        fn is_live(&self) -> bool {
            self.1
        }
        fn attend(&mut self) -> Result<(), MediaError> {
            Ok(())
        }
    }

    const TAI: u64 = 1_763_757_342_000_000_000;
    const START: u64 = TAI / SECOND_NS * 48_000;

    fn block(base_ns: u64, index: u64) -> Block {
        let samples = (index * 480..(index + 1) * 480).map(|sample| sample as i32 + 1).collect();
        Block { moment: Moment { base_ns, at_ns: base_ns + index * 10_000_000 }, samples }
    }

    fn feed(live: bool) -> (Feed, TimeLine, Arc<Mutex<VecDeque<Block>>>) {
        let (line, queue) = (TimeLine::default(), Arc::default());
        let follow = Follow::Picture { line: line.clone(), period_ns: 20_000_000 };
        let blocks = Box::new(Queue(Arc::clone(&queue), live));
        (Feed::new(blocks, 1, 48_000, follow), line, queue)
    }

    fn sample(feed: &mut Feed, number: u64) -> i32 {
        let mut out = [-1];
        feed.fill(number, &mut out);
        out[0]
    }

    #[test]
    fn sound_goes_where_its_picture_goes() {
        let (mut feed, line, queue) = feed(false);
        queue.lock().unwrap().extend((0..20).map(|index| block(5000, index)));
        // No picture yet: nothing is sent, nothing is lost.
        assert_eq!(sample(&mut feed, START), 0);
        // The picture of the pipeline's first moment goes with the frame at TAI.
        line.picture(Moment { base_ns: 5000, at_ns: 5000 }, TAI);
        assert_eq!(sample(&mut feed, START), 1);
        assert_eq!(sample(&mut feed, START + 2000), 2001);
        // A frame that repeats does not move the sound; two do, from the next block on.
        line.picture(Moment { base_ns: 5000, at_ns: 60_005_000 }, TAI + 80_000_000);
        assert_eq!(sample(&mut feed, START + 2001), 2002);
        line.picture(Moment { base_ns: 5000, at_ns: 60_005_000 }, TAI + 100_000_000);
        queue.lock().unwrap().extend((20..40).map(|index| block(5000, index)));
        assert_eq!(sample(&mut feed, START + 9600 + 1920 + 7), 9608);
    }

    #[test]
    fn a_file_that_begins_again_waits_for_its_picture() {
        let (mut feed, line, queue) = feed(false);
        queue.lock().unwrap().extend([block(0, 0), block(SECOND_NS, 0), block(SECOND_NS, 1)]);
        line.picture(Moment { base_ns: 0, at_ns: 0 }, TAI);
        assert_eq!(sample(&mut feed, START + 479), 480);
        assert_eq!(sample(&mut feed, START + 480), 0);
        let at = Moment { base_ns: SECOND_NS, at_ns: SECOND_NS };
        line.picture(at, TAI + SECOND_NS + 7_000_000);
        assert_eq!(sample(&mut feed, START + 48_000 + 336), 1);
        assert_eq!(sample(&mut feed, START + 48_000 + 336 + 959), 960);
    }

    #[test]
    fn a_late_device_makes_the_sound_late_once() {
        let (mut feed, line, queue) = feed(true);
        line.picture(Moment { base_ns: 0, at_ns: 0 }, TAI);
        // What waited at the start is old, not late.
        queue.lock().unwrap().extend((0..5).map(|index| block(0, index)));
        assert_eq!(sample(&mut feed, START + 1440), 1441);
        assert_eq!(feed.lag_ns, 0);
        // The next comes 30 ms after it was due: 5 ms more are kept in hand.
        assert_eq!(sample(&mut feed, START + 3840), 0);
        queue.lock().unwrap().push_back(block(0, 5));
        assert_eq!(sample(&mut feed, START + 3840), 0);
        assert_eq!(feed.lag_ns, 35_000_000);
        assert_eq!(sample(&mut feed, START + 2400 + 1680), 2401);
    }

    #[test]
    fn without_a_picture_blocks_follow_each_other() {
        let queue: Arc<Mutex<VecDeque<Block>>> = Arc::default();
        let blocks = Box::new(Queue(Arc::clone(&queue), false));
        let mut feed = Feed::new(blocks, 1, 48_000, Follow::Nothing);
        queue.lock().unwrap().extend([block(0, 0), block(0, 1), block(77, 0)]);
        assert_eq!(sample(&mut feed, START), 0);
        let first = START + 2880;
        assert_eq!(sample(&mut feed, first + 959), 960);
        assert_eq!(sample(&mut feed, first + 960), 1);
        // Run dry: it begins a little ahead again.
        assert_eq!(sample(&mut feed, first + 5000), 0);
        queue.lock().unwrap().push_back(block(0, 9));
        assert_eq!(sample(&mut feed, first + 5001), 0);
        assert_eq!(sample(&mut feed, first + 5001 + 2880), 4321);
    }
}
