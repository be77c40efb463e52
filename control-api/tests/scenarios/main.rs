//! The API as its callers see it, against a fake router. One file a scenario.
#![forbid(unsafe_code)]

mod analysis;
mod backup;
mod bad_requests;
mod bench;
mod clock;
mod command_line;
mod commit_failure;
mod damaged_store;
mod events;
mod failover;
mod fake_router;
mod inventory;
mod killed;
mod levels;
mod locks;
mod lost_updates;
mod openapi;
mod presets;
mod probes;
mod process;
mod reconcile;
mod restart;
mod retries;
mod router_away;
mod router_refuses;
mod scheduled;
mod sdp;
mod site;
mod slow_clients;
mod slow_disk;
mod stills;
mod surroundings;
mod takes;
mod undo;
mod zones;
