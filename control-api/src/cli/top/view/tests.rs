//! Frames as a terminal would show them.

use ormatrix_client::types::Input;
use ratatui::{Terminal, backend::TestBackend};
use serde_json::{Value, json};

use super::{
    super::{
        super::samples,
        model::{Action, Update},
    },
    *,
};

/// 2026-01-31T09:30:00Z.
const NOW: u64 = 1_769_851_800 * SECOND;

fn input(id: &str, state: &str, rate: u64, lost: u64, more: &Value) -> Input {
    let mut input = json!({
        "id": id, "label": id, "zone": "OR 3",
        "signal": { "state": state, "bits_per_second": rate, "lost_packets": lost },
    });
    for (key, value) in more.as_object().into_iter().flatten() {
        input[key] = value.clone();
    }
    samples::input(&input)
}

/// An operating room in which not everything is well.
fn room(lost: u64) -> Update {
    Update::Reading {
        router: samples::router(&json!({
            "connected": true, "version": "0.1.0", "lanes": 2, "started_at": "2026-01-28T05:29:00Z"
        })),
        inputs: vec![
            input("endoscope", "ok", 2_667_000_000, 0, &json!({ "tally": ["main", "wall"] })),
            input("robot", "unstable", 2_600_000_000, lost, &json!({ "tally": ["assistant"] })),
            input(
                "room",
                "ok",
                2_667_000_000,
                0,
                &json!({
                    "findings": { "frozen_since": "2026-01-31T09:29:00Z" }
                }),
            ),
            input("xray", "lost", 0, 17, &json!({})),
        ],
        outputs: [
            json!({
                "id": "main", "sent": { "bytes": lost * 1_000_000 },
                "route": {
                    "input": "endoscope", "state": "live", "since": "2026-01-31T07:24:00Z"
                },
                "levels": { "audio": { "route": { "input": "room" } } },
            }),
            json!({
                "id": "assistant", "sent": { "bytes": 0 },
                "route": {
                    "input": "xray", "state": "live", "since": "2026-01-31T09:26:48Z",
                    "stand_in": { "backup": "robot" },
                },
            }),
            json!({
                "id": "wall", "sent": { "bytes": 0 }, "lock": { "owner": "nurse" },
                "route": { "input": "room", "state": "switching", "since": "2026-01-31T09:29:59Z" },
            }),
        ]
        .iter()
        .map(samples::output)
        .collect(),
    }
}

fn model() -> Model {
    let mut model = Model::new("http://or3:8080");
    model.apply(Update::Listening(true), NOW - 2 * SECOND);
    model.apply(room(100), NOW - 2 * SECOND);
    model.apply(
        Update::Event { name: "route".into(), said: "wall: room switching".into() },
        NOW - SECOND,
    );
    model.apply(room(340), NOW);
    model
}

/// What a terminal of that size shows.
fn seen(model: &Model, width: u16, height: u16) -> String {
    let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
    terminal.draw(|frame| whole(model, frame.area(), frame.buffer_mut())).unwrap();
    text(terminal.backend().buffer())
}

fn assert_seen(model: &Model, width: u16, height: u16, expected: &str) {
    let seen = seen(model, width, height);
    assert_eq!(seen, expected.trim_matches('\n'), "\n{seen}");
}

/// The style of the cell where some words begin.
fn style_of(model: &Model, words: &str) -> Style {
    let area = Rect::new(0, 0, 120, 24);
    let mut buffer = Buffer::empty(area);
    whole(model, area, &mut buffer);
    let at = buffer.content.windows(words.chars().count()).position(|cells| {
        cells.iter().map(ratatui::buffer::Cell::symbol).collect::<String>() == words
    });
    buffer.content[at.unwrap_or_else(|| panic!("no {words}"))].style()
}

