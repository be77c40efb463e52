//! The id that follows a request from whoever made it into every log on its way.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// Longest id, in characters: a trace id, a UUID and most schemes of others fit.
pub const REQUEST_ID_MAX: usize = 64;

/// Names one request. 1 to 64 letters, digits, `-`, `_` and `.`: nothing that could break a
/// line of a log, a header or a query.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RequestId(String);

/// Not an id of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an id of a request is 1 to {REQUEST_ID_MAX} letters, digits, '-', '_' or '.'")]
pub struct RequestIdError;

impl RequestId {
    /// One of 128 bits, which had better be random; as long as a trace id of W3C.
    pub fn of(bits: u128) -> Self {
        Self(format!("{bits:032x}"))
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn check(text: &str) -> Result<(), RequestIdError> {
    let legal = |octet: u8| octet.is_ascii_alphanumeric() || b"-_.".contains(&octet);
    let good = (1..=REQUEST_ID_MAX).contains(&text.len()) && text.bytes().all(legal);
    good.then_some(()).ok_or(RequestIdError)
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl FromStr for RequestId {
    type Err = RequestIdError;

    fn from_str(text: &str) -> Result<Self, RequestIdError> {
        check(text)?;
        Ok(Self(text.to_owned()))
    }
}

impl TryFrom<String> for RequestId {
    type Error = RequestIdError;

    fn try_from(text: String) -> Result<Self, RequestIdError> {
        check(&text)?;
        Ok(Self(text))
    }
}

impl From<RequestId> for String {
    fn from(id: RequestId) -> Self {
        id.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_cannot_break_a_line() {
        for good in
            ["a", "6f9619ff-8b86-d011-b42d-00c04fc964ff", "Panel_3.take-17", &"x".repeat(64)]
        {
            assert_eq!(good.parse::<RequestId>().unwrap().as_str(), good);
        }
        for bad in ["", " ", "a b", "a\nb", "a\"b", "a=b", "ä", &"x".repeat(65)] {
            assert_eq!(bad.parse::<RequestId>(), Err(RequestIdError), "{bad:?}");
        }
        assert_eq!(RequestId::of(0xab).as_str(), "000000000000000000000000000000ab");
    }
}
