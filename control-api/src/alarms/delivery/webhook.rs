//! HTTP POST of each notice as JSON.
//!
//! One request at a time, each on a connection of its own, in the order of the notices. What
//! is answered with 2xx is delivered. 400, 413 and 422 say that this receiver will never take
//! this notice, so it is dropped; everything else is tried again.
//!
//! With a secret, `Ormatrix-Signature` is `sha256=` and the hexadecimal HMAC-SHA256 (RFC 2104)
//! of the value of `Ormatrix-Timestamp` (seconds since the Unix epoch), a full stop, and the
//! body: a receiver that refuses old timestamps cannot be told an old request again.

use std::fmt::Write;

use axum::{
    body::Body,
    http::{Request, StatusCode, header},
};
use hmac::{Hmac, KeyInit, Mac};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use sha2::Sha256;
use tokio::time::timeout;

use super::{
    BackOff, HOST, PATIENCE,
    connect::{self, Tls},
    outbox::Outbox,
};
use crate::{
    alarms::{
        alarm::Notice,
        settings::{Secret, Target, WebhookSettings},
    },
    api::alarms::AlarmEvent,
    app::App,
};

/// Most octets of an answer that are read.
const ANSWER_MAX: usize = 64 * 1024;

/// Why a notice was not taken.
enum Failure {
    /// Not now.
    Later(String),
    /// Not ever.
    Never(String),
}

/// Delivers until it is dropped.
pub(super) async fn run(app: &App, outbox: &Outbox, tls: &Tls, settings: &WebhookSettings) {
    let Some(url) = &settings.url else { return };
    let mut again = BackOff::new();
    loop {
        let notice = outbox.next().await;
        // A second for each attempt: a receiver judges requests by their age.
        let seconds = app.clock.unix() / 1_000_000_000;
        match post(&url.0, tls, settings.secret.as_ref(), &notice, seconds).await {
            Ok(()) => {
                outbox.delivered();
                again = BackOff::new();
            }
            Err(Failure::Never(reason)) => outbox.refused(&reason),
            Err(Failure::Later(reason)) => {
                outbox.failed(&reason);
                again.pause().await;
            }
        }
    }
}

async fn post(
    target: &Target,
    tls: &Tls,
    secret: Option<&Secret>,
    notice: &Notice,
    seconds: u64,
) -> Result<(), Failure> {
    let mut body = AlarmEvent::of(notice).json();
    body["host"] = HOST.as_str().into();
    let body = body.to_string();
    let mut request = Request::post(&target.path)
        .header(header::HOST, target.authority())
        .header(header::CONTENT_TYPE, "application/json")
        .header(header::USER_AGENT, concat!("ormatrix/", env!("CARGO_PKG_VERSION")))
        .header(header::CONNECTION, "close")
        .header("ormatrix-event", "alarm")
        .header("ormatrix-delivery", format!("{}-{}", notice.alarm.episode, notice.at))
        .header("ormatrix-timestamp", seconds.to_string());
    if let Some(secret) = secret {
        request = request.header("ormatrix-signature", signature(secret, seconds, &body));
    }
    let request = request
        .body(body)
        .map_err(|error| Failure::Never(format!("it cannot be asked for: {error}")))?;
    let tls = (target.scheme == "https").then_some(tls);
    let connection = connect::open(target, tls).await.map_err(Failure::Later)?;
    let exchange = async {
        let (mut sender, connection) = http1::handshake(TokioIo::new(connection)).await?;
        // Ends with the answer, or when this exchange is given up.
        tokio::spawn(connection);
        let answer = sender.send_request(request).await?;
        let status = answer.status();
        // Whoever answers at length is heard out, so that it sees no broken connection.
        let _ = axum::body::to_bytes(Body::new(answer.into_body()), ANSWER_MAX).await;
        Ok::<_, hyper::Error>(status)
    };
    let status = timeout(PATIENCE, exchange)
        .await
        .map_err(|_| Failure::Later(format!("no answer within {} s", PATIENCE.as_secs())))?
        .map_err(|error| Failure::Later(format!("no answer: {error}")))?;
    let said = format!("it answers {status}");
    match status {
        status if status.is_success() => Ok(()),
        StatusCode::BAD_REQUEST
        | StatusCode::PAYLOAD_TOO_LARGE
        | StatusCode::UNPROCESSABLE_ENTITY => Err(Failure::Never(said)),
        status if status.is_redirection() => {
            Err(Failure::Later(format!("{said}: give the URL that it leads to")))
        }
        _ => Err(Failure::Later(said)),
    }
}

fn signature(secret: &Secret, seconds: u64, body: &str) -> String {
    // RFC 2104 takes keys of any length.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret.reveal().as_bytes()) else {
        return String::new();
    };
    mac.update(format!("{seconds}.{body}").as_bytes());
    let mut text = "sha256=".to_owned();
    for octet in mac.finalize().into_bytes() {
        // Writing to a string cannot fail.
        let _ = write!(text, "{octet:02x}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signed_as_others_sign() {
        // printf '1769851800.{}' | openssl dgst -sha256 -hmac hush
        let secret = Secret::try_from("hush".to_owned()).unwrap();
        assert_eq!(
            signature(&secret, 1_769_851_800, "{}"),
            "sha256=a4a42cdea8f2d260a403db025bca82d1273e6e849a46e3cd042593ccceaf0f9b"
        );
    }
}
