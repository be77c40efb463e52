//! What systemd is told, with a socket in the place of systemd.

use std::{
    os::{
        linux::net::SocketAddrExt,
        unix::net::{SocketAddr, UnixDatagram},
    },
    process::{Command, Stdio},
    time::Duration,
};

use ormatrix_io::process::PARENT_VARIABLE;

fn hear(socket: &UnixDatagram) -> String {
    let mut octets = [0; 1024];
    let length = socket.recv(&mut octets).expect("something is said");
    String::from_utf8(octets[..length].to_vec()).unwrap()
}

#[test]
fn it_says_when_it_serves_that_it_lives_and_when_it_ends() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("notify");
    let name = format!("ormatrix-test-{}", std::process::id());
    let hidden = SocketAddr::from_abstract_name(&name).unwrap();
    for (socket, address) in [
        (UnixDatagram::bind(&path).unwrap(), path.to_str().unwrap().to_owned()),
        (UnixDatagram::bind_addr(&hidden).unwrap(), format!("@{name}")),
    ] {
        socket.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        let mut control = Command::new(env!("CARGO_BIN_EXE_ormatrix-control"))
            .args(["--listen", "127.0.0.1:0", "--state-dir"])
            .arg(folder.path())
            .env("NOTIFY_SOCKET", address)
            .env("WATCHDOG_USEC", "60000")
            .env(PARENT_VARIABLE, std::process::id().to_string())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let said = hear(&socket);
        assert!(said.starts_with("READY=1\nSTATUS=serving http://127.0.0.1:"), "{said}");
        for _ in 0..5 {
            assert_eq!(hear(&socket), "WATCHDOG=1");
        }
        ormatrix_io::process::terminate(control.id()).unwrap();
        let end = std::iter::repeat_with(|| hear(&socket)).find(|said| said != "WATCHDOG=1");
        assert_eq!(end.as_deref(), Some("STOPPING=1"));
        assert!(control.wait().unwrap().success());
    }
}
