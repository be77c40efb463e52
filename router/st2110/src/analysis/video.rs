//! A video stream, packet by packet.

use super::{
    Arrival,
    counts::Counts,
    follow::{Follower, Place, extend},
    network_model::{NetworkModel, drain_period_ns},
    payload::PayloadWatch,
    receiver::VirtualReceiver,
    series::Series,
    spread::Spread,
    units::{Step, Units},
    video_report::VideoReport,
};
use crate::{
    format::{Scan, VideoFormat},
    rfc4175::{Coverage, PayloadHeader, Raster, STANDARD_UDP_LIMIT},
    rtp::RtpHeader,
    timing::{Exact, Pacing, SenderType, VIDEO_CLOCK_HZ, limits, troffset_default_ns},
};

/// Most packets a frame may be taken to have; beyond, nothing is measured.
const MOST_PACKETS: usize = 1 << 20;

/// What a stream is held against.
#[derive(Clone, Debug)]
pub struct VideoSettings {
    /// What it looks like.
    pub format: VideoFormat,
    /// NPACKETS; learned from the first whole frame if not given.
    pub packets_per_frame: Option<usize>,
    /// Longest UDP datagram: `MAXUDP`, 1460 unless given.
    pub max_udp: u16,
    /// TROFFSET in nanoseconds; TRODEFAULT if not given.
    pub offset_ns: Option<Exact>,
    /// `CMAX` of the SDP; that of the sender type if not given.
    pub cmax: Option<u32>,
    /// The type that the sender claims or should keep to.
    pub sender_type: Option<SenderType>,
    /// Measure as EBU LIST does where it deviates from the standard.
    pub list_compatible: bool,
}

impl VideoSettings {
    /// A format, everything else at its default.
    pub const fn new(format: VideoFormat) -> Self {
        Self {
            format,
            packets_per_frame: None,
            max_udp: STANDARD_UDP_LIMIT,
            offset_ns: None,
            cmax: None,
            sender_type: None,
            list_compatible: false,
        }
    }

    /// TROFFSET in nanoseconds.
    pub fn offset_ns(&self) -> Exact {
        self.offset_ns.unwrap_or_else(|| troffset_default_ns(&self.format))
    }
}

/// The models of ST 2110-21, once the packets of a frame are known.
#[derive(Clone, Debug)]
pub(super) struct Models {
    pub packets: usize,
    pub network: NetworkModel,
    pub linear: Receiver,
    pub gapped: Option<Receiver>,
    pub cinst: Counts,
    pub cinst_series: Series,
    /// TFRAME of behind-frame-start times, in parts of a nanosecond.
    pub first_packet: Spread,
}

/// A virtual receiver and what it read.
#[derive(Clone, Debug)]
pub(super) struct Receiver {
    pub model: VirtualReceiver,
    pub vrx: Counts,
    pub series: Series,
    pub early: Spread,
    /// Packets that came after their reading.
    pub underflows: u64,
}

impl Receiver {
    fn new(settings: &VideoSettings, packets: usize, pacing: Pacing, room: u32) -> Self {
        let offset = settings.offset_ns();
        let mut model =
            VirtualReceiver::new(&settings.format, packets, pacing, offset).with_room(room);
        if settings.list_compatible {
            model = model.list_compatible();
        }
        let early = Spread::new(model.scale());
        Self { model, vrx: Counts::default(), series: Series::default(), early, underflows: 0 }
    }

    fn start_frame(&mut self, time_ns: u64, index: usize) {
        let number = self.model.nearest_frame(time_ns, index);
        self.model.start_frame(number);
    }

    #[inline]
    fn arrive(&mut self, index: usize, time_ns: u64) {
        let reading = self.model.arrive(index, time_ns);
        self.vrx.record(reading.vrx);
        self.series.record(time_ns, reading.vrx);
        self.early.record(reading.early);
        self.underflows += u64::from(reading.vrx < 0);
    }
}

impl Models {
    fn new(settings: &VideoSettings, packets: usize) -> Self {
        let drain = drain_period_ns(settings.format.rate, packets);
        let mut network = NetworkModel::new(drain);
        if settings.list_compatible {
            network = network.list_compatible();
        }
        let full = |sender| {
            let limits = limits(&settings.format, packets, settings.max_udp, sender);
            limits.ok().map(|limits| limits.vrx_full)
        };
        // Type W has more room than NL, where it is defined.
        let room = full(SenderType::Wide).or(full(SenderType::NarrowLinear));
        let linear = Receiver::new(settings, packets, Pacing::Linear, room.unwrap_or_default());
        // The gapped schedule is not defined for every raster.
        let gapped = full(SenderType::Narrow)
            .map(|room| Receiver::new(settings, packets, Pacing::Gapped, room));
        let first_packet = Spread::new(linear.model.scale());
        Self {
            packets,
            network,
            linear,
            gapped,
            cinst: Counts::default(),
            cinst_series: Series::default(),
            first_packet,
        }
    }

