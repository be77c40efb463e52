//! Connections: how many, and how long a client may take.
//!
//! A client that sends slowly, or nothing, or reads nothing, is hung up on, so that it cannot
//! keep a connection from others. A stream of events has no limit of its own: it lasts as
//! long as its client takes what it is sent.

use std::{io, pin::pin, sync::Arc, time::Duration};

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{Semaphore, watch},
    task::JoinSet,
    time::sleep,
};

/// How long to wait when the system has no more connections to give.
const BREATHER: Duration = Duration::from_millis(200);

/// What clients may take of this process. Nothing else limits them.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// For the headers of a request, from the end of the request before; so also how long a
    /// connection may idle.
    pub headers: Duration,
    /// For the body of a request, whole.
    pub body: Duration,
    /// For a client to take what it was sent.
    pub unread: Duration,
    /// Connections at a time, streams of events included; others wait until one ends. Half
    /// of the files that a process may open unless told otherwise.
    pub connections: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            headers: Duration::from_secs(30),
            body: Duration::from_secs(30),
            unread: Duration::from_secs(30),
            connections: 512,
        }
    }
}

/// Serves until the end is asked for; then lets requests under way finish.
pub async fn serve(
    listener: TcpListener,
    service: Router,
    limits: Limits,
    mut ending: watch::Receiver<bool>,
) {
    let room = Arc::new(Semaphore::new(limits.connections));
    let mut open = JoinSet::new();
    loop {
        let next = async {
            let place = room.clone().acquire_owned().await;
            (place, accept(&listener).await)
        };
        let (place, stream) = tokio::select! {
            next = next => next,
            _ = ending.wait_for(|end| *end) => break,
        };
        let one = connection(stream, service.clone(), limits, ending.clone());
        open.spawn(async move {
            let _place = place;
            one.await;
        });
        while open.try_join_next().is_some() {}
    }
    drop(listener);
    while open.join_next().await.is_some() {}
}

/// The next client; a shortage of files is waited out.
async fn accept(listener: &TcpListener) -> TcpStream {
    use io::ErrorKind as E;
    loop {
        match listener.accept().await {
            Ok((stream, _)) => return stream,
            // The client was gone before it was greeted.
            Err(error)
                if matches!(
                    error.kind(),
                    E::ConnectionRefused | E::ConnectionAborted | E::ConnectionReset
                ) => {}
            Err(error) => {
                tracing::error!(%error, "cannot accept a connection; trying again");
                sleep(BREATHER).await;
            }
        }
    }
}

/// Serves one client to its end.
async fn connection(
    stream: TcpStream,
    service: Router,
    limits: Limits,
    mut ending: watch::Receiver<bool>,
) {
    // Answers and events are small and wanted at once.
    let set = stream.set_nodelay(true).and_then(|()| {
        // Also ends a stream of events whose client vanished without a word.
        socket2::SockRef::from(&stream).set_tcp_user_timeout(Some(limits.unread))
    });
    if let Err(error) = set {
        tracing::debug!(%error, "the client is gone already");
        return;
    }
    let serving = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.headers)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(service));
    let mut serving = pin!(serving);
    let end = async {
        let _ = ending.wait_for(|end| *end).await;
    };
    let ended = tokio::select! {
        ended = serving.as_mut() => ended,
        () = end => {
            serving.as_mut().graceful_shutdown();
            serving.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection ended early");
    }
}
