//! What is started, in which order, and with which command line.

use std::{
    env,
    ffi::OsString,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use super::{
    super::supervise::{crew::Role, process::Launch},
    settings::{Named, Settings, URL},
};
use crate::settings as control;

/// The router's name in messages and alarms.
pub const ROUTER: &str = "ormatrix-router";
/// The control plane's.
pub const CONTROL: &str = "ormatrix-control";

/// One program of the plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// Its name in messages and alarms.
    pub name: String,
    /// What it is for.
    pub role: Role,
    /// How it is started.
    pub launch: Launch,
    /// How it is asked whether its settings can be used.
    check: Vec<OsString>,
}

/// Everything that is started, in its order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// First the router, so that pictures flow before anything else is there.
    pub parts: Vec<Part>,
}

/// A program that is not there.
#[derive(Debug, thiserror::Error)]
#[error(
    "{} is not there: install it beside this program, or say with `programs` in which folder \
     it is", .0.display()
)]
pub struct NoProgram(PathBuf);

impl Plan {
    /// What the settings ask for; every program is there.
    pub fn new(settings: &Settings) -> Result<Self, NoProgram> {
        let folder = settings.programs.clone().unwrap_or_else(|| {
            let own = env::current_exe().unwrap_or_default();
            own.parent().unwrap_or(Path::new("")).to_owned()
        });
        let writer = Writer { settings, folder };
        let mut parts = vec![
            writer.process(ROUTER, Role::Router, settings.router.config.as_deref()),
            writer.process(CONTROL, Role::Control, settings.control.config.as_deref()),
        ];
        parts.extend(settings.sources.iter().map(|source| writer.source(source)));
        parts.extend(settings.sinks.iter().map(|sink| writer.sink(sink)));
        for (verb, helper, unless_told) in
            [("stills", &settings.stills, true), ("watch", &settings.watch, false)]
        {
            if helper.run.unwrap_or(unless_told) {
                parts.push(writer.helper(verb, helper.config.as_deref()));
            }
        }
        match parts.iter().find(|part| !part.launch.program.is_file()) {
            Some(part) => Err(NoProgram(part.launch.program.clone())),
            None => Ok(Self { parts }),
        }
    }

    /// Asks every program whether its settings can be used; what they say against them.
    pub fn check(&self, settings: &Settings) -> Vec<String> {
        let mut faults: Vec<String> = self.parts.iter().filter_map(Part::check).collect();
        faults.extend(elsewhere(settings));
        faults
    }
}

/// Writes command lines.
struct Writer<'a> {
    settings: &'a Settings,
    folder: PathBuf,
}

impl Writer<'_> {
    fn part(
        &self,
        name: String,
        role: Role,
        program: &str,
        arguments: Vec<OsString>,
        check: Vec<OsString>,
    ) -> Part {
        let launch = Launch {
            program: self.folder.join(program),
            arguments,
            variables: Vec::new(),
            log: self.settings.logs.join(format!("{name}.log")),
        };
        Part { name, role, launch, check }
    }

    fn process(&self, name: &str, role: Role, config: Option<&Path>) -> Part {
        let arguments = given(config);
        let check = with_verb("check-config", &arguments);
        self.part(name.to_owned(), role, name, arguments, check)
    }

    fn source(&self, source: &Named) -> Part {
        let mut arguments = given(source.config.as_deref());
        arguments.extend(self.arguments(source));
        let check = with_verb("check-config", &arguments);
        let name = format!("source-{}", source.name);
        self.part(name, Role::Source, "ormatrix-source", arguments, check)
    }

    fn sink(&self, sink: &Named) -> Part {
        let mut arguments = given(sink.config.as_deref());
        // Only its settings can be checked without receiving anything.
        let check = with_verb("check-config", &arguments);
        arguments.extend(self.arguments(sink));
        self.part(format!("sink-{}", sink.name), Role::Sink, "ormatrix-sink", arguments, check)
    }

    fn helper(&self, verb: &str, config: Option<&Path>) -> Part {
        let mut arguments = given(config);
        let check = with_verb("check-config", &arguments);
        let more = [verb, "--control", &self.settings.url];
        arguments.extend(more.map(OsString::from));
        self.part(format!("ormatrix-{verb}"), Role::Sink, "ormatrix-sink", arguments, check)
    }

    fn arguments(&self, of: &Named) -> impl Iterator<Item = OsString> {
        let arguments = of.arguments.iter();
        arguments.map(|argument| argument.replace(URL, &self.settings.url).into())
    }
}

/// `--config FILE`, where there is one.
fn given(config: Option<&Path>) -> Vec<OsString> {
    config.map(|file| vec!["--config".into(), file.into()]).unwrap_or_default()
}

