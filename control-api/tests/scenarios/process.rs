//! The process: its options, its port, its end.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    process::{Child, Command, Stdio},
};

fn control() -> Command {
    Command::new(env!("CARGO_BIN_EXE_ormatrix-control"))
}

fn start(directory: &std::path::Path) -> (Child, String) {
    let mut child = control()
        .args(["--listen", "127.0.0.1:0", "--state-dir"])
        .arg(directory)
        .arg("--router-socket")
        .arg(directory.join("router.sock"))
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
    let address = line.trim().strip_prefix("listening http://").unwrap().to_owned();
    (child, address)
}

#[test]
fn it_ends_cleanly_while_a_listener_listens() {
    for signal in ["-TERM", "-INT"] {
        let directory = tempfile::tempdir().unwrap();
        let (mut child, address) = start(directory.path());
        let mut listener = TcpStream::connect(&address).unwrap();
        write!(listener, "GET /api/v1/events HTTP/1.1\r\nHost: {address}\r\n\r\n").unwrap();
        let mut begun = [0; 15];
        listener.read_exact(&mut begun).unwrap();
        assert_eq!(&begun, b"HTTP/1.1 200 OK");
        let sent = Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap();
        assert!(sent.success());
        assert_eq!(child.wait().unwrap().code(), Some(0), "{signal}");
        // The stream was ended, not cut: the last chunk is there.
        let mut rest = Vec::new();
        listener.read_to_end(&mut rest).unwrap();
        assert!(rest.ends_with(b"0\r\n\r\n"), "{}", String::from_utf8_lossy(&rest));
    }
}

#[test]
fn a_busy_port_ends_with_a_clear_message() {
    let directory = tempfile::tempdir().unwrap();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let ended =
        control().args(["--listen", &address, "--state-dir"]).arg(directory.path()).output();
    let ended = ended.unwrap();
    assert_eq!(ended.status.code(), Some(1));
    let said = String::from_utf8(ended.stderr).unwrap();
    assert!(said.contains(&format!("{address} is in use by another program")), "{said}");
    assert!(said.contains("--listen"), "{said}");
}

#[test]
fn settings_are_checked_before_anything_else() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("control.toml");
    let check = |text: &str| {
        std::fs::write(&file, text).unwrap();
        control().arg("check-config").arg("--config").arg(&file).output().unwrap()
    };
    assert!(check("listen = \"127.0.0.1:9\"\nstill_max_age_ms = 1\n").status.success());
    let ended = check("listen = \"127.0.0.1:9\"\nstil_max_age_ms = 1\n");
    assert_eq!(ended.status.code(), Some(1));
    let said = String::from_utf8(ended.stderr).unwrap();
    assert!(said.contains("control.toml:2") && said.contains("`still_max_age_ms`"), "{said}");
    assert!(!check("log = \"=loud=\"\n").status.success());
    assert!(check("ts_refclk = \"ptp=IEEE1588-2008:traceable\"\n").status.success());
    let ended = check("ts_refclk = \"ptp\"\n");
    assert_eq!(ended.status.code(), Some(1));
    let said = String::from_utf8(ended.stderr).unwrap();
    assert!(said.contains("control.toml:1: `ts_refclk`: 'ptp' is no reference clock"), "{said}");
    assert!(said.contains("localmac, ptp=IEEE1588-2008:traceable"), "{said}");
}
