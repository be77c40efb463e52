//! Calls of the control plane's HTTP API, with types.
//!
//! Types and methods are made of the API's own description (`/openapi.json`) when this crate is
//! built: one method a call, called as the call, such as [`Client::list_inputs`]. What goes
//! through the network is in `transport`; one call waits for its answer, there is no runtime.
//!
//! ```no_run
//! use ormatrix_client::{Client, types::RouteBody};
//!
//! let client = Client::new("http://127.0.0.1:8080").named("night shift");
//! for input in client.list_inputs()?.value()? {
//!     println!("{}: {}", input.id, input.signal.state);
//! }
//! let body = RouteBody { wait_ms: Some(2000), ..RouteBody::new("endoscope".to_owned()) };
//! let taken = client.put_route("main-monitor", &body)?;
//! if taken.status() == 202 {
//!     println!("not confirmed in time: {}", taken.value()?.state);
//! }
//! # Ok::<(), ormatrix_client::Error>(())
//! ```
//!
//! # Newer servers
//!
//! What a newer server adds does not disturb: members that this client does not know are
//! ignored, and still there in [`Answer::body`]; a word that it does not know is
//! `Unlisted(word)`, in the list of words concerned, and so is another shape. An answer that
//! cannot be read all the same is an [`Error::Unreadable`], which says where; its JSON is there
//! before anything is read of it.

#![forbid(unsafe_code)]

mod answer;
mod calls;
mod error;
mod events;
mod request;
mod transport;
pub mod types;

pub use answer::Answer;
pub use calls::*;
pub use error::Error;
pub use events::{Event, Events};
pub use transport::Client;
