//! What goes beside the picture: sound and ancillary data, checked with the rest of a job.

use std::path::PathBuf;

use ormatrix_strip::{Name, Tone};
use st2110::{
    ancillary::AncillaryFormat,
    audio::{
        AudioDepth, AudioFormat, AudioFormatError, ChannelGroup, ChannelOrder, PacketTime,
        SampleRate,
    },
    format::{Scan, VideoFormat},
    leg::Leg,
};

use crate::{
    ancillary::{
        Content, MARK, TIME_CODE,
        script::{Script, ScriptError},
    },
    media::{
        Input,
        sound::{Device, NoDevice, Shape},
    },
    options::Options,
};

/// Most channels of a level A stream, whose packets hold a millisecond.
const MOST_AT_1MS: u8 = 8;

/// Sound beside the picture.
#[derive(Clone, Debug)]
pub struct AudioPlan {
    /// Where it comes from.
    pub from: SoundFrom,
    /// The wire format.
    pub format: AudioFormat,
    /// Receivers; one or two.
    pub legs: Vec<Leg>,
}

impl AudioPlan {
    /// What sound is brought to.
    pub fn shape(&self) -> Shape {
        Shape { channels: self.format.channels, rate_hz: self.format.rate_hz.hz() }
    }
}

/// Where sound comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SoundFrom {
    /// A test tone.
    Tone(Tone),
    /// The file that the picture comes from.
    Picture,
    /// A file of its own.
    File(PathBuf),
    /// A device.
    Device(Device),
}

/// Ancillary data beside the picture.
#[derive(Clone, Debug)]
pub struct AncillaryPlan {
    /// What is sent.
    pub content: Content,
    /// Whether the mark is, too.
    pub marked: bool,
    /// The stream's format.
    pub format: AncillaryFormat,
    /// Receivers; one or two.
    pub legs: Vec<Leg>,
}

/// The sound that is asked for.
pub(super) fn audio(
    options: &Options,
    input: &Input,
    name: &Name,
    legs: Vec<Leg>,
) -> Result<Option<AudioPlan>, LevelError> {
    let kind = match (options.audio.as_deref(), input) {
        (Some(kind), _) => kind,
        (None, _) if legs.is_empty() => "none",
        (None, Input::Pattern(_)) => "tone",
        (None, Input::File(_)) => "file",
        (None, _) => "capture",
    };
    let format = audio_format(options)?;
    let from = match kind {
        "none" => return Ok(None),
        "tone" => {
            let tone = match options.tone {
                None => Tone::of_name(name.as_str()),
                Some(hz) => Tone::from_hz(hz).ok_or(LevelError::Tone(hz))?,
            };
            let hz = format.rate_hz.hz();
            Tone::period(hz).ok_or(LevelError::NoTones(hz))?;
            SoundFrom::Tone(tone)
        }
        "file" => match (&options.audio_file, input) {
            (Some(path), _) => SoundFrom::File(path.clone()),
            (None, Input::File(_)) => SoundFrom::Picture,
            (None, _) => return Err(LevelError::NoFile("--audio-file")),
        },
        "capture" => SoundFrom::Device(match (&options.audio_device, input) {
            (Some(device), _) => device.parse()?,
            (None, Input::Decklink(number)) => Device::Decklink(*number),
            (None, _) => Device::Alsa(None),
        }),
        other => return Err(LevelError::Audio(other.to_owned())),
    };
    if legs.is_empty() {
        return Err(LevelError::NoReceiver { level: "sound", option: "--audio-to" });
    }
    Ok(Some(AudioPlan { from, format, legs }))
}

fn audio_format(options: &Options) -> Result<AudioFormat, LevelError> {
    let depth = options.audio_depth.as_deref().map_or(Ok(AudioDepth::L24), str::parse)?;
    let hz = options.sample_rate.unwrap_or(SampleRate::Hz48000.hz());
    let rate_hz = SampleRate::from_hz(hz).ok_or(AudioFormatError::Rate(hz))?;
    let channels = options.channels.unwrap_or(2);
    let usual = if channels > MOST_AT_1MS { PacketTime::Us125 } else { PacketTime::Ms1 };
    let packet_time = options.packet_time.as_deref().map_or(Ok(usual), str::parse)?;
    let group = match channels {
        1 => ChannelGroup::Mono,
        2 => ChannelGroup::Stereo,
        more => ChannelGroup::Undefined(more),
    };
    let channel_order = Some(ChannelOrder::Smpte2110(vec![group]));
    let format = AudioFormat { depth, rate_hz, channels, packet_time, channel_order };
    format.check()?;
    Ok(format)
}

/// The ancillary data that are asked for.
pub(super) fn ancillary(
    options: &Options,
    video: &VideoFormat,
    legs: Vec<Leg>,
) -> Result<Option<AncillaryPlan>, LevelError> {
    let kind = match options.ancillary.as_deref() {
        Some(kind) => kind,
        None if legs.is_empty() => "none",
        None => "atc",
    };
    let (content, mut data_ids) = match kind {
        "none" => return Ok(None),
        "atc" => (Content::TimeCode, vec![TIME_CODE]),
        "file" => {
            let path =
                options.ancillary_file.as_deref().ok_or(LevelError::NoFile("--ancillary-file"))?;
            let script = Script::open(path)?;
            let ids = script.ids();
            (Content::Script(script), ids)
        }
        other => return Err(LevelError::Ancillary(other.to_owned())),
    };
    if legs.is_empty() {
        let (level, option) = ("ancillary data", "--ancillary-to");
        return Err(LevelError::NoReceiver { level, option });
    }
    // Unlike a strip it covers nothing: captures have it, too.
    let marked = options.mark != Some(false);
    if marked && !data_ids.contains(&MARK) {
        data_ids.push(MARK);
    }
    // Kinds of type 1 have no SDID (RFC 8331 §3.1).
    for id in data_ids.iter_mut().filter(|id| id.did & 0x80 != 0) {
        id.sdid = 0;
    }
    data_ids.dedup();
    let interlace = video.scan == Scan::Interlaced;
    let format = AncillaryFormat { data_ids, ..AncillaryFormat::new(video.rate, interlace) };
    Ok(Some(AncillaryPlan { content, marked, format, legs }))
}

