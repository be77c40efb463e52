//! Values out of range, found before anything is asked of the router.
//!
//! Each refusal names the field as it stands in the JSON body.

use std::net::IpAddr;

use ormatrix_protocol::{Leg, SKEW_US_MAX};
use st2110::format::{Scan, VideoFormat};

use crate::{
    inventory::{Accepts, Input, Output, same_address},
    problem::Error,
};

/// Longest label or zone in characters.
pub const LABEL_MAX: usize = 80;
/// Most formats an output may list.
pub const FORMATS_MAX: usize = 64;
/// Lines and offsets of RFC 4175 have 15 bits.
const RASTER_MAX: u16 = 32_767;

/// A refusal of one field.
pub fn invalid(field: impl Into<String>, reason: impl Into<String>) -> Error {
    Error::Invalid { field: field.into(), reason: reason.into() }
}

/// Checks an input whole.
pub fn input(input: &Input) -> Result<(), Error> {
    label("label", &input.label, 1)?;
    label("zone", &input.zone, 0)?;
    video("video", &input.video)?;
    legs(&input.legs)?;
    if !(512..=8960).contains(&input.max_udp) {
        let reason = format!("{}: use 1460, or up to 8960 (ST 2110-10 §6.3, §6.4)", input.max_udp);
        return Err(invalid("max_udp", reason));
    }
    let skew_us = input.merge.skew_us;
    if !(1..=SKEW_US_MAX).contains(&skew_us) {
        let reason = format!("{skew_us}: use 1 to {SKEW_US_MAX}, or a class (ST 2022-7)");
        return Err(invalid("merge.skew_us", reason));
    }
    payload_type(input.payload_type)
}

/// Checks an output whole.
pub fn output(output: &Output) -> Result<(), Error> {
    label("label", &output.label, 1)?;
    label("zone", &output.zone, 0)?;
    legs(&output.legs)?;
    for (n, leg) in output.legs.iter().enumerate() {
        let broadcast = matches!(leg.address, IpAddr::V4(v4) if v4.is_broadcast());
        if leg.address.is_unspecified() || broadcast {
            return Err(invalid(
                format!("legs[{n}].address"),
                format!("{} is no destination: use a unicast address or a group", leg.address),
            ));
        }
    }
    payload_type(output.payload_type)?;
    if output.ttl == 0 {
        return Err(invalid("ttl", "0 would reach nobody: use 1 to 255 (64 is usual)"));
    }
    if output.dscp > 63 {
        return Err(invalid("dscp", format!("{} is above 63 (AF41 is 34)", output.dscp)));
    }
    if let Accepts::Formats(formats) = &output.accepts {
        if formats.is_empty() || formats.len() > FORMATS_MAX {
            return Err(invalid(
                "accepts",
                format!("{} formats: list 1 to {FORMATS_MAX}, or write \"any\"", formats.len()),
            ));
        }
        for (n, format) in formats.iter().enumerate() {
            video(&format!("accepts[{n}]"), format)?;
        }
    }
    Ok(())
}

fn label(field: &str, text: &str, least: usize) -> Result<(), Error> {
    let length = text.chars().count();
    if length < least || length > LABEL_MAX {
        return Err(invalid(field, format!("{length} characters: use {least} to {LABEL_MAX}")));
    }
    if text.chars().any(char::is_control) || text.trim() != text {
        return Err(invalid(field, "no control characters, no blanks at either end"));
    }
    Ok(())
}

fn video(field: &str, video: &VideoFormat) -> Result<(), Error> {
    let group = video.pgroup();
    let lines = group.lines * video.fields();
    let width = format!("{field}.width");
    let height = format!("{field}.height");
    if video.width == 0 || video.width > RASTER_MAX {
        return Err(invalid(width, format!("{}: use 1 to {RASTER_MAX}", video.width)));
    }
    if video.height == 0 || video.height > RASTER_MAX {
        return Err(invalid(height, format!("{}: use 1 to {RASTER_MAX}", video.height)));
    }
    if !video.width.is_multiple_of(group.pixels) {
        return Err(invalid(
            width,
            format!(
                "{} is not a multiple of {}, the pixels in a group of {} {}-bit (ST 2110-20 §6.2)",
                video.width, group.pixels, video.sampling, video.depth
            ),
        ));
    }
    if !video.height.is_multiple_of(lines) {
        let scan = if video.scan == Scan::Progressive { "" } else { " in two fields" };
        return Err(invalid(
            height,
            format!("{} is not a multiple of {lines}, for {}{scan}", video.height, video.sampling),
        ));
    }
    Ok(())
}

fn payload_type(value: u8) -> Result<(), Error> {
    if (96..=127).contains(&value) {
        Ok(())
    } else {
        Err(invalid("payload_type", format!("{value} is not dynamic: use 96 to 127")))
    }
}

fn legs(legs: &[Leg]) -> Result<(), Error> {
    match legs {
        [] => {
            return Err(invalid("legs", "at least one leg: {\"address\": …, \"port\": …}"));
        }
        [one, two] if same_address(one, two) => {
            return Err(invalid("legs", "both legs have the same address: give two paths"));
        }
        [_] | [_, _] => {}
        [..] => {
            let reason = format!("{} legs: a stream has one or two", legs.len());
            return Err(invalid("legs", reason));
        }
    }
    legs.iter().enumerate().try_for_each(|(n, one)| leg(&format!("legs[{n}]"), one))
}

/// Checks one leg; `field` is where it stands.
pub fn leg(field: &str, leg: &Leg) -> Result<(), Error> {
    if leg.port == 0 {
        return Err(invalid(format!("{field}.port"), "0 is no port: use 1 to 65535"));
    }
    if let Some(source) = leg.source {
        if source.is_ipv4() != leg.address.is_ipv4() {
            return Err(invalid(
                format!("{field}.source"),
                format!("{source} and {} are of different IP versions", leg.address),
            ));
        }
        if source.is_multicast() || source.is_unspecified() {
            return Err(invalid(
                format!("{field}.source"),
                format!("{source} is not a sender's address: use a unicast address"),
            ));
        }
    }
    if let Some(name) = &leg.interface {
        // IFNAMSIZ is 16 with its closing zero; the kernel allows neither '/' nor blanks.
        let legal = |c: char| !c.is_whitespace() && !c.is_control() && c != '/';
        if name.is_empty() || name.len() > 15 || !name.chars().all(legal) {
            return Err(invalid(
                format!("{field}.interface"),
                format!("'{name}' is not an interface's name: `ip link` lists them"),
            ));
        }
    }
    Ok(())
}
