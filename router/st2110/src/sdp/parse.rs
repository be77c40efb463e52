//! Reading the session and its video sections.

use std::net::IpAddr;

use sdp_types::{
    AddrType, Attribute, Media, RtpMap, Session, SourceFilter, SourceFilterAddress,
    SourceFilterDestination, SourceFilterMode,
};

use super::{MediaClock, ReferenceClock, Sdp, SdpError, SdpFault, SdpLeg, VideoParameters, fmtp};
use crate::leg::Leg;

/// Decides over a fault that something can be assumed for: an error, or a warning.
pub(super) type Complain<'a> = &'a mut dyn FnMut(SdpError) -> Result<(), SdpError>;

/// The line a fault is on.
#[derive(Clone, Copy)]
pub(super) struct Place(Option<usize>);

impl Place {
    pub(super) const fn error(self, fault: SdpFault) -> SdpError {
        SdpError { line: self.0, fault }
    }
}

/// The lines of a text by section: first the session's, then each medium's.
struct Lines<'a>(Vec<Vec<(usize, &'a str)>>);

impl<'a> Lines<'a> {
    fn new(text: &'a str) -> Self {
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
    fn find(&self, section: usize, start: &str) -> Option<usize> {
        let lines = self.0.get(section)?;
        lines.iter().find(|(_, line)| line.starts_with(start)).map(|(number, _)| *number)
    }

    /// The same, or the section's first line for what is missing.
    fn place(&self, section: usize, start: &str) -> Place {
        Place(self.find(section, start).or_else(|| self.find(section, "m=")))
    }
}

pub(super) fn parse(text: &str, complain: Complain<'_>) -> Result<Sdp, SdpError> {
    let session = Session::parse(text.as_bytes())
        .map_err(|error| Place(None).error(SdpFault::Syntax { reason: error.to_string() }))?;
    let lines = Lines::new(text);
    for (missing, example) in
        [("o=", "o=- 1 1 IN IP4 192.0.2.1"), ("s=", "s=Endoscope 1"), ("t=", "t=0 0")]
    {
        if lines.find(0, missing).is_none() {
            let fault = SdpFault::LineMissing { missing, example, clause: "RFC 8866 §5" };
            complain(Place(None).error(fault))?;
        }
    }
    let session_id = if let Ok(id) = session.origin.sess_id.parse() {
        id
    } else {
        if let Some(line) = lines.find(0, "o=") {
            let reason = "the session id in the o= line is not a number below 2^64".to_owned();
            complain(Place(Some(line)).error(SdpFault::Syntax { reason }))?;
        }
        0
    };
    // The section of the nth medium is the nth after the session's.
    let sections: Vec<_> = session
        .medias
        .iter()
        .enumerate()
        .filter(|(_, media)| media.media == "video" && !is_ancillary(media))
        .map(|(index, media)| Section { session: &session, media, lines: &lines, index: index + 1 })
        .collect();
    let (first, second) = match sections.as_slice() {
        [first] => (first, None),
        [first, second] => (first, Some(second)),
        _ => return Err(Place(None).error(SdpFault::VideoSections { found: sections.len() })),
    };
    let (leg, video) = first.read(complain)?;
    let mut legs = vec![leg];
    if let Some(second) = second {
        let (leg, other) = second.read(complain)?;
        let place = lines.place(second.index, "m=");
        check_pair(&session, (&legs[0], &video), (&leg, &other), place, complain)?;
        legs.push(leg);
    }
    Ok(Sdp {
        session_id,
        session_version: session.origin.sess_version,
        origin: session.origin.unicast_address.clone(),
        name: if session.session_name == " " { String::new() } else { session.session_name },
        information: session.session_description,
        video,
        legs,
    })
}

/// Ancillary data (ST 2110-40) also comes as `m=video`.
fn is_ancillary(media: &Media) -> bool {
    media
        .attributes_typed::<RtpMap>()
        .flatten()
        .any(|map| map.encoding_name.eq_ignore_ascii_case("smpte291"))
}

/// What two legs of one stream must have in common, and what they must not.
fn check_pair(
    session: &Session,
    (first, video): (&SdpLeg, &VideoParameters),
    (second, other): (&SdpLeg, &VideoParameters),
    place: Place,
    complain: Complain<'_>,
) -> Result<(), SdpError> {
    let grouped = session.get_attribute_values("group").flatten().any(|value| {
        let mut words = value.split_ascii_whitespace();
        let duplicates = words.next() == Some("DUP");
        let mids: Vec<_> = words.collect();
        let names = |leg: &SdpLeg| leg.mid.as_deref().is_some_and(|mid| mids.contains(&mid));
        duplicates && names(first) && names(second) && first.mid != second.mid
    });
    if !grouped {
        complain(place.error(SdpFault::Group))?;
    }
    if video != other {
        complain(place.error(SdpFault::LegsDiffer { what: "their fmtp lines" }))?;
    }
    if first.payload_type != second.payload_type {
        complain(place.error(SdpFault::LegsDiffer { what: "payload type" }))?;
    }
    let destination = |leg: &SdpLeg| (leg.leg.address, leg.leg.port, leg.leg.source);
    if destination(first) == destination(second) {
        complain(place.error(SdpFault::LegsSame))?;
    }
    Ok(())
}

/// One video section.
struct Section<'a> {
    session: &'a Session,
    media: &'a Media,
    lines: &'a Lines<'a>,
    index: usize,
}

