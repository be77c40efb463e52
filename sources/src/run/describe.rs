//! What a source tells others of its streams: the control process, and receivers.

use std::{
    fs,
    net::{IpAddr, Ipv4Addr},
    path::PathBuf,
};

use ormatrix_io::{TxOptions, TxSocket};
use st2110::{
    format::Sampling,
    leg::Leg,
    sdp::{
        AncillaryParameters, AudioParameters, Range, ReferenceClock, Sdp, SessionDescription,
        VideoParameters,
    },
};

use super::RunError;
use crate::{
    ancillary, audio,
    job::{Job, JobError},
    registration::{Entry, LevelEntry, Registration},
};

/// Starts registering, where that is asked for.
pub(super) fn register(job: &Job) -> Result<Option<Registration>, RunError> {
    let Some(url) = &job.options.register else { return Ok(None) };
    // Whose interface it is, only this host knows.
    let known = |legs: &[Leg]| -> Vec<Leg> {
        legs.iter().map(|leg| Leg { interface: None, ..leg.clone() }).collect()
    };
    let audio = job.audio.as_ref().map(|plan| LevelEntry {
        format: plan.format.clone(),
        legs: known(&plan.legs),
        payload_type: audio::PAYLOAD_TYPE,
    });
    let ancillary = job.ancillary.as_ref().map(|plan| LevelEntry {
        format: plan.format.clone(),
        legs: known(&plan.legs),
        payload_type: ancillary::PAYLOAD_TYPE,
    });
    let entry = Entry {
        label: job.label.clone(),
        zone: job.zone.clone(),
        video: job.format,
        legs: known(&job.legs),
        audio,
        ancillary,
    };
    Registration::start(url, &job.id, entry).map(Some).map_err(RunError::Thread)
}

/// The description of all streams, for receivers.
pub fn session(job: &Job) -> Result<SessionDescription, RunError> {
    let leg = job.receivers()?.first().ok_or(JobError::NoReceiver)?;
    let origin = TxSocket::open(leg, &TxOptions::default())?
        .local_addr()
        .map_or(IpAddr::V4(Ipv4Addr::LOCALHOST), |address| address.ip());
    let mut video = VideoParameters::new(job.format);
    video.sender_type = job.sender_type;
    video.max_udp = job.options.max_udp;
    // What GStreamer makes of RGB.
    video.range = (job.format.sampling == Sampling::Rgb).then_some(Range::Full);
    let clock = if ormatrix_io::clock::kernel_tai_offset() == 0 {
        ReferenceClock::LocalMac(local_mac(leg.interface.as_deref()))
    } else {
        ReferenceClock::PtpTraceable
    };
    let mut session = SessionDescription::new(&job.label, origin);
    session.push(video, &job.legs, &clock);
    for leg in session.streams.iter_mut().flat_map(|stream| &mut stream.legs) {
        leg.payload_type = job.options.payload_type.unwrap_or(Sdp::PAYLOAD_TYPE);
    }
    if let Some(plan) = &job.audio {
        session.push(AudioParameters::new(plan.format.clone()), &plan.legs, &clock);
    }
    if let Some(plan) = &job.ancillary {
        session.push(AncillaryParameters::new(&plan.format), &plan.legs, &clock);
    }
    for leg in session.streams.iter_mut().flat_map(|stream| &mut stream.legs) {
        leg.ttl = leg.ttl.map(|ttl| job.options.ttl.unwrap_or(ttl));
    }
    Ok(session)
}

/// The hardware address of an interface, or of the first that has one.
fn local_mac(interface: Option<&str>) -> [u8; 6] {
    let folder = PathBuf::from("/sys/class/net");
    let names = if let Some(name) = interface {
        vec![folder.join(name)]
    } else {
        let entries = fs::read_dir(&folder).into_iter().flatten().flatten();
        let mut paths: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
        paths.sort();
        paths
    };
    let read = |path: PathBuf| {
        let text = fs::read_to_string(path.join("address")).ok()?;
        let octets: Vec<u8> =
            text.trim().split(':').filter_map(|octet| u8::from_str_radix(octet, 16).ok()).collect();
        <[u8; 6]>::try_from(octets).ok().filter(|mac| *mac != [0; 6])
    };
    names.into_iter().find_map(read).unwrap_or_default()
}
