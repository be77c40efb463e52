//! The process's own settings.

use std::{
    net::{Ipv4Addr, SocketAddr},
    path::PathBuf,
};

use axum::http::Uri;
use ormatrix_settings::log::LogFormat;
use serde::Deserialize;
use st2110::sdp::ReferenceClock;

use crate::{alarms::settings::AlarmSettings, http::serve::Limits};

/// Variables that override the file begin with this.
pub const ENV_PREFIX: &str = "ORMATRIX_CONTROL";

/// What can be set; every key has a default.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Where the API and the panel are served. Whoever reaches it may change routes.
    pub listen: SocketAddr,
    /// The router's control socket.
    pub router_socket: PathBuf,
    /// Where this process keeps what must survive it.
    pub state_dir: PathBuf,
    /// The inventory's database; `control.sqlite3` in the state directory unless given.
    pub database: Option<PathBuf>,
    /// A still older than this is not shown.
    pub still_max_age_ms: u64,
    /// What the SDPs of outputs name as the clock that their timestamps follow.
    pub ts_refclk: OutputClock,
    /// Names by which browsers may reach this host, beside its addresses and its own name.
    pub host_names: Vec<String>,
    /// Who is told of alarms.
    pub alarms: AlarmSettings,
    /// Most connections at a time, streams of events included; others wait.
    pub connections: usize,
    /// What is logged, as `info` or `ormatrix_control=debug,info`.
    pub log: String,
    /// What lines of the log look like.
    pub log_format: LogFormat,
    /// Which streams a watcher shall measure.
    pub measure: Measure,
    /// A collector of traces (OTLP over HTTP); none unless given.
    pub otlp_endpoint: Option<Collector>,
}

/// Where traces go: `http://`, a host, perhaps a port and a path.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Collector(String);

/// Not a place where traces can go.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "'{0}' is no collector: write http://127.0.0.1:4318, with the host and port of one that takes \
     OTLP over HTTP; for one that wants https run a collector of your own on this host between"
)]
pub struct NotACollector(String);

impl Collector {
    /// The URL.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Collector {
    type Error = NotACollector;

    fn try_from(text: String) -> Result<Self, NotACollector> {
        let uri = text.parse::<Uri>().ok().filter(|uri| {
            uri.scheme_str() == Some("http") && uri.host().is_some() && uri.query().is_none()
        });
        if uri.is_some() { Ok(Self(text)) } else { Err(NotACollector(text)) }
    }
}

/// Which streams a watcher shall measure.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Measure {
    /// Those that somebody asks about.
    #[default]
    OnRequest,
    /// All, all the time: what a dashboard needs.
    Always,
}

/// The clock that the timestamps of outputs follow, as `a=ts-refclk` of their SDPs says it
/// (ST 2110-10 §8.2, RFC 7273). The matrix passes its sources' timestamps on, so only who
/// runs the sources can know.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub enum OutputClock {
    /// No common clock is claimed: `localmac=` and the address of the interface sent from.
    #[default]
    LocalMac,
    /// Every source follows PTP.
    Ptp(ReferenceClock),
}

/// Not a clock that outputs can name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "'{0}' is no reference clock of ST 2110-10 §8.2: write localmac, \
     ptp=IEEE1588-2008:traceable, or the grandmaster's identity with its domain (0 to 127) as \
     ptp=IEEE1588-2008:39-A7-94-FF-FE-07-CB-D0:127"
)]
pub struct NotAClock(String);

impl TryFrom<String> for OutputClock {
    type Error = NotAClock;

    fn try_from(text: String) -> Result<Self, NotAClock> {
        if text == "localmac" {
            return Ok(Self::LocalMac);
        }
        match text.parse() {
            // RFC 7273 gives domains seven bits.
            Ok(
                clock @ (ReferenceClock::PtpTraceable
                | ReferenceClock::Ptp { domain: None | Some(0..=127), .. }),
            ) => Ok(Self::Ptp(clock)),
            _ => Err(NotAClock(text)),
        }
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 8080)),
            router_socket: "/run/ormatrix/router.sock".into(),
            state_dir: "/var/lib/ormatrix".into(),
            database: None,
            still_max_age_ms: 5000,
            ts_refclk: OutputClock::LocalMac,
            host_names: Vec::new(),
            alarms: AlarmSettings::default(),
            connections: Limits::default().connections,
            log: "info".to_owned(),
            log_format: LogFormat::Text,
            measure: Measure::OnRequest,
            otlp_endpoint: None,
        }
    }
}

