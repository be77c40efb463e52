//! Ancillary frames and the pictures they belong to.

use std::collections::VecDeque;

use ormatrix_strip::Name;

use crate::{check::judge::SeenFrame, receive::FrameTime};

/// How long a frame waits for its picture: half a second.
const PATIENCE_NS: u64 = 500_000_000;

/// A picture comes this much later than its data at most: a frame's time, and the time until
/// it is judged.
const LATE_NS: u64 = 150_000_000;

/// Pictures remembered.
const REMEMBERED: usize = 512;

/// A picture waits for its data until so many others have come.
const PICTURES_WAIT: usize = 128;

/// Frames that wait at most.
const MOST_WAITING: usize = 1024;

#[derive(Clone, Copy, Debug)]
struct Waiting {
    timestamp: u32,
    name: Name,
    arrived: u64,
}

/// A picture, by its timestamps.
#[derive(Clone, Copy, Debug)]
struct Picture {
    time: FrameTime,
    name: Option<Name>,
    arrived: u64,
    /// Data with one of its timestamps have come.
    met: bool,
}

/// Compares the sources of frames and pictures of one timestamp.
#[derive(Debug)]
pub(super) struct Companions {
    with_video: bool,
    waiting: VecDeque<Waiting>,
    pictures: VecDeque<Picture>,
    /// When the last picture arrived.
    pictured: u64,
    newest: u64,
    /// When the first frame arrived.
    began: Option<u64>,
    /// Whose frames come now, and whose came before.
    now: Option<Name>,
    before: Option<Name>,
    /// The latest timestamp of whose frames come now.
    latest: u32,
    pub mismatched: u64,
    pub stale: u64,
    pub without_picture: u64,
    pub pictures_without: u64,
}

impl Companions {
    /// Without video nothing is compared, and frames are told stale by their timestamps.
    pub fn new(with_video: bool) -> Self {
        Self {
            with_video,
            waiting: VecDeque::new(),
            pictures: VecDeque::new(),
            pictured: 0,
            newest: 0,
            began: None,
            now: None,
            before: None,
            latest: 0,
            mismatched: 0,
            stale: 0,
            without_picture: 0,
            pictures_without: 0,
        }
    }

    /// A picture was judged.
    pub fn picture(&mut self, seen: &SeenFrame) {
        self.newest = self.newest.max(seen.last.now);
        self.pictured = self.pictured.max(seen.last.now);
        let (name, arrived) = (seen.mark.map(|mark| mark.name), seen.last.now);
        if self.pictures.len() == REMEMBERED {
            self.pictures.pop_front();
        }
        self.pictures.push_back(Picture { time: seen.time, name, arrived, met: false });
        self.compare(false);
        // One that has waited long, while data came.
        let mut old = self.pictures.iter_mut().rev().skip(PICTURES_WAIT);
        if let Some(picture) = old.next()
            && !picture.met
            && self.began.is_some_and(|began| began + seen.period_ns < picture.arrived)
        {
            self.pictures_without += 1;
        }
    }

    /// A frame with a mark has come.
    pub fn frame(&mut self, timestamp: u32, name: Name, arrived: u64) {
        self.newest = self.newest.max(arrived);
        self.began.get_or_insert(arrived);
        if self.waiting.len() == MOST_WAITING {
            self.compare(true);
        }
        self.waiting.push_back(Waiting { timestamp, name, arrived });
        self.compare(false);
    }

    /// Compares the frames whose pictures are known, in their order; `all` waits no longer.
    pub fn compare(&mut self, all: bool) {
        while let Some(frame) = self.waiting.front().copied() {
            // The latest of that timestamp: it comes again after half a day.
            let mut pictures = self.pictures.iter_mut().rev();
            let mut picture = pictures.find(|picture| picture.time.has(frame.timestamp));
            if let Some(picture) = &mut picture {
                picture.met = true;
            }
            let expired = self.newest.saturating_sub(frame.arrived) > PATIENCE_NS;
            // Pictures came since, and none of that timestamp.
            let none = picture.is_none() && self.pictured > frame.arrived + LATE_NS;
            if self.with_video && picture.is_none() && !(none || expired || all) {
                return;
            }
            let shown = picture.and_then(|picture| picture.name);
            self.waiting.pop_front();
            self.judge(&frame, shown, none);
        }
    }

    fn judge(&mut self, frame: &Waiting, shown: Option<Name>, no_picture: bool) {
        match shown {
            Some(name) => self.mismatched += u64::from(name != frame.name),
            None => self.without_picture += u64::from(self.with_video),
        }
        if self.now == Some(frame.name) {
            self.latest = frame.timestamp;
            return;
        }
        let back = match shown {
            Some(name) => name == frame.name,
            None if no_picture => false,
            None => frame.timestamp.wrapping_sub(self.latest).cast_signed() > 0,
        };
        if self.before == Some(frame.name) && !back {
            self.stale += 1;
            return;
        }
        self.before = self.now.replace(frame.name);
        self.latest = frame.timestamp;
    }
}
