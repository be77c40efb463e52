//! Alarms to a log server: RFC 5424 over UDP (RFC 5426), TCP with octet counting (RFC 6587
//! §3.4.1) or TLS (RFC 5425).
//!
//! ```text
//! <130>1 2026-01-31T09:30:00.000Z or3 ormatrix 712 signal-lost [ormatrix@32473 id="…" …] text
//!  │                              │   │        │   └ the kind of alarm
//!  └ facility × 8 + severity      │   └ APP-NAME └ PROCID
//!                                 └ HOSTNAME
//! ```
//!
//! UDP tells nothing of what became of a message, TCP and TLS only whether the connection
//! stands: what was written to a connection that had just broken is lost. Where every alarm
//! must arrive, use MQTT or HTTP.

use std::{convert::Infallible, fmt::Write};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, split},
    net::{UdpSocket, lookup_host},
    time::timeout,
};

use super::{
    BackOff, HOST, PATIENCE,
    connect::{self, Tls},
    outbox::Outbox,
};
use crate::{
    alarms::{
        alarm::{Change, Notice},
        kind::Severity,
        settings::{Facility, SyslogSettings, Target},
    },
    time::rfc3339,
};

/// Longest message in octets: what every receiver should take (RFC 5424 §6.1).
const MESSAGE_MAX: usize = 2048;
/// Longest value of a parameter, in characters.
const VALUE_MAX: usize = 120;

/// Delivers until it is dropped.
pub(super) async fn run(outbox: &Outbox, tls: &Tls, settings: &SyslogSettings) {
    let Some(url) = &settings.url else { return };
    let target = &url.0;
    let mut again = BackOff::new();
    loop {
        let ended = match target.scheme.as_str() {
            "udp" => datagrams(target, outbox, settings, &mut again).await,
            scheme => {
                let tls = (scheme == "tls").then_some(tls);
                stream(target, tls, outbox, settings, &mut again).await
            }
        };
        let Err(reason) = ended;
        outbox.failed(&reason);
        again.pause().await;
    }
}

async fn datagrams(
    target: &Target,
    outbox: &Outbox,
    settings: &SyslogSettings,
    again: &mut BackOff,
) -> Result<Infallible, String> {
    let found = lookup_host((target.host.as_str(), target.port));
    let found = timeout(PATIENCE, found).await.map_err(|_| "its name is not resolved")?;
    let address = found.map_err(|error| error.to_string())?.next();
    let address = address.ok_or("its name has no address")?;
    let any = if address.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" };
    let socket = UdpSocket::bind(any).await.map_err(|error| error.to_string())?;
    socket.connect(address).await.map_err(|error| error.to_string())?;
    loop {
        let notice = outbox.next().await;
        let message = message(&notice, settings, &HOST);
        socket.send(message.as_bytes()).await.map_err(|error| format!("cannot send: {error}"))?;
        outbox.delivered();
        *again = BackOff::new();
    }
}

async fn stream(
    target: &Target,
    tls: Option<&Tls>,
    outbox: &Outbox,
    settings: &SyslogSettings,
    again: &mut BackOff,
) -> Result<Infallible, String> {
    let (mut from, mut to) = split(connect::open(target, tls).await?);
    outbox.well();
    *again = BackOff::new();
    // Servers say nothing, but they do close.
    let mut said = [0; 256];
    loop {
        let notice = tokio::select! {
            biased;
            read = from.read(&mut said) => match read {
                Ok(0) => return Err("the server closed the connection".to_owned()),
                Ok(_) => continue,
                Err(error) => return Err(format!("the connection broke: {error}")),
            },
            notice = outbox.next() => notice,
        };
        let message = message(&notice, settings, &HOST);
        let frame = format!("{} {message}", message.len());
        let write = async {
            to.write_all(frame.as_bytes()).await?;
            to.flush().await
        };
        let written = timeout(PATIENCE, write).await;
        let written = written.map_err(|_| "the server takes nothing".to_owned())?;
        written.map_err(|error| format!("the connection broke: {error}"))?;
        outbox.delivered();
    }
}

/// A notice as RFC 5424 §6 writes it, at most [`MESSAGE_MAX`] octets.
fn message(notice: &Notice, settings: &SyslogSettings, host: &str) -> String {
    let Notice { change, at, alarm } = notice;
    let condition = &alarm.condition;
    let Facility(facility) = settings.facility;
    let priority = facility * 8 + level(*change, condition.severity);
    let graphic = host.bytes().all(|octet| octet.is_ascii_graphic());
    let host = if host.is_empty() || host.len() > 255 || !graphic { "-" } else { host };
    let mut message = format!(
        "<{priority}>1 {} {host} ormatrix {} {} [ormatrix@{}",
        rfc3339(*at),
        std::process::id(),
        condition.kind,
        settings.enterprise
    );
    let acknowledged = alarm.acknowledged.as_ref();
    for (name, value) in [
        ("id", condition.id.as_str()),
        ("episode", &alarm.episode.to_string()),
        ("change", change.as_str()),
        ("severity", condition.severity.as_str()),
        ("subjectKind", &condition.subject.kind),
        ("subjectId", &condition.subject.id),
        ("label", &condition.subject.label),
        ("raisedAt", &rfc3339(alarm.raised_at)),
        ("clearedAt", &alarm.cleared_at.map(rfc3339).unwrap_or_default()),
        ("acknowledgedBy", acknowledged.map_or("", |it| &it.by)),
        ("times", &alarm.times.to_string()),
    ] {
        if !value.is_empty() {
            // Writing to a string cannot fail.
            let _ = write!(message, " {name}=\"{}\"", escaped(value));
        }
    }
    message.push_str("] ");
    let said = match change {
        Change::Raised | Change::Changed => format!("{}. {}", condition.text, condition.action),
        Change::Acknowledged => {
            format!("Seen by {}: {}", acknowledged.map_or("somebody", |it| &it.by), condition.text)
        }
        Change::Cleared => format!("No longer so: {}", condition.text),
    };
    // What is not ASCII must say that it is UTF-8 (§6.4).
    if !said.is_ascii() {
        message.push('\u{feff}');
    }
    for character in said.chars() {
        let character = if character.is_control() { ' ' } else { character };
        if message.len() + character.len_utf8() > MESSAGE_MAX {
            break;
        }
        message.push(character);
    }
    message
}

