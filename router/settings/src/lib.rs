//! A process's own settings: one commented TOML file and environment overrides; and its [`log`].
//!
//! Every process of the product reads its settings the same way: what the file says, then
//! what the environment says, and a key that nobody knows is an error in both, because a
//! misspelt setting that is quietly ignored is found at the worst moment.
//!
//! ```
//! #[derive(serde::Deserialize)]
//! #[serde(default, deny_unknown_fields)]
//! struct Settings { coalesce_us: u32 }
//! impl Default for Settings {
//!     fn default() -> Self { Self { coalesce_us: 100 } }
//! }
//! let settings: Settings = ormatrix_settings::load(None, "ORMATRIX_EXAMPLE").unwrap();
//! assert_eq!(settings.coalesce_us, 100);
//! ```
//!
//! `ORMATRIX_ROUTER_COALESCE_US=50` overrides `coalesce_us`; two underscores step into a
//! table: `ORMATRIX_ROUTER_SNAPSHOT__FILE=/tmp/s` overrides `file` in `[snapshot]`. A value
//! is read as TOML (`50`, `true`, `[1, 2]`) and, where that does not fit, as plain text.
//!
//! Limits: the settings type must give every key a default (`#[serde(default)]`) and refuse
//! unknown ones (`deny_unknown_fields`), and its keys must be lower case.

#![forbid(unsafe_code)]

mod error;
pub mod log;

use std::{
    env,
    ffi::{OsStr, OsString},
    fs,
    path::Path,
};

pub use error::SettingsError;
use serde::de::DeserializeOwned;
use toml::{Table, Value};

/// Reads settings of type `T` from `file` (or the defaults without one), then the variables
/// of the environment that begin with `env_prefix` and an underscore.
///
/// # Errors
/// [`SettingsError`] when the file cannot be read, and when file or environment hold an
/// unknown key or a value that does not fit; it names the place and what to do.
pub fn load<T: DeserializeOwned + Default>(
    file: Option<&Path>,
    env_prefix: &str,
) -> Result<T, SettingsError> {
    load_from(file, env_prefix, env::vars_os())
}

/// As [`load`], with the environment given.
///
/// # Errors
/// As [`load`].
pub fn load_from<T: DeserializeOwned + Default>(
    file: Option<&Path>,
    env_prefix: &str,
    variables: impl IntoIterator<Item = (OsString, OsString)>,
) -> Result<T, SettingsError> {
    let (mut settings, mut table) = match file {
        None => (T::default(), Table::new()),
        Some(path) => read(path)?,
    };
    let mut overrides: Vec<(String, OsString)> = variables
        .into_iter()
        .filter_map(|(name, value)| Some((key_of(&name, env_prefix)?, value)))
        .collect();
    overrides.sort();
    // One at a time, so that an error is that of one variable.
    for (key, value) in overrides {
        let variable = format!("{env_prefix}_{}", key.replace('.', "__").to_uppercase());
        let refused =
            |reason: String| SettingsError::Environment { variable: variable.clone(), reason };
        let Some(text) = value.to_str() else {
            return Err(refused("its value is not UTF-8".to_owned()));
        };
        let mut first_error = None;
        let mut taken = None;
        for candidate in readings(text) {
            let mut with = table.clone();
            set(&mut with, &key, candidate).map_err(&refused)?;
            match T::deserialize(Value::Table(with.clone())) {
                Ok(parsed) => {
                    taken = Some((parsed, with));
                    break;
                }
                Err(error) => {
                    first_error.get_or_insert_with(|| error::reason(error.message()));
                }
            }
        }
        (settings, table) = taken.ok_or_else(|| refused(first_error.unwrap_or_default()))?;
    }
    Ok(settings)
}

fn read<T: DeserializeOwned>(path: &Path) -> Result<(T, Table), SettingsError> {
    let text = fs::read_to_string(path)
        .map_err(|source| SettingsError::Read { path: path.to_owned(), source })?;
    let settings = toml::from_str(&text).map_err(|error| error::in_file(path, &text, &error))?;
    let table = toml::from_str(&text).map_err(|error| error::in_file(path, &text, &error))?;
    Ok((settings, table))
}

/// The key a variable overrides: `a.b` for `PREFIX_A__B`; `None` for a foreign variable.
fn key_of(name: &OsStr, prefix: &str) -> Option<String> {
    let key = name.to_str()?.strip_prefix(prefix)?.strip_prefix('_')?;
    (!key.is_empty()).then(|| key.to_lowercase().replace("__", "."))
}

/// How a variable's text may be meant, likeliest first.
fn readings(text: &str) -> Vec<Value> {
    let typed = toml::from_str::<Table>(&format!("value = {text}"))
        .ok()
        .filter(|table| table.len() == 1)
        .and_then(|mut table| table.remove("value"));
    typed.into_iter().chain([Value::String(text.to_owned())]).collect()
}

/// Puts `value` at the dotted `key`.
fn set(table: &mut Table, key: &str, value: Value) -> Result<(), String> {
    match key.split_once('.') {
        None => {
            table.insert(key.to_owned(), value);
            Ok(())
        }
        Some((first, rest)) => {
            match table.entry(first.to_owned()).or_insert_with(|| Value::Table(Table::new())) {
                Value::Table(inner) => set(inner, rest, value),
                _ => Err(format!("`{first}` is not a table: it has no key `{rest}`")),
            }
        }
    }
}

#[cfg(test)]
mod tests;
