//! Reading the session: its sections, and which of them are legs of one stream.

use sdp_types::Session;

use super::{
    Essence, SdpError, SdpFault, SdpLeg, SessionDescription, Stream,
    section::{Complain, Lines, Medium, Place, Section, values},
};

/// Reads a session; with `only`, every other medium is passed over unread.
pub(super) fn parse(
    text: &str,
    only: Option<Medium>,
    complain: Complain<'_>,
) -> Result<SessionDescription, SdpError> {
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
        .filter_map(|(index, media)| {
            let medium = Medium::of(media).filter(|medium| only.is_none_or(|only| *medium == only));
            let (session, lines, index) = (&session, &lines, index + 1);
            medium.map(|medium| Section { session, media, medium, lines, index })
        })
        .collect();
    let streams = if only.is_some() {
        vec![one_video(&sections, complain)?]
    } else {
        every_stream(&session, &lines, &sections, complain)?
    };
    Ok(SessionDescription {
        session_id,
        session_version: session.origin.sess_version,
        origin: session.origin.unicast_address.clone(),
        name: if session.session_name == " " { String::new() } else { session.session_name },
        information: session.session_description,
        streams,
    })
}

/// The one video stream of a session, in one section or two.
fn one_video(sections: &[Section<'_>], complain: Complain<'_>) -> Result<Stream, SdpError> {
    let (first, second) = match sections {
        [first] => (first, None),
        [first, second] => (first, Some(second)),
        _ => return Err(Place(None).error(SdpFault::VideoSections { found: sections.len() })),
    };
    let (leg, essence) = first.read(None, complain)?;
    let mut stream = Stream { essence, legs: vec![leg] };
    if let Some(second) = second {
        let (leg, essence) = second.read(None, complain)?;
        let place = second.place("m=");
        let groups = duplicates(second.session);
        let names = |group: &Vec<&str>, mid: Option<&str>| mid.is_some_and(|m| group.contains(&m));
        let grouped = first.mid() != second.mid()
            && groups.iter().any(|g| names(g, first.mid()) && names(g, second.mid()));
        if !grouped {
            complain(place.error(SdpFault::Group))?;
        }
        join(&mut stream, leg, &essence, place, complain)?;
    }
    Ok(stream)
}

/// The tags of each `a=group:DUP`.
fn duplicates(session: &Session) -> Vec<Vec<&str>> {
    values(&session.attributes, "group")
        .filter_map(|value| {
            let mut words = value.split_ascii_whitespace();
            (words.next() == Some("DUP")).then(|| words.collect())
        })
        .collect()
}

/// Adds a second leg, which must have everything in common with the first but its way.
fn join(
    stream: &mut Stream,
    leg: SdpLeg,
    essence: &Essence,
    place: Place,
    complain: Complain<'_>,
) -> Result<(), SdpError> {
    if let Some(first) = stream.legs.first() {
        if stream.essence != *essence {
            let what = match essence {
                Essence::Video(_) | Essence::Ancillary(_) => "their fmtp lines",
                Essence::Audio(_) => "their rtpmap, ptime or fmtp lines",
            };
            complain(place.error(SdpFault::LegsDiffer { what }))?;
        }
        if first.payload_type != leg.payload_type {
            complain(place.error(SdpFault::LegsDiffer { what: "payload type" }))?;
        }
        let destination = |leg: &SdpLeg| (leg.leg.address, leg.leg.port, leg.leg.source);
        if destination(first) == destination(&leg) {
            complain(place.error(SdpFault::LegsSame))?;
        }
    }
    stream.legs.push(leg);
    Ok(())
}

/// A section that was read and waits for its stream.
struct Read {
    /// Number of the section.
    index: usize,
    medium: Medium,
    leg: SdpLeg,
    essence: Essence,
}

/// Every stream of a session, in the order of their first sections.
fn every_stream(
    session: &Session,
    lines: &Lines<'_>,
    sections: &[Section<'_>],
    complain: Complain<'_>,
) -> Result<Vec<Stream>, SdpError> {
    let mut found = read_sections(sections, complain)?;
    let groups = groups(session, lines, sections, complain)?;
    let mut streams: Vec<Stream> = Vec::new();
    // Where the second of two video sections without a group is.
    let mut ungrouped = None;
    while !found.is_empty() {
        let Read { index, medium, leg, essence } = found.remove(0);
        let mut stream = Stream { essence, legs: vec![leg] };
        if let Some(group) = groups.iter().find(|group| group.contains(&index)) {
            let twin = found.iter().position(|read| group.contains(&read.index));
            let place = lines.place(0, "a=group");
            if let Some(at) = twin {
                let twin = found.remove(at);
                if twin.medium == medium {
                    let place = lines.place(twin.index, "m=");
                    join(&mut stream, twin.leg, &twin.essence, place, complain)?;
                } else {
                    complain(place.error(SdpFault::LegsDiffer { what: "kind of medium" }))?;
                    found.insert(at, twin);
                }
            }
        }
        let earlier = streams.iter_mut().find(|earlier| earlier.is_video());
        match earlier {
            // Two sections of video are two legs of one stream, or a mistake.
            Some(earlier) if stream.is_video() => {
                let place = lines.place(index, "m=");
                let videos = sections.iter().filter(|s| s.medium == Medium::Video).count();
                let (1, 1, None) = (earlier.legs.len(), stream.legs.len(), ungrouped) else {
                    return Err(place.error(SdpFault::VideoSections { found: videos }));
                };
                complain(place.error(SdpFault::Group))?;
                ungrouped = Some(index);
                for leg in stream.legs {
                    join(earlier, leg, &stream.essence, place, complain)?;
                }
            }
            _ => streams.push(stream),
        }
    }
    if streams.is_empty() { Err(Place(None).error(SdpFault::NoStreams)) } else { Ok(streams) }
}

/// Reads the sections; ancillary data last, which may have to borrow the video's rate.
fn read_sections(sections: &[Section<'_>], complain: Complain<'_>) -> Result<Vec<Read>, SdpError> {
    let mut rate = None;
    let mut found = Vec::new();
    for last in [false, true] {
        let now = sections.iter().filter(|s| (s.medium == Medium::Ancillary) == last);
        for section in now {
            if let Some(fault) = super::audio::foreign(section) {
                complain(section.place("a=rtpmap").error(fault))?;
                continue;
            }
            let (leg, essence) = section.read(rate, complain)?;
            if let Essence::Video(video) = &essence {
                rate = rate.or(Some(video.format.rate));
            }
            found.push(Read { index: section.index, medium: section.medium, leg, essence });
        }
    }
    found.sort_by_key(|read| read.index);
    Ok(found)
}

/// The section numbers of each `a=group:DUP`; reports what is wrong with the groups.
fn groups(
    session: &Session,
    lines: &Lines<'_>,
    sections: &[Section<'_>],
    complain: Complain<'_>,
) -> Result<Vec<Vec<usize>>, SdpError> {
    let mut mids: Vec<(&str, usize)> = Vec::new();
    for (index, media) in session.medias.iter().enumerate() {
        let Some(mid) = media.get_first_attribute_value("mid").flatten() else { continue };
        if mids.iter().any(|(other, _)| *other == mid) {
            let fault = SdpFault::MidRepeated { mid: mid.to_owned() };
            complain(lines.place(index + 1, "a=mid").error(fault))?;
        } else {
            mids.push((mid, index + 1));
        }
    }
    let place = lines.place(0, "a=group");
    let flows = values(&session.attributes, "group").any(|value| value.starts_with("FID"));
    if flows && sections.iter().any(|section| section.medium == Medium::Ancillary) {
        complain(place.error(SdpFault::FlowIdentification))?;
    }
    let mut groups: Vec<Vec<usize>> = Vec::new();
    for tags in duplicates(session) {
        let mut group = Vec::new();
        for tag in tags {
            let found = mids.iter().find(|(mid, _)| *mid == tag).map(|(_, index)| *index);
            let free = |index: &usize| {
                !group.contains(index) && !groups.iter().any(|other| other.contains(index))
            };
            match found.filter(free) {
                Some(index) => group.push(index),
                None => complain(place.error(SdpFault::GroupTag { tag: tag.to_owned() }))?,
            }
        }
        if group.len() != 2 {
            complain(place.error(SdpFault::GroupSize { found: group.len() }))?;
            group.truncate(2);
        }
        groups.push(group);
    }
    Ok(groups)
}
