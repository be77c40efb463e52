//! Whether what is shown is live. Sans-IO: takes times, says when to change the picture.

/// What a display shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Showing {
    /// Nothing has come yet.
    Waiting,
    /// Whole frames are coming.
    Live,
    /// None came for too long; the last at this time (UTC, ns since 1970).
    Lost {
        /// Arrival of the last whole frame.
        since: u64,
    },
}

/// Watches the frames of one display.
#[derive(Clone, Debug)]
pub struct Watch {
    hold_ns: u64,
    last: Option<(u64, u64)>,
    showing: Showing,
}

impl Watch {
    /// The last whole frame may stay for `hold_ns` without a next.
    pub const fn new(hold_ns: u64) -> Self {
        Self { hold_ns, last: None, showing: Showing::Waiting }
    }

    /// What is shown now.
    pub const fn showing(&self) -> Showing {
        self.showing
    }

    /// A whole frame is shown. Returns whether the picture has just become live.
    pub fn frame(&mut self, now: u64, unix: u64) -> bool {
        self.last = Some((now, unix));
        let was = self.showing;
        self.showing = Showing::Live;
        was != Showing::Live
    }

    /// Time passes. Returns whether the picture has just become too old to be left on.
    pub fn tick(&mut self, now: u64) -> bool {
        let Some((last, unix)) = self.last else { return false };
        if self.showing != Showing::Live || now.saturating_sub(last) <= self.hold_ns {
            return false;
        }
        self.showing = Showing::Lost { since: unix };
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_is_live_or_says_since_when_it_is_not() {
        let mut watch = Watch::new(100);
        assert_eq!(watch.showing(), Showing::Waiting);
        assert!(!watch.tick(1_000_000), "nothing to lose yet");
        assert!(watch.frame(1000, 50));
        assert!(!watch.frame(1016, 51));
        assert!(!watch.tick(1116));
        assert!(watch.tick(1117));
        assert_eq!(watch.showing(), Showing::Lost { since: 51 });
        assert!(!watch.tick(5000), "said once");
        assert!(watch.frame(6000, 60));
        assert_eq!(watch.showing(), Showing::Live);
    }
}
