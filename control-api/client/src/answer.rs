//! An answer: as it came, and as what it means.

use std::marker::PhantomData;

use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::Error;

/// JSON that is a `T`, and its status.
///
/// It is read as a `T` only when asked for: who passes an answer on loses nothing of it.
#[derive(Clone, Debug)]
pub struct Answer<T> {
    call: &'static str,
    status: u16,
    body: Value,
    of: PhantomData<fn() -> T>,
}

impl<T> Answer<T> {
    pub(crate) fn new(call: &'static str, status: u16, body: Value) -> Self {
        Self { call, status, body, of: PhantomData }
    }

    /// The HTTP status: one of those that the description names for a good answer.
    pub fn status(&self) -> u16 {
        self.status
    }

    /// Whether what it is about was added by this call (201).
    pub fn is_created(&self) -> bool {
        self.status == 201
    }

    /// Whether what was asked has been done; false when it was only accepted (202).
    pub fn is_done(&self) -> bool {
        self.status != 202
    }

    /// What was answered, as it came.
    pub fn body(&self) -> &Value {
        &self.body
    }

    /// What was answered.
    ///
    /// # Errors
    /// [`Error::Unreadable`] when it is no `T`.
    pub fn value(&self) -> Result<T, Error>
    where
        T: DeserializeOwned,
    {
        serde_path_to_error::deserialize(&self.body).map_err(|error| Error::Unreadable {
            call: self.call,
            at: error.path().to_string(),
            reason: error.inner().to_string(),
        })
    }

    /// The same answer as something else: what is answered of a thing as the body that would make
    /// it so, for one. Members that a `U` does not have are left out.
    #[must_use]
    pub fn typed<U>(self) -> Answer<U> {
        Answer::new(self.call, self.status, self.body)
    }
}
