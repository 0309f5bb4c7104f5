//! SIGINT and SIGTERM end the run, and then the process; SIGCONT wakes the run; SIGQUIT may ask for the statistics.

#![allow(unsafe_code, reason = "the platform layer: each block says why it is sound")]

use std::io::{self, IsTerminal};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, SigmaskHow, Signal as Number, raise, sigaction};
use nix::sys::stat::fstat;

use crate::model::Signal;
use crate::net::clock;

/// When signals began to be caught. Empty in a program that uses the library: its signals are its own.
static BEGIN: OnceLock<Instant> = OnceLock::new();

/// The first signal, or 0.
static CAUGHT: AtomicI32 = AtomicI32::new(0);

/// When the first signal came, in milliseconds since [`BEGIN`].
static FIRST: AtomicU64 = AtomicU64::new(0);

/// A line on standard input is a request.
static READS_LINES: AtomicBool = AtomicBool::new(false);

/// The statistics are asked for.
static REQUESTED: AtomicBool = AtomicBool::new(false);

/// Signals that come within this time count as one: timeout(1) sends each signal to its child and then to the group.
const TOGETHER: Duration = Duration::from_millis(100);

/// The first signal is noted. A later one ends the process at once, also while the reader of its output stalls.
extern "C" fn on_signal(number: libc::c_int) {
    let Some(since) = BEGIN.get().map(|&begin| clock::now().saturating_duration_since(begin)) else { return };
    let since = since.as_millis() as u64;
    if CAUGHT.compare_exchange(0, number, Ordering::SeqCst, Ordering::SeqCst).is_ok() {
        FIRST.store(since, Ordering::SeqCst);
    } else if since - FIRST.load(Ordering::SeqCst) >= TOGETHER.as_millis() as u64 {
        die(number);
    }
}

extern "C" fn on_continue(_: libc::c_int) {}

extern "C" fn on_request(_: libc::c_int) {
    request();
}

/// Makes SIGINT and SIGTERM end the run, and the process after it. For the program alone: it changes the dispositions of
/// the process.
///
/// Without SA_RESTART, so that a blocking connect() or write() returns EINTR.
pub fn catch_signals() {
    BEGIN.get_or_init(clock::now);
    let handler = |handler, mask| SigAction::new(SigHandler::Handler(handler), SaFlags::empty(), mask);
    for number in [Number::SIGINT, Number::SIGTERM] {
        catch(number, &handler(on_signal, ending()));
    }
    // Stopped and continued, a wait would go on with what was left of it: woken, it looks at the clock.
    // SAFETY: the handler does nothing.
    let _ = unsafe { sigaction(Number::SIGCONT, &handler(on_continue, SigSet::empty())) };
}

/// Takes SIGQUIT, and lines on a terminal, for requests from now on. For the program alone, as [`catch_signals`].
///
/// With SA_RESTART: a request interrupts no call but the wait. Behind a pipe there may be a pager, whose keys the terminal
/// is read for.
pub fn catch_requests() {
    catch(Number::SIGQUIT, &SigAction::new(SigHandler::Handler(on_request), SaFlags::SA_RESTART, SigSet::empty()));
    let pipe = fstat(io::stdout()).is_ok_and(|stat| stat.st_mode & libc::S_IFMT == libc::S_IFIFO);
    READS_LINES.store(io::stdin().is_terminal() && !pipe, Ordering::SeqCst);
}

/// Whether lines on standard input are to be read now: a process in the background that reads from its terminal is stopped
/// (SIGTTIN).
pub fn reads_lines() -> bool {
    // SAFETY: neither call takes a pointer; the first one fails where standard input is not the controlling terminal.
    READS_LINES.load(Ordering::SeqCst) && unsafe { libc::tcgetpgrp(libc::STDIN_FILENO) == libc::getpgrp() }
}

/// Takes what there is on standard input: a request, or its end.
pub fn read_line() {
    match nix::unistd::read(io::stdin(), &mut [0; 1024]) {
        Ok(1..) => request(),
        Err(Errno::EINTR | Errno::EAGAIN) => {}
        Ok(0) | Err(_) => READS_LINES.store(false, Ordering::SeqCst),
    }
}