    fn receivers(&mut self) -> impl Iterator<Item = &mut Receiver> {
        std::iter::once(&mut self.linear).chain(&mut self.gapped)
    }
}

/// The frame at hand.
#[derive(Clone, Copy, Debug)]
struct Frame {
    /// Number of its first packet, if that is known.
    first: Option<u64>,
    /// Packets lost before it began.
    lost_before: u64,
    fields: u16,
}

/// Counts of whole frames.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct FrameCounts {
    /// Frames that began and ended within what was received.
    pub seen: u64,
    /// Of these, with every octet, exactly once.
    pub whole: u64,
    /// Of these, with octets missing or doubled although no packet was lost.
    pub wrong: u64,
    /// Frames whose number and packets could be told, so that VRX was measured.
    pub measured: u64,
}

/// Measures one video stream.
#[derive(Clone, Debug)]
pub struct VideoAnalyser {
    pub(super) settings: VideoSettings,
    pub(super) follower: Follower,
    pub(super) payload: PayloadWatch,
    pub(super) models: Option<Models>,
    pub(super) units: Units,
    frame: Option<Frame>,
    coverage: Option<Coverage>,
    previous_ns: Option<u64>,
    pub(super) frames: FrameCounts,
    pub(super) packets_in_frame: Counts,
    pub(super) in_frame_ns: Spread,
    pub(super) between_frames_ns: Spread,
    /// Parts of a ninth of a nanosecond.
    pub(super) latency: Spread,
    pub(super) rtp_offset: Spread,
    pub(super) timestamp_steps: Counts,
    scratch: Vec<u8>,
}

impl VideoAnalyser {
    /// Nothing received yet.
    pub fn new(settings: VideoSettings) -> Self {
        let format = settings.format;
        let packets = settings.packets_per_frame.filter(|n| (1..=MOST_PACKETS).contains(n));
        Self {
            models: packets.map(|packets| Models::new(&settings, packets)),
            follower: Follower::default(),
            payload: PayloadWatch::new(&format),
            units: Units::default(),
            frame: None,
            coverage: Raster::new(&format).ok().map(|raster| Coverage::new(&raster)),
            previous_ns: None,
            frames: FrameCounts::default(),
            packets_in_frame: Counts::default(),
            in_frame_ns: Spread::default(),
            between_frames_ns: Spread::default(),
            latency: Spread::new(9),
            rtp_offset: Spread::new(i128::from(*format.rate.ratio().numer())),
            timestamp_steps: Counts::default(),
            scratch: Vec::new(),
            settings,
        }
    }

    /// Takes a datagram of the stream in.
    pub fn record(&mut self, arrival: &Arrival<'_>) {
        let Some((header, number, place)) = self.follower.follow(arrival) else { return };
        if place == Place::First {
            self.payload.break_off();
            self.frame = None;
            for receiver in self.models.iter_mut().flat_map(Models::receivers) {
                receiver.model.break_off();
            }
        }
        if let Some(models) = &mut self.models {
            let cinst = models.network.arrive(arrival.time_ns);
            models.cinst.record(cinst);
            models.cinst_series.record(arrival.time_ns, cinst);
        }
        let parsed = if arrival.is_cut() {
            let mut scratch = std::mem::take(&mut self.scratch);
            let packet = extend(arrival, &mut scratch);
            let parsed = self.payload.parse(header.payload(packet));
            self.scratch = scratch;
            parsed
        } else {
            self.payload.parse(header.payload(arrival.packet))
        };
        let previous_ns = self.previous_ns.replace(arrival.time_ns);
        let Some(payload) = parsed else { return };
        let field = payload.srds().first().is_some_and(|srd| srd.field);
        let within = self.settings.format.scan != Scan::Progressive && field;
        let step = self.units.step(number, place, header.marker, header.timestamp, within);
        let interval = previous_ns.and_then(|previous| arrival.time_ns.checked_sub(previous));
        match step {
            Step::Stray => {
                if !place.is_forward() {
                    return;
                }
            }
            Step::Within => {
                if let Some(interval) = interval {
                    self.in_frame_ns.record(i128::from(interval));
                }
            }
            Step::Starts { first, step } => {
                if let Some(interval) = interval {
                    let between =
                        if within { &mut self.in_frame_ns } else { &mut self.between_frames_ns };
                    between.record(i128::from(interval));
                }
                self.payload.start_unit();
                if let Some(step) = step
                    && (self.settings.format.scan != Scan::Psf || !within)
                {
                    self.timestamp_steps.record(i64::from(step.cast_signed()));
                }
                if within && self.frame.is_some() {
                    if let Some(frame) = &mut self.frame {
                        frame.fields += 1;
                    }
                } else {
                    self.end_frame(first);
                    self.start_frame(first, number, &header, arrival.time_ns, within);
                }
            }
        }
        if place.is_forward() {
            self.payload.check(&payload, number);
        }
        if step != Step::Stray {
            self.measure(number, &payload, arrival.time_ns);
        }
    }

