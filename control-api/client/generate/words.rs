//! Lists of words: `"enum"` of strings.
//!
//! `typify` would make closed lists of them, with which one new word of a newer server makes a
//! whole answer unreadable. Here each has a place for words that this client does not know.

use proc_macro2::TokenStream;
use quote::quote;
use serde_json::Value;

use super::{Unfit, names, unknown};

/// Where a word goes that is not in the list.
const UNLISTED: &str = "Unlisted";

/// The words, if a schema is a list of such.
pub fn of(schema: &Value) -> Option<Vec<&str>> {
    schema["enum"].as_array()?.iter().map(Value::as_str).collect()
}

/// The type of a list of words.
pub fn make(name: &str, schema: &Value, words: &[&str]) -> Result<TokenStream, Unfit> {
    let at = format!("components/schemas/{name}");
    let doc = schema["description"].as_str().unwrap_or(name);
    let ident = names::of_type(name, &at)?;
    let mut variants = Vec::new();
    for word in words {
        let variant = names::of_type(word, &at)?;
        if variant == UNLISTED || variants.contains(&variant) {
            return Err(unknown(at, format!("two words are called {variant}")));
        }
        variants.push(variant);
    }
    let docs = words.iter().map(|word| format!("`{word}`"));
    Ok(quote! {
        #[doc = #doc]
        #[derive(Clone, Debug, PartialEq, Eq, Hash, ::serde::Serialize, ::serde::Deserialize)]
        #[serde(from = "String", into = "String")]
        #[non_exhaustive]
        pub enum #ident {
            #(#[doc = #docs] #variants,)*
            /// A word that this client does not know, as it was said.
            Unlisted(String),
        }

        impl #ident {
            /// The word, as the API says it.
            pub fn as_str(&self) -> &str {
                match self {
                    #(Self::#variants => #words,)*
                    Self::Unlisted(word) => word,
                }
            }
        }

        impl From<&str> for #ident {
            fn from(word: &str) -> Self {
                match word {
                    #(#words => Self::#variants,)*
                    word => Self::Unlisted(word.to_owned()),
                }
            }
        }

        impl From<String> for #ident {
            fn from(word: String) -> Self {
                Self::from(word.as_str())
            }
        }

        impl From<#ident> for String {
            fn from(word: #ident) -> Self {
                word.as_str().to_owned()
            }
        }

        impl ::std::fmt::Display for #ident {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                f.pad(self.as_str())
            }
        }
    })
}
