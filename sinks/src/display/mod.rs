//! `ormatrix-sink display`: a window or a whole screen.
//!
//! A picture on a display is either live or marked as not: when whole frames stop coming,
//! the last one stays for a moment at most, then the display says in large letters that the
//! signal is lost, and since when. Nothing is ever drawn over a live picture.

pub mod driver;
mod player;
pub mod run;
mod slate;
pub mod watch;

pub use driver::{Driver, DriverError};
pub use run::{DisplayError, DisplayOptions, run};
