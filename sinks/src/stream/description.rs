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

/// Reads the text of SDP from a file, an `http://` address, or `-`: standard input.
pub fn read_sdp(place: &str) -> Result<String, DescriptionError> {
    let read = |place: &str, source| DescriptionError::Read { place: place.to_owned(), source };
    if place.contains("://") {
        Ok(Control::new(place)?.text("")?)
    } else if place == "-" {
        let mut text = String::new();
        let taken = io::stdin().lock().take(LONGEST).read_to_string(&mut text);
        taken.map_err(|error| read("standard input", error))?;
        Ok(text)
    } else {
        fs::read_to_string(place).map_err(|error| read(place, error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SESSION: &str = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=Endoscope\r\nt=0 0\r\n\
        m=audio 5006 RTP/AVP 97\r\nc=IN IP4 127.0.0.1\r\na=rtpmap:97 L24/48000/2\r\n\
        a=ptime:1\r\n\
        m=video 5004 RTP/AVP 96\r\nc=IN IP4 127.0.0.1\r\na=rtpmap:96 raw/90000\r\n\
        a=fmtp:96 sampling=YCbCr-4:2:2; width=320; height=240; exactframerate=50; depth=10; \
        colorimetry=BT709; PM=2110GPM; SSN=ST2110-20:2017; TP=2110TPW; \r\n\
        m=video 5008 RTP/AVP 100\r\nc=IN IP4 127.0.0.1\r\na=rtpmap:100 smpte291/90000\r\n\
        a=fmtp:100 exactframerate=50; SSN=ST2110-40:2018; \r\n";

    #[test]
    fn a_session_of_three_levels_is_its_video_to_those_who_show_it() {
        let description = Description::parse(SESSION).unwrap();
        assert_eq!((description.format.width, description.payload_type), (320, Some(96)));
        assert_eq!(description.legs[0].port, 5004);
    }
}
