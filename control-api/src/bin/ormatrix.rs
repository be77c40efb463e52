//! The technician's command line.

fn main() -> std::process::ExitCode {
    ormatrix_control::cli::main()
}