fn with_verb(verb: &str, arguments: &[OsString]) -> Vec<OsString> {
    std::iter::once(verb.into()).chain(arguments.iter().cloned()).collect()
}

impl Part {
    /// What the program says against its settings.
    fn check(&self) -> Option<String> {
        let asked = Command::new(&self.launch.program)
            .args(&self.check)
            .env("NO_COLOR", "1")
            .stdin(Stdio::null())
            .output();
        let reason = match asked {
            Ok(answer) if answer.status.success() => return None,
            Ok(answer) => {
                let said = String::from_utf8_lossy(&answer.stderr);
                // Its own name before it is known already.
                let own = self.launch.program.file_name().unwrap_or_default().to_string_lossy();
                let said = said.trim().trim_start_matches(&*format!("{own}: "));
                if said.is_empty() { answer.status.to_string() } else { said.to_owned() }
            }
            Err(error) => format!("{}: {error}", self.launch.program.display()),
        };
        Some(format!("{}: {reason}", self.name))
    }
}

/// Whether the control plane listens elsewhere than it is looked for; what to do then.
fn elsewhere(settings: &Settings) -> Option<String> {
    let config = settings.control.config.as_deref();
    // That it cannot be read at all is said by the process itself.
    let control: control::Settings = ormatrix_settings::load(config, control::ENV_PREFIX).ok()?;
    let port = control.listen.port();
    let (scheme, rest) = settings.url.split_once("://")?;
    let authority = rest.split('/').next().unwrap_or(rest);
    let stated = match authority.rsplit_once(':').and_then(|(_, port)| port.parse().ok()) {
        Some(port) => port,
        None if scheme == "https" => 443_u16,
        None => 80,
    };
    (stated != port).then(|| {
        format!(
            "url = '{}': {CONTROL} listens on port {port}: correct one of the two",
            settings.url
        )
    })
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn words(arguments: &[OsString]) -> Vec<&str> {
        arguments.iter().map(|word| word.to_str().unwrap()).collect()
    }

    #[test]
    fn the_router_comes_first_and_each_gets_its_command_line() {
        let folder = tempfile::tempdir().unwrap();
        let mut settings = Settings {
            programs: Some(folder.path().to_owned()),
            logs: "/logs".into(),
            url: "http://[::1]:81".into(),
            ..Settings::default()
        };
        settings.router.config = Some("/etc/r.toml".into());
        settings.watch.run = Some(true);
        settings.sources = vec![Named {
            name: "endoscope".into(),
            config: Some("/etc/e.toml".into()),
            arguments: vec!["--register".into(), "{url}".into()],
        }];
        settings.sinks = vec![Named {
            name: "main".into(),
            config: None,
            arguments: vec!["check".into(), "--sdp".into(), "{url}/api/v1/outputs/m/sdp".into()],
        }];
        let missing = Plan::new(&settings).unwrap_err().to_string();
        assert!(missing.contains("/ormatrix-router is not there: install it"), "{missing}");
        for name in [ROUTER, CONTROL, "ormatrix-source", "ormatrix-sink"] {
            fs::write(folder.path().join(name), "").unwrap();
        }
        let plan = Plan::new(&settings).unwrap();
        let seen: Vec<(&str, Vec<&str>)> = plan
            .parts
            .iter()
            .map(|part| (part.name.as_str(), words(&part.launch.arguments)))
            .collect();
        assert_eq!(
            seen,
            [
                (ROUTER, vec!["--config", "/etc/r.toml"]),
                (CONTROL, vec![]),
                (
                    "source-endoscope",
                    vec!["--config", "/etc/e.toml", "--register", "http://[::1]:81"]
                ),
                ("sink-main", vec!["check", "--sdp", "http://[::1]:81/api/v1/outputs/m/sdp"]),
                ("ormatrix-stills", vec!["stills", "--control", "http://[::1]:81"]),
                ("ormatrix-watch", vec!["watch", "--control", "http://[::1]:81"]),
            ]
        );
        assert_eq!(words(&plan.parts[0].check), ["check-config", "--config", "/etc/r.toml"]);
        assert_eq!(plan.parts[2].launch.log, Path::new("/logs/source-endoscope.log"));
    }

    #[test]
    fn a_control_plane_that_listens_elsewhere_is_found() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("control.toml");
        fs::write(&file, "listen = \"0.0.0.0:9000\"\n").unwrap();
        let mut settings = Settings::default();
        settings.control.config = Some(file);
        let said = elsewhere(&settings).unwrap();
        assert!(said.contains("http://127.0.0.1:8080") && said.contains("port 9000"), "{said}");
        settings.url = "http://127.0.0.1:9000".into();
        assert_eq!(elsewhere(&settings), None);
    }
}
