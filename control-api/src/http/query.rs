//! Query strings, with problems instead of plain text.

use axum::{extract::FromRequestParts, http::request::Parts};
use serde::de::DeserializeOwned;

use crate::{problem::Error, validate::invalid};

/// Text as part of a path (RFC 3986 §2.1).
pub fn segment(text: &str) -> String {
    let mut url = String::new();
    for octet in text.bytes() {
        if octet.is_ascii_alphanumeric() || b"-_.~".contains(&octet) {
            url.push(octet.into());
        } else {
            url.extend(["%".to_owned(), format!("{octet:02X}")]);
        }
    }
    url
}

/// The query string as a `T`.
#[derive(Debug)]
pub struct Query<T>(pub T);

impl<S: Sync, T: DeserializeOwned> FromRequestParts<S> for Query<T> {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Error> {
        let query = axum::extract::Query::try_from_uri(&parts.uri);
        query.map(|axum::extract::Query(query)| Self(query)).map_err(|rejection| {
            let cause = std::error::Error::source(&rejection).map(ToString::to_string);
            invalid("query", cause.unwrap_or_else(|| rejection.to_string()))
        })
    }
}
