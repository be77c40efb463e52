//! What a change expects to find.

use crate::problem::Error;

/// What must be there for a change to be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expect {
    /// Whatever it is: added, or replaced.
    Anything,
    /// Nothing of that id.
    Absent,
    /// Something of that id.
    Present,
    /// Something of that id, of one of these revisions.
    Revision(Vec<String>),
}

impl Expect {
    /// Checks the present revision; `None` when there is nothing of that id.
    ///
    /// # Errors
    /// [`Error::DuplicateId`] where nothing may be, [`Error::Stale`] where another revision is.
    pub fn check(&self, kind: &'static str, id: &str, present: Option<&str>) -> Result<(), Error> {
        let wrong = match (self, present) {
            (Self::Absent, Some(_)) => {
                return Err(Error::DuplicateId { kind, id: id.to_owned() });
            }
            (Self::Present | Self::Revision(_), None) => true,
            (Self::Revision(known), Some(present)) => !known.iter().any(|known| known == present),
            _ => false,
        };
        if wrong {
            let present = present.map(str::to_owned);
            return Err(Error::Stale { kind, id: id.to_owned(), present });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_expected_is_changed() {
        let known = Expect::Revision(vec!["a".to_owned(), "b".to_owned()]);
        let passes = |expect: &Expect, present| expect.check("input", "x", present).is_ok();
        for (expect, absent, same, other) in [
            (Expect::Anything, true, true, true),
            (Expect::Absent, true, false, false),
            (Expect::Present, false, true, true),
            (known, false, true, false),
        ] {
            assert_eq!(passes(&expect, None), absent, "{expect:?}");
            assert_eq!(passes(&expect, Some("b")), same, "{expect:?}");
            assert_eq!(passes(&expect, Some("c")), other, "{expect:?}");
        }
    }
}
