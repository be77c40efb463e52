//! Alarms: what is wrong, how bad it is, who has seen it, and who is told.
//!
//! - [`kind`]: what can be wrong, and how bad;
//! - [`conditions`], [`rising`]: what is wrong now, read from inventory and router;
//! - [`reports`]: what other programs say is wrong;
//! - [`engine`]: the rules that make alarms of conditions, without I/O;
//! - [`journal`]: brings them to the database, and lives without it;
//! - [`delivery`]: brings them to the hospital's systems.
//!
//! The state is behind one lock that is held for as long as it takes to look at everything
//! once. Nothing waits under it: events, journal and deliveries take what they are given and
//! bring it on their way by themselves.

pub mod alarm;
pub mod conditions;
pub mod delivery;
pub mod engine;
pub mod journal;
pub mod kind;
pub mod metrics;
pub mod reports;
pub mod rising;
pub mod settings;
mod watch;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use self::{
    alarm::{Alarm, Condition, Notice},
    conditions::Labels,
    delivery::Deliveries,
    engine::{Engine, Moment, Refused},
    journal::Journal,
    kind::Kind,
    reports::{Full, REPORTS_MAX, Reports},
    rising::Rising,
    settings::AlarmSettings,
};
use crate::{
    api::alarms::AlarmEvent,
    app::{App, Shared},
    events::Events,
};

/// Every alarm, and where they go.
#[derive(Debug)]
pub struct Alarms {
    inner: Mutex<Inner>,
    events: Arc<Events>,
    /// Somebody has news for the watch.
    wake: Arc<Notify>,
    /// What goes to the database.
    pub journal: Arc<Journal>,
    /// What goes to other systems.
    pub deliveries: Deliveries,
}

#[derive(Debug, Default)]
struct Inner {
    engine: Engine,
    reports: Reports,
    rising: Rising,
}

/// This moment on the process's clock.
pub fn moment(app: &App) -> Moment {
    Moment { now: app.clock.now(), unix: app.clock.unix() }
}

/// Takes up what was active when the process last ended, then watches, writes and delivers
/// until the process ends.
pub async fn begin(app: &Shared) {
    let store = app.store.clone();
    let restored = tokio::task::spawn_blocking(move || store.active_alarms()).await;
    match restored {
        Ok(Ok(alarms)) => app.alarms.restore(alarms, moment(app)),
        Ok(Err(error)) => tracing::error!(%error, "the alarms of before cannot be read"),
        Err(error) => tracing::error!(%error, "the alarms of before were not read"),
    }
    tokio::spawn(watch::run(app.clone()));
    tokio::spawn(journal::run(app.clone()));
    app.alarms.deliveries.begin(app);
}

impl Alarms {
    /// None yet.
    pub fn new(settings: &AlarmSettings, events: Arc<Events>) -> Self {
        let wake = Arc::new(Notify::new());
        Self {
            inner: Mutex::default(),
            events,
            journal: Arc::new(Journal::new(wake.clone())),
            deliveries: Deliveries::new(settings, &wake),
            wake,
        }
    }

    /// Every active alarm, the worst first, of those the latest.
    pub fn active(&self) -> Vec<Alarm> {
        let mut active: Vec<Alarm> = self.lock().engine.active().cloned().collect();
        active.sort_by_key(|alarm| {
            (alarm.condition.severity, std::cmp::Reverse((alarm.raised_at, alarm.episode)))
        });
        active
    }

    /// The active alarm of that id.
    pub fn find(&self, id: &str) -> Option<Alarm> {
        self.lock().engine.active().find(|alarm| alarm.condition.id == id).cloned()
    }

    /// Looks at everything once. Returns when the next look is due by itself, on the clock
    /// that never goes back.
    fn look(&self, app: &App) -> Option<u64> {
        let inner = &mut *self.lock();
        let now = moment(app);
        let mut present = inner.reports.conditions(now.now);
        if let Some(reason) = self.journal.failing() {
            let database = app.settings().database_path().display().to_string();
            present.push(conditions::database_failing(&database, &reason));
        }
        present.extend(self.deliveries.failing());
        // Taken one after the other: who holds one of their locks never waits for another.
        let labels = Labels::of(&app.inventory());
        let faults = app.faults().clone();
        let (reconciled, connection) =
            (*app.reconciled.borrow(), *app.router.connections().borrow());
        let known = reconciled.is_some() && reconciled == connection;
        let rising = &mut inner.rising;
        let seen = app.router.read(|mirror| match mirror {
            None => {
                let socket = app.settings().router_socket.display().to_string();
                present.push(conditions::router_away(&socket));
                false
            }
            Some(mirror) if known => {
                present.extend(conditions::of_router(&labels, mirror, rising, now.now));
                present.extend(conditions::refused(&labels, &faults));
                true
            }
            // What the inventory has may be missing there still.
            Some(_) => false,
        });
        let notices = inner.engine.step(now, present, |kind| !seen && kind.needs_router());
        for notice in notices {
            self.tell(notice);
        }
        inner.engine.due().into_iter().chain(inner.reports.due()).min()
    }

    /// Somebody has seen it. Returns the alarm once that is written down, or cannot be.
    pub async fn acknowledge(
        &self,
        app: &App,
        id: &str,
        by: &str,
        note: Option<String>,
    ) -> Result<Alarm, Refused> {
        let (alarm, revision) = {
            let mut inner = self.lock();
            let notice = inner.engine.acknowledge(id, by, note, moment(app))?;
            (notice.alarm.clone(), self.tell(notice))
        };
        self.journal.recorded(revision).await;
        Ok(alarm)
    }

    /// Another program says that something is wrong, still or anew; true when it is new.
    pub fn report(&self, app: &App, condition: Condition) -> Result<bool, Full> {
        let new = {
            let inner = &mut *self.lock();
            // Whoever takes reports back as fast as they come has alarms that are not cleared yet.
            let known = |alarm: &Alarm| alarm.condition.id == condition.id;
            let mut reported =
                inner.engine.active().filter(|alarm| alarm.condition.kind == Kind::Reported);
            if reported.clone().count() >= 2 * REPORTS_MAX && !reported.any(known) {
                return Err(Full);
            }
            inner.reports.put(condition, app.clock.now())?
        };
        self.look(app);
        self.wake.notify_one();
        Ok(new)
    }

    /// Another program says that something is wrong no longer; false when it had not said so.
    pub fn take_back(&self, app: &App, report: &str) -> bool {
        let stood = self.lock().reports.remove(report);
        self.look(app);
        self.wake.notify_one();
        stood
    }

    fn restore(&self, alarms: Vec<Alarm>, now: Moment) {
        let inner = &mut *self.lock();
        inner.reports.restore(&alarms, now.now);
        // Who is told of alarms was told of these before.
        inner.engine.restore(alarms);
    }

    /// Tells everyone; in the order of the lock. Returns what the journal calls it.
    fn tell(&self, notice: Notice) -> u64 {
        let condition = &notice.alarm.condition;
        let (change, severity) = (notice.change.as_str(), condition.severity.as_str());
        tracing::info!(id = condition.id, change, severity, text = condition.text, "alarm");
        self.events.publish("alarm", &AlarmEvent::of(&notice).json());
        let revision = self.journal.note(notice.alarm.clone());
        self.deliveries.send(&Arc::new(notice));
        revision
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // A look that ended half-way is made whole by the next.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