impl Settings {
    /// Where the database is.
    pub fn database_path(&self) -> PathBuf {
        self.database.clone().unwrap_or_else(|| self.state_dir.join("control.sqlite3"))
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, path::Path};

    use super::*;

    #[test]
    fn the_commented_file_says_the_defaults() {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("control.toml");
        let text = fs::read_to_string(file).unwrap();
        // Its settings are commented out, without a blank; its words have one.
        let settings = |line: &&str| line.starts_with('#') && !line.starts_with("# ");
        let lines: Vec<&str> =
            text.lines().filter(settings).map(|line| line.trim_start_matches('#')).collect();
        let directory = tempfile::tempdir().unwrap();
        let uncommented = directory.path().join("control.toml");
        fs::write(&uncommented, lines.join("\n")).unwrap();
        let read: Settings =
            ormatrix_settings::load_from(Some(&uncommented), ENV_PREFIX, []).unwrap();
        let default = Settings::default();
        assert_eq!(read.database, Some(default.database_path()));
        // Each setting has a line, and each table of alarms one more.
        assert_eq!(lines.len(), 12 + 4 + 11, "every setting stands in the file");
        let AlarmSettings { ca_file, webhook, mqtt, syslog } = &read.alarms;
        assert!(ca_file.is_some() && webhook.url.is_some() && webhook.secret.is_some());
        assert!(mqtt.url.is_some() && mqtt.client_id.is_some() && mqtt.username.is_some());
        assert!(mqtt.password.is_some() && syslog.url.is_some());
        let none = AlarmSettings::default();
        assert_eq!(mqtt.topic, none.mqtt.topic);
        let named = (syslog.facility, syslog.enterprise);
        assert_eq!(named, (none.syslog.facility, none.syslog.enterprise));
        // These have no default worth writing down.
        let shown = Settings {
            database: None,
            host_names: Vec::new(),
            otlp_endpoint: None,
            alarms: none,
            ..read
        };
        assert_eq!(shown, default);
    }

    #[test]
    fn a_collector_is_reached_by_http() {
        let read = |text: &str| Collector::try_from(text.to_owned());
        for good in
            ["http://127.0.0.1:4318", "http://tempo.hospital.example/otlp/", "http://[::1]:1"]
        {
            assert_eq!(read(good).unwrap().as_str(), good);
        }
        for bad in ["", "127.0.0.1:4318", "https://x:4318", "http://", "http://x/?a", "/v1/traces"]
        {
            let said = read(bad).unwrap_err().to_string();
            assert!(said.contains("http://127.0.0.1:4318"), "{said}");
        }
    }

    #[test]
    fn a_clock_is_none_or_ptp() {
        let read = |text: &str| OutputClock::try_from(text.to_owned());
        assert_eq!(read("localmac"), Ok(OutputClock::LocalMac));
        for text in [
            "ptp=IEEE1588-2008:traceable",
            "ptp=IEEE1588-2008:39-A7-94-FF-FE-07-CB-D0",
            "ptp=IEEE1588-2008:39-A7-94-FF-FE-07-CB-D0:127",
            "ptp=IEEE1588-2008:39-A7-94-FF-FE-07-CB-D0:0",
        ] {
            let Ok(OutputClock::Ptp(clock)) = read(text) else { panic!("{text} is refused") };
            assert_eq!(clock.to_string(), text);
        }
        for text in [
            "",
            "ptp",
            "traceable",
            "ptp=IEEE1588-2008:39-A7-94-FF-FE-07-CB-D0:128",
            "ptp=IEEE1588-2008:39-A7-94-FF-FE-07-CB:127",
            "ptp=IEEE1588-2002:traceable",
            // One address for every interface would be wrong for all but one.
            "localmac=40-A3-6B-A0-2B-D2",
            "ntp=/traceable/",
        ] {
            let said = read(text).unwrap_err().to_string();
            assert!(said.contains(&format!("'{text}'")) && said.contains("write localmac"));
        }
    }
}
