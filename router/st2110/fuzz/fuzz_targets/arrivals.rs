//! Runs `st2110::analysis::fuzz::arrivals` under libFuzzer.

#![no_main]

libfuzzer_sys::fuzz_target!(|octets: &[u8]| st2110::analysis::fuzz::arrivals(octets));
