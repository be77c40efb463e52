//! A settings file and the environment over it.

use std::{cell::RefCell, ffi::OsString, fs, os::unix::ffi::OsStringExt};

use ormatrix_router::settings::Settings;

thread_local! {
    /// One file for all inputs of a thread: making a new one each time would be most of the
    /// work.
    static FILE: RefCell<tempfile::NamedTempFile> =
        RefCell::new(tempfile::NamedTempFile::new().expect("a temporary file"));
}

/// Octets as the router's settings file and, behind a zero, as lines `NAME=VALUE` of the
/// environment: read and checked, or refused with the place and a reason.
///
/// # Panics
/// On a finding.
pub fn settings(octets: &[u8]) {
    let mut parts = octets.splitn(2, |octet| *octet == 0);
    let file = parts.next().unwrap_or_default();
    let variables: Vec<(OsString, OsString)> = parts
        .next()
        .unwrap_or_default()
        .split(|octet| *octet == b'\n')
        .filter_map(|line| {
            let at = line.iter().position(|octet| *octet == b'=')?;
            let text = |octets: &[u8]| OsString::from_vec(octets.to_vec());
            Some((text(&line[..at]), text(&line[at + 1..])))
        })
        .collect();
    FILE.with_borrow(|to| {
        fs::write(to.path(), file).expect("a temporary file can be written");
        let loaded = ormatrix_settings::load_from::<Settings>(
            Some(to.path()),
            "ORMATRIX_ROUTER",
            variables.clone(),
        );
        match loaded {
            Ok(settings) => {
                if let Err(refused) = settings.check() {
                    assert!(refused.to_string().starts_with("setting "), "{refused}");
                }
            }
            Err(error) => {
                let said = error.to_string();
                let place = to.path().to_string_lossy().into_owned();
                assert!(
                    said.contains(&place) || said.contains("ORMATRIX_ROUTER_"),
                    "says where: {said}"
                );
            }
        }
    });
}
