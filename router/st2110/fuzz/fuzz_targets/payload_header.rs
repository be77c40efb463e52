//! Runs `st2110::fuzz::payload_header` under libFuzzer.

#![no_main]

libfuzzer_sys::fuzz_target!(|octets: &[u8]| st2110::fuzz::payload_header(octets));
