//! What `ormatrix input` and `ormatrix output` have in common. `kind` is the API's noun,
//! `inputs` or `outputs`.

use std::{
    fs,
    io::{self, Read},
    net::{IpAddr, SocketAddr},
    path::{Path, PathBuf},
};

use clap::Args;
use serde_json::{Map, Value, json};

use super::{CliError, Context, table};
use crate::http::query::segment;

/// A stream that enters or leaves.
#[derive(Args)]
pub struct Stream {
    /// Name for programs; made from the label unless given.
    #[arg(long)]
    pub id: Option<String>,
    /// Name for people.
    #[arg(long)]
    pub label: Option<String>,
    /// The label in another language, as de=Endoskop; may be repeated.
    #[arg(long = "label-in", value_name = "LANGUAGE=LABEL", conflicts_with = "sdp")]
    pub labels: Vec<String>,
    /// Where it stands.
    #[arg(long)]
    pub zone: Option<String>,
    /// Take the stream from an SDP file; `-` is standard input.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["address", "source", "interface"])]
    pub sdp: Option<PathBuf>,
    /// Accept an SDP as `GStreamer` and `FFmpeg` write it.
    #[arg(long, requires = "sdp")]
    pub tolerant: bool,
    /// Address and port of the stream, as 239.1.1.1:5004; twice for two legs (ST 2022-7).
    #[arg(long, value_name = "ADDRESS:PORT", required_unless_present = "sdp")]
    pub address: Vec<SocketAddr>,
    /// For an input its only sender; for an output the local address to send from. Once for
    /// each address.
    #[arg(long, value_name = "ADDRESS")]
    pub source: Vec<IpAddr>,
    /// Network interface to use, once for each address.
    #[arg(long, value_name = "NAME")]
    pub interface: Vec<String>,
    /// RTP payload type.
    #[arg(long, value_name = "96-127", conflicts_with = "sdp")]
    pub payload_type: Option<u8>,
    /// Replace it if it is there (needs --id).
    #[arg(long, requires = "id")]
    pub replace: bool,
}

/// Where sound and ancillary data arrive or go, beside the picture.
#[derive(Args)]
pub struct Beside {
    /// Address and port of the sound; twice for two legs (ST 2022-7).
    #[arg(long, value_name = "ADDRESS:PORT", conflicts_with = "sdp")]
    pub audio_address: Vec<SocketAddr>,
    /// As --source, once for each --audio-address.
    #[arg(long, value_name = "ADDRESS", requires = "audio_address")]
    pub audio_source: Vec<IpAddr>,
    /// As --interface, once for each --audio-address.
    #[arg(long, value_name = "NAME", requires = "audio_address")]
    pub audio_interface: Vec<String>,
    /// RTP payload type of the sound; 97 unless given.
    #[arg(long, value_name = "96-127", requires = "audio_address")]
    pub audio_payload_type: Option<u8>,
    /// Address and port of the ancillary data; twice for two legs (ST 2022-7).
    #[arg(long, value_name = "ADDRESS:PORT", conflicts_with = "sdp")]
    pub ancillary_address: Vec<SocketAddr>,
    /// As --source, once for each --ancillary-address.
    #[arg(long, value_name = "ADDRESS", requires = "ancillary_address")]
    pub ancillary_source: Vec<IpAddr>,
    /// As --interface, once for each --ancillary-address.
    #[arg(long, value_name = "NAME", requires = "ancillary_address")]
    pub ancillary_interface: Vec<String>,
    /// RTP payload type of the ancillary data; 100 unless given.
    #[arg(long, value_name = "96-127", requires = "ancillary_address")]
    pub ancillary_payload_type: Option<u8>,
}

