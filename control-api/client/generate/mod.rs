//! From an OpenAPI description to Rust.
//!
//! - `types`: the shapes under `components/schemas`, by `typify`, made readable for it first;
//! - `words`: lists of words, which may grow;
//! - `document`: the calls, as the description tells them;
//! - `calls`: a method for each.

pub mod calls;
pub mod document;
pub mod names;
pub mod types;
pub mod words;

use serde_json::Value;

/// Why no client can be made of a description.
#[derive(Debug, thiserror::Error)]
pub enum Unfit {
    /// It cannot be read, or the code not be written.
    #[error("{0}")]
    File(#[from] std::io::Error),
    /// It is no JSON.
    #[error("it is no JSON: {0}")]
    Json(#[from] serde_json::Error),
    /// It holds something that means nothing here.
    #[error(
        "{at}: {what}; describe it otherwise in control-api/src/api, or teach \
         control-api/client/generate what it means"
    )]
    Unknown {
        /// Where.
        at: String,
        /// What.
        what: String,
    },
    /// `typify` does not understand a schema.
    #[error("components/schemas: {0}")]
    Schemas(#[from] typify::Error),
    /// What was made is not Rust.
    #[error("what was made of it is not Rust: {0}")]
    Code(#[from] syn::Error),
    /// Not run by Cargo.
    #[error("{0} is not set: build with Cargo")]
    NotByCargo(&'static str),
}

/// Something that is not understood.
pub fn unknown(at: impl Into<String>, what: impl Into<String>) -> Unfit {
    Unfit::Unknown { at: at.into(), what: what.into() }
}

/// Reads a description, if it is of a version that is understood.
pub fn read(text: &[u8]) -> Result<Value, Unfit> {
    let description: Value = serde_json::from_slice(text)?;
    match description["openapi"].as_str() {
        Some(version) if version.starts_with("3.1.") => Ok(description),
        version => Err(unknown("openapi", format!("{version:?} is not 3.1"))),
    }
}
