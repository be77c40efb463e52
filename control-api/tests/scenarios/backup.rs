//! A backup: of one moment, while everything goes on, in a file that is whole or not there.

use std::{
    fs,
    process::{Command, Output},
};

use ormatrix_control::store::read_backup;
use rusqlite::Connection;

use crate::bench::{Bench, input};

fn backup(bench: &Bench, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ormatrix"));
    command.env("ORMATRIX_URL", bench.url("")).arg("backup").args(arguments);
    command.output().unwrap()
}

#[test]
fn it_holds_everything_and_waits_for_no_write() {
    let bench = Bench::new();
    bench.add_input("a", 5000);
    bench.add_output("m", 6000);
    let other = Connection::open(bench.directory.path().join("control.sqlite3")).unwrap();
    other.execute_batch("BEGIN IMMEDIATE; DELETE FROM outputs").unwrap();
    let answer = bench.get("/api/v1/backup");
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("content-type"), "application/vnd.sqlite3");
    let name = answer.header("content-disposition");
    assert!(name.starts_with("attachment; filename=\"ormatrix-20"), "{name}");
    let inventory = bench.running().app.store.load().unwrap();
    assert_eq!(read_backup(&answer.octets).unwrap(), inventory);
    // Anything that reads SQLite reads it, alone as it is.
    let file = bench.directory.path().join("copy");
    fs::write(&file, &answer.octets).unwrap();
    let copy = Connection::open(&file).unwrap();
    let label = |row: &rusqlite::Row<'_>| row.get::<_, String>(0);
    assert_eq!(copy.query_row("SELECT label FROM outputs", [], label).as_deref(), Ok("M"));
}

#[test]
fn the_command_line_replaces_no_file_unless_told() {
    let bench = Bench::new();
    bench.add_input("a", 5000);
    let file = bench.directory.path().join("or3.sqlite3");
    let path = file.to_str().unwrap();
    let made = backup(&bench, &[path]);
    assert!(made.status.success(), "{made:?}");
    assert_eq!(String::from_utf8(made.stdout).unwrap(), format!("{path}: 1 inputs, 0 outputs\n"));
    let first = fs::read(&file).unwrap();

    bench.put("/api/v1/inputs/b", &input("b", 5002)).expect(201);
    let refused = backup(&bench, &[path]);
    assert_eq!(refused.status.code(), Some(1));
    let said = String::from_utf8(refused.stderr).unwrap();
    assert!(said.contains(path) && said.contains("--force"), "{said}");
    assert_eq!(fs::read(&file).unwrap(), first);

    assert!(backup(&bench, &[path, "--force", "--json"]).status.success());
    assert_eq!(read_backup(&fs::read(&file).unwrap()).unwrap().inputs.len(), 2);
    // A directory that is not there is named.
    let nowhere = bench.directory.path().join("no/where");
    let refused = backup(&bench, &[nowhere.to_str().unwrap()]);
    let said = String::from_utf8(refused.stderr).unwrap();
    assert!(said.contains("no/where: "), "{said}");
}
