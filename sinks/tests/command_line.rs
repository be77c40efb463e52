//! What the command line says when something is wrong.

use std::{fs, process::Command};

fn sink(arguments: &[&str]) -> (Option<i32>, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_ormatrix-sink"))
        .args(arguments)
        .output()
        .expect("the sink runs");
    (output.status.code(), String::from_utf8(output.stderr).expect("messages are UTF-8"))
}

#[test]
fn what_cannot_be_done_ends_with_status_2_and_the_reason() {
    for (arguments, reason) in [
        (&["check"][..], "--sdp, or --format with --at"),
        (&["check", "--sdp", "/nonexistent.sdp"], "/nonexistent.sdp"),
        (&["check", "--sdp", "/dev/null"], "SDP"),
        (&["check", "--sdp", "https://127.0.0.1/x"], "http://HOST:PORT"),
        (&["check", "--sdp", "http://127.0.0.1:9/sdp"], "does not answer"),
        (&["check", "--format", "1080p60"], "--at ADDR:PORT"),
        (&["check", "--levels", "sound"], "use 'video', 'audio' or 'ancillary'"),
        (
            &["check", "--format", "1080p60", "--at", "127.0.0.1:0", "--levels", "audio"],
            "no audio is described",
        ),
        (&["check", "--format", "1080q60", "--at", "127.0.0.1:0"], "1080p60, 1080i25"),
        (&["check", "--format", "1080p60", "--at", "192.0.2.1:5004"], "192.0.2.1"),
        (&["check", "--format", "1080p60", "--at", "127.0.0.1:0", "--seconds", "-1"], "-1"),
        (
            &["check", "--format", "1080p60", "--at", "127.0.0.1:0", "--interface", "nosuch0"],
            "nosuch0",
        ),
        (&["display", "--driver", "vga"], "wayland, x11, kms"),
        (&["check", "--config", "/nonexistent.toml"], "/nonexistent.toml"),
    ] {
        let (status, said) = sink(arguments);
        assert_eq!(status, Some(2), "{arguments:?}: {said}");
        assert!(said.contains(reason), "{arguments:?}: {said}");
    }
}

#[test]
fn without_a_screen_a_display_says_so() {
    let output = Command::new(env!("CARGO_BIN_EXE_ormatrix-sink"))
        .args(["display", "--format", "720p50", "--at", "127.0.0.1:0", "--driver", "x11"])
        .env_remove("DISPLAY")
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("no way to the display works"), "{said}");
}

#[test]
fn nothing_received_is_status_1() {
    let (status, _) =
        sink(&["check", "--format", "1080p60", "--at", "127.0.0.1:0", "--seconds", "0.1"]);
    assert_eq!(status, Some(1));
}

#[test]
fn settings_are_checked() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("sink.toml");
    fs::write(&file, "coalesce_us = 100\n[stills]\nqualitee = 3\n").unwrap();
    let (status, said) = sink(&["check-config", "--config", file.to_str().unwrap()]);
    assert_eq!(status, Some(2));
    assert!(said.contains("qualit") && said.contains(":3"), "{said}");
    fs::write(&file, "coalesce_us = 100\n").unwrap();
    assert_eq!(sink(&["check-config", "--config", file.to_str().unwrap()]).0, Some(0));
}
