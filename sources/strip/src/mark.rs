//! What a strip says.

use std::fmt;

/// Most octets of UTF-8 a name may have.
pub const MAX_NAME_OCTETS: usize = 16;

/// Microseconds of TAI that 56 bits hold: until the year 4253.
const MAX_TAI_US: u64 = (1 << 56) - 1;

/// What a strip says about its frame. Compares and copies cheaply: nothing is allocated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Mark {
    /// Name of the source.
    pub name: Name,
    /// TAI time of the frame's start in microseconds since 1970-01-01 00:00:00 TAI.
    pub tai_us: u64,
    /// Number of the frame, counted by its source, modulo 2³².
    pub frame: u32,
}

impl Mark {
    /// A mark, refused when the name does not fit or the time is beyond 56 bits.
    pub fn new(name: &str, tai_us: u64, frame: u32) -> Result<Self, MarkError> {
        Self::of(Name::new(name)?, tai_us, frame)
    }

    /// The same with a name that is known to fit.
    pub fn of(name: Name, tai_us: u64, frame: u32) -> Result<Self, MarkError> {
        if tai_us > MAX_TAI_US {
            return Err(MarkError::TimeTooLarge { tai_us });
        }
        Ok(Self { name, tai_us, frame })
    }
}

impl fmt::Display for Mark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "'{}' frame {} at TAI {} us", self.name, self.frame, self.tai_us)
    }
}

/// A source's name as the strip holds it: up to [`MAX_NAME_OCTETS`] octets of UTF-8
/// without NUL, padded with zeros.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Name([u8; MAX_NAME_OCTETS]);

impl Name {
    /// The name as it is, or an error that says by how much it is too long.
    pub fn new(name: &str) -> Result<Self, MarkError> {
        if name.len() > MAX_NAME_OCTETS {
            return Err(MarkError::NameTooLong {
                name: name.to_owned(),
                octets: name.len(),
                kept: Self::cut(name).to_string(),
            });
        }
        if name.contains('\0') {
            return Err(MarkError::NameHasNul { name: name.to_owned() });
        }
        Ok(Self::padded(name.as_bytes()))
    }

    /// As much of the name as fits, cut between characters and before any NUL.
    pub fn cut(name: &str) -> Self {
        let text = name.split('\0').next().unwrap_or_default();
        let end = text.floor_char_boundary(MAX_NAME_OCTETS);
        Self::padded(&text.as_bytes()[..end])
    }

    /// The padded octets as they stand in the strip.
    pub const fn octets(&self) -> &[u8; MAX_NAME_OCTETS] {
        &self.0
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        let end = self.0.iter().position(|&octet| octet == 0).unwrap_or(MAX_NAME_OCTETS);
        // Every constructor takes whole characters only.
        std::str::from_utf8(&self.0[..end]).unwrap_or_default()
    }

    /// Reads padded octets; `None` unless they are UTF-8 followed by zeros only.
    pub(crate) fn from_octets(octets: [u8; MAX_NAME_OCTETS]) -> Option<Self> {
        let end = octets.iter().position(|&octet| octet == 0).unwrap_or(MAX_NAME_OCTETS);
        let (text, padding) = octets.split_at(end);
        let zeros = padding.iter().all(|&octet| octet == 0);
        (zeros && std::str::from_utf8(text).is_ok()).then_some(Self(octets))
    }

    fn padded(text: &[u8]) -> Self {
        let mut octets = [0; MAX_NAME_OCTETS];
        octets[..text.len()].copy_from_slice(text);
        Self(octets)
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

/// Why a mark cannot be made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MarkError {
    /// The name has more octets than the strip holds.
    #[error(
        "the name '{name}' has {octets} octets of UTF-8 but the strip holds \
         {MAX_NAME_OCTETS}: shorten it (cut, it would read '{kept}')"
    )]
    NameTooLong {
        /// The name given.
        name: String,
        /// Its octets of UTF-8.
        octets: usize,
        /// What cutting it would leave.
        kept: String,
    },
    /// The name has a NUL character in it.
    #[error("the name {name:?} has a NUL character in it: remove it")]
    NameHasNul {
        /// The name given.
        name: String,
    },
    /// The time needs more than 56 bits.
    #[error("TAI {tai_us} us does not fit into 56 bits: the clock is wrong")]
    TimeTooLarge {
        /// The time given, in microseconds.
        tai_us: u64,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_name_is_refused_and_says_what_would_stay() {
        let error = Mark::new("Chirurgie-Übersicht", 0, 0).unwrap_err();
        assert_eq!(
            error,
            MarkError::NameTooLong {
                name: "Chirurgie-Übersicht".into(),
                octets: 20,
                kept: "Chirurgie-Übers".into()
            }
        );
        assert!(Mark::new("sixteen octets!!", 0, 0).is_ok());
    }

    #[test]
    fn cutting_never_splits_a_character() {
        assert_eq!(Name::cut("fifteen octets_ü").as_str(), "fifteen octets_");
        assert_eq!(Name::cut("a\0b").as_str(), "a");
        assert_eq!(Name::cut("").as_str(), "");
    }

    #[test]
    fn only_text_padded_with_zeros_is_a_name() {
        let mut octets = *Name::cut("ab").octets();
        assert!(Name::from_octets(octets).is_some());
        octets[5] = b'c';
        assert!(Name::from_octets(octets).is_none());
        assert!(Name::from_octets([0xff; MAX_NAME_OCTETS]).is_none());
    }

    #[test]
    fn a_time_beyond_56_bits_is_refused() {
        assert!(Mark::new("a", MAX_TAI_US, 0).is_ok());
        assert!(Mark::new("a", MAX_TAI_US + 1, 0).is_err());
        assert!(Mark::new("a\0", 0, 0).is_err());
    }
}
