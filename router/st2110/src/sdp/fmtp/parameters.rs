//! The parameters of any `a=fmtp` line: splitting, finding, judging.

use std::str::FromStr;

use super::{TimestampMode, loose_rate};
use crate::{
    format::Rate,
    sdp::{
        SdpError, SdpFault,
        section::{Complain, Place},
    },
};

pub(in crate::sdp) const DATAGRAM: &str = "ST 2110-10 §6.4";
pub(in crate::sdp) const TIMESTAMPS: &str = "ST 2110-10:2022 §8.7";

/// Names and values in the order they were written.
pub(in crate::sdp) struct Parameters<'a, 'c> {
    list: Vec<(&'a str, Option<&'a str>)>,
    grammar: &'static str,
    place: Place,
    complain: Complain<'c>,
}

impl<'a, 'c> Parameters<'a, 'c> {
    /// Splits what stands behind the payload type: `name=value` or `name`, between
    /// semicolons and white space (`grammar` is the clause). Those in `repeatable` may come
    /// more than once.
    pub(in crate::sdp) fn split(
        text: &'a str,
        grammar: &'static str,
        repeatable: &[&str],
        place: Place,
        complain: Complain<'c>,
    ) -> Result<Self, SdpError> {
        let mut parameters = Self { list: Vec::new(), grammar, place, complain };
        for parameter in text.split(';').map(str::trim).filter(|text| !text.is_empty()) {
            let (name, value) = match parameter.split_once('=') {
                Some((name, value)) => (name.trim_end(), Some(plain(value))),
                None => (parameter, None),
            };
            let clean = value.map_or_else(|| name.to_owned(), |value| format!("{name}={value}"));
            if clean != parameter {
                parameters.wrong(parameter, &clean, grammar)?;
            }
            if parameters.find(name).is_some() && !repeatable.contains(&name) {
                let clause = parameters.grammar;
                parameters
                    .complain(SdpFault::ParameterRepeated { name: name.to_owned(), clause })?;
            } else {
                parameters.list.push((name, value));
            }
        }
        Ok(parameters)
    }

    pub(in crate::sdp) fn find(&self, name: &str) -> Option<(&'a str, Option<&'a str>)> {
        self.list.iter().find(|(found, _)| *found == name).copied()
    }

