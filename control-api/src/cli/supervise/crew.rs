//! Keeps programs running: restarts those that end, and where patience has an end, gives up on
//! those that keep ending.
//!
//! One thread does everything, in turns of a few milliseconds; there is nothing to lock and
//! the order of events is the order in which they are told.

use std::{
    fmt::{self, Write},
    io, thread,
    time::Duration,
};

use ormatrix_io::{Clock, SystemClock};

use super::{
    process::{Launch, Running, Words, in_words},
    restarts::{Patience, Restarts},
};

/// Last lines of a program that are shown when it is given up on.
const LAST_LINES: usize = 15;

/// What a program is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Receives pictures.
    Sink,
    /// Sends pictures.
    Source,
    /// The control plane.
    Control,
    /// The router.
    Router,
}

/// Something that happened to a program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct News {
    /// Which.
    pub name: String,
    /// What.
    pub what: What,
}

/// What happened to a program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    /// It runs again.
    Started {
        /// Its process id.
        id: u32,
    },
    /// It ended, and is started again.
    Ended {
        /// How, with its last words where it had time for any.
        how: String,
        /// How long it takes until it is started again.
        pause: Duration,
        /// How often it has ended lately.
        times: usize,
    },
    /// It could not be started, and that is tried again.
    NotStarted {
        /// What the system said.
        reason: String,
        /// How long it takes until it is tried again.
        pause: Duration,
        /// How often it has failed or ended lately.
        times: usize,
    },
}

impl fmt::Display for News {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = &self.name;
        match &self.what {
            What::Started { id } => write!(f, "{name} runs, process {id}"),
            What::Ended { how, .. } => write!(f, "{name} {how}; it is started again"),
            What::NotStarted { reason, pause, .. } => {
                write!(f, "{name} cannot be started: {reason}; next attempt in {pause:?}")
            }
        }
    }
}

/// Why it cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum Dead {
    /// A program kept ending.
    #[error(
        "{name} {how}, {times} times within {} s: giving up. Its last words:\n{words}",
        window.as_secs()
    )]
    KeepsEnding {
        /// Which.
        name: String,
        /// How it ended last.
        how: String,
        /// How often.
        times: usize,
        /// Within what time.
        window: Duration,
        /// What it wrote last.
        words: String,
    },
    /// A program could not be started.
    #[error("cannot start {name} ({program}): {reason}")]
    CannotStart {
        /// Which.
        name: String,
        /// The file.
        program: String,
        /// What the system said.
        reason: io::Error,
    },
}

struct Member {
    name: String,
    role: Role,
    launch: Launch,
    running: Option<Running>,
    words: Words,
    last_words: Vec<String>,
    start_at: u64,
    restarts: Restarts,
}

impl Member {
    fn start(&mut self) -> io::Result<u32> {
        let running = Running::start(&self.launch)?;
        let id = running.id();
        self.words = running.words.clone();
        self.running = Some(running);
        Ok(id)
    }

    fn cannot_start(&self, reason: io::Error) -> Dead {
        let program = self.launch.program.display().to_string();
        Dead::CannotStart { name: self.name.clone(), program, reason }
    }

    fn tell(&self, what: What) -> News {
        News { name: self.name.clone(), what }
    }
}

/// Programs that belong together.
#[derive(Default)]
pub struct Crew {
    patience: Patience,
    members: Vec<Member>,
}

impl Crew {
    /// Nobody yet.
    pub fn new(patience: Patience) -> Self {
        Self { patience, members: Vec::new() }
    }

    /// Starts a program and keeps it running from now on; its process id.
    pub fn start(&mut self, name: &str, role: Role, launch: Launch) -> Result<u32, Dead> {
        let mut member = Member {
            name: name.to_owned(),
            role,
            launch,
            running: None,
            words: Words::default(),
            last_words: Vec::new(),
            start_at: 0,
            restarts: Restarts::new(self.patience),
        };
        let id = member.start().map_err(|reason| member.cannot_start(reason))?;
        self.members.push(member);
        Ok(id)
    }

