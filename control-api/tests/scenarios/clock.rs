//! The wall clock is put forward and back by hours and years: nothing stops, nothing that was
//! acknowledged is lost, and no picture of the past becomes a present one.

use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering},
};

use ormatrix_control::time::rfc3339;
use ormatrix_io::{Clock, SystemClock};
use serde_json::json;

use crate::bench::{Answer, Bench, input};

const S: i64 = 1_000_000_000;
const HOUR: i64 = 3600 * S;
const YEAR: i64 = 8766 * HOUR;
const JPEG: &[u8] = &[0xff, 0xd8, 0xff, 0xe0, 1, 2, 3, 0xff, 0xd9];

/// The host's clock, wrong by so many nanoseconds; and time that passes when the test says so.
#[derive(Default)]
struct Turned {
    wrong: AtomicI64,
    passed: AtomicI64,
}

impl Turned {
    fn put(&self, ns: i64) {
        self.wrong.store(ns, Ordering::SeqCst);
    }

    fn pass(&self, ns: i64) {
        self.passed.fetch_add(ns, Ordering::SeqCst);
    }

    fn passed(&self) -> i64 {
        self.passed.load(Ordering::SeqCst)
    }

    fn off(&self) -> i64 {
        self.wrong.load(Ordering::SeqCst) + self.passed()
    }
}

impl Clock for Turned {
    fn now(&self) -> u64 {
        SystemClock.now().saturating_add_signed(self.passed())
    }

    fn tai(&self) -> u64 {
        SystemClock.tai().saturating_add_signed(self.off())
    }

    fn unix(&self) -> u64 {
        SystemClock.unix().saturating_add_signed(self.off())
    }

    fn sleep_until(&self, at: u64) {
        SystemClock.sleep_until(at);
    }
}

/// Forward and back, to before 1970 and to beyond 2100.
const JUMPS: [i64; 8] = [0, HOUR, -HOUR, 80 * YEAR, -100 * YEAR, -10 * YEAR, 10 * YEAR, -S / 2];

fn deliver(bench: &Bench, at: u64) -> Answer {
    let at = rfc3339(at);
    let headers = [("content-type", "image/jpeg"), ("x-captured-at", at.as_str())];
    bench.call("PUT", "/api/v1/inputs/a/thumbnail.jpg", &headers, Some(JPEG))
}

#[test]
fn nothing_stops_and_nothing_is_lost() {
    let clock = Arc::new(Turned::default());
    let mut bench = Bench::timed(clock.clone());
    bench.add_input("a", 5000);
    bench.add_output("m", 6000);
    let mut events = bench.listen(None);
    let mut last = events.next().unwrap().id.parse::<u64>().unwrap();
    let mut inputs = 1;
    for (n, jump) in (0..).zip(JUMPS) {
        clock.put(jump);
        bench.put(&format!("/api/v1/inputs/x{n}"), &input(&format!("x{n}"), 7000 + n)).expect(201);
        inputs += 1;
        bench.put("/api/v1/outputs/m/route", &json!({ "input": format!("x{n}") })).expect(200);
        // Ids grow all the same, so that whoever listens misses nothing.
        for name in ["inventory", "route"] {
            let heard = events.next_named(name);
            let id = heard.id.parse::<u64>().unwrap();
            assert!(id > last, "{id} after {last}");
            last = id;
        }
        let caught_up = bench.listen(Some(&last.to_string())).next().unwrap();
        assert_ne!(caught_up.name, "reset", "{jump}");
        assert_eq!(bench.get("/readyz").expect(200)["ready"], true);
        assert_eq!(bench.get("/api/v1/backup").status, 200);

        // A restart at this time of day.
        let before = bench.everything();
        bench.stop_control();
        bench.start_control();
        bench.until_reconciled();
        assert_eq!(bench.everything(), before, "{jump}");
        assert_eq!(bench.get("/api/v1/inputs").expect(200).as_array().unwrap().len(), inputs);
        // An id of the run before is never taken for one of this run.
        let mut again = bench.listen(Some(&(last + 1000).to_string()));
        assert_eq!(again.next().unwrap().name, "reset", "{jump}");
        events = bench.listen(None);
        last = events.next().unwrap().id.parse().unwrap();
    }
}

#[test]
fn no_still_of_the_past_becomes_a_present_one() {
    const PATH: &str = "/api/v1/inputs/a/thumbnail.jpg";
    let clock = Arc::new(Turned::default());
    let bench = Bench::timed(clock.clone());
    bench.add_input("a", 5000);
    deliver(&bench, clock.unix()).expect(204);
    assert_eq!(bench.get(PATH).status, 200);
    // Put back by an hour: by that clock it is not even taken yet.
    clock.put(-HOUR);
    assert_eq!(bench.get(PATH).status, 200);
    clock.pass(6 * S);
    let problem = bench.get(PATH).problem(410, "still-too-old");
    assert!(problem["age_ms"].as_u64().unwrap() >= 6000, "{problem}");
    // The next one is taken though its time is before.
    deliver(&bench, clock.unix()).expect(204);
    assert_eq!(bench.get(PATH).status, 200);
    // Put forward: nobody can say how old it is, so it is not shown, until the next comes.
    clock.put(YEAR);
    bench.get(PATH).problem(410, "still-too-old");
    deliver(&bench, clock.unix()).expect(204);
    assert_eq!(bench.get(PATH).status, 200);
    deliver(&bench, clock.unix() - (6 * S) as u64).expect(204);
    assert_eq!(bench.get(PATH).status, 200, "an older one that comes late is not taken");
}
