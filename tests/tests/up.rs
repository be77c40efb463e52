//! `ormatrix up` as it runs on a host without systemd.

use std::{
    fs,
    io::{BufRead, BufReader, Read, Write},
    net::TcpListener,
    path::PathBuf,
    process::{Command, Output},
    time::Duration,
};

use ormatrix_tests::{
    matrix::{free_port, request, try_request},
    media::assert_no_defect,
    process::{Process, own, program},
    watched::{Watched, all_gone, children, signal, until},
};
use serde_json::{Value, json};

/// A folder with the settings of a small matrix.
struct Site {
    folder: tempfile::TempDir,
    url: String,
}

impl Site {
    /// Settings of router and control plane on free ports; `more` is added to `up.toml`.
    fn new(more: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let address = format!("127.0.0.1:{}", free_port());
        let site = Self { folder, url: format!("http://{address}") };
        let path = |name: &str| site.path(name).display().to_string();
        let router = format!(
            "socket = {:?}\nsnapshot = {:?}\nlanes = 1\n",
            path("router.sock"),
            path("router.json")
        );
        let control = format!(
            "listen = {address:?}\nrouter_socket = {:?}\nstate_dir = {:?}\n",
            path("router.sock"),
            path("state")
        );
        let up = format!(
            "url = {:?}\nlogs = {:?}\n{more}\n[router]\nconfig = {:?}\n[control]\nconfig = {:?}\n\
             [stills]\nrun = false\n",
            site.url,
            path("logs"),
            path("router.toml"),
            path("control.toml")
        );
        fs::create_dir(site.path("state")).unwrap();
        for (name, text) in [("router.toml", router), ("control.toml", control), ("up.toml", up)] {
            fs::write(site.path(name), text).unwrap();
        }
        site
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn command(&self) -> Command {
        let mut command = Command::new(program("ormatrix"));
        command.args(["up", "--config"]).arg(self.path("up.toml"));
        command
    }

    /// Runs it to its end, for what ends by itself.
    fn ended(&self, more: &[&str]) -> Output {
        self.command().args(more).output().unwrap()
    }

    fn get(&self, path: &str) -> Value {
        let answer = try_request("GET", &format!("{}{path}", self.url), "", b"");
        answer.map(|answer| answer.json()).unwrap_or_default()
    }

    fn put(&self, path: &str, body: &Value) -> Value {
        let url = format!("{}/api/v1{path}", self.url);
        request("PUT", &url, "application/json", body.to_string().as_bytes()).ok()
    }

    #[track_caller]
    fn until(&self, what: &str, so: impl Fn(&Self) -> bool) {
        let so = until(Duration::from_mins(1)).any(|()| so(self));
        assert!(so, "never came true: {what}; {}", self.get("/api/v1/outputs"));
    }

    fn ready(&self) -> bool {
        self.get("/readyz")["ready"] == true
    }

    fn live(&self) -> bool {
        self.get("/api/v1/outputs/main")["route"]["state"] == "live"
    }
}

/// The child whose command line holds such words.
fn child(of: &Watched, words: &str) -> u32 {
    let running = children(of.id());
    let found = running.iter().find(|(_, line)| line.contains(words));
    found.unwrap_or_else(|| panic!("no {words} in {running:#?}")).0
}

#[test]
fn what_is_killed_comes_back_and_pictures_need_no_control() {
    let to = format!("127.0.0.1:{}", free_port());
    let site = Site::new(&format!(
        "[[sources]]\nname = \"endoscope\"\narguments = [\"--pattern\", \"ball\", \"--format\", \
         \"640x360p50\", \"--to\", {to:?}, \"--register\", \"{{url}}\", \"--id\", \"endoscope\"]"
    ));
    let mut up = Watched::start(&mut site.command());
    site.until("the router is connected", Site::ready);
    site.until("the source has registered and sends", |site| {
        site.get("/api/v1/inputs/endoscope")["signal"]["state"] == "ok"
    });
    let leg = json!({"address": "127.0.0.1", "port": free_port()});
    site.put("/outputs/main", &json!({"legs": [leg]}));
    site.put("/outputs/main/route", &json!({"input": "endoscope", "wait_ms": 10000}));
    assert!(site.live());

    // The router: it is started again, the control plane finds it, the route is there.
    let before = child(&up, "ormatrix-router");
    signal(before, "KILL");
    let said = up.says("ormatrix-router was ended by signal 9; it is started again");
    assert!(said.starts_with("20") && said.contains("Z ormatrix-router"), "{said}");
    let said = up.says("ormatrix-router runs, process ");
    let now = child(&up, "ormatrix-router");
    assert!(now != before && said.ends_with(&now.to_string()), "{said}");
    site.until("the control plane has found it", Site::ready);
    site.until("the route is back", Site::live);

    // The control plane: the router does not notice, and a judge of the pictures neither.
    let mut judge = own("ormatrix-sink");
    let sdp = format!("{}/api/v1/outputs/main/sdp", site.url);
    judge.args(["check", "--json", "--frames", "200", "--seconds", "60", "--sdp", &sdp]);
    let mut judge = Process::start(judge);
    judge.wait_for("listening");
    signal(child(&up, "ormatrix-control"), "KILL");
    up.says("ormatrix-control was ended by signal 9; it is started again");
    site.until("the control plane is back", Site::ready);
    assert!(site.live());
    let (_, report) = judge.finish_json();
    assert_no_defect(&report);
    assert!(report["whole"].as_u64() > Some(100), "{report:#}");
    assert_eq!(child(&up, "ormatrix-router"), now);

    // Settings are read again where they are asked for.
    up.signal("HUP");
    up.says("asked to read their settings again");
    for name in ["ormatrix-router", "ormatrix-control"] {
        site.until("it has read them", |site| {
            let log = fs::read_to_string(site.path(&format!("logs/{name}.log")));
            log.is_ok_and(|log| log.contains("settings read again: nothing is different"))
        });
    }

    // Its words are kept, beyond every restart.
    let log = fs::read_to_string(site.path("logs/ormatrix-control.log")).unwrap();
    assert_eq!(log.matches("listening http://").count(), 2, "{log}");
    assert!(site.path("logs/source-endoscope.log").exists());

    let started = children(up.id());
    assert_eq!(started.len(), 3, "{started:#?}");
    up.signal("INT");
    assert!(up.end().success());
    all_gone(&started);
    let said = up.rest();
    let at = |words: &str| said.find(words).unwrap_or_else(|| panic!("no {words} in {said}"));
    assert!(at("source-endoscope has ended") < at("ormatrix-control has ended"), "{said}");
    assert!(at("ormatrix-control has ended") < at("ormatrix-router has ended"), "{said}");
}

/// A control plane that cannot start is no reason to stop the pictures, nor to give up.
#[test]
fn what_cannot_start_is_tried_until_it_can() {
    let site = Site::new("");
    let right = fs::read_to_string(site.path("control.toml")).unwrap();
    fs::write(site.path("control.toml"), format!("{right}lissten = 1\n")).unwrap();
    let mut up = Watched::start(&mut site.command());
    for _ in 0..6 {
        let said = up.says("it is started again");
        assert!(said.contains("control.toml:4: `lissten`") && said.contains("`listen`"), "{said}");
    }
    let router = child(&up, "ormatrix-router");
    fs::write(site.path("control.toml"), right).unwrap();
    site.until("the control plane is there", Site::ready);
    assert_eq!(child(&up, "ormatrix-router"), router);
    let started = children(up.id());
    up.signal("TERM");
    assert!(up.end().success());
    all_gone(&started);
}

/// An own server in the place of the control plane, which is away at first.
#[test]
fn an_end_is_told_as_an_alarm_as_soon_as_somebody_listens() {
    let site = Site::new("");
    let place = format!("127.0.0.1:{}", free_port());
    let text = fs::read_to_string(site.path("up.toml")).unwrap();
    fs::write(site.path("up.toml"), text.replace(&site.url, &format!("http://{place}"))).unwrap();
    let up = Watched::start(&mut site.command());
    site.until("the router is connected", Site::ready);
    signal(child(&up, "ormatrix-router"), "KILL");
    up.says("alarm process-ormatrix-router waits until the control plane answers");
    let listener = TcpListener::bind(&place).unwrap();
    listener.set_nonblocking(true).unwrap();
    let called = until(Duration::from_mins(1)).find_map(|()| listener.accept().ok());
    let (mut stream, _) = called.expect("the alarm is told after all");
    stream.set_nonblocking(false).unwrap();
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let (mut head, mut length) = (String::new(), 0);
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        if let Some(octets) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = octets.trim().parse().unwrap();
        }
        head.push_str(&line);
        if line == "\r\n" {
            break;
        }
    }
    assert!(
        head.starts_with("PUT /api/v1/alarms/reported/process-ormatrix-router HTTP/1.1"),
        "{head}"
    );
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    let body: Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(body["subject"], json!({"kind": "process", "id": "ormatrix-router"}));
    assert_eq!((&body["severity"], &body["clears_after_s"]), (&json!("major"), &json!(600)));
    let text = "ormatrix-router was ended by signal 9 and is started again";
    assert_eq!(body["text"], text);
    assert!(body["action"].as_str().unwrap().contains("logs/ormatrix-router.log"), "{body}");
    let problem =
        json!({"type": "/problems/no-such-path", "title": "No such path", "detail": "no"})
            .to_string();
    write!(
        stream,
        "HTTP/1.1 404 Not Found\r\ncontent-type: application/problem+json\r\ncontent-length: \
         {}\r\n\r\n{problem}",
        problem.len()
    )
    .unwrap();
    // One who knows no alarms is told nothing more, and the log says what happened.
    let said = up.says("alarm process-ormatrix-router could not be raised");
    assert!(said.ends_with("No such path: no"), "{said}");
}

