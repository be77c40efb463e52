//! Link budget: no interface is given more streams than it can carry.
//!
//! A switch or a NIC that is given too much drops packets of every stream on it. So what a
//! command would add is summed up first, per interface and direction, with everything that a
//! packet takes on an Ethernet wire, and refused with the sums shown. Legs that name no
//! interface, and interfaces whose speed nobody knows, are not counted; monitors neither,
//! which are thin. What was kept from before a restart is never refused.

use std::{collections::BTreeMap, net::IpAddr};

use ormatrix_io::Clock;
use ormatrix_protocol::{
    Direction, InputId, InputSpec, Leg, Level, Levelled, OutputId, OutputSpec, Refusal, Take,
};
use st2110::rfc4175::{FramePlan, STANDARD_UDP_LIMIT};

use super::{Conductor, opener::Opener};
use crate::packet_io::PacketIo;

/// Octets of an Ethernet frame around an IP packet: preamble 8, header 14, check sequence 4,
/// gap 12 (IEEE 802.3 §3.1, §4.4.2).
const ETHERNET: u64 = 38;
const UDP: u64 = 8;
const RTP: usize = 12;
const IPV4: u64 = 20;
const IPV6: u64 = 40;

/// What a stream takes of a link, without what the link adds.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Load {
    pub packets_per_second: u64,
    octets_per_second: u64,
}

impl Load {
    /// That of a level as declared.
    pub fn of(spec: &InputSpec, level: Level) -> Self {
        match level {
            Level::Video => Self::of_picture(spec),
            Level::Audio => spec.audio.as_ref().map(|audio| &audio.format).map_or_else(
                Self::default,
                |format| {
                    let samples = u64::from(format.samples_per_packet().max(1));
                    let packets_per_second = u64::from(format.rate_hz.hz()) / samples;
                    let octets = (RTP + format.payload_octets()) as u64;
                    Self { packets_per_second, octets_per_second: octets * packets_per_second }
                },
            ),
            // Not declared anywhere; a full packet a frame is plenty for what is in use.
            Level::Ancillary => spec.ancillary.as_ref().map_or_else(Self::default, |data| {
                let rate = data.format.rate.ratio();
                let packets_per_second =
                    u64::from(*rate.numer()).div_ceil(u64::from(*rate.denom()));
                let octets_per_second = packets_per_second * u64::from(STANDARD_UDP_LIMIT);
                Self { packets_per_second, octets_per_second }
            }),
        }
    }

    fn of_picture(spec: &InputSpec) -> Self {
        // A format that cannot be cut is refused elsewhere.
        let Ok(plan) = FramePlan::new(&spec.video, spec.max_udp) else { return Self::default() };
        let octets: usize =
            (0..plan.packets()).filter_map(|index| Some(plan.packet(index)?.packet_len())).sum();
        let rate = spec.video.rate.ratio();
        let (frames, seconds) = (u64::from(*rate.numer()), u64::from(*rate.denom()));
        let a_second = |count: usize| count as u64 * frames / seconds;
        Self { packets_per_second: a_second(plan.packets()), octets_per_second: a_second(octets) }
    }

    /// Bits a second on the wire of a leg.
    fn on(self, leg: &Leg) -> u64 {
        let ip = if matches!(leg.address, IpAddr::V4(_)) { IPV4 } else { IPV6 };
        (self.octets_per_second + self.packets_per_second * (ETHERNET + ip + UDP)) * 8
    }
}

/// Bits a second by interface and direction.
type Sums<'a> = BTreeMap<(&'a str, Direction), u64>;

/// What a command would change.
#[derive(Clone, Copy, Default)]
pub(super) struct Change<'a> {
    pub input: Option<&'a InputSpec>,
    pub output: Option<&'a OutputSpec>,
    pub takes: &'a [Take],
}

