//! The analyser against captures that were written, and reckoned, by somebody else: a Python
//! script that shares nothing with it (`captures/captures.py`).

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::Value;

/// Runs the script into a directory.
fn write_captures(directory: &Path) {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/captures/captures.py");
    let output =
        Command::new("python3").arg(script).arg(directory).output().expect("python3 is installed");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// The value at a path such as `streams.0.cinst`; of a list of verdicts, the outcome of the
/// check of that name.
fn at<'a>(mut value: &'a Value, path: &str) -> &'a Value {
    for part in path.split('.') {
        value = match value {
            Value::Array(list) => match part.parse::<usize>() {
                Ok(index) => list.get(index).unwrap_or(&Value::Null),
                Err(_) => list
                    .iter()
                    .find(|verdict| verdict["check"] == part)
                    .map_or(&Value::Null, |verdict| &verdict["outcome"]),
            },
            _ => &value[part],
        };
    }
    value
}

/// Whether everything expected is there: of objects the fields named, of text a part (of
/// exact numbers, which hold no spaces, all of it).
fn agrees(expected: &Value, found: &Value) -> bool {
    match (expected, found) {
        (Value::Object(expected), Value::Object(found)) => expected
            .iter()
            .all(|(name, expected)| agrees(expected, found.get(name).unwrap_or(&Value::Null))),
        (Value::String(part), Value::String(whole)) if whole.contains(' ') => whole.contains(part),
        _ => expected == found,
    }
}

#[test]
fn agrees_with_the_independent_script_in_every_case() {
    let directory = tempfile::tempdir().unwrap();
    write_captures(directory.path());
    let cases = fs::read_to_string(directory.path().join("cases.json")).unwrap();
    let cases: Vec<Value> = serde_json::from_str(&cases).unwrap();
    assert!(cases.len() > 100, "{} cases", cases.len());
    let mut wrong = Vec::new();
    for case in &cases {
        let file = directory.path().join(case["file"].as_str().unwrap());
        let arguments = case["arguments"].as_array().unwrap();
        let output = Command::new(env!("CARGO_BIN_EXE_ormatrix-sink"))
            .arg("analyse")
            .arg(&file)
            .arg("--json")
            .args(arguments.iter().map(|argument| argument.as_str().unwrap()))
            .output()
            .unwrap();
        let name = &case["name"];
        let said = String::from_utf8_lossy(&output.stderr);
        let report: Value = serde_json::from_slice(&output.stdout)
            .unwrap_or_else(|error| panic!("{name}: {error}: {said}"));
        if let Some(status) = case["status"].as_i64()
            && output.status.code().map(i64::from) != Some(status)
        {
            wrong.push(format!("{name}: status {:?}, expected {status}", output.status));
        }
        for (path, expected) in case["expected"].as_object().unwrap() {
            let found = at(&report, path);
            if !agrees(expected, found) {
                wrong.push(format!("{name}: {path} is {found}, expected {expected}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), cases.len(), wrong.join("\n"));
    // The script's small files are what the fuzz body is seeded with.
    let seeds: Vec<_> = ["good.pcap", "nano.pcapng", "audio.pcap", "anc.pcap", "vlan.pcap"]
        .iter()
        .map(|name| fs::read(directory.path().join(name)).unwrap())
        .collect();
    survives_mutations(&seeds);
    draws_a_picture(&directory.path().join("720x576p25-W-vrx-over.pcap"));
}

/// The fuzz body over a bounded corpus, seeded and repeatable.
fn survives_mutations(seeds: &[Vec<u8>]) {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut next = move |below: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state % below.max(1) as u64) as usize
    };
    for round in 0..400 {
        let seed = &seeds[round % seeds.len()];
        // The first packets; changes hit headers more often that way.
        let mut octets = seed[..seed.len().min(1 + next(20_000))].to_vec();
        for _ in 0..=next(12) {
            let index = next(octets.len());
            match next(4) {
                0 => octets[index] = next(256) as u8,
                1 => octets[index] ^= 1 << next(8),
                2 => octets.truncate(index.max(1)),
                _ => {
                    let from = next(octets.len());
                    let piece = octets[from..octets.len().min(from + 64)].to_vec();
                    octets.splice(index..index, piece);
                }
            }
        }
        ormatrix_sink::analyse::fuzz(&octets);
        st2110::analysis::fuzz::arrivals(&octets);
        let noise: Vec<u8> = (0..next(4000)).map(|_| next(256) as u8).collect();
        st2110::analysis::fuzz::arrivals(&noise);
    }
}

fn draws_a_picture(capture: &Path) {
    let picture: PathBuf = capture.with_extension("svg");
    let output = Command::new(env!("CARGO_BIN_EXE_ormatrix-sink"))
        .arg("analyse")
        .arg(capture)
        .arg("--picture")
        .arg(&picture)
        .output()
        .unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    // Too early for W by one packet.
    assert!(said.contains("FAIL     2110TPW"), "{said}");
    assert!(said.contains("of 0 to 739 (FAIL)"), "{said}");
    let svg = fs::read_to_string(&picture).unwrap();
    for part in ["VRX, linear schedule", "CINST (packets)", "W: 739", "N/NL: 4", "class=\"limit\""]
    {
        assert!(svg.contains(part), "{part} is not in the picture");
    }
    assert!(!svg.contains("NaN") && !svg.contains("inf"), "{svg}");
}

#[test]
fn what_cannot_be_read_says_why() {
    let directory = tempfile::tempdir().unwrap();
    let text = directory.path().join("text");
    fs::write(&text, "no capture, but long enough to be one").unwrap();
    let text = text.to_str().unwrap();
    for (arguments, reason) in [
        (&["/nonexistent.pcap"][..], "/nonexistent.pcap"),
        (&["/tmp"], "directory"),
        (&[text], "neither pcap nor pcapng"),
        (&[text, "--format", "1080q60"], "1080p60, 1080i25"),
        (&[text, "--sdp", "/nonexistent.sdp"], "/nonexistent.sdp"),
        (&[text, "--sdp", "/dev/null"], "SDP"),
        (&[text, "--sender-type", "X"], "N, NL or W"),
        (&[text, "--capture-clock", "gps"], "auto, tai or utc"),
    ] {
        let output = Command::new(env!("CARGO_BIN_EXE_ormatrix-sink"))
            .arg("analyse")
            .args(arguments)
            .output()
            .unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {said}");
        assert!(said.contains(reason), "{arguments:?}: {said}");
    }
}