    fn measure(&mut self, number: u64, payload: &PayloadHeader, time_ns: u64) {
        let Some(frame) = self.frame else { return };
        if let Some(coverage) = &mut self.coverage {
            // One that lies outside was counted by the watch over payloads.
            let _outside = coverage.record(payload);
        }
        let (Some(models), Some(first)) = (&mut self.models, frame.first) else { return };
        let Some(index) = number.checked_sub(first).and_then(|index| usize::try_from(index).ok())
        else {
            return;
        };
        if index < models.packets {
            for receiver in models.receivers() {
                receiver.arrive(index, time_ns);
            }
        }
    }

    /// Ends the frame at hand; the next one's first packet is `next`, if that is known.
    fn end_frame(&mut self, next: Option<u64>) {
        let Some(frame) = self.frame.take() else { return };
        let complete = frame.fields == self.settings.format.fields();
        self.frames.seen += u64::from(complete);
        let nothing_lost = self.follower.report().lost == frame.lost_before;
        let exact = self.coverage.as_ref().is_some_and(Coverage::is_exact);
        self.frames.whole += u64::from(complete && exact);
        if let (Some(first), Some(next)) = (frame.first, next)
            && complete
        {
            self.frames.wrong += u64::from(nothing_lost && !exact);
            let packets = next.saturating_sub(first);
            self.packets_in_frame.record(packets as i64);
            let packets = usize::try_from(packets).unwrap_or(usize::MAX);
            if self.models.is_none()
                && nothing_lost
                && exact
                && (1..=MOST_PACKETS).contains(&packets)
            {
                self.models = Some(Models::new(&self.settings, packets));
            }
        } else {
            for receiver in self.models.iter_mut().flat_map(Models::receivers) {
                receiver.model.break_off();
            }
        }
    }

    fn start_frame(
        &mut self,
        first: Option<u64>,
        number: u64,
        header: &RtpHeader,
        time_ns: u64,
        second_field: bool,
    ) {
        let first = first.filter(|_| !second_field);
        // Lost packets between the last frame and this packet may be of this one.
        let lost = self.follower.report().lost;
        let lost_here = first.map_or(0, |first| number.saturating_sub(first));
        self.frame = Some(Frame { first, lost_before: lost.saturating_sub(lost_here), fields: 1 });
        if let Some(coverage) = &mut self.coverage {
            coverage.clear();
        }
        let Some(index) = first.and_then(|first| usize::try_from(number - first).ok()) else {
            return;
        };
        // Ticks of the 90 kHz clock at the timestamp that is nearest: nine ticks are
        // 100 000 ns.
        let now = i128::from(time_ns) * 9 / 100_000;
        let ticks = now + i128::from(header.timestamp.wrapping_sub(now as u32).cast_signed());
        let Some(models) = &mut self.models else { return };
        self.frames.measured += 1;
        for receiver in models.receivers() {
            receiver.start_frame(time_ns, index);
        }
        if index == 0 {
            models.first_packet.record(models.linear.model.behind_frame_start(time_ns));
            self.latency.record(i128::from(time_ns) * 9 - ticks * 100_000);
            let ratio = self.settings.format.rate.ratio();
            let start = models.linear.model.nearest_frame(time_ns, 0)
                * i128::from(*ratio.denom())
                * i128::from(VIDEO_CLOCK_HZ);
            self.rtp_offset.record(ticks * i128::from(*ratio.numer()) - start);
        }
    }

    /// What was measured so far.
    pub fn report(&self) -> VideoReport {
        VideoReport::of(self)
    }
}
