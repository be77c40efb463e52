//! Reference clock and media clock (ST 2110-10 §8.2 and §8.3, RFC 7273).

use std::{fmt, str::FromStr};

/// What a sender's clock follows (`a=ts-refclk`).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum ReferenceClock {
    /// A PTP grandmaster: `ptp=IEEE1588-2008:39-A7-94-FF-FE-07-CB-D0:127`.
    Ptp {
        /// Clock identity.
        grandmaster: [u8; 8],
        /// PTP domain, if named; 127 by ST 2059-2.
        domain: Option<u8>,
    },
    /// PTP that leads back to TAI: `ptp=IEEE1588-2008:traceable`.
    PtpTraceable,
    /// No common time, only the clock of a network interface: `localmac=40-A3-6B-A0-2B-D2`.
    LocalMac([u8; 6]),
}

impl fmt::Display for ReferenceClock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ptp { grandmaster, domain } => {
                f.write_str("ptp=IEEE1588-2008:")?;
                write_octets(f, grandmaster)?;
                domain.map_or(Ok(()), |domain| write!(f, ":{domain}"))
            }
            Self::PtpTraceable => f.write_str("ptp=IEEE1588-2008:traceable"),
            Self::LocalMac(address) => {
                f.write_str("localmac=")?;
                write_octets(f, address)
            }
        }
    }
}

impl FromStr for ReferenceClock {
    type Err = NotAClock;

    fn from_str(text: &str) -> Result<Self, NotAClock> {
        if let Some(address) = text.strip_prefix("localmac=") {
            return Ok(Self::LocalMac(octets(address)?));
        }
        let server = text.strip_prefix("ptp=IEEE1588-2008:").ok_or(NotAClock)?;
        if server == "traceable" {
            return Ok(Self::PtpTraceable);
        }
        let (grandmaster, domain) = match server.split_once(':') {
            None => (server, None),
            Some((grandmaster, domain)) => {
                let domain = domain.strip_prefix("domain-nmbr=").unwrap_or(domain);
                (grandmaster, Some(decimal(domain)?))
            }
        };
        Ok(Self::Ptp { grandmaster: octets(grandmaster)?, domain })
    }
}

/// How RTP timestamps relate to the reference clock (`a=mediaclk`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MediaClock {
    /// They are the reference clock's time plus an offset, which ST 2110-10 wants to be 0.
    Direct {
        /// RTP timestamp at the epoch.
        offset: u32,
    },
    /// A clock of the sender's own.
    Sender,
}

impl fmt::Display for MediaClock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Direct { offset } => write!(f, "direct={offset}"),
            Self::Sender => f.write_str("sender"),
        }
    }
}

impl FromStr for MediaClock {
    type Err = NotAClock;

    fn from_str(text: &str) -> Result<Self, NotAClock> {
        if text == "sender" {
            return Ok(Self::Sender);
        }
        let offset = text.strip_prefix("direct=").ok_or(NotAClock)?;
        Ok(Self::Direct { offset: decimal(offset)? })
    }
}

/// Not a clock of ST 2110-10; the parser of the whole description says what to write.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a clock of ST 2110-10 §8")]
pub struct NotAClock;

/// A decimal number without sign.
fn decimal<T: FromStr>(text: &str) -> Result<T, NotAClock> {
    if text.is_empty() || !text.bytes().all(|octet| octet.is_ascii_digit()) {
        return Err(NotAClock);
    }
    text.parse().map_err(|_| NotAClock)
}

/// Octets in hexadecimal, joined by hyphens.
fn octets<const N: usize>(text: &str) -> Result<[u8; N], NotAClock> {
    let mut octets = [0; N];
    let mut parts = text.split('-');
    for octet in &mut octets {
        let part = parts.next().filter(|part| part.len() == 2).ok_or(NotAClock)?;
        if !part.bytes().all(|digit| digit.is_ascii_hexdigit()) {
            return Err(NotAClock);
        }
        *octet = u8::from_str_radix(part, 16).map_err(|_| NotAClock)?;
    }
    if parts.next().is_some() { Err(NotAClock) } else { Ok(octets) }
}

fn write_octets(f: &mut fmt::Formatter<'_>, octets: &[u8]) -> fmt::Result {
    for (index, octet) in octets.iter().enumerate() {
        let hyphen = if index == 0 { "" } else { "-" };
        write!(f, "{hyphen}{octet:02X}")?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clocks_are_written_as_they_are_read() {
        for text in [
            "ptp=IEEE1588-2008:39-A7-94-FF-FE-07-CB-D0:127",
            "ptp=IEEE1588-2008:39-A7-94-FF-FE-07-CB-D0",
            "ptp=IEEE1588-2008:traceable",
            "localmac=40-A3-6B-A0-2B-D2",
        ] {
            assert_eq!(text.parse::<ReferenceClock>().unwrap().to_string(), text);
        }
        for text in ["direct=0", "direct=4294967295", "sender"] {
            assert_eq!(text.parse::<MediaClock>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn other_clocks_are_refused() {
        for text in [
            "",
            "ntp=/traceable/",
            "ptp=IEEE1588-2008:",
            "ptp=IEEE1588-2008:39-A7-94-FF-FE-07-CB",
            "ptp=IEEE1588-2008:39-A7-94-FF-FE-07-CB-D0-11",
            "ptp=IEEE1588-2008:39-A7-94-FF-FE-07-CB-D0:256",
            "ptp=IEEE1588-2002:39-A7-94-FF-FE-07-CB-D0",
            "localmac=40-A3-6B-A0-2B-+2",
        ] {
            assert!(text.parse::<ReferenceClock>().is_err(), "{text}");
        }
        for text in ["direct", "direct=-1", "direct=+1", "direct=4294967296", "SENDER"] {
            assert!(text.parse::<MediaClock>().is_err(), "{text}");
        }
    }
}
