//! What is shown, and what is not shown any more.

use serde_json::json;

use super::{super::super::samples, *};

/// A router with one input, which has lost so many packets, on one output.
fn reading(lost: u64) -> Update {
    Update::Reading {
        router: samples::router(&json!({ "connected": true, "version": "1", "lanes": 2 })),
        inputs: vec![samples::input(&json!({
            "id": "a", "signal": { "state": "ok", "lost_packets": lost, "packets": 1000 + lost },
        }))],
        outputs: vec![samples::output(&json!({
            "id": "m", "route": { "input": "a", "state": "live" },
            "sent": { "bytes": lost * 1000 },
        }))],
    }
}

fn losing(model: &Model) -> Option<f64> {
    model.inputs()[0].losing
}

#[test]
fn losses_are_of_the_last_seconds_and_of_one_router() {
    let mut model = Model::new("");
    model.apply(reading(100), SECOND);
    assert_eq!(losing(&model), None, "one reading is no difference");
    model.apply(reading(150), 2 * SECOND);
    assert_eq!((losing(&model), model.outputs()[0].bits), (Some(50.0), Some(400_000)));
    for second in 3..7 {
        model.apply(reading(150), second * SECOND);
    }
    assert_eq!(losing(&model), Some(0.0), "what is over is over");
    // The router started anew.
    model.apply(reading(1), 10 * SECOND);
    assert_eq!(losing(&model), None);
    model.apply(reading(3), 11 * SECOND);
    assert_eq!(losing(&model), Some(2.0));
}

#[test]
fn nothing_old_is_shown_as_if_it_were_of_now() {
    let mut model = Model::new("");
    assert_eq!(model.standing(), Standing::Asking);
    model.apply(reading(1), SECOND);
    assert_eq!(model.standing(), Standing::Live);
    assert_eq!(model.inputs()[0].lost, Some(1));

    // No answer at all, for too long.
    model.tick(SECOND + FRESH);
    assert_eq!(model.standing(), Standing::Live);
    model.tick(SECOND + FRESH + 1);
    assert!(matches!(model.standing(), Standing::ControlAway { since: SECOND, .. }));
    let unknown = |model: &Model| {
        let (input, output) = (&model.inputs()[0], &model.outputs()[0]);
        assert_eq!((input.id.as_str(), output.id.as_str()), ("a", "m"), "names are known");
        assert_eq!((input.signal.as_str(), input.lost), ("unknown", None));
        assert_eq!((output.state.as_str(), output.shows.as_str()), ("unknown", "-"));
    };
    unknown(&model);

    // A refusal, and the way back.
    let second = 20 * SECOND;
    model.apply(Update::Away("refused".into()), second);
    model.apply(Update::Away("refused again".into()), second + 3 * SECOND);
    let away = Standing::ControlAway { since: second, reason: "refused again".into() };
    assert_eq!(model.standing(), away);
    unknown(&model);
    model.apply(reading(1), second + 5 * SECOND);
    assert_eq!(model.standing(), Standing::Live);
    let said: Vec<&str> = model.events().iter().map(|line| line.said.as_str()).collect();
    assert_eq!(said, ["control answers again, after 5 s", "control does not answer: refused"]);

    // Control is there and the router is not.
    let update = Update::Reading {
        router: samples::router(&json!({ "connected": false })),
        inputs: vec![samples::input(
            &json!({ "id": "a", "signal": { "state": "ok", "lost_packets": 1 } }),
        )],
        outputs: vec![samples::output(&json!({ "id": "m", "route": { "state": "live" } }))],
    };
    model.apply(update, second + 6 * SECOND);
    assert_eq!(model.standing(), Standing::RouterAway);
    unknown(&model);
}

