//! One media section: what every medium has in it.

use std::net::IpAddr;

use sdp_types::{
    AddrType, Attribute, Media, RtpMap, Session, SourceFilter, SourceFilterAddress,
    SourceFilterDestination, SourceFilterMode,
};

use super::{
    Essence, MediaClock, ReferenceClock, Sdp, SdpError, SdpFault, SdpLeg, VideoParameters,
    ancillary, audio, fmtp,
};
use crate::{format::Rate, leg::Leg};

/// Decides over a fault that something can be assumed for: an error, or a warning.
pub(super) type Complain<'a> = &'a mut dyn FnMut(SdpError) -> Result<(), SdpError>;

/// The line a fault is on.
#[derive(Clone, Copy)]
pub(super) struct Place(pub(super) Option<usize>);

impl Place {
    pub(super) const fn error(self, fault: SdpFault) -> SdpError {
        SdpError { line: self.0, fault }
    }
}

/// The lines of a text by section: first the session's, then each medium's.
pub(super) struct Lines<'a>(Vec<Vec<(usize, &'a str)>>);

impl<'a> Lines<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        let mut sections = vec![Vec::new()];
        for (index, line) in text.lines().enumerate() {
            if line.starts_with("m=") {
                sections.push(Vec::new());
            }
            if let Some(section) = sections.last_mut() {
                section.push((index + 1, line));
            }
        }
        Self(sections)
    }

    /// The first line of a section that starts so.
    pub(super) fn find(&self, section: usize, start: &str) -> Option<usize> {
        let lines = self.0.get(section)?;
        lines.iter().find(|(_, line)| line.starts_with(start)).map(|(number, _)| *number)
    }

    /// The same, or the section's first line for what is missing.
    pub(super) fn place(&self, section: usize, start: &str) -> Place {
        Place(self.find(section, start).or_else(|| self.find(section, "m=")))
    }
}

/// The media that are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Medium {
    Video,
    Audio,
    Ancillary,
}

impl Medium {
    /// What a section describes; `None` for what is passed over. Ancillary data also comes as
    /// `m=video` (RFC 8331 §3).
    pub(super) fn of(media: &Media) -> Option<Self> {
        let ancillary = || {
            media
                .attributes_typed::<RtpMap>()
                .flatten()
                .any(|map| map.encoding_name.eq_ignore_ascii_case("smpte291"))
        };
        match media.media.as_str() {
            "video" if ancillary() => Some(Self::Ancillary),
            "video" => Some(Self::Video),
            "audio" => Some(Self::Audio),
            _ => None,
        }
    }

    const fn line(self) -> &'static str {
        match self {
            Self::Video | Self::Ancillary => "video",
            Self::Audio => "audio",
        }
    }
}

/// One section that is read.
pub(super) struct Section<'a> {
    pub(super) session: &'a Session,
    pub(super) media: &'a Media,
    pub(super) medium: Medium,
    pub(super) lines: &'a Lines<'a>,
    /// Its number among the sections, from 1.
    pub(super) index: usize,
}

