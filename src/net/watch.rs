//! The counters of this machine, looked at while attempts are silent: one list for all attempts of a run.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::classify::silence::{self, Silent};
use crate::model::{Counters, LocalDrop};
use crate::net::{clock, sys};

/// A look is young enough for every attempt that ends so soon after it.
const YOUNG: Duration = Duration::from_millis(150);

/// Looks are kept so long. Linux itself gives a connect up after 135 s.
const KEPT: Duration = Duration::from_secs(150);

/// What was seen so far, oldest first.
#[derive(Debug, Default)]
pub struct Watch(Mutex<VecDeque<Counters>>);

impl Watch {
    /// Looks at the counters now.
    pub fn look(&self) {
        Watch::add(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// What this machine dropped while the attempt was silent. Where nothing was looked at meanwhile, nothing is now.
    pub fn explain(&self, silent: Silent) -> Option<LocalDrop> {
        // Without a second SYN there is nothing to compare: no thread waits for another one that looks.
        if silent.resent == 0 {
            return None;
        }
        let mut looks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let last = looks.back()?.at;
        if clock::now() > last + YOUNG {
            Watch::add(&mut looks);
        }
        silence::explain(silent, looks.make_contiguous())
    }

    fn add(looks: &mut VecDeque<Counters>) {
        let Some(counters) = sys::counters() else { return };
        while looks.front().is_some_and(|look| look.at + KEPT < counters.at) {
            looks.pop_front();
        }
        looks.push_back(counters);
    }
}
