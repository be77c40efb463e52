//! `If-Match` and `If-None-Match`: nobody overwrites what somebody else has changed meanwhile
//! (RFC 9110 §13.1).

use axum::{
    extract::FromRequestParts,
    http::{HeaderMap, HeaderName, header, request::Parts},
};
use utoipa::IntoParams;

use crate::{change::Expect, problem::Error, validate::invalid};

/// The headers that [`Expect`] is read from, for `/openapi.json`.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
#[allow(dead_code, reason = "described, never made")]
pub struct ExpectHeaders {
    /// The revision that is to be changed, as `ETag` gave it; another is answered with 412.
    #[param(rename = "If-Match", example = "\"5f2a9c01d4e7b380\"")]
    if_match: Option<String>,
    /// `*`: only if there is none of that id.
    #[param(rename = "If-None-Match", example = "*")]
    if_none_match: Option<String>,
}

impl<S: Sync> FromRequestParts<S> for Expect {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Error> {
        let headers = &parts.headers;
        let wanted = text(headers, &header::IF_MATCH)?;
        let unwanted = text(headers, &header::IF_NONE_MATCH)?;
        match (wanted.as_deref(), unwanted.as_deref()) {
            (None, None) => Ok(Self::Anything),
            (None, Some("*")) => Ok(Self::Absent),
            (None, Some(other)) => {
                Err(invalid("If-None-Match", format!("'{other}': only * means something here")))
            }
            (Some("*"), None) => Ok(Self::Present),
            (Some(tags), None) => {
                tags.split(',').map(revision).collect::<Result<_, _>>().map(Self::Revision)
            }
            (Some(_), Some(_)) => {
                Err(invalid("If-Match", "contradicts If-None-Match: send one of them"))
            }
        }
    }
}

/// All values of a header, as one.
fn text(headers: &HeaderMap, name: &HeaderName) -> Result<Option<String>, Error> {
    let values: Result<Vec<&str>, _> =
        headers.get_all(name).iter().map(|value| value.to_str().map(str::trim)).collect();
    let values = values.map_err(|_| invalid(name.as_str(), "not a text"))?;
    Ok((!values.is_empty()).then(|| values.join(",")))
}

/// The revision in an entity tag. What is compared is strong, so a weak one never matches.
fn revision(tag: &str) -> Result<String, Error> {
    let tag = tag.trim();
    let opaque = tag.strip_prefix('"').and_then(|tag| tag.strip_suffix('"'));
    opaque.map(str::to_owned).ok_or_else(|| {
        invalid("If-Match", format!("{tag} is not an ETag of an answer: \"…\" with its quotes"))
    })
}
