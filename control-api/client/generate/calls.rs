//! A method for each call.
//!
//! It is called as the call (`operationId`); what a call may be given beside what it must be is a
//! type of its own (`…Options`). A call that takes several media types has a method for each, the
//! others called after theirs. A call whose answers differ by status answers a type of its own
//! (`…Answer`).

use proc_macro2::{Ident, Literal, Span, TokenStream};
use quote::{format_ident, quote};
use serde_json::Value;

use super::{
    Unfit,
    document::{self, Body, Call, Kind, Parameter, Payload, Place},
    names, unknown,
};

/// Every method, and what belongs to it.
pub fn all(description: &Value) -> Result<TokenStream, Unfit> {
    let calls = document::calls(description)?;
    let (mut types, mut methods, mut listed) = (Vec::new(), Vec::new(), Vec::new());
    for call in &calls {
        let options = options(call)?;
        let answer = answer(call)?;
        types.extend([options.clone(), answer.code.clone()]);
        if call.bodies.is_empty() {
            methods.push(method(call, None, &answer, !options.is_empty())?);
        }
        for body in &call.bodies {
            methods.push(method(call, Some(body), &answer, !options.is_empty())?);
        }
        let (id, path) = (&call.id, &call.path);
        let way = &call.method;
        listed.push(quote!(Operation { id: #id, method: #way, path: #path }));
    }
    Ok(quote! {
        /// Every call that this client knows.
        pub const OPERATIONS: &[Operation] = &[#(#listed),*];

        #(#types)*

        impl Client {
            #(#methods)*
        }
    })
}

/// A type's name: the call's in capitals, and what it is.
fn named(call: &Call, what: &str) -> Result<Ident, Unfit> {
    let name = names::of_type(&call.id, &call.path)?;
    Ok(format_ident!("{name}{what}"))
}

/// The parameters that need not be given, as a type; nothing where there are none.
fn options(call: &Call) -> Result<TokenStream, Unfit> {
    let mut members = Vec::new();
    for given in call.parameters.iter().filter(|given| !given.required) {
        let (doc, name) = (&given.doc, names::of_value(&given.name, &call.path)?);
        let kind = match given.kind {
            Kind::Text => quote!(String),
            Kind::Number => quote!(u64),
            Kind::Truth => quote!(bool),
        };
        members.push(quote!(#[doc = #doc] pub #name: Option<#kind>,));
    }
    if members.is_empty() {
        return Ok(TokenStream::new());
    }
    let name = named(call, "Options")?;
    let doc = format!("What [`Client::{}`] may be given.", call.id);
    Ok(quote! {
        #[doc = #doc]
        #[derive(Clone, Debug, Default)]
        pub struct #name { #(#members)* }
    })
}

/// What a method answers.
struct Answered {
    /// The type.
    kind: TokenStream,
    /// That type, where it is the call's own.
    code: TokenStream,
    /// From a request to an answer.
    finish: TokenStream,
}

fn answer(call: &Call) -> Result<Answered, Unfit> {
    let plain = |kind, finish| Answered { kind, code: TokenStream::new(), finish };
    let mut types = Vec::new();
    for (status, payload) in &call.answers {
        match payload {
            Payload::Json(kind) => types.push((*status, kind)),
            _ if call.answers.len() > 1 => {
                return Err(unknown(&*call.path, "its answers are of several kinds"));
            }
            Payload::Text => return Ok(plain(quote!(String), quote!(self.text(request)))),
            Payload::Octets => return Ok(plain(quote!(Vec<u8>), quote!(self.octets(request)))),
            Payload::Events => return Ok(plain(quote!(Events), quote!(self.listen_to(request)))),
            Payload::Nothing => return Ok(plain(quote!(()), quote!(self.nothing(request)))),
        }
    }
    let statuses = types.iter().map(|(status, _)| Literal::u16_unsuffixed(*status));
    let statuses = quote!(&[#(#statuses),*]);
    let (_, first) = types[0];
    if types.iter().all(|(_, kind)| kind.to_string() == first.to_string()) {
        let kind = quote!(Answer<#first>);
        return Ok(plain(kind, quote!(self.json(request, #statuses))));
    }
    let name = named(call, "Answer")?;
    let (mut variants, mut arms) = (Vec::new(), Vec::new());
    for (status, kind) in &types {
        let (variant, doc) = match status {
            200 => ("Done", "200: it is done."),
            201 => ("Created", "201: it was added."),
            202 => ("Accepted", "202: it is accepted, and not done yet."),
            _ => return Err(unknown(&*call.path, format!("the status {status} is not known"))),
        };
        let variant = Ident::new(variant, Span::call_site());
        let status = Literal::u16_unsuffixed(*status);
        variants.push(quote!(#[doc = #doc] #variant(Answer<#kind>),));
        arms.push(quote!(#status => #name::#variant(answer.typed()),));
    }
    let doc = format!("What [`Client::{}`] answers.", call.id);
    Ok(Answered {
        kind: quote!(#name),
        code: quote! {
            #[doc = #doc]
            #[derive(Clone, Debug)]
            pub enum #name { #(#variants)* }
        },
        finish: quote! {{
            let answer = self.json::<Value>(request, #statuses)?;
            Ok(match answer.status() {
                #(#arms)*
                status => return Err(self.not_ours(status)),
            })
        }},
    })
}

fn method(
    call: &Call,
    body: Option<&Body>,
    answer: &Answered,
    has_options: bool,
) -> Result<TokenStream, Unfit> {
    let (id, way) = (&call.id, &call.method);
    let mut name = names::of_value(id, &call.path)?;
    let mut arguments = Vec::new();
    let mut request = vec![quote!(let mut request = Request::new(#id, #way);)];
    request.extend(path(call)?);
    for given in call.parameters.iter().filter(|given| given.required) {
        let ident = names::of_value(&given.name, &call.path)?;
        arguments.push(match given.kind {
            Kind::Text => quote!(#ident: &str),
            Kind::Number => quote!(#ident: u64),
            Kind::Truth => quote!(#ident: bool),
        });
        request.push(give(given, &ident));
    }
    if let Some(body) = body {
        let media_type = &body.media_type;
        let (kind, send) = match &body.payload {
            Payload::Json(kind) => (quote!(#kind), quote!(request.json(body)?;)),
            Payload::Text => (quote!(str), quote!(request.body(#media_type, body.as_bytes());)),
            Payload::Octets => (quote!([u8]), quote!(request.body(#media_type, body);)),
            Payload::Events | Payload::Nothing => {
                return Err(unknown(&*call.path, "such a body cannot be sent"));
            }
        };
        if body.required {
            arguments.push(quote!(body: &#kind));
            request.push(send);
        } else {
            arguments.push(quote!(body: Option<&#kind>));
            request.push(quote!(if let Some(body) = body { #send }));
        }
        if call.bodies.len() > 1 && media_type != "application/json" {
            let suffix = media_type.rsplit('/').next().unwrap_or_default();
            let suffix = names::of_value(suffix, &call.path)?;
            name = format_ident!("{name}_{suffix}");
        }
    }
    if has_options {
        let kind = named(call, "Options")?;
        arguments.push(quote!(options: &#kind));
        for given in call.parameters.iter().filter(|given| !given.required) {
            let ident = names::of_value(&given.name, &call.path)?;
            let give = give(given, &ident);
            request.push(quote!(if let Some(#ident) = &options.#ident { #give }));
        }
    }
    let doc = format!("{}\n\n`{way} {}`", call.doc, call.path);
    let Answered { kind, finish, .. } = answer;
    Ok(quote! {
        #[doc = #doc]
        pub fn #name(&self, #(#arguments),*) -> Result<#kind, Error> {
            #(#request)*
            #finish
        }
    })
}

/// The path, part by part.
fn path(call: &Call) -> Result<Vec<TokenStream>, Unfit> {
    let mut parts = Vec::new();
    for part in call.path.trim_start_matches('/').split('/') {
        match part.strip_prefix('{').and_then(|part| part.strip_suffix('}')) {
            None if part.contains(['{', '}']) => {
                return Err(unknown(&*call.path, "a parameter is only a part of a segment"));
            }
            None => parts.push(quote!(request.segment(#part);)),
            Some(name) => {
                let ident = names::of_value(name, &call.path)?;
                let given = call.parameters.iter().find(|given| given.name == name);
                let text = said(&ident, given.is_none_or(|given| given.kind == Kind::Text));
                parts.push(quote!(request.segment(#text);));
            }
        }
    }
    Ok(parts)
}

/// Gives a parameter its value; those of the path have it already.
fn give(given: &Parameter, value: &Ident) -> TokenStream {
    let (name, text) = (&given.name, said(value, given.kind == Kind::Text));
    match given.place {
        Place::Path => TokenStream::new(),
        Place::Query => quote!(request.query(#name, #text);),
        Place::Header => quote!(request.header(#name, #text);),
    }
}

/// A value as text.
fn said(value: &Ident, is_text: bool) -> TokenStream {
    if is_text { quote!(#value) } else { quote!(&#value.to_string()) }
}
