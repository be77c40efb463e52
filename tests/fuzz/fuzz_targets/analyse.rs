//! Runs `ormatrix_sink::analyse::fuzz` under libFuzzer.

#![no_main]

libfuzzer_sys::fuzz_target!(|octets: &[u8]| ormatrix_sink::analyse::fuzz(octets));