    /// Looks after all programs once: notes who ended, starts who is due, and tells of both.
    pub fn tend(&mut self, tell: &mut dyn FnMut(&News)) -> Result<(), Dead> {
        let now = SystemClock.now();
        for member in &mut self.members {
            if let Some(running) = &mut member.running {
                let Some(status) = running.ended() else { continue };
                member.running = None;
                let how = in_words(status);
                let words = member.words.last(LAST_LINES);
                // The last words of an earlier start are better than none.
                if !words.is_empty() {
                    member.last_words = words;
                }
                let pause = member.restarts.ended(now);
                let times = member.restarts.count();
                let Some(pause) = pause else {
                    let words = format!("  {}", member.last_words.join("\n  "));
                    let window = self.patience.window();
                    let name = member.name.clone();
                    return Err(Dead::KeepsEnding { name, how, times, window, words });
                };
                member.start_at = now + pause.as_nanos() as u64;
                // Ended by a signal, it had no time to say why.
                let how = match (status.code(), member.last_words.last()) {
                    (Some(_), Some(line)) => format!("{how} ({line})"),
                    _ => how,
                };
                tell(&member.tell(What::Ended { how, pause, times }));
            } else if now >= member.start_at {
                match member.start() {
                    Ok(id) => tell(&member.tell(What::Started { id })),
                    Err(reason) => {
                        // Its file may be about to be replaced.
                        let again = self.patience == Patience::Endless;
                        let Some(pause) = again.then(|| member.restarts.ended(now)).flatten()
                        else {
                            return Err(member.cannot_start(reason));
                        };
                        member.start_at = now + pause.as_nanos() as u64;
                        let times = member.restarts.count();
                        let reason = format!("{}: {reason}", member.launch.program.display());
                        tell(&member.tell(What::NotStarted { reason, pause, times }));
                    }
                }
            }
        }
        Ok(())
    }

    /// What a program has written to its standard output since it last started.
    pub fn output(&self, name: &str) -> Vec<String> {
        let member = self.members.iter().find(|member| member.name == name);
        member.map(|member| member.words.output()).unwrap_or_default()
    }

    /// Whether every program of a role has written some words since it last started.
    pub fn has_said(&self, role: Role, words: &str) -> bool {
        let mut members = self.members.iter().filter(|member| member.role == role);
        members.all(|member| member.words.have(words))
    }

    /// The first program of a role that has ended by itself, and its last line.
    pub fn fallen(&self, role: Role) -> Option<(String, String)> {
        let member = self
            .members
            .iter()
            .find(|member| member.role == role && member.restarts.count() > 0)?;
        Some((member.name.clone(), member.last_words.last().cloned().unwrap_or_default()))
    }

    /// The last lines of every program that does not run now.
    pub fn last_words(&self) -> String {
        let mut text = String::new();
        for member in self.members.iter().filter(|member| member.running.is_none()) {
            let _ = writeln!(text, "{}:\n  {}", member.name, member.last_words.join("\n  "));
        }
        text
    }

    /// Has the programs of these roles that run now read their settings again (SIGHUP).
    pub fn reload(&self, roles: &[Role]) {
        let theirs = self.members.iter().filter(|member| roles.contains(&member.role));
        for running in theirs.filter_map(|member| member.running.as_ref()) {
            running.reload();
        }
    }

    /// The programs running now: name and process id.
    #[cfg(test)]
    pub fn running(&self) -> Vec<(String, u32)> {
        self.members
            .iter()
            .filter_map(|member| Some((member.name.clone(), member.running.as_ref()?.id())))
            .collect()
    }

    /// Ends the programs of these roles and forgets them; answers what each wrote to its
    /// standard output. Those that have not ended after `grace` are killed.
    pub fn end(&mut self, roles: &[Role], grace: Duration) -> Vec<(String, Vec<String>)> {
        let ours: Vec<Member> =
            self.members.extract_if(.., |member| roles.contains(&member.role)).collect();
        for running in ours.iter().filter_map(|member| member.running.as_ref()) {
            running.terminate();
        }
        let until = SystemClock.now() + grace.as_nanos() as u64;
        let mut said = Vec::new();
        for mut member in ours {
            if let Some(running) = &mut member.running {
                while running.ended().is_none() {
                    if SystemClock.now() >= until {
                        running.kill();
                        // Its pipes are shut now: this collects what it had written.
                        running.ended();
                        break;
                    }
                    thread::sleep(Duration::from_millis(5));
                }
            }
            said.push((member.name, member.words.output()));
        }
        said
    }
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

