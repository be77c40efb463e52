//! SDP as a sink needs it.

use std::{
    fs,
    io::{self, Read},
};

use st2110::{
    format::VideoFormat,
    leg::Leg,
    sdp::{Colorimetry, Sdp, SdpError, TransferCharacteristic},
};

use super::{Control, ControlError};

/// Most octets of SDP read from a file or standard input.
const LONGEST: u64 = 1 << 20;

/// What a stream looks like and where it arrives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Description {
    /// The video format.
    pub format: VideoFormat,
    /// The payload type, where one is declared.
    pub payload_type: Option<u8>,
    /// Where it arrives; two with ST 2022-7; none where only a format is known.
    pub legs: Vec<Leg>,
    /// Colorimetry as GStreamer's caps name it, where it is declared and has such a name.
    pub colorimetry: Option<&'static str>,
    /// The session's name, where one is given.
    pub name: Option<String>,
}

/// Why there is no description.
#[derive(Debug, thiserror::Error)]
pub enum DescriptionError {
    /// The file cannot be read.
    #[error("cannot read the SDP from {place}: {source}")]
    Read {
        /// File name, or "standard input".
        place: String,
        /// What the system said.
        source: io::Error,
    },
    /// The URL cannot be.
    #[error("cannot read the SDP: {0}")]
    Url(#[from] ControlError),
    /// What was read is not the SDP of a video stream.
    #[error("the SDP cannot be used: {0}")]
    Sdp(#[from] SdpError),
}

impl Description {
    /// A format without any address.
    pub const fn of_format(format: VideoFormat) -> Self {
        Self { format, payload_type: None, legs: Vec::new(), colorimetry: None, name: None }
    }

    /// Whether packets of both are read and shown alike, wherever they arrive.
    pub fn looks_like(&self, other: &Self) -> bool {
        self.format == other.format
            && self.payload_type == other.payload_type
            && self.colorimetry == other.colorimetry
    }

    /// Reads SDP as foreign senders write it, too.
    pub fn parse(text: &str) -> Result<Self, DescriptionError> {
        let (sdp, _) = Sdp::parse_tolerant(text)?;
        // Both legs of ST 2022-7 carry the same packets (ST 2110-10 §8.5).
        let payload_type = sdp.legs.first().map(|leg| leg.payload_type);
        Ok(Self {
            format: sdp.video.format,
            payload_type,
            colorimetry: colorimetry(sdp.video.colorimetry, sdp.video.transfer),
            legs: sdp.legs.into_iter().map(|leg| leg.leg).collect(),
            name: Some(sdp.name).filter(|name| !matches!(name.trim(), "" | "-")),
        })
    }
}

/// The name in caps. Those of film and of tristimulus values have none.
const fn colorimetry(
    colorimetry: Colorimetry,
    transfer: Option<TransferCharacteristic>,
) -> Option<&'static str> {
    match (colorimetry, transfer) {
        (Colorimetry::Bt601, _) => Some("bt601"),
        (Colorimetry::Bt709, _) => Some("bt709"),
        (Colorimetry::Bt2020, _) => Some("bt2020"),
        (Colorimetry::Bt2100, Some(TransferCharacteristic::Hlg)) => Some("bt2100-hlg"),
        (Colorimetry::Bt2100, _) => Some("bt2100-pq"),
        _ => None,
    }
}

/// Reads SDP from a file, an `http://` address, or `-`: standard input.
pub fn read_sdp(place: &str) -> Result<Description, DescriptionError> {
    let read = |place: &str, source| DescriptionError::Read { place: place.to_owned(), source };
    let text = if place.contains("://") {
        Control::new(place)?.text("")?
    } else if place == "-" {
        let mut text = String::new();
        let taken = io::stdin().lock().take(LONGEST).read_to_string(&mut text);
        taken.map_err(|error| read("standard input", error))?;
        text
    } else {
        fs::read_to_string(place).map_err(|error| read(place, error))?
    };
    Description::parse(&text)
}
