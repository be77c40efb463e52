//! The model as a picture in cells. Pure: the same model is always the same picture.
//!
//! Every state has a shape, a word and a colour, so that any one of them may be missing: on a
//! terminal without colours, to somebody who does not see red, in a photograph of the screen.

use std::fmt::Write;

use ratatui::{
    buffer::Buffer,
    layout::{Constraint, Layout, Rect},
    style::{Color, Modifier, Style},
    text::{Line, Span},
    widgets::{
        Block, Borders, Cell, Clear, HighlightSpacing, Paragraph, Row, StatefulWidget, Table,
        TableState, Widget,
    },
};

use super::{
    super::table::bits,
    model::{Model, Pane, Standing},
    row::{InputRow, OutputRow, Sort},
};

const SECOND: u64 = 1_000_000_000;
/// Lines at the top: what this is, the control plane, the router.
const HEADER: u16 = 3;
/// Lines of a table that are no rows: its title and its heading.
const AROUND_ROWS: u16 = 2;
/// Lines of [`tables`] that are no rows.
pub const AROUND_TABLES: u16 = HEADER + 2 * AROUND_ROWS;
/// Fewer lines than this hold one pane only.
const ONE_PANE: u16 = 14;
/// Lines that events get at least, title and all.
const EVENTS_LEAST: u16 = 5;
/// Narrower than this, a table leaves its least needed column out; narrower still, the next.
const WIDE: u16 = 116;
const NARROW: u16 = 64;

/// What keys mean, as help shows it.
const HELP: [(&str, &str); 11] = [
    ("q, Ctrl-C", "end"),
    ("Tab, ← →", "the next pane, the one before"),
    ("↑ ↓, j k", "the next line, the one before"),
    ("PgUp PgDn", "ten lines"),
    ("Home End", "the first line, the last"),
    ("s", "sort by id, state, rate, loss (outputs: how long)"),
    ("r", "sort the other way round"),
    ("/", "show only lines with some words; Esc shows all again"),
    ("p, space", "hold what is shown; again to go on"),
    ("?, h", "this"),
    ("", "✖ lost  ▲ look at it  ◌ waits  » switches  ● good  ? unknown"),
];

/// The whole screen.
pub fn whole(model: &Model, area: Rect, buffer: &mut Buffer) {
    let parts = [Constraint::Length(HEADER), Constraint::Fill(1), Constraint::Length(1)];
    let [top, middle, bottom] = Layout::vertical(parts).areas(area);
    header(model, top, buffer);
    panes(model, middle, buffer);
    footer(model).render(bottom, buffer);
    if model.help {
        help(area, buffer);
    }
}

/// Header and tables alone, for a frame on paper.
pub fn tables(model: &Model, area: Rect, buffer: &mut Buffer) {
    let rows = u16::try_from(model.inputs().len()).unwrap_or(u16::MAX);
    let inputs_height = Constraint::Length(rows.saturating_add(AROUND_ROWS));
    let parts = [Constraint::Length(HEADER), inputs_height, Constraint::Fill(1)];
    let [top, above, below] = Layout::vertical(parts).areas(area);
    header(model, top, buffer);
    inputs(model, false, above, buffer);
    outputs(model, false, below, buffer);
}

/// A picture as lines of text.
pub fn text(buffer: &Buffer) -> String {
    let width = usize::from(buffer.area.width).max(1);
    let line = |cells: &[ratatui::buffer::Cell]| {
        let text: String = cells.iter().map(ratatui::buffer::Cell::symbol).collect();
        text.trim_end().to_owned()
    };
    let lines: Vec<String> = buffer.content.chunks(width).map(line).collect();
    lines.join("\n").trim_end().to_owned()
}

