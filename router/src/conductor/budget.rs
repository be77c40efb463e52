//! Link budget: no interface is given more streams than it can carry.
//!
//! A switch or a NIC that is given too much drops packets of every stream on it. So what a
//! command would add is summed up first, per interface and direction, with everything that a
//! packet takes on an Ethernet wire, and refused with the sums shown. Legs that name no
//! interface, and interfaces whose speed nobody knows, are not counted; monitors neither,
//! which are thin. What was kept from before a restart is never refused.

use std::{collections::BTreeMap, net::IpAddr};

use ormatrix_io::Clock;
use ormatrix_protocol::{Direction, InputId, InputSpec, Leg, OutputId, OutputSpec, Refusal, Take};
use st2110::rfc4175::FramePlan;

use super::{Conductor, opener::Opener};
use crate::packet_io::PacketIo;

/// Octets of an Ethernet frame around an IP packet: preamble 8, header 14, check sequence 4,
/// gap 12 (IEEE 802.3 §3.1, §4.4.2).
const ETHERNET: u64 = 38;
const UDP: u64 = 8;
const IPV4: u64 = 20;
const IPV6: u64 = 40;

/// What a stream takes of a link, without what the link adds.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Load {
    pub packets_per_second: u64,
    octets_per_second: u64,
}

impl Load {
    /// That of a stream as declared.
    pub fn of(spec: &InputSpec) -> Self {
        // A format that cannot be cut is refused elsewhere.
        let Ok(plan) = FramePlan::new(&spec.video, spec.max_udp) else { return Self::default() };
        let octets: usize =
            (0..plan.packets()).filter_map(|index| Some(plan.packet(index)?.packet_len())).sum();
        let rate = spec.video.rate.ratio();
        let (frames, seconds) = (u64::from(*rate.numer()), u64::from(*rate.denom()));
        let a_second = |count: usize| count as u64 * frames / seconds;
        Self { packets_per_second: a_second(plan.packets()), octets_per_second: a_second(octets) }
    }

    fn octets(&self) -> u64 {
        self.octets_per_second
    }

    /// Bits a second on the wire of a leg.
    fn on(self, leg: &Leg) -> u64 {
        let ip = if matches!(leg.address, IpAddr::V4(_)) { IPV4 } else { IPV6 };
        (self.octets_per_second + self.packets_per_second * (ETHERNET + ip + UDP)) * 8
    }
}

/// Bits a second by interface and direction.
type Sums = BTreeMap<(String, Direction), u64>;

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
        let (before, after) = (self.sums(Change::default()), self.sums(change));
        for ((interface, direction), sum) in after {
            let key = (interface, direction);
            let present = before.get(&key).copied().unwrap_or(0);
            let (interface, direction) = key;
            if sum <= present {
                continue;
            }
            if let Some(capacity) = self.opener.capacity(&interface).filter(|most| sum > *most) {
                let added = sum - present;
                return Err(Refusal::LinkFull { interface, direction, capacity, present, added });
            }
        }
        Ok(())
    }

    fn sums(&self, change: Change<'_>) -> Sums {
        let mut sums = Sums::new();
        let mut add = |direction, load: Load, legs: &[Leg]| {
            for leg in legs {
                if let Some(interface) = &leg.interface {
                    *sums.entry((interface.clone(), direction)).or_default() += load.on(leg);
                }
            }
        };
        for (id, input) in &self.inputs {
            if change.input.is_none_or(|changed| changed.id != *id) {
                add(Direction::Receive, input.load, &input.spec.legs);
            }
        }
        if let Some(input) = change.input {
            add(Direction::Receive, Load::of(input), &input.legs);
        }
        for (id, output) in &self.outputs {
            let legs = match change.output {
                Some(changed) if changed.id == *id => &changed.legs,
                _ => &output.spec.legs,
            };
            let asked = self.routed(id, change).and_then(|input| self.load(input, change));
            // The heavier of what is on and what will be on again.
            let stands_in = change.takes.iter().all(|take| take.output != *id);
            let backup = self.backup_on(id).filter(|_| stands_in);
            let backup = backup.and_then(|input| self.load(input, change));
            if let Some(load) = asked.into_iter().chain(backup).max_by_key(Load::octets) {
                add(Direction::Send, load, legs);
            }
        }
        sums
    }

    /// What an output would show.
    fn routed<'a>(&'a self, output: &OutputId, change: Change<'a>) -> Option<&'a InputId> {
        match change.takes.iter().find(|take| take.output == *output) {
            Some(take) => take.input.as_ref(),
            None => self.outputs.get(output)?.route.input.as_ref(),
        }
    }

    /// What an input would be.
    fn load(&self, input: &InputId, change: Change<'_>) -> Option<Load> {
        match change.input {
            Some(changed) if changed.id == *input => Some(Load::of(changed)),
            _ => Some(self.inputs.get(input)?.load),
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
        let load = Load::of(&spec);
        assert_eq!(load.packets_per_second, 259_200);
        let [v4, v6] = [0, 1].map(|leg| load.on(&spec.legs[leg]));
        assert_eq!(v4, 259_200 * (1220 + 66) * 8);
        assert_eq!(v6, 259_200 * (1220 + 86) * 8);
        assert_eq!(v4 / 1_000_000, 2666);
    }
}
