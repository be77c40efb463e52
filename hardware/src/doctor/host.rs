//! How a host is read.

use std::{
    env, fs,
    path::Path,
    process::{Command, Stdio},
};

/// What a program printed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Output {
    /// Whether it ended with status 0.
    pub success: bool,
    /// Its standard output.
    pub text: String,
}

/// Where a check reads from.
pub trait Host {
    /// A file's text without surrounding white space; `None` when it cannot be read.
    fn read(&self, path: &str) -> Option<String>;
    /// Names in a folder, sorted; empty when there is none.
    fn list(&self, folder: &str) -> Vec<String>;
    /// Whether something is there.
    fn exists(&self, path: &str) -> bool;
    /// The last name of the path that a symbolic link leads to.
    fn link(&self, path: &str) -> Option<String>;
    /// Whether a device may be opened to read and write.
    fn opens(&self, path: &str) -> bool;
    /// An environment variable that is set and not empty.
    fn variable(&self, name: &str) -> Option<String>;
    /// Runs a program; `None` when there is no such program.
    fn run(&self, program: &str, arguments: &[&str]) -> Option<Output>;
}

/// The machine this program runs on.
#[derive(Clone, Copy, Debug, Default)]
pub struct ThisHost;

impl Host for ThisHost {
    fn read(&self, path: &str) -> Option<String> {
        let octets = fs::read(path).ok()?;
        Some(String::from_utf8_lossy(&octets).trim().to_owned())
    }

    fn list(&self, folder: &str) -> Vec<String> {
        let mut names: Vec<String> = fs::read_dir(folder)
            .into_iter()
            .flatten()
            .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
            .collect();
        names.sort();
        names
    }

    fn exists(&self, path: &str) -> bool {
        Path::new(path).exists()
    }

    fn link(&self, path: &str) -> Option<String> {
        Some(fs::read_link(path).ok()?.file_name()?.to_str()?.to_owned())
    }

    fn opens(&self, path: &str) -> bool {
        fs::OpenOptions::new().read(true).write(true).open(path).is_ok()
    }

    fn variable(&self, name: &str) -> Option<String> {
        env::var(name).ok().filter(|value| !value.is_empty())
    }

    fn run(&self, program: &str, arguments: &[&str]) -> Option<Output> {
        // Debian leaves the administrator's programs out of an ordinary user's PATH.
        let path = env::var("PATH").unwrap_or_default() + ":/usr/sbin:/sbin";
        let output = Command::new(program)
            .args(arguments)
            .env("PATH", path)
            .env("LC_ALL", "C")
            .stdin(Stdio::null())
            .stderr(Stdio::null())
            .output()
            .ok()?;
        Some(Output {
            success: output.status.success(),
            text: String::from_utf8_lossy(&output.stdout).into_owned(),
        })
    }
}

#[cfg(test)]
pub(super) mod paper {
    //! A host on paper.

    use std::collections::BTreeMap;

    use super::{Host, Output};

    /// Answers from what was written down.
    #[derive(Default)]
    pub struct PaperHost {
        files: BTreeMap<String, String>,
        links: BTreeMap<String, String>,
        programs: BTreeMap<String, Output>,
        variables: BTreeMap<String, String>,
    }

    impl PaperHost {
        pub fn file(mut self, path: &str, text: &str) -> Self {
            self.files.insert(path.into(), text.trim().into());
            self
        }

        pub fn link_to(mut self, path: &str, target: &str) -> Self {
            self.links.insert(path.into(), target.into());
            self
        }

        pub fn variable_is(mut self, name: &str, value: &str) -> Self {
            self.variables.insert(name.into(), value.into());
            self
        }

        /// `line` is the program and its arguments, one space between them.
        pub fn program(mut self, line: &str, success: bool, text: &str) -> Self {
            self.programs.insert(line.into(), Output { success, text: text.into() });
            self
        }
    }

    impl Host for PaperHost {
        fn read(&self, path: &str) -> Option<String> {
            self.files.get(path).cloned()
        }

        fn list(&self, folder: &str) -> Vec<String> {
            let prefix = format!("{folder}/");
            let mut names: Vec<_> = self
                .files
                .keys()
                .chain(self.links.keys())
                .filter_map(|path| Some(path.strip_prefix(&prefix)?.split('/').next()?.to_owned()))
                .collect();
            names.sort();
            names.dedup();
            names
        }

        fn exists(&self, path: &str) -> bool {
            let below = format!("{path}/");
            self.links.contains_key(path)
                || self.files.keys().any(|file| file == path || file.starts_with(&below))
        }

        fn link(&self, path: &str) -> Option<String> {
            self.links.get(path).cloned()
        }

        fn opens(&self, path: &str) -> bool {
            self.files.contains_key(path)
        }

        fn variable(&self, name: &str) -> Option<String> {
            self.variables.get(name).cloned()
        }

        fn run(&self, program: &str, arguments: &[&str]) -> Option<Output> {
            let line = [&[program], arguments].concat().join(" ");
            if let Some(output) = self.programs.get(&line) {
                return Some(output.clone());
            }
            // The program is there, but was not written down for these arguments.
            self.programs
                .keys()
                .any(|known| known.split(' ').next() == Some(program))
                .then(|| Output { success: false, text: String::new() })
        }
    }
}
