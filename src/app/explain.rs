//! `--explain` and `--list-errors`: rows of the taxonomy as text and as JSON lines. Values in, text out.

mod find;
mod texts;

use std::error::Error;
use std::fmt::{self, Write};
use std::io;

use serde::Serialize;

use crate::classify::codes::{Row, System, TABLE};
use crate::classify::exit;
use crate::model::{Cause, Outcome, Phase};

use find::{Found, Reading, Word, find, words};

/// A query that names nothing that is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unknown(String);

impl Error for Unknown {}

impl fmt::Display for Unknown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "unknown code '{}': ", self.0)?;
        match similar(&self.0).as_slice() {
            [] => f.write_str(
                "give a name (ECONNREFUSED, WSAECONNREFUSED, EAI_AGAIN), a number (111, 10061, -3, 0x8007274D), a message \
                 (\"No route to host\"), a word of the results (refused) or an exit code (exit 4)",
            ),
            names => write!(f, "did you mean {}?", names.join(", ")),
        }
    }
}

/// At most three: outcomes that begin like half of the query, names that contain it.
fn similar(query: &str) -> Vec<&'static str> {
    let query = query.trim().to_ascii_uppercase();
    let half = query.get(..query.len() / 2 + 1).filter(|half| half.len() > 2);
    let begins = |word: &&str| half.is_some_and(|half| word.to_ascii_uppercase().starts_with(half));
    let causes = Cause::ALL.iter().map(|cause| cause.slug());
    let outcomes = Outcome::ALL.iter().map(|outcome| outcome.slug()).chain(causes).filter(begins);
    let names = TABLE.iter().map(|row| row.name.as_str()).filter(|name| query.len() > 2 && name.contains(&query));
    outcomes.chain(names).take(3).collect()
}

fn known(query: &str) -> Result<Vec<Found>, Unknown> {
    match find(query) {
        found if found.is_empty() => Err(Unknown(query.trim().to_owned())),
        found => Ok(found),
    }
}

/// What a shell may offer to explain: codes and words of the results.
pub fn queries() -> impl Iterator<Item = &'static str> {
    let names = TABLE.iter().flat_map(|row| [Some(row.name.as_str()), row.winsock_name]).flatten();
    let words = Outcome::ALL.iter().map(|outcome| outcome.slug()).chain(words().map(|word| word.word));
    let mut queries: Vec<_> = names.chain(words).collect();
    queries.sort_unstable();
    queries.dedup();
    queries.into_iter()
}

/// Everything the taxonomy knows of a code or an outcome, for people.
///
/// # Errors
/// The query names nothing in the table.
pub fn explain(query: &str) -> Result<String, Unknown> {
    let found = known(query)?;
    let here = number_here(query, &found);
    let parts = here.into_iter().chain(found.iter().map(|found| match found {
        Found::Outcome(outcome) => outcome_text(*outcome),
        Found::Word(word) => word_text(word),
        Found::Exit(row) => exit_text(row),
        Found::Row(row, reading) => row_text(row, reading, query.trim()),
    }));
    Ok(parts.collect::<Vec<_>>().join("\n"))
}

/// The same as JSON, one object a line.
///
/// # Errors
/// The query names nothing in the table.
pub fn explain_json(query: &str) -> Result<String, Unknown> {
    Ok(known(query)?.iter().map(Line::from).map(json_line).collect())
}

/// The whole table, for people: one aligned line a code.
pub fn list() -> String {
    let head = ["NAME", "NUMBER", "WINSOCK", "NUMBER", "OUTCOME", "RETRY", "MEANING"].map(str::to_owned);
    let lines: Vec<_> = std::iter::once(head).chain(TABLE.iter().map(cells)).collect();
    let width = |column: usize| lines.iter().map(|cells| cells[column].chars().count()).max().unwrap_or(0);
    let [a, b, c, d, e, f, _] = std::array::from_fn(width);
    let mut text = String::new();
    for [name, number, winsock, code, outcome, retry, meaning] in &lines {
        _ = writeln!(text, "{name:a$}  {number:>b$}  {winsock:c$}  {code:>d$}  {outcome:e$}  {retry:f$}  {meaning}");
    }
    text
}

/// The whole table as JSON, one object a line.
pub fn list_json() -> String {
    TABLE.iter().map(|row| json_line(Line::row(row, None))).collect()
}

/// The columns of one line of [`list`]; a Winsock name that is only the nearest is marked `~`.
fn cells(row: &Row) -> [String; 7] {
    let number = |number: Option<i32>| number.map_or_else(|| "-".to_owned(), |number| number.to_string());
    let near = if row.nearest { "~" } else { "" };
    [
        row.name.to_string(),
        number(row.number),
        row.winsock_name.map_or_else(|| "-".to_owned(), |name| format!("{near}{name}")),
        number(row.winsock_number),
        row.outcome.to_string(),
        yes_or_no(row.retryable).to_owned(),
        row.meaning.to_owned(),
    ]
}

fn yes_or_no(yes: bool) -> &'static str {
    if yes { "yes" } else { "no" }
}

/// What this system calls a number that in the table belongs to others only.
fn number_here(query: &str, found: &[Found]) -> Option<String> {
    let number: i32 = query.trim().parse().ok().filter(|&number| number > 0)?;
    let elsewhere = |found: &Found| matches!(found, Found::Row(_, Reading::Elsewhere(_)));
    let message = io::Error::from_raw_os_error(number);
    found.iter().all(elsewhere).then(|| format!("On this system {number} is another code: {message}.\n"))
}