    #[test]
    fn a_program_that_keeps_ending_ends_it_all_with_its_last_words() {
        let folder = tempfile::tempdir().unwrap();
        let mut crew = Crew::default();
        crew.start("parrot", Role::Source, shell("echo alas; exit 7", &folder)).unwrap();
        // Ends before, so that the test need not wait for the pauses.
        let now = SystemClock.now();
        crew.members[0].restarts.set(vec![now; 3]);
        let mut said = Vec::new();
        let dead = loop {
            crew.members[0].start_at = 0;
            if let Err(dead) = crew.tend(&mut |news| said.push(news.to_string())) {
                break dead.to_string();
            }
            thread::yield_now();
        };
        assert_eq!(said[0], "parrot ended with status 7 (alas); it is started again");
        assert!(said[1].starts_with("parrot runs, process ") && said.len() == 2, "{said:?}");
        assert_eq!(crew.fallen(Role::Source), Some(("parrot".to_owned(), "alas".to_owned())));
        assert_eq!(crew.fallen(Role::Sink), None);
        assert!(dead.contains("5 times") && dead.ends_with("  alas"), "{dead}");
    }

    #[test]
    fn who_never_gives_up_also_waits_for_a_program_that_is_not_there() {
        let folder = tempfile::tempdir().unwrap();
        let program = folder.path().join("program");
        std::os::unix::fs::symlink("/bin/sh", &program).unwrap();
        let mut crew = Crew::new(Patience::Endless);
        let launch = Launch { program: program.clone(), ..shell("exit 1", &folder) };
        crew.start("router", Role::Router, launch).unwrap();
        // As while it is replaced by a newer one.
        std::fs::remove_file(&program).unwrap();
        let mut news = Vec::new();
        let mut turn = |crew: &mut Crew, until: usize| {
            while news.len() < until {
                crew.members[0].start_at = 0;
                crew.tend(&mut |what| news.push(what.clone())).unwrap();
                thread::yield_now();
            }
            news.clone()
        };
        let told = turn(&mut crew, 20);
        let missing = |news: &News| matches!(news.what, What::NotStarted { .. });
        assert!(matches!(told[0].what, What::Ended { times: 1, .. }) && missing(&told[19]));
        assert!(told[19].to_string().contains("program: No such file"), "{}", told[19]);
        assert!(told[19].to_string().ends_with("next attempt in 10s"), "{}", told[19]);
        std::os::unix::fs::symlink("/bin/sh", &program).unwrap();
        let told = turn(&mut crew, 21);
        assert!(matches!(told[20].what, What::Started { .. }), "{:?}", told[20]);
    }

    #[test]
    fn roles_end_apart_and_the_stubborn_are_killed() {
        let folder = tempfile::tempdir().unwrap();
        let mut crew = Crew::default();
        let stubborn = "trap '' TERM; echo here; while :; do sleep 0.01; done";
        crew.start("router", Role::Router, shell("exec sleep 600", &folder)).unwrap();
        crew.start("sink", Role::Sink, shell(stubborn, &folder)).unwrap();
        while crew.output("sink").is_empty() {
            thread::yield_now();
        }
        let ids: Vec<u32> = crew.running().into_iter().map(|(_, id)| id).collect();
        let said = crew.end(&[Role::Sink], Duration::from_millis(50));
        assert_eq!(said, [("sink".to_owned(), vec!["here".to_owned()])]);
        assert_eq!(crew.running().len(), 1);
        assert_eq!(crew.end(&[Role::Source, Role::Router], Duration::from_secs(5))[0].0, "router");
        for id in ids {
            assert!(!std::path::Path::new(&format!("/proc/{id}")).exists());
        }
        assert!(crew.running().is_empty());
    }
}
