//! One heap of deadlines for everything that waits for its time.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Instant;

/// Entries that may be out of date before the heap is cleaned, beside as many as are live.
const SLACK: usize = 64;

/// A heap of instants. An entry may be out of date: its owner has ended, or has another deadline by now. The owner knows,
/// so each question takes a function that tells which entries are live.
#[derive(Debug)]
pub struct Timers<T> {
    heap: BinaryHeap<Reverse<(Instant, T)>>,
}

impl<T: Ord + Copy> Timers<T> {
    /// Without entries.
    pub fn new() -> Self {
        Timers { heap: BinaryHeap::new() }
    }

    /// Adds an entry.
    pub fn push(&mut self, at: Instant, entry: T) {
        self.heap.push(Reverse((at, entry)));
    }

    /// Takes the earliest live entry, if it is due by `now`.
    pub fn pop(&mut self, now: Instant, is_live: impl Fn(Instant, T) -> bool) -> Option<T> {
        self.peek(is_live).filter(|&at| at <= now)?;
        self.heap.pop().map(|Reverse((_, entry))| entry)
    }

    /// The instant of the earliest live entry.
    pub fn peek(&mut self, is_live: impl Fn(Instant, T) -> bool) -> Option<Instant> {
        while let Some(&Reverse((at, entry))) = self.heap.peek() {
            if is_live(at, entry) {
                return Some(at);
            }
            self.heap.pop();
        }
        None
    }

    /// Keeps the heap as short as what is live: most attempts end long before their deadline.
    pub fn clean(&mut self, live: usize, is_live: impl Fn(Instant, T) -> bool) {
        if self.heap.len() > 2 * live + SLACK {
            self.heap.retain(|&Reverse((at, entry))| is_live(at, entry));
        }
    }

    /// Entries, those that are out of date included.
    #[cfg(test)]
    pub fn len(&self) -> usize {
        self.heap.len()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn due_entries_come_in_order_and_dead_ones_never() {
        let now = crate::net::clock::now();
        let at = |ms| now + Duration::from_millis(ms);
        let mut timers = Timers::new();
        [(30, 3), (10, 1), (20, 2)].into_iter().for_each(|(ms, entry)| timers.push(at(ms), entry));
        let live = |_, entry| entry != 1;
        assert_eq!(timers.peek(live), Some(at(20)));
        assert_eq!(timers.pop(at(19), live), None);
        assert_eq!(
            (timers.pop(at(30), live), timers.pop(at(30), live), timers.pop(at(99), live)),
            (Some(2), Some(3), None)
        );
    }

    #[test]
    fn dead_entries_do_not_pile_up() {
        let now = crate::net::clock::now();
        let mut timers = Timers::new();
        for entry in 0..100_000 {
            timers.push(now, entry);
            timers.clean(1, |_, other| other == entry);
        }
        assert!(timers.len() <= 2 + SLACK, "{}", timers.len());
    }
}
