//! Who is told of alarms: the table `[alarms]` of the settings.
//!
//! A receiver whose `url` is not given is not told. What cannot be an address is refused when
//! the settings are read; whether somebody answers there is seen when it is used.

use std::{fmt, path::PathBuf};

use axum::http::Uri;
use serde::Deserialize;

/// `[alarms]`.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AlarmSettings {
    /// Authorities (PEM) whose certificates receivers may show, beside those that the system
    /// trusts.
    pub ca_file: Option<PathBuf>,
    /// HTTP POST.
    pub webhook: WebhookSettings,
    /// A broker.
    pub mqtt: MqttSettings,
    /// A log server.
    pub syslog: SyslogSettings,
}

/// `[alarms.webhook]`.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct WebhookSettings {
    /// Where to; `http` or `https`.
    pub url: Option<WebhookUrl>,
    /// Signs every request.
    pub secret: Option<Secret>,
}

/// `[alarms.mqtt]`.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MqttSettings {
    /// The broker; `mqtt` or `mqtts`.
    pub url: Option<MqttUrl>,
    /// What every topic begins with.
    pub topic: Topic,
    /// What the broker knows this client by; `ormatrix-` and the host's name unless given.
    pub client_id: Option<String>,
    /// For brokers that ask.
    pub username: Option<String>,
    /// For brokers that ask.
    pub password: Option<Secret>,
}

impl Default for MqttSettings {
    fn default() -> Self {
        let topic = Topic("ormatrix".to_owned());
        Self { url: None, topic, client_id: None, username: None, password: None }
    }
}

/// `[alarms.syslog]`.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SyslogSettings {
    /// The server; `udp`, `tcp` or `tls`.
    pub url: Option<SyslogUrl>,
    /// What part of the system this is (RFC 5424 §6.2.1).
    pub facility: Facility,
    /// The number after `@` in the name of the structured data (RFC 5424 §7.2.2); 32473 is
    /// the one for examples (RFC 5612).
    pub enterprise: u32,
}

impl Default for SyslogSettings {
    fn default() -> Self {
        Self { url: None, facility: Facility(16), enterprise: 32473 }
    }
}

/// Something that nobody shall read in a log.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Secret(String);

impl Secret {
    /// For whoever needs it.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(not shown)")
    }
}

impl TryFrom<String> for Secret {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, &'static str> {
        if text.is_empty() {
            return Err("it is empty: leave it out, or give one");
        }
        Ok(Self(text))
    }
}

/// A host to connect to.
#[derive(Clone, PartialEq, Eq)]
pub struct Target {
    /// As given.
    pub scheme: String,
    /// Name or address, without brackets.
    pub host: String,
    /// As given, or that of the scheme.
    pub port: u16,
    /// Path and query; `/` at least.
    pub path: String,
}

impl Target {
    /// Reads a URL of one of these schemes, each with its port.
    fn read(text: &str, schemes: &[(&str, u16)], example: &str) -> Result<Self, String> {
        let wrong = |what: &str| format!("'{text}' {what}: write {example}");
        let uri: Uri = text.parse().map_err(|_| wrong("is no URL"))?;
        let scheme = uri.scheme_str().unwrap_or_default();
        let Some((scheme, port)) = schemes.iter().find(|(known, _)| *known == scheme) else {
            let known: Vec<String> = schemes.iter().map(|(name, _)| format!("{name}://")).collect();
            return Err(wrong(&format!("does not begin with {}", known.join(" or "))));
        };
        let authority = uri.authority().map(ToString::to_string).unwrap_or_default();
        if authority.contains('@') {
            return Err(wrong("holds a user or password, which logs would show"));
        }
        let host = uri.host().unwrap_or_default().trim_matches(['[', ']']);
        if host.is_empty() {
            return Err(wrong("names no host"));
        }
        let named = authority.rsplit_once(':').filter(|(_, port)| !port.contains(']'));
        if named.is_some() && uri.port_u16().is_none_or(|port| port == 0) {
            return Err(wrong("has no port from 1 to 65535"));
        }
        let path = uri.path_and_query().map_or("/", |path| path.as_str());
        Ok(Self {
            scheme: (*scheme).to_owned(),
            host: host.to_owned(),
            port: uri.port_u16().unwrap_or(*port),
            path: path.to_owned(),
        })
    }

    /// Host and port as they stand in a URL.
    pub fn authority(&self) -> String {
        let Self { host, port, .. } = self;
        if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") }
    }
}

impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A query may hold a key.
        let path = self.path.split('?').next().unwrap_or_default().trim_end_matches('/');
        write!(f, "{}://{}{path}", self.scheme, self.authority())
    }
}

