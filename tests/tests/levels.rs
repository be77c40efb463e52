//! A thousand takes with three levels: picture, sound and ancillary data of three
//! unsynchronised sources, over sockets, judged by `check`.

use ormatrix_tests::{
    Matrix, Process,
    matrix::free_port,
    media::{assert_clean, check, skipped_frames, source, video},
};
use serde_json::{Value, json};

const TAKES: u64 = 1000;
const RAMP_MS: u16 = 5;

fn leg(port: u16) -> Value {
    json!([{ "address": "127.0.0.1", "port": port, "interface": "lo" }])
}

/// Starts a source of all levels and an input for it.
fn start(matrix: &Matrix, name: &str, offset_us: u64) -> Process {
    let [picture, sound, data] = [free_port(), free_port(), free_port()];
    let format = json!({
        "depth": "L24", "rate_hz": 48000, "channels": 2, "packet_time": "1ms"
    });
    let body = json!({
        "label": name, "video": video(320, 180, "50"), "legs": leg(picture),
        "audio": { "format": format, "legs": leg(sound), "payload_type": 97 },
        "ancillary": { "format": { "rate": "50" }, "legs": leg(data), "payload_type": 100 }
    });
    matrix.put(&format!("/inputs/{name}"), &body).ok();
    let at = |port: u16| format!("127.0.0.1:{port}");
    let (sound, data) = (at(sound), at(data));
    let more =
        ["--audio", "tone", "--audio-to", &sound, "--ancillary", "atc", "--ancillary-to", &data];
    source(name, "320x180p50", picture, offset_us, &more)
}

fn wait_for_levels(matrix: &Matrix, name: &str) {
    matrix.until(&format!("{name} arrives whole"), || {
        let seen = matrix.get(&format!("/inputs/{name}")).json();
        let ok = |signal: &Value| signal["state"] == "ok";
        let beside = ["audio", "ancillary"].iter().all(|l| ok(&seen["levels"][l]["signal"]));
        (ok(&seen["signal"]) && beside).then_some(())
    });
}

#[test]
fn a_thousand_takes_with_three_levels() {
    let matrix = Matrix::start(2);
    let names = ["endoscope", "robot", "xray"];
    let sources: Vec<Process> = names
        .iter()
        .zip([0, 6_100, 13_700])
        .map(|(name, offset)| start(&matrix, name, offset))
        .collect();
    let body = json!({
        "label": "Main", "legs": leg(free_port()),
        "audio": { "legs": leg(free_port()), "payload_type": 97, "ramp_ms": RAMP_MS },
        "ancillary": { "legs": leg(free_port()), "payload_type": 100 }
    });
    matrix.put("/outputs/main", &body).ok();
    for name in names {
        wait_for_levels(&matrix, name);
    }
    matrix.take("main", names[2]);
    let ramp = RAMP_MS.to_string();
    let judge = check(&matrix, "main", &["--ramp-ms", &ramp]);
    for take in 0..TAKES {
        let input = names[usize::try_from(take * 7 % 3).unwrap()];
        let asked = json!({"input": input, "wait_ms": 10000, "force": true});
        // It answers when every level is confirmed.
        let answer = matrix.put("/outputs/main/route", &asked);
        assert_eq!(answer.status, 200, "{}", answer.text());
        assert_eq!(answer.json()["input"], json!(input));
    }
    judge.terminate();
    let (_, report) = judge.finish_json();
    let cut = matrix.cut_frames();
    let skipped = skipped_frames(sources);
    assert_clean(&report, cut);
    assert!(report["switch_count"].as_u64() >= Some(TAKES - 10 - skipped), "{report:#}");
    let [sound, data, sync] = ["audio", "ancillary", "lip_sync"].map(|level| &report[level][0]);
    for count in ["missing_packets", "sequence_breaks", "ssrc_changes", "wrong_length", "clicks"] {
        assert_eq!(sound[count], 0, "sound, {count}: {sound:#}");
    }
    for count in
        ["missing_packets", "sequence_breaks", "ssrc_changes", "parity_faults", "checksum_faults"]
    {
        assert_eq!(data[count], 0, "data, {count}: {data:#}");
    }
    // No ancillary packet of the old source after the switch, none beside another's picture.
    assert_eq!((&data["stale"], &data["mismatched"]), (&json!(0), &json!(0)), "{data:#}");
    // The offset of sound and picture is every frame's own, and nobody else is heard.
    assert!(sync["frames"].as_u64() > Some(TAKES), "{sync:#}");
    assert_eq!((&sync["off"], &sync["other_source_heard"]), (&json!(0), &json!(0)), "{sync:#}");
    println!("lip-sync over {TAKES} takes: {sync:#}");
}
