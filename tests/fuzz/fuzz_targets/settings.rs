//! Runs `ormatrix_tests::fuzz::settings` under libFuzzer.

#![no_main]

libfuzzer_sys::fuzz_target!(|octets: &[u8]| ormatrix_tests::fuzz::settings(octets));
