//! What of the settings can change while packets flow, and what needs a restart.
//!
//! The poll interval of the lanes and the budgets of links can: the first is told to each lane
//! through its mailbox and holds from its next poll on, the others are the conductor's own.
//! Everything else is built into sockets, threads and tables, which stay as they are.

use std::collections::BTreeMap;

use crate::settings::Settings;

/// What can change in a running router.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tuning {
    /// How long packets may wait to leave together, microseconds.
    pub coalesce_us: u32,
    /// What interfaces can carry, megabits a second.
    pub link_mbps: BTreeMap<String, u64>,
}

/// What becomes of settings that were read again.
#[derive(Clone, Debug, PartialEq)]
pub struct Reread {
    /// What the router runs by from now on.
    pub settings: Settings,
    /// Keys that changed.
    pub applied: Vec<&'static str>,
    /// Keys that would change with a restart, and have not.
    pub restart: Vec<&'static str>,
}

impl From<&Settings> for Tuning {
    fn from(settings: &Settings) -> Self {
        Self { coalesce_us: settings.coalesce_us, link_mbps: settings.link_mbps.clone() }
    }
}

impl Settings {
    /// What of settings read again takes the place of these.
    pub fn reread(&self, new: Self) -> Reread {
        let mut settings = self.clone();
        let (mut applied, mut restart) = (Vec::new(), Vec::new());
        // Whoever adds a key decides here what becomes of it.
        let Self {
            socket,
            snapshot,
            lanes,
            cores,
            priority,
            coalesce_us,
            max_inputs,
            max_outputs,
            receive_buffer,
            send_buffer,
            link_mbps,
            log_format,
            chaos,
        } = new;
        if settings.coalesce_us != coalesce_us {
            settings.coalesce_us = coalesce_us;
            applied.push("coalesce_us");
        }
        if settings.link_mbps != link_mbps {
            settings.link_mbps = link_mbps;
            applied.push("link_mbps");
        }
        for (key, changes) in [
            ("socket", self.socket != socket),
            ("snapshot", self.snapshot != snapshot),
            ("lanes", self.lanes != lanes),
            ("cores", self.cores != cores),
            ("priority", self.priority != priority),
            ("max_inputs", self.max_inputs != max_inputs),
            ("max_outputs", self.max_outputs != max_outputs),
            ("receive_buffer", self.receive_buffer != receive_buffer),
            ("send_buffer", self.send_buffer != send_buffer),
            ("log_format", self.log_format != log_format),
            ("chaos", self.chaos != chaos),
        ] {
            if changes {
                restart.push(key);
            }
        }
        Reread { settings, applied, restart }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_change_stays_and_is_named() {
        let running = Settings { coalesce_us: 50, lanes: 2, ..Settings::default() };
        let new = Settings {
            coalesce_us: 200,
            link_mbps: BTreeMap::from([("eth1".to_owned(), 10_000)]),
            lanes: 3,
            priority: 20,
            ..running.clone()
        };
        let reread = running.reread(new.clone());
        assert_eq!(reread.applied, ["coalesce_us", "link_mbps"]);
        assert_eq!(reread.restart, ["lanes", "priority"]);
        let kept = Settings { lanes: 2, priority: 0, ..new.clone() };
        assert_eq!(reread.settings, kept);
        // What needs a restart is said again until there is one.
        let again = kept.reread(new);
        assert!(again.applied.is_empty() && again.restart == ["lanes", "priority"]);
    }
}
