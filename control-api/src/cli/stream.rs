//! What `ormatrix input` and `ormatrix output` have in common.

use std::{
    collections::BTreeMap,
    fs,
    io::{self, Read},
    net::{IpAddr, SocketAddr},
    path::{Path, PathBuf},
};

use clap::Args;
use ormatrix_client::types::Leg;
use serde_json::Value;

use super::{CliError, Context, table};

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

impl Beside {
    /// Where the sound is, if there is any.
    ///
    /// # Errors
    /// When sources or interfaces are not as many as addresses.
    pub fn audio(&self) -> Result<Option<Vec<Leg>>, CliError> {
        let Self { audio_address, audio_source, audio_interface, .. } = self;
        let given = legs("--audio-", audio_address, audio_source, audio_interface)?;
        Ok((!given.is_empty()).then_some(given))
    }

    /// Where the ancillary data are, if there are any.
    ///
    /// # Errors
    /// As [`Beside::audio`].
    pub fn ancillary(&self) -> Result<Option<Vec<Leg>>, CliError> {
        let Self { ancillary_address, ancillary_source, ancillary_interface, .. } = self;
        let given = legs("--ancillary-", ancillary_address, ancillary_source, ancillary_interface)?;
        Ok((!given.is_empty()).then_some(given))
    }
}

/// The legs of a stream, as given; `prefix` is that of their options.
fn legs(
    prefix: &str,
    address: &[SocketAddr],
    source: &[IpAddr],
    interface: &[String],
) -> Result<Vec<Leg>, CliError> {
    for (option, given) in [("source", source.len()), ("interface", interface.len())] {
        if given != 0 && given != address.len() {
            return Err(CliError::Arguments(format!(
                "{prefix}{option} is given {given} times: give it once for each {prefix}address"
            )));
        }
    }
    let leg = |(index, address): (usize, &SocketAddr)| Leg {
        address: address.ip().to_string(),
        port: address.port().into(),
        source: source.get(index).map(ToString::to_string),
        interface: interface.get(index).cloned(),
    };
    Ok(address.iter().enumerate().map(leg).collect())
}

impl Stream {
    /// Where it arrives or goes.
    ///
    /// # Errors
    /// When sources or interfaces are not as many as addresses.
    pub fn legs(&self) -> Result<Vec<Leg>, CliError> {
        legs("--", &self.address, &self.source, &self.interface)
    }

    /// Its labels in other languages, if any are given.
    pub fn labels(&self) -> Result<Option<BTreeMap<String, String>>, CliError> {
        let labels = in_languages(&self.labels)?;
        Ok((!labels.is_empty()).then_some(labels))
    }

    /// The id of what it replaces, if it shall.
    pub fn replaces(&self) -> Option<&str> {
        self.id.as_deref().filter(|_| self.replace)
    }
}

/// Labels in other languages, each given as `de=Endoskop`.
pub fn in_languages(given: &[String]) -> Result<BTreeMap<String, String>, CliError> {
    let pair = |label: &String| match label.split_once('=') {
        Some((language, label)) => Ok((language.to_owned(), label.to_owned())),
        None => Err(CliError::Arguments(format!("'{label}' is not LANGUAGE=LABEL"))),
    };
    given.iter().map(pair).collect()
}

/// What was added or replaced.
pub struct Stored<'a> {
    /// Which.
    pub id: &'a str,
    /// Where its picture is.
    pub legs: &'a [Leg],
    /// Where its sound is.
    pub audio: Option<&'a [Leg]>,
    /// Where its ancillary data are.
    pub ancillary: Option<&'a [Leg]>,
    /// What of an SDP was not taken over.
    pub warnings: &'a [String],
}

/// Says what there is now.
pub fn stored(created: bool, stored: &Stored<'_>) -> Result<(), CliError> {
    for warning in stored.warnings {
        eprintln!("ormatrix: {warning}");
    }
    let done = if created { "added" } else { "replaced" };
    let mut said = format!("{done} {}: {}", stored.id, table::legs(stored.legs));
    for (level, legs) in table::BESIDE.into_iter().zip([stored.audio, stored.ancillary]) {
        if let Some(legs) = legs {
            said.extend(["; ", level, " ", &table::legs(legs)]);
        }
    }
    table::line(&said)
}

/// Says that something was removed.
pub fn removed(context: &Context, id: &str) -> Result<(), CliError> {
    if context.json { table::json(&Value::Null) } else { table::line(&format!("removed {id}")) }
}

/// A revision as `If-Match` takes it.
pub fn etag(revision: impl AsRef<str>) -> String {
    format!("\"{}\"", revision.as_ref())
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