fn word_text(word: &Word) -> String {
    let mut text = format!("{}\n", word.word);
    field(&mut text, word.kind, word.meaning);
    text
}

fn exit_text(row: &exit::Row) -> String {
    let mut text = format!("exit code {}\n", row.code);
    field(&mut text, "meaning", row.meaning);
    if !row.outcomes.is_empty() {
        field(&mut text, "outcomes", &list_of(row.outcomes.iter().map(|outcome| outcome.slug())));
    }
    text
}

fn outcome_text(outcome: Outcome) -> String {
    let mut text = format!("{outcome}\n");
    field(&mut text, "meaning", outcome.meaning());
    field(&mut text, "exit code", &exit::class(outcome).to_string());
    text
}

fn row_text(row: &Row, reading: &Reading, query: &str) -> String {
    let mut text = format!("{}{}\n", row.describe(), remark(row));
    if let Reading::Elsewhere(systems) = reading {
        field(&mut text, "number", &format!("{query} on {}", list_of(systems.iter().map(|system| system.meaning()))));
    }
    field(&mut text, "meaning", row.meaning);
    field(&mut text, "outcome", &outcomes(row));
    field(&mut text, "phase", &list_of(row.phases.iter().map(|phase| phase.slug())));
    field(&mut text, "retryable", yes_or_no(row.retryable));
    field(&mut text, "advice", row.advice);
    row.note.iter().for_each(|note| field(&mut text, "note", note));
    field(&mut text, "documented", row.source.meaning());
    row.alias.iter().for_each(|alias| field(&mut text, "also", alias));
    let numbers = list_of(row.numbers.distinct().map(|(system, number)| format!("{}\u{a0}{number}", system.meaning())));
    field(&mut text, "numbers", if numbers.is_empty() { "Windows only" } else { &numbers });
    text
}

fn remark(row: &Row) -> &'static str {
    match (row.nearest, row.number, row.winsock_name) {
        (_, None, Some(name)) if name == row.name.as_str() => " (Windows only)",
        (_, None, _) => " (not on this system)",
        (true, ..) => " (nearest)",
        (_, _, None) => " (no Winsock code)",
        _ => "",
    }
}

/// `unsupported (exit code 8); refused (exit code 4) at completion`
fn outcomes(row: &Row) -> String {
    let one = |outcome| format!("{outcome} (exit code {})", exit::class(outcome));
    match row.outcome_at_completion {
        None => one(row.outcome),
        Some(outcome) => format!("{}; {} at {}", one(row.outcome), one(outcome), Phase::Completion),
    }
}

fn list_of(items: impl Iterator<Item = impl AsRef<str>>) -> String {
    items.fold(String::new(), |list, item| {
        let separator = if list.is_empty() { "" } else { ", " };
        list + separator + item.as_ref()
    })
}

/// Columns of a line of text, its label included.
const WIDTH: usize = 80;

/// Appends `  label       value`, folded between words, not at a no-break space.
fn field(text: &mut String, label: &str, value: &str) {
    const INDENT: usize = 14;
    let mut line = format!("  {label:12}");
    for word in value.split(' ') {
        let empty = line.chars().count() == INDENT;
        if !empty && line.chars().count() + 1 + word.chars().count() > WIDTH {
            _ = writeln!(text, "{line}");
            line = " ".repeat(INDENT);
        } else if !empty {
            line.push(' ');
        }
        line.push_str(&word.replace('\u{a0}', " "));
    }
    _ = writeln!(text, "{line}");
}

/// One line of JSON.
#[derive(Serialize)]
#[serde(untagged)]
enum Line {
    Outcome {
        outcome: Outcome,
        meaning: &'static str,
        exit_code: u8,
    },
    Word(Word),
    Exit {
        exit_code: u8,
        meaning: &'static str,
        outcomes: &'static [Outcome],
    },
    Row {
        /// How the query names this row; absent from the list.
        #[serde(skip_serializing_if = "Option::is_none")]
        matched: Option<&'static str>,
        /// The systems on which the queried number means this row, when it does not here.
        #[serde(skip_serializing_if = "Vec::is_empty")]
        on: Vec<System>,
        #[serde(flatten)]
        row: &'static Row,
        exit_code: u8,
    },
}

impl Line {
    fn row(row: &'static Row, reading: Option<&Reading>) -> Self {
        let on = match reading {
            Some(Reading::Elsewhere(systems)) => systems.clone(),
            _ => Vec::new(),
        };
        Line::Row { matched: reading.map(word), on, row, exit_code: exit::class(row.outcome) }
    }
}

impl From<&Found> for Line {
    fn from(found: &Found) -> Self {
        match found {
            &Found::Outcome(outcome) => {
                Line::Outcome { outcome, meaning: outcome.meaning(), exit_code: exit::class(outcome) }
            }
            &Found::Word(word) => Line::Word(word),
            &Found::Exit(row) => Line::Exit { exit_code: row.code, meaning: row.meaning, outcomes: row.outcomes },
            Found::Row(row, reading) => Line::row(row, Some(reading)),
        }
    }
}

/// The stable word for a reading.
fn word(reading: &Reading) -> &'static str {
    match reading {
        Reading::Name => "name",
        Reading::Text => "text",
        Reading::Class => "outcome",
        Reading::Here => "number",
        Reading::Winsock => "winsock-number",
        Reading::Elsewhere(_) => "number-elsewhere",
    }
}

fn json_line(line: Line) -> String {
    // Strings, numbers and lists of them: nothing that serialisation could refuse.
    serde_json::to_string(&line).expect("plain values") + "\n"
}

#[cfg(test)]
mod tests;
