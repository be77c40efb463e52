//! Alarms reach a broker that nobody here wrote: Mosquitto.

use std::{
    fs,
    io::{BufRead, BufReader, Lines},
    net::{TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, ChildStdout, Command, Stdio},
};

use ormatrix_control::{
    alarms::settings::{MqttUrl, Secret},
    settings::Settings,
};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{
    alarm_delivery::{Certificates, failing, metric, report, until},
    bench::Bench,
};

/// Where the servers for tests are unpacked.
fn aside() -> PathBuf {
    let program = std::env::current_exe().unwrap();
    let found = program.ancestors().map(|folder| folder.join("aside"));
    found.into_iter().find(|aside| aside.join("usr/sbin/mosquitto").exists()).unwrap_or_else(|| {
        panic!(
            "there is no aside/usr/sbin/mosquitto above {}: run `hardware/setup/install.sh \
             aside` first, with the same CARGO_TARGET_DIR",
            program.display()
        )
    })
}

/// A program of Mosquitto's, with its libraries.
fn program(path: &str) -> Command {
    let aside = aside();
    let mut folders = Vec::new();
    for base in ["usr/lib", "lib"] {
        let Ok(entries) = fs::read_dir(aside.join(base)) else { continue };
        folders.extend(entries.map(|entry| entry.unwrap().path()));
    }
    let mut command = Command::new(aside.join(path));
    command.env("LD_LIBRARY_PATH", std::env::join_paths(folders).unwrap());
    command
}

/// A broker; it keeps what it knows in its folder.
struct Broker {
    folder: TempDir,
    port: u16,
    child: Option<Child>,
}

impl Broker {
    /// Not yet started.
    fn new(more: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let place = folder.path().display();
        let settings = format!(
            "listener {port} 127.0.0.1\npersistence true\npersistence_location {place}/\n\
             user root\n{}",
            if more.is_empty() { "allow_anonymous true\n" } else { more }
        )
        .replace("FOLDER", &place.to_string());
        fs::write(folder.path().join("mosquitto.conf"), settings).unwrap();
        Self { folder, port, child: None }
    }

    fn start(&mut self) {
        let mut command = program("usr/sbin/mosquitto");
        command.arg("-c").arg(self.folder.path().join("mosquitto.conf"));
        self.child = Some(command.stderr(Stdio::null()).spawn().unwrap());
        until(|| TcpStream::connect(("127.0.0.1", self.port)).is_ok());
    }

    /// Ends it as its own service would, so that it keeps what it knows.
    fn stop(&mut self) {
        let Some(mut child) = self.child.take() else { return };
        let asked = Command::new("kill").args(["-TERM", &child.id().to_string()]).status();
        assert!(asked.unwrap().success());
        child.wait().unwrap();
    }

    /// A command of Mosquitto's against this broker.
    fn client(&self, name: &str, arguments: &str) -> Command {
        let mut command = program(&format!("usr/bin/{name}"));
        command.args(["-h", "127.0.0.1", "-p", &self.port.to_string()]);
        command.args(arguments.split_whitespace());
        command
    }

    /// Listens, within a time long enough to mean never.
    fn listen(&self, arguments: &str) -> Listener {
        let mut command = self.client("mosquitto_sub", &format!("-W 60 -q 1 {arguments}"));
        // Retained or not, the topic, what is said.
        command.args(["-F", "%r %t %p"]).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Listener { child, lines }
    }

    fn settings(&self) -> impl FnOnce(&mut Settings) + use<> {
        let url = MqttUrl::try_from(format!("mqtt://127.0.0.1:{}", self.port)).unwrap();
        |settings| settings.alarms.mqtt.url = Some(url)
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        self.stop();
    }
}

struct Listener {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

/// Whether it was retained, the topic, what is said.
#[derive(Debug, PartialEq)]
struct Heard {
    retained: bool,
    topic: String,
    said: String,
}

impl Heard {
    fn json(&self) -> Value {
        serde_json::from_str(&self.said).unwrap()
    }
}

impl Listener {
    fn next(&mut self) -> Heard {
        let line = self.lines.next().expect("nothing more is heard").unwrap();
        let mut words = line.splitn(3, ' ');
        let mut word = || words.next().unwrap_or_default().to_owned();
        Heard { retained: word() == "1", topic: word(), said: word() }
    }

