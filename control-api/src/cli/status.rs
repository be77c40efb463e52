//! `ormatrix status`: one screen that says whether all is well, and if not, what to do.

use std::process::ExitCode;

use ormatrix_client::types::{Input, Output, Ready, RouteState, Router, SignalState, StandIn};
use serde_json::json;

use super::{CliError, Context, alarm, table};

/// Asks, judges and prints. Fails when something is wrong.
pub fn run(context: &Context) -> Result<ExitCode, CliError> {
    let client = &context.client;
    let ready = client.readyz()?;
    let router = client.get_router()?;
    let inputs = client.list_inputs()?;
    let outputs = client.list_outputs()?;
    let alarms = client.list_alarms()?;
    let mut faults = judge(&ready.value()?, &inputs.value()?, &outputs.value()?);
    faults.extend(alarm::unseen(&alarms.value()?));
    let well = faults.is_empty();
    if context.json {
        let status = json!({
            "well": well, "faults": faults, "ready": ready.body(), "router": router.body(),
            "inputs": inputs.body(), "outputs": outputs.body(), "alarms": alarms.body(),
        });
        table::json(&status)?;
    } else {
        print(context, &router.value()?, &inputs.value()?, &outputs.value()?)?;
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
    router: &Router,
    inputs: &[Input],
    outputs: &[Output],
) -> Result<(), CliError> {
    let said = if router.connected {
        format!(
            "router {} up since {}, {} lanes",
            table::maybe(router.version.as_ref()),
            table::maybe(router.started_at.as_ref()),
            table::maybe(router.lanes.as_ref())
        )
    } else {
        "router not connected".to_owned()
    };
    table::line(&format!("{}: {said}\n", context.client.base()))?;
    let row = |input: &Input| {
        [
            table::text(&input.id),
            table::signal(&input.signal, input.findings.as_ref()),
            table::bits(input.signal.bits_per_second),
            table::maybe(input.signal.lost_packets.as_ref()),
        ]
    };
    let rows: Vec<_> = inputs.iter().map(row).collect();
    table::print(["INPUT", "SIGNAL", "RATE", "LOST PACKETS"], &rows)?;
    table::line("")?;
    let row = |output: &Output| {
        [
            table::text(&output.id),
            table::shows(&output.route),
            table::text(&output.route.state),
            table::apart(output),
            table::maybe(output.route.since.as_ref()),
        ]
    };
    let rows: Vec<_> = outputs.iter().map(row).collect();
    table::print(["OUTPUT", "SHOWS", "STATE", "WITH", "SINCE"], &rows)
}

/// What is wrong, with what to do about it.
fn judge(ready: &Ready, inputs: &[Input], outputs: &[Output]) -> Vec<String> {
    let mut faults = Vec::new();
    if !ready.ready {
        faults.push(table::maybe(ready.detail.as_ref()));
    }
    for input in inputs {
        let id = &input.id;
        if let Some(fault) = &input.fault {
            faults.push(format!("input '{id}' is not received: {fault}"));
        }
        match input.signal.state {
            SignalState::Lost if !input.tally.is_empty() => faults.push(format!(
                "input '{id}' is on a display and has no signal: check its source and cable \
                 (`ormatrix input show {id}` has its counters)"
            )),
            SignalState::Unstable => faults.push(format!(
                "input '{id}' loses packets: check its cable and switch, and socket buffers"
            )),
            _ => {}
        }
        let found = input.findings.clone().unwrap_or_default();
        let since = [(&found.frozen_since, "does not move"), (&found.black_since, "is black")];
        for (since, words) in since {
            if let Some(since) = since {
                faults.push(format!(
                    "input '{id}' sends packets, but its picture {words} since {since}: look at \
                     the device itself"
                ));
            }
        }
        if let Some(format) = &found.found_format {
            faults.push(format!(
                "input '{id}' is not sent what it declares, but {format}: take the device's own \
                 SDP, or set the device"
            ));
        }
    }
    for output in outputs {
        let (id, route) = (&output.id, &output.route);
        if let Some(fault) = &output.fault {
            faults.push(format!("output '{id}' is not sent: {fault}"));
        }
        let input = table::maybe(route.input.as_ref());
        match &route.stand_in {
            Some(StandIn::Backup { backup }) => faults.push(format!(
                "output '{id}' shows the backup '{backup}', because '{input}' has failed"
            )),
            Some(StandIn::Slate(_)) => faults.push(format!(
                "output '{id}' shows a slate since {}, because '{input}' is lost",
                table::maybe(route.since.as_ref())
            )),
            Some(StandIn::Unlisted(other)) => faults.push(format!(
                "output '{id}' shows something else ({other}), because '{input}' has failed"
            )),
            None => {}
        }
        for level in table::BESIDE {
            let Some(route) = output.levels.get(level).map(|level| &level.route) else { continue };
            if let state @ (RouteState::Waiting | RouteState::NoSignal) = &route.state {
                let from = table::maybe(route.input.as_ref());
                faults.push(format!(
                    "output '{id}' has no {level} of '{from}' ({state}): check its source"
                ));
            }
        }
        if route.state == RouteState::Waiting {
            faults.push(format!(
                "output '{id}' waits for '{input}', which has not sent a whole frame: check its \
                 source"
            ));
        }
    }
    faults
}
