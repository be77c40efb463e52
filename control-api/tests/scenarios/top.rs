//! `ormatrix top` without a terminal.

use std::process::{Command, Output, Stdio};

use crate::bench::Bench;

fn top(url: &str, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ormatrix"));
    command.args(["--url", url, "top"]).args(arguments).stdin(Stdio::null()).output().unwrap()
}

fn text(octets: &[u8]) -> String {
    String::from_utf8(octets.to_vec()).unwrap()
}

#[test]
fn one_frame_is_text() {
    let bench = Bench::new();
    bench.add_input("endoscope", 5000);
    bench.add_output("main", 6000);
    let ended = top(&bench.url(""), &["--once"]);
    let said = text(&ended.stdout);
    assert!(ended.status.success(), "{said} {}", text(&ended.stderr));
    let lines: Vec<&str> = said.lines().collect();
    assert!(lines[0].starts_with(&format!("ormatrix top  {}", bench.url(""))), "{said}");
    assert_eq!(lines[1], "● control answers");
    assert!(lines[2].starts_with("● router "), "{said}");
    assert!(lines.iter().any(|line| line.starts_with("  endoscope ")), "{said}");
    assert!(lines.iter().any(|line| line.starts_with("  main ")), "{said}");
    assert!(!said.contains('\u{1b}'), "no colours: {said}");
}

#[test]
fn without_a_terminal_or_an_answer_it_says_so() {
    let bench = Bench::new();
    let ended = top(&bench.url(""), &[]);
    assert_eq!((ended.status.code(), text(&ended.stdout)), (Some(1), String::new()));
    let said = text(&ended.stderr);
    assert!(said.contains("needs a terminal") && said.contains("--once"), "{said}");
    let ended = top("http://127.0.0.1:1", &["--once"]);
    assert_eq!(ended.status.code(), Some(1));
    let said = text(&ended.stderr);
    assert!(said.contains("is ormatrix-control running there"), "{said}");
    assert_eq!(top("http://127.0.0.1:1", &["--json"]).status.code(), Some(2));
}
