//! Runs `st2110::fuzz::rtp` under libFuzzer.

#![no_main]

libfuzzer_sys::fuzz_target!(|octets: &[u8]| st2110::fuzz::rtp(octets));
