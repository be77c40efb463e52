//! What is sent and answered, as the description has it.
//!
//! What must be given is an argument of `new`, the rest is `None` until it is set.

// Generated: variants are called as what they hold, `self::` stands before names, and a
// default needs no name.
#![allow(missing_docs, unused_qualifications, clippy::default_trait_access, reason = "generated")]

include!(concat!(env!("OUT_DIR"), "/types.rs"));
