use std::{ffi::OsString, fs, path::PathBuf};

use super::*;

#[derive(Debug, Default, PartialEq, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Settings {
    coalesce_us: u32,
    name: String,
    snapshot: Snapshot,
    cores: Vec<u16>,
}

#[derive(Debug, Default, PartialEq, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Snapshot {
    file: Option<PathBuf>,
}

fn with(text: Option<&str>, variables: &[(&str, &str)]) -> Result<Settings, SettingsError> {
    let directory = tempfile::tempdir().unwrap();
    let file = text.map(|text| {
        let path = directory.path().join("router.toml");
        fs::write(&path, text).unwrap();
        path
    });
    let variables = variables.iter().map(|(k, v)| (OsString::from(k), OsString::from(v)));
    load_from(file.as_deref(), "ORMATRIX_ROUTER", variables.collect::<Vec<_>>())
}

#[test]
fn the_environment_overrides_the_file() {
    let settings = with(
        Some("# how long\ncoalesce_us = 100\nname = \"a\"\n[snapshot]\nfile = \"/a\"\n"),
        &[
            ("ORMATRIX_ROUTER_COALESCE_US", "50"),
            ("ORMATRIX_ROUTER_SNAPSHOT__FILE", "/b"),
            ("ORMATRIX_ROUTER_CORES", "[1, 2]"),
            ("ORMATRIX_ROUTER_NAME", "8080"),
            ("ORMATRIX_CONTROL_LISTEN", "elsewhere"),
            ("ORMATRIX_ROUTERS", "foreign"),
        ],
    )
    .unwrap();
    let expected = Settings {
        coalesce_us: 50,
        name: "8080".to_owned(),
        snapshot: Snapshot { file: Some("/b".into()) },
        cores: vec![1, 2],
    };
    assert_eq!(settings, expected);
    assert_eq!(with(None, &[]).unwrap(), Settings::default());
}

#[test]
fn an_unknown_key_is_an_error_with_its_place() {
    let error = with(Some("name = \"x\"\n\n[snapshot]\nfil = \"/a\"\n"), &[]).unwrap_err();
    let text = error.to_string();
    assert!(
        text.ends_with(
            "router.toml:4: `snapshot.fil`: there is no such setting; did you mean `file`?"
        ),
        "{text}"
    );

    let error = with(None, &[("ORMATRIX_ROUTER_COALESE_US", "50")]).unwrap_err().to_string();
    assert!(error.contains("ORMATRIX_ROUTER_COALESE_US"), "{error}");
    assert!(error.contains("did you mean `coalesce_us`"), "{error}");

    let error = with(None, &[("ORMATRIX_ROUTER_XYZZY", "1")]).unwrap_err().to_string();
    assert!(error.contains("`coalesce_us`") && error.contains("`snapshot`"), "{error}");
}

#[test]
fn a_value_that_does_not_fit_is_an_error_with_its_place() {
    let error = with(Some("# one\ncoalesce_us = \"soon\"\n"), &[]).unwrap_err();
    let SettingsError::File { line, key, reason, .. } = &error else { panic!("{error}") };
    assert_eq!((*line, key.as_str()), (2, "coalesce_us"));
    assert!(reason.contains("soon"), "{reason}");

    let error = with(None, &[("ORMATRIX_ROUTER_COALESCE_US", "-1")]).unwrap_err().to_string();
    assert!(error.contains("ORMATRIX_ROUTER_COALESCE_US") && error.contains("-1"), "{error}");
    let error = with(None, &[("ORMATRIX_ROUTER_NAME__X", "1")]).unwrap_err().to_string();
    assert!(error.contains("NAME__X"), "{error}");
}

#[test]
fn a_broken_or_absent_file_is_an_error_with_its_place() {
    let error = with(Some("name = \"x\"\ncores = [1,\n"), &[]).unwrap_err().to_string();
    assert!(error.contains("router.toml:"), "{error}");
    let error = load::<Settings>(Some(Path::new("/nonexistent/x.toml")), "ORMATRIX_ROUTER")
        .unwrap_err()
        .to_string();
    assert!(error.contains("cannot read /nonexistent/x.toml"), "{error}");
}
