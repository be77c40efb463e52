//! Keeps programs running: restarts those that end, gives up on those that keep ending.
//!
//! One thread does everything, in turns of a few milliseconds; there is nothing to lock and
//! the order of events is the order in which they are told.

use std::{fmt::Write, io, thread, time::Duration};

use ormatrix_io::{Clock, SystemClock};

use super::process::{Launch, Running, Words, in_words};

const SECOND: u64 = 1_000_000_000;
/// A program that ends this often within [`WINDOW`] is given up on.
const ENDS: usize = 5;
const WINDOW: u64 = 30 * SECOND;
/// First pause before a restart; doubles with each end within the window.
const PAUSE: u64 = SECOND / 4;
/// Last lines of a program that are shown when it is given up on.
const LAST_LINES: usize = 15;

/// When to restart a program that ends, and when not any more.
#[derive(Clone, Debug, Default)]
pub struct Restarts {
    ends: Vec<u64>,
}

impl Restarts {
    /// Notes an end; the moment to start again, or `None` to give up.
    pub fn ended(&mut self, now: u64) -> Option<u64> {
        self.ends.retain(|end| now.saturating_sub(*end) < WINDOW);
        self.ends.push(now);
        if self.ends.len() >= ENDS {
            return None;
        }
        Some(now + (PAUSE << (self.ends.len() - 1)))
    }
}

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

/// Why the demo cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum Dead {
    /// A program kept ending.
    #[error(
        "{name} {how}, {ENDS} times within {} s: giving up. Its last words:\n{words}",
        WINDOW / SECOND
    )]
    KeepsEnding {
        /// Which.
        name: String,
        /// How it ended last.
        how: String,
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
    fn start(&mut self) -> Result<(), Dead> {
        let running = Running::start(&self.launch).map_err(|reason| Dead::CannotStart {
            name: self.name.clone(),
            program: self.launch.program.display().to_string(),
            reason,
        })?;
        self.words = running.words.clone();
        self.running = Some(running);
        Ok(())
    }
}

/// The programs of a demo.
#[derive(Default)]
pub struct Crew {
    members: Vec<Member>,
}

impl Crew {
    /// Starts a program and keeps it running from now on.
    pub fn start(&mut self, name: &str, role: Role, launch: Launch) -> Result<(), Dead> {
        let mut member = Member {
            name: name.to_owned(),
            role,
            launch,
            running: None,
            words: Words::default(),
            last_words: Vec::new(),
            start_at: 0,
            restarts: Restarts::default(),
        };
        member.start()?;
        self.members.push(member);
        Ok(())
    }

    /// Looks after all programs once: notes who ended, starts who is due. Each of it is told
    /// to `say`, in a line.
    pub fn tend(&mut self, say: &mut dyn FnMut(&str)) -> Result<(), Dead> {
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
                let Some(at) = member.restarts.ended(now) else {
                    let words = format!("  {}", member.last_words.join("\n  "));
                    return Err(Dead::KeepsEnding { name: member.name.clone(), how, words });
                };
                member.start_at = at;
                // Ended by a signal, it had no time to say why.
                let reason = match (status.code(), member.last_words.last()) {
                    (Some(_), Some(line)) => format!(" ({line})"),
                    _ => String::new(),
                };
                say(&format!("{} {how}{reason}; it is started again", member.name));
            } else if now >= member.start_at {
                member.start()?;
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
            .find(|member| member.role == role && !member.restarts.ends.is_empty())?;
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
    fn pauses_grow_and_end_in_giving_up() {
        let mut restarts = Restarts::default();
        let mut now = 100 * SECOND;
        let mut pauses = Vec::new();
        while let Some(at) = restarts.ended(now) {
            pauses.push(at - now);
            now = at;
        }
        assert_eq!(pauses, [PAUSE, 2 * PAUSE, 4 * PAUSE, 8 * PAUSE]);
    }

    #[test]
    fn rare_ends_are_forgiven() {
        let mut restarts = Restarts::default();
        for minute in 0..100 {
            assert_eq!(restarts.ended(minute * 60 * SECOND), Some(minute * 60 * SECOND + PAUSE));
        }
    }

    #[test]
    fn a_program_that_keeps_ending_ends_the_demo_with_its_last_words() {
        let folder = tempfile::tempdir().unwrap();
        let mut crew = Crew::default();
        crew.start("parrot", Role::Source, shell("echo alas; exit 7", &folder)).unwrap();
        // Ends before, so that the test need not wait for the pauses.
        let now = SystemClock.now();
        crew.members[0].restarts.ends = vec![now; ENDS - 2];
        let mut said = Vec::new();
        let dead = loop {
            crew.members[0].start_at = 0;
            if let Err(dead) = crew.tend(&mut |line| said.push(line.to_owned())) {
                break dead.to_string();
            }
            thread::yield_now();
        };
        assert_eq!(said, ["parrot ended with status 7 (alas); it is started again"]);
        assert_eq!(crew.fallen(Role::Source), Some(("parrot".to_owned(), "alas".to_owned())));
        assert_eq!(crew.fallen(Role::Sink), None);
        assert!(dead.contains("5 times") && dead.ends_with("  alas"), "{dead}");
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
