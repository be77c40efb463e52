//! Runs programs and keeps them running: shared by `ormatrix demo` and `ormatrix up`.
//!
//! - [`process`]: one program, started, listened to, asked to end;
//! - [`log`]: the file that keeps what it writes;
//! - [`restarts`]: when one that ended is started again;
//! - [`crew`]: all of them.

pub mod crew;
mod log;
pub mod process;
pub mod restarts;
