//! Alarms to the hospital's systems: HTTP, MQTT, syslog.
//!
//! Each receiver has a task and a bounded queue of its own, so that one that is dead or slow
//! holds up neither alarms nor the others. What cannot be delivered is tried again with
//! growing pauses, in order; when the queue is full the oldest notice is dropped and counted.
//! Notices that still wait when the process ends are not kept.

pub mod connect;
pub mod mqtt;
pub mod outbox;
pub mod syslog;
pub mod webhook;

use std::{
    fs,
    sync::{Arc, LazyLock},
    time::Duration,
};

use tokio::sync::Notify;

use self::{connect::Tls, outbox::Outbox};
use super::{
    alarm::{Condition, Notice},
    conditions,
    settings::AlarmSettings,
};
use crate::app::Shared;

/// First and longest pause after a failure.
const AGAIN: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(30));
/// How long a receiver may take to be connected to, or to answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// Every receiver there may be, as metrics and the settings name them.
pub const RECEIVERS: [&str; 3] = ["webhook", "mqtt", "syslog"];

/// This host's name, for receivers that hear of several; empty when it has none.
pub static HOST: LazyLock<String> = LazyLock::new(|| {
    let name = fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    name.trim().to_owned()
});

/// The receivers that the settings name.
#[derive(Debug)]
pub struct Deliveries {
    settings: AlarmSettings,
    outboxes: Vec<Arc<Outbox>>,
}

impl Deliveries {
    pub(super) fn new(settings: &AlarmSettings, watch: &Arc<Notify>) -> Self {
        let AlarmSettings { webhook, mqtt, syslog, .. } = settings;
        let targets = [
            webhook.url.as_ref().map(|url| url.0.to_string()),
            mqtt.url.as_ref().map(|url| url.0.to_string()),
            syslog.url.as_ref().map(|url| url.0.to_string()),
        ];
        let named = RECEIVERS.into_iter().zip(targets);
        let named = named.filter_map(|(name, target)| Some((name, target?)));
        let outboxes =
            named.map(|(name, target)| Arc::new(Outbox::new(name, target, watch.clone())));
        Self { settings: settings.clone(), outboxes: outboxes.collect() }
    }

    /// Every receiver's queue.
    pub fn outboxes(&self) -> &[Arc<Outbox>] {
        &self.outboxes
    }

    /// The receivers that are not reached.
    pub(super) fn failing(&self) -> Vec<Condition> {
        let failing = self.outboxes.iter().filter_map(|outbox| {
            let reason = outbox.failing()?;
            Some(conditions::delivery_failing(outbox.name, &outbox.target, &reason))
        });
        failing.collect()
    }

    /// Has everyone told.
    pub(super) fn send(&self, notice: &Arc<Notice>) {
        for outbox in &self.outboxes {
            outbox.put(notice.clone());
        }
    }

    /// Begins to deliver.
    pub(super) fn begin(&self, app: &Shared) {
        let tls = Arc::new(Tls::new(self.settings.ca_file.clone()));
        for outbox in &self.outboxes {
            let (app, outbox, tls) = (app.clone(), outbox.clone(), tls.clone());
            let settings = self.settings.clone();
            tokio::spawn(async move {
                let mut ending = app.ending.clone();
                let deliver = async {
                    match outbox.name {
                        "webhook" => webhook::run(&app, &outbox, &tls, &settings.webhook).await,
                        "mqtt" => mqtt::run(&app, &outbox, &tls, &settings.mqtt).await,
                        _ => syslog::run(&outbox, &tls, &settings.syslog).await,
                    }
                };
                tokio::select! {
                    () = deliver => {}
                    _ = ending.wait_for(|end| *end) => {}
                }
            });
        }
    }
}

/// Pauses that grow from failure to failure.
struct BackOff(Duration);

impl BackOff {
    fn new() -> Self {
        Self(AGAIN.0)
    }

    async fn pause(&mut self) {
        tokio::time::sleep(self.0).await;
        self.0 = (self.0 * 2).min(AGAIN.1);
    }
}
