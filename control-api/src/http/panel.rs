//! The panel's files, built into the program.

use axum::{
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};

/// One file of the panel.
#[derive(Debug)]
pub struct File {
    /// As in the URL, with its slash.
    path: &'static str,
    media_type: &'static str,
    etag: &'static str,
    content: &'static [u8],
}

include!(concat!(env!("OUT_DIR"), "/panel.rs"));

/// The file at a path; `/` is `/index.html`.
pub fn file(path: &str) -> Option<&'static File> {
    let path = if path == "/" { "/index.html" } else { path };
    FILES.binary_search_by(|file| file.path.cmp(path)).ok().and_then(|place| FILES.get(place))
}

/// The file, or 304 when the browser has it.
pub fn answer(file: &'static File, headers: &HeaderMap) -> Response {
    // The panel changes with the program: a browser asks each time, and rarely downloads.
    let about = [(header::ETAG, file.etag), (header::CACHE_CONTROL, "no-cache")];
    let known = headers.get(header::IF_NONE_MATCH).and_then(|tags| tags.to_str().ok());
    if known.is_some_and(|tags| tags.split(',').any(|tag| tag.trim() == file.etag)) {
        return (StatusCode::NOT_MODIFIED, about).into_response();
    }
    (about, [(header::CONTENT_TYPE, file.media_type)], file.content).into_response()
}
