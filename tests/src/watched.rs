//! A process whose both streams are read line by line, and the processes that it starts.

use std::{
    fs,
    io::{BufRead, BufReader, Read},
    process::{Child, Command, ExitStatus, Stdio},
    sync::mpsc::{Receiver, channel},
    thread,
    time::Duration,
};

use ormatrix_io::{Clock, SystemClock};

/// A process that ends with the test, and what it says.
pub struct Watched {
    child: Child,
    output: Receiver<String>,
    errors: Receiver<String>,
}

impl Watched {
    /// Starts it.
    pub fn start(command: &mut Command) -> Self {
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("it can be started");
        let output = lines(child.stdout.take().expect("it is piped"));
        let errors = lines(child.stderr.take().expect("it is piped"));
        Self { child, output, errors }
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// The next line of standard output; `None` at its end.
    pub fn line(&self) -> Option<String> {
        self.output.recv_timeout(Duration::from_mins(2)).ok()
    }

    /// The next line of standard error that contains `text`.
    pub fn says(&self, text: &str) -> String {
        let mut others = Vec::new();
        while let Ok(line) = self.errors.recv_timeout(Duration::from_mins(1)) {
            if line.contains(text) {
                return line;
            }
            others.push(line);
        }
        panic!("it never said '{text}', but:\n{}", others.join("\n"));
    }

    /// Everything said on standard error that was not read yet. To be asked after its end.
    pub fn rest(&self) -> String {
        self.errors.iter().collect::<Vec<_>>().join("\n")
    }

    /// Sends a signal by its name, such as `INT`.
    pub fn signal(&self, name: &str) {
        signal(self.id(), name);
    }

    /// Waits for its end.
    pub fn end(&mut self) -> ExitStatus {
        for () in until(Duration::from_mins(1)) {
            if let Some(status) = self.child.try_wait().expect("it is our child") {
                return status;
            }
        }
        panic!("process {} does not end", self.id());
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Sends a signal by its name, such as `KILL`.
pub fn signal(id: u32, name: &str) {
    // The shell's own: a small system has no other.
    let done = Command::new("sh").args(["-c", &format!("kill -{name} {id}")]).status();
    assert!(done.is_ok_and(|status| status.success()), "kill -{name} {id}");
}

/// Children of a process: id and command line.
pub fn children(of: u32) -> Vec<(u32, String)> {
    let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
    entries
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<u32>().ok())
        .filter(|id| parent(*id) == Some(of))
        .map(|id| {
            let line = fs::read(format!("/proc/{id}/cmdline")).unwrap_or_default();
            (id, String::from_utf8_lossy(&line).replace('\0', " "))
        })
        .collect()
}

/// Waits until none of these processes runs any more.
pub fn all_gone(processes: &[(u32, String)]) {
    let mut left: Vec<_> = processes.iter().collect();
    for () in until(Duration::from_secs(10)) {
        // One that ended may wait for its parent to notice.
        left.retain(|(id, _)| state(*id).is_some_and(|state| state != 'Z'));
        if left.is_empty() {
            return;
        }
    }
    panic!("still running: {left:#?}");
}

fn parent(id: u32) -> Option<u32> {
    stat(id)?.get(1)?.parse().ok()
}

fn state(id: u32) -> Option<char> {
    stat(id)?.first()?.chars().next()
}

/// Fields of `/proc/ID/stat` after the name, which may hold spaces and brackets.
fn stat(id: u32) -> Option<Vec<String>> {
    let text = fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
    let (_, fields) = text.rsplit_once(") ")?;
    Some(fields.split(' ').map(str::to_owned).collect())
}

fn lines(pipe: impl Read + Send + 'static) -> Receiver<String> {
    let (said, heard) = channel();
    thread::spawn(move || {
        for line in BufReader::new(pipe).lines().map_while(Result::ok) {
            if said.send(line).is_err() {
                return;
            }
        }
    });
    heard
}

/// Turns of a wait, a few milliseconds apart, until it has lasted that long.
pub fn until(longest: Duration) -> impl Iterator<Item = ()> {
    let end = SystemClock.now() + longest.as_nanos() as u64;
    std::iter::from_fn(move || {
        thread::park_timeout(Duration::from_millis(10));
        (SystemClock.now() < end).then_some(())
    })
}
