//! Alarms in the database: those that are active, and the history of those that were.
//!
//! The history is bounded: of more than [`HISTORY_MAX`] alarms the oldest are dropped.

use rusqlite::{Row, named_params};

use super::{Store, StoreError};
use crate::alarms::alarm::{Acknowledged, Alarm, Condition, Subject};

/// Most alarms that are kept.
pub const HISTORY_MAX: u32 = 10_000;

impl Store {
    /// The alarms that had not been cleared when they were last written.
    pub fn active_alarms(&self) -> Result<Vec<Alarm>, StoreError> {
        let read = self.read_alarms("WHERE cleared_at IS NULL ORDER BY episode", &[])?;
        Ok(read.0)
    }

    /// Alarms of before an episode, the latest first, and whether all could be read.
    pub fn alarm_history(
        &self,
        before: Option<u64>,
        limit: usize,
    ) -> Result<(Vec<Alarm>, bool), StoreError> {
        let before = before.and_then(|before| i64::try_from(before).ok()).unwrap_or(i64::MAX);
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let tail = "WHERE episode < ?1 ORDER BY episode DESC LIMIT ?2";
        self.read_alarms(tail, &[&before, &limit])
    }

    /// Writes alarms as they are now, `at` this time since the Unix epoch, and waits for the
    /// disk. Without any, writes that time alone: then too a disk that takes nothing is found.
    pub fn put_alarms(&self, alarms: &[Alarm], at: u64) -> Result<(), StoreError> {
        self.commit(|transaction| {
            let mut put = transaction.prepare_cached(
                "INSERT OR REPLACE INTO alarms (episode, id, kind, severity, subject_kind, \
                 subject_id, label, text, action, clears_after_s, raised_at, cleared_at, \
                 acknowledged_by, acknowledged_at, note, times) VALUES (:episode, :id, :kind, \
                 :severity, :subject_kind, :subject_id, :label, :text, :action, \
                 :clears_after_s, :raised_at, :cleared_at, :acknowledged_by, \
                 :acknowledged_at, :note, :times)",
            )?;
            for alarm in alarms {
                let condition = &alarm.condition;
                let acknowledged = alarm.acknowledged.as_ref();
                put.execute(named_params! {
                    ":episode": number(alarm.episode),
                    ":id": condition.id,
                    ":kind": condition.kind.as_str(),
                    ":severity": condition.severity.as_str(),
                    ":subject_kind": condition.subject.kind,
                    ":subject_id": condition.subject.id,
                    ":label": condition.subject.label,
                    ":text": condition.text,
                    ":action": condition.action,
                    ":clears_after_s": condition.clears_after_s,
                    ":raised_at": number(alarm.raised_at),
                    ":cleared_at": alarm.cleared_at.map(number),
                    ":acknowledged_by": acknowledged.map(|it| it.by.as_str()),
                    ":acknowledged_at": acknowledged.map(|it| number(it.at)),
                    ":note": acknowledged.and_then(|it| it.note.as_deref()),
                    ":times": alarm.times,
                })?;
            }
            drop(put);
            transaction.execute(
                "DELETE FROM alarms WHERE cleared_at IS NOT NULL AND episode <= \
                 (SELECT episode FROM alarms ORDER BY episode DESC LIMIT 1 OFFSET ?1)",
                [HISTORY_MAX],
            )?;
            transaction
                .execute("INSERT OR REPLACE INTO alarm_marks VALUES (1, ?1)", [number(at)])?;
            Ok(())
        })
    }

    /// The alarms that a query's end chooses. One that cannot be read is left out and told:
    /// the others are worth more than an error.
    fn read_alarms(
        &self,
        tail: &str,
        values: &[&dyn rusqlite::ToSql],
    ) -> Result<(Vec<Alarm>, bool), StoreError> {
        let refused = |reason| StoreError::Sqlite { path: self.path.to_path_buf(), reason };
        let connection = self.lock();
        // The ends are two texts of this file.
        let mut select =
            connection.prepare_cached(&format!("SELECT * FROM alarms {tail}")).map_err(refused)?;
        let mut rows = select.query(values).map_err(refused)?;
        let (mut alarms, mut whole) = (Vec::new(), true);
        while let Some(row) = rows.next().map_err(refused)? {
            match alarm(row) {
                Ok(alarm) => alarms.push(alarm),
                Err(reason) => {
                    let id = row.get("id").unwrap_or_default();
                    let path = self.path.to_path_buf();
                    let error = StoreError::Row { path, what: "alarm", id, reason };
                    tracing::error!(%error, "an alarm is left out");
                    whole = false;
                }
            }
        }
        Ok((alarms, whole))
    }
}

