//! The soak's report, for people and for programs.

use std::{collections::BTreeMap, fmt::Write as _, fs, io, path::Path};

use serde::Serialize;

use super::{
    Options,
    phase::Outcome,
    stage::{Remains, Stage},
};

/// Most that a process may grow between its first calm phase and its last, KiB.
const GROWTH_KIB: u64 = 64 * 1024;

/// What was seen.
#[derive(Debug, Serialize)]
pub struct Report {
    /// Where the dice started.
    pub seed: u64,
    /// How long it ran.
    pub seconds: u64,
    /// Nothing was wrong.
    pub passed: bool,
    /// What was wrong.
    pub failures: Vec<String>,
    /// Every phase.
    pub phases: Vec<Outcome>,
    /// Resident memory of each process that ran, by name and id.
    pub memory: BTreeMap<String, Memory>,
    /// Processes that were killed and started again.
    pub restarts: u64,
    /// Warnings of processes.
    pub warnings: Vec<String>,
}

/// Memory of one process, KiB.
#[derive(Debug, Serialize)]
pub struct Memory {
    /// At the end of its first calm phase.
    pub first_kib: u64,
    /// At the end of its last.
    pub last_kib: u64,
}

impl Report {
    /// An empty one.
    pub fn new(options: &Options) -> Self {
        Self {
            seed: options.seed,
            seconds: 0,
            passed: false,
            failures: Vec::new(),
            phases: Vec::new(),
            memory: BTreeMap::new(),
            restarts: 0,
            warnings: Vec::new(),
        }
    }

    /// Notes something that is wrong.
    pub fn fail(&mut self, what: String) {
        self.failures.push(what);
    }

    /// Adds a phase, and tells of it.
    pub fn add(&mut self, outcome: Outcome) {
        let name = name(&outcome);
        println!("{:>7.1} s  {name}", outcome.at_s);
        for failure in &outcome.failures {
            println!("           {failure}");
            self.failures.push(format!("{name} at {:.1} s: {failure}", outcome.at_s));
        }
        self.phases.push(outcome);
    }

    /// Notes how much memory is in use.
    pub(super) fn note_memory(&mut self, stage: &Stage) {
        for (name, pid, kib) in stage.memory() {
            let memory = self.memory.entry(format!("{name} {pid}"));
            memory.or_insert(Memory { first_kib: kib, last_kib: kib }).last_kib = kib;
        }
    }

    /// Adds what processes left behind.
    pub(super) fn take_over(&mut self, remains: Remains) {
        self.restarts = remains.restarts;
        for name in remains.ended {
            self.fail(format!("{name} ended by itself"));
        }
        for line in remains.complaints {
            if line.contains("panicked") || line.contains("ERROR") {
                self.fail(line);
            } else {
                self.warnings.push(line);
            }
        }
    }

    /// Comes to a verdict.
    pub fn end(&mut self, seconds: u64) {
        self.seconds = seconds;
        for (process, memory) in &self.memory {
            let grown = memory.last_kib.saturating_sub(memory.first_kib);
            if grown > GROWTH_KIB {
                self.failures.push(format!("{process} grew by {grown} KiB"));
            }
        }
        if self.phases.is_empty() {
            self.failures.push("nothing was seen".to_owned());
        }
        self.passed = self.failures.is_empty();
    }

    /// Whether nothing was wrong.
    pub fn passed(&self) -> bool {
        self.passed
    }

    /// Writes `report.json` and `report.md`.
    ///
    /// # Errors
    /// What the system says.
    pub fn write(&self, folder: &Path) -> io::Result<()> {
        fs::create_dir_all(folder)?;
        fs::write(folder.join("report.json"), serde_json::to_vec_pretty(self)?)?;
        fs::write(folder.join("report.md"), self.to_markdown())
    }

    /// The report for people.
    pub fn to_markdown(&self) -> String {
        let mut text = String::new();
        // Writing to a string cannot fail.
        let _ = self.markdown(&mut text);
        text
    }

    fn markdown(&self, text: &mut String) -> std::fmt::Result {
        let verdict = if self.passed { "passed" } else { "FAILED" };
        writeln!(text, "# Soak: {verdict}\n")?;
        writeln!(text, "{} s, seed {}, {} restarts\n", self.seconds, self.seed, self.restarts)?;
        for failure in &self.failures {
            writeln!(text, "- {failure}")?;
        }
        let calm = self.phases.iter().filter(|phase| phase.fault.is_none());
        let sum =
            |what: &str| -> u64 { calm.clone().filter_map(|phase| phase.displays.get(what)).sum() };
        let takes: u64 = self.phases.iter().map(|phase| phase.takes.confirmed).sum();
        writeln!(
            text,
            "\nOutside of faults: {} whole frames, {} switches; {} partial, {} mixed, {} doubled, \
             {} packets missing. {takes} takes confirmed altogether.\n",
            sum("whole"),
            sum("switch_count"),
            sum("partial"),
            sum("mixed"),
            sum("duplicated"),
            sum("missing_packets"),
        )?;
        let columns = "fault | at, s | recovered, ms | longest gap, ms | whole | partial | mixed | \
             packets missing | frames cut | lost on all legs | takes confirmed, refused, unanswered";
        writeln!(text, "| {columns} |\n|{}", "---|".repeat(columns.split('|').count()))?;
        for phase in &self.phases {
            let count = |what: &str| phase.displays.get(what).copied().unwrap_or(0);
            writeln!(
                text,
                "| {} | {:.1} | {} | {:.0} | {} | {} | {} | {} | {} | {} | {}, {}, {} |",
                name(phase),
                phase.at_s,
                phase.recovery_ms.map_or_else(String::new, |ms| format!("{ms:.0}")),
                phase.longest_gap_ms,
                count("whole"),
                count("partial"),
                count("mixed"),
                count("missing_packets"),
                phase.cut_frames,
                phase.lost_packets,
                phase.takes.confirmed,
                phase.takes.refused,
                phase.takes.unanswered,
            )?;
        }
        writeln!(text, "\n| process | memory at first, KiB | at last |\n|---|---|---|")?;
        for (process, memory) in &self.memory {
            writeln!(text, "| {process} | {} | {} |", memory.first_kib, memory.last_kib)?;
        }
        writeln!(text, "\nWarnings: {}", self.warnings.len())?;
        for line in self.warnings.iter().take(20) {
            writeln!(text, "- {line}")?;
        }
        Ok(())
    }
}

fn name(outcome: &Outcome) -> String {
    let name = outcome.fault.and_then(|fault| serde_json::to_value(fault).ok());
    name.and_then(|name| name.as_str().map(str::to_owned)).unwrap_or_else(|| "calm".to_owned())
}
