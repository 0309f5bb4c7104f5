//! `--explain` and `--list-errors`: rows of the taxonomy as text and as JSON lines. Values in, text out.

use std::error::Error;
use std::fmt::{self, Write};
use std::io;

use serde::Serialize;

use crate::exit;
use crate::outcome::{Outcome, Phase};
use crate::taxonomy::{self, Found, Reading, Row, System, TABLE};

/// A query that names no code and no outcome.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unknown(String);

impl Error for Unknown {}

impl fmt::Display for Unknown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "unknown code '{}': ", self.0)?;
        match similar(&self.0).as_slice() {
            [] => f.write_str(
                "give a name (ECONNREFUSED, WSAECONNREFUSED, EAI_AGAIN), a number (111, 10061, -3) or an outcome (refused)",
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
    let outcomes = Outcome::ALL.iter().map(|outcome| outcome.slug()).filter(begins);
    let names = TABLE.iter().map(|row| row.name).filter(|name| query.len() > 2 && name.contains(&query));
    outcomes.chain(names).take(3).collect()
}

fn find(query: &str) -> Result<Vec<Found>, Unknown> {
    match taxonomy::find(query) {
        found if found.is_empty() => Err(Unknown(query.trim().to_owned())),
        found => Ok(found),
    }
}

/// Everything the taxonomy knows of a code or an outcome, for people.
///
/// # Errors
/// The query names nothing in the table.
pub fn explain(query: &str) -> Result<String, Unknown> {
    let found = find(query)?;
    let here = number_here(query, &found);
    let parts = here.into_iter().chain(found.iter().map(|found| match found {
        Found::Outcome(outcome) => outcome_text(*outcome),
        Found::Row(row, reading) => row_text(row, reading, query.trim()),
    }));
    Ok(parts.collect::<Vec<_>>().join("\n"))
}

/// The same as JSON, one object a line.
///
/// # Errors
/// The query names nothing in the table.
pub fn explain_json(query: &str) -> Result<String, Unknown> {
    Ok(find(query)?.iter().map(Line::from).map(json_line).collect())
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
        row.name.to_owned(),
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

fn outcome_text(outcome: Outcome) -> String {
    let mut text = format!("{outcome}\n");
    field(&mut text, "meaning", taxonomy::meaning(outcome));
    field(&mut text, "exit code", &exit::class(outcome).to_string());
    text
}

fn row_text(row: &Row, reading: &Reading, query: &str) -> String {
    let mut text = format!("{}{}\n", row.describe(), remark(row));
    if let Reading::Elsewhere(systems) = reading {
        field(&mut text, "number", &format!("{query} on {}", list_of(systems.iter().map(|system| system.title()))));
    }
    field(&mut text, "meaning", row.meaning);
    field(&mut text, "outcome", &outcomes(row));
    field(&mut text, "phase", &list_of(row.phases.iter().map(|phase| phase.slug())));
    field(&mut text, "retryable", yes_or_no(row.retryable));
    field(&mut text, "advice", row.advice);
    row.note.iter().for_each(|note| field(&mut text, "note", note));
    field(&mut text, "documented", row.source.title());
    row.alias.iter().for_each(|alias| field(&mut text, "also", alias));
    let numbers = list_of(row.numbers.distinct().map(|(system, number)| format!("{}\u{a0}{number}", system.title())));
    field(&mut text, "numbers", if numbers.is_empty() { "Windows only" } else { &numbers });
    text
}

fn remark(row: &Row) -> &'static str {
    match (row.nearest, row.number, row.winsock_name) {
        (_, None, Some(name)) if name == row.name => " (Windows only)",
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
const WIDTH: usize = 100;

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
                Line::Outcome { outcome, meaning: taxonomy::meaning(outcome), exit_code: exit::class(outcome) }
            }
            Found::Row(row, reading) => Line::row(row, Some(reading)),
        }
    }
}

