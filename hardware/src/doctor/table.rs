//! A report for people.

use std::fmt::Write;

use super::{Area, Report, Verdict};

/// Columns of the whole; reasons are wrapped there.
const WIDTH: usize = 96;
const INDENT: &str = "           ";

/// Every finding in a line; reason and remedy below those that are not good.
pub fn render(report: &Report) -> String {
    let mut text = format!("{}\n", report.host);
    let mut area = None;
    for finding in &report.findings {
        if area != Some(finding.area) {
            area = Some(finding.area);
            let _ = writeln!(text, "\n{}", title(finding.area));
        }
        let _ = writeln!(text, "  {:8} {:22} {}", finding.verdict, finding.check, finding.value);
        if finding.verdict != Verdict::Good {
            wrap(&mut text, &finding.reason);
        }
        if let Some(remedy) = &finding.remedy {
            // Not wrapped: it is there to be copied.
            let _ = writeln!(text, "{INDENT}mend: {remedy}");
        }
    }
    let counts = [Verdict::Missing, Verdict::Fair, Verdict::Unknown, Verdict::Good]
        .map(|verdict| format!("{} {verdict}", report.count(verdict)));
    let _ = writeln!(text, "\n{}", counts.join(", "));
    text
}

fn title(area: Area) -> &'static str {
    match area {
        Area::Machine => "Machine",
        Area::Cores => "Cores",
        Area::Memory => "Memory",
        Area::Sockets => "UDP sockets",
        Area::Network => "Network interfaces",
        Area::Clock => "Time",
        Area::Media => "GStreamer",
        Area::Display => "Displays",
    }
}

fn wrap(text: &mut String, paragraph: &str) {
    let mut column = 0;
    for word in paragraph.split(' ') {
        if column > 0 && column + 1 + word.chars().count() > WIDTH {
            text.push('\n');
            column = 0;
        }
        if column == 0 {
            text.push_str(INDENT);
            column = INDENT.len();
        } else {
            text.push(' ');
            column += 1;
        }
        text.push_str(word);
        column += word.chars().count();
    }
    text.push('\n');
}

#[cfg(test)]
mod tests {
    use super::{super::Finding, *};

    #[test]
    fn good_is_short_and_the_rest_explains_itself() {
        let reason = "because ".repeat(20);
        let report = Report {
            host: "A machine".into(),
            verdict: Verdict::Fair,
            findings: vec![
                Finding::new(Area::Cores, "cores", Verdict::Good, "8", "unsaid")
                    .mended_by("unsaid"),
                Finding::new(Area::Cores, "governor", Verdict::Fair, "slow", reason.trim())
                    .mended_by("faster"),
                Finding::new(Area::Clock, "ptp", Verdict::Unknown, "?", "who knows"),
            ],
        };
        let text = render(&report);
        assert!(!text.contains("unsaid"), "{text}");
        assert!(text.contains("mend: faster") && text.contains("\nTime\n"), "{text}");
        assert!(text.lines().all(|line| line.chars().count() <= WIDTH), "{text}");
        assert!(text.ends_with("\n0 missing, 1 fair, 1 unknown, 1 good\n"), "{text}");
    }
}