    /// A parameter's value; empty for one without.
    pub(in crate::sdp) fn value(&self, name: &str) -> Option<&'a str> {
        self.find(name).map(|(_, value)| value.unwrap_or_default())
    }

    /// The values of a parameter that may be repeated.
    pub(in crate::sdp) fn all(&self, name: &str) -> Vec<&'a str> {
        let named = self.list.iter().filter(|(found, _)| *found == name);
        named.map(|(_, value)| value.unwrap_or_default()).collect()
    }

    pub(in crate::sdp) const fn error(&self, fault: SdpFault) -> SdpError {
        self.place.error(fault)
    }

    pub(in crate::sdp) fn complain(&mut self, fault: SdpFault) -> Result<(), SdpError> {
        (self.complain)(self.place.error(fault))
    }

    pub(in crate::sdp) fn wrong(
        &mut self,
        found: &str,
        expected: &str,
        clause: &'static str,
    ) -> Result<(), SdpError> {
        self.complain(parameter(found, expected, clause))
    }

    /// What a parameter is missing; an error or a warning as the caller decides.
    pub(in crate::sdp) fn missing(
        name: &'static str,
        example: &str,
        clause: &'static str,
    ) -> SdpFault {
        SdpFault::ParameterMissing { name, example: example.to_owned(), clause }
    }

    /// `exactframerate`: integers as such, others as the fraction in lowest terms
    /// (ST 2110-20 §7.2). `assumed` stands in where it is missing.
    pub(in crate::sdp) fn rate(
        &mut self,
        assumed: Option<Rate>,
        clause: &'static str,
    ) -> Result<Rate, SdpError> {
        let Some(value) = self.value("exactframerate") else {
            let assumed = assumed.or_else(|| Rate::new(25, 1).ok());
            let example = assumed.map_or_else(String::new, |rate| rate.to_string());
            let missing = Self::missing("exactframerate", &example, clause);
            return match assumed {
                Some(rate) => self.complain(missing).map(|()| rate),
                None => Err(self.error(missing)),
            };
        };
        let found = format!("exactframerate={value}");
        let Some(rate) = loose_rate(value) else {
            let expected = "exactframerate=50, or exactframerate=60000/1001";
            return Err(self.error(parameter(&found, expected, clause)));
        };
        if rate.to_string() != value {
            self.wrong(&found, &format!("exactframerate={rate}"), clause)?;
        }
        Ok(rate)
    }

    /// A required name that something can stand in for.
    pub(in crate::sdp) fn assumed<T: Copy>(
        &mut self,
        name: &'static str,
        assumed: T,
        all: &[T],
        text: impl Fn(T) -> &'static str,
        clause: &'static str,
    ) -> Result<T, SdpError> {
        let Some(value) = self.value(name) else {
            return self.complain(Self::missing(name, text(assumed), clause)).map(|()| assumed);
        };
        if let Some(found) = all.iter().find(|candidate| text(**candidate) == value) {
            return Ok(*found);
        }
        let expected = format!("{name}={}", names(all, text));
        self.wrong(&format!("{name}={value}"), &expected, clause)?;
        Ok(assumed)
    }

    /// An optional name.
    pub(in crate::sdp) fn name<T>(
        &mut self,
        name: &'static str,
        clause: &'static str,
        from: impl Fn(&str) -> Option<T>,
        all: &str,
    ) -> Result<Option<T>, SdpError> {
        let Some(value) = self.value(name) else { return Ok(None) };
        let found = from(value);
        if found.is_none() {
            self.wrong(&format!("{name}={value}"), &format!("{name}={all}"), clause)?;
        }
        Ok(found)
    }

    /// An optional number from `least` to `most`.
    pub(in crate::sdp) fn number<T: FromStr + Copy + PartialOrd + std::fmt::Display>(
        &mut self,
        name: &'static str,
        least: T,
        most: T,
        clause: &'static str,
    ) -> Result<Option<T>, SdpError> {
        let Some(value) = self.value(name) else { return Ok(None) };
        let found = decimal(value).filter(|number| *number >= least && *number <= most);
        if found.is_none() {
            let expected = format!("{name}={least} to {most}");
            self.wrong(&format!("{name}={value}"), &expected, clause)?;
        }
        Ok(found)
    }

    /// `TSMODE` and `TSDELAY`, which every ST 2110 stream may have.
    pub(in crate::sdp) fn timestamps(
        &mut self,
    ) -> Result<(Option<TimestampMode>, Option<u32>), SdpError> {
        let mode = self.name(
            "TSMODE",
            TIMESTAMPS,
            TimestampMode::from_name,
            &names(TimestampMode::ALL, TimestampMode::as_str),
        )?;
        Ok((mode, self.number("TSDELAY", 0, u32::MAX, TIMESTAMPS)?))
    }

    /// Refuses `MAXUDP` where datagrams keep to the standard limit.
    pub(in crate::sdp) fn no_max_udp(&mut self, clause: &'static str) -> Result<(), SdpError> {
        match self.value("MAXUDP") {
            Some(value) => self.complain(SdpFault::MaxUdp { found: value.to_owned(), clause }),
            None => Ok(()),
        }
    }
}

pub(in crate::sdp) fn parameter(found: &str, expected: &str, clause: &'static str) -> SdpFault {
    SdpFault::Parameter { found: found.to_owned(), expected: expected.to_owned(), clause }
}

/// A value without what caps strings put around it: blanks, a type, quotes.
fn plain(value: &str) -> &str {
    let value = value.trim_start();
    let value = ["(string)", "(int)", "(boolean)"]
        .iter()
        .find_map(|kind| value.strip_prefix(kind))
        .unwrap_or(value);
    value.strip_prefix('"').and_then(|value| value.strip_suffix('"')).unwrap_or(value)
}

/// A number in plain decimal digits, without sign or leading zeros.
pub(in crate::sdp) fn decimal<T: FromStr>(text: &str) -> Option<T> {
    let digits = text.bytes().all(|octet| octet.is_ascii_digit());
    if !digits || text.len() > 1 && text.starts_with('0') {
        return None;
    }
    text.parse().ok()
}

pub(in crate::sdp) fn names<T: Copy>(all: &[T], text: impl Fn(T) -> &'static str) -> String {
    all.iter().map(|value| text(*value)).collect::<Vec<_>>().join(" or ")
}
