//! The outcomes that a user expects.

use std::fmt;

use super::Outcome;

/// A set of outcomes, as `--expect` gives it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Expected(u32);

impl Expected {
    /// Whether the outcome is one of them.
    pub fn contains(self, outcome: Outcome) -> bool {
        self.0 & bit(outcome) != 0
    }
}

fn bit(outcome: Outcome) -> u32 {
    1 << outcome as u32
}

impl FromIterator<Outcome> for Expected {
    fn from_iter<I: IntoIterator<Item = Outcome>>(outcomes: I) -> Self {
        Expected(outcomes.into_iter().fold(0, |bits, outcome| bits | bit(outcome)))
    }
}

/// The words, in the documented order, separated by commas.
impl fmt::Display for Expected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words: Vec<&str> =
            Outcome::ALL.iter().filter(|&&word| self.contains(word)).map(|word| word.slug()).collect();
        f.write_str(&words.join(", "))
    }
}
