//! Values out of range, found before anything is asked of the router.
//!
//! Each refusal names the field as it stands in the JSON body.

use std::{
    collections::{BTreeMap, HashMap},
    net::IpAddr,
};

use ormatrix_protocol::{Leg, Merge, OutputStream, RAMP_MS_MAX, SKEW_US_MAX};
use st2110::format::{Scan, VideoFormat};

use crate::{
    change::accepted,
    inventory::{
        Accepts, Input, Inventory, Labels, Lock, Output, Preset, PresetRoute, Stream, Zone,
        same_address,
    },
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
/// Most languages that a name may be given in.
pub const LANGUAGES_MAX: usize = 16;
/// Most routes of a preset.
pub const ROUTES_MAX: usize = 1024;
/// Longest side of a room's plan.
pub const PLAN_MAX: u16 = 10_000;
/// Longest note of a lock in characters.
pub const NOTE_MAX: usize = 200;
/// Longest time that a lock lasts by itself: a week.
pub const LOCK_SECONDS_MAX: u64 = 604_800;
/// Lines and offsets of RFC 4175 have 15 bits.
const RASTER_MAX: u16 = 32_767;

/// A refusal of one field.
pub fn invalid(field: impl Into<String>, reason: impl Into<String>) -> Error {
    Error::Invalid { field: field.into(), reason: reason.into() }
}

/// Checks an input whole.
pub fn input(input: &Input) -> Result<(), Error> {
    label("label", &input.label, 1)?;
    labels(&input.labels)?;
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
    labels(&output.labels)?;
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

/// Checks names in other languages.
fn labels(labels: &Labels) -> Result<(), Error> {
    if labels.len() > LANGUAGES_MAX {
        let reason = format!("{} languages: use {LANGUAGES_MAX} at most", labels.len());
        return Err(invalid("labels", reason));
    }
    for (language, text) in labels {
        let mut parts = language.split('-');
        let letters = |part: &str| part.bytes().all(|octet| octet.is_ascii_alphanumeric());
        let legal = parts.next().is_some_and(|first| {
            (2..=3).contains(&first.len()) && first.bytes().all(|octet| octet.is_ascii_lowercase())
        }) && parts.all(|part| (1..=8).contains(&part.len()) && letters(part));
        if !legal {
            let reason = "no language tag (BCP 47): write de, en, fr or de-CH";
            return Err(invalid(format!("labels.{language}"), reason));
        }
        label(&format!("labels.{language}"), text, 1)?;
    }
    Ok(())
}

/// Checks a preset by itself.
pub fn preset(preset: &Preset) -> Result<(), Error> {
    label("label", &preset.label, 1)?;
    labels(&preset.labels)?;
    label("zone", &preset.zone, 0)?;
    let count = preset.routes.len();
    if !(1..=ROUTES_MAX).contains(&count) {
        let reason = format!("{count} routes: give 1 to {ROUTES_MAX}");
        return Err(invalid("routes", reason));
    }
    for (n, route) in preset.routes.iter().enumerate() {
        for (m, level) in route.levels.iter().enumerate() {
            if route.levels.iter().take(m).any(|other| other == level) {
                let reason = format!("'{level}' stands there twice: name it once");
                return Err(invalid(format!("routes[{n}].levels[{m}]"), reason));
            }
        }
        let meets = |other: &&PresetRoute| {
            let all = other.levels.is_empty() || route.levels.is_empty();
            other.output == route.output
                && (all || other.levels.iter().any(|level| route.levels.contains(level)))
        };
        if preset.routes.iter().take(n).any(|other| meets(&other)) {
            let reason = format!("'{}' stands there before: give each level once", route.output);
            return Err(invalid(format!("routes[{n}].output"), reason));
        }
    }
    Ok(())
}

/// Whether what a preset names is there, and fits where it is to be shown.
pub fn references(inventory: &Inventory, preset: &Preset) -> Result<(), Error> {
    for (n, route) in preset.routes.iter().enumerate() {
        let field = |name: &str| format!("routes[{n}].{name}");
        let Some(output) = inventory.outputs.get(&route.output) else {
            let reason = format!("there is no output '{}'", route.output);
            return Err(invalid(field("output"), reason));
        };
        if let Some(level) = route.levels.iter().find(|level| !output.has(**level)) {
            let reason = format!("output '{}' has no {level}", output.id);
            return Err(invalid(field("levels"), reason));
        }
        let Some(id) = route.source.input() else { continue };
        let Some(input) = inventory.inputs.get(id) else {
            return Err(invalid(field("input"), format!("there is no input '{id}'")));
        };
        if let Some(level) = route.levels.iter().find(|level| !input.has(**level)) {
            return Err(invalid(field("levels"), format!("input '{id}' has no {level}")));
        }
    }
    Ok(())
}

/// Whether the backups of an input are there.
pub fn backups(inventory: &Inventory, input: &Input) -> Result<(), Error> {
    for (n, backup) in input.failover.backups.iter().enumerate() {
        if !inventory.inputs.contains_key(backup) {
            let reason = format!("there is no input '{backup}': GET /api/v1/inputs lists them");
            return Err(invalid(format!("backups[{n}]"), reason));
        }
    }
    Ok(())
}

/// Whether an output can be parked where it says.
pub fn park(inventory: &Inventory, output: &Output) -> Result<(), Error> {
    let Some(park) = &output.park else { return Ok(()) };
    let Some(input) = inventory.inputs.get(park) else {
        let reason = format!("there is no input '{park}': GET /api/v1/inputs lists them");
        return Err(invalid("park", reason));
    };
    accepted(|id| inventory.inputs.get(id), output, input)
}

/// Whether every stream has its addresses to itself.
pub fn addresses<T: Stream>(all: &BTreeMap<T::Id, T>) -> Result<(), Error> {
    let mut held = HashMap::new();
    for stream in all.values() {
        for leg in stream.levels().into_iter().flat_map(|(_, legs)| legs) {
            let place = (leg.socket_address(), leg.interface.as_deref());
            if let Some(holder) = held.insert(place, stream.id()) {
                let holder = holder.to_string();
                let (address, port, kind) = (leg.address, leg.port, T::KIND);
                return Err(Error::AddressTaken { address, port, kind, holder });
            }
        }
    }
    Ok(())
}

/// Checks a room by itself.
pub fn zone(zone: &Zone) -> Result<(), Error> {
    label("name", &zone.name, 1)?;
    labels(&zone.labels)?;
    let Some(plan) = &zone.plan else { return Ok(()) };
    for (field, length) in [("plan.width", plan.width), ("plan.height", plan.height)] {
        if !(1..=PLAN_MAX).contains(&length) {
            return Err(invalid(field, format!("{length}: use 1 to {PLAN_MAX}")));
        }
    }
    for (n, place) in plan.displays.iter().enumerate() {
        let field = |name: &str| format!("plan.displays[{n}].{name}");
        for (name, start, length, whole) in [
            ("width", place.x, place.width, plan.width),
            ("height", place.y, place.height, plan.height),
        ] {
            if length == 0 || u32::from(start) + u32::from(length) > u32::from(whole) {
                let reason = format!(
                    "from {start}, {length} long: it must be at least 1 and end within the \
                     plan's {whole}"
                );
                return Err(invalid(field(name), reason));
            }
        }
        if plan.displays.iter().take(n).any(|other| other.output == place.output) {
            let reason = format!("'{}' hangs there already: place it once", place.output);
            return Err(invalid(field("output"), reason));
        }
    }
    Ok(())
}

/// Whether the outputs that a room's plan names are there.
pub fn displays(inventory: &Inventory, zone: &Zone) -> Result<(), Error> {
    let places = zone.plan.iter().flat_map(|plan| &plan.displays).enumerate();
    for (n, place) in places {
        if !inventory.outputs.contains_key(&place.output) {
            let reason = format!("there is no output '{}'", place.output);
            return Err(invalid(format!("plan.displays[{n}].output"), reason));
        }
    }
    Ok(())
}

/// Checks a lock.
pub fn lock(lock: &Lock) -> Result<(), Error> {
    let length = lock.note.chars().count();
    if length > NOTE_MAX || lock.note.chars().any(char::is_control) {
        let reason = format!("{length} characters: use up to {NOTE_MAX}, no control characters");
        return Err(invalid("note", reason));
    }
    let seconds = lock.expires_at.map(|at| at.saturating_sub(lock.since) / 1_000_000_000);
    match seconds {
        Some(seconds) if !(1..=LOCK_SECONDS_MAX).contains(&seconds) => {
            let reason = format!("{seconds}: use 1 to {LOCK_SECONDS_MAX}");
            Err(invalid("expires_in_s", reason))
        }
        _ => Ok(()),
    }
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
