//! A command takes the place of this process.

#![allow(unsafe_code, reason = "the platform layer: each block says why it is sound")]

use std::ffi::{CString, OsString};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::ptr;

use super::signals;

/// Executes the command with the signal dispositions, the signal mask and the descriptor limit that this process was
/// started with; gives why it could not. Where a signal has come, nothing is executed: [`super::signal`] tells.
///
/// # Errors
/// execvp(3); `Interrupted` after a signal.
pub fn execute(command: &[OsString]) -> io::Error {
    let words: Result<Vec<CString>, _> = command.iter().map(|word| CString::new(word.as_bytes())).collect();
    let Ok(words) = words else { return io::ErrorKind::InvalidInput.into() };
    let Some(program) = words.first() else { return io::ErrorKind::InvalidInput.into() };
    let pointers: Vec<_> = words.iter().map(|word| word.as_ptr()).chain([ptr::null()]).collect();
    // From here on a signal ends this process: none is lost between the last look and the command.
    signals::release();
    if signals::signal().is_some() {
        return io::ErrorKind::Interrupted.into();
    }
    super::restore_process();
    // SAFETY: the strings end with NUL, the array with a null pointer, and both live through the call.
    unsafe { libc::execvp(program.as_ptr(), pointers.as_ptr()) };
    io::Error::last_os_error()
}
