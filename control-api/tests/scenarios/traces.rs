//! Traces as a collector gets them: OTLP over HTTP, from the process itself.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex, mpsc},
    thread,
    time::Duration,
};

use serde_json::{Value, json};

use crate::{
    bench::{input, output},
    fake_router::{FakeRouter, Model},
};

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
/// Between two questions whether the process is ready.
const BREATHER: Duration = Duration::from_millis(20);

/// A collector: takes whatever is posted, and hands on the path and the body.
fn collector() -> (SocketAddr, mpsc::Receiver<(String, Value)>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let (told, heard) = mpsc::channel();
    thread::spawn(move || {
        for stream in listener.incoming() {
            if told.send(take(stream.unwrap())).is_err() {
                return;
            }
        }
    });
    (address, heard)
}

fn take(stream: TcpStream) -> (String, Value) {
    let mut from = BufReader::new(stream);
    let (mut path, mut length) = (String::new(), 0);
    for line in from.by_ref().lines() {
        let line = line.unwrap().to_ascii_lowercase();
        if let Some(rest) = line.strip_prefix("post ") {
            rest.split(' ').next().unwrap().clone_into(&mut path);
        } else if let Some(octets) = line.strip_prefix("content-length:") {
            length = octets.trim().parse().unwrap();
        } else if line.is_empty() {
            break;
        }
    }
    let mut body = vec![0; length];
    from.read_exact(&mut body).unwrap();
    let answer = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\
                  Connection: close\r\n\r\n{}";
    from.get_mut().write_all(answer.as_bytes()).unwrap();
    (path, serde_json::from_slice(&body).unwrap())
}

struct Control(Child, String);

impl Control {
    fn start(directory: &std::path::Path, collector: &str) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_ormatrix-control"))
            .args(["--listen", "127.0.0.1:0", "--state-dir"])
            .arg(directory)
            .arg("--router-socket")
            .arg(directory.join("router.sock"))
            .env("ORMATRIX_CONTROL_OTLP_ENDPOINT", collector)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        let url = line.trim().strip_prefix("listening ").unwrap().to_owned();
        let control = Self(child, url);
        let ready = || control.call("GET", "/readyz", &Value::Null) == 200;
        let soon = (0..1000).any(|_| {
            ready() || {
                thread::park_timeout(BREATHER);
                false
            }
        });
        assert!(soon, "never ready");
        control
    }

    fn call(&self, method: &str, path: &str, body: &Value) -> u16 {
        let agent: ureq::Agent =
            ureq::Agent::config_builder().http_status_as_error(false).build().into();
        let request = ureq::http::Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.1))
            .header("content-type", "application/json")
            .header("x-request-id", "panel-3")
            .header("traceparent", format!("00-{TRACE}-00f067aa0ba902b7-01"));
        agent.run(request.body(body.to_string()).unwrap()).unwrap().status().as_u16()
    }

    /// Ends it, and gives its log.
    fn end(mut self) -> String {
        let sent = Command::new("kill").args(["-TERM", &self.0.id().to_string()]).status();
        assert!(sent.unwrap().success());
        let mut log = String::new();
        self.0.stderr.take().unwrap().read_to_string(&mut log).unwrap();
        assert_eq!(self.0.wait().unwrap().code(), Some(0), "{log}");
        log
    }
}

#[test]
fn a_take_is_a_trace_that_goes_on_where_the_client_began() {
    let directory = tempfile::tempdir().unwrap();
    let model = Arc::new(Mutex::new(Model::default()));
    let _router = FakeRouter::start(&directory.path().join("router.sock"), model);
    let (address, heard) = collector();
    let control = Control::start(directory.path(), &format!("http://{address}/"));
    assert_eq!(control.call("PUT", "/api/v1/inputs/a", &input("a", 5000)), 201);
    assert_eq!(control.call("PUT", "/api/v1/outputs/m", &output("m", 6000)), 201);
    assert_eq!(control.call("PUT", "/api/v1/outputs/m/route", &json!({ "input": "a" })), 200);
    let log = control.end();
    assert!(log.contains("taken") && !log.contains("ask the router"), "{log}");

    let (mut spans, mut services) = (Vec::new(), Vec::new());
    for (path, body) in heard.try_iter() {
        assert_eq!(path, "/v1/traces");
        for resource in body["resourceSpans"].as_array().unwrap() {
            services.push(resource["resource"]["attributes"].to_string());
            for scope in resource["scopeSpans"].as_array().unwrap() {
                spans.extend(scope["spans"].as_array().unwrap().clone());
            }
        }
    }
    assert!(services.iter().all(|about| about.contains("ormatrix-control")), "{services:?}");
    let named = |name: &str| {
        let mut found = spans.iter().filter(|span| span["name"] == name);
        found.next_back().unwrap_or_else(|| panic!("no {name} in {spans:#?}"))
    };
    let take = named("PUT /api/v1/outputs/{id}/route");
    assert_eq!(
        (&take["traceId"], &take["parentSpanId"]),
        (&json!(TRACE), &json!("00f067aa0ba902b7"))
    );
    let about = take["attributes"].to_string();
    for part in ["panel-3", "http.response.status_code", "http.route"] {
        assert!(about.contains(part), "{about}");
    }
    assert!(take["events"].to_string().contains("taken"), "{take}");
    // Its parts: what was asked of the router, and the wait for the picture.
    for name in ["ask the router", "wait for the picture"] {
        let within = |span: &&Value| {
            span["name"] == name
                && span["parentSpanId"] == take["spanId"]
                && span["traceId"] == TRACE
        };
        assert_eq!(spans.iter().filter(within).count(), 1, "{name}: {spans:#?}");
    }
    // A change of the inventory is made by a task of its own, within its request all the same.
    let put = named("PUT /api/v1/inputs/{id}");
    let asked = spans
        .iter()
        .any(|span| span["name"] == "ask the router" && span["parentSpanId"] == put["spanId"]);
    assert!(asked, "{spans:#?}");
}

#[test]
fn a_collector_that_is_away_harms_nobody_and_is_told_once() {
    let directory = tempfile::tempdir().unwrap();
    let model = Arc::new(Mutex::new(Model::default()));
    let _router = FakeRouter::start(&directory.path().join("router.sock"), model);
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let control = Control::start(directory.path(), &format!("http://{nobody}"));
    for _ in 0..50 {
        assert_eq!(control.call("GET", "/api/v1/inputs", &Value::Null), 200);
    }
    let log = control.end();
    assert_eq!(log.matches("traces are lost").count(), 1, "{log}");
}
