//! The `wharf` binary: hands its arguments to the command line.

use std::process::ExitCode;

fn main() -> ExitCode {
    wharf::cli::main()
}