fn header(model: &Model, area: Rect, buffer: &mut Buffer) {
    let mut first = vec![
        Span::styled("ormatrix top", Modifier::BOLD),
        Span::raw(format!("  {}  {} UTC", model.url, time_of_day(model.now))),
    ];
    if let Some(at) = model.paused {
        let said = format!("  ‖ HELD at {}: what is below is of then", time_of_day(at));
        first.push(Span::styled(said, yellow()));
    }
    let standing = model.standing();
    let control = match &standing {
        Standing::Asking => Line::styled("? control: asking", faint()),
        Standing::ControlAway { since, reason } => Line::styled(
            format!("✖ CONTROL AWAY for {}: {reason}", lasted(model.now, *since)),
            red(),
        ),
        Standing::Live | Standing::RouterAway | Standing::RouterSilent { .. } => {
            Line::styled("● control answers", green())
        }
    };
    let router = match (&standing, &model.router) {
        (Standing::Live, Some(router)) => {
            let up = router
                .started_at
                .map_or_else(String::new, |since| format!(", up for {}", lasted(model.now, since)));
            let lanes = if router.lanes == "1" { "lane" } else { "lanes" };
            let said = format!("● router {}, {} {lanes}{up}", router.version, router.lanes);
            Line::styled(said, green())
        }
        (Standing::RouterAway, _) => {
            Line::styled("✖ ROUTER NOT CONNECTED: nothing is known of signals and routes", red())
        }
        (Standing::RouterSilent { since }, _) => Line::styled(
            format!(
                "✖ ROUTER SILENT for {}: it is connected and counts nothing",
                lasted(model.now, *since)
            ),
            red(),
        ),
        _ => Line::styled("? router unknown; it routes without control", faint()),
    };
    let lines = [Line::from(first), control, router];
    for (line, row) in lines.iter().zip(area.rows()) {
        line.render(row, buffer);
    }
}

fn panes(model: &Model, area: Rect, buffer: &mut Buffer) {
    if area.height < ONE_PANE {
        match model.pane {
            Pane::Inputs => inputs(model, true, area, buffer),
            Pane::Outputs => outputs(model, true, area, buffer),
            Pane::Events => events(model, true, area, buffer),
        }
        held(model, area, buffer);
        return;
    }
    let needs = |rows: usize| u16::try_from(rows).unwrap_or(u16::MAX).saturating_add(AROUND_ROWS);
    let (first, second) = (needs(model.inputs().len()), needs(model.outputs().len()));
    let room = area.height - EVENTS_LEAST;
    // Who needs less than half leaves the rest to the other.
    let above = first.min((room / 2).max(room.saturating_sub(second)));
    let below = second.min(room - above);
    let parts = [Constraint::Length(above), Constraint::Length(below), Constraint::Fill(1)];
    let [top, middle, bottom] = Layout::vertical(parts).areas(area);
    inputs(model, model.pane == Pane::Inputs, top, buffer);
    outputs(model, model.pane == Pane::Outputs, middle, buffer);
    events(model, model.pane == Pane::Events, bottom, buffer);
    held(model, area, buffer);
}

/// What is not of now looks so.
fn held(model: &Model, area: Rect, buffer: &mut Buffer) {
    if model.paused.is_some() {
        buffer.set_style(area, Modifier::DIM);
    }
}

