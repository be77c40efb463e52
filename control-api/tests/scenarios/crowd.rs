//! A crowd: a thousand listeners, and a flood of bad requests while takes go on. Every take is
//! confirmed, every listener is told of every one in order, and memory does not grow with the
//! number of requests. A listener that cannot follow is dropped, told, and may come back.
//!
//! The control plane of the crowd is in a process of its own, which is this test's program
//! again, so that its memory is nobody else's.

use std::{
    env, fs,
    io::{self, BufRead, BufReader, ErrorKind, Read, Write},
    net::{SocketAddr, TcpStream},
    process::{Child, Command, Stdio},
    thread,
    time::Duration,
};

use ormatrix_control::http::serve::Limits;
use ormatrix_protocol::SignalState;
use serde_json::{Value, json};
use socket2::{Domain, Socket, Type};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt},
    runtime::Runtime,
};

use crate::bench::{Bench, input, output};

const LISTENERS: usize = 1000;
/// Takes of a round. With what else happens, fewer events than a listener may be behind.
const TAKES: usize = 30;
const FLOODERS: usize = 4;
/// Bad requests of each flooder in a round.
const BAD: usize = 640;
/// Files that either process may need: one a listener, and some.
const FILES: u64 = LISTENERS as u64 + 500;
/// How much more memory the second round may need than the first did, KiB. Two KiB kept of
/// each bad request would be more.
const GROWTH_KIB: u64 = 4096;
/// Long enough to mean never.
const PATIENCE: Duration = Duration::from_mins(1);
/// Tells the program that it is to be the control plane.
const HOST: &str = "ORMATRIX_TEST_CROWD_HOST";

#[test]
#[ignore = "a_thousand_listeners_… runs it as a process of its own"]
fn host() {
    if env::var_os(HOST).is_none() {
        return;
    }
    let bench = Bench::limited(Limits { connections: 2 * LISTENERS, ..Limits::default() });
    println!("listening http://{}", bench.address());
    // Until the test ends, however it does.
    let _ = io::stdin().read_to_end(&mut Vec::new());
}

/// The control plane of the crowd, ended when dropped.
struct Host {
    child: Child,
    address: SocketAddr,
    agent: ureq::Agent,
}

