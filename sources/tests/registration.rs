//! Registering with a control process that is not there at first, and that forgets.

mod support;

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
};

use ormatrix_source::registration::{Entry, Registration};
use st2110::leg::Leg;

/// Answers one request with `status` and returns its first line and body.
fn answer(listener: &TcpListener, status: &str) -> (String, String) {
    let (stream, _) = listener.accept().unwrap();
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut first = String::new();
    reader.read_line(&mut first).unwrap();
    let mut length = 0;
    loop {
        let mut header = String::new();
        reader.read_line(&mut header).unwrap();
        if header.trim().is_empty() {
            break;
        }
        if let Some(value) = header.to_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    let mut stream: TcpStream = stream;
    write!(stream, "HTTP/1.1 {status}\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{{}}")
        .unwrap();
    (first.trim().to_owned(), String::from_utf8(body).unwrap())
}

#[test]
fn registers_until_accepted_and_again_when_forgotten() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let entry = Entry {
        label: "Endoscope".to_owned(),
        zone: "OR 1".to_owned(),
        video: support::format("1080p59.94"),
        legs: vec![Leg::new("239.20.0.2".parse().unwrap(), 5004)],
        audio: None,
        ancillary: None,
    };
    let _registration = Registration::start(&url, "endo scope", entry).unwrap();

    let put = "PUT /api/v1/inputs/endo%20scope HTTP/1.1";
    let (line, body) = answer(&listener, "503 Service Unavailable");
    assert_eq!(line, put);
    let expected: serde_json::Value = serde_json::json!({
        "label": "Endoscope",
        "zone": "OR 1",
        "video": {
            "width": 1920, "height": 1080, "rate": "60000/1001", "sampling": "YCbCr-4:2:2",
            "depth": 10, "scan": "progressive", "packing": "GPM"
        },
        "legs": [{"address": "239.20.0.2", "port": 5004}]
    });
    assert_eq!(serde_json::from_str::<serde_json::Value>(&body).unwrap(), expected);
    assert_eq!(answer(&listener, "201 Created").0, put);
    assert_eq!(answer(&listener, "200 OK").0, "GET /api/v1/inputs/endo%20scope HTTP/1.1");
    assert_eq!(answer(&listener, "404 Not Found").0, "GET /api/v1/inputs/endo%20scope HTTP/1.1");
    assert_eq!(answer(&listener, "200 OK").0, put);
}