/// Why settings make no level beside the picture.
#[derive(Debug, thiserror::Error)]
pub enum LevelError {
    /// Not a kind of sound.
    #[error("'{0}' is no kind of sound: tone, file, capture or none")]
    Audio(String),
    /// Not a kind of ancillary data.
    #[error("'{0}' is no kind of ancillary data: atc, file or none")]
    Ancillary(String),
    /// Nowhere to send to.
    #[error("there is no receiver of the {level}: name one with {option} ADDRESS:PORT")]
    NoReceiver {
        /// What it is.
        level: &'static str,
        /// The option that names one.
        option: &'static str,
    },
    /// No file named.
    #[error("from which file? Name one with {0} PATH")]
    NoFile(&'static str),
    /// Not one of the tones.
    #[error(
        "{0} Hz is not a test tone: {tones}",
        tones = Tone::all().map(|tone| tone.hz().to_string()).collect::<Vec<_>>().join(", ")
    )]
    Tone(u32),
    /// A rate that test tones do not have.
    #[error("there are no test tones at {0} Hz: sample_rate 48000 or 96000")]
    NoTones(u32),
    /// Not a format of sound.
    #[error(transparent)]
    Format(#[from] AudioFormatError),
    /// Not a sound device.
    #[error(transparent)]
    Device(#[from] NoDevice),
    /// Not a script.
    #[error("ancillary_file: {0}")]
    Script(#[from] ScriptError),
}

#[cfg(test)]
mod tests {
    use super::{super::Job, *};

    fn with(change: impl FnOnce(&mut Options)) -> Result<Job, super::super::JobError> {
        let mut options = Options {
            audio_to: Some(vec!["239.20.0.1:5006".into()]),
            ancillary_to: Some(vec!["239.20.0.1:5008".into()]),
            ..Options::default()
        };
        change(&mut options);
        Job::new(options)
    }

    #[test]
    fn receivers_alone_are_enough() {
        let job = with(|_| ()).unwrap();
        let audio = job.audio.unwrap();
        assert_eq!(audio.from, SoundFrom::Tone(Tone::of_name("endoscope")));
        assert_eq!(audio.format.to_string(), "L24 48000 Hz 2 channels 1ms");
        let ancillary = job.ancillary.unwrap();
        assert_eq!(ancillary.content, Content::TimeCode);
        assert_eq!(ancillary.format.data_ids, [TIME_CODE, MARK]);
        let job = with(|options| options.file = Some("a.mp4".into())).unwrap();
        assert_eq!(job.audio.unwrap().from, SoundFrom::Picture);
        let job = with(|options| options.decklink = Some(1)).unwrap();
        assert_eq!(job.audio.unwrap().from, SoundFrom::Device(Device::Decklink(1)));
        assert!(job.ancillary.unwrap().marked);
        let job = Job::new(Options::default()).unwrap();
        assert!(job.audio.is_none() && job.ancillary.is_none());
    }

    #[test]
    fn the_levels_of_the_standard_are_understood() {
        for (channels, time, level) in
            [(8, "1ms", "A"), (2, "125us", "B"), (64, "125us", "C"), (8, "125us", "B")]
        {
            let job = with(|options| {
                options.channels = Some(channels);
                options.packet_time = Some(time.to_owned());
            });
            let format = job.unwrap().audio.unwrap().format;
            assert_eq!(format.level().unwrap().as_str(), level);
        }
        let job = with(|options| options.channels = Some(64)).unwrap();
        assert_eq!(job.audio.unwrap().format.packet_time, PacketTime::Us125);
    }

    #[test]
    fn what_cannot_be_is_refused_and_says_what_could() {
        type Change = fn(&mut Options);
        let cases: [(Change, &str); 10] = [
            (|options| options.audio = Some("music".into()), "tone, file, capture"),
            (|options| options.ancillary = Some("cc".into()), "atc, file or none"),
            (|options| options.audio = Some("file".into()), "--audio-file"),
            (|options| options.ancillary = Some("file".into()), "--ancillary-file"),
            (|options| options.tone = Some(440), "410, 430"),
            (|options| options.sample_rate = Some(44_100), "48000 or 96000"),
            (|options| options.channels = Some(65), "65"),
            (|options| options.packet_time = Some("2ms".into()), "1ms, 125us"),
            (
                |options| {
                    (options.audio, options.audio_to) = (Some("tone".into()), None);
                },
                "--audio-to",
            ),
            (
                |options| {
                    options.audio = Some("capture".into());
                    options.audio_device = Some("jack".into());
                },
                "alsa:hw:1,0",
            ),
        ];
        for (change, words) in cases {
            let error = with(change).unwrap_err().to_string();
            assert!(error.contains(words), "{error}");
        }
        let twice = with(|options| options.to = Some(vec!["239.20.0.1:5006".into()]));
        assert!(twice.unwrap_err().to_string().contains("239.20.0.1:5006"));
    }
}
