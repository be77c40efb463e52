//! Programs of others that tests need, unpacked beside the build by
//! `hardware/setup/install.sh aside`.

use std::{
    env,
    io::Write,
    path::PathBuf,
    process::{Command, Stdio},
};

/// Where a program is.
pub fn program(name: &str) -> PathBuf {
    let test = env::current_exe().unwrap();
    let beside = test.ancestors().map(|folder| folder.join("aside"));
    let told = env::var_os("CARGO_TARGET_DIR").map(|target| PathBuf::from(target).join("aside"));
    let places = beside.chain(told).flat_map(|aside| {
        ["usr/bin", "usr/sbin", "python/bin"].map(|folder| aside.join(folder).join(name))
    });
    let found = places.into_iter().find(|path| path.is_file());
    found.unwrap_or_else(|| panic!("{name} is missing: run hardware/setup/install.sh aside"))
}

/// Runs promtool with an input; it must find nothing wrong. Gives what it said.
#[track_caller]
pub fn promtool(arguments: &[&str], input: &str) -> String {
    let mut child = Command::new(program("promtool"))
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // It reads everything before it says anything.
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let ended = child.wait_with_output().unwrap();
    let said = [ended.stdout, ended.stderr].concat();
    let said = String::from_utf8_lossy(&said).into_owned();
    assert!(ended.status.success(), "promtool {arguments:?}: {said}");
    said
}