impl<I: PacketIo, O: Opener<I>, C: Clock> Conductor<I, O, C> {
    /// Refuses a change that would give an interface more than it can carry.
    pub(super) fn check_budget(&mut self, change: Change<'_>) -> Result<(), Refusal> {
        let before = self.sums(Change::default());
        let mut more = Vec::new();
        for ((interface, direction), sum) in self.sums(change) {
            let present = before.get(&(interface, direction)).copied().unwrap_or(0);
            if sum > present {
                more.push((interface.to_owned(), direction, present, sum));
            }
        }
        for (interface, direction, present, sum) in more {
            if let Some(capacity) = self.opener.capacity(&interface).filter(|most| sum > *most) {
                let added = sum - present;
                return Err(Refusal::LinkFull { interface, direction, capacity, present, added });
            }
        }
        Ok(())
    }

    fn sums<'a>(&'a self, change: Change<'a>) -> Sums<'a> {
        let mut sums = Sums::new();
        let mut add = |direction, load: Load, legs: &'a [Leg]| {
            for leg in legs {
                if let Some(interface) = &leg.interface {
                    *sums.entry((interface, direction)).or_default() += load.on(leg);
                }
            }
        };
        for (id, input) in &self.inputs {
            if change.input.is_none_or(|changed| changed.id != *id) {
                for (level, stream) in &input.streams {
                    add(
                        Direction::Receive,
                        stream.load,
                        input.spec.legs_of(*level).unwrap_or_default(),
                    );
                }
            }
        }
        if let Some(input) = change.input {
            for level in input.levels() {
                add(
                    Direction::Receive,
                    Load::of(input, level),
                    input.legs_of(level).unwrap_or_default(),
                );
            }
        }
        for (id, output) in &self.outputs {
            let spec = change.output.filter(|changed| changed.id == *id).unwrap_or(&output.spec);
            for level in spec.levels() {
                let asked = self.routed(id, level, change);
                // The heavier of what is on and what will be on again.
                let taken = |take: &Take| take.output == *id && take.concerns(level);
                let stays = !change.takes.iter().any(taken);
                let backup = self.failover.backup(id, level).filter(|_| stays);
                let loads = asked.into_iter().chain(backup);
                let loads = loads.filter_map(|input| self.load(input, level, change));
                if let Some(load) = loads.max_by_key(|load| load.octets_per_second) {
                    add(Direction::Send, load, spec.legs_of(level).unwrap_or_default());
                }
            }
        }
        sums
    }

    /// What an output would show.
    fn routed<'a>(
        &'a self,
        output: &OutputId,
        level: Level,
        change: Change<'a>,
    ) -> Option<&'a InputId> {
        let taken = |take: &&Take| take.output == *output && take.concerns(level);
        match change.takes.iter().find(taken) {
            Some(take) => take.input.as_ref(),
            None => self.outputs.get(output)?.input(level),
        }
    }

    /// What an input would be.
    fn load(&self, input: &InputId, level: Level, change: Change<'_>) -> Option<Load> {
        match change.input {
            Some(changed) if changed.id == *input => Some(Load::of(changed, level)),
            _ => Some(self.inputs.get(input)?.streams.get(&level)?.load),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// ST 2110-20's own example: 1080p60 4:2:2 10-bit with 1200 octets a packet takes
    /// 2.667 Gb/s of the wire.
    #[test]
    fn full_hd_takes_what_the_tables_say() {
        let spec: InputSpec = serde_json::from_value(serde_json::json!({
            "id": "endoscope",
            "video": {
                "width": 1920, "height": 1080, "rate": "60", "sampling": "YCbCr-4:2:2", "depth": 10
            },
            "legs": [{ "address": "239.1.2.3", "port": 5004 }, { "address": "ff3e::1", "port": 1 }],
            "payload_type": 96
        }))
        .unwrap();
        let load = Load::of(&spec, Level::Video);
        assert_eq!(load.packets_per_second, 259_200);
        let [v4, v6] = [0, 1].map(|leg| load.on(&spec.legs[leg]));
        assert_eq!(v4, 259_200 * (1220 + 66) * 8);
        assert_eq!(v6, 259_200 * (1220 + 86) * 8);
        assert_eq!(v4 / 1_000_000, 2666);
    }
}
