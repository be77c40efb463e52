//! Tells the control plane of every program that ended, as an alarm that clears itself.
//!
//! A thread of its own does it: looking after programs waits for nobody. The control plane may
//! be the one that ended, so what cannot be told is told again for a minute; after that, and
//! where it is refused, it stands in the log only.

use std::{
    collections::BTreeMap,
    io,
    path::Path,
    sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel},
    thread,
    time::Duration,
};

use ormatrix_client::{
    Client, Error,
    types::{ReportBody, ReportSubject, Severity},
};
use ormatrix_io::{Clock, SystemClock};

use super::super::{
    CliError,
    supervise::{
        crew::{News, What},
        restarts::Patience,
    },
};

/// Alarms that may wait for the thread.
const WAITING: usize = 64;
/// Between two attempts.
const AGAIN: Duration = Duration::from_secs(1);
/// How long an alarm is tried to be told, nanoseconds.
const WORTH: u64 = 60 * 1_000_000_000;
/// A program that has run so long since is well again, seconds.
const CLEARS_AFTER_S: u32 = 600;

/// Longest text of an alarm, in characters.
const TEXT_MAX: usize = 500;

/// An alarm about a program.
#[derive(Clone, Debug, PartialEq)]
pub struct Alarm {
    id: String,
    body: ReportBody,
}

impl Alarm {
    /// The alarm that this is worth, if any; `log` is where its words are.
    pub fn of(news: &News, log: &Path) -> Option<Self> {
        let name = &news.name;
        let (what, times) = match &news.what {
            What::Started { .. } => return None,
            What::Ended { how, times, .. } => (format!("{how} and is started again"), *times),
            What::NotStarted { reason, times, .. } => {
                (format!("cannot be started: {reason}"), *times)
            }
        };
        let often = match times {
            0 | 1 => String::new(),
            times => {
                let minutes = Patience::Endless.window().as_secs() / 60;
                format!(", {times} times within {minutes} minutes")
            }
        };
        let log = log.display();
        let body = ReportBody {
            severity: Severity::Major,
            subject: ReportSubject::new(name.clone(), "process".to_owned()),
            text: fit(&format!("{name} {what}"), &often),
            action: Some(fit(
                &format!("Read the end of {log}: it says why."),
                " `ormatrix status` tells what is missing now.",
            )),
            clears_after_s: Some(CLEARS_AFTER_S),
        };
        Some(Self { id: format!("process-{name}"), body })
    }
}

/// A text and its end, which is not what is left out when both are too long together. A
/// program's last words may be anything: what is no character becomes a blank.
fn fit(text: &str, end: &str) -> String {
    let room = TEXT_MAX - end.chars().count();
    let plain = |c: char| if c.is_control() { ' ' } else { c };
    let mut fitting: String = text.chars().take(room).map(plain).collect();
    if text.chars().count() > room {
        fitting.pop();
        fitting.push('…');
    }
    fitting + end
}

/// Where alarms are handed in.
#[derive(Debug)]
pub struct Reporter(SyncSender<Alarm>);

impl Reporter {
    /// Begins; what could not be told is given to `say` in a line.
    pub fn start(url: &str, say: fn(&str)) -> io::Result<Self> {
        let (sender, alarms) = sync_channel(WAITING);
        let client = Client::new(url);
        let work = move || work(&alarms, &client, say);
        thread::Builder::new().name("alarms".into()).spawn(work)?;
        Ok(Self(sender))
    }

    /// Hands one in. One too many is left out: the log has it.
    pub fn report(&self, alarm: Alarm) {
        let _ = self.0.try_send(alarm);
    }
}

/// An alarm that has not been told yet.
struct Pending {
    body: ReportBody,
    until: u64,
    /// Whether it was said that it waits.
    said: bool,
}

fn work(alarms: &Receiver<Alarm>, client: &Client, say: fn(&str)) {
    let mut pending: BTreeMap<String, Pending> = BTreeMap::new();
    loop {
        let next = if pending.is_empty() {
            alarms.recv().map_err(|_| RecvTimeoutError::Disconnected)
        } else {
            alarms.recv_timeout(AGAIN)
        };
        let now = SystemClock.now();
        match next {
            Ok(Alarm { id, body }) => {
                // A later one of the same program says all that an earlier one did.
                let said = pending.get(&id).is_some_and(|earlier| earlier.said);
                pending.insert(id, Pending { body, until: now + WORTH, said });
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return,
        }
        pending.retain(|id, alarm| match client.report_alarm(id, &alarm.body) {
            Ok(_) => false,
            Err(Error::Unreachable { .. }) if now < alarm.until => {
                if !alarm.said {
                    say(&format!("alarm {id} waits until the control plane answers"));
                    alarm.said = true;
                }
                true
            }
            Err(error) => {
                say(&format!("alarm {id} could not be raised: {}", CliError::from(error)));
                false
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn news(what: What) -> News {
        News { name: "ormatrix-router".into(), what }
    }

    #[test]
    fn an_alarm_says_what_happened_how_often_and_where_to_look() {
        let (pause, log) = (Duration::from_millis(100), Path::new("/logs/ormatrix-router.log"));
        let ended = |times| What::Ended { how: "was ended by signal 9".into(), pause, times };
        let once = Alarm::of(&news(ended(1)), log).unwrap();
        assert_eq!(once.id, "process-ormatrix-router");
        assert_eq!(
            serde_json::to_value(&once.body).unwrap(),
            serde_json::json!({
                "severity": "major",
                "subject": { "kind": "process", "id": "ormatrix-router" },
                "text": "ormatrix-router was ended by signal 9 and is started again",
                "action": "Read the end of /logs/ormatrix-router.log: it says why. \
                           `ormatrix status` tells what is missing now.",
                "clears_after_s": 600,
            })
        );
        let often = Alarm::of(&news(ended(7)), log).unwrap();
        let text = &often.body.text;
        assert!(text.ends_with("is started again, 7 times within 5 minutes"), "{text}");
        let missing = What::NotStarted { reason: "no such file".into(), pause, times: 1 };
        let missing = Alarm::of(&news(missing), log).unwrap();
        assert_eq!(missing.body.text, "ormatrix-router cannot be started: no such file");
        assert_eq!(Alarm::of(&news(What::Started { id: 7 }), log), None);
        // Whatever its last words were.
        let how = format!("ended with status 1 (\u{1b}[31m{})", "ü".repeat(4000));
        let long = Alarm::of(&news(What::Ended { how, pause, times: 2 }), log).unwrap();
        let text = &long.body.text;
        assert_eq!(text.chars().count(), TEXT_MAX);
        assert!(
            text.ends_with("ü…, 2 times within 5 minutes") && text.contains("( [31m"),
            "{text}"
        );
    }
}
