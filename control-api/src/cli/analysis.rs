//! `ormatrix input analysis` and `ormatrix output analysis`: the essentials of a report.
//!
//! The report is the watcher's; what it does not say is shown as `-`.

use std::{process::ExitCode, thread, time::Duration};

use serde_json::Value;

use super::{CliError, Context, table};

/// Between two looks for the first report.
const AGAIN: Duration = Duration::from_millis(250);
/// How often to look: half a minute in all.
const LOOKS: usize = 120;

/// Looks until there is a first report, and prints it. Fails when something measured is not good.
pub fn run(
    context: &Context,
    id: &str,
    look: impl Fn() -> Result<Option<Value>, CliError>,
) -> Result<ExitCode, CliError> {
    for _ in 0..LOOKS {
        let Some(report) = look()? else {
            thread::sleep(AGAIN);
            continue;
        };
        if context.json {
            table::json(&report)?;
        } else {
            print(id, &report)?;
        }
        let bad = report["good"] == false;
        return Ok(if bad { ExitCode::FAILURE } else { ExitCode::SUCCESS });
    }
    Err(CliError::Arguments(format!(
        "the watcher knows that '{id}' is wanted and has sent no report for half a minute: look \
         into its log"
    )))
}

fn print(id: &str, report: &Value) -> Result<(), CliError> {
    let verdict = match report["good"].as_bool() {
        Some(true) => "good",
        Some(false) => "NOT GOOD",
        None => "no verdict",
    };
    let seconds = report["seconds"].as_f64();
    let seconds = seconds.map_or_else(String::new, |s| format!(", {s:.1} s measured"));
    table::line(&format!("{id}: {verdict}{seconds}, until {}\n", text(report, "until")))?;
    let streams = list(report, "streams");
    let rows: Vec<_> = streams.iter().map(row).collect();
    table::print(
        ["STREAM", "RATE", "PACKETS", "LOST", "SENDER TYPES", "CINST", "VRX", "LATENCY", "VERDICT"],
        &rows,
    )?;
    for (heading, key) in [("Failed:", "failed"), ("To know:", "notes"), ("Limits:", "limits")] {
        let lines = list(report, key);
        if !lines.is_empty() {
            table::line(&format!("\n{heading}"))?;
        }
        for line in lines.iter().filter_map(Value::as_str) {
            table::line(&format!("  - {line}"))?;
        }
    }
    Ok(())
}

/// The text at a path of keys such as `rtp/lost`; `-` where there is none.
fn text(report: &Value, path: &str) -> String {
    match report.pointer(&format!("/{path}")) {
        None | Some(Value::Null) => "-".to_owned(),
        Some(Value::String(said)) => table::text(said),
        Some(other) => other.to_string(),
    }
}

/// The elements of a list; none when it is no list.
fn list<'a>(report: &'a Value, key: &str) -> &'a [Value] {
    report[key].as_array().map_or(&[], Vec::as_slice)
}

fn row(stream: &Value) -> [String; 9] {
    let leg = stream["leg"].as_u64().map_or_else(String::new, |leg| format!(" leg {}", leg + 1));
    let types = list(stream, "sender_types");
    let kept = types.iter().filter(|one| one["outcome"] == "pass");
    let kept: Vec<String> = kept.map(|one| text(one, "sender_type")).collect();
    // By the type that is kept, else by the widest.
    let shown = types.iter().find(|one| one["outcome"] == "pass").or(types.last());
    let figure = |key: &str| shown.map_or_else(|| "-".to_owned(), |one| text(one, key));
    let bounded = |value: String, limit: &str| match figure(limit).as_str() {
        "-" => value,
        limit => format!("{value} of {limit}"),
    };
    // Sound is measured by its delay behind the timestamp.
    let latency =
        ["latency_ns", "delay_ns"].into_iter().find_map(|key| stream[key]["max"].as_f64());
    [
        format!("{}{leg}", text(stream, "kind")),
        table::bits(stream["bits_per_second"].as_u64()),
        text(stream, "rtp/packets"),
        text(stream, "rtp/lost"),
        match (types.is_empty(), kept.is_empty()) {
            (true, _) => "-".to_owned(),
            (false, true) => "none".to_owned(),
            (false, false) => kept.join(", "),
        },
        bounded(figure("cinst_peak"), "cmax"),
        bounded(format!("{}..{}", figure("vrx_least"), figure("vrx_peak")), "vrx_full")
            .replace("-..-", "-"),
        latency.map_or_else(|| "-".to_owned(), |ns| format!("{:.1} µs", ns / 1000.0)),
        match stream["good"].as_bool() {
            Some(true) => "good".to_owned(),
            Some(false) => "NOT GOOD".to_owned(),
            None => "-".to_owned(),
        },
    ]
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_stream_is_told_in_a_line() {
        let stream = json!({
            "kind": "video", "leg": 0, "bits_per_second": 2_600_000_000_u64, "good": true,
            "rtp": { "packets": 4320, "lost": 0 }, "latency_ns": { "max": 12_345.6 },
            "sender_types": [
                { "sender_type": "N", "outcome": "fail", "cinst_peak": 9, "cmax": 4 },
                { "sender_type": "NL", "outcome": "fail", "cinst_peak": 9, "cmax": 4 },
                { "sender_type": "W", "outcome": "pass", "cinst_peak": 9, "cmax": 16,
                  "vrx_least": 0, "vrx_peak": 12, "vrx_full": 739 },
            ],
        });
        let told = [
            "video leg 1",
            "2.60 Gb/s",
            "4320",
            "0",
            "W",
            "9 of 16",
            "0..12 of 739",
            "12.3 µs",
            "good",
        ];
        assert_eq!(row(&stream), told.map(str::to_owned));
        let nothing = row(&json!({ "kind": "unknown", "reason": "silence" }));
        assert_eq!(nothing, ["unknown", "-", "-", "-", "-", "-", "-", "-", "-"].map(str::to_owned));
    }
}
