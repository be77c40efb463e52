//! The files for systemd, as systemd reads them.

use std::{fs, path::Path, process::Command};

use ormatrix_tests::process::{program, run};

/// Where the units expect programs and settings.
const PROGRAMS: &str = "/usr/local/bin/";

#[test]
fn systemd_finds_nothing_wrong_with_the_units() {
    let folder = tempfile::tempdir().unwrap();
    let units = Path::new(env!("CARGO_MANIFEST_DIR")).join("../hardware/systemd");
    // Where nothing is installed, the programs are where they were built.
    let built = format!("{}/", program("ormatrix").parent().unwrap().display());
    let mut paths = Vec::new();
    for entry in fs::read_dir(units).unwrap() {
        let unit = entry.unwrap().path();
        if unit.extension().is_some_and(|kind| kind == "service") {
            let text = fs::read_to_string(&unit).unwrap().replace(PROGRAMS, &built);
            let path = folder.path().join(unit.file_name().unwrap());
            fs::write(&path, text).unwrap();
            paths.push(path);
        }
    }
    assert_eq!(paths.len(), 4);
    let checked = Command::new("systemd-analyze").arg("verify").args(&paths).output();
    let checked = checked.expect("systemd-analyze is needed: make test installs it");
    let said = String::from_utf8_lossy(&checked.stderr);
    // What else is wrong with this machine's own units is none of ours.
    let ours: Vec<&str> = said.lines().filter(|line| line.contains("ormatrix")).collect();
    assert!(ours.is_empty() && checked.status.success(), "{said}");
}

/// What a unit calls to reload says whether the file that comes with ormatrix can be used.
#[test]
fn the_settings_that_are_installed_can_be_used() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    for (unit, settings) in
        [("router", "router/router.toml"), ("control", "control-api/control.toml")]
    {
        let name = format!("ormatrix-{unit}");
        let text = fs::read_to_string(root.join(format!("hardware/systemd/{name}.service")));
        let installed = format!("/etc/ormatrix/{unit}.toml");
        let called =
            |key: &str, more: &str| format!("{key}={PROGRAMS}{name}{more} --config {installed}");
        let text = text.unwrap();
        assert!(text.contains(&called("ExecStart", "")), "{text}");
        let check = called("ExecReload", " check-config");
        assert!(text.contains(&format!("{check}\nExecReload=/bin/kill -HUP $MAINPID\n")), "{text}");
        let file = root.join(settings);
        run(
            program(&name).to_str().unwrap(),
            &["check-config", "--config", file.to_str().unwrap()],
        );
    }
}
