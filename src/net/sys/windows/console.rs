//! The console: Ctrl-C and its kin, colours. Text needs nothing: the standard library writes UTF-16 to a console,
//! whatever its code page, and UTF-8 to everything else.

use std::os::windows::io::{AsRawHandle, OwnedHandle};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use windows_sys::Win32::Foundation::{HANDLE, TRUE};
use windows_sys::Win32::System::Console::{
    CONSOLE_MODE, CONSOLE_SCREEN_BUFFER_INFO, CTRL_BREAK_EVENT, CTRL_C_EVENT, ENABLE_VIRTUAL_TERMINAL_PROCESSING,
    GetConsoleMode, GetConsoleScreenBufferInfo, GetStdHandle, STD_OUTPUT_HANDLE, SetConsoleCtrlHandler, SetConsoleMode,
};
use windows_sys::Win32::System::Threading::{INFINITE, Sleep};
use windows_sys::core::BOOL;

use super::event;
use crate::model::Signal;

/// No control event has this number.
const NONE: u32 = u32::MAX;

static CAUGHT: AtomicU32 = AtomicU32::new(NONE);

/// Set for good by the first control event.
static INTERRUPT: OnceLock<OwnedHandle> = OnceLock::new();

/// Runs in a thread that the system makes for it.
unsafe extern "system" fn on_control(event: u32) -> BOOL {
    CAUGHT.store(event, Ordering::SeqCst);
    INTERRUPT.get().inspect(|interrupt| event::set(interrupt));
    if !matches!(event, CTRL_C_EVENT | CTRL_BREAK_EVENT) {
        // "Close", "log off" and "shut down" end the process as soon as this returns, or after some seconds: the main
        // thread reports what is known, and ends it before.
        loop {
            // SAFETY: holds up this thread only.
            unsafe { Sleep(INFINITE) };
        }
    }
    TRUE
}

/// Makes Ctrl-C, Ctrl-Break and the closing of the console end the run instead of the process.
pub fn catch_signals() {
    let Ok(interrupt) = event::event() else { return };
    INTERRUPT.get_or_init(|| interrupt);
    // SAFETY: the handler stays valid as long as the process.
    unsafe { SetConsoleCtrlHandler(Some(on_control), TRUE) };
}

/// The signal that came, if one did.
pub fn signal() -> Option<Signal> {
    match CAUGHT.load(Ordering::SeqCst) {
        NONE => None,
        CTRL_C_EVENT | CTRL_BREAK_EVENT => Some(Signal::Interrupt),
        _ => Some(Signal::Terminate),
    }
}

/// A process ends by its exit code here, whatever came.
pub fn die_of(_: Signal) {}

/// Calls `make`, which makes a thread: control events have threads of their own.
pub fn without_signals<T>(make: impl FnOnce() -> T) -> T {
    make()
}

/// What a wait has to watch to notice a signal; `None` before [`catch_signals`].
pub fn interrupt() -> Option<HANDLE> {
    INTERRUPT.get().map(|interrupt| interrupt.as_raw_handle())
}

/// While it lives, a console understands colours.
#[derive(Debug)]
pub struct Coloring(Option<CONSOLE_MODE>);

impl Coloring {
    /// Makes a console on standard output understand escape sequences, as Windows 10 and later can; leaves anything
    /// else alone.
    pub fn begin() -> Self {
        let mut found = 0;
        // SAFETY: the handle belongs to the process, and is no console where this fails.
        let console = unsafe { GetConsoleMode(output(), &mut found) } != 0;
        let changes = console && found & ENABLE_VIRTUAL_TERMINAL_PROCESSING == 0;
        // SAFETY: as above; refused, nothing has changed.
        let changed = changes && unsafe { SetConsoleMode(output(), found | ENABLE_VIRTUAL_TERMINAL_PROCESSING) } != 0;
        Coloring(changed.then_some(found))
    }
}

impl Drop for Coloring {
    fn drop(&mut self) {
        if let Some(found) = self.0 {
            // SAFETY: the mode is the one that the console had.
            unsafe { SetConsoleMode(output(), found) };
        }
    }
}

/// Cells of a line of the console on standard output; `None` where it is no console.
pub fn terminal_width() -> Option<usize> {
    let mut found = CONSOLE_SCREEN_BUFFER_INFO::default();
    // SAFETY: the handle belongs to the process, and is no console where this fails; the structure is ours to be filled.
    let known = unsafe { GetConsoleScreenBufferInfo(output(), &mut found) } != 0;
    let columns = i32::from(found.srWindow.Right) - i32::from(found.srWindow.Left) + 1;
    usize::try_from(columns).ok().filter(|_| known)
}

fn output() -> HANDLE {
    // SAFETY: gives a handle of the process, which is not ours to close.
    unsafe { GetStdHandle(STD_OUTPUT_HANDLE) }
}
