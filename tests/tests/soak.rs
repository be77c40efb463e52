//! A short soak (see [`ormatrix_tests::soak`]); `ORMATRIX_SOAK_SECONDS` and
//! `ORMATRIX_SOAK_SEED` for another one, `ORMATRIX_SOAK_REPORT` for where its report goes.
//! Needs root; see [`ormatrix_tests::namespace`].

use std::{env, path::Path};

use ormatrix_io::{Clock, SystemClock};
use ormatrix_tests::{
    Process,
    namespace::{Host, Network, SECOND},
};
use serde_json::Value;

/// Long enough for every fault once.
const SECONDS: u64 = 75;

/// Soaks, and returns the report.
fn soak(seconds: u64, faults: &str, folder: &Path, variables: &[(&str, &str)]) -> Value {
    let network = Network::new();
    network.plug(&SECOND);
    let seed = env::var("ORMATRIX_SOAK_SEED").unwrap_or_else(|_| {
        let random = SystemClock.unix() / 1000 % 1_000_000;
        random.to_string()
    });
    let mut command = network.own(Host::Mid, "ormatrix-test-soak");
    command.args([&seconds.to_string(), &seed, faults]).arg(folder);
    command.envs(variables.iter().copied());
    let (status, said) = Process::start(command).finish();
    println!("{}", String::from_utf8_lossy(&said));
    let report = std::fs::read(folder.join("report.json")).expect("a report");
    let report: Value = serde_json::from_slice(&report).expect("JSON");
    assert_eq!(status.success(), report["passed"] == true, "{status}");
    report
}

#[test]
fn everything_recovers_and_nothing_wrong_is_shown() {
    let seconds = env::var("ORMATRIX_SOAK_SECONDS")
        .map_or(SECONDS, |text| text.parse().expect("a number of seconds"));
    let temporary = tempfile::tempdir().unwrap();
    let folder = env::var_os("ORMATRIX_SOAK_REPORT");
    let folder = folder.as_deref().map_or(temporary.path(), Path::new);
    let report = soak(seconds, "all", folder, &[]);
    assert_eq!(report["passed"], true, "{:#}", report["failures"]);
    let phases = report["phases"].as_array().unwrap();
    let struck = phases.iter().filter(|phase| !phase["fault"].is_null()).count();
    // What the shortest one has time for.
    assert!(struck >= 4, "only {struck} faults in {seconds} s");
}

/// A router that now and then loses a packet of both legs: the verdict must say so.
#[test]
fn a_router_that_loses_packets_is_found_out() {
    let temporary = tempfile::tempdir().unwrap();
    let lossy = [("ORMATRIX_ROUTER_CHAOS__DROP_PERMILLE", "30")];
    let report = soak(5, "none", temporary.path(), &lossy);
    assert_eq!(report["passed"], false, "{report:#}");
    let failures = report["failures"].to_string();
    assert!(failures.contains("the router missed"), "{failures}");
    assert!(failures.contains("partial"), "{failures}");
}
