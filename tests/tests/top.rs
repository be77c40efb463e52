//! `ormatrix top` in a terminal, as a person has it: `script` (util-linux) makes the terminal
//! and writes down all that is shown on it.

use std::{
    fs,
    io::Write,
    path::PathBuf,
    process::{Child, Command, Stdio},
    time::Duration,
};

use ormatrix_tests::{
    Matrix,
    media::video,
    process::program,
    watched::{all_gone, children, signal, until},
};

/// Ends the second page of a terminal, and begins it (xterm's private mode 1049).
const LEFT: &str = "\u{1b}[?1049l";
const ENTERED: &str = "\u{1b}[?1049h";

/// A terminal with `ormatrix top` in it, and afterwards what the terminal has become.
struct Seat {
    script: Child,
    shown: PathBuf,
    /// Octets that were shown before somebody looked anew.
    seen: usize,
}

impl Seat {
    fn take(matrix: &Matrix, name: &str) -> Self {
        let shown = matrix.folder().join(name);
        let inside = format!(
            "stty rows 30 cols 110; {} top --url {}; echo status $?; stty -a",
            program("ormatrix").display(),
            matrix.url()
        );
        let script = Command::new("script")
            .args(["-qfec", &inside])
            .arg(&shown)
            .env("TERM", "xterm")
            .env("SHELL", "/bin/sh")
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .expect("script makes a terminal");
        Self { script, shown, seen: 0 }
    }

    /// What was drawn, as far as it differs from what stood there.
    fn shown(&self) -> String {
        let shown = fs::read(&self.shown).unwrap_or_default();
        String::from_utf8_lossy(shown.get(self.seen..).unwrap_or_default()).into_owned()
    }

    /// Looks only at what is drawn from now on.
    fn forget(&mut self) {
        self.seen = fs::metadata(&self.shown).map_or(0, |file| file.len() as usize);
    }

    #[track_caller]
    fn until_shown(&self, words: &str) {
        let shown = until(Duration::from_mins(1)).any(|()| self.shown().contains(words));
        assert!(shown, "never shown: {words}; {}", self.shown());
    }

    fn press(&mut self, keys: &str) {
        let terminal = self.script.stdin.as_mut().expect("piped");
        terminal.write_all(keys.as_bytes()).expect("it is there");
    }

    /// The process in the terminal.
    fn top(&self) -> u32 {
        let shells = children(self.script.id());
        let inside: Vec<_> = shells.iter().flat_map(|(id, _)| children(*id)).collect();
        let top = inside.iter().find(|(_, line)| line.contains(" top "));
        top.unwrap_or_else(|| panic!("not in {shells:?}, {inside:?}")).0
    }

    /// Waits for its end; the terminal must be as it was.
    #[track_caller]
    fn assert_left_as_found(mut self) {
        self.seen = 0;
        self.until_shown("icanon");
        self.until_shown("iexten");
        let shown = self.shown();
        let (_, after) = shown.rsplit_once(LEFT).expect("the second page is left");
        assert!(after.contains("status 0"), "{after}");
        for mode in ["icanon", "echo", "isig"] {
            let is = after.split_whitespace().any(|word| word.trim_end_matches(';') == mode);
            assert!(is, "no {mode} in {after}");
        }
        assert!(shown.contains("\u{1b}[?25h"), "the cursor is seen again");
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let _ = self.script.kill();
        let _ = self.script.wait();
    }
}

#[test]
fn a_terminal_is_left_as_it_was_found() {
    let matrix = Matrix::start(1);
    matrix.add_input("endoscope", &video(640, 360, "50"));
    let mut seat = Seat::take(&matrix, "quit");
    seat.until_shown("control answers");
    seat.until_shown("endoscope");
    assert!(seat.shown().contains(ENTERED));
    seat.press("?");
    seat.until_shown("Keys and marks");
    seat.press("q");
    seat.assert_left_as_found();
    for name in ["TERM", "INT", "HUP", "QUIT"] {
        let seat = Seat::take(&matrix, name);
        seat.until_shown("control answers");
        signal(seat.top(), name);
        seat.assert_left_as_found();
    }
}

#[test]
fn a_terminal_that_goes_away_leaves_nothing_running() {
    let matrix = Matrix::start(1);
    let mut seat = Seat::take(&matrix, "gone");
    seat.until_shown("control answers");
    let top = seat.top();
    // As when somebody closes a window, or a connection breaks.
    seat.script.kill().unwrap();
    all_gone(&[(top, "ormatrix top".to_owned())]);
}

#[test]
fn it_outlives_what_it_looks_at() {
    let mut matrix = Matrix::start(1);
    matrix.add_input("endoscope", &video(640, 360, "50"));
    let mut seat = Seat::take(&matrix, "away");
    seat.until_shown("control answers");
    matrix.kill_control();
    seat.until_shown("✖ CONTROL AWAY");
    seat.forget();
    matrix.restart_control();
    seat.until_shown("● control answers");
    seat.until_shown("● router ");
    matrix.kill_router();
    seat.until_shown("✖ ROUTER NOT CONNECTED");
    seat.forget();
    matrix.restart_router();
    seat.until_shown("● router ");
    seat.press("q");
    seat.assert_left_as_found();
}
