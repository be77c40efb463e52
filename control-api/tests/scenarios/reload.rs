//! Settings read again while the process runs.

use std::{
    fs,
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::mpsc::{Receiver, channel},
    thread,
    time::Duration,
};

/// A control plane of its own with a settings file.
struct Process {
    child: Child,
    log: Receiver<String>,
    file: PathBuf,
    address: String,
}

impl Process {
    fn start(folder: &Path, settings: &str) -> Self {
        let file = folder.join("control.toml");
        fs::write(&file, settings).unwrap();
        let mut child = Command::new(env!("CARGO_BIN_EXE_ormatrix-control"))
            .args(["--listen", "127.0.0.1:0", "--state-dir"])
            .arg(folder)
            .arg("--config")
            .arg(&file)
            .env("NO_COLOR", "1")
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        let address = line.trim().strip_prefix("listening http://").unwrap().to_owned();
        let (said, log) = channel();
        let lines = BufReader::new(child.stderr.take().unwrap()).lines();
        thread::spawn(move || {
            lines.map_while(Result::ok).take_while(|line| said.send(line.clone()).is_ok()).count()
        });
        Self { child, log, file, address }
    }

    /// Changes the file and asks to read it; the next line of the log that holds such words.
    fn reload(&mut self, settings: &str, words: &str) -> String {
        fs::write(&self.file, settings).unwrap();
        self.hang_up(words)
    }

    fn hang_up(&mut self, words: &str) -> String {
        ormatrix_io::process::hang_up(self.child.id()).unwrap();
        loop {
            let line = self.log.recv_timeout(Duration::from_secs(20));
            let line = line.unwrap_or_else(|_| panic!("it never said '{words}'"));
            if line.contains(words) {
                return line;
            }
        }
    }

    /// What a browser gets that calls this host by a name.
    fn called(&self, name: &str) -> u16 {
        let url = format!("http://{}/livez", self.address);
        let config = ureq::Agent::config_builder().http_status_as_error(false).build();
        let agent: ureq::Agent = config.into();
        agent.get(url).header("host", name).call().unwrap().status().as_u16()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn what_can_change_does_and_what_cannot_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let mut control = Process::start(folder.path(), "");
    let name = "or3.hospital.example";
    assert_eq!(control.called(name), 403);
    let said = control.reload(
        "host_names = [\"or3.hospital.example\"]\nlog = \"debug\"\nrouter_socket = \"/elsewhere\"\n",
        "settings read again",
    );
    assert!(said.contains("applied=\"host_names, log\" restart=\"router_socket\""), "{said}");
    assert_eq!(control.called(name), 200);

    // Wrong settings, and none, change nothing.
    let said = control.reload("host_names = []\nstil_max_age_ms = 1\n", "nothing has changed");
    assert!(said.contains("ERROR") && said.contains("control.toml:2"), "{said}");
    assert!(said.contains("did you mean `still_max_age_ms`?"), "{said}");
    let said = control.reload("host_names = []\nlog = \"=loud=\"\n", "nothing has changed");
    assert!(said.contains("`log`: "), "{said}");
    fs::remove_file(&control.file).unwrap();
    let said = control.hang_up("nothing has changed");
    assert!(said.contains("cannot read ") && said.contains("control.toml"), "{said}");
    assert_eq!(control.called(name), 200);

    // Less is logged, and what needs a restart still does.
    let settings = "log = \"warn\"\nstill_max_age_ms = 7\nrouter_socket = \"/elsewhere\"\n";
    let said = control.reload(settings, "settings read again");
    assert!(said.contains("WARN") && said.contains("restart=\"router_socket\""), "{said}");
    let said = control.reload("listen = \"127.0.0.1:1\"\n", "settings read again");
    assert!(said.contains("applied=\"still_max_age_ms, log\""), "{said}");
    // Given on the command line, which stands above the file.
    assert!(!said.contains("listen"), "{said}");
    assert_eq!(control.called(name), 403);
    let said = control.hang_up("settings read again");
    assert!(said.contains("nothing is different"), "{said}");
}