impl Host {
    fn start() -> Self {
        let mut child = Command::new(env::current_exe().unwrap())
            .args(["--exact", "crowd::host", "--ignored", "--nocapture"])
            .env(HOST, "1")
            // What threads keep for themselves would grow with the number of cores.
            .env("MALLOC_ARENA_MAX", "2")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.as_mut().unwrap()).lines();
        let line = lines.find_map(|line| Some(line.unwrap().split_once("http://")?.1.to_owned()));
        let address = line.expect("it did not listen").parse().unwrap();
        let config = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(PATIENCE));
        Self { child, address, agent: config.build().into() }
    }

    fn put(&self, path: &str, body: &Value) -> (u16, Value) {
        let url = format!("http://{}/api/v1/{path}", self.address);
        let put = self.agent.put(url).header("content-type", "application/json");
        let mut answer = put.send(body.to_string()).unwrap();
        (answer.status().as_u16(), answer.body_mut().read_json().unwrap())
    }

    /// What it has in memory, KiB.
    fn resident(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        line.trim().trim_end_matches(" kB").parse().unwrap()
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A stream of events, as it comes.
struct Listener {
    stream: tokio::io::BufReader<tokio::net::TcpStream>,
    /// What came and has not been looked at.
    text: String,
    /// The last event seen.
    last: u64,
}

/// An event and its JSON, as they were sent.
#[derive(Clone, Debug, PartialEq)]
struct Told {
    id: u64,
    text: String,
}

impl Listener {
    /// Reads the head of the answer and the event that every new listener gets.
    async fn greeted(stream: tokio::net::TcpStream) -> Self {
        let stream = tokio::io::BufReader::with_capacity(1024, stream);
        let mut listener = Self { stream, text: String::new(), last: 0 };
        let mut line = String::new();
        listener.stream.read_line(&mut line).await.unwrap();
        assert_eq!(line, "HTTP/1.1 200 OK\r\n");
        while line != "\r\n" {
            line.clear();
            assert_ne!(listener.stream.read_line(&mut line).await.unwrap(), 0, "hung up on");
        }
        let reset = listener.event().await.expect("the stream ended");
        assert!(reset.text.contains("event: reset\n"), "{}", reset.text);
        listener.last = reset.id;
        listener
    }

    /// The next event, which has to be the one after the last; `None` at the end of the
    /// stream, when it was ended and not cut.
    async fn next(&mut self) -> Option<Told> {
        let told = self.event().await?;
        assert_eq!(told.id, self.last + 1, "events are missing before {}", told.text);
        self.last = told.id;
        Some(told)
    }

    async fn event(&mut self) -> Option<Told> {
        loop {
            while let Some((event, rest)) = self.text.split_once("\n\n") {
                let (event, rest) = (format!("{event}\n"), rest.to_owned());
                self.text = rest;
                // A comment says that the stream is alive.
                if let Some(id) = event.lines().find_map(|line| line.strip_prefix("id: ")) {
                    return Some(Told { id: id.parse().unwrap(), text: event });
                }
            }
            let mut size = String::new();
            self.stream.read_line(&mut size).await.unwrap();
            let size = usize::from_str_radix(size.trim(), 16).expect("a stream that was cut");
            let mut chunk = vec![0; size + 2];
            self.stream.read_exact(&mut chunk).await.unwrap();
            if size == 0 {
                return None;
            }
            self.text.push_str(std::str::from_utf8(&chunk[..size]).unwrap());
        }
    }

    /// Everything up to the event that something of this id was added.
    async fn until_added(mut self, id: String) -> (Self, Vec<Told>) {
        let added = format!("\"id\":\"{id}\"");
        let mut told = Vec::new();
        loop {
            told.push(self.next().await.expect("dropped, though never far behind"));
            if told.last().is_some_and(|told| told.text.contains(&added)) {
                return (self, told);
            }
        }
    }
}

async fn listen(address: SocketAddr) -> Listener {
    let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
    let request = format!("GET /api/v1/events HTTP/1.1\r\nHost: {address}\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    Listener::greeted(stream).await
}

/// What each was told while `happens` happened, up to the mark that is set behind it.
fn told<T>(
    (runtime, host, crowd): (&Runtime, &Host, &mut Vec<Listener>),
    (mark, port): (&str, u16),
    happens: impl FnOnce() -> T,
) -> (T, Vec<Vec<Told>>) {
    let listening: Vec<_> =
        crowd.drain(..).map(|one| runtime.spawn(one.until_added(mark.to_owned()))).collect();
    let happened = happens();
    assert_eq!(host.put(&format!("inputs/{mark}"), &input(mark, port)).0, 201);
    let all = listening.into_iter().map(|one| {
        let (one, told) = runtime.block_on(one).unwrap();
        crowd.push(one);
        told
    });
    (happened, all.collect())
}

/// A bad request, each other than any before, and the status it shall get.
fn bad(round: u16, flooder: usize, n: usize) -> (String, u16) {
    let unique = format!("{round}-{flooder}-{n}");
    let head = |method: &str, path: &str, more: &str| {
        format!("{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{more}")
    };
    let body = |method: &str, path: &str, kind: &str, body: &str| {
        let length = body.len();
        let more = format!("Content-Type: {kind}\r\nContent-Length: {length}\r\n\r\n{body}");
        head(method, path, &more)
    };
    let (inputs, route) = ("/api/v1/inputs", "/api/v1/outputs/m/route");
    let json = "application/json";
    match n % 8 {
        0 => (body("POST", inputs, json, &format!("{{\"id\": \"{unique}\",,}}")), 400),
        1 => (head("GET", &format!("/api/v1/nothing/{unique}"), "\r\n"), 404),
        2 => (body("POST", inputs, json, &unique.repeat(60_000)), 413),
        3 => (head("PATCH", inputs, &format!("X-Unique: {unique}\r\n\r\n")), 405),
        4 => (body("PUT", route, json, &format!("{{\"input\": \"no-{unique}\"}}")), 404),
        5 => (body("POST", inputs, &format!("text/x-{unique}"), "{}"), 415),
        6 => (format!("\u{16}\u{3}\u{1} {unique}\r\n\r\n"), 400),
        _ => (head("GET", inputs, &format!("{}\r\n", "X-Many: header\r\n".repeat(200))), 431),
    }
}

/// Sends them one after another, each on a connection of its own.
fn flood(address: SocketAddr, round: u16, flooder: usize) {
    for n in 0..BAD {
        let (request, status) = bad(round, flooder, n);
        let mut stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let sent = stream.write_all(request.as_bytes());
        let mut answer = Vec::new();
        let read = stream.read_to_end(&mut answer);
        let hung_up = |error: &io::Error| {
            matches!(error.kind(), ErrorKind::ConnectionReset | ErrorKind::BrokenPipe)
        };
        // Who sends more than is wanted may be hung up on before the answer is read.
        if status == 413
            && [sent.as_ref().err(), read.as_ref().err()].iter().flatten().any(|e| hung_up(e))
        {
            continue;
        }
        sent.and(read).unwrap_or_else(|error| panic!("{error}, wanted {status}"));
        let answer = String::from_utf8_lossy(&answer);
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "wanted {status}: {answer}");
    }
}

/// Lets this process, and those it starts, open so many files, if the system allows it.
fn may_open(files: u64) -> Result<(), String> {
    let limits = fs::read_to_string("/proc/self/limits").unwrap();
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files")).unwrap();
    let enough = |limit: &str| limit == "unlimited" || limit.parse().is_ok_and(|n: u64| n >= files);
    let mut limits = line.split_whitespace();
    let (soft, hard) = (limits.next().unwrap(), limits.next().unwrap());
    if enough(soft) {
        return Ok(());
    }
    if !enough(hard) {
        return Err(format!("a process may open {hard} files, {files} are needed (ulimit -Hn)"));
    }
    let (own, soft) = (std::process::id().to_string(), format!("--nofile={hard}:"));
    let set = Command::new("prlimit").args(["--pid", &own, &soft]).status().unwrap();
    assert!(set.success(), "prlimit (util-linux) {soft}");
    Ok(())
}

#[test]
fn a_thousand_listeners_hear_every_take_through_a_flood_of_bad_requests() {
    if let Err(reason) = may_open(FILES) {
        eprintln!("NOT TESTED: {reason}");
        return;
    }
    let host = Host::start();
    for (id, port) in [("a", 5000), ("b", 5002)] {
        assert_eq!(host.put(&format!("inputs/{id}"), &input(id, port)).0, 201);
    }
    assert_eq!(host.put("outputs/m", &output("m", 6000)).0, 201);
    let runtime = Runtime::new().unwrap();
    let mut crowd: Vec<Listener> = runtime.block_on(async {
        let mut crowd = Vec::new();
        for _ in 0..LISTENERS {
            crowd.push(listen(host.address).await);
        }
        crowd
    });
    // They came one by one; from here on all shall hear the same.
    told((&runtime, &host, &mut crowd), ("begin", 7000), || ());
    let mut resident = Vec::new();
    for round in 1..=2 {
        let mark = (&*format!("end-{round}"), 7000 + 2 * round);
        let (made, all) = told((&runtime, &host, &mut crowd), mark, || {
            thread::scope(|scope| {
                for flooder in 0..FLOODERS {
                    scope.spawn(move || flood(host.address, round, flooder));
                }
                let mut made = Vec::new();
                for n in 0..TAKES {
                    let input = ["a", "b"][n % 2];
                    let wanted = json!({ "input": input, "wait_ms": 10_000 });
                    let (status, route) = host.put("outputs/m/route", &wanted);
                    assert_eq!((status, &route["state"]), (200, &json!("live")), "{route}");
                    made.extend([(input, "switching"), (input, "live")]);
                }
                made
            })
        });
        assert_eq!(all.len(), LISTENERS);
        assert!(all.windows(2).all(|two| two[0] == two[1]), "not everybody was told the same");
        let routes: Vec<Value> = all[0]
            .iter()
            .filter(|told| told.text.contains("event: route\n"))
            .map(|told| {
                let data = told.text.lines().find_map(|line| line.strip_prefix("data: "));
                serde_json::from_str(data.unwrap()).unwrap()
            })
            .collect();
        let seen = routes.iter().map(|data| {
            let route = &data["route"];
            (route["input"].as_str().unwrap(), route["state"].as_str().unwrap())
        });
        assert_eq!(seen.collect::<Vec<_>>(), made);
        resident.push(host.resident());
    }
    println!("resident after each round, KiB: {resident:?}");
    assert!(resident[1] <= resident[0] + GROWTH_KIB, "memory grows, KiB: {resident:?}");
}

#[test]
fn a_listener_that_cannot_follow_is_dropped_and_told() {
    let bench = Bench::new();
    bench.add_input("a", 5000);
    let mut fast = bench.listen(None);
    // The system shall hold as little for the slow one as it can.
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    socket.set_recv_buffer_size(4096).unwrap();
    socket.connect(&bench.address().into()).unwrap();
    let mut slow = TcpStream::from(socket);
    write!(slow, "GET /api/v1/events HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
    slow.set_read_timeout(Some(PATIENCE)).unwrap();
    slow.peek(&mut [0]).unwrap();

    let dropped = || bench.running().app.events.listeners().1;
    let mut sent = 0;
    while dropped() == 0 {
        assert!(sent < 100_000, "nobody was dropped");
        for n in 0..100 {
            let state = if n % 2 == 0 { SignalState::Unstable } else { SignalState::Ok };
            bench.model().set_signal("a", state);
        }
        sent += 100;
        // Who follows misses nothing meanwhile.
        for _ in 0..100 {
            fast.next_named("signal");
        }
    }
    assert_eq!(dropped(), 1);

    // It gets what was kept for it, without a gap, and the end of the stream.
    let runtime = Runtime::new().unwrap();
    let last = runtime.block_on(async {
        slow.set_nonblocking(true).unwrap();
        let slow = tokio::net::TcpStream::from_std(slow).unwrap();
        let mut slow = Listener::greeted(slow).await;
        while slow.next().await.is_some() {}
        slow.last
    });
    // And what came since when it returns.
    bench.add_input("b", 5002);
    let mut back = bench.listen(Some(&last.to_string()));
    for expected in last + 1.. {
        let heard = back.next().expect("the stream ended");
        assert_eq!(heard.id, expected.to_string(), "{heard:?}");
        if heard.name == "inventory" {
            assert_eq!(heard.data["id"], "b");
            break;
        }
    }
}
