//! The whole site as one file, and one file as the whole site.
//!
//! - [`document`]: the file, a TOML document, and what it means;
//! - [`diff`]: what would change;
//! - [`apply`]: changing it, all or nothing.

pub mod apply;
pub mod diff;
pub mod document;

pub use apply::apply;
