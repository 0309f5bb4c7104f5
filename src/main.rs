//! Arguments and standard streams in, exit code out.

use std::process::ExitCode;

fn main() -> ExitCode {
    ExitCode::from(rconnect::run(std::env::args_os(), &mut std::io::stdout(), &mut std::io::stderr()))
}
