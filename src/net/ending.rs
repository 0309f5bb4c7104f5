//! Attempts that have ended: what the system still has to be asked, and what they came to.

use std::time::Duration;

use crate::classify::verdict;
use crate::model::{Attempt, Event, Outcome};
use crate::net::evidence::{self, Known};
use crate::net::spare::Spare;
use crate::net::watch::Watch;

/// An attempt that has ended.
#[derive(Debug)]
pub struct Ending {
    /// What is known of it.
    pub known: Known,
    /// 1 for the first try of this address.
    pub number: u32,
    /// Its steps, where they are recorded.
    pub events: Vec<Event>,
    /// Its socket may be kept for another attempt.
    pub spares: bool,
}

/// Asks the system about attempts, all of them together.
pub fn ask<'a>(endings: impl Iterator<Item = &'a mut Ending>, watch: &Watch) {
    let mut known: Vec<&mut Known> = endings.map(|ending| &mut ending.known).collect();
    evidence::complete(&mut known, watch);
}

impl Ending {
    /// What it came to, once the system has been asked.
    pub fn attempt(self: Box<Self>, spare: &Spare) -> Box<Attempt> {
        let Ending { known: Known { socket, evidence, .. }, number, events, spares } = *self;
        let attempt = Box::new(verdict::attempt(evidence, number, events));
        if attempt.outcome == Outcome::SelfConnected {
            // Closed by FIN, the port would be in TIME_WAIT, and the service that it is for could not start.
            let _ = socket.set_linger(Some(Duration::ZERO));
        }
        if spares {
            spare.keep(&attempt, socket);
        }
        attempt
    }
}
