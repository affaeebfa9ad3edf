//! The program `wassert`; everything is in the library.

fn main() -> std::process::ExitCode {
    wassert::cli::main()
}
