//! Alarms to an MQTT 3.1.1 broker, QoS 1.
//!
//! | topic | |
//! |---|---|
//! | `TOPIC/alarms/ID` | an active alarm as the API shows it; retained, empty once it is cleared |
//! | `TOPIC/events` | each change as it happens, not retained |
//! | `TOPIC/status` | `online` or `offline`; retained, `offline` also as the last will |
//!
//! One message is on its way at a time, and every connection is a session of its own: whoever
//! falls silent in between costs a message that comes twice, never one that is lost. On each
//! connection all active alarms are told again, and what the broker still retains of others
//! is removed.

use std::{convert::Infallible, time::Duration};

use rumqttc::{
    AsyncClient, Event, EventLoop, LastWill, MqttOptions, Packet, QoS, TlsConfiguration, Transport,
};
use tokio::{sync::mpsc, time::timeout};

use super::{BackOff, HOST, PATIENCE, connect::Tls, outbox::Outbox};
use crate::{
    alarms::settings::MqttSettings,
    api::alarms::{AlarmEvent, AlarmView},
    app::App,
};

/// How often a silent connection is tried.
const KEEP_ALIVE: Duration = Duration::from_secs(10);
/// Longest packet in octets, both ways.
const PACKET_MAX: usize = 256 * 1024;

/// What a broker says that matters here.
enum Heard {
    /// It has what was sent last.
    Taken,
    /// It retains something on this topic.
    Retains(String),
}

/// Delivers until it is dropped.
pub(super) async fn run(app: &App, outbox: &Outbox, tls: &Tls, settings: &MqttSettings) {
    let mut again = BackOff::new();
    loop {
        let Err(reason) = session(app, outbox, tls, settings, &mut again).await;
        outbox.failed(&reason);
        again.pause().await;
    }
}

/// One connection, to its end.
async fn session(
    app: &App,
    outbox: &Outbox,
    tls: &Tls,
    settings: &MqttSettings,
    again: &mut BackOff,
) -> Result<Infallible, String> {
    let options = options(settings, tls).await?;
    let (client, mut connection) = AsyncClient::new(options, 10);
    let (tell, hear) = mpsc::channel(16);
    let mut speaker = Speaker { app, settings, client, hear, strange: Vec::new() };
    connected(&mut connection).await?;
    *again = BackOff::new();
    // Both run until one of them ends: neither is ever cancelled half-way through a packet.
    let listen = async {
        loop {
            match connection.poll().await {
                Ok(Event::Incoming(Packet::PubAck(_))) => {
                    let _ = tell.send(Heard::Taken).await;
                }
                Ok(Event::Incoming(Packet::Publish(retained)))
                    if retained.retain && !retained.payload.is_empty() =>
                {
                    let _ = tell.send(Heard::Retains(retained.topic)).await;
                }
                Ok(_) => {}
                Err(error) => return error.to_string(),
            }
        }
    };
    tokio::select! {
        reason = listen => Err(reason),
        spoken = speaker.speak(outbox) => spoken,
    }
}

/// Waits for the broker's consent.
async fn connected(connection: &mut EventLoop) -> Result<(), String> {
    let consent = async {
        loop {
            match connection.poll().await {
                Ok(Event::Incoming(Packet::ConnAck(_))) => return Ok(()),
                Ok(_) => {}
                Err(error) => return Err(error.to_string()),
            }
        }
    };
    let late = || Err(format!("no connection within {} s", PATIENCE.as_secs()));
    timeout(PATIENCE, consent).await.unwrap_or_else(|_| late())
}

async fn options(settings: &MqttSettings, tls: &Tls) -> Result<MqttOptions, String> {
    let target = settings.url.as_ref().map(|url| &url.0).ok_or("there is no url")?;
    let client_id = settings.client_id.clone().unwrap_or_else(|| format!("ormatrix-{}", *HOST));
    let mut options = MqttOptions::new(client_id, &target.host, target.port);
    let will = LastWill::new(settings.topic.below("status"), "offline", QoS::AtLeastOnce, true);
    options.set_last_will(will).set_keep_alive(KEEP_ALIVE);
    options.set_max_packet_size(PACKET_MAX, PACKET_MAX);
    if let Some(username) = &settings.username {
        let password = settings.password.as_ref().map_or("", |password| password.reveal());
        options.set_credentials(username, password);
    }
    if target.scheme == "mqtts" {
        let config = tls.config().await?;
        options.set_transport(Transport::tls_with_config(TlsConfiguration::Rustls(config)));
    }
    Ok(options)
}

struct Speaker<'a> {
    app: &'a App,
    settings: &'a MqttSettings,
    client: AsyncClient,
    hear: mpsc::Receiver<Heard>,
    /// Topics that the broker retained and that are not known to be active.
    strange: Vec<String>,
}

impl Speaker<'_> {
    async fn speak(&mut self, outbox: &Outbox) -> Result<Infallible, String> {
        self.publish(self.settings.topic.below("status"), true, "online".to_owned()).await?;
        outbox.well();
        for alarm in self.app.alarms.active() {
            self.state(&alarm.condition.id).await?;
        }
        let all = self.settings.topic.below("alarms/+");
        // A broker that refuses this only keeps what it has.
        self.client.subscribe(all, QoS::AtMostOnce).await.map_err(|error| error.to_string())?;
        loop {
            while let Some(topic) = self.strange.pop() {
                if let Some((_, id)) = topic.rsplit_once('/') {
                    self.state(id).await?;
                }
            }
            let notice = tokio::select! {
                heard = self.hear.recv() => {
                    self.note(heard)?;
                    continue;
                }
                notice = outbox.next() => notice,
            };
            self.state(&notice.alarm.condition.id).await?;
            let event = AlarmEvent::of(&notice).json().to_string();
            self.publish(self.settings.topic.below("events"), false, event).await?;
            outbox.delivered();
        }
    }

    /// Publishes an alarm as it is now, which may be later than what is told of it.
    async fn state(&mut self, id: &str) -> Result<(), String> {
        let alarm = self.app.alarms.find(id);
        let state = alarm.map(|alarm| AlarmView::of(&alarm).json().to_string());
        let topic = self.settings.topic.below(&format!("alarms/{id}"));
        self.publish(topic, true, state.unwrap_or_default()).await
    }

    /// Publishes, and waits until the broker has it.
    async fn publish(&mut self, topic: String, retain: bool, said: String) -> Result<(), String> {
        let sent = self.client.publish(topic, QoS::AtLeastOnce, retain, said).await;
        sent.map_err(|error| error.to_string())?;
        let taken = async {
            loop {
                let heard = self.hear.recv().await;
                if self.note(heard)? {
                    return Ok(());
                }
            }
        };
        let late =
            || Err(format!("the broker has not taken a message in {} s", PATIENCE.as_secs()));
        timeout(PATIENCE, taken).await.unwrap_or_else(|_| late())
    }

    /// Notes what was heard; true when the broker has taken a message.
    fn note(&mut self, heard: Option<Heard>) -> Result<bool, String> {
        match heard {
            None => Err("the connection has ended".to_owned()),
            Some(Heard::Taken) => Ok(true),
            Some(Heard::Retains(topic)) => {
                self.strange.push(topic);
                Ok(false)
            }
        }
    }
}