/// URLs of some schemes.
macro_rules! urls {
    ($($(#[$meta:meta])* $name:ident($example:literal, $path:literal) $schemes:expr;)+) => {$(
        $(#[$meta])*
        #[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
        #[serde(try_from = "String")]
        pub struct $name(pub Target);

        impl TryFrom<String> for $name {
            type Error = String;

            fn try_from(text: String) -> Result<Self, String> {
                let target = Target::read(&text, $schemes, $example)?;
                if !$path && target.path != "/" {
                    return Err(format!("'{text}' has a path: write {}", $example));
                }
                Ok(Self(target))
            }
        }
    )+};
}

urls! {
    /// Where to post.
    WebhookUrl("https://alarms.hospital.example/ormatrix", true) &[("http", 80), ("https", 443)];
    /// A broker.
    MqttUrl("mqtts://broker.hospital.example:8883", false) &[("mqtt", 1883), ("mqtts", 8883)];
    /// A log server. Ports of RFC 5426, RFC 6587 (by use) and RFC 5425.
    SyslogUrl("tcp://log.hospital.example:514", false) &[("udp", 514), ("tcp", 514), ("tls", 6514)];
}

/// What every MQTT topic begins with.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Topic(String);

impl Topic {
    /// A topic below it.
    pub fn below(&self, name: &str) -> String {
        format!("{}/{name}", self.0)
    }
}

impl TryFrom<String> for Topic {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let levels = text.split('/').all(|level| !level.is_empty());
        let plain = !text.contains(['+', '#', '\0']) && !text.starts_with('$');
        if text.len() <= 200 && levels && plain {
            return Ok(Self(text));
        }
        Err(format!(
            "'{text}' is no beginning of a topic: write hospital/or3/ormatrix, without + # $, up \
             to 200 octets"
        ))
    }
}

/// A facility of RFC 5424 §6.2.1, by the name that log servers give it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Facility(pub u8);

impl Facility {
    const NAMES: [&str; 24] = [
        "kern", "user", "mail", "daemon", "auth", "syslog", "lpr", "news", "uucp", "cron",
        "authpriv", "ftp", "ntp", "audit", "alert", "clock", "local0", "local1", "local2",
        "local3", "local4", "local5", "local6", "local7",
    ];
}

impl TryFrom<String> for Facility {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let place = Self::NAMES.iter().position(|name| *name == text);
        let wrong = || format!("'{text}' is no facility: write one of {}", Self::NAMES.join(", "));
        place.map(|place| Self(place as u8)).ok_or_else(wrong)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_hosts_to_connect_to() {
        let read = |text: &str| WebhookUrl::try_from(text.to_owned()).map(|url| url.0);
        let target = read("https://h.example/a?key=1").unwrap();
        assert_eq!((&*target.host, target.port, &*target.path), ("h.example", 443, "/a?key=1"));
        assert_eq!(target.to_string(), "https://h.example:443/a");
        let target = read("http://[::1]:8080").unwrap();
        assert_eq!((&*target.host, target.port, &*target.path), ("::1", 8080, "/"));
        assert_eq!(target.to_string(), "http://[::1]:8080");
        for bad in [
            "",
            "h.example",
            "ftp://h",
            "http://",
            "http://u:p@h/",
            "http://h:0/",
            "http://h:70000/",
            "http://h:/",
        ] {
            let said = read(bad).unwrap_err();
            assert!(said.contains("write https://alarms"), "{bad}: {said}");
        }
        let read = |text: &str| SyslogUrl::try_from(text.to_owned());
        assert_eq!(read("tls://10.0.0.1").unwrap().0.port, 6514);
        assert!(read("udp://10.0.0.1/path").unwrap_err().contains("has a path"));
        assert!(read("http://10.0.0.1").unwrap_err().contains("udp:// or tcp:// or tls://"));
    }

    #[test]
    fn topics_and_facilities() {
        for good in ["ormatrix", "hospital/or 3/x"] {
            assert_eq!(Topic::try_from(good.to_owned()).unwrap().below("a"), format!("{good}/a"));
        }
        for bad in ["", "/a", "a/", "a//b", "a/+", "#", "$SYS", &"x".repeat(201)] {
            assert!(Topic::try_from(bad.to_owned()).is_err(), "{bad}");
        }
        assert_eq!(Facility::try_from("local7".to_owned()), Ok(Facility(23)));
        assert!(Facility::try_from("local8".to_owned()).unwrap_err().contains("local7"));
    }

    #[test]
    fn secrets_are_not_shown() {
        let settings: AlarmSettings =
            serde_json::from_str(r#"{ "webhook": { "secret": "hush" } }"#).unwrap();
        assert!(!format!("{settings:?}").contains("hush"));
        assert_eq!(settings.webhook.secret.unwrap().reveal(), "hush");
        let url = WebhookUrl::try_from("https://h.example/a?key=hush".to_owned()).unwrap();
        assert!(!format!("{url:?} {}", url.0).contains("hush"), "{url:?}");
    }

    #[test]
    fn each_variable_of_the_environment_stands_alone() {
        let name = |name: &str| format!("X_ALARMS__{name}").into();
        let variables = [
            (name("MQTT__PASSWORD"), "1234".into()),
            (name("WEBHOOK__SECRET"), "hush".into()),
            (name("WEBHOOK__URL"), "http://h.example/a".into()),
        ];
        let settings: crate::settings::Settings =
            ormatrix_settings::load_from(None, "X", variables).unwrap();
        assert!(settings.alarms.webhook.url.is_some());
        let password = settings.alarms.mqtt.password.unwrap();
        assert_eq!(password.reveal(), "1234");
    }
}
