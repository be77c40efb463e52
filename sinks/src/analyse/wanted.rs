//! What the streams of a capture are held against.

use std::{fs, io, net::SocketAddr, path::Path, str::FromStr};

use num_rational::Ratio;
use st2110::{
    analysis::VideoSettings,
    format::VideoFormat,
    sdp::{Sdp, SdpError},
};

/// Descriptions given by the user.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    /// Video streams by address and port, from SDP.
    described: Vec<(Vec<SocketAddr>, VideoSettings)>,
    /// For video streams that are not described.
    format: Option<VideoFormat>,
    /// What is wrong with the SDP.
    warnings: Vec<String>,
}

/// Why a description cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum WantedError {
    /// It cannot be read.
    #[error("cannot read the SDP {place}: {source}")]
    Read {
        /// The file.
        place: String,
        /// What the system said.
        source: io::Error,
    },
    /// It is no SDP of a video stream.
    #[error("the SDP {place} cannot be used: {source}")]
    Sdp {
        /// The file.
        place: String,
        /// What is wrong.
        source: SdpError,
    },
}

impl Wanted {
    /// Adds the streams of an SDP file.
    pub fn add_sdp(&mut self, path: &Path) -> Result<(), WantedError> {
        let place = || path.display().to_string();
        let text = fs::read_to_string(path)
            .map_err(|source| WantedError::Read { place: place(), source })?;
        let (sdp, warnings) = Sdp::parse_tolerant(&text)
            .map_err(|source| WantedError::Sdp { place: place(), source })?;
        self.warnings.extend(warnings.iter().map(|warning| format!("{}: {warning}", place())));
        let video = &sdp.video;
        let mut settings = VideoSettings::new(video.format);
        settings.sender_type = Some(video.sender_type);
        settings.cmax = video.cmax;
        settings.max_udp = video.max_udp.unwrap_or(settings.max_udp);
        settings.offset_ns = video.offset_us.map(|us| Ratio::from_integer(i128::from(us) * 1000));
        let legs = sdp.legs.iter().map(|leg| leg.leg.socket_address()).collect();
        self.described.push((legs, settings));
        Ok(())
    }

    /// Every video stream that is not described has this format.
    pub const fn set_format(&mut self, format: VideoFormat) {
        self.format = Some(format);
    }

    /// What is wrong with the descriptions.
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// What a stream to an address should be.
    pub fn of(&self, destination: SocketAddr) -> Option<VideoSettings> {
        let described = self.described.iter().find(|(legs, _)| legs.contains(&destination));
        described
            .map(|(_, settings)| settings.clone())
            .or_else(|| self.format.map(VideoSettings::new))
    }

    /// Whether two addresses are the legs of one described stream.
    pub fn are_legs(&self, one: SocketAddr, other: SocketAddr) -> bool {
        one != other
            && self.described.iter().any(|(legs, _)| legs.contains(&one) && legs.contains(&other))
    }

    /// Described addresses.
    pub fn addresses(&self) -> impl Iterator<Item = SocketAddr> + '_ {
        self.described.iter().flat_map(|(legs, _)| legs.iter().copied())
    }
}

/// What the times of a capture are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum CaptureClock {
    /// Whichever of the two RTP timestamps agree with.
    #[default]
    Auto,
    /// TAI, as network cards that follow PTP have it.
    Tai,
    /// UTC, as the system's clock has it: TAI is 37 s ahead.
    Utc,
}

impl FromStr for CaptureClock {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "auto" => Ok(Self::Auto),
            "tai" => Ok(Self::Tai),
            "utc" => Ok(Self::Utc),
            _ => Err(format!("'{text}' is not a clock: auto, tai or utc")),
        }
    }
}
