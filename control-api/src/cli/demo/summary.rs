//! What the judges saw, in a line each.

use serde_json::Value;

/// A judge's report as one line; `None` when what it wrote is no report.
pub fn line(label: &str, output: &[String]) -> Option<String> {
    let report: Value = serde_json::from_str(&output.join("\n")).ok()?;
    let number = |key: &str| report[key].as_u64();
    let frames = number("frames")?;
    let defects: Vec<String> = [
        ("partial", "partial"),
        ("mixed", "mixed"),
        ("duplicated", "duplicated"),
        ("missing_frames", "frames missing"),
        ("missing_packets", "packets missing"),
        ("sequence_breaks", "breaks of the sequence"),
    ]
    .iter()
    .filter_map(|(key, words)| Some((number(key).filter(|count| *count > 0)?, words)))
    .map(|(count, words)| format!("{count} {words}"))
    .collect();
    // Of what is beside the picture the judge says it in words.
    let said = report["defects"].as_array().into_iter().flatten().filter_map(Value::as_str);
    let beside = ["audio", "ancillary", "lip-sync"];
    let said = said.filter(|said| beside.iter().any(|level| said.starts_with(level)));
    let defects: Vec<String> = defects.into_iter().chain(said.map(str::to_owned)).collect();
    let verdict = if defects.is_empty() { "all whole".to_owned() } else { defects.join(", ") };
    let judged =
        |level: &&&str| report[**level].as_array().is_some_and(|streams| !streams.is_empty());
    let judged: Vec<&str> = beside.iter().filter(judged).copied().collect();
    let judged =
        if judged.is_empty() { String::new() } else { format!(" with {}", judged.join(" and ")) };
    let switches = match number("switch_count").unwrap_or_default() {
        0 => String::new(),
        1 => ", 1 switch".to_owned(),
        count => format!(", {count} switches"),
    };
    Some(format!("{label}: {frames} frames{judged}, {verdict}{switches}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<String> {
        text.lines().map(str::to_owned).collect()
    }

    #[test]
    fn a_report_is_a_line() {
        let clean = words("{\n\"frames\": 600,\n\"partial\": 0, \"switch_count\": 0}");
        assert_eq!(line("Wall", &clean).unwrap(), "Wall: 600 frames, all whole");
        let poor =
            words(r#"{"frames": 9, "partial": 2, "missing_packets": 31, "switch_count": 3}"#);
        assert_eq!(
            line("Wall", &poor).unwrap(),
            "Wall: 9 frames, 2 partial, 31 packets missing, 3 switches"
        );
        let levels = words(
            r#"{"frames": 9, "audio": [{}], "ancillary": [{}], "mixed": 1,
                "defects": ["1 mixed frames", "audio: 2 clicks"]}"#,
        );
        assert_eq!(
            line("Wall", &levels).unwrap(),
            "Wall: 9 frames with audio and ancillary, 1 mixed, audio: 2 clicks"
        );
        assert_eq!(line("Wall", &words("panicked")), None);
        assert_eq!(line("Wall", &[]), None);
    }
}
