//! Query strings, with problems instead of plain text.

use axum::{extract::FromRequestParts, http::request::Parts};
use serde::de::DeserializeOwned;

use crate::{problem::Error, validate::invalid};

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
