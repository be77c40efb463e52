//! What a user may set, on the command line, in a file, or in the environment.

use std::path::PathBuf;

use serde::Deserialize;

/// Every setting. On the command line `--sender-type`, in the file `sender_type`, in the
/// environment `ORMATRIX_SOURCE_SENDER_TYPE`; the command line wins, then the environment.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, clap::Args)]
#[serde(default, deny_unknown_fields)]
pub struct Options {
    /// Receiver as ADDRESS:PORT ([v6]:PORT); twice for two legs with the same packets (ST 2022-7)
    #[arg(long, value_name = "ADDRESS:PORT", global = true)]
    pub to: Option<Vec<String>>,
    /// Network interface to send from; once for all legs, or once for each
    #[arg(long, value_name = "NAME", global = true)]
    pub interface: Option<Vec<String>>,
    /// Local address to send from
    #[arg(long, value_name = "ADDRESS", global = true)]
    pub source: Option<std::net::IpAddr>,

    /// Picture made by the program: endoscope, robot, xray, ultrasound, room, monitor, smpte, ball, snow, black [default: endoscope]
    #[arg(long, value_name = "NAME", global = true)]
    pub pattern: Option<String>,
    /// Play a file over and over instead
    #[arg(long, value_name = "PATH", global = true)]
    pub file: Option<PathBuf>,
    /// Capture from a Video4Linux device instead, such as /dev/video0
    #[arg(long, value_name = "DEVICE", global = true)]
    pub v4l2: Option<PathBuf>,
    /// Capture from a Blackmagic `DeckLink` input instead, counted from 0
    #[arg(long, value_name = "NUMBER", global = true)]
    pub decklink: Option<u32>,
    /// Capture this host's X11 screen instead
    #[arg(long, num_args = 0..=1, default_missing_value = "true", global = true)]
    pub screen: Option<bool>,
    /// Write strip and text into the picture [default: true for patterns and files, false for captures]
    #[arg(long, num_args = 0..=1, default_missing_value = "true", global = true)]
    pub mark: Option<bool>,
    /// Name in strip and text, up to 16 octets of UTF-8 [default: the label, else the id, else the pattern]
    #[arg(long, global = true)]
    pub name: Option<String>,
    /// Most memory for drawn frames, in MiB [default: 256]
    #[arg(long, value_name = "MIB", global = true)]
    pub memory_mib: Option<usize>,

    /// Raster, scan and rate: 1080p60, 2160p59.94, 1080i25, 1080psf24, 1920x1200p60 [default: 1080p60]
    #[arg(long, global = true)]
    pub format: Option<String>,
    /// YCbCr-4:2:2, YCbCr-4:2:0, YCbCr-4:4:4 or RGB [default: YCbCr-4:2:2]
    #[arg(long, global = true)]
    pub sampling: Option<String>,
    /// Bits a sample: 8, 10 or 12 [default: 10]
    #[arg(long, global = true)]
    pub depth: Option<u8>,
    /// GPM (general) or BPM (block packing) [default: GPM]
    #[arg(long, global = true)]
    pub packing: Option<String>,
    /// progressive, interlaced or psf, in place of the format's own
    #[arg(long, global = true)]
    pub scan: Option<String>,
    /// ST 2110-21 sender type: N, NL or W [default: W; NL from 900 000 packets a second, where W is undefined]
    #[arg(long, global = true)]
    pub sender_type: Option<String>,
    /// Packets a burst, up to 48 [default: CMAX of the sender type]; more costs less processor time but breaks ST 2110-21
    #[arg(long, value_name = "PACKETS", global = true)]
    pub burst: Option<u32>,
    /// When later than can be made good: rush (send at once what is too late, above CMAX) or hold (keep within CMAX, leave frames out) [default: rush]
    #[arg(long, value_name = "POLICY", global = true)]
    pub when_late: Option<String>,
    /// Largest datagram in octets, UDP header included [default: 1460]
    #[arg(long, value_name = "OCTETS", global = true)]
    pub max_udp: Option<u16>,
    /// Shift of the frames against the TAI epoch, in microseconds: a source that is not genlocked
    #[arg(long, value_name = "US", global = true)]
    pub offset_us: Option<u64>,
    /// RTP payload type, 96 to 127 [default: 96]
    #[arg(long, global = true)]
    pub payload_type: Option<u8>,
    /// RTP synchronisation source [default: random]
    #[arg(long, global = true)]
    pub ssrc: Option<u32>,
    /// IP time to live [default: 64]
    #[arg(long, global = true)]
    pub ttl: Option<u8>,
    /// Differentiated services code point, 0 to 63 [default: 34]
    #[arg(long, global = true)]
    pub dscp: Option<u8>,

    /// Sound beside the picture: tone, file, capture or none [default: none; with --audio-to tone for patterns, file for files, else capture]
    #[arg(long, value_name = "KIND", global = true)]
    pub audio: Option<String>,
    /// Receiver of the sound as ADDRESS:PORT; twice for two legs
    #[arg(long, value_name = "ADDRESS:PORT", global = true)]
    pub audio_to: Option<Vec<String>>,
    /// Sound file, played over and over; without it --audio file is the sound of --file
    #[arg(long, value_name = "PATH", global = true)]
    pub audio_file: Option<PathBuf>,
    /// Sound device: alsa, alsa:hw:1,0, pulse, pulse:NAME, decklink:0, gst:ELEMENTS [default: that of --decklink, else alsa]
    #[arg(long, value_name = "DEVICE", global = true)]
    pub audio_device: Option<String>,
    /// Test tone in hertz, 410 to 1570 [default: by the name]
    #[arg(long, value_name = "HZ", global = true)]
    pub tone: Option<u32>,
    /// Audio channels, 1 to 64 [default: 2]
    #[arg(long, global = true)]
    pub channels: Option<u8>,
    /// Time an audio packet holds: 1ms, 125us, 250us, 333us, 4ms [default: 1ms, and 125us above 8 channels]
    #[arg(long, value_name = "TIME", global = true)]
    pub packet_time: Option<String>,
    /// Audio samples a second: 48000, 96000, 44100 [default: 48000]
    #[arg(long, value_name = "HZ", global = true)]
    pub sample_rate: Option<u32>,
    /// Encoding of audio samples: L24 or L16 [default: L24]
    #[arg(long, value_name = "DEPTH", global = true)]
    pub audio_depth: Option<String>,

