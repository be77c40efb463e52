//! The API as its callers see it, against a fake router. One file a scenario.
#![forbid(unsafe_code)]

mod alarm_delivery;
mod alarm_mqtt;
mod alarms;
mod analysis;
<<<<<<< HEAD
mod backup;
=======
mod aside;
>>>>>>> 3a88a8f (Tell Prometheus of takes, measurements, requests, database and processes)
mod bad_requests;
mod bench;
mod clock;
mod command_line;
mod commit_failure;
mod damaged_store;
mod events;
mod failover;
mod fake_router;
mod full_disk;
mod inventory;
mod killed;
mod levels;
mod locks;
mod lost_updates;
mod notify;
mod openapi;
mod presets;
mod probes;
mod process;
mod reconcile;
<<<<<<< HEAD
mod reload;
mod restart;
mod retries;
=======
>>>>>>> 3a88a8f (Tell Prometheus of takes, measurements, requests, database and processes)
mod request_ids;
mod restart;
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
mod top;
