//! The loop between network and screen.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use gstreamer as gst;
use gstreamer::glib;
use ormatrix_io::{Clock, SystemClock};

pub use super::player::PlayerError;
use super::{
    driver::Driver,
    player::Player,
    slate,
    watch::{Showing, Watch},
};
use crate::{
    picture::{PictureError, PictureReceiver, Received},
    receive::{InputError, assembler::Counts},
    stream::Stream,
    time_text,
};

/// How long to wait for packets before looking at the time.
const LOOK_UP: Duration = Duration::from_millis(20);

/// How a display behaves.
#[derive(Clone, Debug)]
pub struct DisplayOptions {
    /// The way to the screen; what is there if none is named.
    pub driver: Option<Driver>,
    /// The whole screen, where the window system lets a window ask for it.
    pub fullscreen: bool,
    /// How long the last whole frame may stay without a next.
    pub hold: Duration,
    /// Least time between two reads of the socket.
    pub coalesce: Duration,
    /// Ends after this long.
    pub length: Option<Duration>,
}

/// Why a display ends.
#[derive(Debug, thiserror::Error)]
pub enum DisplayError {
    /// The screen.
    #[error(transparent)]
    Player(#[from] PlayerError),
    /// Receiving.
    #[error(transparent)]
    Picture(#[from] PictureError),
}

/// Shows a stream until `stop`, and returns what went past. `listening` is told the
/// addresses once sockets and screen are open; `say` is told when the signal comes and goes.
pub fn run(
    stream: Stream,
    options: &DisplayOptions,
    stop: &Arc<AtomicBool>,
    listening: impl FnOnce(&[SocketAddr]),
    mut say: impl FnMut(&str),
) -> Result<Counts, DisplayError> {
    let clock = SystemClock;
    let title = stream.label().unwrap_or("ormatrix").to_owned();
    let mut receiver = PictureReceiver::open(stream, options.coalesce)?;
    let player = Player::open(options.driver, &title, options.fullscreen)?;
    listening(&receiver.input().addresses().map_err(InputError::from).map_err(PictureError::from)?);
    let end = options.length.map_or(u64::MAX, |l| clock.now() + l.as_nanos() as u64);
    let mut watch = Watch::new(options.hold.as_nanos() as u64);
    // Until the format is known, a slate of a size that every screen can show.
    let mut caps = default_caps();
    show_slate(&player, &caps, watch.showing())?;
    while !stop.load(Ordering::Relaxed) && clock.now() < end {
        let mut failed = None;
        let mut new_format = false;
        receiver.receive(LOOK_UP, |received| match received {
            Received::Format(new) => {
                new_format = true;
                caps = new;
            }
            Received::Frame(buffer, _) => {
                if let Err(error) = player.show(buffer, &caps) {
                    failed = Some(error);
                }
                if watch.frame(clock.now(), clock.unix()) {
                    say(&format!("signal: {}", describe(&caps)));
                }
            }
        })?;
        if let Some(error) = failed.or_else(|| player.stopped()) {
            return Err(error.into());
        }
        let lost = watch.tick(clock.now());
        if lost {
            receiver.forget();
            say(&text(watch.showing()));
        }
        if lost || new_format && watch.showing() != Showing::Live {
            show_slate(&player, &caps, watch.showing())?;
        }
    }
    Ok(receiver.counts())
}

fn show_slate(player: &Player, caps: &gst::Caps, showing: Showing) -> Result<(), DisplayError> {
    let buffer = slate::render(&text(showing), caps)?;
    player.show(buffer, caps)?;
    Ok(())
}

/// What a display says where there is no picture.
fn text(showing: Showing) -> String {
    match showing {
        Showing::Lost { since } => {
            let seconds = since / 1_000_000_000;
            // Local time as the clock on the wall has it; UTC where the host knows no zone.
            let local = glib::DateTime::from_unix_local(seconds as i64)
                .and_then(|time| time.format("%H:%M:%S"));
            let clock = local
                .map_or_else(|_| time_text::clock(seconds) + " UTC", |clock| clock.to_string());
            format!("signal lost since {clock}")
        }
        Showing::Waiting | Showing::Live => "no signal".to_owned(),
    }
}

fn default_caps() -> gst::Caps {
    gst::Caps::builder("video/x-raw")
        .field("format", "UYVY")
        .field("width", 1280)
        .field("height", 720)
        .field("framerate", gst::Fraction::new(50, 1))
        .build()
}

fn describe(caps: &gst::Caps) -> String {
    let Some(structure) = caps.structure(0) else { return String::new() };
    let number = |name| structure.get::<i32>(name).unwrap_or(0);
    let format = structure.get::<String>("format").unwrap_or_default();
    format!("{}x{} {format}", number("width"), number("height"))
}
