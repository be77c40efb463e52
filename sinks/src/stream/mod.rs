//! What to receive, and where that is said.
//!
//! A stream is described by SDP from a file, a URL or standard input; by the name of a
//! format and an address; or by the matrix itself, where the sink registers as an output
//! and then follows what is routed to it.

pub mod arguments;
pub mod control;
pub mod description;
pub mod events;
pub mod follow;
pub mod format_name;
pub mod levels;

pub use arguments::StreamArguments;
pub use control::{Control, ControlError};
pub use description::{Description, DescriptionError};
pub use follow::{Stream, StreamError};
pub use levels::{Beside, BesideStream};
