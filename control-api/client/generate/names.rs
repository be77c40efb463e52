//! Names of Rust from names of the API.

use proc_macro2::{Ident, Span};

use super::{Unfit, unknown};

/// A type's or variant's name: `no-signal` is `NoSignal`, `YCbCr-4:2:2` is `YCbCr422`.
pub fn of_type(text: &str, at: &str) -> Result<Ident, Unfit> {
    let mut name = String::new();
    for part in text.split(|c: char| !c.is_ascii_alphanumeric()) {
        let mut rest = part.chars();
        name.extend(rest.next().map(|first| first.to_ascii_uppercase()));
        name.push_str(rest.as_str());
    }
    // No name begins with a digit.
    if name.starts_with(|c: char| c.is_ascii_digit()) {
        name.insert(0, 'X');
    }
    ident(&name, text, at)
}

/// A method's, member's or parameter's name: `If-Match` is `if_match`.
pub fn of_value(text: &str, at: &str) -> Result<Ident, Unfit> {
    let name: String = text
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '_' })
        .collect();
    ident(&name, text, at)
}

fn ident(name: &str, text: &str, at: &str) -> Result<Ident, Unfit> {
    // Words that Rust keeps to itself are refused here too.
    match syn::parse_str::<Ident>(name) {
        Ok(_) => Ok(Ident::new(name, Span::call_site())),
        Err(_) => Err(unknown(at, format!("no name can be made of '{text}'"))),
    }
}
