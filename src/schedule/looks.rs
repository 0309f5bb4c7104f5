//! When the counters of this machine are looked at, which explain silence (`classify::silence`): for all attempts in
//! flight together, and not before the first of them was silent for a while.

use super::*;
use crate::classify::silence;

/// Least time between two looks, however many attempts are in flight.
const APART: Duration = Duration::from_millis(150);

impl Schedule {
    /// An attempt begins: it wants a look if nobody answers.
    pub(super) fn expect_look(&mut self, now: Instant, owner: Owner) {
        if self.policy.looks && self.may_be_explained(owner) {
            self.look_at = earliest(self.look_at, Some(now + silence::LOOKS[0]));
        }
    }

    /// Takes the look that is due, if an attempt still wants it.
    pub(super) fn look(&mut self, now: Instant) -> Option<Step> {
        self.look_at.take_if(|at| *at <= now)?;
        let explained = self.running.iter().filter(|(_, running)| self.may_be_explained(running.owner));
        let ages = explained.filter_map(|(_, running)| Some(now.saturating_duration_since(running.started?)));
        let (mut wanted, mut next) = (false, None::<Duration>);
        for age in ages {
            wanted |= age >= silence::LOOKS[0];
            let left = silence::LOOKS.iter().find(|look| **look > age).map(|look| *look - age);
            next = next.into_iter().chain(left).min();
        }
        self.look_at = next.map(|left| now + left.max(APART));
        wanted.then_some(Step::Look)
    }

    fn may_be_explained(&self, owner: Owner) -> bool {
        matches!(owner, Owner::Candidate { probe, .. } if self.probes[probe].protocol == Protocol::Tcp)
    }
}
