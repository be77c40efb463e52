//! One program: started, listened to, asked to end.

use std::{
    collections::VecDeque,
    ffi::OsString,
    io::{self, BufRead, BufReader, Read},
    os::unix::process::{CommandExt, ExitStatusExt},
    path::PathBuf,
    process::{Child, Command, ExitStatus, Stdio},
    sync::{Arc, Mutex, PoisonError},
    thread::{self, JoinHandle},
    time::Duration,
};

use ormatrix_io::{Clock, SystemClock, process::PARENT_VARIABLE};

use super::log::Log;

/// Lines kept of what a program wrote: enough for a report and for its last words.
const LINES_KEPT: usize = 400;
/// Octets of a line that are kept.
const LINE_MAX: u64 = 4096;

/// How long its last words are waited for when it has ended. They come at once, unless a
/// program that it started itself keeps its pipes open; nobody else shall wait for that one.
const LAST_WORDS_NS: u64 = 250_000_000;

/// How a program is started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Launch {
    /// The program.
    pub program: PathBuf,
    /// Its arguments.
    pub arguments: Vec<OsString>,
    /// What its environment holds beside this process's own.
    pub variables: Vec<(&'static str, String)>,
    /// Where everything that it writes is kept.
    pub log: PathBuf,
}

/// What a program has written, by stream.
#[derive(Clone, Debug, Default)]
pub struct Words {
    output: Arc<Mutex<VecDeque<String>>>,
    both: Arc<Mutex<VecDeque<String>>>,
}

impl Words {
    /// Lines of standard output.
    pub fn output(&self) -> Vec<String> {
        lock(&self.output).iter().cloned().collect()
    }

    /// Whether a line of either stream holds some words.
    pub fn have(&self, words: &str) -> bool {
        lock(&self.both).iter().any(|line| line.contains(words))
    }

    /// The last lines of both streams.
    pub fn last(&self, lines: usize) -> Vec<String> {
        let both = lock(&self.both);
        both.iter().skip(both.len().saturating_sub(lines)).cloned().collect()
    }
}

/// A program at work. It ends with this process, whatever ends this process.
#[derive(Debug)]
pub struct Running {
    child: Child,
    /// What it has written so far.
    pub words: Words,
    readers: Vec<JoinHandle<()>>,
}

impl Running {
    /// Starts a program. To be called from the main thread only: the kernel ends the program
    /// when the thread that started it ends.
    pub fn start(launch: &Launch) -> io::Result<Self> {
        let log = Arc::new(Log::open(&launch.log)?);
        let mut child = Command::new(&launch.program)
            .args(&launch.arguments)
            .envs(launch.variables.iter().map(|(name, value)| (name, value)))
            .env(PARENT_VARIABLE, std::process::id().to_string())
            // What they write goes to files and into messages.
            .env("NO_COLOR", "1")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            // Ctrl-C in the terminal shall reach this process alone: it ends them in order.
            .process_group(0)
            .spawn()?;
        let words = Words::default();
        let mut readers = Vec::new();
        if let Some(pipe) = child.stdout.take() {
            let kept = vec![words.output.clone(), words.both.clone()];
            let log = log.clone();
            readers.push(thread::spawn(move || read_lines(pipe, &log, &kept)));
        }
        if let Some(pipe) = child.stderr.take() {
            let kept = vec![words.both.clone()];
            readers.push(thread::spawn(move || read_lines(pipe, &log, &kept)));
        }
        Ok(Self { child, words, readers })
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// How it ended, once it has; all that it wrote itself is there then.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        // The only error is that there is no such child any more.
        let status = self.child.try_wait().ok()??;
        let until = SystemClock.now() + LAST_WORDS_NS;
        while self.readers.iter().any(|reader| !reader.is_finished()) && SystemClock.now() < until {
            thread::sleep(Duration::from_millis(1));
        }
        self.readers.clear();
        Some(status)
    }

    /// Asks it to end.
    pub fn terminate(&self) {
        // It may have ended in the meantime, which is what is wanted.
        let _ = ormatrix_io::process::terminate(self.child.id());
    }

