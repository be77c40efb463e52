//! What `ormatrix up` runs: `hardware/up.toml` explains every key.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

use ormatrix_settings::SettingsError;
use serde::Deserialize;

/// Variables that override the file begin with this.
pub const ENV_PREFIX: &str = "ORMATRIX_UP";
/// What stands for the control plane's address in arguments.
pub const URL: &str = "{url}";
/// Longest name of a source or sink: with what an alarm puts before it, as long as its id may
/// be.
const NAME_MAX: usize = 48;

/// What can be set; every key has a default.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Where the control plane answers.
    pub url: String,
    /// The folder of what every program writes.
    pub logs: PathBuf,
    /// The folder of the programs; that of this one unless given.
    pub programs: Option<PathBuf>,
    /// How long each program has to end, in seconds, before it is killed.
    pub grace_s: u64,
    /// The data plane.
    pub router: Process,
    /// The control plane.
    pub control: Process,
    /// Who makes the panel's pictures.
    pub stills: Helper,
    /// Who finds frozen and black pictures, and measures.
    pub watch: Helper,
    /// Programs that send pictures from this host.
    pub sources: Vec<Named>,
    /// Programs that receive pictures on this host.
    pub sinks: Vec<Named>,
}

/// A process that always runs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Process {
    /// Its own settings.
    pub config: Option<PathBuf>,
}

/// A process that runs or does not.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Helper {
    /// Whether it runs; stills do and the watcher does not unless told.
    pub run: Option<bool>,
    /// Its own settings.
    pub config: Option<PathBuf>,
}

/// A source or sink.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Named {
    /// What it is called in messages, alarms and as a log.
    pub name: String,
    /// Its own settings.
    pub config: Option<PathBuf>,
    /// Its command line.
    pub arguments: Vec<String>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            url: "http://127.0.0.1:8080".to_owned(),
            logs: "/var/log/ormatrix".into(),
            programs: None,
            grace_s: 5,
            router: Process::default(),
            control: Process::default(),
            stills: Helper::default(),
            watch: Helper::default(),
            sources: Vec::new(),
            sinks: Vec::new(),
        }
    }
}

/// A setting that cannot be followed.
#[derive(Debug, thiserror::Error)]
pub enum Unusable {
    /// File or environment.
    #[error(transparent)]
    Read(#[from] SettingsError),
    /// A value that the file's form allows and nobody can follow.
    #[error("{key} = '{value}': {advice}")]
    Value {
        /// The key.
        key: String,
        /// What it is set to.
        value: String,
        /// What to write instead.
        advice: &'static str,
    },
}

impl Settings {
    /// Reads them from a file, or the defaults without one, and from the environment.
    pub fn load(file: Option<&Path>) -> Result<Self, Unusable> {
        let settings: Self = ormatrix_settings::load(file, ENV_PREFIX)?;
        settings.check()?;
        Ok(settings)
    }

    fn check(&self) -> Result<(), Unusable> {
        let refuse = |key: &str, value: &str, advice| {
            Err(Unusable::Value { key: key.to_owned(), value: value.to_owned(), advice })
        };
        let host = self.url.strip_prefix("http://").or_else(|| self.url.strip_prefix("https://"));
        if host.is_none_or(|host| host.is_empty() || host.starts_with('/')) {
            let advice = "give an address such as http://127.0.0.1:8080";
            return refuse("url", &self.url, advice);
        }
        if !(1..=60).contains(&self.grace_s) {
            return refuse("grace_s", &self.grace_s.to_string(), "use 1 to 60");
        }
        for (list, programs) in [("sources", &self.sources), ("sinks", &self.sinks)] {
            let mut names = BTreeSet::new();
            for Named { name, .. } in programs {
                let key = format!("{list}.name");
                let plain = |octet: u8| {
                    octet.is_ascii_lowercase() || octet.is_ascii_digit() || octet == b'-'
                };
                if name.is_empty() || name.len() > NAME_MAX || !name.bytes().all(plain) {
                    let advice = "give each a name of a to z, 0 to 9 and -, at most 48 of them";
                    return refuse(&key, name, advice);
                }
                if !names.insert(name) {
                    return refuse(&key, name, "another one has that name: give each its own");
                }
            }
        }
        for sink in &self.sinks {
            if sink.arguments.is_empty() {
                let key = format!("sinks.arguments of {}", sink.name);
                return refuse(&key, "[]", "say what it does, as [\"display\", …]");
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn load(text: &str) -> Result<Settings, Unusable> {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("up.toml");
        fs::write(&file, text).unwrap();
        let settings: Settings = ormatrix_settings::load_from(Some(&file), ENV_PREFIX, [])?;
        settings.check()?;
        Ok(settings)
    }

    #[test]
    fn the_commented_file_says_the_defaults_and_its_examples_can_be_used() {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../hardware/up.toml");
        let text = fs::read_to_string(file).unwrap();
        assert_eq!(load(&text).unwrap(), Settings::default());
        // Its settings are commented out, without a blank; its words have one.
        let settings =
            |line: &&str| line.starts_with('[') || line.starts_with('#') && !line.starts_with("# ");
        let lines: Vec<&str> =
            text.lines().filter(settings).map(|line| line.trim_start_matches('#')).collect();
        let read = load(&lines.join("\n")).unwrap();
        assert_eq!((read.sources.len(), read.sinks.len()), (1, 1), "one example of each");
        assert!(read.sources[0].arguments.iter().any(|argument| argument.contains(URL)));
        let config = |name: &str| Some(PathBuf::from(format!("/etc/ormatrix/{name}.toml")));
        let default = Settings::default();
        let shown = Settings {
            programs: Some("/usr/local/bin".into()),
            router: Process { config: config("router") },
            control: Process { config: config("control") },
            stills: Helper { run: Some(true), config: config("sink") },
            watch: Helper { run: Some(false), config: config("sink") },
            sources: read.sources.clone(),
            sinks: read.sinks.clone(),
            ..default
        };
        assert_eq!(read, shown);
    }

    #[test]
    fn what_cannot_be_followed_is_named() {
        for (text, said) in [
            ("log = \"/tmp\"", "up.toml:1: `log`: there is no such setting; did you mean `logs`?"),
            ("[[sources]]\nnam = \"a\"", "did you mean `name`?"),
            ("[router]\nrun = true", "up.toml:2: `router.run`: there is no such setting"),
            ("grace_s = 0", "grace_s = '0': use 1 to 60"),
            ("url = \"127.0.0.1:8080\"", "url = '127.0.0.1:8080': give an address such as http:"),
            ("[[sources]]\nname = \"../x\"", "sources.name = '../x': give each a name of a to z"),
            ("[[sources]]", "sources.name = '': give each a name"),
            ("[[sinks]]\nname = \"a\"", "sinks.arguments of a = '[]': say what it does"),
            (
                "[[sources]]\nname = \"a\"\n[[sources]]\nname = \"a\"",
                "sources.name = 'a': another one has that name",
            ),
        ] {
            let error = load(text).unwrap_err().to_string();
            assert!(error.contains(said), "{text}: {error}");
        }
    }
}
