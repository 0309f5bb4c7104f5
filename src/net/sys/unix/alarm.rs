//! An interval timer that interrupts a call which blocks.

#![allow(unsafe_code, reason = "the platform layer: each block says why it is sound")]

use std::io;
use std::ptr;
use std::time::{Duration, Instant};

use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, Signal, sigaction};

use crate::net::clock;

/// While it lives, SIGALRM interrupts this process from an instant on, each 10 ms in case the first comes before the
/// call that it is for. SO_SNDTIMEO bounds connect() on Linux only, and there to the kernel's ticks: 17 ms late in a
/// second.
///
/// The timer and the handler are the process's, and as they were when this is dropped.
pub struct Alarm(SigAction);

impl Alarm {
    /// # Errors
    /// sigaction(2), setitimer(2).
    pub fn at(instant: Instant) -> io::Result<Alarm> {
        let action = SigAction::new(SigHandler::Handler(on_alarm), SaFlags::empty(), SigSet::empty());
        // SAFETY: the handler does nothing, which signal-safety(7) allows.
        let alarm = Alarm(unsafe { sigaction(Signal::SIGALRM, &action) }?);
        // Zero would stop the timer; rounded up, it is not early.
        let left = instant.saturating_duration_since(clock::now()) + Duration::from_micros(1);
        set_timer(left, Duration::from_millis(10))?;
        Ok(alarm)
    }
}

impl Drop for Alarm {
    fn drop(&mut self) {
        // Neither can fail: the arguments are valid. The timer goes first, or its signal would end the process.
        let _ = set_timer(Duration::ZERO, Duration::ZERO);
        // SAFETY: the disposition was valid before.
        let _ = unsafe { sigaction(Signal::SIGALRM, &self.0) };
    }
}

extern "C" fn on_alarm(_: libc::c_int) {}

fn set_timer(first: Duration, again: Duration) -> io::Result<()> {
    let value = |duration: Duration| libc::timeval {
        tv_sec: duration.as_secs() as libc::time_t,
        tv_usec: duration.subsec_micros() as libc::suseconds_t,
    };
    let timer = libc::itimerval { it_interval: value(again), it_value: value(first) };
    // SAFETY: the structure lives through the call; no old value is asked for.
    match unsafe { libc::setitimer(libc::ITIMER_REAL, &timer, ptr::null_mut()) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}
