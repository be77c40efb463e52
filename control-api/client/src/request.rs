//! A call on its way out.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Serialize;

use crate::Error;

/// What stands for itself in a segment or a query (RFC 3986 §2.3).
const ENCODED: AsciiSet = NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// What is asked.
pub struct Request {
    /// The call's name.
    pub call: &'static str,
    /// `GET` and the like.
    pub method: &'static str,
    /// The path and what follows the question mark.
    pub target: String,
    /// What is said beside.
    pub headers: Vec<(&'static str, String)>,
    /// Media type and octets.
    pub body: Option<(String, Vec<u8>)>,
}

impl Request {
    pub fn new(call: &'static str, method: &'static str) -> Self {
        Self { call, method, target: String::new(), headers: Vec::new(), body: None }
    }

    /// Goes one segment further.
    pub fn segment(&mut self, text: &str) {
        self.target.extend(["/", &encoded(text)]);
    }

    pub fn query(&mut self, name: &str, value: &str) {
        let sign = if self.target.contains('?') { "&" } else { "?" };
        self.target.extend([sign, name, "=", &encoded(value)]);
    }

    pub fn header(&mut self, name: &'static str, value: &str) {
        self.headers.push((name, value.to_owned()));
    }

    pub fn body(&mut self, media_type: &str, octets: &[u8]) {
        self.body = Some((media_type.to_owned(), octets.to_vec()));
    }

    pub fn json(&mut self, body: &impl Serialize) -> Result<(), Error> {
        let octets =
            serde_json::to_vec(body).map_err(|reason| Error::Body { call: self.call, reason })?;
        self.body("application/json", &octets);
        Ok(())
    }
}

fn encoded(text: &str) -> String {
    utf8_percent_encode(text, &ENCODED).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_given_stays_in_its_place() {
        let mut request = Request::new("list", "GET");
        request.segment("api");
        request.segment("OR 1/../ü?");
        request.query("id", "a&b=c");
        request.query("force", "true");
        assert_eq!(request.target, "/api/OR%201%2F..%2F%C3%BC%3F?id=a%26b%3Dc&force=true");
    }
}
