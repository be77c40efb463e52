//! What the calls of inputs and outputs have in common: a function a verb.
//!
//! `inputs` and `outputs` describe each call and say what is theirs alone.

use std::future::Future;

use axum::{
    Json,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::{Serialize, de::DeserializeOwned};

use super::{body::JsonOrSdp, config::Revised};
use crate::{
    actor::{Action, Actor},
    app::{App, Shared},
    change::{Expect, Put},
    inventory::{self, Stream},
    problem::Error,
    sdp::{self, Described, SdpQuery},
    validate,
};

/// A stream as the API offers it.
pub trait Resource: Stream + Revised {
    /// What a client sends.
    type Body: DeserializeOwned + Send;
    /// What a client gets.
    type View: Serialize;

    /// The stream and what is known of it now.
    fn view(&self, app: &App) -> Self::View;
    /// Takes the names out of a body.
    fn named(body: &mut Self::Body) -> Named<Self::Id>;
    /// The answer, with what of the request was not taken over.
    fn warned(view: Self::View, warnings: Vec<String>) -> Self::View;
    /// A stream as a body describes it.
    fn from_json(app: &App, name: Name<Self::Id>, body: Self::Body) -> Result<Self, Error>;
    /// A stream as an SDP describes it.
    fn from_sdp(app: &App, name: Name<Self::Id>, stream: Described) -> Self;
    /// Adds or replaces it.
    fn put(
        app: Shared,
        stream: Self,
        expect: Expect,
    ) -> impl Future<Output = Result<Put, Error>> + Send;
    /// Removes it.
    fn remove(
        app: Shared,
        actor: Actor,
        id: Self::Id,
        expect: Expect,
    ) -> impl Future<Output = Result<(), Error>> + Send;
}

/// What a request calls a stream.
pub struct Named<Id> {
    /// Its id, if it gives one.
    pub id: Option<Id>,
    /// Its label, if it gives one.
    pub label: Option<String>,
    /// Where it stands, if it says so.
    pub zone: Option<String>,
}

/// What a stream is called.
pub struct Name<Id> {
    /// Its id.
    pub id: Id,
    /// Its label.
    pub label: String,
    /// Where it stands; empty when nobody said.
    pub zone: String,
}

/// Every one.
pub fn list<T: Resource>(app: &App) -> Vec<T::View> {
    let streams: Vec<T> = T::all(&app.inventory()).values().cloned().collect();
    streams.iter().map(|stream| stream.view(app)).collect()
}

/// One, with its revision as entity tag.
pub fn show<T: Resource>(app: &App, id: &str) -> Result<Response, Error> {
    let stream = known::<T>(app, id)?;
    Ok(tagged(&stream.revision(), Json(stream.view(app))))
}

/// An answer about something of that revision.
pub fn tagged(revision: &str, answer: impl IntoResponse) -> Response {
    ([(header::ETAG, format!("\"{revision}\""))], answer).into_response()
}

/// The answer to a put: 201 with its place for what is new.
pub fn stored(put: Put, location: String, answer: Response) -> Response {
    match put {
        Put::Created => {
            (StatusCode::CREATED, [(header::LOCATION, location)], answer).into_response()
        }
        Put::Replaced => answer,
    }
}

/// The stream of that id, or the problem that there is none.
pub fn known<T: Stream>(app: &App, id: &str) -> Result<T, Error> {
    let id = parse::<T>(id)?;
    T::all(&app.inventory()).get(&id).cloned().ok_or_else(|| T::unknown(id.to_string()))
}

/// An id; one that cannot exist is unknown.
pub fn parse<T: Stream>(id: &str) -> Result<T::Id, Error> {
    id.parse().map_err(|_| T::unknown(id.to_owned()))
}

/// Adds one.
pub async fn create<T: Resource>(
    app: Shared,
    actor: &Actor,
    query: SdpQuery,
    body: JsonOrSdp<T::Body>,
) -> Result<Response, Error> {
    actor.may(Action::ChangeInventory)?;
    let (stream, warnings) = read::<T>(&app, None, query, body)?;
    store(app, stream, warnings, Expect::Absent).await
}

/// Adds or replaces the one of that id.
pub async fn put<T: Resource>(
    app: Shared,
    actor: &Actor,
    id: &str,
    query: SdpQuery,
    expect: Expect,
    body: JsonOrSdp<T::Body>,
) -> Result<Response, Error> {
    actor.may(Action::ChangeInventory)?;
    let (stream, warnings) = read::<T>(&app, Some(new_id::<T>(id)?), query, body)?;
    store(app, stream, warnings, expect).await
}

/// Removes the one of that id.
pub async fn remove<T: Resource>(
    app: Shared,
    actor: Actor,
    id: &str,
    expect: Expect,
) -> Result<StatusCode, Error> {
    actor.may(Action::ChangeInventory)?;
    T::remove(app, actor, parse::<T>(id)?, expect).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// An SDP, as an answer.
pub fn sdp(text: String) -> Response {
    ([(header::CONTENT_TYPE, "application/sdp")], text).into_response()
}

/// An id to give; one that cannot be given says what can.
fn new_id<T: Stream>(id: &str) -> Result<T::Id, Error> {
    id.parse().map_err(|error| validate::invalid("id", format!("{error}")))
}

/// The stream that a request describes, and what of it is not taken over; `path` is the id in
/// the path.
fn read<T: Resource>(
    app: &App,
    path: Option<T::Id>,
    query: SdpQuery,
    body: JsonOrSdp<T::Body>,
) -> Result<(T, Vec<String>), Error> {
    match body {
        JsonOrSdp::Json(mut body) => {
            let name = name::<T>(app, path, T::named(&mut body))?;
            Ok((T::from_json(app, name, body)?, Vec::new()))
        }
        JsonOrSdp::Sdp(text) => {
            let mut stream = sdp::parse(&text, query.tolerant)?;
            let warnings = std::mem::take(&mut stream.warnings);
            let id = query.id.map(|id| new_id::<T>(&id)).transpose()?;
            let label = query.label.or_else(|| stream.name.clone());
            let named = Named { id, label, zone: query.zone };
            Ok((T::from_sdp(app, name::<T>(app, path, named)?, stream), warnings))
        }
    }
}

/// Makes up what is not given: the id of the label, or the label of the id.
fn name<T: Stream>(
    app: &App,
    path: Option<T::Id>,
    named: Named<T::Id>,
) -> Result<Name<T::Id>, Error> {
    let id = match (path, named.id) {
        (Some(path), Some(given)) if path != given => {
            let reason = format!("'{given}' is not '{path}', the id in the path");
            return Err(validate::invalid("id", reason));
        }
        (Some(id), _) | (None, Some(id)) => id,
        (None, None) => match &named.label {
            Some(label) => free_id::<T>(app, label)?,
            None => return Err(validate::invalid("label", "give a label, an id, or both")),
        },
    };
    let label = named.label.unwrap_or_else(|| id.to_string());
    Ok(Name { id, label, zone: named.zone.unwrap_or_default() })
}

/// An id after the label that nothing has, with a number where needed.
fn free_id<T: Stream>(app: &App, label: &str) -> Result<T::Id, Error> {
    let inventory = app.inventory();
    inventory::free_id(label, T::KIND, |id| T::all(&inventory).contains_key(id))
        .ok_or(Error::Internal)
}

async fn store<T: Resource>(
    app: Shared,
    stream: T,
    warnings: Vec<String>,
    expect: Expect,
) -> Result<Response, Error> {
    let put = T::put(app.clone(), stream.clone(), expect).await?;
    let location = format!("/api/v1/{}s/{}", T::KIND, stream.id());
    let view = tagged(&stream.revision(), Json(T::warned(stream.view(&app), warnings)));
    Ok(stored(put, location, view))
}
