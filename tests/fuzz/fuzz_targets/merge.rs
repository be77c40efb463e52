//! Runs `ormatrix_tests::fuzz::merge` under libFuzzer.

#![no_main]

libfuzzer_sys::fuzz_target!(|octets: &[u8]| ormatrix_tests::fuzz::merge(octets));
