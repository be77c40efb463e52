//! What is on a cable, as Wireshark's dissectors read it.

use std::path::{Path, PathBuf};

use super::{Host, Network};
use crate::process::{Process, run};

/// A capture into a file.
pub struct Capture {
    process: Process,
    file: PathBuf,
}

impl Capture {
    /// Starts to capture what passes an interface and `filter` (as tcpdump writes it), and
    /// returns once it does. It ends by itself after `count` packets.
    ///
    /// # Panics
    /// When `dumpcap` is missing or cannot capture.
    pub fn start(
        network: &Network,
        (host, interface): (Host, &str),
        filter: &str,
        count: usize,
        folder: &Path,
    ) -> Self {
        let file = folder.join(format!("{interface}-{count}.pcapng"));
        let mut command = network.command(host, "dumpcap");
        command.args(["-q", "-i", interface, "-f", filter, "-c", &count.to_string(), "-w"]);
        let mut process = Process::start({
            command.arg(&file);
            command
        });
        // Said once the interface is open and filtered.
        process.wait_for("File:");
        Self { process, file }
    }

    /// Waits until it has all its packets.
    pub fn full(self) -> Captured {
        let (status, _) = self.process.finish();
        assert!(status.success(), "dumpcap: {status}");
        Captured { file: self.file }
    }

    /// Ends it with what it has.
    pub fn stop(self) -> Captured {
        self.process.terminate();
        self.full()
    }
}

/// A finished capture.
pub struct Captured {
    file: PathBuf,
}

impl Captured {
    /// The values of fields in each packet that `filter` (as Wireshark writes it) lets
    /// through. A field that occurs several times in a packet has its values separated by
    /// commas. `more` are further options of tshark.
    ///
    /// # Panics
    /// When `tshark` is missing or does not know a field.
    pub fn fields(&self, filter: &str, fields: &[&str], more: &[&str]) -> Vec<Vec<String>> {
        let file = self.file.to_string_lossy();
        let mut arguments = vec!["-r", &file, "-Y", filter, "-T", "fields", "-E", "separator=|"];
        arguments.extend(fields.iter().flat_map(|field| ["-e", field]));
        arguments.extend(more);
        let text = run("tshark", &arguments);
        text.lines().map(|line| line.split('|').map(str::to_owned).collect()).collect()
    }

    /// Asserts that there is a report of a host that joined a group for one source alone
    /// (IGMPv3, MLDv2), and none that joined it for everyone.
    ///
    /// # Panics
    /// When that is not so.
    pub fn assert_joined(&self, group: &str, source: &str) {
        let (filter, fields) = if group.contains(':') {
            ("icmpv6.type == 143", ["record_type", "multicast_address", "source_address"])
        } else {
            ("igmp.type == 0x22", ["record_type", "maddr", "saddr"])
        };
        let prefix = if group.contains(':') { "icmpv6.mldr.mar." } else { "igmp." };
        let fields = fields.map(|field| format!("{prefix}{field}"));
        let reports = self.fields(filter, &fields.each_ref().map(String::as_str), &[]);
        let joins: Vec<_> = reports
            .iter()
            .filter_map(|report| {
                // Only our own group has sources: every other is joined for everyone.
                let place = report[1].split(',').position(|joined| joined == group)?;
                Some((report[0].split(',').nth(place)?, report[2].as_str()))
            })
            .collect();
        // MODE_IS_INCLUDE, CHANGE_TO_INCLUDE_MODE, ALLOW_NEW_SOURCES (RFC 3376 §4.2.12).
        let include =
            |(kind, sources): &(&str, &str)| ["1", "3", "5"].contains(kind) && *sources == source;
        assert!(!joins.is_empty() && joins.iter().all(include), "{joins:?} of {reports:?}");
    }
}