    /// Ancillary data beside the picture: atc (time code), file or none [default: none; with --ancillary-to atc]
    #[arg(long, value_name = "KIND", global = true)]
    pub ancillary: Option<String>,
    /// Receiver of the ancillary data as ADDRESS:PORT; twice for two legs
    #[arg(long, value_name = "ADDRESS:PORT", global = true)]
    pub ancillary_to: Option<Vec<String>>,
    /// Ancillary data frame by frame, over and over: a line a frame of DID/SDID:HEX packets
    #[arg(long, value_name = "PATH", global = true)]
    pub ancillary_file: Option<PathBuf>,

    /// Control process to register with, such as http://127.0.0.1:8080
    #[arg(long, value_name = "URL", global = true)]
    pub register: Option<String>,
    /// Id of the input [default: the pattern's name]
    #[arg(long, global = true)]
    pub id: Option<String>,
    /// What people call the input [default: the id]
    #[arg(long, global = true)]
    pub label: Option<String>,
    /// Room or area of the input
    #[arg(long, global = true)]
    pub zone: Option<String>,

    /// Core to run the sender on
    #[arg(long, value_name = "CORE", global = true)]
    pub cpu: Option<usize>,
    /// Real-time priority of the sender, 1 to 99 (needs `CAP_SYS_NICE`)
    #[arg(long, value_name = "LEVEL", global = true)]
    pub priority: Option<u8>,
    /// End after so many frames
    #[arg(long, global = true)]
    pub frames: Option<u64>,
    /// End after so many seconds
    #[arg(long, global = true)]
    pub seconds: Option<u64>,
    /// Write the final report as JSON to standard output
    #[arg(long, num_args = 0..=1, default_missing_value = "true", global = true)]
    pub json: Option<bool>,
    /// Write the final report as JSON to a file
    #[arg(long, value_name = "FILE", global = true)]
    pub stats_json: Option<PathBuf>,
}

impl Options {
    /// These settings, and where they say nothing those of `other`.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        // Naming an input of one kind replaces one of another.
        let other = if self.names_input() { other.without_input() } else { other };
        Self {
            to: self.to.or(other.to),
            interface: self.interface.or(other.interface),
            source: self.source.or(other.source),
            pattern: self.pattern.or(other.pattern),
            file: self.file.or(other.file),
            v4l2: self.v4l2.or(other.v4l2),
            decklink: self.decklink.or(other.decklink),
            screen: self.screen.or(other.screen),
            mark: self.mark.or(other.mark),
            name: self.name.or(other.name),
            memory_mib: self.memory_mib.or(other.memory_mib),
            format: self.format.or(other.format),
            sampling: self.sampling.or(other.sampling),
            depth: self.depth.or(other.depth),
            packing: self.packing.or(other.packing),
            scan: self.scan.or(other.scan),
            sender_type: self.sender_type.or(other.sender_type),
            burst: self.burst.or(other.burst),
            when_late: self.when_late.or(other.when_late),
            max_udp: self.max_udp.or(other.max_udp),
            offset_us: self.offset_us.or(other.offset_us),
            payload_type: self.payload_type.or(other.payload_type),
            ssrc: self.ssrc.or(other.ssrc),
            ttl: self.ttl.or(other.ttl),
            dscp: self.dscp.or(other.dscp),
            audio: self.audio.or(other.audio),
            audio_to: self.audio_to.or(other.audio_to),
            audio_file: self.audio_file.or(other.audio_file),
            audio_device: self.audio_device.or(other.audio_device),
            tone: self.tone.or(other.tone),
            channels: self.channels.or(other.channels),
            packet_time: self.packet_time.or(other.packet_time),
            sample_rate: self.sample_rate.or(other.sample_rate),
            audio_depth: self.audio_depth.or(other.audio_depth),
            ancillary: self.ancillary.or(other.ancillary),
            ancillary_to: self.ancillary_to.or(other.ancillary_to),
            ancillary_file: self.ancillary_file.or(other.ancillary_file),
            register: self.register.or(other.register),
            id: self.id.or(other.id),
            label: self.label.or(other.label),
            zone: self.zone.or(other.zone),
            cpu: self.cpu.or(other.cpu),
            priority: self.priority.or(other.priority),
            frames: self.frames.or(other.frames),
            seconds: self.seconds.or(other.seconds),
            json: self.json.or(other.json),
            stats_json: self.stats_json.or(other.stats_json),
        }
    }

    fn names_input(&self) -> bool {
        self.pattern.is_some()
            || self.file.is_some()
            || self.v4l2.is_some()
            || self.decklink.is_some()
            || self.screen == Some(true)
    }

    fn without_input(self) -> Self {
        Self { pattern: None, file: None, v4l2: None, decklink: None, screen: None, ..self }
    }
}
