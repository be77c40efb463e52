//! The control plane is killed at random moments, a thousand times, while clients change the
//! inventory. After each restart every change that was acknowledged is there, one that was
//! not is there whole or not at all, and the router has what the inventory has.
//!
//! `ORMATRIX_KILL_ROUNDS` sets the number of kills, `ORMATRIX_KILL_SEED` repeats a run as far
//! as the scheduler lets it. Killing loses nothing that the kernel has been given: that every
//! commit also waits for the disk is asserted beside the store.

use std::{
    collections::BTreeMap,
    env, fs,
    io::{BufRead, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
    sync::{
        Arc, Mutex,
        mpsc::{Sender, channel},
    },
    thread,
    time::Duration,
};

use fastrand::Rng;
use ormatrix_io::{Clock, SystemClock};
use ormatrix_protocol::Leg;
use rusqlite::Connection;
use serde_json::{Value, json};

use crate::fake_router::{FakeRouter, Model};

const CLIENTS: u16 = 3;
const THINGS: u16 = 4;
/// Long enough to mean never.
const PATIENCE: Duration = Duration::from_secs(20);

/// A value of a thing; every field of it tells which, so that no two can be mixed unseen.
type Version = u32;

/// One input or output, changed by one client only.
#[allow(clippy::option_option, reason = "nothing in doubt, gone in doubt, a version in doubt")]
struct Thing {
    kind: &'static str,
    id: String,
    port: u16,
    /// What the last acknowledged change made of it; `None` when it is not there.
    sure: Option<Version>,
    /// What a change made of it that nobody acknowledged, if it was made.
    maybe: Option<Option<Version>>,
}

impl Thing {
    fn path(&self) -> String {
        format!("/api/v1/{}s/{}", self.kind, self.id)
    }

    fn body(&self, version: Version) -> Value {
        let second = json!({ "address": "127.0.0.2", "port": self.port + (version % 5) as u16 });
        let first = json!({ "address": "127.0.0.1", "port": self.port + (version % 7) as u16 });
        let legs = if version.is_multiple_of(2) { json!([first, second]) } else { json!([first]) };
        let mut body = json!({
            "label": format!("V {version}"), "zone": format!("zone {version}"), "legs": legs,
            "payload_type": 96 + version % 32,
        });
        if self.kind == "input" {
            body["video"] = crate::bench::video();
            body["video"]["width"] = (640 + 2 * (version % 100)).into();
        } else {
            body["ssrc"] = version.into();
        }
        body
    }

    /// Which version this is, if it is one.
    fn version_of(&self, seen: &Value) -> Version {
        let label = seen["label"].as_str().unwrap();
        let version = label.strip_prefix("V ").unwrap().parse().unwrap();
        for (field, value) in self.body(version).as_object().unwrap() {
            let seen = seen[field.as_str()].clone();
            // The API may add members where null was not given.
            let same = match (&seen, value) {
                (Value::Array(seen), Value::Array(legs)) => {
                    let of = |leg: &Value| (leg["address"].clone(), leg["port"].clone());
                    seen.iter().map(of).eq(legs.iter().map(of))
                }
                (seen, value) => seen == value,
            };
            assert!(same, "{} is a mixture: {field} is {seen}, not {value}", self.id);
        }
        version
    }
}

struct Client {
    things: Vec<Thing>,
    next: Version,
    acknowledged: u64,
}

impl Client {
    fn new(number: u16) -> Self {
        let thing = |n: u16| Thing {
            kind: if n.is_multiple_of(2) { "input" } else { "output" },
            id: format!("c{number}-{n}"),
            port: 10_000 + 1000 * number + 20 * n,
            sure: None,
            maybe: None,
        };
        Self { things: (0..THINGS).map(thing).collect(), next: 1, acknowledged: 0 }
    }

    /// Changes things until nobody answers any more; tells of each that was acknowledged.
    fn work(&mut self, address: &str, seed: u64, done: &Sender<()>) {
        let mut random = Rng::with_seed(seed);
        let agent = agent();
        loop {
            let thing = random.choice(&mut self.things).unwrap();
            let url = format!("http://{address}{}", thing.path());
            let (wanted, sent) = if random.u8(..4) == 0 {
                (None, agent.delete(url).call())
            } else {
                self.next += 1;
                let body = thing.body(self.next);
                let put = agent.put(url).header("content-type", "application/json");
                (Some(self.next), put.send(body.to_string()))
            };
            let Ok(answer) = sent else {
                // Whether it was done only the next start tells.
                thing.maybe = Some(wanted);
                return;
            };
            match answer.status().as_u16() {
                200 | 201 | 204 => {
                    thing.sure = wanted;
                    self.acknowledged += 1;
                    let _ = done.send(());
                }
                404 => assert_eq!((wanted, thing.sure), (None, None), "{} is gone", thing.id),
                503 => {}
                status => panic!("{status} to a change of {}", thing.id),
            }
        }
    }

    /// Compares with what there is now, and takes that as the truth from here on.
    fn check(&mut self, seen: &BTreeMap<String, Value>) {
        for thing in &mut self.things {
            let now = seen.get(&thing.id).map(|seen| thing.version_of(seen));
            let allowed = now == thing.sure || thing.maybe.is_some_and(|maybe| now == maybe);
            assert!(
                allowed,
                "{} is {now:?}; acknowledged was {:?}, under way was {:?}",
                thing.id, thing.sure, thing.maybe
            );
            (thing.sure, thing.maybe) = (now, None);
        }
    }
}

fn agent() -> ureq::Agent {
    let config = ureq::Agent::config_builder().http_status_as_error(false);
    config.timeout_global(Some(PATIENCE)).build().into()
}

fn start(directory: &Path) -> Child {
    Command::new(env!("CARGO_BIN_EXE_ormatrix-control"))
        .args(["--listen", "127.0.0.1:0", "--state-dir"])
        .arg(directory)
        .arg("--router-socket")
        .arg(directory.join("router.sock"))
        .env(ormatrix_io::process::PARENT_VARIABLE, std::process::id().to_string())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

fn address_of(child: &mut Child) -> String {
    let mut line = String::new();
    BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
    line.trim().strip_prefix("listening http://").unwrap().to_owned()
}

/// Waits until it has reconciled; gives every input and output by id.
fn settled(address: &str) -> BTreeMap<String, Value> {
    let agent = agent();
    let get = |path: &str| agent.get(format!("http://{address}{path}")).call().unwrap();
    until(|| get("/readyz").status() == 200);
    let list = |path: &str| get(path).body_mut().read_json::<Vec<Value>>().unwrap();
    let all = [list("/api/v1/inputs"), list("/api/v1/outputs")].concat();
    all.into_iter().map(|thing| (thing["id"].as_str().unwrap().to_owned(), thing)).collect()
}

/// The router has what the inventory has.
fn agree(model: &Model, seen: &BTreeMap<String, Value>) {
    let legs =
        |legs: &[Leg]| legs.iter().map(|leg| json!([leg.address, leg.port])).collect::<Vec<_>>();
    let inputs = model.inputs.values().map(|now| &now.spec);
    let inputs = inputs.map(|s| (s.id.to_string(), (s.payload_type, legs(&s.legs))));
    let outputs = model.outputs.values().map(|now| &now.spec);
    let outputs = outputs.map(|s| (s.id.to_string(), (s.payload_type, legs(&s.legs))));
    let has: BTreeMap<_, _> = inputs.chain(outputs).collect();
    let shall = seen.iter().map(|(id, thing)| {
        let legs = thing["legs"].as_array().unwrap().iter();
        let legs = legs.map(|leg| json!([leg["address"], leg["port"]])).collect();
        (id.clone(), (thing["payload_type"].as_u64().unwrap() as u8, legs))
    });
    assert_eq!(has, shall.collect(), "router and inventory differ");
}

/// What the kill left is whole, before anybody has mended it.
fn sound(directory: &Path) {
    let copy = tempfile::tempdir().unwrap();
    for tail in ["", "-wal"] {
        let name = format!("control.sqlite3{tail}");
        let _ = fs::copy(directory.join(&name), copy.path().join(&name));
    }
    let path = copy.path().join("control.sqlite3");
    if !path.exists() {
        return;
    }
    let connection = Connection::open(path).unwrap();
    let check =
        |pragma: &str| connection.query_row(pragma, [], |row| row.get::<_, String>(0)).unwrap();
    assert_eq!(check("PRAGMA integrity_check"), "ok");
    let references = connection.prepare("PRAGMA foreign_key_check").unwrap().exists([]).unwrap();
    assert!(!references, "a row names what is not there");
}

fn from_environment(name: &str) -> Option<u64> {
    env::var(name).ok().map(|text| text.parse().unwrap_or_else(|_| panic!("{name}={text}")))
}

#[test]
fn what_was_acknowledged_survives_a_thousand_kills() {
    let rounds = from_environment("ORMATRIX_KILL_ROUNDS").unwrap_or(1000);
    let seed = from_environment("ORMATRIX_KILL_SEED").unwrap_or_else(|| fastrand::u64(..));
    println!("ORMATRIX_KILL_SEED={seed} ORMATRIX_KILL_ROUNDS={rounds}");
    let mut random = Rng::with_seed(seed);
    let directory = tempfile::tempdir().unwrap();
    let model = Arc::new(Mutex::new(Model::default()));
    let router = FakeRouter::start(&directory.path().join("router.sock"), model);
    let mut clients: Vec<Client> = (0..CLIENTS).map(Client::new).collect();
    let (mut kept, mut vanished) = (0u32, 0u32);
    for round in 0..=rounds {
        let mut child = start(directory.path());
        // Some are killed while they start.
        let early = random.u8(..8) == 0;
        if early && round < rounds {
            wait(random.u64(..20_000_000));
        } else {
            let address = address_of(&mut child);
            let seen = settled(&address);
            for client in &mut clients {
                let pending: Vec<_> = client.things.iter().filter_map(|t| t.maybe).collect();
                client.check(&seen);
                for wanted in pending {
                    let now = client.things.iter().any(|t| wanted.is_some() && t.sure == wanted);
                    if now { kept += 1 } else { vanished += 1 }
                }
            }
            agree(&router.model(), &seen);
            let seeds: Vec<u64> = clients.iter().map(|_| random.u64(..)).collect();
            let (after, pause) = (random.usize(..5), random.u64(..6_000_000));
            let (done, acknowledged) = channel();
            thread::scope(|scope| {
                let address = address.as_str();
                // The last start only tells what the last kill left.
                for (client, seed) in clients.iter_mut().zip(seeds).filter(|_| round < rounds) {
                    let done = done.clone();
                    scope.spawn(move || client.work(address, seed, &done));
                }
                drop(done);
                let _ = acknowledged.iter().take(after).count();
                wait(pause);
                child.kill().unwrap();
            });
        }
        let _ = child.kill();
        child.wait().unwrap();
        // What it still asked of the router is done before the next one comes.
        until(|| router.serving() == 0);
        sound(directory.path());
    }
    let acknowledged: u64 = clients.iter().map(|client| client.acknowledged).sum();
    println!(
        "{acknowledged} changes acknowledged; of those cut off {kept} are there, {vanished} not"
    );
    assert!(acknowledged > rounds, "too little was at stake");
}

/// Waits until it is so, for as long as never is.
fn until(so: impl Fn() -> bool) {
    let never = SystemClock.now() + 60_000_000_000;
    while !so() {
        assert!(SystemClock.now() < never, "it never became so");
        thread::yield_now();
    }
}

/// A moment: where in its work the process is then is what is drawn by lot.
fn wait(ns: u64) {
    SystemClock.sleep_until(SystemClock.now() + ns);
}