/// A column: its heading, its width, and the width of the pane below which it is left out.
type Column = (&'static str, Constraint, u16);

fn inputs(model: &Model, focused: bool, area: Rect, buffer: &mut Buffer) {
    let columns: [Column; 8] = [
        ("INPUT", Constraint::Min(12), 0),
        ("SIGNAL", Constraint::Length(10), 0),
        ("FORMAT", Constraint::Max(30), WIDE),
        ("RATE", Constraint::Length(10), 0),
        ("LOST", Constraint::Length(9), NARROW),
        ("LOST/s", Constraint::Length(7), 0),
        ("FINDINGS", Constraint::Fill(2), 0),
        ("TALLY", Constraint::Fill(1), NARROW),
    ];
    let rows = model.inputs();
    let cells = |row: &InputRow| {
        let losing = match row.losing {
            None => Cell::from("-"),
            Some(0.0) => Cell::from("0"),
            Some(packets) => Cell::new(format!("▲ {packets:.0}")).style(yellow()),
        };
        [
            Cell::from(row.id.clone()),
            state(&row.signal),
            Cell::from(row.format.clone()),
            Cell::from(bits(row.bits)),
            Cell::from(row.lost.map_or("-".to_owned(), |lost| lost.to_string())),
            losing,
            finding(&row.findings),
            Cell::from(if row.tally.is_empty() { "-".to_owned() } else { row.tally.clone() }),
        ]
    };
    let rows: Vec<_> = rows.iter().map(cells).collect();
    table(model, Pane::Inputs, focused, columns, rows, area, buffer);
}

fn outputs(model: &Model, focused: bool, area: Rect, buffer: &mut Buffer) {
    let columns: [Column; 6] = [
        ("OUTPUT", Constraint::Min(12), 0),
        ("SHOWS", Constraint::Fill(2), 0),
        ("STATE", Constraint::Length(11), 0),
        ("FOR", Constraint::Length(7), NARROW),
        ("RATE", Constraint::Length(10), 0),
        ("NOTES", Constraint::Fill(2), NARROW),
    ];
    let rows = model.outputs();
    let now = model.paused.unwrap_or(model.now);
    let cells = |row: &OutputRow| {
        let shows = if row.stood_in {
            Cell::new(format!("▲ {}", row.shows)).style(yellow())
        } else {
            Cell::from(row.shows.clone())
        };
        [
            Cell::from(row.id.clone()),
            shows,
            state(&row.state),
            Cell::from(row.since.map_or("-".to_owned(), |since| lasted(now, since))),
            Cell::from(bits(row.bits)),
            Cell::from(if row.notes.is_empty() { "-".to_owned() } else { row.notes.clone() }),
        ]
    };
    let rows: Vec<_> = rows.iter().map(cells).collect();
    table(model, Pane::Outputs, focused, columns, rows, area, buffer);
}

fn table<const N: usize>(
    model: &Model,
    pane: Pane,
    focused: bool,
    columns: [Column; N],
    rows: Vec<[Cell<'_>; N]>,
    area: Rect,
    buffer: &mut Buffer,
) {
    let kept = columns.map(|(_, _, least)| area.width >= least);
    let keep = |index: &usize| kept[*index];
    let widths = (0..N).filter(keep).map(|index| columns[index].1);
    let heading = (0..N).filter(keep).map(|index| columns[index].0);
    let heading = Row::new(heading.map(Cell::from)).style(Modifier::BOLD);
    let shown = rows.len();
    let rows = rows.into_iter().map(|cells| {
        let cells = cells.into_iter().zip(kept).filter(|(_, kept)| *kept);
        Row::new(cells.map(|(cell, _)| cell))
    });
    let table = Table::new(rows, widths)
        .header(heading)
        .block(frame(model, pane, focused, shown))
        .row_highlight_style(Modifier::REVERSED)
        .highlight_symbol("› ")
        .highlight_spacing(HighlightSpacing::Always);
    let bar = focused.then(|| model.selected(pane));
    StatefulWidget::render(table, area, buffer, &mut TableState::new().with_selected(bar));
}

fn events(model: &Model, focused: bool, area: Rect, buffer: &mut Buffer) {
    let lines = model.events();
    let shown = lines.len();
    let rows = lines.iter().map(|line| {
        let said = if line.name == "top" { finding(&line.said) } else { Cell::from(&*line.said) };
        Row::new([Cell::from(time_of_day(line.at)), Cell::from(&*line.name), said])
    });
    let widths = [Constraint::Length(8), Constraint::Length(10), Constraint::Fill(1)];
    let table = Table::new(rows, widths)
        .block(frame(model, Pane::Events, focused, shown))
        .row_highlight_style(Modifier::REVERSED)
        .highlight_symbol("› ")
        .highlight_spacing(HighlightSpacing::Always);
    let bar = focused.then(|| model.selected(Pane::Events));
    StatefulWidget::render(table, area, buffer, &mut TableState::new().with_selected(bar));
}

/// The line above a pane: what it is, how much of it is shown, in which order.
fn frame(model: &Model, pane: Pane, focused: bool, shown: usize) -> Block<'static> {
    let name = match pane {
        Pane::Inputs => "INPUTS",
        Pane::Outputs => "OUTPUTS",
        Pane::Events => "EVENTS",
    };
    let total = model.total(pane);
    let count = if shown == total { format!("{total}") } else { format!("{shown} of {total}") };
    let mut title = format!(" {name} {count} ");
    if let Some(at) = model.paused {
        let _ = write!(title, "as of {} ", time_of_day(at));
    }
    if !model.filter.is_empty() {
        let _ = write!(title, "with '{}' ", model.filter);
    }
    let by = match (model.sort(pane), pane) {
        (Sort::Id, _) => "id",
        (Sort::State, _) => "state",
        (Sort::Rate, _) => "rate",
        (Sort::Loss, Pane::Outputs) => "time",
        (Sort::Loss, _) => "loss",
    };
    if pane != Pane::Events && (model.sort(pane) != Sort::Id || model.is_reversed(pane)) {
        let way = if model.is_reversed(pane) { ", reversed" } else { "" };
        let _ = write!(title, "by {by}{way} ");
    }
    let mut block = Block::new().borders(Borders::TOP);
    if pane == Pane::Events && !model.listening {
        title.push_str("▲ not heard now ");
        block = block.border_style(yellow());
    }
    let style = if focused { Style::new().add_modifier(Modifier::BOLD) } else { faint() };
    let mark = if focused { "▶" } else { "─" };
    block.title(Span::styled(format!("{mark}{title}"), style))
}

fn footer(model: &Model) -> Line<'static> {
    if model.typing {
        let typed = format!("/{}_   Enter: keep it   Esc: show all", model.filter);
        return Line::styled(typed, Modifier::BOLD);
    }
    let words = "q end  Tab pane  ↑↓ line  s sort  r reverse  / filter  p hold  ? help";
    Line::styled(words, faint())
}

