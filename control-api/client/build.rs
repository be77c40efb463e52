//! Makes types and calls of `control-api/openapi.json`, anew whenever that changes.
//!
//! What the description holds and this does not understand fails the build: a client from which
//! something is missing would not show that.

mod generate;

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::ExitCode,
};

use generate::Unfit;

/// The description, beside this crate.
const DESCRIPTION: &str = "../openapi.json";

fn main() -> ExitCode {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=generate");
    println!("cargo::rerun-if-changed={DESCRIPTION}");
    match make() {
        Ok(()) => ExitCode::SUCCESS,
        Err(unfit) => {
            println!("cargo::error=control-api/openapi.json: {unfit}");
            ExitCode::FAILURE
        }
    }
}

fn make() -> Result<(), Unfit> {
    let folder = |name| env::var_os(name).map(PathBuf::from).ok_or(Unfit::NotByCargo(name));
    let description = folder("CARGO_MANIFEST_DIR")?.join(DESCRIPTION);
    let out = folder("OUT_DIR")?;
    let description = generate::read(&fs::read(&description)?)?;
    put(&out.join("types.rs"), generate::types::all(&description)?)?;
    put(&out.join("calls.rs"), generate::calls::all(&description)?)
}

/// Writes code so that it can be read: editors lead people there.
fn put(path: &Path, code: proc_macro2::TokenStream) -> Result<(), Unfit> {
    let file = syn::parse2(code)?;
    Ok(fs::write(path, prettyplease::unparse(&file))?)
}
