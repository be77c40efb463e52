//! How the process starts and ends.

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use tokio::{net::TcpListener, sync::watch, task::JoinHandle, time::timeout};

use crate::{
    alarms,
    app::{App, Shared, SharedClock},
    change::operations,
    http::{
        self,
        serve::{Limits, serve},
    },
    reconcile,
    settings::Settings,
    store::{Store, StoreError},
};

/// How long requests under way may take once the end is asked for.
const GRACE: Duration = Duration::from_millis(700);

/// Why the process cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The database cannot be used.
    #[error("{0}")]
    Store(#[from] StoreError),
    /// Another program listens there.
    #[error(
        "{address} is in use by another program: stop it (`ss -ltnp` names it), or choose \
         another address with --listen"
    )]
    Busy {
        /// Where.
        address: SocketAddr,
    },
    /// The address cannot be listened on.
    #[error("cannot listen on {address}: {reason}; choose another address with --listen")]
    Listen {
        /// Where.
        address: SocketAddr,
        /// What the system said.
        reason: io::Error,
    },
}

/// A control plane at work.
pub struct Running {
    /// Where it listens: with the port that the system chose, if it was to.
    pub address: SocketAddr,
    /// Its state.
    pub app: Shared,
    end: watch::Sender<bool>,
    serving: JoinHandle<()>,
}

/// Opens the database, listens, and looks for the router. It serves whether or not the
/// router is there, and whatever state the database is in.
pub async fn start(
    settings: Settings,
    limits: Limits,
    clock: SharedClock,
) -> Result<Running, StartError> {
    let listener = TcpListener::bind(settings.listen).await.map_err(|reason| {
        let address = settings.listen;
        match reason.kind() {
            io::ErrorKind::AddrInUse => StartError::Busy { address },
            _ => StartError::Listen { address, reason },
        }
    })?;
    let address = listener
        .local_addr()
        .map_err(|reason| StartError::Listen { address: settings.listen, reason })?;
    let (path, now) = (settings.database_path(), clock.unix());
    let opened = tokio::task::spawn_blocking(move || Store::open_somehow(&path, now));
    let (store, inventory) = opened.await.map_err(|_| StoreError::Thread)??;

    let (end, ending) = watch::channel(false);
    let app = Arc::new(App::new(settings, limits, clock, store, inventory, ending.clone()));
    alarms::begin(&app).await;
    tokio::spawn(reconcile::run(app.clone()));
    tokio::spawn(operations::watch_locks(app.clone()));
    let service = http::service(app.clone());
    let serving = tokio::spawn(async move {
        let serve = serve(listener, service, limits, ending.clone());
        let mut ending = ending;
        let overdue = async move {
            let _ = ending.wait_for(|end| *end).await;
            tokio::time::sleep(GRACE).await;
        };
        tokio::select! {
            () = serve => {}
            () = overdue => tracing::warn!("some requests were still under way at the end"),
        }
    });
    Ok(Running { address, app, end, serving })
}

impl Running {
    /// Ends: streams at once, requests under way within a moment.
    pub async fn stop(mut self) {
        self.end.send_replace(true);
        if timeout(GRACE * 2, &mut self.serving).await.is_err() {
            self.serving.abort();
        }
    }

    /// Waits until serving ends by itself, which is a fault.
    pub async fn ended(&mut self) {
        let _ = (&mut self.serving).await;
    }
}