impl Section<'_> {
    /// Reads the whole section. `rate` is that of the session's video, if known.
    pub(super) fn read(
        &self,
        rate: Option<Rate>,
        complain: Complain<'_>,
    ) -> Result<(SdpLeg, Essence), SdpError> {
        let payload_type = self.media_line(complain)?;
        let (address, ttl) = self.connection(complain)?;
        let source = self.source(address, complain)?;
        let essence = match self.medium {
            Medium::Video => {
                self.rtpmap(payload_type, "raw/90000", "ST 2110-20 §7.1, RFC 4175 §6", complain)?;
                Essence::Video(self.video(payload_type, complain)?)
            }
            Medium::Audio => Essence::Audio(audio::read(self, payload_type, complain)?),
            Medium::Ancillary => {
                let clause = "ST 2110-40:2023 §5.3, RFC 8331 §3";
                self.rtpmap(payload_type, "smpte291/90000", clause, complain)?;
                Essence::Ancillary(ancillary::read(self, payload_type, rate, complain)?)
            }
        };
        let reference_clocks = self.reference_clocks(complain)?;
        let media_clock = self.media_clock(complain)?;
        let mid = self.mid().map(str::to_owned);
        let leg = Leg { address, port: self.media.port, source, interface: None };
        Ok((SdpLeg { leg, ttl, payload_type, mid, reference_clocks, media_clock }, essence))
    }

    pub(super) fn place(&self, start: &str) -> Place {
        self.lines.place(self.index, start)
    }

    pub(super) fn mid(&self) -> Option<&str> {
        self.media.get_first_attribute_value("mid").flatten()
    }

    /// The first value of an attribute of the section.
    pub(super) fn value(&self, name: &'static str) -> Option<&str> {
        self.media.get_first_attribute_value(name).flatten().map(str::trim)
    }

    /// Port, protocol and payload type.
    fn media_line(&self, complain: Complain<'_>) -> Result<u8, SdpError> {
        let place = self.place("m=");
        let media = self.medium.line();
        let wrong = |found: String| place.error(SdpFault::MediaLine { found, media });
        if self.media.port == 0 {
            return Err(wrong("port 0".to_owned()));
        }
        if let Some(ports) = self.media.num_ports
            && ports != 1
        {
            complain(wrong(format!("{}/{ports}", self.media.port)))?;
        }
        if self.media.proto != "RTP/AVP" {
            complain(wrong(self.media.proto.clone()))?;
        }
        let mut formats = self.media.fmt.split_ascii_whitespace();
        let first: Option<u8> = formats.next().and_then(|format| format.parse().ok());
        let Some(payload_type) = first.filter(|number| *number < 128) else {
            return Err(wrong(self.media.fmt.clone()));
        };
        if formats.next().is_some() || payload_type < 96 {
            complain(wrong(self.media.fmt.clone()))?;
        }
        Ok(payload_type)
    }

    /// Address and time to live.
    fn connection(&self, complain: Complain<'_>) -> Result<(IpAddr, Option<u8>), SdpError> {
        let own = self.media.connections.first();
        let Some(connection) = own.or(self.session.connection.as_ref()) else {
            return Err(self.place("m=").error(SdpFault::LineMissing {
                missing: "c=",
                example: "c=IN IP4 239.1.2.3/64",
                clause: "RFC 8866 §5.7",
            }));
        };
        let section = if own.is_some() { self.index } else { 0 };
        let found = connection.connection_address.clone();
        let wrong = || {
            let fault = SdpFault::Connection { found: found.clone() };
            self.lines.place(section, "c=").error(fault)
        };
        let address = connection.try_address().map_err(|_| wrong())?;
        let (ip, multicast) = (address.ip, address.ip.is_multicast());
        let family = match connection.addrtype {
            AddrType::Ip4 => ip.is_ipv4(),
            AddrType::Ip6 => ip.is_ipv6(),
            AddrType::Other(_) => false,
        };
        let needs_ttl = ip.is_ipv4() && multicast;
        if !family
            || self.media.connections.len() > 1
            || ip.is_unspecified()
            || address.ttl.is_some() != needs_ttl
            || address.count.is_some_and(|count| count != 1)
        {
            complain(wrong())?;
        }
        Ok((ip, needs_ttl.then(|| address.ttl.unwrap_or(Sdp::TTL))))
    }

    /// The one source that a filter lets through.
    fn source(&self, address: IpAddr, complain: Complain<'_>) -> Result<Option<IpAddr>, SdpError> {
        let mut duplicates = values(&self.media.attributes, "ssrc-group");
        if duplicates.any(|value| value.split_ascii_whitespace().next() == Some("DUP")) {
            return Err(self.place("a=ssrc-group").error(SdpFault::SourceDuplication));
        }
        // A section's own filters replace the session's (RFC 4570 §3.1), which may also
        // speak of other sections' addresses.
        let (attributes, section, own) = if self.media.has_attribute("source-filter") {
            (&self.media.attributes, self.index, true)
        } else {
            (&self.session.attributes, 0, false)
        };
        let mut source = None;
        for value in values(attributes, "source-filter") {
            let wrong = || {
                let fault = SdpFault::SourceFilter {
                    found: value.trim().to_owned(),
                    address: address.to_string(),
                };
                self.lines.place(section, "a=source-filter").error(fault)
            };
            let Ok(filter) = value.trim().parse::<SourceFilter>() else {
                complain(wrong())?;
                continue;
            };
            let meant = match filter.destination {
                SourceFilterDestination::Wildcard => true,
                SourceFilterDestination::Address(SourceFilterAddress::IpAddr(destination)) => {
                    destination == address
                }
                SourceFilterDestination::Address(SourceFilterAddress::FQDN(_)) => false,
            };
            if !meant && !own {
                continue;
            }
            let sender = match filter.sources.as_slice() {
                [SourceFilterAddress::IpAddr(sender)] => Some(*sender),
                _ => None,
            };
            let sender = sender.filter(|sender| {
                meant
                    && filter.mode == SourceFilterMode::Incl
                    && sender.is_ipv4() == address.is_ipv4()
                    && !sender.is_multicast()
                    && !sender.is_unspecified()
            });
            if sender.is_none() || source.is_some() {
                complain(wrong())?;
            }
            source = source.or(sender);
        }
        Ok(source)
    }

    /// What an attribute says of a payload type: `a=NAME:97 …`.
    pub(super) fn of_payload(&self, name: &'static str, payload_type: u8) -> Vec<&str> {
        let start = format!("{payload_type} ");
        let found = values(&self.media.attributes, name);
        found.filter_map(|value| value.strip_prefix(start.as_str())).collect()
    }

    /// Checks that the payload is the one of the medium.
    fn rtpmap(
        &self,
        payload_type: u8,
        expected: &'static str,
        clause: &'static str,
        complain: Complain<'_>,
    ) -> Result<(), SdpError> {
        let place = self.place("a=rtpmap");
        let found = self.of_payload("rtpmap", payload_type);
        let Some(value) = found.first() else {
            let example = "a=rtpmap:96 raw/90000";
            let clause = "ST 2110-20 §7.1";
            let missing = "a=rtpmap";
            return complain(place.error(SdpFault::LineMissing { missing, example, clause }));
        };
        // Encoding names are not case-sensitive (RFC 4855 §3).
        if value.trim().eq_ignore_ascii_case(expected) {
            return Ok(());
        }
        let found = format!("{payload_type} {value}");
        Err(place.error(SdpFault::Rtpmap { found, payload_type, expected, clause }))
    }

    /// The format parameters of a payload type: their text, if there are any.
    pub(super) fn fmtp(
        &self,
        payload_type: u8,
        clause: &'static str,
        complain: Complain<'_>,
    ) -> Result<Option<&str>, SdpError> {
        let lines = self.of_payload("fmtp", payload_type);
        if lines.len() > 1 {
            let name = "a=fmtp".to_owned();
            complain(self.place("a=fmtp").error(SdpFault::ParameterRepeated { name, clause }))?;
        }
        Ok(lines.first().copied())
    }

    fn video(&self, payload_type: u8, complain: Complain<'_>) -> Result<VideoParameters, SdpError> {
        let place = self.place("a=fmtp");
        let Some(text) = self.fmtp(payload_type, "ST 2110-20 §7.1", complain)? else {
            return Err(place.error(SdpFault::LineMissing {
                missing: "a=fmtp",
                example: "a=fmtp:96 sampling=YCbCr-4:2:2; width=1920; height=1080; exactframerate=60; depth=10; colorimetry=BT709; PM=2110GPM; SSN=ST2110-20:2017; TP=2110TPW; ",
                clause: "ST 2110-20 §7.1",
            }));
        };
        fmtp::read(text, self.value("framerate"), place, complain)
    }

    /// An attribute of the section, or else of the session.
    fn inherited<'b>(&'b self, name: &'b str) -> (Vec<&'b str>, usize) {
        let own: Vec<_> = values(&self.media.attributes, name).collect();
        if own.is_empty() {
            (values(&self.session.attributes, name).collect(), 0)
        } else {
            (own, self.index)
        }
    }

    fn reference_clocks(&self, complain: Complain<'_>) -> Result<Vec<ReferenceClock>, SdpError> {
        let (values, section) = self.inherited("ts-refclk");
        let mut clocks = Vec::new();
        for value in &values {
            match value.parse() {
                Ok(clock) => clocks.push(clock),
                Err(_) => complain(
                    self.lines
                        .place(section, "a=ts-refclk")
                        .error(SdpFault::ReferenceClock { found: (*value).to_owned() }),
                )?,
            }
        }
        if values.is_empty() {
            complain(self.place("m=").error(SdpFault::LineMissing {
                missing: "a=ts-refclk",
                example: "a=ts-refclk:ptp=IEEE1588-2008:traceable",
                clause: "ST 2110-10 §8.2",
            }))?;
        }
        Ok(clocks)
    }

    fn media_clock(&self, complain: Complain<'_>) -> Result<Option<MediaClock>, SdpError> {
        let (values, section) = self.inherited("mediaclk");
        let Some(value) = values.first() else {
            return complain(self.place("m=").error(SdpFault::LineMissing {
                missing: "a=mediaclk",
                example: "a=mediaclk:direct=0",
                clause: "ST 2110-10 §8.3",
            }))
            .map(|()| None);
        };
        let clock = value.parse().ok();
        if !matches!(clock, Some(MediaClock::Direct { offset: 0 } | MediaClock::Sender)) {
            let fault = SdpFault::MediaClock { found: (*value).to_owned() };
            complain(self.lines.place(section, "a=mediaclk").error(fault))?;
        }
        Ok(clock)
    }
}

/// The values of the attributes of a name.
pub(super) fn values<'a>(
    attributes: &'a [Attribute],
    name: &'a str,
) -> impl Iterator<Item = &'a str> {
    attributes
        .iter()
        .filter(move |attribute| attribute.attribute == name)
        .map(|attribute| attribute.value.as_deref().unwrap_or_default())
}