/// Somebody asks for the statistics.
fn request() {
    REQUESTED.store(true, Ordering::SeqCst);
}

/// Whether somebody asks for the statistics.
pub fn is_requested() -> bool {
    REQUESTED.load(Ordering::SeqCst)
}

/// Whether somebody has asked for the statistics since the last call.
pub fn take_request() -> bool {
    REQUESTED.swap(false, Ordering::SeqCst)
}

/// nohup(1), or a shell that started us in the background, may have it ignored: it stays so.
fn catch(number: Number, action: &SigAction) {
    // SAFETY: the handlers of this file use atomics, the monotonic clock and what signal-safety(7) lists.
    let before = unsafe { sigaction(number, action) };
    if let Ok(before) = before
        && matches!(before.handler(), SigHandler::SigIgn)
    {
        // SAFETY: SIG_IGN is a valid disposition.
        let _ = unsafe { sigaction(number, &before) };
    }
}

/// SIGINT and SIGTERM that are caught end the process again; those that are ignored stay so.
pub fn release() {
    let default = SigAction::new(SigHandler::SigDfl, SaFlags::empty(), SigSet::empty());
    for number in [Number::SIGINT, Number::SIGTERM] {
        // SAFETY: SIG_DFL is a valid disposition, and what was there before was one, too.
        unsafe {
            if let Ok(before) = sigaction(number, &default)
                && matches!(before.handler(), SigHandler::SigIgn)
            {
                let _ = sigaction(number, &before);
            }
        }
    }
}

/// The signal that came, if one did.
pub fn signal() -> Option<Signal> {
    match CAUGHT.load(Ordering::SeqCst) {
        libc::SIGINT => Some(Signal::Interrupt),
        libc::SIGTERM => Some(Signal::Terminate),
        _ => None,
    }
}

/// Ends the process by the signal that was caught, as if it had never been caught: a shell ends a loop or a pipeline
/// only when its child died of the signal. Returns for the first process of a container, whom no signal ends.
pub fn die_of(signal: Signal) {
    die(match signal {
        Signal::Interrupt => libc::SIGINT,
        Signal::Terminate => libc::SIGTERM,
    });
}

fn die(number: libc::c_int) {
    let Ok(number) = Number::try_from(number) else { return };
    let default = SigAction::new(SigHandler::SigDfl, SaFlags::empty(), SigSet::empty());
    // SAFETY: SIG_DFL is a valid disposition; sigaction() and raise() are in the list of signal-safety(7).
    let _ = unsafe { sigaction(number, &default) };
    let _ = raise(number);
}

fn ending() -> SigSet {
    SigSet::from_iter([Number::SIGINT, Number::SIGTERM])
}

/// The signals that this program handles, blocked in this thread until this is dropped. Where none is caught the mask
/// stays as it is.
#[derive(Debug)]
pub struct Held(Option<SigSet>);

impl Held {
    /// Blocks them.
    pub fn begin() -> Held {
        let handled = [Number::SIGINT, Number::SIGTERM, Number::SIGCONT, Number::SIGALRM, Number::SIGQUIT];
        let handled = SigSet::from_iter(handled);
        Held(BEGIN.get().and_then(|_| handled.thread_swap_mask(SigmaskHow::SIG_BLOCK).ok()))
    }

    /// The mask as it was before.
    #[cfg(not(target_vendor = "apple"))]
    pub fn before(&self) -> *const libc::sigset_t {
        self.0.as_ref().map_or(std::ptr::null(), |before| std::ptr::from_ref(before.as_ref()))
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        // The mask was valid before, and is again.
        let _ = self.0.map(|before| before.thread_set_mask());
    }
}

/// Calls `make`, which makes a thread. The thread inherits the mask, so that signals interrupt the thread that waits.
pub fn without_signals<T>(make: impl FnOnce() -> T) -> T {
    let _held = Held::begin();
    make()
}
