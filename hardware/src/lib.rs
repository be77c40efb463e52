//! What ties the matrix to a machine.
//!
//! [`doctor`] tells what this host offers and lacks for the job. Beside this crate's code lie
//! the files that change a host: `setup/` (Debian packages), `sysctl/` (kernel settings) and
//! `systemd/` (services).

#![forbid(unsafe_code)]

pub mod doctor;