impl Section<'_> {
    fn read(&self, complain: Complain<'_>) -> Result<(SdpLeg, VideoParameters), SdpError> {
        let payload_type = self.media_line(complain)?;
        let (address, ttl) = self.connection(complain)?;
        let source = self.source(address, complain)?;
        self.rtpmap(payload_type, complain)?;
        let video = self.fmtp(payload_type, complain)?;
        let reference_clocks = self.reference_clocks(complain)?;
        let media_clock = self.media_clock(complain)?;
        let mid = self.media.get_first_attribute_value("mid").flatten().map(str::to_owned);
        let leg = Leg { address, port: self.media.port, source, interface: None };
        Ok((SdpLeg { leg, ttl, payload_type, mid, reference_clocks, media_clock }, video))
    }

    fn place(&self, start: &str) -> Place {
        self.lines.place(self.index, start)
    }

    /// Port, protocol and payload type.
    fn media_line(&self, complain: Complain<'_>) -> Result<u8, SdpError> {
        let place = self.place("m=");
        let wrong = |found: String| place.error(SdpFault::MediaLine { found });
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

    /// Checks that the payload is raw video.
    fn rtpmap(&self, payload_type: u8, complain: Complain<'_>) -> Result<(), SdpError> {
        let place = self.place("a=rtpmap");
        let start = format!("{payload_type} ");
        let value =
            values(&self.media.attributes, "rtpmap").find(|value| value.starts_with(&start));
        let Some(value) = value else {
            return complain(place.error(SdpFault::LineMissing {
                missing: "a=rtpmap",
                example: "a=rtpmap:96 raw/90000",
                clause: "ST 2110-20 §7.1",
            }));
        };
        // Encoding names are not case-sensitive (RFC 4855 §3).
        if value[start.len()..].trim().eq_ignore_ascii_case("raw/90000") {
            return Ok(());
        }
        Err(place.error(SdpFault::Rtpmap { found: value.to_owned(), payload_type }))
    }

    /// The format parameters.
    fn fmtp(&self, payload_type: u8, complain: Complain<'_>) -> Result<VideoParameters, SdpError> {
        let place = self.place("a=fmtp");
        let start = format!("{payload_type} ");
        let mut lines =
            values(&self.media.attributes, "fmtp").filter(|value| value.starts_with(&start));
        let Some(value) = lines.next() else {
            return Err(place.error(SdpFault::LineMissing {
                missing: "a=fmtp",
                example: "a=fmtp:96 sampling=YCbCr-4:2:2; width=1920; height=1080; exactframerate=60; depth=10; colorimetry=BT709; PM=2110GPM; SSN=ST2110-20:2017; TP=2110TPW; ",
                clause: "ST 2110-20 §7.1",
            }));
        };
        if lines.next().is_some() {
            complain(place.error(SdpFault::ParameterRepeated { name: "a=fmtp".to_owned() }))?;
        }
        let framerate = self.media.get_first_attribute_value("framerate").flatten();
        fmtp::read(&value[start.len()..], framerate.map(str::trim), place, complain)
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
fn values<'a>(attributes: &'a [Attribute], name: &'a str) -> impl Iterator<Item = &'a str> {
    attributes
        .iter()
        .filter(move |attribute| attribute.attribute == name)
        .map(|attribute| attribute.value.as_deref().unwrap_or_default())
}
