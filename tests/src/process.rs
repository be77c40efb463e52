//! A process under test: started, read line by line, ended by its own id.

use std::{
    env,
    ffi::OsStr,
    io::{BufRead, BufReader, Read},
    path::{Path, PathBuf},
    process::{self, Child, Command, ExitStatus, Stdio},
    sync::{
        Arc, Mutex, PoisonError,
        mpsc::{Receiver, RecvTimeoutError, channel},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

/// How long to wait for a sign of life before a test is given up.
const PATIENCE: Duration = Duration::from_mins(1);

/// A program of the workspace, built beside the test or beside this program.
///
/// # Panics
/// When it has not been built.
pub fn program(name: &str) -> PathBuf {
    let test = env::current_exe().expect("a test knows its own path");
    // target/<profile> for a program, target/<profile>/deps for a test.
    let found =
        test.ancestors().skip(1).take(2).map(|folder| folder.join(name)).find(|p| p.is_file());
    found.unwrap_or_else(|| {
        panic!("{name} is missing: run `cargo build --release --workspace --bins`")
    })
}

/// A command that runs before ordinary work of the machine, where the user may ask for that
/// (`nice` says so and goes on otherwise): receivers that came too late would blame the
/// sender.
pub fn urgent(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new("nice");
    command.args(["-n", "-15"]).arg(program);
    command
}

/// A command of the workspace that ends with the test that started it.
pub fn own(name: &str) -> Command {
    at(&program(name))
}

/// The same, of a program that lies elsewhere.
pub fn at(program: &Path) -> Command {
    let mut command = urgent(program);
    command.env(ormatrix_io::process::PARENT_VARIABLE, process::id().to_string());
    command
}

/// A running process, killed when dropped.
pub struct Process {
    name: String,
    child: Child,
    lines: Receiver<String>,
    heard: Vec<String>,
    stdout: Option<JoinHandle<Vec<u8>>>,
    complaints: Arc<Mutex<Vec<String>>>,
}

impl Process {
    /// Starts it; lines of standard error can be awaited, standard output is kept.
    ///
    /// # Panics
    /// When it cannot be started.
    pub fn start(mut command: Command) -> Self {
        let name = command.get_program().to_string_lossy().into_owned();
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("{name} cannot be started: {error}"));
        let (heard, lines) = channel();
        let stderr = child.stderr.take().expect("piped");
        let complaints = Arc::<Mutex<Vec<String>>>::default();
        let complained = Arc::clone(&complaints);
        thread::spawn(move || {
            for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                // Beside a failing test stands what its processes complained of.
                if line.contains("panicked") || line.contains("WARN") || line.contains("ERROR") {
                    eprintln!("{line}");
                    complained.lock().unwrap_or_else(PoisonError::into_inner).push(line.clone());
                }
                if heard.send(line).is_err() {
                    break;
                }
            }
        });
        let mut stdout = child.stdout.take().expect("piped");
        let reader = thread::spawn(move || {
            let mut octets = Vec::new();
            let _ = stdout.read_to_end(&mut octets);
            octets
        });
        Self { name, child, lines, heard: Vec::new(), stdout: Some(reader), complaints }
    }

    /// Starts a program of the workspace.
    pub fn own<S: AsRef<OsStr>>(name: &str, arguments: impl IntoIterator<Item = S>) -> Self {
        let mut command = own(name);
        command.args(arguments);
        Self::start(command)
    }

    /// Waits for a line of standard error that holds `words`, and returns it.
    ///
    /// # Panics
    /// When the process ends or a minute passes without it.
    pub fn wait_for(&mut self, words: &str) -> String {
        loop {
            match self.lines.recv_timeout(PATIENCE) {
                Ok(line) => {
                    self.heard.push(line.clone());
                    if line.contains(words) {
                        return line;
                    }
                }
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => panic!(
                    "{} has not said '{words}'; it said:\n{}",
                    self.name,
                    self.heard.join("\n")
                ),
            }
        }
    }

    /// What it has complained of since the last call: warnings, errors, panics.
    pub fn complaints(&self) -> Vec<String> {
        std::mem::take(&mut *self.complaints.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Whether it has not ended.
    pub fn is_running(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Ends it at once, as a fault would (`SIGKILL`).
    pub fn kill(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Asks it to end (`SIGTERM`).
    pub fn terminate(&self) {
        let _ = ormatrix_io::process::terminate(self.child.id());
    }

    /// Asks it to end, and waits until it has; its status.
    ///
    /// # Panics
    /// When it was waited for before.
    pub fn stop(&mut self) -> ExitStatus {
        self.terminate();
        self.child.wait().expect("a child can be waited for")
    }

    /// Waits until it has ended; its status and standard output.
    ///
    /// # Panics
    /// When it was waited for before.
    pub fn finish(mut self) -> (ExitStatus, Vec<u8>) {
        let status = self.child.wait().expect("a child can be waited for");
        let octets = self.stdout.take().expect("finished once").join().expect("reads only");
        (status, octets)
    }

    /// As [`Process::finish`], for a process that prints JSON last.
    ///
    /// # Panics
    /// When that is not JSON.
    pub fn finish_json(mut self) -> (ExitStatus, serde_json::Value) {
        let status = self.child.wait().expect("a child can be waited for");
        let octets = self.stdout.take().expect("finished once").join().expect("reads only");
        let text = String::from_utf8_lossy(&octets);
        let json = serde_json::from_str(text.trim()).unwrap_or_else(|error| {
            let said: Vec<String> = self.lines.try_iter().collect();
            panic!("{} printed no JSON ({error}): {text}\n{}", self.name, said.join("\n"))
        });
        (status, json)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Runs a foreign program to its end and returns its standard output.
///
/// # Panics
/// When it is not installed or fails.
pub fn run(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .unwrap_or_else(|error| panic!("{program} is needed (make test installs it): {error}"));
    assert!(
        output.status.success(),
        "{program} {arguments:?} failed:\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8_lossy(&output.stdout).into_owned()
}
