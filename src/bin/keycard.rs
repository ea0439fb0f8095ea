//! The command `keycard`.

use std::process::ExitCode;

fn main() -> ExitCode {
    keycard::cli::main()
}
