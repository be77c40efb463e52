//! The router's settings change while pictures flow.

use std::fs;

use ormatrix_io::process::hang_up;
use ormatrix_tests::{
    Matrix,
    media::{assert_clean, check, source, video},
};
use serde_json::json;

/// Asks the router to read other settings; what it says to that.
fn reload(matrix: &mut Matrix, settings: &str, words: &str) -> String {
    fs::write(matrix.router_settings(), settings).unwrap();
    hang_up(matrix.router.id()).unwrap();
    matrix.router.wait_for(words)
}

fn frames(matrix: &Matrix) -> u64 {
    matrix.get("/outputs/main").ok()["sent"]["whole_frames"].as_u64().unwrap()
}

/// How often the lane has gone to sleep.
fn sleeps(matrix: &Matrix) -> u64 {
    let tasks = fs::read_dir(format!("/proc/{}/task", matrix.router.id())).unwrap();
    let lane = tasks.map(|task| task.unwrap().path()).find(|task| {
        fs::read_to_string(task.join("comm")).is_ok_and(|name| name.trim() == "lane-0")
    });
    let status = fs::read_to_string(lane.expect("a lane").join("status")).unwrap();
    let count = status.lines().find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"));
    count.unwrap().trim().parse().unwrap()
}

/// Sleeps of the lane for a frame, over some seconds: frames are counted once a second, and
/// both are looked at when that has just happened.
fn sleeps_a_frame(matrix: &Matrix) -> u64 {
    let counted = |more: u64| {
        let before = frames(matrix);
        matrix.until("more frames have left", || {
            let now = frames(matrix);
            (now > before + more).then(|| (now, sleeps(matrix)))
        })
    };
    let (first, before) = counted(0);
    let (last, after) = counted(60);
    (after - before) / (last - first)
}

#[test]
fn no_packet_is_lost_while_settings_change() {
    let mut matrix = Matrix::start(1);
    let port = matrix.add_input("endoscope", &video(640, 360, "50"));
    let _source = source("Endoscope", "640x360p50", port, 0, &[]);
    for output in ["main", "assistant"] {
        matrix.add_output(output, "127.0.0.1");
    }
    matrix.wait_signal("endoscope", "ok");
    matrix.take("main", "endoscope");
    let judge = check(&matrix, "main", &["--seconds", "600"]);

    // Packets wait for each other as long as is said, from then on.
    let said = reload(&mut matrix, "coalesce_us = 1000\n", "settings read again");
    assert!(said.contains("applied=\"coalesce_us\"") && !said.contains("restart"), "{said}");
    // A frame lasts 20 ms; a busy machine may wake the lane late for a while.
    matrix.until("the lane polls often", || (sleeps_a_frame(&matrix) > 6).then_some(()));
    reload(&mut matrix, "coalesce_us = 10000\n", "settings read again");
    let seldom = sleeps_a_frame(&matrix);
    assert!(seldom <= 3, "slept {seldom} times a frame");
    for us in [100, 10_000, 50, 1000, 200, 3000, 50] {
        reload(&mut matrix, &format!("coalesce_us = {us}\n"), "settings read again");
        let now = frames(&matrix);
        matrix.until("more frames have left", || (frames(&matrix) > now).then_some(()));
    }

    // A link that can carry less: what it carries stays, more is refused, until it can again.
    let settings = "coalesce_us = 50\n[link_mbps]\nlo = 1\n";
    let said = reload(&mut matrix, settings, "settings read again");
    assert!(said.contains("applied=\"link_mbps\""), "{said}");
    let take = json!({"input": "endoscope", "wait_ms": 10000});
    let refused = matrix.put("/outputs/assistant/route", &take);
    assert_eq!(refused.json()["type"], "/problems/link-full", "{}", refused.text());

    // Wrong settings change nothing and say why; some need a restart and say which.
    let said = reload(&mut matrix, "coalesce_us = 0\n", "nothing has changed");
    assert!(said.contains("ERROR") && said.contains("coalesce_us = 0: use 1 to 10000"), "{said}");
    let said = reload(&mut matrix, "coalesce = 100\n", "nothing has changed");
    assert!(said.contains("router.toml:1: `coalesce`"), "{said}");
    assert_eq!(matrix.put("/outputs/assistant/route", &take).status, refused.status);
    let said = reload(&mut matrix, "priority = 3\n", "need a restart");
    assert!(said.contains("applied=\"link_mbps\" restart=\"priority\""), "{said}");
    matrix.take("assistant", "endoscope");

    judge.terminate();
    let (_, report) = judge.finish_json();
    assert_clean(&report, matrix.cut_frames());
    assert!(report["frames"].as_u64() >= Some(300));
}
