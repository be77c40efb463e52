//! What the router says no to, as problems.

use axum::http::StatusCode;
use ormatrix_protocol::Refusal;
use serde_json::{Value, json};

/// The problem of a router's refusal.
pub(super) fn refused(refusal: &Refusal) -> (&'static str, &'static str, StatusCode, Value) {
    use StatusCode as S;
    match refusal {
        Refusal::UnknownInput { input } => {
            ("unknown-input", "Unknown input", S::NOT_FOUND, json!({ "input": input }))
        }
        Refusal::UnknownOutput { output } => {
            ("unknown-output", "Unknown output", S::NOT_FOUND, json!({ "output": output }))
        }
        Refusal::AddressTaken { address, port, holder } => (
            "address-taken",
            "Address already used",
            S::CONFLICT,
            json!({ "address": address, "port": port, "holder": holder }),
        ),
        Refusal::PortInUse { address, port } => {
            ("port-in-use", "Port in use", S::CONFLICT, json!({ "address": address, "port": port }))
        }
        Refusal::NotOurAddress { address } => (
            "not-our-address",
            "Not an address of this host",
            S::UNPROCESSABLE_ENTITY,
            json!({ "address": address }),
        ),
        Refusal::UnknownInterface { interface } => (
            "unknown-interface",
            "Unknown network interface",
            S::UNPROCESSABLE_ENTITY,
            json!({ "interface": interface }),
        ),
        Refusal::Socket { address, port, .. } => (
            "socket-refused",
            "Socket refused",
            S::UNPROCESSABLE_ENTITY,
            json!({ "address": address, "port": port }),
        ),
        Refusal::InputRouted { input, outputs } => (
            "input-routed",
            "Input on a display",
            S::CONFLICT,
            json!({ "input": input, "outputs": outputs }),
        ),
        Refusal::NoOutputLevel { output, level } => (
            "no-such-level",
            "Output without this level",
            S::CONFLICT,
            json!({ "output": output, "level": level }),
        ),
        Refusal::NoInputLevel { input, level } => (
            "no-such-level",
            "Input without this level",
            S::CONFLICT,
            json!({ "input": input, "level": level }),
        ),
        Refusal::NotScheduled { take } => {
            ("not-scheduled", "No such salvo waits", S::NOT_FOUND, json!({ "take": take }))
        }
        Refusal::TwiceInSalvo { output } => (
            "twice-in-salvo",
            "Output named twice",
            S::UNPROCESSABLE_ENTITY,
            json!({ "output": output }),
        ),
        Refusal::Full { what, limit, setting } => (
            "full",
            "No room left",
            S::CONFLICT,
            json!({ "what": what, "limit": limit, "setting": setting }),
        ),
        Refusal::LinkFull { interface, direction, capacity, present, added } => (
            "link-full",
            "Network interface full",
            S::CONFLICT,
            json!({
                "interface": interface, "direction": direction, "capacity_bits_per_second": capacity,
                "present_bits_per_second": present, "added_bits_per_second": added
            }),
        ),
        Refusal::Invalid { field, .. } => {
            ("invalid-value", "Invalid value", S::UNPROCESSABLE_ENTITY, json!({ "field": field }))
        }
        Refusal::Malformed { .. } => {
            ("internal", "Internal fault", S::INTERNAL_SERVER_ERROR, json!({}))
        }
    }
}
