//! What every handler shares.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard},
};

use ormatrix_io::Clock;
use tokio::sync::watch;

use crate::{
    alarms::Alarms,
    analysis::Analyses,
    events::Events,
    http::{idempotency::Keys, serve::Limits},
    inventory::Inventory,
    metrics::{HttpMetrics, TakeMetrics},
    router::Router,
    settings::Settings,
    stills::Stills,
    store::{Store, Write},
};

/// Time, shared between threads.
pub type SharedClock = Arc<dyn Clock + Send + Sync>;

/// Something of the inventory that the router does not have, and why.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Faults {
    /// By input id.
    pub inputs: BTreeMap<String, String>,
    /// By output id.
    pub outputs: BTreeMap<String, String>,
}

impl Faults {
    /// Whether the router has everything.
    pub fn none(&self) -> bool {
        self.inputs.is_empty() && self.outputs.is_empty()
    }
}

/// The state of the process.
pub struct App {
    /// As read at the start, or again since.
    settings: RwLock<Arc<Settings>>,
    /// What a client may take.
    pub limits: Limits,
    /// Where time comes from.
    pub clock: SharedClock,
    /// The inventory on disk.
    pub store: Store,
    inventory: RwLock<Inventory>,
    /// Changes of the inventory take turns: each holds this from its checks to its commit.
    /// Takes never do, so that none waits for the disk.
    pub changes: tokio::sync::Mutex<()>,
    /// What the router was asked for and the database has not confirmed. Changes hold it
    /// exclusively while they check and ask the router; takes share it while they do, so
    /// that what they checked still holds when the router does it. Locked after `changes`.
    pub unconfirmed: tokio::sync::RwLock<Option<Write>>,
    /// The connection to the router.
    pub router: Router,
    /// What is told to listeners.
    pub events: Arc<Events>,
    /// The latest still of each input.
    pub stills: Stills,
    /// What is measured of streams, and what somebody wants measured.
    pub analyses: Analyses,
    /// What is wrong, and who is told.
    pub alarms: Alarms,
    faults: Mutex<Faults>,
    /// The connection to the router that has been reconciled on, if there is one.
    pub reconciled: watch::Sender<Option<u64>>,
    /// Requests that will not be done twice.
    pub keys: Keys,
    /// Requests answered.
    pub http_metrics: HttpMetrics,
    /// Takes, as those who asked for them saw them.
    pub take_metrics: TakeMetrics,
    /// Becomes true when the process ends: streams end themselves then.
    pub ending: watch::Receiver<bool>,
}

/// The state as handlers hold it.
pub type Shared = Arc<App>;

impl App {
    /// Puts the parts together.
    pub fn new(
        settings: Settings,
        limits: Limits,
        clock: SharedClock,
        store: Store,
        inventory: Inventory,
        ending: watch::Receiver<bool>,
    ) -> Self {
        let events = Arc::new(Events::new(clock.unix()));
        let router = Router::connect(settings.router_socket.clone(), events.clone());
        let alarms = Alarms::new(&settings.alarms, events.clone());
        Self {
            settings: RwLock::new(Arc::new(settings)),
            limits,
            clock,
            store,
            inventory: RwLock::new(inventory),
            changes: tokio::sync::Mutex::default(),
            unconfirmed: tokio::sync::RwLock::default(),
            router,
            events,
            stills: Stills::default(),
            analyses: Analyses::default(),
            alarms,
            faults: Mutex::default(),
            reconciled: watch::Sender::new(None),
            keys: Keys::default(),
            http_metrics: HttpMetrics::default(),
            take_metrics: TakeMetrics::default(),
            ending,
        }
    }

    /// The settings as they are now; whoever holds them sees no later change.
    pub fn settings(&self) -> Arc<Settings> {
        self.settings.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Works by other settings from now on.
    pub fn set_settings(&self, settings: Settings) {
        *self.settings.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(settings);
    }

    /// The inventory, to look at; keep it short.
    pub fn inventory(&self) -> RwLockReadGuard<'_, Inventory> {
        self.inventory.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// The inventory, to change after the database has.
    pub fn inventory_mut(&self) -> RwLockWriteGuard<'_, Inventory> {
        self.inventory.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// What the router refused to take over.
    pub fn faults(&self) -> MutexGuard<'_, Faults> {
        self.faults.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
