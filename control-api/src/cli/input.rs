//! `ormatrix input`.

use std::{
    fs,
    io::{self, Read},
    net::{IpAddr, SocketAddr},
    path::{Path, PathBuf},
    process::ExitCode,
};

use clap::{Args, Subcommand};
use serde_json::{Map, Value, json};

use super::{CliError, Context, format, table};

/// What can be done with inputs.
#[derive(Subcommand)]
#[allow(clippy::large_enum_variant, reason = "there is one in a process")]
pub enum Command {
    /// Every input, its signal, and where it is shown.
    List,
    /// One input, whole.
    Show {
        /// The input.
        id: String,
    },
    /// Add an input, from an SDP or from options.
    Add(Add),
    /// Remove an input that nothing shows.
    Remove {
        /// The input.
        id: String,
    },
    /// Print the input's SDP.
    Sdp {
        /// The input.
        id: String,
    },
    /// Save the latest still as a JPEG file.
    Thumbnail {
        /// The input.
        id: String,
        /// Where to; `-` is standard output.
        #[arg(long, short, value_name = "FILE")]
        output: PathBuf,
    },
}

/// A stream that enters or leaves.
#[derive(Args)]
pub struct Stream {
    /// Name for programs; made from the label unless given.
    #[arg(long)]
    pub id: Option<String>,
    /// Name for people.
    #[arg(long)]
    pub label: Option<String>,
    /// Where it stands.
    #[arg(long)]
    pub zone: Option<String>,
    /// Take the stream from an SDP file; `-` is standard input.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["address", "source", "interface"])]
    pub sdp: Option<PathBuf>,
    /// Accept an SDP as `GStreamer` and `FFmpeg` write it.
    #[arg(long, requires = "sdp")]
    pub tolerant: bool,
    /// Address and port of the stream, as 239.1.1.1:5004.
    #[arg(long, value_name = "ADDRESS:PORT", required_unless_present = "sdp")]
    pub address: Option<SocketAddr>,
    /// For an input its only sender; for an output the local address to send from.
    #[arg(long, value_name = "ADDRESS")]
    pub source: Option<IpAddr>,
    /// Network interface to use.
    #[arg(long, value_name = "NAME")]
    pub interface: Option<String>,
    /// RTP payload type.
    #[arg(long, value_name = "96-127", conflicts_with = "sdp")]
    pub payload_type: Option<u8>,
    /// Replace it if it is there (needs --id).
    #[arg(long, requires = "id")]
    pub replace: bool,
}

/// An input to add.
#[derive(Args)]
pub struct Add {
    #[command(flatten)]
    stream: Stream,
    /// As 1080p60, 2160p59.94, 1080i25 or 1920x1200p60.
    #[arg(long, required_unless_present = "sdp", conflicts_with = "sdp")]
    format: Option<String>,
    /// `YCbCr-4:2:2`, `YCbCr-4:2:0`, `YCbCr-4:4:4` or `RGB`.
    #[arg(long, default_value = "YCbCr-4:2:2")]
    sampling: String,
    /// Bits a sample: 8, 10 or 12.
    #[arg(long, default_value_t = 10)]
    depth: u8,
    /// GPM or BPM.
    #[arg(long, default_value = "GPM")]
    packing: String,
}

/// Does it.
pub fn run(context: &Context, command: Command) -> Result<ExitCode, CliError> {
    let client = &context.client;
    match command {
        Command::List => {
            let inputs = client.get("/api/v1/inputs")?;
            if context.json { table::json(&inputs)? } else { print(&inputs)? }
        }
        Command::Show { id } => show(context, &format!("/api/v1/inputs/{}", segment(&id)))?,
        Command::Add(add) => {
            let mut body = body(&add.stream);
            if let Some(short) = &add.format {
                let video = format::video(short, &add.sampling, add.depth, &add.packing);
                body.insert("video".to_owned(), video.map_err(CliError::Arguments)?);
            }
            put(context, "inputs", &add.stream, body)?;
        }
        Command::Remove { id } => remove(context, "inputs", &id)?,
        Command::Sdp { id } => {
            table::raw(&client.bytes(&format!("/api/v1/inputs/{}/sdp", segment(&id)))?)?;
        }
        Command::Thumbnail { id, output } => {
            let path = format!("/api/v1/inputs/{}/thumbnail.jpg", segment(&id));
            let jpeg = client.bytes(&path)?;
            if output == Path::new("-") {
                table::raw(&jpeg)?;
            } else {
                fs::write(&output, jpeg)
                    .map_err(|reason| CliError::File { path: output, reason })?;
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn print(inputs: &Value) -> Result<(), CliError> {
    let row = |input: &Value| {
        let tally = input.get("tally").map_or(&[][..], table::list);
        let tally: Vec<&str> = tally.iter().filter_map(Value::as_str).collect();
        [
            table::text(input, "id"),
            table::text(input, "label"),
            table::text(input, "zone"),
            format::short(&input["video"]),
            table::legs(input),
            table::text(input, "signal/state"),
            table::bits(input.pointer("/signal/bits_per_second")),
            if tally.is_empty() { "-".to_owned() } else { tally.join(", ") },
        ]
    };
    let rows: Vec<_> = table::list(inputs).iter().map(row).collect();
    table::print(["INPUT", "LABEL", "ZONE", "FORMAT", "FROM", "SIGNAL", "RATE", "SHOWN ON"], &rows)
}

/// Prints a thing whole: its JSON is the most readable form there is.
pub fn show(context: &Context, path: &str) -> Result<(), CliError> {
    table::json(&context.client.get(path)?)
}

/// The fields that inputs and outputs share, as given.
pub fn body(stream: &Stream) -> Map<String, Value> {
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
    let leg = |address: SocketAddr| {
        json!([{
            "address": address.ip(), "port": address.port(), "source": stream.source,
            "interface": stream.interface,
        }])
    };
    give("legs", stream.address.map(leg));
    body
}

/// Adds or replaces, and says what there is now.
pub fn put(
    context: &Context,
    kind: &str,
    stream: &Stream,
    body: Map<String, Value>,
) -> Result<(), CliError> {
    let (method, mut path) = match (&stream.id, stream.replace) {
        (Some(id), true) => ("PUT", format!("/api/v1/{kind}/{}", segment(id))),
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
    let done = if answer.status == 201 { "added" } else { "replaced" };
    table::line(&format!(
        "{done} {}: {}",
        table::text(&answer.body, "id"),
        table::legs(&answer.body)
    ))
}

/// Removes, and says so.
pub fn remove(context: &Context, kind: &str, id: &str) -> Result<(), CliError> {
    context.client.delete(&format!("/api/v1/{kind}/{}", segment(id)))?;
    if context.json { table::json(&Value::Null) } else { table::line(&format!("removed {id}")) }
}

fn read(file: &Path) -> Result<String, CliError> {
    let text = if file == Path::new("-") {
        let mut text = String::new();
        io::stdin().read_to_string(&mut text).map(|_| text)
    } else {
        fs::read_to_string(file)
    };
    text.map_err(|reason| CliError::File { path: file.to_owned(), reason })
}

/// Text as part of a URL (RFC 3986 §2.1).
pub fn segment(text: &str) -> String {
    let mut url = String::new();
    for octet in text.bytes() {
        if octet.is_ascii_alphanumeric() || b"-_.~".contains(&octet) {
            url.push(octet.into());
        } else {
            url.extend(["%".to_owned(), format!("{octet:02X}")]);
        }
    }
    url
}
