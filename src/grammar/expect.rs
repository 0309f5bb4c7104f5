//! The words of `--expect`: outcomes and groups of them.

use strsim::levenshtein;

use crate::model::{Expected, Outcome};

/// Groups of outcomes, each with a word of its own.
pub const GROUPS: [(&str, &[Outcome]); 3] = [
    ("open", &[Outcome::Connected]),
    ("closed", &[Outcome::Refused, Outcome::Reset, Outcome::SelfConnected]),
    ("blocked", &[Outcome::Denied, Outcome::Unreachable, Outcome::TimedOut]),
];

/// They say that nothing was tried, or not to its end.
const NO_RESULTS: [Outcome; 3] = [Outcome::Interrupted, Outcome::Cancelled, Outcome::Skipped];

/// Reads a list of outcomes and groups, separated by commas.
///
/// # Errors
/// One line that names the nearest word.
pub fn parse(text: &str) -> Result<Expected, String> {
    let words = text.split(',').map(word).collect::<Result<Vec<Vec<Outcome>>, String>>()?;
    Ok(words.into_iter().flatten().collect())
}

fn word(text: &str) -> Result<Vec<Outcome>, String> {
    let known = meanings().find(|(word, _)| *word == text);
    known.map(|(_, outcomes)| outcomes).ok_or_else(|| unknown(text))
}

/// Every word that is known, the groups first.
pub fn words() -> impl Iterator<Item = &'static str> {
    meanings().map(|(word, _)| word)
}

fn meanings() -> impl Iterator<Item = (&'static str, Vec<Outcome>)> {
    let outcomes = Outcome::ALL.iter().filter(|outcome| !NO_RESULTS.contains(outcome));
    let groups = GROUPS.iter().map(|&(word, outcomes)| (word, outcomes.to_vec()));
    groups.chain(outcomes.map(|&outcome| (outcome.slug(), vec![outcome])))
}

fn unknown(text: &str) -> String {
    if NO_RESULTS.iter().any(|outcome| outcome.slug() == text) {
        return format!("'{text}' is not a result of an attempt and cannot be expected");
    }
    let small = text.trim().to_lowercase();
    match words().min_by_key(|word| levenshtein(&small, word)) {
        Some(nearest) if levenshtein(&small, nearest) <= nearest.len() / 2 => {
            format!("unknown outcome '{text}': did you mean '{nearest}'?")
        }
        _ => format!("unknown outcome '{text}': expected open, closed, blocked or an outcome such as refused"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_and_groups_are_sets_of_outcomes() {
        for (text, expected) in [
            ("open", "connected"),
            ("closed", "refused, reset, self-connected"),
            ("blocked", "timed-out, unreachable, denied"),
            ("refused", "refused"),
            ("refused,open,refused", "connected, refused"),
            ("unresolved", "unresolved"),
        ] {
            assert_eq!(parse(text).map(|expected| expected.to_string()), Ok(expected.into()), "{text}");
        }
    }

    #[test]
    fn an_unknown_word_is_refused_with_the_nearest() {
        for (text, nearest) in [
            ("close", "closed"),
            ("Refused", "refused"),
            ("timeout", "timed-out"),
            ("open, closed", "closed"),
            ("conected", "connected"),
            ("unreachabel", "unreachable"),
        ] {
            let error = parse(text).expect_err(text);
            assert!(error.ends_with(&format!("did you mean '{nearest}'?")), "{error}");
        }
        for text in ["", "open,", "ECONNREFUSED", "xyzzy"] {
            let error = parse(text).expect_err(text);
            assert!(error.contains("expected open, closed, blocked"), "{error}");
        }
        assert_eq!(parse("skipped"), Err("'skipped' is not a result of an attempt and cannot be expected".into()));
    }
}
