//! All levels of a session, judged together.
//!
//! Sans-IO: packets and times go in, each with the stream it came in. What the levels say of
//! each other, lip-sync and whether they are of one source, is found out here as well.

use ormatrix_strip::Name;
use st2110::{format::VideoFormat, level::Level, rfc4175::RasterError};

use super::{
    Arrival, Judge, Report, Tolerated, ancillary::AncillaryJudge, audio::AudioJudge,
    lip_sync::LipSync,
};
use crate::stream::Beside;

/// Which stream of a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// The video.
    Video,
    /// A stream of sound, counted from 0.
    Audio(usize),
    /// A stream of ancillary data, counted from 0.
    Ancillary(usize),
}

/// Judges the streams of a session.
#[derive(Debug)]
pub struct SessionJudge {
    with_video: bool,
    /// Known once the format is.
    video: Option<Judge>,
    name: Option<Name>,
    audio: Vec<AudioJudge>,
    /// One for each stream of sound, where there is video.
    lip_sync: Vec<LipSync>,
    ancillary: Vec<AncillaryJudge>,
}

impl SessionJudge {
    /// A judge of the streams beside the video, and of the video once it is
    /// [described](Self::describe_video). `name` is what every strip must carry.
    pub fn new(
        with_video: bool,
        beside: &Beside,
        name: Option<Name>,
        tolerated: Tolerated,
    ) -> Self {
        let ramp_ms = tolerated.ramp_ms;
        let audio = beside.audio.iter();
        let sync = audio.clone().enumerate().filter(|_| with_video);
        Self {
            with_video,
            video: None,
            name,
            lip_sync: sync.map(|(place, of)| LipSync::new(place, &of.format, ramp_ms)).collect(),
            audio: audio.map(|of| AudioJudge::new(&of.format, of.payload_type, ramp_ms)).collect(),
            ancillary: beside
                .ancillary
                .iter()
                .map(|of| AncillaryJudge::new(&of.format, of.payload_type, with_video))
                .collect(),
        }
    }

    /// The video is of this format now.
    pub fn describe_video(
        &mut self,
        format: &VideoFormat,
        payload_type: Option<u8>,
    ) -> Result<(), RasterError> {
        if let Some(video) = &mut self.video {
            return video.change_format(format, payload_type);
        }
        let mut video = Judge::new(format, payload_type, self.name)?;
        if !self.lip_sync.is_empty() || !self.ancillary.is_empty() {
            video.keep_seen();
        }
        self.video = Some(video);
        Ok(())
    }

    /// Frames judged so far: of the video, or without video of the first ancillary stream.
    pub fn judged(&self) -> u64 {
        if self.with_video {
            self.video.as_ref().map_or(0, Judge::judged)
        } else {
            self.ancillary.first().map_or(0, AncillaryJudge::judged)
        }
    }

    /// Takes one datagram of a stream. Video that is not described yet cannot be judged.
    pub fn packet(&mut self, place: Place, octets: &[u8], at: &Arrival) {
        match place {
            Place::Video => {
                if let Some(video) = &mut self.video {
                    video.packet(octets, at);
                }
                self.tell_of_pictures();
            }
            Place::Audio(index) => {
                let Some(audio) = self.audio.get_mut(index) else { return };
                let mut sync = self.lip_sync.get_mut(index);
                audio.packet(octets, at, &mut |window| {
                    if let Some(sync) = &mut sync {
                        sync.sound(window);
                    }
                });
            }
            Place::Ancillary(index) => {
                if let Some(data) = self.ancillary.get_mut(index) {
                    data.packet(octets, at);
                }
            }
        }
    }

    fn tell_of_pictures(&mut self) {
        while let Some(seen) = self.video.as_mut().and_then(Judge::next_seen) {
            self.lip_sync.iter_mut().for_each(|sync| sync.frame(&seen));
            self.ancillary.iter_mut().for_each(|data| data.picture(&seen));
        }
    }

    /// Ends the run at `now` and gives everything but the conclusion.
    pub fn finish(mut self, now: u64) -> Report {
        if let Some(video) = &mut self.video {
            video.end(now);
        }
        self.ancillary.iter_mut().for_each(AncillaryJudge::end);
        let mut syncs = self.lip_sync.iter_mut();
        for audio in &mut self.audio {
            let mut sync = syncs.next();
            audio.end(&mut |window| {
                if let Some(sync) = &mut sync {
                    sync.sound(window);
                }
            });
        }
        self.tell_of_pictures();
        let mut report = self.video.map_or_else(Report::default, |video| video.finish(now));
        let levels = [
            (self.with_video, Level::Video),
            (!self.audio.is_empty(), Level::Audio),
            (!self.ancillary.is_empty(), Level::Ancillary),
        ];
        let judged = levels.iter().filter(|(there, _)| *there);
        report.levels = judged.map(|(_, level)| level.as_str()).collect();
        report.audio = self.audio.into_iter().map(AudioJudge::finish).collect();
        report.ancillary = self.ancillary.into_iter().map(AncillaryJudge::finish).collect();
        report.lip_sync = self.lip_sync.into_iter().map(LipSync::finish).collect();
        report
    }
}
