//! A value that one thread changes and another waits for.

use std::sync::{Condvar, Mutex, MutexGuard};
use std::time::Instant;

/// The value, and the news of its changes.
#[derive(Default)]
pub struct Watched<T>(Mutex<T>, Condvar);

impl<T> Watched<T> {
    /// Starts with this.
    pub fn new(value: T) -> Watched<T> {
        Watched(Mutex::new(value), Condvar::new())
    }

    /// Looks at the value as it is.
    pub fn lock(&self) -> MutexGuard<'_, T> {
        self.0.lock().expect("a thread of the lab panicked")
    }

    /// Changes the value, and tells.
    pub fn update<R>(&self, change: impl FnOnce(&mut T) -> R) -> R {
        let result = change(&mut self.lock());
        self.1.notify_all();
        result
    }

    /// Waits until `ready` finds what it looks for; `None` at the deadline.
    pub fn wait<R>(&self, deadline: Instant, mut ready: impl FnMut(&mut T) -> Option<R>) -> Option<R> {
        let mut value = self.lock();
        loop {
            if let Some(found) = ready(&mut value) {
                return Some(found);
            }
            let left = deadline.checked_duration_since(Instant::now())?;
            value = self.1.wait_timeout(value, left).expect("a thread of the lab panicked").0;
        }
    }
}