/// A control plane goes on answering what a router that hangs once told it.
#[test]
fn a_router_that_hangs_is_found_by_its_counters() {
    let mut model = Model::new("");
    model.apply(reading(1), SECOND);
    for second in 2..6 {
        model.apply(reading(1), second * SECOND);
        assert_eq!(model.standing(), Standing::Live);
    }
    model.apply(reading(1), 6 * SECOND);
    assert_eq!(model.standing(), Standing::RouterSilent { since: SECOND });
    assert_eq!(model.inputs()[0].signal, "unknown");
    model.apply(reading(2), 7 * SECOND);
    assert_eq!(model.standing(), Standing::Live);
    // Where nothing is received, nothing has to be counted.
    let quiet = || Update::Reading {
        router: samples::router(&json!({ "connected": true })),
        inputs: vec![samples::input(
            &json!({ "id": "a", "signal": { "state": "lost", "packets": 1 } }),
        )],
        outputs: Vec::new(),
    };
    for second in 8..20 {
        model.apply(quiet(), second * SECOND);
        assert_eq!(model.standing(), Standing::Live);
    }
}

#[test]
fn what_is_held_stays_and_says_of_when_it_is() {
    let mut model = Model::new("");
    model.apply(reading(1), SECOND);
    model.apply(Update::Event { name: "route".into(), said: "before".into() }, SECOND);
    model.act(Action::Pause);
    model.apply(reading(9), 2 * SECOND);
    model.apply(Update::Event { name: "route".into(), said: "after".into() }, 2 * SECOND);
    assert_eq!((model.paused, model.inputs()[0].lost), (Some(SECOND), Some(1)));
    assert_eq!(model.events().len(), 1);
    model.apply(Update::Away(String::new()), 3 * SECOND);
    assert!(matches!(model.standing(), Standing::ControlAway { .. }), "that is said all the same");
    model.act(Action::Pause);
    model.apply(reading(10), 4 * SECOND);
    assert_eq!((model.paused, model.inputs()[0].lost), (None, Some(10)));
    assert_eq!(model.events()[2].said, "after");
}

#[test]
fn lines_are_found_sorted_and_selected() {
    let mut model = Model::new("");
    let input = |id: &str, state: &str, rate: u64| {
        samples::input(&json!({
            "id": id, "label": id.to_uppercase(),
            "signal": { "state": state, "bits_per_second": rate },
        }))
    };
    let update = Update::Reading {
        router: samples::router(&json!({ "connected": true })),
        inputs: vec![input("a", "ok", 1), input("b", "lost", 0), input("ab", "ok", 3)],
        outputs: Vec::new(),
    };
    model.apply(update, SECOND);
    let ids =
        |model: &Model| model.inputs().into_iter().map(|row| row.id).collect::<Vec<_>>().join(" ");
    assert_eq!(ids(&model), "a ab b");
    model.act(Action::Sort);
    assert_eq!(ids(&model), "b a ab");
    model.act(Action::Sort);
    assert_eq!(ids(&model), "ab a b");
    model.act(Action::Reverse);
    assert_eq!(ids(&model), "b a ab");
    model.act(Action::Move(isize::MAX));
    assert_eq!(model.selected(Pane::Inputs), 2);
    model.act(Action::Filter);
    for c in "A".chars() {
        model.act(Action::Type(c));
    }
    model.act(Action::Done);
    assert_eq!((ids(&model).as_str(), model.typing), ("a ab", false));
    assert_eq!(model.selected(Pane::Inputs), 1, "the bar stays on a line");
    model.act(Action::Move(isize::MIN));
    assert_eq!(model.selected(Pane::Inputs), 0);
    model.act(Action::Back);
    assert_eq!((model.filter.as_str(), model.inputs().len()), ("", 3));
    model.act(Action::PreviousPane);
    model.act(Action::Move(5));
    assert_eq!((model.pane, model.selected(Pane::Events)), (Pane::Events, 0));
    model.act(Action::NextPane);
    assert_eq!(model.pane, Pane::Inputs);
}

#[test]
fn events_are_kept_to_a_bound() {
    let mut model = Model::new("");
    for n in 0..2 * EVENTS {
        model.apply(Update::Event { name: "route".into(), said: n.to_string() }, n as u64);
    }
    assert_eq!(model.events().len(), EVENTS);
    assert_eq!(model.events()[0].said, (2 * EVENTS - 1).to_string());
}
