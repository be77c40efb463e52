//! `ormatrix status`: one screen that says whether all is well, and if not, what to do.

use std::process::ExitCode;

use serde_json::{Value, json};

use super::{CliError, Context, alarm, table};

/// Asks, judges and prints. Fails when something is wrong.
pub fn run(context: &Context) -> Result<ExitCode, CliError> {
    let client = &context.client;
    let ready = client.probe("/readyz")?;
    let router = client.get("/api/v1/router")?;
    let inputs = client.get("/api/v1/inputs")?;
    let outputs = client.get("/api/v1/outputs")?;
    let alarms = client.get("/api/v1/alarms")?;
    let mut faults = judge(&ready, table::list(&inputs), table::list(&outputs));
    faults.extend(alarm::unseen(table::list(&alarms)));
    let well = faults.is_empty();
    if context.json {
        let status = json!({
            "well": well, "faults": faults, "ready": ready, "router": router,
            "inputs": inputs, "outputs": outputs, "alarms": alarms,
        });
        table::json(&status)?;
    } else {
        print(context, &router, &inputs, &outputs)?;
        if well {
            table::line("\nAll is well.")?;
        } else {
            table::line("\nNot well:")?;
            faults.iter().try_for_each(|fault| table::line(&format!("  - {fault}")))?;
        }
    }
    Ok(if well { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn print(
    context: &Context,
    router: &Value,
    inputs: &Value,
    outputs: &Value,
) -> Result<(), CliError> {
    let connected = router["connected"] == true;
    let said = if connected {
        format!(
            "router {} up since {}, {} lanes",
            table::text(router, "version"),
            table::text(router, "started_at"),
            table::text(router, "lanes")
        )
    } else {
        "router not connected".to_owned()
    };
    table::line(&format!("{}: {said}\n", context.client.base()))?;
    let row = |input: &Value| {
        [
            table::text(input, "id"),
            table::signal(input),
            table::bits(input.pointer("/signal/bits_per_second")),
            table::text(input, "signal/lost_packets"),
        ]
    };
    let rows: Vec<_> = table::list(inputs).iter().map(row).collect();
    table::print(["INPUT", "SIGNAL", "RATE", "LOST PACKETS"], &rows)?;
    table::line("")?;
    let row = |output: &Value| {
        [
            table::text(output, "id"),
            table::shows(output),
            table::text(output, "route/state"),
            table::apart(output),
            table::text(output, "route/since"),
        ]
    };
    let rows: Vec<_> = table::list(outputs).iter().map(row).collect();
    table::print(["OUTPUT", "SHOWS", "STATE", "WITH", "SINCE"], &rows)
}

/// What is wrong, with what to do about it.
fn judge(ready: &Value, inputs: &[Value], outputs: &[Value]) -> Vec<String> {
    let mut faults = Vec::new();
    if ready["ready"] != true {
        let detail = table::text(ready, "detail");
        faults.push(detail);
    }
    for input in inputs {
        let id = table::text(input, "id");
        if let Some(fault) = input["fault"].as_str() {
            faults.push(format!("input '{id}' is not received: {fault}"));
        }
        let shown = input["tally"].as_array().is_some_and(|tally| !tally.is_empty());
        match input.pointer("/signal/state").and_then(Value::as_str) {
            Some("lost") if shown => faults.push(format!(
                "input '{id}' is on a display and has no signal: check its source and cable \
                 (`ormatrix input show {id}` has its counters)"
            )),
            Some("unstable") => faults.push(format!(
                "input '{id}' loses packets: check its cable and switch, and socket buffers"
            )),
            _ => {}
        }
        let found = &input["findings"];
        for (key, words) in [("frozen_since", "does not move"), ("black_since", "is black")] {
            if let Some(since) = found[key].as_str() {
                faults.push(format!(
                    "input '{id}' sends packets, but its picture {words} since {since}: look at \
                     the device itself"
                ));
            }
        }
        if let Some(format) = found["found_format"].as_str() {
            faults.push(format!(
                "input '{id}' is not sent what it declares, but {format}: take the device's own \
                 SDP, or set the device"
            ));
        }
    }
    for output in outputs {
        let id = table::text(output, "id");
        if let Some(fault) = output["fault"].as_str() {
            faults.push(format!("output '{id}' is not sent: {fault}"));
        }
        let input = table::text(output, "route/input");
        match &output["route"]["stand_in"] {
            Value::Object(_) => faults.push(format!(
                "output '{id}' shows the backup '{}', because '{input}' has failed",
                table::text(output, "route/stand_in/backup")
            )),
            Value::String(_) => faults.push(format!(
                "output '{id}' shows a slate since {}, because '{input}' is lost",
                table::text(output, "route/since")
            )),
            _ => {}
        }
        for level in ["audio", "ancillary"] {
            let state = output.pointer(&format!("/levels/{level}/route/state"));
            if let Some(state @ ("waiting" | "no-signal")) = state.and_then(Value::as_str) {
                let from = table::text(output, &format!("levels/{level}/route/input"));
                faults.push(format!(
                    "output '{id}' has no {level} of '{from}' ({state}): check its source"
                ));
            }
        }
        if output.pointer("/route/state").and_then(Value::as_str) == Some("waiting") {
            faults.push(format!(
                "output '{id}' waits for '{}', which has not sent a whole frame: check its \
                 source",
                table::text(output, "route/input")
            ));
        }
    }
    faults
}