#[test]
fn a_room_at_a_glance() {
    assert_seen(
        &model(),
        96,
        20,
        "
ormatrix top  http://or3:8080  09:30:00 UTC
● control answers
● router 0.1.0, 2 lanes, up for 3d04h
▶ INPUTS 4 ─────────────────────────────────────────────────────────────────────────────────────
  INPUT         SIGNAL     RATE       LOST      LOST/s  FINDINGS                   TALLY
› endoscope     ● ok       2.67 Gb/s  0         0       -                          main, wall
  robot         ▲ unstable 2.60 Gb/s  340       ▲ 120   -                          assistant
  room          ● ok       2.67 Gb/s  0         0       ▲ frozen                   -
  xray          ✖ lost     0          17        0       -                          -
─ OUTPUTS 3 ────────────────────────────────────────────────────────────────────────────────────
  OUTPUT       SHOWS                     STATE       FOR     RATE       NOTES
  assistant    ▲ xray (BACKUP: robot)    ● live      3m12s   0          -
  main         endoscope                 ● live      2h06m   960.0 Mb/s with audio: room
  wall         room                      » switching 1s      0          locked by nurse
─ EVENTS 1 ─────────────────────────────────────────────────────────────────────────────────────
  09:29:59 route      wall: room switching



q end  Tab pane  ↑↓ line  s sort  r reverse  / filter  p hold  ? help
",
    );
}

#[test]
fn a_control_plane_that_is_away_leaves_no_number_standing() {
    let mut model = model();
    model.apply(Update::Away("connection refused".into()), NOW + 5 * SECOND);
    model.tick(NOW + 17 * SECOND);
    assert_seen(
        &model,
        80,
        18,
        "
ormatrix top  http://or3:8080  09:30:17 UTC
✖ CONTROL AWAY for 12s: connection refused
? router unknown; it routes without control
▶ INPUTS 4 ─────────────────────────────────────────────────────────────────────
  INPUT        SIGNAL     RATE       LOST      LOST/s  FINDINGS         TALLY
› endoscope    ? unknown  -          -         -       -                -
  robot        ? unknown  -          -         -       -                -
─ OUTPUTS 3 ────────────────────────────────────────────────────────────────────
  OUTPUT       SHOWS             STATE       FOR     RATE       NOTES
  assistant    -                 ? unknown   -       -          -
  main         -                 ? unknown   -       -          -
  wall         -                 ? unknown   -       -          -
─ EVENTS 2 ─────────────────────────────────────────────────────────────────────
  09:30:05 top        ▲ control does not answer: connection refused
  09:29:59 route      wall: room switching


q end  Tab pane  ↑↓ line  s sort  r reverse  / filter  p hold  ? help
",
    );
    assert_eq!(style_of(&model, "✖ CONTROL").fg, Some(Color::Red));
}

#[test]
fn a_router_that_is_away_is_said_as_loudly() {
    let mut model = model();
    let update = Update::Reading {
        router: samples::router(&json!({ "connected": false })),
        inputs: vec![input("endoscope", "unknown", 0, 0, &json!({}))],
        outputs: vec![samples::output(&json!({ "id": "main", "route": { "state": "unknown" } }))],
    };
    model.apply(update, NOW + SECOND);
    model.apply(Update::Listening(false), NOW + SECOND);
    assert_seen(
        &model,
        80,
        18,
        "
ormatrix top  http://or3:8080  09:30:01 UTC
● control answers
✖ ROUTER NOT CONNECTED: nothing is known of signals and routes
▶ INPUTS 1 ─────────────────────────────────────────────────────────────────────
  INPUT        SIGNAL     RATE       LOST      LOST/s  FINDINGS         TALLY
› endoscope    ? unknown  -          -         -       -                -
─ OUTPUTS 1 ────────────────────────────────────────────────────────────────────
  OUTPUT       SHOWS             STATE       FOR     RATE       NOTES
  main         -                 ? unknown   -       -          -
─ EVENTS 1 ▲ not heard now ─────────────────────────────────────────────────────
  09:29:59 route      wall: room switching






q end  Tab pane  ↑↓ line  s sort  r reverse  / filter  p hold  ? help
",
    );
    assert_eq!(style_of(&model, "✖ ROUTER").fg, Some(Color::Red));
}

