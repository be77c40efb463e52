//! Settings read again while the process runs (SIGHUP, `systemctl reload`).
//!
//! What a running process can change is changed, all of it at one moment; what it cannot stays
//! as it is and is named. Settings that cannot be used change nothing.

use std::fmt::Display;

use crate::{app::App, settings::Settings};

/// What becomes of settings that were read again.
#[derive(Clone, Debug, PartialEq)]
pub struct Reread {
    /// What the process runs by from now on.
    pub settings: Settings,
    /// Keys that changed.
    pub applied: Vec<&'static str>,
    /// Keys that would change with a restart, and have not.
    pub restart: Vec<&'static str>,
}

impl Settings {
    /// What of settings read again takes the place of these.
    pub fn reread(&self, new: Self) -> Reread {
        let mut settings = self.clone();
        let (mut applied, mut restart) = (Vec::new(), Vec::new());
        // Whoever adds a key decides here what becomes of it.
        let Self {
            listen,
            router_socket,
            state_dir,
            database,
            still_max_age_ms,
            ts_refclk,
            host_names,
            log,
            connections,
            log_format,
            measure,
            otlp_endpoint,
            alarms,
        } = new;
        if settings.still_max_age_ms != still_max_age_ms {
            settings.still_max_age_ms = still_max_age_ms;
            applied.push("still_max_age_ms");
        }
        if settings.ts_refclk != ts_refclk {
            settings.ts_refclk = ts_refclk;
            applied.push("ts_refclk");
        }
        if settings.host_names != host_names {
            settings.host_names = host_names;
            applied.push("host_names");
        }
        if settings.log != log {
            settings.log = log;
            applied.push("log");
        }
        if settings.measure != measure {
            settings.measure = measure;
            applied.push("measure");
        }
        for (key, changes) in [
            ("connections", self.connections != connections),
            ("log_format", self.log_format != log_format),
            ("otlp_endpoint", self.otlp_endpoint != otlp_endpoint),
            ("alarms", self.alarms != alarms),
            ("listen", self.listen != listen),
            ("router_socket", self.router_socket != router_socket),
            ("state_dir", self.state_dir != state_dir),
            ("database", self.database != database),
        ] {
            if changes {
                restart.push(key);
            }
        }
        Reread { settings, applied, restart }
    }
}

/// Applies what was read, or says why not; `set_log` changes what is logged.
pub fn apply<E: Display>(
    app: &App,
    read: Result<Settings, E>,
    set_log: impl FnOnce(&str) -> Result<(), String>,
) {
    let new = match read {
        Ok(new) => new,
        Err(error) => {
            tracing::error!("settings are not read again, and nothing has changed: {error}");
            return;
        }
    };
    let Reread { settings, applied, restart } = app.settings().reread(new);
    if applied.contains(&"log")
        && let Err(error) = set_log(&settings.log)
    {
        tracing::error!("settings are not read again, and nothing has changed: `log`: {error}");
        return;
    }
    app.set_settings(settings);
    match (applied.is_empty(), restart.is_empty()) {
        (true, true) => tracing::info!("settings read again: nothing is different"),
        (_, true) => tracing::info!(applied = applied.join(", "), "settings read again"),
        (_, false) => tracing::warn!(
            applied = applied.join(", "),
            restart = restart.join(", "),
            "settings read again; some need a restart"
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::OutputClock;

    #[test]
    fn what_cannot_change_stays_and_is_named() {
        let running = Settings::default();
        let new = Settings {
            still_max_age_ms: 1,
            host_names: vec!["or3.hospital.example".to_owned()],
            ts_refclk: OutputClock::try_from("ptp=IEEE1588-2008:traceable".to_owned()).unwrap(),
            log: "debug".to_owned(),
            ..running.clone()
        };
        let elsewhere = Settings {
            listen: "127.0.0.1:1".parse().unwrap(),
            state_dir: "/elsewhere".into(),
            ..new.clone()
        };
        let reread = running.reread(elsewhere.clone());
        assert_eq!(reread.applied, ["still_max_age_ms", "ts_refclk", "host_names", "log"]);
        assert_eq!(reread.restart, ["listen", "state_dir"]);
        assert_eq!(reread.settings, new);
        // What needs a restart is said again until there is one.
        let again = new.reread(elsewhere);
        assert!(again.applied.is_empty() && again.restart == ["listen", "state_dir"]);
    }
}