fn alarm(row: &Row<'_>) -> Result<Alarm, String> {
    fn get<T: rusqlite::types::FromSql>(row: &Row<'_>, column: &str) -> Result<T, String> {
        row.get(column).map_err(|error| error.to_string())
    }
    let time = |column| get(row, column).map(|value: Option<i64>| value.map(i64::cast_unsigned));
    let by: Option<String> = get(row, "acknowledged_by")?;
    let note = get(row, "note")?;
    Ok(Alarm {
        episode: get::<i64>(row, "episode")?.cast_unsigned(),
        condition: Condition {
            id: get(row, "id")?,
            kind: get::<String>(row, "kind")?.parse()?,
            severity: get::<String>(row, "severity")?.parse()?,
            subject: Subject {
                kind: get(row, "subject_kind")?,
                id: get(row, "subject_id")?,
                label: get(row, "label")?,
            },
            text: get(row, "text")?,
            action: get(row, "action")?,
            clears_after_s: get(row, "clears_after_s")?,
        },
        raised_at: time("raised_at")?.unwrap_or_default(),
        cleared_at: time("cleared_at")?,
        acknowledged: match by {
            Some(by) => {
                Some(Acknowledged { by, at: time("acknowledged_at")?.unwrap_or_default(), note })
            }
            None => None,
        },
        times: get(row, "times")?,
    })
}

/// Episodes and times as SQLite keeps them; both stay positive until the year 2262.
fn number(value: u64) -> i64 {
    value.cast_signed()
}

#[cfg(test)]
mod tests {
    use rusqlite::Connection;

    use super::*;
    use crate::alarms::kind::{Kind, Severity};

    fn alarm(episode: u64, cleared_at: Option<u64>) -> Alarm {
        Alarm {
            episode,
            condition: Condition {
                id: format!("reported:r{episode}"),
                kind: Kind::Reported,
                severity: Severity::Minor,
                subject: Subject::new("host", "h", "Gerät – links"),
                text: "Es ist heiß".to_owned(),
                action: "Open the window".to_owned(),
                clears_after_s: Some(30),
            },
            raised_at: 1_769_851_800_000_000_001,
            cleared_at,
            acknowledged: None,
            times: 3,
        }
    }

    #[test]
    fn alarms_are_read_back_as_they_were() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("c.sqlite3");
        let store = Store::open(&path).unwrap();
        let by = |note| Acknowledged { by: "technician".to_owned(), at: 7, note };
        let seen = Alarm { acknowledged: Some(by(None)), ..alarm(1, None) };
        let noted = Alarm { acknowledged: Some(by(Some("I know".to_owned()))), ..alarm(2, None) };
        store.put_alarms(&[seen.clone(), noted.clone(), alarm(3, None)], 1).unwrap();
        store.put_alarms(&[alarm(3, Some(9))], 2).unwrap();
        drop(store);
        let store = Store::open(&path).unwrap();
        assert_eq!(store.active_alarms().unwrap(), [seen.clone(), noted.clone()]);
        let all = vec![alarm(3, Some(9)), noted.clone(), seen.clone()];
        assert_eq!(store.alarm_history(None, 10).unwrap(), (all, true));
        assert_eq!(store.alarm_history(Some(3), 1).unwrap(), (vec![noted], true));
        assert_eq!(store.alarm_history(Some(u64::MAX), 1).unwrap().0.len(), 1);
        // What cannot be read costs nothing but itself.
        let broken = "UPDATE alarms SET kind = 'later' WHERE episode = 2";
        Connection::open(&path).unwrap().execute(broken, []).unwrap();
        assert_eq!(store.alarm_history(None, 10).unwrap(), (vec![alarm(3, Some(9)), seen], false));
    }

    #[test]
    fn the_history_is_bounded_and_what_is_active_stays() {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::open(&directory.path().join("c.sqlite3")).unwrap();
        let more = u64::from(HISTORY_MAX) + 5;
        let many: Vec<Alarm> = (1..=more).map(|n| alarm(n, (n != 2).then_some(n))).collect();
        store.put_alarms(&many, 0).unwrap();
        let (kept, _) = store.alarm_history(None, usize::MAX).unwrap();
        let oldest: Vec<u64> = kept.iter().rev().take(3).map(|alarm| alarm.episode).collect();
        assert_eq!((kept.len(), &oldest[..]), (10_001, &[2, 6, 7][..]));
    }

    #[test]
    fn a_disk_that_takes_nothing_is_found_without_alarms_too() {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::open(&directory.path().join("c.sqlite3")).unwrap();
        store.put_alarms(&[], 1).unwrap();
        store.lock().pragma_update(None, "query_only", true).unwrap();
        let error = store.put_alarms(&[], 2).unwrap_err().to_string();
        assert!(error.contains("readonly"), "{error}");
    }
}
