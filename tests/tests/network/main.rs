//! The router between real network interfaces: multicast with its membership reports,
//! interfaces that come and go, offloads, fragments. Each test builds three hosts and cables
//! of its own (see [`ormatrix_tests::namespace`]) and needs root.

mod interfaces;
mod multicast;
mod offload;
mod site;
