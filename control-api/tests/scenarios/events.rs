//! Server-sent events: told as they happen, resumed after a break.

use ormatrix_protocol::SignalState;
use serde_json::json;

use crate::bench::Bench;

#[test]
fn everything_that_happens_is_told_in_order() {
    let mut bench = Bench::new();
    let mut events = bench.listen(None);
    let reset = events.next().unwrap();
    assert_eq!(reset.name, "reset");
    bench.add_input("a", 5000);
    let told = events.next_named("inventory");
    assert_eq!(told.data, json!({ "kind": "input", "id": "a", "change": "added" }));
    bench.add_output("m", 6000);
    bench.put("/api/v1/outputs/m/route", &json!({ "input": "a" })).expect(200);
    let switching = events.next_named("route");
    assert_eq!(switching.data["route"]["state"], "switching");
    let live = events.next_named("route");
    assert_eq!((&live.data["output"], &live.data["route"]["state"]), (&json!("m"), &json!("live")));
    assert_eq!(live.data["route"]["confirmed_at"], "2026-01-31T09:30:00.000Z");
    bench.model().set_signal("a", SignalState::Unstable);
    let signal = events.next_named("signal");
    assert_eq!(
        (&signal.data["input"], &signal.data["signal"]["state"]),
        (&json!("a"), &json!("unstable"))
    );
    bench.stop_router();
    assert_eq!(events.next_named("router").data, json!({ "connected": false }));
    let ids: Vec<u64> = [reset.id, told.id, switching.id, live.id, signal.id]
        .iter()
        .map(|id| id.parse().unwrap())
        .collect();
    assert!(ids.is_sorted_by(|a, b| a < b), "{ids:?}");
}

#[test]
fn a_listener_that_returns_misses_nothing() {
    let mut bench = Bench::new();
    let mut events = bench.listen(None);
    bench.add_input("a", 5000);
    let last = events.next_named("inventory");
    drop(events);
    bench.add_input("b", 5002);
    bench.add_input("c", 5004);

    let mut events = bench.listen(Some(&last.id));
    assert_eq!(events.next_named("inventory").data["id"], "b");
    let heard = events.next_named("inventory");
    assert_eq!(heard.data["id"], "c");
    drop(events);
    for strange in ["0", "nonsense", "18446744073709551615", "-1"] {
        assert_eq!(bench.listen(Some(strange)).next().unwrap().name, "reset", "{strange}");
    }
    // An id of an earlier run of the process is of the past.
    bench.stop_control();
    bench.start_control();
    assert_eq!(bench.listen(Some(&heard.id)).next().unwrap().name, "reset");
}

#[test]
fn the_end_of_the_process_ends_every_stream() {
    let mut bench = Bench::new();
    let mut streams: Vec<_> = (0..3).map(|_| bench.listen(None)).collect();
    bench.stop_control();
    for stream in &mut streams {
        assert_eq!(stream.next().unwrap().name, "reset");
        assert_eq!(stream.next(), None);
    }
}
