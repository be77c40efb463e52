//! The one connection to the router.
//!
//! One task owns the socket: it connects (with back-off), takes the greeting as the truth,
//! keeps the [`Mirror`] up to date, publishes what happens, and brings each reply to the
//! one who asked. While the router is away there is no mirror, and asking fails at once.
//!
//! Events and replies are applied in the order in which the router wrote them, so whoever
//! got a reply finds in the mirror everything the router told before it.

mod connection;

use std::{
    path::{Path, PathBuf},
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use futures_util::{StreamExt, stream};
use ormatrix_protocol::{Command, Refusal, Reply, RequestId};
use ormatrix_settings::log::TRACED;
use tokio::sync::{mpsc, oneshot, watch};
use tracing::Instrument;

use crate::{events::Events, http::request_id, mirror::Mirror};

/// How long a reply may take; the router answers within microseconds.
pub const REPLY_WITHIN: Duration = Duration::from_secs(5);

/// Questions of a list that are on their way at a time.
const AT_ONCE: usize = 64;

/// Why the router did not do it.
#[derive(Debug, thiserror::Error)]
pub enum AskError {
    /// Not connected; nothing was sent.
    #[error("the router is not connected at {socket}")]
    Away {
        /// Where it is looked for.
        socket: String,
    },
    /// Sent, and the connection ended before an answer.
    #[error("the connection to the router ended before it answered")]
    Lost,
    /// It said no.
    #[error("{0}")]
    Refused(Refusal),
}

/// A command on its way, and where its answer goes.
struct Job {
    command: Command,
    /// The request that it is for, if it is for one.
    request_id: Option<RequestId>,
    answer: oneshot::Sender<Result<Reply, AskError>>,
}

/// A handle to the connection. Cheap to clone.
#[derive(Clone)]
pub struct Router {
    socket: Arc<Path>,
    jobs: mpsc::Sender<Job>,
    hang_up: Arc<tokio::sync::Notify>,
    /// How many work through long lists of commands at this moment.
    hushed: Arc<AtomicUsize>,
    mirror: Arc<RwLock<Option<Mirror>>>,
    revision: watch::Receiver<u64>,
    connection: watch::Receiver<Option<u64>>,
}

/// See [`Router::hush`].
pub struct Hushed(Arc<AtomicUsize>);

impl Drop for Hushed {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Router {
    /// Starts to look for the router at `socket`; ends when every handle is gone.
    pub fn connect(socket: PathBuf, events: Arc<Events>) -> Self {
        let (jobs, inbox) = mpsc::channel(256);
        let (revise, revision) = watch::channel(0);
        let (connect, connection) = watch::channel(None);
        let router = Self {
            socket: socket.into(),
            jobs,
            hang_up: Arc::default(),
            hushed: Arc::default(),
            mirror: Arc::default(),
            revision,
            connection,
        };
        let keeper = connection::Keeper {
            socket: router.socket.clone(),
            hang_up: router.hang_up.clone(),
            hushed: router.hushed.clone(),
            mirror: router.mirror.clone(),
            revise,
            connect,
            events,
        };
        tokio::spawn(keeper.run(inbox));
        router
    }

    /// Asks, and waits for the answer.
    ///
    /// # Errors
    /// [`AskError`]; a router that does not answer within [`REPLY_WITHIN`] is hung up on and
    /// counts as lost.
    pub async fn ask(&self, command: Command) -> Result<Reply, AskError> {
        if !self.connected() {
            return Err(self.away());
        }
        let span = tracing::info_span!(
            target: TRACED, "ask the router", otel.kind = "client", command = command.name()
        );
        let (answer, answered) = oneshot::channel();
        let request_id = request_id::present();
        self.jobs.send(Job { command, request_id, answer }).await.map_err(|_| self.away())?;
        match tokio::time::timeout(REPLY_WITHIN, answered).instrument(span).await {
            Ok(Ok(result)) => result,
            Ok(Err(_)) => Err(AskError::Lost),
            Err(_) => {
                tracing::error!(within = ?REPLY_WITHIN, "the router does not answer; hanging up");
                self.hang_up.notify_one();
                Err(AskError::Lost)
            }
        }
    }

    /// While what this gives is held, a change of the router's inventory does not have its
    /// whole status asked for: of a long list of changes each would. Who holds it asks at the
    /// end.
    pub fn hush(&self) -> Hushed {
        self.hushed.fetch_add(1, Ordering::Relaxed);
        Hushed(self.hushed.clone())
    }

    /// Asks many things, in order, without waiting for each answer before the next question:
    /// of a long list the waits would be the longest part. What was refused, in order.
    ///
    /// # Errors
    /// As [`Self::ask`], but for refusals; then some were done and some were not.
    pub async fn ask_all(
        &self,
        commands: Vec<Command>,
    ) -> Result<Vec<(Command, Refusal)>, AskError> {
        let asked = commands
            .into_iter()
            .map(|command| async { (command.clone(), self.ask(command).await) });
        let mut answers = stream::iter(asked).buffered(AT_ONCE);
        let mut refused = Vec::new();
        while let Some((command, answer)) = answers.next().await {
            match answer {
                Ok(_) => {}
                Err(AskError::Refused(refusal)) => refused.push((command, refusal)),
                Err(error) => return Err(error),
            }
        }
        Ok(refused)
    }

    /// Brings the mirror up to date after an inventory change. A failure shows by itself:
    /// the connection is gone, and with it the mirror.
    pub async fn refresh(&self) {
        let _ = self.ask(Command::Status).await;
    }

    /// Whether the router is connected and has greeted.
    pub fn connected(&self) -> bool {
        self.read(|mirror| mirror.is_some())
    }

    /// Looks at the mirror; `None` while the router is away. Keep it short: the connection
    /// waits meanwhile.
    pub fn read<T>(&self, look: impl FnOnce(Option<&Mirror>) -> T) -> T {
        look(self.mirror.read().unwrap_or_else(PoisonError::into_inner).as_ref())
    }

    /// Changes with every change of the mirror.
    pub fn revisions(&self) -> watch::Receiver<u64> {
        self.revision.clone()
    }

    /// The number of the present connection, `None` while there is none. Every connection
    /// has another number.
    pub fn connections(&self) -> watch::Receiver<Option<u64>> {
        self.connection.clone()
    }

    /// Not connected, as an error.
    pub fn away(&self) -> AskError {
        AskError::Away { socket: self.socket.display().to_string() }
    }
}
