//! Alarms that other programs raise: a supervisor of processes, a gateway.
//!
//! Each is known by an id of the reporter's choosing, and stands until it is taken back, or
//! until nobody has repeated it for the time that the report itself gave.

use std::collections::BTreeMap;

use super::{
    alarm::{Alarm, Condition},
    kind::Kind,
};

/// Most reports at a time.
pub const REPORTS_MAX: usize = 100;

/// A report, and when it ends by itself.
#[derive(Clone, Debug)]
struct Report {
    condition: Condition,
    until: Option<u64>,
}

/// Every report that stands.
#[derive(Clone, Debug, Default)]
pub struct Reports {
    standing: BTreeMap<String, Report>,
}

/// There is no room for another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Full;

/// The id of the alarm that a report is.
pub fn alarm_id(report: &str) -> String {
    format!("{}:{report}", Kind::Reported)
}

impl Reports {
    /// Takes up the reports of alarms that were active when the process last ended.
    pub fn restore(&mut self, alarms: &[Alarm], now: u64) {
        for alarm in alarms.iter().filter(|alarm| alarm.condition.kind == Kind::Reported) {
            // One more than fit cannot have been there.
            let _ = self.put(alarm.condition.clone(), now);
        }
    }

    /// Adds or repeats one, at `now` of the clock that never goes back; true when it is new.
    ///
    /// # Errors
    /// [`Full`] when there are [`REPORTS_MAX`] others.
    pub fn put(&mut self, condition: Condition, now: u64) -> Result<bool, Full> {
        self.expire(now);
        let new = !self.standing.contains_key(&condition.id);
        if new && self.standing.len() >= REPORTS_MAX {
            return Err(Full);
        }
        let lasts = condition.clears_after_s.map(|seconds| u64::from(seconds) * 1_000_000_000);
        let until = lasts.map(|lasts| now.saturating_add(lasts));
        self.standing.insert(condition.id.clone(), Report { condition, until });
        Ok(new)
    }

    /// Takes one back; false when there is none.
    pub fn remove(&mut self, report: &str) -> bool {
        self.standing.remove(&alarm_id(report)).is_some()
    }

    /// What is reported now.
    pub fn conditions(&mut self, now: u64) -> Vec<Condition> {
        self.expire(now);
        self.standing.values().map(|report| report.condition.clone()).collect()
    }

    /// When the next ends by itself.
    pub fn due(&self) -> Option<u64> {
        self.standing.values().filter_map(|report| report.until).min()
    }

    fn expire(&mut self, now: u64) {
        self.standing.retain(|_, report| report.until.is_none_or(|until| now < until));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::alarms::{alarm::Subject, kind::Severity};

    fn report(name: &str, clears_after_s: Option<u32>) -> Condition {
        Condition {
            id: alarm_id(name),
            kind: Kind::Reported,
            severity: Severity::Major,
            subject: Subject::new("host", "h", "Host"),
            text: "It is hot".to_owned(),
            action: String::new(),
            clears_after_s,
        }
    }

    #[test]
    fn a_report_ends_when_nobody_repeats_it() {
        let mut reports = Reports::default();
        assert_eq!(reports.put(report("hot", Some(10)), 0), Ok(true));
        assert_eq!(reports.put(report("stays", None), 0), Ok(true));
        assert_eq!(reports.put(report("hot", Some(10)), 5_000_000_000), Ok(false));
        assert_eq!(reports.due(), Some(15_000_000_000));
        assert_eq!(reports.conditions(14_999_999_999).len(), 2);
        assert_eq!(reports.conditions(15_000_000_000), [report("stays", None)]);
        assert!(reports.remove("stays") && !reports.remove("stays"));
    }

    #[test]
    fn they_are_bounded() {
        let mut reports = Reports::default();
        for n in 0..REPORTS_MAX {
            assert_eq!(reports.put(report(&n.to_string(), None), 0), Ok(true));
        }
        assert_eq!(reports.put(report("one-more", None), 0), Err(Full));
        assert_eq!(reports.put(report("7", None), 0), Ok(false));
    }
}
