//! A command runs in a child, and its exit code becomes that of this process.

use std::ffi::OsString;
use std::io;
use std::process::{Command, exit};

/// Runs the command to its end and ends this process with its exit code; gives why it could not be run. The console
/// sends Ctrl-C to both processes, and this one waits for the command.
///
/// # Errors
/// CreateProcess.
pub fn execute(command: &[OsString]) -> io::Error {
    let Some((program, arguments)) = command.split_first() else { return io::ErrorKind::InvalidInput.into() };
    match Command::new(program).args(arguments).status() {
        Ok(status) => exit(status.code().unwrap_or(1)),
        Err(error) => error,
    }
}