#[test]
fn a_small_terminal_holds_one_pane() {
    assert_seen(
        &model(),
        60,
        9,
        "
ormatrix top  http://or3:8080  09:30:00 UTC
● control answers
● router 0.1.0, 2 lanes, up for 3d04h
▶ INPUTS 4 ─────────────────────────────────────────────────
  INPUT        SIGNAL     RATE       LOST/s  FINDINGS
› endoscope    ● ok       2.67 Gb/s  0       -
  robot        ▲ unstable 2.60 Gb/s  ▲ 120   -
  room         ● ok       2.67 Gb/s  0       ▲ frozen
q end  Tab pane  ↑↓ line  s sort  r reverse  / filter  p hol
",
    );
    let mut model = model();
    model.act(Action::NextPane);
    model.act(Action::Move(1));
    assert_seen(
        &model,
        60,
        9,
        "
ormatrix top  http://or3:8080  09:30:00 UTC
● control answers
● router 0.1.0, 2 lanes, up for 3d04h
▶ OUTPUTS 3 ────────────────────────────────────────────────
  OUTPUT       SHOWS                  STATE       RATE
  assistant    ▲ xray (BACKUP: robot) ● live      0
› main         endoscope              ● live      960.0 Mb/s
  wall         room                   » switching 0
q end  Tab pane  ↑↓ line  s sort  r reverse  / filter  p hol
",
    );
}

#[test]
fn what_is_held_says_of_when_it_is_and_looks_so() {
    let mut model = model();
    model.act(Action::Pause);
    model.act(Action::Sort);
    model.act(Action::Filter);
    model.act(Action::Type('o'));
    model.act(Action::Type('o'));
    model.apply(room(400), NOW + SECOND);
    assert_seen(
        &model,
        96,
        17,
        "
ormatrix top  http://or3:8080  09:30:01 UTC  ‖ HELD at 09:30:00: what is below is of then
● control answers
● router 0.1.0, 2 lanes, up for 3d04h
▶ INPUTS 1 of 4 as of 09:30:00 with 'oo' by state ──────────────────────────────────────────────
  INPUT         SIGNAL     RATE       LOST      LOST/s  FINDINGS                   TALLY
› room          ● ok       2.67 Gb/s  0         0       ▲ frozen                   -










/oo_   Enter: keep it   Esc: show all
",
    );
    assert!(style_of(&model, "▲ frozen").add_modifier.contains(Modifier::DIM));
    model.act(Action::Pause);
    assert!(!style_of(&model, "▲ frozen").add_modifier.contains(Modifier::DIM));
}

#[test]
fn help_names_every_key() {
    let mut model = model();
    model.act(Action::Help);
    let shown = seen(&model, 100, 24);
    for (keys, meaning) in HELP {
        assert!(shown.contains(keys) && shown.contains(meaning), "no {keys} in {shown}");
    }
    model.act(Action::Back);
    assert!(!seen(&model, 100, 24).contains("Keys and marks"));
}

#[test]
fn states_differ_in_shape_word_and_colour() {
    let model = model();
    for (words, colour) in [
        ("● ok", Color::Green),
        ("▲ unstable", Color::Yellow),
        ("✖ lost", Color::Red),
        ("» switching", Color::Cyan),
        ("▲ xray (BACKUP: robot)", Color::Yellow),
    ] {
        assert_eq!(style_of(&model, words).fg, Some(colour), "{words}");
    }
}

#[test]
fn no_size_is_too_small_or_too_large() {
    let mut model = model();
    for help in [false, true] {
        model.help = help;
        for width in [0, 1, 2, 7, 20, 63, 64, 80, 116, 500] {
            for height in [0, 1, 2, 3, 4, 5, 6, 8, 17, 18, 24, 200] {
                seen(&model, width, height);
            }
        }
    }
}

#[test]
fn lengths_of_time_have_two_units_at_most() {
    let minute = 60;
    for (seconds, words) in [
        (0, "0s"),
        (59, "59s"),
        (minute, "1m00s"),
        (3600 - 1, "59m59s"),
        (3600, "1h00m"),
        (25 * 3600, "1d01h"),
    ] {
        assert_eq!(lasted(NOW + seconds * SECOND, NOW), words);
    }
    assert_eq!(lasted(NOW, NOW + SECOND), "0s", "clocks of two hosts may differ");
}