/// The stable word for a reading.
fn word(reading: &Reading) -> &'static str {
    match reading {
        Reading::Name => "name",
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
mod tests {
    use super::*;

    fn text(query: &str) -> String {
        explain(query).unwrap_or_else(|unknown| panic!("{unknown}"))
    }

    #[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]
    #[test]
    fn a_code_in_full() {
        let expected = "\
ECONNREFUSED 111 · WSAECONNREFUSED 10061
  meaning     the target actively refused the connection
  outcome     refused (exit code 4)
  phase       connect, completion
  retryable   yes
  advice      the host is up: check that the service runs and listens on this address and port, or
              that no firewall rejects
  note        a RST and an ICMP port unreachable give the same code; Windows repeats the SYN and
              says so after about 2 s only
  documented  Microsoft's connect() and WSAConnect() pages
  numbers     Linux 111, Linux/MIPS 146, Linux/SPARC 61, Linux/Alpha 61, Linux/PA-RISC 239,
              macOS 61, FreeBSD 61
";
        for query in ["10061", "111", "ECONNREFUSED", "WSAECONNREFUSED", "econnrefused", "wsaeconnrefused", " 111 "] {
            assert_eq!(text(query), expected, "{query}");
        }
    }

    #[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]
    #[test]
    fn a_number_of_other_systems() {
        let text = text("61");
        assert!(text.starts_with("On this system 61 is another code: No data available (os error 61).\n\n"), "{text}");
        assert!(text.contains("\n  number      61 on Linux/SPARC, Linux/Alpha, macOS, FreeBSD\n"), "{text}");
        assert!(text.contains("\nEPROTO 71 (no Winsock code)\n  number      61 on Linux/PA-RISC\n"), "{text}");
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn headings() {
        let headings = |query: &str| -> Vec<String> {
            text(query).lines().filter(|line| !line.is_empty() && !line.starts_with(' ')).map(str::to_owned).collect()
        };
        assert_eq!(headings("EAI_AGAIN"), ["EAI_AGAIN -3 · WSATRY_AGAIN 11002"]);
        assert_eq!(headings("11002"), headings("EAI_AGAIN"));
        assert_eq!(headings("-3"), headings("eai_again"));
        assert_eq!(
            headings("10035"),
            ["EAGAIN 11 · WSAEWOULDBLOCK 10035", "EINPROGRESS 115 · WSAEWOULDBLOCK 10035 (nearest)"]
        );
        assert_eq!(headings("10036"), ["WSAEINPROGRESS 10036 (Windows only)"]);
        assert_eq!(headings("ECAPMODE"), ["ECAPMODE (not on this system)"]);
        assert_eq!(headings("refused")[..2], ["refused", "ECONNREFUSED 111 · WSAECONNREFUSED 10061"]);
    }

    #[test]
    fn two_codes_of_one_name_are_told_apart() {
        assert!(text("EINPROGRESS").contains("WSAEINPROGRESS has its name but another meaning"));
        assert!(text("WSAEINPROGRESS").contains("not POSIX EINPROGRESS"));
    }

    #[test]
    fn a_class_that_depends_on_the_phase() {
        assert!(text("ENOPROTOOPT").contains("unsupported (exit code 8); refused (exit code 4) at completion\n"));
    }

    #[test]
    fn an_outcome_without_codes() {
        assert_eq!(text("skipped"), "skipped\n  meaning     not tried, for the reason given\n  exit code   1\n");
    }

    #[test]
    fn lines_are_folded() {
        for line in TABLE.iter().flat_map(|row| text(row.name).lines().map(str::to_owned).collect::<Vec<_>>()) {
            assert!(line.chars().count() <= WIDTH && line == line.trim_end(), "{line}");
        }
    }

    #[test]
    fn an_unknown_query_is_told_what_would_be_known() {
        let message = |query| explain(query).unwrap_err().to_string();
        assert_eq!(message("connrefused"), "unknown code 'connrefused': did you mean ECONNREFUSED?");
        assert_eq!(message("timeout"), "unknown code 'timeout': did you mean timed-out, ERROR_SEM_TIMEOUT?");
        assert!(message("foo").contains("a name (ECONNREFUSED"));
        assert!(message("4711").contains("a number (111"));
        assert!(message("").contains("an outcome (refused)"));
        assert_eq!(explain_json("foo"), explain("foo"));
    }

    #[test]
    fn the_examples_of_the_message_are_known() {
        for query in ["ECONNREFUSED", "WSAECONNREFUSED", "EAI_AGAIN", "111", "10061", "-3", "refused"] {
            assert!(explain(query).is_ok(), "{query}");
        }
    }

    #[test]
    fn the_list_has_every_code_on_a_line_of_its_own() {
        let text = list();
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(lines.len(), 1 + TABLE.len());
        let meaning = lines[0].find("MEANING").unwrap();
        for (row, line) in TABLE.iter().zip(&lines[1..]) {
            assert!(line.starts_with(row.name));
            assert_eq!(&line[meaning..], row.meaning);
        }
    }

    #[test]
    fn json_has_the_same_rows() {
        let values = |text: String| -> Vec<serde_json::Value> {
            text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
        };
        let listed = values(list_json());
        assert_eq!(listed.len(), TABLE.len());
        for (row, value) in TABLE.iter().zip(&listed) {
            assert_eq!(value["name"], row.name);
            assert_eq!(value["exit_code"], exit::class(row.outcome));
            assert_eq!(value["numbers"]["freebsd"].as_i64(), row.numbers.on(System::Freebsd).map(i64::from));
            assert!(value.get("matched").is_none());
        }
        let refused = values(explain_json("refused").unwrap());
        assert_eq!((&refused[0]["outcome"], &refused[0]["exit_code"]), (&"refused".into(), &4.into()));
        assert_eq!((&refused[1]["name"], &refused[1]["matched"]), (&"ECONNREFUSED".into(), &"outcome".into()));
        assert_eq!(values(explain_json("10061").unwrap())[0]["matched"], "winsock-number");
    }
}