    /// Has it read its settings again.
    pub fn reload(&self) {
        // One that has just ended reads them when it is started again.
        let _ = ormatrix_io::process::hang_up(self.child.id());
    }

    /// Ends it at once.
    pub fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if self.child.try_wait().ok().flatten().is_none() {
            self.kill();
        }
    }
}

/// An exit status in words.
pub fn in_words(status: ExitStatus) -> String {
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("ended with status {code}"),
        (None, Some(signal)) => format!("was ended by signal {signal}"),
        (None, None) => "ended".to_owned(),
    }
}

fn read_lines(pipe: impl Read, log: &Log, kept: &[Arc<Mutex<VecDeque<String>>>]) {
    let mut pipe = BufReader::new(pipe);
    loop {
        let mut line = Vec::new();
        match pipe.by_ref().take(LINE_MAX).read_until(b'\n', &mut line) {
            Ok(0) | Err(_) => return,
            Ok(_) => {}
        }
        log.add(&line);
        let text = String::from_utf8_lossy(&line).trim_end().to_owned();
        for lines in kept {
            let mut lines = lock(lines);
            if lines.len() == LINES_KEPT {
                lines.pop_front();
            }
            lines.push_back(text.clone());
        }
    }
}

/// A list of lines is whole whatever happened to whoever held it.
fn lock(lines: &Mutex<VecDeque<String>>) -> std::sync::MutexGuard<'_, VecDeque<String>> {
    lines.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str, folder: &tempfile::TempDir) -> Launch {
        Launch {
            program: "/bin/sh".into(),
            arguments: vec!["-c".into(), script.into()],
            variables: Vec::new(),
            log: folder.path().join("log"),
        }
    }

    fn wait(running: &mut Running) -> ExitStatus {
        loop {
            if let Some(status) = running.ended() {
                return status;
            }
            thread::yield_now();
        }
    }

    #[test]
    fn everything_written_is_kept() {
        let folder = tempfile::tempdir().unwrap();
        let launch = shell("echo said; echo complained >&2; exit 3", &folder);
        let mut running = Running::start(&launch).unwrap();
        assert_eq!(in_words(wait(&mut running)), "ended with status 3");
        assert_eq!(running.words.output(), ["said"]);
        let mut last = running.words.last(5);
        last.sort();
        assert_eq!(last, ["complained", "said"]);
        let log = std::fs::read_to_string(&launch.log).unwrap();
        assert!(log.contains("said") && log.contains("complained"), "{log}");
    }

    #[test]
    fn only_the_last_lines_are_kept() {
        let folder = tempfile::tempdir().unwrap();
        let mut running = Running::start(&shell("seq 1 1000", &folder)).unwrap();
        wait(&mut running);
        assert_eq!(running.words.output().len(), LINES_KEPT);
        assert_eq!(running.words.last(2), ["999", "1000"]);
    }

    #[test]
    fn a_child_of_its_own_that_stays_keeps_nobody_waiting() {
        let folder = tempfile::tempdir().unwrap();
        let script = "echo said; sleep 20 & echo $!";
        let mut running = Running::start(&shell(script, &folder)).unwrap();
        assert_eq!(in_words(wait(&mut running)), "ended with status 0");
        let output = running.words.output();
        assert_eq!(output[0], "said");
        let left: u32 = output[1].parse().unwrap();
        assert!(std::path::Path::new(&format!("/proc/{left}")).exists(), "it is still there");
        ormatrix_io::process::terminate(left).unwrap();
    }

    #[test]
    fn a_dropped_program_has_ended() {
        let folder = tempfile::tempdir().unwrap();
        let running = Running::start(&shell("exec sleep 600", &folder)).unwrap();
        let id = running.id();
        drop(running);
        assert!(!std::path::Path::new(&format!("/proc/{id}")).exists());
    }

    #[test]
    fn a_program_that_is_asked_ends() {
        let folder = tempfile::tempdir().unwrap();
        let mut running = Running::start(&shell("exec sleep 600", &folder)).unwrap();
        running.terminate();
        assert_eq!(in_words(wait(&mut running)), "was ended by signal 15");
    }
}
