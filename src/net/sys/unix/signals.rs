//! SIGINT and SIGTERM end the run, SIGCONT wakes it.

#![allow(unsafe_code, reason = "the platform layer: each block says why it is sound")]

use std::ptr;
use std::sync::atomic::{AtomicI32, Ordering};

use crate::net::sys::Signal;

static CAUGHT: AtomicI32 = AtomicI32::new(0);

extern "C" fn on_signal(number: libc::c_int) {
    CAUGHT.store(number, Ordering::Relaxed);
}

/// Makes SIGINT and SIGTERM end the run instead of the process.
///
/// They stay blocked but for the moments in which we wait, so that none falls between the look at the flag and ppoll(2),
/// which lets them in as one step (sigaction(2)); no SA_RESTART, so that a blocking connect() returns EINTR.
pub fn catch_signals() {
    // SAFETY: the structures are zeroed, then filled by the calls that own their layout; the handler only stores to
    // an atomic, which signal-safety(7) allows.
    unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        action.sa_sigaction = on_signal as *const () as libc::sighandler_t;
        for signal in [libc::SIGINT, libc::SIGTERM] {
            let mut before: libc::sigaction = std::mem::zeroed();
            libc::sigaction(signal, &action, &mut before);
            // nohup(1), or a shell that started us in the background, had it ignored: it stays so.
            if before.sa_sigaction == libc::SIG_IGN {
                libc::sigaction(signal, &before, ptr::null_mut());
            }
        }
        // Stopped and continued, a wait would go on with what was left of it: woken, it looks at the clock.
        action.sa_sigaction = on_continue as *const () as libc::sighandler_t;
        libc::sigaction(libc::SIGCONT, &action, ptr::null_mut());
        mask(libc::SIG_BLOCK);
    }
}

extern "C" fn on_continue(_: libc::c_int) {}

/// The signal that came, if one did.
pub fn signal() -> Option<Signal> {
    match CAUGHT.load(Ordering::Relaxed) {
        libc::SIGINT => Some(Signal::Interrupt),
        libc::SIGTERM => Some(Signal::Terminate),
        _ => None,
    }
}

/// Blocks SIGINT and SIGTERM in this thread, or lets them in.
pub fn mask(how: libc::c_int) {
    // SAFETY: sigemptyset() initialises the set before it is read.
    unsafe {
        let mut set: libc::sigset_t = std::mem::zeroed();
        libc::sigemptyset(&mut set);
        libc::sigaddset(&mut set, libc::SIGINT);
        libc::sigaddset(&mut set, libc::SIGTERM);
        // Where it ends a blocking connect(), it is for the thread that connects alone.
        #[cfg(not(target_os = "linux"))]
        libc::sigaddset(&mut set, libc::SIGALRM);
        libc::pthread_sigmask(how, &set, ptr::null_mut());
    }
}
