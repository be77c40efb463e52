//! What ties the matrix to a machine.
//!
//! [`doctor`] tells what this host offers and lacks for the job. Beside this crate's code lie
//! the files that change a host: `setup/` (Debian packages), `sysctl/` (kernel settings),
//! `systemd/` (services), and `up.toml` for hosts without systemd.

#![forbid(unsafe_code)]

pub mod doctor;
