//! A source that gives the same targets again, round after round.

use std::cell::RefCell;

use anyhow::Result;

use crate::app::input::Input;
use crate::net::clock;
use crate::net::driver::Source;
use crate::net::sys::Waiter;
use crate::schedule::Next;
use crate::schedule::rounds::{Rounds, Turn};

/// The targets of every round. Names are looked up again, and files read again, in each.
pub struct Again<'a> {
    rounds: &'a RefCell<Rounds>,
    read: Box<dyn Fn() -> Result<Input>>,
    /// What the round under way has left.
    input: Option<Input>,
    /// What ended the rounds.
    pub error: Option<anyhow::Error>,
}

impl<'a> Again<'a> {
    /// Nothing given yet; `read` gives the targets of a round.
    pub fn new(rounds: &'a RefCell<Rounds>, read: Box<dyn Fn() -> Result<Input>>) -> Self {
        Again { rounds, read, input: None, error: None }
    }

    /// Every target of the round is decided, if one was under way: waits, begins the next, or ends.
    fn turn(&mut self) -> Turn {
        let (mut rounds, now) = (self.rounds.borrow_mut(), clock::now());
        rounds.over(now);
        rounds.turn(now)
    }

    /// When the run is over: whether there should have been more rounds.
    fn left(&self) -> Next {
        let mut rounds = self.rounds.borrow_mut();
        rounds.over(clock::now());
        if rounds.has_more() { Next::Unread } else { Next::Exhausted }
    }

    fn fail(&mut self, error: anyhow::Error) -> Next {
        self.error = Some(error);
        Next::Exhausted
    }
}

impl Source for Again<'_> {
    fn next(&mut self, waiter: &mut Waiter, over: bool) -> Next {
        if let Some(mut input) = self.input.take() {
            match (input.next(waiter, over), input.error.take()) {
                (_, Some(error)) => return self.fail(error),
                (Next::Exhausted, None) if over => return Next::Exhausted,
                (Next::Exhausted, None) => return Next::Barrier,
                (next, None) => {
                    self.input = Some(input);
                    return next;
                }
            }
        }
        if over && self.error.is_none() {
            return self.left();
        }
        if self.error.is_some() {
            return Next::Exhausted;
        }
        match self.turn() {
            Turn::End => Next::Exhausted,
            Turn::Wait(until) => Next::Later(Some(until)),
            Turn::Begin => match (self.read)() {
                Ok(input) => {
                    self.input = Some(input);
                    self.next(waiter, over)
                }
                Err(error) => self.fail(error),
            },
        }
    }
}
