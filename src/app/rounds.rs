//! A source that gives the same targets again, round after round.

use std::cell::RefCell;
use std::io::{self, IsTerminal, Write};

use anyhow::Result;

use crate::app::input::Input;
use crate::app::results::{note, one_line};
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
    /// Why the last round was put off, if it was.
    put_off: Option<String>,
    quiet: bool,
    /// What ended the rounds.
    pub error: Option<anyhow::Error>,
}

impl<'a> Again<'a> {
    /// Nothing given yet; `read` gives the targets of a round, and `quiet` wants no notes.
    pub fn new(rounds: &'a RefCell<Rounds>, read: Box<dyn Fn() -> Result<Input>>, quiet: bool) -> Self {
        Again { rounds, read, input: None, put_off: None, quiet, error: None }
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

    /// The targets of a round cannot be read. In a later round that is waited out: an editor may be about to write the
    /// file. It ends the first round, and rounds that are counted.
    fn fails(&mut self, error: anyhow::Error, is_first: bool) -> bool {
        if is_first || self.rounds.borrow().is_counted() {
            self.error = Some(error);
            return true;
        }
        let line = one_line(&error);
        if !self.quiet && self.put_off.as_ref() != Some(&line) {
            let mut err = io::stderr();
            if err.is_terminal() {
                // The status line gives way.
                let _ = write!(err, "\r\x1b[K");
            }
            note(&mut err, &format!("{line}: waiting for the targets"));
        }
        self.put_off = Some(line);
        false
    }

    /// The targets ended within a round: those that are left out make it a bad one.
    fn breaks(&mut self, error: anyhow::Error, over: bool) -> Next {
        let is_first = self.rounds.borrow().number() == 1;
        if self.fails(error, is_first) || over {
            return Next::Exhausted;
        }
        self.rounds.borrow_mut().spoil();
        Next::Barrier
    }

    /// A round that cannot begin is none.
    fn put_off(&mut self, error: anyhow::Error) -> Next {
        let now = clock::now();
        self.rounds.borrow_mut().put_off(now);
        let is_first = self.rounds.borrow().number() == 0;
        if self.fails(error, is_first) {
            return Next::Exhausted;
        }
        // The next turn tells when.
        Next::Later(Some(now))
    }
}

impl Source for Again<'_> {
    fn next(&mut self, waiter: &mut Waiter, over: bool) -> Next {
        if let Some(mut input) = self.input.take() {
            match (input.next(waiter, over), input.error.take()) {
                (_, Some(error)) => return self.breaks(error, over),
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
                    self.put_off = None;
                    self.input = Some(input);
                    self.next(waiter, over)
                }
                Err(error) => self.put_off(error),
            },
        }
    }
}
