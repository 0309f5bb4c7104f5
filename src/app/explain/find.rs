//! What a query stands for: numbers, names, words, messages.

use serde::Serialize;

use super::texts;
use crate::classify::codes::{Row, System, TABLE};
use crate::classify::exit;
use crate::model::{By, Cause, Outcome, Phase};

/// One answer to [`find`].
#[derive(Debug)]
pub enum Found {
    /// The query is an outcome word; the rows of that class follow.
    Outcome(Outcome),
    /// The query is another word of the results.
    Word(Word),
    /// The query is an exit code.
    Exit(&'static exit::Row),
    /// A row, and how the query names it.
    Row(&'static Row, Reading),
}

/// A word of the results that is no outcome.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Word {
    /// The key of JSON that has it.
    pub kind: &'static str,
    /// As the results write it.
    pub word: &'static str,
    /// In one sentence.
    pub meaning: &'static str,
}

/// How a query names a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reading {
    /// By one of its names.
    Name,
    /// By a system's text for it.
    Text,
    /// By its class.
    Class,
    /// By its number on this system.
    Here,
    /// By its Winsock number, equal or nearest.
    Winsock,
    /// By its number on other systems only.
    Elsewhere(Vec<System>),
}

/// What a query stands for, best first: a number of any vocabulary and system, a word of the results, an exit code, a
/// name (any case), or a message that has one of them or a system's text in it.
pub fn find(query: &str) -> Vec<Found> {
    let query = query.trim();
    if let Some(number) = number(query) {
        return find_number(number);
    }
    let words = find_word(query);
    if !words.is_empty() {
        return words;
    }
    if let Some(row) = exit_row(query) {
        return vec![Found::Exit(row)];
    }
    let rows = find_name(query);
    if rows.is_empty() { find_message(query) } else { rows }
}

/// A number, in decimal or as `0x…`; of an HRESULT made from a system's code (FACILITY_WIN32), that code.
pub fn number(text: &str) -> Option<i32> {
    let hex = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X"));
    let number = match hex {
        Some(digits) => u32::from_str_radix(digits, 16).ok()?.cast_signed(),
        None => text.parse().ok()?,
    };
    let bits = number.cast_unsigned();
    Some(if bits >> 16 == 0x8007 { (bits & 0xffff).cast_signed() } else { number })
}

fn find_word(query: &str) -> Vec<Found> {
    let outcome = Outcome::ALL.iter().find(|outcome| outcome.slug().eq_ignore_ascii_case(query));
    let mut found = outcome.map_or_else(Vec::new, |&outcome| find_outcome(outcome));
    found.extend(words().filter(|word| word.word.eq_ignore_ascii_case(query)).map(Found::Word));
    found
}

pub fn words() -> impl Iterator<Item = Word> {
    let by = By::ALL.iter().map(|by| Word { kind: "by", word: by.slug(), meaning: by.meaning() });
    let phases = Phase::ALL.iter().map(|phase| Word { kind: "phase", word: phase.slug(), meaning: phase.meaning() });
    let causes = Cause::ALL.iter().map(|cause| Word { kind: "cause", word: cause.slug(), meaning: cause.meaning() });
    by.chain(phases).chain(causes)
}

/// `exit 4`, `exit code 4`, `exit status 4`
fn exit_row(query: &str) -> Option<&'static exit::Row> {
    let words: Vec<String> = query.split_whitespace().map(str::to_ascii_lowercase).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let (["exit", code] | ["exit", "code" | "status", code]) = words.as_slice() else { return None };
    let code: u8 = code.parse().ok()?;
    exit::TABLE.iter().find(|row| row.code == code)
}

fn find_name(name: &str) -> Vec<Found> {
    let mut rows: Vec<_> = TABLE.iter().filter(|row| row.is_called(name)).collect();
    rows.sort_by_key(|row| row.nearest && !row.name.as_str().eq_ignore_ascii_case(name));
    rows.into_iter().map(|row| Found::Row(row, Reading::Name)).collect()
}

/// What a whole message says: by a name in it (`connect ECONNREFUSED 127.0.0.1:80`), by a number in it
/// (`[Errno 111] …`, `(os error 111)`, `[WinError 10061] …`), by a system's text in it.
fn find_message(message: &str) -> Vec<Found> {
    let parts: Vec<&str> = message.split(|c: char| !(c.is_ascii_alphanumeric() || "_-".contains(c))).collect();
    let names = parts.iter().filter(|part| part.len() > 3 && !part.contains(|c: char| c.is_ascii_lowercase()));
    if let Some(found) = names.map(|name| find_name(name)).find(|found| !found.is_empty()) {
        return found;
    }
    let text = message.to_lowercase();
    let texts = texts::TEXTS.iter().filter(|(part, _)| text.contains(part));
    if let Some((_, name)) = texts.max_by_key(|(part, _)| part.len()) {
        let rows = TABLE.iter().filter(|row| row.name.as_str() == *name);
        return rows.map(|row| Found::Row(row, Reading::Text)).collect();
    }
    let numbered = parts.windows(2).filter(|pair| ["errno", "error", "winerror"].contains(&&*pair[0].to_lowercase()));
    numbered.filter_map(|pair| number(pair[1])).map(find_number).find(|found| !found.is_empty()).unwrap_or_default()
}

fn find_outcome(outcome: Outcome) -> Vec<Found> {
    let rows = TABLE.iter().filter(|row| row.outcome == outcome || row.outcome_at_completion == Some(outcome));
    std::iter::once(Found::Outcome(outcome)).chain(rows.map(|row| Found::Row(row, Reading::Class))).collect()
}

/// One number can mean several things: here, to Winsock, and on other systems, in this order.
fn find_number(number: i32) -> Vec<Found> {
    let mut found: Vec<_> = TABLE.iter().filter_map(|row| Some((row, read_number(row, number)?))).collect();
    found.sort_by_key(|(row, reading)| match reading {
        Reading::Winsock => (1, row.nearest),
        Reading::Elsewhere(_) => (2, false),
        _ => (0, false),
    });
    found.into_iter().map(|(row, reading)| Found::Row(row, reading)).collect()
}

fn read_number(row: &Row, number: i32) -> Option<Reading> {
    if row.number == Some(number) {
        return Some(Reading::Here);
    }
    if row.winsock_number == Some(number) {
        return Some(Reading::Winsock);
    }
    let systems: Vec<_> = row.numbers.iter().filter(|&(_, n)| n == number).map(|(system, _)| system).collect();
    (!systems.is_empty()).then_some(Reading::Elsewhere(systems))
}
