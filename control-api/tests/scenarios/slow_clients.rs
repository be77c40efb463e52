//! Clients that send slowly, or nothing, or read nothing: they are hung up on, others are not.

use std::{
    io::{ErrorKind, Read, Write},
    net::TcpStream,
    time::Duration,
};

use ormatrix_control::http::serve::Limits;

use crate::bench::Bench;

const SHORT: Duration = Duration::from_millis(300);
/// Long enough to mean never.
const PATIENCE: Duration = Duration::from_secs(20);

fn connect(bench: &Bench) -> TcpStream {
    let stream = TcpStream::connect(bench.address()).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream
}

/// What comes until the other side hangs up.
fn rest(stream: &mut TcpStream) -> String {
    let mut octets = Vec::new();
    match stream.read_to_end(&mut octets) {
        Ok(_) => {}
        Err(error) if error.kind() == ErrorKind::ConnectionReset => {}
        Err(error) => panic!("not hung up on: {error}"),
    }
    String::from_utf8(octets).unwrap()
}

#[test]
fn half_a_request_line_is_hung_up_on() {
    let bench = Bench::limited(Limits { headers: SHORT, ..Limits::default() });
    let mut events = bench.listen(None);
    assert_eq!(events.next_named("reset").name, "reset");
    let (mut silent, mut half, mut headless) = (connect(&bench), connect(&bench), connect(&bench));
    half.write_all(b"GET /livez HT").unwrap();
    headless.write_all(b"GET /livez HTTP/1.1\r\nHost: localhost\r\nX-Slow: ").unwrap();
    assert_eq!(bench.get("/livez").status, 200);
    for stream in [&mut silent, &mut half, &mut headless] {
        assert_eq!(rest(stream), "");
    }
    // One that was answered may not stay for ever either.
    let mut idle = connect(&bench);
    idle.write_all(b"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
    assert!(rest(&mut idle).starts_with("HTTP/1.1 200 OK\r\n"));
    // A stream of events outlives them all.
    bench.add_input("a", 5000);
    assert_eq!(events.next_named("inventory").data["id"], "a");
}

#[test]
fn half_a_body_is_refused_in_time() {
    let bench = Bench::limited(Limits { body: SHORT, ..Limits::default() });
    let before = bench.everything();
    let mut slow = connect(&bench);
    slow.write_all(
        b"POST /api/v1/inputs HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n\
          Content-Length: 100\r\n\r\n{\"id\": ",
    )
    .unwrap();
    bench.add_output("m", 6000);
    bench.delete("/api/v1/outputs/m").expect(204);
    let answer = rest(&mut slow);
    assert!(answer.starts_with("HTTP/1.1 408 Request Timeout\r\n"), "{answer}");
    assert!(answer.contains("\"type\":\"/problems/body-slow\""), "{answer}");
    assert_eq!(bench.everything(), before);
}

#[test]
fn who_reads_nothing_is_hung_up_on() {
    let bench = Bench::limited(Limits { unread: SHORT, ..Limits::default() });
    let mut deaf = connect(&bench);
    // More answers than any buffer holds; writing ends when the other side does.
    let request = b"GET /openapi.json HTTP/1.1\r\nHost: localhost\r\n\r\n".repeat(100);
    deaf.set_write_timeout(Some(PATIENCE)).unwrap();
    let error = loop {
        if let Err(error) = deaf.write_all(&request) {
            break error;
        }
    };
    let hung_up = [ErrorKind::ConnectionReset, ErrorKind::BrokenPipe, ErrorKind::TimedOut];
    assert!(hung_up.contains(&error.kind()), "{error}");
    assert_eq!(bench.get("/livez").status, 200);
}

#[test]
fn no_more_connections_than_allowed_are_served_at_once() {
    let bench = Bench::limited(Limits { connections: 2, ..Limits::default() });
    let (first, second) = (bench.listen(None), bench.listen(None));
    let mut third = connect(&bench);
    third
        .write_all(b"GET /livez HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        .unwrap();
    third.set_read_timeout(Some(SHORT)).unwrap();
    let error = third.read(&mut [0]).unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut), "{error}");
    drop(first);
    third.set_read_timeout(Some(PATIENCE)).unwrap();
    assert!(rest(&mut third).starts_with("HTTP/1.1 200 OK\r\n"));
    drop(second);
}
