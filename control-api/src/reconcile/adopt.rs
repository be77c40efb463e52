//! The inventory as the router knows it, for when the database cannot be read.
//!
//! The router has what it needs to receive and send: ids, addresses, formats, the labels of
//! inputs. What only people need is not there: zones are empty, outputs are called by their
//! ids, there are no presets and no locks, and what a display accepts is unknown, so that no
//! take is refused for its format.

use ormatrix_protocol::{InputSpec, OutputSpec};

use crate::{
    inventory::{Accepts, Colour, Input, Inventory, Labels, Output, SourceType},
    mirror::Mirror,
};

/// Makes the inventory what the router has.
pub fn adopt(inventory: &mut Inventory, mirror: &Mirror) {
    let inputs = mirror.inputs.values().map(|now| input(now.spec.clone()));
    inventory.inputs = inputs.map(|input| (input.id.clone(), input)).collect();
    let outputs = mirror.outputs.values().map(|now| output(now.spec.clone()));
    inventory.outputs = outputs.map(|output| (output.id.clone(), output)).collect();
}

fn input(spec: InputSpec) -> Input {
    Input {
        label: spec.label.unwrap_or_else(|| spec.id.to_string()),
        labels: Labels::new(),
        zone: String::new(),
        source_type: SourceType::Other,
        video: spec.video,
        legs: spec.legs,
        payload_type: spec.payload_type,
        max_udp: spec.max_udp,
        colour: Colour::default(),
        merge: spec.merge,
        audio: spec.audio,
        ancillary: spec.ancillary,
        failover: spec.failover,
        id: spec.id,
    }
}

fn output(spec: OutputSpec) -> Output {
    Output {
        label: spec.id.to_string(),
        labels: Labels::new(),
        zone: String::new(),
        park: None,
        legs: spec.legs,
        payload_type: spec.payload_type,
        ssrc: spec.ssrc,
        ttl: spec.ttl,
        dscp: spec.dscp,
        accepts: Accepts::Any,
        audio: spec.audio,
        ancillary: spec.ancillary,
        on_loss: spec.on_loss,
        id: spec.id,
    }
}
