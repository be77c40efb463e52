//! Builds the panel's files into the program: every file under `panel/` of a kind that a
//! browser loads, with its media type and a strong entity tag.

use std::{
    collections::BTreeMap,
    env, fs,
    hash::{DefaultHasher, Hash, Hasher},
    io,
    path::{Path, PathBuf},
};

const KINDS: &[(&str, &str)] = &[
    ("html", "text/html; charset=utf-8"),
    ("js", "text/javascript; charset=utf-8"),
    ("mjs", "text/javascript; charset=utf-8"),
    ("css", "text/css; charset=utf-8"),
    ("woff2", "font/woff2"),
    ("svg", "image/svg+xml"),
    ("png", "image/png"),
    ("ico", "image/x-icon"),
    ("webmanifest", "application/manifest+json"),
];

/// What stands there until there is a panel.
const EMPTY: &str = "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\">\
    <title>ormatrix</title><p>This program was built without its panel. \
    The API is described at <a href=\"/openapi.json\">/openapi.json</a>.";

fn main() -> io::Result<()> {
    let root = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").ok_or(io::ErrorKind::NotFound)?);
    let out = PathBuf::from(env::var_os("OUT_DIR").ok_or(io::ErrorKind::NotFound)?);
    let panel = root.join("panel");
    println!("cargo::rerun-if-changed={}", panel.display());

    let mut files = BTreeMap::new();
    if panel.is_dir() {
        collect(&panel, &panel, &mut files)?;
    }
    if !files.contains_key("/index.html") {
        let path = out.join("index.html");
        fs::write(&path, EMPTY)?;
        files.insert("/index.html".to_owned(), path);
    }
    let mut code = String::from("/// Sorted by path.\nstatic FILES: &[File] = &[\n");
    for (url, path) in files {
        let extension = path.extension().and_then(|e| e.to_str()).unwrap_or_default();
        let Some((_, media_type)) = KINDS.iter().find(|(kind, _)| *kind == extension) else {
            continue;
        };
        let mut hash = DefaultHasher::new();
        let content = fs::read(&path)?;
        content.hash(&mut hash);
        // A path that is not UTF-8 could not stand in the source.
        let Some(path) = path.to_str() else { continue };
        let etag = format!("\"{:016x}\"", hash.finish());
        code.extend([
            format!("    File {{ path: {url:?}, media_type: {media_type:?}, "),
            format!("etag: {etag:?}, content: include_bytes!({path:?}) }},\n"),
        ]);
    }
    code += "];\n";
    fs::write(out.join("panel.rs"), code)
}

/// Files by their URL. Folders of tools and tests, and hidden ones, stay outside.
fn collect(root: &Path, folder: &Path, files: &mut BTreeMap<String, PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if name.starts_with('.') || ["node_modules", "test", "tests", "e2e"].contains(&name) {
            continue;
        }
        if path.is_dir() {
            println!("cargo::rerun-if-changed={}", path.display());
            collect(root, &path, files)?;
        } else if let Ok(relative) = path.strip_prefix(root)
            && KINDS.iter().any(|(kind, _)| path.extension().is_some_and(|e| e == *kind))
        {
            println!("cargo::rerun-if-changed={}", path.display());
            files.insert(format!("/{}", relative.display()), path);
        }
    }
    Ok(())
}