/// A level by name, and the body of its stream.
type LevelBody = (&'static str, Map<String, Value>);

impl Beside {
    /// The levels beside the picture, by name, as given.
    ///
    /// # Errors
    /// When sources or interfaces are not as many as addresses.
    pub fn bodies(&self) -> Result<Vec<LevelBody>, CliError> {
        let mut bodies = Vec::new();
        for (level, prefix, address, source, interface, payload_type) in [
            (
                "audio",
                "--audio-",
                &self.audio_address,
                &self.audio_source,
                &self.audio_interface,
                self.audio_payload_type,
            ),
            (
                "ancillary",
                "--ancillary-",
                &self.ancillary_address,
                &self.ancillary_source,
                &self.ancillary_interface,
                self.ancillary_payload_type,
            ),
        ] {
            if address.is_empty() {
                continue;
            }
            let mut body = Map::new();
            body.insert("legs".to_owned(), legs(prefix, address, source, interface)?);
            if let Some(payload_type) = payload_type {
                body.insert("payload_type".to_owned(), payload_type.into());
            }
            bodies.push((level, body));
        }
        Ok(bodies)
    }
}

/// The legs of a stream, as given; `prefix` is that of their options.
fn legs(
    prefix: &str,
    address: &[SocketAddr],
    source: &[IpAddr],
    interface: &[String],
) -> Result<Value, CliError> {
    for (option, given) in [("source", source.len()), ("interface", interface.len())] {
        if given != 0 && given != address.len() {
            return Err(CliError::Arguments(format!(
                "{prefix}{option} is given {given} times: give it once for each {prefix}address"
            )));
        }
    }
    let leg = |(index, address): (usize, &SocketAddr)| {
        json!({
            "address": address.ip(), "port": address.port(),
            "source": source.get(index), "interface": interface.get(index),
        })
    };
    Ok(address.iter().enumerate().map(leg).collect())
}

/// Prints every one, with `print` for people.
pub fn list(
    context: &Context,
    kind: &str,
    print: fn(&Value) -> Result<(), CliError>,
) -> Result<(), CliError> {
    let streams = context.client.get(&format!("/api/v1/{kind}"))?;
    if context.json { table::json(&streams) } else { print(&streams) }
}

/// Prints one whole: its JSON is the most readable form there is.
pub fn show(context: &Context, kind: &str, id: &str) -> Result<(), CliError> {
    table::json(&context.client.get(&at(kind, id))?)
}

/// Prints its SDP.
pub fn sdp(context: &Context, kind: &str, id: &str) -> Result<(), CliError> {
    table::raw(&context.client.bytes(&format!("{}/sdp", at(kind, id)))?)
}

/// The fields that inputs and outputs share, as given.
///
/// # Errors
/// When sources or interfaces are not as many as addresses.
pub fn body(stream: &Stream) -> Result<Map<String, Value>, CliError> {
    let legs = legs("--", &stream.address, &stream.source, &stream.interface)?;
    let labels = Value::Object(in_languages(&stream.labels)?);
    let mut body = Map::new();
    let mut give = |key: &str, value: Option<Value>| {
        if let Some(value) = value {
            body.insert(key.to_owned(), value);
        }
    };
    give("id", stream.id.clone().map(Value::from));
    give("label", stream.label.clone().map(Value::from));
    give("zone", stream.zone.clone().map(Value::from));
    give("payload_type", stream.payload_type.map(Value::from));
    give("labels", (!stream.labels.is_empty()).then_some(labels));
    give("legs", (!stream.address.is_empty()).then_some(legs));
    Ok(body)
}

/// Labels in other languages, each given as `de=Endoskop`.
pub fn in_languages(given: &[String]) -> Result<Map<String, Value>, CliError> {
    let mut labels = Map::new();
    for label in given {
        let Some((language, label)) = label.split_once('=') else {
            return Err(CliError::Arguments(format!("'{label}' is not LANGUAGE=LABEL")));
        };
        labels.insert(language.to_owned(), label.into());
    }
    Ok(labels)
}

/// Adds or replaces, and says what there is now.
pub fn put(
    context: &Context,
    kind: &str,
    stream: &Stream,
    body: Map<String, Value>,
) -> Result<(), CliError> {
    let (method, mut path) = match (&stream.id, stream.replace) {
        (Some(id), true) => ("PUT", at(kind, id)),
        _ => ("POST", format!("/api/v1/{kind}")),
    };
    let answer = match &stream.sdp {
        None => context.client.send(method, &path, &Value::Object(body))?,
        Some(file) => {
            let text = read(file)?;
            let mut query = Vec::new();
            for (key, value) in
                [("label", &stream.label), ("zone", &stream.zone), ("id", &stream.id)]
            {
                if let Some(value) = value {
                    query.push(format!("{key}={}", segment(value)));
                }
            }
            if stream.tolerant {
                query.push("tolerant=true".to_owned());
            }
            if !query.is_empty() {
                path = format!("{path}?{}", query.join("&"));
            }
            context.client.send_as(method, &path, "application/sdp", text.as_bytes())?
        }
    };
    if context.json {
        return table::json(&answer.body);
    }
    for warning in answer.body.get("warnings").map_or(&[][..], table::list) {
        eprintln!("ormatrix: {}", warning.as_str().unwrap_or_default());
    }
    let done = if answer.status == 201 { "added" } else { "replaced" };
    let mut said =
        format!("{done} {}: {}", table::text(&answer.body, "id"), table::legs(&answer.body));
    for level in ["audio", "ancillary"] {
        if let Some(stream) = answer.body.get(level) {
            said.extend(["; ", level, " ", &table::legs(stream)]);
        }
    }
    table::line(&said)
}

/// Removes, and says so.
pub fn remove(context: &Context, kind: &str, id: &str) -> Result<(), CliError> {
    context.client.delete(&at(kind, id))?;
    if context.json { table::json(&Value::Null) } else { table::line(&format!("removed {id}")) }
}

/// The text of a file, or of standard input for `-`.
pub fn read(file: &Path) -> Result<String, CliError> {
    let text = if file == Path::new("-") {
        let mut text = String::new();
        io::stdin().read_to_string(&mut text).map(|_| text)
    } else {
        fs::read_to_string(file)
    };
    text.map_err(|reason| CliError::File { path: file.to_owned(), reason })
}

/// Where one is.
pub fn at(kind: &str, id: &str) -> String {
    format!("/api/v1/{kind}/{}", segment(id))
}
