//! The console: Ctrl-C and its kin, colours. Text needs nothing: the standard library writes UTF-16 to a console,
//! whatever its code page, and UTF-8 to everything else.

use std::io::{self, IsTerminal};
use std::os::windows::io::{AsRawHandle, OwnedHandle};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread;

use windows_sys::Win32::Foundation::{HANDLE, TRUE};
use windows_sys::Win32::System::Console::{
    CONSOLE_MODE, CONSOLE_SCREEN_BUFFER_INFO, CTRL_BREAK_EVENT, CTRL_C_EVENT, ENABLE_VIRTUAL_TERMINAL_PROCESSING,
    GetConsoleMode, GetConsoleScreenBufferInfo, GetStdHandle, STD_ERROR_HANDLE, STD_OUTPUT_HANDLE,
    SetConsoleCtrlHandler, SetConsoleMode,
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

/// Set while the statistics are asked for; made where requests are taken.
static REQUEST: OnceLock<OwnedHandle> = OnceLock::new();

static REQUESTED: AtomicBool = AtomicBool::new(false);

/// Runs in a thread that the system makes for it.
unsafe extern "system" fn on_control(event: u32) -> BOOL {
    if event == CTRL_BREAK_EVENT && REQUEST.get().is_some() {
        request();
        return TRUE;
    }
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

/// Takes Ctrl-Break, and lines on a console, for requests from now on. Behind a pipe there may be a pager, whose keys the
/// console is read for.
pub fn catch_requests() {
    let Ok(event) = event::event() else { return };
    REQUEST.get_or_init(|| event);
    if io::stdin().is_terminal() && io::stdout().is_terminal() {
        // Reading from a console cannot be waited for together with sockets; the thread ends with the process.
        let read = || {
            let mut line = String::new();
            while io::stdin().read_line(&mut line).is_ok_and(|bytes| bytes > 0) {
                line.clear();
                request();
            }
        };
        drop(thread::Builder::new().spawn(read));
    }
}

fn request() {
    REQUESTED.store(true, Ordering::SeqCst);
    REQUEST.get().inspect(|request| event::set(request));
}

/// Whether somebody has asked for the statistics since the last call.
pub fn take_request() -> bool {
    REQUEST.get().inspect(|request| event::reset(request));
    REQUESTED.swap(false, Ordering::SeqCst)
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
    INTERRUPT.get().map(AsRawHandle::as_raw_handle)
}

/// What a wait has to watch to notice a signal or a request; nothing before they are caught.
pub fn interrupts() -> impl Iterator<Item = HANDLE> {
    [&INTERRUPT, &REQUEST].into_iter().filter_map(OnceLock::get).map(AsRawHandle::as_raw_handle)
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
    width(output())
}

/// The same of the console on standard error.
pub fn status_width() -> Option<usize> {
    // SAFETY: gives a handle of the process, which is not ours to close.
    width(unsafe { GetStdHandle(STD_ERROR_HANDLE) })
}

fn width(console: HANDLE) -> Option<usize> {
    let mut found = CONSOLE_SCREEN_BUFFER_INFO::default();
    // SAFETY: the handle belongs to the process, and is no console where this fails; the structure is ours to be filled.
    let known = unsafe { GetConsoleScreenBufferInfo(console, &mut found) } != 0;
    let columns = i32::from(found.srWindow.Right) - i32::from(found.srWindow.Left) + 1;
    usize::try_from(columns).ok().filter(|_| known)
}

fn output() -> HANDLE {
    // SAFETY: gives a handle of the process, which is not ours to close.
    unsafe { GetStdHandle(STD_OUTPUT_HANDLE) }
}
