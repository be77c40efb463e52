//! VRX and CINST over time as an SVG picture, with the limits drawn.
//!
//! Plain SVG 1.1 with one style sheet: dark on bright, or bright on dark where the viewer
//! prefers that. Every stream has one panel for each measure; each shows the least and
//! greatest value of every span of time.

use std::fmt::Write as _;

use st2110::{
    analysis::{SeriesPoint, VideoReport},
    timing::SenderType,
};

use super::report::{Analysis, StreamAnalysis};

const WIDTH: f64 = 1200.0;
const LEFT: f64 = 70.0;
const RIGHT: f64 = 130.0;
const PANEL: f64 = 220.0;
const GAP: f64 = 60.0;
const TOP: f64 = 50.0;

const STYLE: &str = "\
svg { background: #ffffff; font: 14px sans-serif; }
text { fill: #1a1a1a; } .small { font-size: 12px; }
.frame { fill: none; stroke: #6b6b6b; } .grid { stroke: #6b6b6b; stroke-opacity: 0.25; }
.vrx { fill: #0b62a8; stroke: #0b62a8; stroke-width: 1; }
.cinst { fill: #7a3e9d; stroke: #7a3e9d; stroke-width: 1; }
.limit { stroke: #b3261e; stroke-width: 1.5; stroke-dasharray: 6 4; } .named { fill: #b3261e; }
@media (prefers-color-scheme: dark) {
svg { background: #14171a; } text { fill: #f0f0f0; }
.frame, .grid { stroke: #a0a0a0; }
.vrx { fill: #6cb6ff; stroke: #6cb6ff; } .cinst { fill: #d3a4f0; stroke: #d3a4f0; }
.limit { stroke: #ff8a80; } .named { fill: #ff8a80; }
}
";

/// One panel.
struct Panel<'a> {
    title: String,
    class: &'a str,
    points: &'a [SeriesPoint],
    span_ns: u64,
    limits: Vec<(String, i64)>,
}

/// Draws every video stream.
pub fn svg(analysis: &Analysis) -> String {
    let panels: Vec<_> = analysis
        .streams
        .iter()
        .filter_map(|stream| stream.video().map(|report| panels(stream, report)))
        .flatten()
        .collect();
    let height = TOP + (PANEL + GAP) * panels.len().max(1) as f64;
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" width=\"{WIDTH}\" height=\"{height}\" role=\"img\">\n<title>VRX and CINST over time</title>\n<style>{STYLE}</style>\n"
    );
    let heading = escape(&analysis.file.display().to_string());
    text(&mut out, LEFT, 24.0, "", "start", &heading);
    if panels.is_empty() {
        text(&mut out, LEFT, TOP + 40.0, "", "start", "no video stream was measured");
    }
    for (index, panel) in panels.iter().enumerate() {
        draw(&mut out, panel, TOP + (PANEL + GAP) * index as f64 + 20.0);
    }
    out.push_str("</svg>\n");
    out
}

fn panels<'a>(stream: &'a StreamAnalysis, report: &'a VideoReport) -> Vec<Panel<'a>> {
    let named = |sender: SenderType| match sender {
        SenderType::Narrow => "N",
        SenderType::NarrowLinear => "NL",
        SenderType::Wide => "W",
    };
    let limits = |types: &[SenderType], of: &dyn Fn(SenderType) -> Option<u32>| {
        let mut limits: Vec<(String, i64)> = Vec::new();
        for sender in types {
            let Some(limit) = of(*sender).map(i64::from) else { continue };
            match limits.iter_mut().find(|(_, other)| *other == limit) {
                Some((name, _)) => {
                    name.push('/');
                    name.push_str(named(*sender));
                }
                None => limits.push((named(*sender).to_owned(), limit)),
            }
        }
        limits
    };
    let vrx_full = |sender| report.sender(sender).and_then(|verdict| verdict.vrx_full);
    let cmax = |sender| report.sender(sender).and_then(|verdict| verdict.cmax);
    let number = stream.stream;
    let mut panels = Vec::new();
    let linear = [SenderType::NarrowLinear, SenderType::Wide];
    let schedules = [
        ("linear schedule", &report.linear, &linear[..]),
        ("gapped schedule", &report.gapped, &[SenderType::Narrow][..]),
    ];
    for (name, readings, types) in schedules {
        let Some(readings) = readings else { continue };
        panels.push(Panel {
            title: format!("stream {number}: VRX, {name} (packets)"),
            class: "vrx",
            points: &readings.over_time,
            span_ns: report.over_time_span_ns,
            limits: limits(types, &vrx_full),
        });
    }
    panels.push(Panel {
        title: format!("stream {number}: CINST (packets)"),
        class: "cinst",
        points: &report.cinst_over_time,
        span_ns: report.over_time_span_ns,
        limits: limits(SenderType::ALL, &cmax),
    });
    panels
}

fn draw(out: &mut String, panel: &Panel<'_>, top: f64) {
    let (right, bottom) = (WIDTH - RIGHT, top + PANEL);
    text(out, LEFT, top - 8.0, "", "start", &panel.title);
    let _always = writeln!(
        out,
        "<rect class=\"frame\" x=\"{LEFT}\" y=\"{top}\" width=\"{}\" height=\"{PANEL}\"/>",
        right - LEFT
    );
    let least = panel.points.iter().map(|point| point.min).min().unwrap_or(0).min(0);
    let peak = panel.points.iter().map(|point| point.max).max().unwrap_or(0).max(1);
    // Limits far above everything measured would flatten it: they are named, not drawn.
    let near = |limit: i64| limit <= peak.saturating_mul(4).max(20);
    let drawn = panel.limits.iter().map(|(_, limit)| *limit).filter(|limit| near(*limit)).max();
    let most = peak.max(drawn.unwrap_or(peak)) as f64 * 1.1;
    let least = least as f64 * 1.1;
    let end = panel.points.last().map_or(1, |point| point.at_ns + panel.span_ns).max(1) as f64;
    let x = |at: f64| LEFT + (right - LEFT) * at / end;
    let y = |value: f64| bottom - PANEL * (value - least) / (most - least).max(1.0);
    for step in ticks(least, most) {
        let at = y(step);
        let _always = writeln!(
            out,
            "<line class=\"grid\" x1=\"{LEFT}\" x2=\"{right}\" y1=\"{at:.1}\" y2=\"{at:.1}\"/>"
        );
        text(out, LEFT - 6.0, at + 4.0, "small", "end", &format!("{step}"));
    }
    let (unit, parts) = if end >= 2e9 { ("s", 1e9) } else { ("ms", 1e6) };
    for step in ticks(0.0, end / parts) {
        text(out, x(step * parts), bottom + 16.0, "small", "middle", &format!("{step} {unit}"));
    }
    let _always = write!(out, "<path class=\"{}\" d=\"", panel.class);
    for point in panel.points {
        let (from, to) = (x(point.at_ns as f64), x((point.at_ns + panel.span_ns) as f64));
        let (high, low) = (y(point.max as f64), y(point.min as f64));
        let wide = (to - from).max(0.6);
        let _always =
            write!(out, "M{from:.1} {high:.1}h{wide:.1}V{:.1}h-{wide:.1}z", low.max(high + 0.6));
    }
    out.push_str("\"/>\n");
    let mut above = Vec::new();
    for (name, limit) in &panel.limits {
        if near(*limit) {
            let at = y(*limit as f64);
            let _always = writeln!(
                out,
                "<line class=\"limit\" x1=\"{LEFT}\" x2=\"{right}\" y1=\"{at:.1}\" y2=\"{at:.1}\"/>"
            );
            text(out, right + 6.0, at + 4.0, "small named", "start", &format!("{name}: {limit}"));
        } else {
            above.push(format!("{name}: {limit} (above)"));
        }
    }
    for (index, name) in above.iter().enumerate() {
        text(out, right + 6.0, top + 12.0 + 14.0 * index as f64, "small named", "start", name);
    }
}

/// Round numbers between two values, five or so.
fn ticks(from: f64, to: f64) -> Vec<f64> {
    let span = to - from;
    if span <= 0.0 {
        return vec![from];
    }
    let power = 10_f64.powf((span / 5.0).log10().floor());
    let step = [1.0, 2.0, 5.0, 10.0].map(|n| n * power).into_iter().find(|s| span / s <= 7.0);
    let step = step.unwrap_or(span).max(1e-9);
    let first = (from / step).ceil() as i64;
    let ticks = (first..first.saturating_add(12)).map(|n| (n as f64 * step * 1e6).round() / 1e6);
    ticks.take_while(|tick| *tick <= to).collect()
}

fn text(out: &mut String, x: f64, y: f64, class: &str, anchor: &str, text: &str) {
    let _always = writeln!(
        out,
        "<text class=\"{class}\" x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\">{text}</text>"
    );
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round() {
        assert_eq!(ticks(0.0, 10.0), [0.0, 2.0, 4.0, 6.0, 8.0, 10.0]);
        assert_eq!(ticks(-2.2, 9.9), [-2.0, 0.0, 2.0, 4.0, 6.0, 8.0]);
        assert_eq!(ticks(0.0, 0.0).len(), 1);
    }
}
