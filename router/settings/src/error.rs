//! What can be wrong with settings, and how it is said.

use std::{
    io,
    path::{Path, PathBuf},
};

/// Why settings cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// The file cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The file says something that cannot be used.
    #[error("{}:{line}: {}{reason}", path.display(), in_key(key))]
    File {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// The key in that line with its tables, `a.b`; empty when there is none.
        key: String,
        /// What is wrong and what to write instead.
        reason: String,
    },
    /// A variable of the environment says something that cannot be used.
    #[error("environment variable {variable}: {reason}; correct or unset it")]
    Environment {
        /// The variable.
        variable: String,
        /// What is wrong.
        reason: String,
    },
}

fn in_key(key: &str) -> String {
    if key.is_empty() { String::new() } else { format!("`{key}`: ") }
}

/// A parser's error with its line and key.
pub(crate) fn in_file(path: &Path, text: &str, error: &toml::de::Error) -> SettingsError {
    let at = error.span().map_or(0, |span| span.start.min(text.len()));
    let before = text.get(..at).unwrap_or_default();
    let line = before.matches('\n').count();
    SettingsError::File {
        path: path.to_owned(),
        line: line + 1,
        key: key_at(text, line),
        reason: reason(error.message()),
    }
}

/// The key of a line, below the table header that precedes it.
fn key_at(text: &str, line: usize) -> String {
    let header = |l: &str| {
        let inner = l.trim().strip_prefix('[')?.split(']').next()?;
        Some(inner.trim_matches('[').trim().to_owned())
    };
    let lines: Vec<&str> = text.lines().take(line + 1).collect();
    let Some(here) = lines.get(line) else { return String::new() };
    if let Some(table) = header(here) {
        return table;
    }
    let table = lines.iter().rev().find_map(|l| header(l));
    match (table, here.split_once('=')) {
        (_, None) => String::new(),
        (None, Some((key, _))) => key.trim().to_owned(),
        (Some(table), Some((key, _))) => format!("{table}.{}", key.trim()),
    }
}

/// The parser's words, with the nearest known key where a key is unknown.
pub(crate) fn reason(message: &str) -> String {
    let message = message.trim().replace('\n', " ");
    if !message.starts_with("unknown field") {
        return message;
    }
    let mut quoted = message.split('`').skip(1).step_by(2);
    let unknown = quoted.next().unwrap_or_default();
    let nearest = quoted.min_by_key(|known| distance(unknown, known));
    match nearest {
        Some(known) if distance(unknown, known) <= 1 + unknown.len() / 3 => {
            format!("there is no such setting; did you mean `{known}`?")
        }
        _ => message.replace("unknown field", "there is no such setting:"),
    }
}

/// Edits between two words (Levenshtein).
fn distance(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.chars().count()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.chars().enumerate() {
            let substituted = diagonal + usize::from(x != y);
            diagonal = row[j + 1];
            row[j + 1] = substituted.min(row[j] + 1).min(row[j + 1] + 1);
        }
    }
    row[b.chars().count()]
}
