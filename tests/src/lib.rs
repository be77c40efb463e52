//! What the end-to-end tests share: the product's processes, a matrix made of them, and
//! foreign software to send to it and receive from it.
//!
//! Nothing here looks inside a process: tests see what users and other equipment see. The
//! exception is [`fuzz`], whose bodies call libraries.

#![forbid(unsafe_code)]

pub mod fuzz;
pub mod known;
pub mod legs;
pub mod matrix;
pub mod media;
pub mod namespace;
pub mod process;
pub mod soak;
pub mod watched;

pub use matrix::Matrix;
pub use process::Process;
