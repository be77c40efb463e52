//! Runs `st2110::fuzz::session` under libFuzzer.

#![no_main]

libfuzzer_sys::fuzz_target!(|octets: &[u8]| st2110::fuzz::session(octets));