    /// The next on a topic, past others.
    fn on(&mut self, topic: &str) -> Heard {
        loop {
            let heard = self.next();
            if heard.topic == topic {
                return heard;
            }
        }
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn states_are_retained_events_are_not_and_the_last_will_is_heard() {
    let mut broker = Broker::new("");
    broker.start();
    // Something of an earlier life that nobody has cleared.
    let old = broker.client("mosquitto_pub", "-r -q 1 -t ormatrix/alarms/signal-lost:old -m {}");
    assert!({ old }.status().unwrap().success());
    let mut events = broker.listen("-t ormatrix/#");
    assert_eq!(events.on("ormatrix/alarms/signal-lost:old").said, "{}");
    let mut bench = Bench::set(broker.settings());
    assert_eq!(events.on("ormatrix/status").said, "online");
    let removed = events.on("ormatrix/alarms/signal-lost:old");
    assert_eq!((removed.retained, removed.said.as_str()), (false, ""));

    let alarm = report(&bench, "hot", "major", "31 °C");
    assert_eq!(events.on("ormatrix/alarms/reported:hot").json(), alarm);
    let event = events.on("ormatrix/events").json();
    assert_eq!((&event["change"], &event["alarm"]), (&json!("raised"), &alarm));
    // Whoever comes later sees what is so, and not what has happened.
    let mut later = broker.listen("-t ormatrix/#");
    let (first, second) = (later.next(), later.next());
    assert!(first.retained && second.retained, "{first:?} {second:?}");
    assert_eq!(
        first.topic.len() + second.topic.len(),
        "ormatrix/alarms/reported:hotormatrix/status".len()
    );
    bench.post("/api/v1/alarms/reported:hot/acknowledge", &json!({})).expect(200);
    assert_eq!(later.on("ormatrix/alarms/reported:hot").json()["acknowledged"]["by"], "technician");
    assert_eq!(later.on("ormatrix/events").json()["change"], "acknowledged");
    bench.delete("/api/v1/alarms/reported/hot").expect(204);
    bench.clock.turn(2000);
    assert_eq!(later.on("ormatrix/alarms/reported:hot").said, "");
    assert_eq!(later.on("ormatrix/events").json()["change"], "cleared");
    bench.stop_control();
    assert_eq!(later.on("ormatrix/status").said, "offline");
    assert_eq!(broker.listen("-t ormatrix/#").next().said, "offline");
}

#[test]
fn a_broker_that_comes_late_and_goes_in_between_gets_everything() {
    let mut broker = Broker::new("");
    // Somebody has subscribed for good.
    broker.start();
    let subscribe = "-c -i somebody -q 1 -t ormatrix/events -E";
    assert!(broker.client("mosquitto_sub", subscribe).status().unwrap().success());
    broker.stop();
    let bench = Bench::set(broker.settings());
    for n in 0..50 {
        report(&bench, &format!("r{n}"), "minor", "before it was there");
    }
    assert_eq!(metric(&bench, "ormatrix_alarm_notices_waiting{receiver=\"mqtt\"}"), 50);
    broker.start();
    until(|| metric(&bench, "ormatrix_alarm_notices_waiting{receiver=\"mqtt\"}") == 0);
    broker.stop();
    for n in 50..90 {
        report(&bench, &format!("r{n}"), "minor", "while it was away");
    }
    broker.start();
    let mut events = broker.listen("-c -i somebody -t ormatrix/events");
    // A message may come twice, and none is missing or out of order.
    let mut ids = Vec::new();
    while ids.last() != Some(&json!("reported:r89")) {
        ids.push(events.next().json()["alarm"]["id"].clone());
        ids.dedup();
    }
    let expected: Vec<Value> = (0..90).map(|n| json!(format!("reported:r{n}"))).collect();
    assert_eq!(ids, expected);
    assert_eq!(metric(&bench, "ormatrix_alarm_notices_dropped_total{receiver=\"mqtt\"}"), 0);
}

#[test]
fn with_tls_and_a_password() {
    let certificates = Certificates::new();
    let mut broker = Broker::new(
        "allow_anonymous false\npassword_file FOLDER/passwords\ncertfile FOLDER/certificate.pem\n\
         keyfile FOLDER/key.pem\n",
    );
    let folder = broker.folder.path().to_owned();
    let write = |name: &str, text: &str| fs::write(folder.join(name), text).unwrap();
    write("certificate.pem", &certificates.certificate);
    write("key.pem", &certificates.key.serialize_pem());
    let ca_file = certificates.ca_file(&folder);
    let passwords = folder.join("passwords");
    let made = program("usr/bin/mosquitto_passwd")
        .args(["-c", "-b"])
        .arg(&passwords)
        .args(["or3", "hush"])
        .status();
    assert!(made.unwrap().success());
    broker.start();
    let set = |password: &str, ca_file: &Path| {
        let url = MqttUrl::try_from(format!("mqtts://127.0.0.1:{}", broker.port)).unwrap();
        let password = Secret::try_from(password.to_owned()).unwrap();
        Bench::set(|settings| {
            settings.alarms.ca_file = Some(ca_file.to_owned());
            settings.alarms.mqtt.url = Some(url);
            settings.alarms.mqtt.topic = "hospital/or3".to_owned().try_into().unwrap();
            settings.alarms.mqtt.username = Some("or3".to_owned());
            settings.alarms.mqtt.password = Some(password);
        })
    };
    let listen = format!("--cafile {} -u or3 -P hush -t hospital/or3/events", ca_file.display());
    let bench = set("hush", &ca_file);
    let outbox = bench.running().app.alarms.deliveries.outboxes()[0].clone();
    let mut events = broker.listen(&format!("{listen} -t hospital/or3/status"));
    assert_eq!(events.on("hospital/or3/status").said, "online");
    report(&bench, "hot", "major", "31 °C");
    assert_eq!(events.on("hospital/or3/events").json()["alarm"]["text"], "31 °C");
    assert_eq!(outbox.failing(), None);
    drop(bench);
    // A wrong password is said to be one.
    let bench = set("loud", &ca_file);
    let reason = failing(&bench);
    assert!(reason.contains("NotAuthorized") || reason.contains("BadUserName"), "{reason}");
}
