//! The `ormatrix` command line.
