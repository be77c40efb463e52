//! Values out of range, found before anything is asked of the router.
//!
//! Each refusal names the field as it stands in the JSON body.

use std::net::IpAddr;

use ormatrix_protocol::{Leg, Merge, OutputStream, RAMP_MS_MAX, SKEW_US_MAX};
use st2110::format::{Scan, VideoFormat};

use crate::{
    inventory::{Accepts, Input, Output, Stream, same_address},
    problem::Error,
};

/// Longest label or zone in characters.
pub const LABEL_MAX: usize = 80;
/// Most formats an output may list.
pub const FORMATS_MAX: usize = 64;
/// Most inputs that may stand in for one.
pub const BACKUPS_MAX: usize = 8;
/// Longest time of good signal before an input is taken back, and of frozen or black
/// pictures before they count as failure, milliseconds.
pub const FAILOVER_MS_MAX: u32 = 600_000;
/// Shortest time of frozen or black pictures: shorter ones are a cut in any film.
pub const FINDING_MS_MIN: u32 = 100;
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
    legs("", &input.legs)?;
    if !(512..=8960).contains(&input.max_udp) {
        let reason = format!("{}: use 1460, or up to 8960 (ST 2110-10 §6.3, §6.4)", input.max_udp);
        return Err(invalid("max_udp", reason));
    }
    merge("", input.merge)?;
    payload_type("", input.payload_type)?;
    if let Some(audio) = &input.audio {
        audio.format.check().map_err(|error| invalid("audio.format", error.to_string()))?;
        beside("audio.", &audio.legs, audio.payload_type)?;
        merge("audio.", audio.merge)?;
    }
    if let Some(ancillary) = &input.ancillary {
        beside("ancillary.", &ancillary.legs, ancillary.payload_type)?;
        merge("ancillary.", ancillary.merge)?;
    }
    apart(input)?;
    failover(input)
}

/// Checks what stands in for an input; whether those exist is the inventory's to know.
fn failover(input: &Input) -> Result<(), Error> {
    let failover = &input.failover;
    let backups = &failover.backups;
    if backups.len() > BACKUPS_MAX {
        let reason = format!("{} inputs: name {BACKUPS_MAX} at most", backups.len());
        return Err(invalid("backups", reason));
    }
    for (n, backup) in backups.iter().enumerate() {
        let field = format!("backups[{n}]");
        if *backup == input.id {
            return Err(invalid(field, format!("'{backup}' cannot stand in for itself")));
        }
        if backups.iter().take(n).any(|other| other == backup) {
            return Err(invalid(field, format!("'{backup}' stands there twice: name it once")));
        }
    }
    if failover.steady_ms.0 > FAILOVER_MS_MAX {
        let reason = format!("{}: use 0 to {FAILOVER_MS_MAX}", failover.steady_ms.0);
        return Err(invalid("failover.steady_ms", reason));
    }
    for (field, ms) in [("frozen_ms", failover.frozen_ms), ("black_ms", failover.black_ms)] {
        if let Some(ms) = ms.filter(|ms| !(FINDING_MS_MIN..=FAILOVER_MS_MAX).contains(ms)) {
            let reason = format!("{ms}: use {FINDING_MS_MIN} to {FAILOVER_MS_MAX}, or null");
            return Err(invalid(format!("failover.{field}"), reason));
        }
    }
    Ok(())
}

fn merge(level: &str, merge: Merge) -> Result<(), Error> {
    if (1..=SKEW_US_MAX).contains(&merge.skew_us) {
        return Ok(());
    }
    let reason = format!("{}: use 1 to {SKEW_US_MAX}, or a class (ST 2022-7)", merge.skew_us);
    Err(invalid(format!("{level}merge.skew_us"), reason))
}

/// Checks what every level beside the picture has; `level` is where it stands, with its dot.
fn beside(level: &str, its: &[Leg], payload: u8) -> Result<(), Error> {
    legs(level, its)?;
    payload_type(level, payload)
}

/// No two levels may share an address: they could not be told apart.
fn apart<T: Stream>(stream: &T) -> Result<(), Error> {
    let levels = stream.levels();
    for (n, (level, legs)) in levels.iter().enumerate() {
        for (other, taken) in levels.iter().take(n) {
            let meets = |leg: &&Leg| taken.iter().any(|held| same_address(leg, held));
            if let Some(leg) = legs.iter().find(meets) {
                let reason = format!(
                    "{} port {} is where the {other} is: give each level its own address or port",
                    leg.address, leg.port
                );
                return Err(invalid(format!("{level}.legs"), reason));
            }
        }
    }
    Ok(())
}

/// Checks an output whole.
pub fn output(output: &Output) -> Result<(), Error> {
    label("label", &output.label, 1)?;
    label("zone", &output.zone, 0)?;
    legs("", &output.legs)?;
    destinations("", &output.legs)?;
    payload_type("", output.payload_type)?;
    for (level, stream) in [("audio.", &output.audio), ("ancillary.", &output.ancillary)] {
        if let Some(OutputStream { legs, payload_type, ramp_ms, .. }) = stream {
            beside(level, legs, *payload_type)?;
            destinations(level, legs)?;
            if *ramp_ms > RAMP_MS_MAX {
                let reason = format!("{ramp_ms}: use 0, which cuts, to {RAMP_MS_MAX}");
                return Err(invalid(format!("{level}ramp_ms"), reason));
            }
        }
    }
    apart(output)?;
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

/// Packets must be able to go there.
fn destinations(level: &str, legs: &[Leg]) -> Result<(), Error> {
    for (n, leg) in legs.iter().enumerate() {
        let broadcast = matches!(leg.address, IpAddr::V4(v4) if v4.is_broadcast());
        if leg.address.is_unspecified() || broadcast {
            return Err(invalid(
                format!("{level}legs[{n}].address"),
                format!("{} is no destination: use a unicast address or a group", leg.address),
            ));
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

fn payload_type(level: &str, value: u8) -> Result<(), Error> {
    if (96..=127).contains(&value) {
        return Ok(());
    }
    let reason = format!("{value} is not dynamic: use 96 to 127");
    Err(invalid(format!("{level}payload_type"), reason))
}

fn legs(level: &str, legs: &[Leg]) -> Result<(), Error> {
    let wrong = |reason: &str| Err(invalid(format!("{level}legs"), reason));
    match legs {
        [] => return wrong("at least one leg: {\"address\": …, \"port\": …}"),
        [one, two] if same_address(one, two) => {
            return wrong("both legs have the same address: give two paths");
        }
        [_] | [_, _] => {}
        [..] => return wrong(&format!("{} legs: a stream has one or two", legs.len())),
    }
    legs.iter().enumerate().try_for_each(|(n, one)| leg(&format!("{level}legs[{n}]"), one))
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
