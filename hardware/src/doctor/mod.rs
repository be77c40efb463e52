//! The host check: what this machine offers and lacks, why it matters, what mends it.
//!
//! Reading the host ([`Host`]) is kept apart from judging what was read, so that every
//! judgement is tested on texts captured from real machines. Two things are tried rather
//! than read, because settings and versions do not tell: batched UDP and real-time
//! scheduling. The check changes nothing and needs no root; what only root may read is
//! `unknown` to others. It takes about a second, most of it GStreamer's.

mod clock;
mod cores;
mod display;
mod ethtool;
mod finding;
mod host;
mod machine;
mod media;
mod memory;
mod network;
mod sockets;
mod table;

use std::process::ExitCode;

use serde::Serialize;

pub use finding::{Area, Finding, Verdict};
pub use host::{Host, ThisHost};

/// Everything found on a host.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Report {
    /// The machine in one line: system, kernel, processor, memory.
    pub host: String,
    /// The worst of all findings, `unknown` left aside.
    pub verdict: Verdict,
    /// In the order in which a person reads them.
    pub findings: Vec<Finding>,
}

impl Report {
    /// How many findings have this verdict.
    pub fn count(&self, verdict: Verdict) -> usize {
        self.findings.iter().filter(|finding| finding.verdict == verdict).count()
    }
}

/// Examines a host.
pub fn examine(host: &dyn Host) -> Report {
    let findings: Vec<Finding> = [
        machine::findings(host),
        cores::findings(host),
        memory::findings(host),
        sockets::findings(host),
        network::findings(host),
        clock::findings(host),
        media::findings(host),
        display::findings(host),
    ]
    .into_iter()
    .flatten()
    .collect();
    let worst = |verdict| findings.iter().any(|finding: &Finding| finding.verdict == verdict);
    let verdict = match () {
        () if worst(Verdict::Missing) => Verdict::Missing,
        () if worst(Verdict::Fair) => Verdict::Fair,
        () => Verdict::Good,
    };
    Report { host: machine::summary(host), verdict, findings }
}

/// `ormatrix doctor`: prints the report, readable or as JSON. Success unless something is
/// missing.
pub fn run(json: bool) -> ExitCode {
    let report = examine(&ThisHost);
    let text = if json {
        // Strings and enums only: there is nothing that JSON could not hold.
        serde_json::to_string_pretty(&report).unwrap_or_default() + "\n"
    } else {
        table::render(&report)
    };
    // A reader that went away (`| head`) is no fault of the host.
    let _ = std::io::Write::write_all(&mut std::io::stdout(), text.as_bytes());
    if report.verdict == Verdict::Missing { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_host_can_be_examined() {
        let report = examine(&ThisHost);
        for area in [Area::Machine, Area::Cores, Area::Sockets, Area::Clock, Area::Media] {
            assert!(report.findings.iter().any(|f| f.area == area), "{area:?} is silent");
        }
        for finding in &report.findings {
            assert!(!finding.value.is_empty() && !finding.reason.is_empty(), "{finding:?}");
        }
        let mut checks: Vec<_> = report.findings.iter().map(|f| &f.check).collect();
        checks.sort();
        checks.dedup();
        assert_eq!(checks.len(), report.findings.len(), "a check's name is used twice");
        let json: serde_json::Value =
            serde_json::from_str(&serde_json::to_string(&report).unwrap()).unwrap();
        assert_eq!(json["findings"].as_array().unwrap().len(), report.findings.len());
    }
}