fn help(area: Rect, buffer: &mut Buffer) {
    let lines: Vec<Line<'_>> =
        HELP.iter().map(|(key, meaning)| Line::raw(format!("{key:10}  {meaning}"))).collect();
    let widest = lines.iter().map(Line::width).max().unwrap_or(0);
    let (width, height) = (widest as u16 + 4, lines.len() as u16 + 2);
    let place = area.centered(Constraint::Length(width), Constraint::Length(height));
    Clear.render(place, buffer);
    let block = Block::bordered().title(" Keys and marks ");
    Paragraph::new(lines).block(block).render(place, buffer);
}

/// A state with its shape, word and colour.
fn state(word: &str) -> Cell<'static> {
    let (shape, style) = match word {
        "ok" | "live" => ("●", green()),
        "unstable" => ("▲", yellow()),
        "lost" | "no-signal" => ("✖", red()),
        "switching" => ("»", Style::new().fg(Color::Cyan)),
        "waiting" => ("◌", yellow()),
        "none" => ("·", faint()),
        _ => ("?", faint()),
    };
    Cell::new(format!("{shape} {word}")).style(style)
}

/// Something to look at, or nothing.
fn finding(words: &str) -> Cell<'static> {
    if words.is_empty() {
        Cell::from("-")
    } else {
        Cell::new(format!("▲ {words}")).style(yellow())
    }
}

/// A time of day, UTC.
fn time_of_day(unix_ns: u64) -> String {
    let seconds = unix_ns / SECOND % 86_400;
    format!("{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60)
}

/// How long something has lasted, in two units at most: `12s`, `3m12s`, `2h05m`, `3d04h`.
fn lasted(now: u64, since: u64) -> String {
    let seconds = now.saturating_sub(since) / SECOND;
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86_400);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{seconds}s"),
        (0, 0, _) => format!("{minutes}m{:02}s", seconds % 60),
        (0, _, _) => format!("{hours}h{:02}m", minutes % 60),
        _ => format!("{days}d{:02}h", hours % 24),
    }
}

fn green() -> Style {
    Style::new().fg(Color::Green)
}

fn yellow() -> Style {
    Style::new().fg(Color::Yellow)
}

fn red() -> Style {
    Style::new().fg(Color::Red).add_modifier(Modifier::BOLD)
}

fn faint() -> Style {
    Style::new().fg(Color::DarkGray)
}

#[cfg(test)]
mod tests;
