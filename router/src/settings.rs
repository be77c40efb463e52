//! The router's settings.

use std::{collections::BTreeMap, path::PathBuf};

use ormatrix_settings::log::LogFormat;
use serde::Deserialize;

use crate::{lane::Capacity, packet_io::chaos::Faults};

/// What `ormatrix-router --config FILE` may hold; `router.toml` explains each.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Where the control plane connects.
    pub socket: PathBuf,
    /// Where inventory and routes are kept.
    pub snapshot: PathBuf,
    /// Lanes; 0 takes one for every two cores.
    pub lanes: u16,
    /// The core of each lane, in order; empty leaves it to the scheduler.
    pub cores: Vec<usize>,
    /// Real-time priority of lanes, 1 to 99; 0 for none.
    pub priority: u8,
    /// How long packets may wait to leave together, microseconds.
    pub coalesce_us: u32,
    /// Most streams of inputs: picture, sound and data are one each.
    pub max_inputs: u16,
    /// Most streams of outputs, and monitors.
    pub max_outputs: u16,
    /// Octets of kernel buffer for each input.
    pub receive_buffer: usize,
    /// Octets of kernel buffer for each output.
    pub send_buffer: usize,
    /// What interfaces can carry, megabits a second, where the system does not know or less
    /// shall be used.
    pub link_mbps: BTreeMap<String, u64>,
    /// What lines of the log look like; `ORMATRIX_LOG` says which there are.
    pub log_format: LogFormat,
    /// Faults for drills; none unless given.
    pub chaos: Option<Faults>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            socket: "/run/ormatrix/router.sock".into(),
            snapshot: "/var/lib/ormatrix/router.json".into(),
            lanes: 0,
            cores: Vec::new(),
            priority: 0,
            coalesce_us: 50,
            max_inputs: 768,
            max_outputs: 1024,
            receive_buffer: 32 << 20,
            send_buffer: 8 << 20,
            link_mbps: BTreeMap::new(),
            log_format: LogFormat::Text,
            chaos: None,
        }
    }
}

/// A setting out of range.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("setting {name} = {value}: {advice}")]
pub struct OutOfRange {
    name: &'static str,
    value: String,
    advice: &'static str,
}

impl Settings {
    /// Checks what types cannot.
    ///
    /// # Errors
    /// Names the setting, its value and what to write instead.
    pub fn check(&self) -> Result<(), OutOfRange> {
        let refuse = |name, value: String, advice| Err(OutOfRange { name, value, advice });
        if !(1..=10_000).contains(&self.coalesce_us) {
            return refuse("coalesce_us", self.coalesce_us.to_string(), "use 1 to 10000");
        }
        if self.priority > 99 {
            return refuse("priority", self.priority.to_string(), "use 0 to 99");
        }
        if self.lanes > 64 {
            return refuse("lanes", self.lanes.to_string(), "use 0 to 64");
        }
        for (name, value) in [("max_inputs", self.max_inputs), ("max_outputs", self.max_outputs)] {
            if !(1..=4096).contains(&value) {
                return refuse(name, value.to_string(), "use 1 to 4096");
            }
        }
        Ok(())
    }

    /// Lanes to start on a host of so many cores.
    pub fn lanes_on(&self, cores: usize) -> u16 {
        match self.lanes {
            0 => (cores / 2).clamp(1, 16) as u16,
            lanes => lanes,
        }
    }

    /// Room for inputs and outputs.
    pub fn capacity(&self) -> Capacity {
        Capacity { inputs: self.max_inputs, outputs: self.max_outputs }
    }
}