/// The numerical severity of RFC 5424 §6.2.1.
fn level(change: Change, severity: Severity) -> u8 {
    match (change, severity) {
        (Change::Acknowledged | Change::Cleared, _) => 6,
        (_, Severity::Critical) => 2,
        (_, Severity::Major) => 3,
        (_, Severity::Minor) => 4,
        (_, Severity::Warning) => 5,
    }
}

/// A parameter's value (§6.3.3), cut where it is too long.
fn escaped(value: &str) -> String {
    let mut text = String::new();
    for character in value.chars().take(VALUE_MAX) {
        if matches!(character, '"' | '\\' | ']') {
            text.push('\\');
        }
        text.push(if character.is_control() { ' ' } else { character });
    }
    text
}

#[cfg(test)]
mod tests {
    use syslog_rfc5424::{SyslogMessage, SyslogSeverity};

    use super::*;
    use crate::alarms::{
        alarm::{Acknowledged, Alarm, Condition, Subject},
        kind::Kind,
    };

    fn notice(change: Change, text: &str) -> Notice {
        let condition = Condition {
            id: "signal-lost:endoscope".to_owned(),
            kind: Kind::SignalLost,
            severity: Severity::Critical,
            subject: Subject::new("input", "endoscope", r#"A "new" \one] – left"#),
            text: text.to_owned(),
            action: "Do it".to_owned(),
            clears_after_s: None,
        };
        let alarm = Alarm {
            episode: 1_769_851_800_000_000,
            condition,
            raised_at: 1_769_851_800_123_456_789,
            cleared_at: None,
            acknowledged: None,
            times: 1,
        };
        Notice { change, at: 1_769_851_801_000_000_000, alarm }
    }

    #[test]
    fn a_message_letter_by_letter() {
        let said = message(&notice(Change::Raised, "Lost"), &SyslogSettings::default(), "or3");
        let expected = format!(
            "<130>1 2026-01-31T09:30:01.000Z or3 ormatrix {} signal-lost [ormatrix@32473 \
             id=\"signal-lost:endoscope\" episode=\"1769851800000000\" change=\"raised\" \
             severity=\"critical\" subjectKind=\"input\" subjectId=\"endoscope\" \
             label=\"A \\\"new\\\" \\\\one\\] – left\" raisedAt=\"2026-01-31T09:30:00.123Z\" \
             times=\"1\"] Lost. Do it",
            std::process::id()
        );
        assert_eq!(said, expected);
    }

    /// A parser that nobody here wrote reads what is meant.
    #[test]
    fn a_foreign_parser_reads_it() {
        for (change, severity, level) in [
            (Change::Raised, Severity::Critical, SyslogSeverity::SEV_CRIT),
            (Change::Changed, Severity::Major, SyslogSeverity::SEV_ERR),
            (Change::Raised, Severity::Minor, SyslogSeverity::SEV_WARNING),
            (Change::Raised, Severity::Warning, SyslogSeverity::SEV_NOTICE),
            (Change::Acknowledged, Severity::Critical, SyslogSeverity::SEV_INFO),
            (Change::Cleared, Severity::Critical, SyslogSeverity::SEV_INFO),
        ] {
            let mut notice = notice(change, "Über\nall");
            notice.alarm.condition.severity = severity;
            let by = Acknowledged { by: "x".to_owned(), at: 1, note: None };
            notice.alarm.acknowledged = (change == Change::Acknowledged).then_some(by);
            let said = message(&notice, &SyslogSettings::default(), "or3");
            let read: SyslogMessage = said.parse().unwrap();
            assert_eq!(read.severity, level, "{change:?}");
            let data = read.sd.find_tuple("ormatrix@32473", "label").unwrap();
            assert_eq!(data, r#"A "new" \one] – left"#);
            let text = read.msg.trim_start_matches('\u{feff}');
            assert!(read.msg.starts_with('\u{feff}') && text.contains("Über all"), "{text}");
        }
    }

    #[test]
    fn a_message_is_never_too_long_nor_cut_within_a_character() {
        for host in ["", "ß", "two words", &"h".repeat(256)] {
            let mut notice = notice(Change::Raised, &"ß".repeat(5000));
            notice.alarm.condition.subject.label = "]".repeat(5000);
            let said = message(&notice, &SyslogSettings::default(), host);
            assert!(said.len() <= MESSAGE_MAX && said.len() > MESSAGE_MAX - 2);
            let read: SyslogMessage = said.parse().unwrap();
            assert_eq!(read.hostname, None);
        }
    }
}
