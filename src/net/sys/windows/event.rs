//! Events, and a wait for handles that ends at an instant.

use std::io;
use std::os::windows::io::{AsRawHandle, FromRawHandle, OwnedHandle};
use std::ptr;
use std::time::Instant;

use windows_sys::Win32::Foundation::{FALSE, HANDLE, TRUE, WAIT_FAILED, WAIT_OBJECT_0};
use windows_sys::Win32::System::Threading::{
    CREATE_WAITABLE_TIMER_HIGH_RESOLUTION, CreateEventW, CreateWaitableTimerExW, INFINITE, ResetEvent, SetEvent,
    SetWaitableTimer, TIMER_ALL_ACCESS, WaitForMultipleObjects,
};

use crate::net::clock;

/// An event that stays set until it is reset.
///
/// # Errors
/// CreateEventW().
pub fn event() -> io::Result<OwnedHandle> {
    // SAFETY: no attributes, no name; a handle that is not null is ours alone.
    unsafe { owned(CreateEventW(ptr::null(), TRUE, FALSE, ptr::null())) }
}

/// Sets an event.
pub fn set(event: &OwnedHandle) {
    // SAFETY: the event is open.
    unsafe { SetEvent(event.as_raw_handle()) };
}

/// Resets an event.
pub fn reset(event: &OwnedHandle) {
    // SAFETY: the event is open.
    unsafe { ResetEvent(event.as_raw_handle()) };
}

/// # Safety
/// `handle` is null after a failed call, or a handle that nobody else closes.
unsafe fn owned(handle: HANDLE) -> io::Result<OwnedHandle> {
    if handle.is_null() {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: as the caller promises.
    Ok(unsafe { OwnedHandle::from_raw_handle(handle) })
}

/// Waits for handles until an instant, to a tenth of a millisecond: the time-out of the wait itself counts ticks of up
/// to 16 ms.
pub struct Alarm(OwnedHandle);

impl Alarm {
    /// A timer of high resolution, which Windows has since 10, version 1803; a plain one elsewhere.
    ///
    /// # Errors
    /// CreateWaitableTimerExW().
    pub fn new() -> io::Result<Self> {
        // SAFETY: no attributes, no name; a handle that is not null is ours alone.
        let timer = |flags| unsafe { owned(CreateWaitableTimerExW(ptr::null(), ptr::null(), flags, TIMER_ALL_ACCESS)) };
        timer(CREATE_WAITABLE_TIMER_HIGH_RESOLUTION).or_else(|_| timer(0)).map(Alarm)
    }

    /// The first of `handles` that is set, by its place; `None` when `until` came first.
    ///
    /// # Errors
    /// SetWaitableTimer(), WaitForMultipleObjects().
    pub fn wait(&self, handles: &[HANDLE], until: Option<Instant>) -> io::Result<Option<usize>> {
        let mut handles = handles.to_vec();
        let awaited = handles.len();
        if let Some(until) = until {
            self.set(until)?;
            handles.push(self.0.as_raw_handle());
        }
        // SAFETY: the vector gives pointer and length, at most five; every handle is open.
        let found = unsafe { WaitForMultipleObjects(handles.len() as u32, handles.as_ptr(), FALSE, INFINITE) };
        match found {
            WAIT_FAILED => Err(io::Error::last_os_error()),
            found => Ok(Some((found - WAIT_OBJECT_0) as usize).filter(|&place| place < awaited)),
        }
    }

    fn set(&self, until: Instant) -> io::Result<()> {
        let left = until.saturating_duration_since(clock::now());
        // Units of 100 ns, rounded up; negative means from now on.
        let due = -i64::try_from(left.as_nanos().div_ceil(100)).unwrap_or(i64::MAX);
        // SAFETY: the timer is open; no routine is to be called.
        match unsafe { SetWaitableTimer(self.0.as_raw_handle(), &due, 0, None, ptr::null(), FALSE) } {
            0 => Err(io::Error::last_os_error()),
            _ => Ok(()),
        }
    }
}