#[test]
fn killed_itself_it_leaves_nothing_behind() {
    let site = Site::new("");
    let mut up = Watched::start(&mut site.command());
    site.until("the router is connected", Site::ready);
    let started = children(up.id());
    assert_eq!(started.len(), 2, "{started:#?}");

    // Nor does a second one start anything beside it.
    let second = site.ended(&[]);
    assert_eq!(second.status.code(), Some(1));
    let said = String::from_utf8(second.stderr).unwrap();
    assert!(said.contains("another `ormatrix up` keeps its logs in"), "{said}");

    up.signal("KILL");
    assert!(!up.end().success());
    all_gone(&started);
}

#[test]
fn wrong_settings_start_nothing_and_are_named() {
    let site = Site::new("nonsense = 1");
    let ended = site.ended(&[]);
    assert_eq!(ended.status.code(), Some(1));
    let said = String::from_utf8(ended.stderr).unwrap();
    assert!(said.contains("up.toml:3: `nonsense`: there is no such setting"), "{said}");
    assert!(!site.path("logs").exists());

    let site = Site::new("programs = \"/nowhere\"");
    let said = String::from_utf8(site.ended(&[]).stderr).unwrap();
    assert!(said.contains("/nowhere/ormatrix-router is not there"), "{said}");

    // Asked only to look, it asks every program, and names all that is wrong.
    let site = Site::new("[[sources]]\nname = \"a\"\narguments = [\"--format\", \"wide\"]");
    fs::write(site.path("router.toml"), "coalesce_us = 0\n").unwrap();
    fs::write(site.path("control.toml"), "listen = \"127.0.0.1:1\"\n").unwrap();
    let ended = site.ended(&["--check"]);
    assert_eq!(ended.status.code(), Some(1));
    let said = String::from_utf8(ended.stderr).unwrap();
    for part in [
        "ormatrix-router: setting coalesce_us = 0: use 1 to 10000",
        "source-a: ",
        "'wide' is not a format",
        "ormatrix-control listens on port 1: correct one of the two",
    ] {
        assert!(said.contains(part), "no '{part}' in {said}");
    }
    assert!(!site.path("logs").exists());
    let site = Site::new("");
    let ended = site.ended(&["--check"]);
    assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stderr));
    assert_eq!(ended.stdout, b"the settings can be used: 2 programs\n");
}
