//! `--explain` and `--list-errors`: rows of the taxonomy as text and as JSON lines. Values in, text out.

mod texts;

use std::error::Error;
use std::fmt::{self, Write};
use std::io;

use serde::Serialize;

use crate::classify::codes::{Row, System, TABLE};
use crate::classify::exit;
use crate::model::{By, Cause, Outcome, Phase};

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

/// One answer to [`find`].
#[derive(Debug)]
enum Found {
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
struct Word {
    /// The key of JSON that has it.
    kind: &'static str,
    word: &'static str,
    meaning: &'static str,
}

/// How a query names a row.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Reading {
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
fn find(query: &str) -> Vec<Found> {
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
fn number(text: &str) -> Option<i32> {
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

fn words() -> impl Iterator<Item = Word> {
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
            ["EINPROGRESS 115 · WSAEWOULDBLOCK 10035", "EAGAIN 11 · WSAEWOULDBLOCK 10035 (nearest)"]
        );
        assert_eq!(headings("10036"), ["WSAEINPROGRESS 10036 (Windows only)"]);
        assert_eq!(headings("ECAPMODE"), ["ECAPMODE (not on this system)"]);
        assert_eq!(headings("refused")[..2], ["refused", "ECONNREFUSED 111 · WSAECONNREFUSED 10061"]);
    }

    #[test]
    fn two_codes_of_one_name_are_told_apart() {
        assert!(text("EINPROGRESS").contains("its WSAEINPROGRESS means something else"));
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
    fn messages_are_found_by_what_they_have_in_them() {
        for (message, name) in [
            ("No route to host", "EHOSTUNREACH"),
            ("ssh: connect to host 192.0.2.1 port 22: No route to host", "EHOSTUNREACH"),
            ("dial tcp 192.0.2.1:80: connect: connection refused", "ECONNREFUSED"),
            ("connect ECONNREFUSED 127.0.0.1:5432", "ECONNREFUSED"),
            ("[Errno 111] Connection refused", "ECONNREFUSED"),
            ("No connection could be made because the target machine actively refused it.", "ECONNREFUSED"),
            ("[WinError 10061]", "ECONNREFUSED"),
            ("curl: (28) Connection timed out after 3001 milliseconds", "ETIMEDOUT"),
            ("Too many open files in system", "ENFILE"),
            ("Too many open files", "EMFILE"),
            ("Can't assign requested address", "EADDRNOTAVAIL"),
            ("getaddrinfo: Name or service not known", "EAI_NONAME"),
            ("0x8007274D", "ECONNREFUSED"),
            ("0x274d", "ECONNREFUSED"),
            ("-2147014835", "ECONNREFUSED"),
            ("error 0x8007274C", "ETIMEDOUT"),
        ] {
            assert_eq!(names(message).first(), Some(&name), "{message}");
        }
        assert!(explain("connection").is_err());
    }

    #[test]
    fn every_text_is_of_a_code_and_found() {
        for &(part, name) in texts::TEXTS {
            assert!(TABLE.iter().any(|row| row.name.as_str() == name), "{name}");
            assert_eq!(part, part.to_lowercase());
            assert_eq!(names(part), [name], "{part}");
        }
    }

    /// What this system says of its own numbers is known.
    #[cfg(target_os = "linux")]
    #[test]
    fn texts_of_this_system_are_found() {
        for row in TABLE.iter().filter(|row| texts::TEXTS.iter().any(|(_, name)| *name == row.name.as_str())) {
            let Some(number) = row.number.filter(|&number| number > 0) else { continue };
            let text = io::Error::from_raw_os_error(number).to_string();
            let text = text.split(" (os error").next().unwrap();
            assert_eq!(names(text).first(), Some(&row.name.as_str()), "{text}");
        }
    }

    #[test]
    fn words_and_exit_codes_are_explained() {
        assert_eq!(text("no-route"), format!("no-route\n  cause       {}\n", Cause::NoRoute.meaning()));
        assert!(text("neighbour").starts_with("neighbour\n  by          "));
        assert!(text("completion").starts_with("completion\n  phase       "));
        assert!(text("exit 4").starts_with("exit code 4\n  meaning     refused, reset"));
        assert_eq!(text("Exit Code 7"), text("exit status 7"));
        assert!(explain("exit 77").is_err());
        for query in queries() {
            assert!(explain(query).is_ok(), "{query}");
        }
        for word in words() {
            let unfolded = text(word.word).split_whitespace().collect::<Vec<_>>().join(" ");
            assert!(unfolded.contains(word.meaning), "{}", word.word);
        }
        let line: serde_json::Value = serde_json::from_str(&explain_json("no-route").unwrap()).unwrap();
        assert_eq!((&line["kind"], &line["word"]), (&"cause".into(), &"no-route".into()));
        let line: serde_json::Value = serde_json::from_str(&explain_json("exit 4").unwrap()).unwrap();
        assert_eq!((&line["exit_code"], &line["outcomes"][0]), (&4.into(), &"refused".into()));
    }

    #[test]
    fn lines_are_folded() {
        for line in TABLE.iter().flat_map(|row| text(row.name.as_str()).lines().map(str::to_owned).collect::<Vec<_>>())
        {
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
        assert!(message("").contains("a word of the results (refused)"));
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
            assert!(line.starts_with(row.name.as_str()));
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
            assert_eq!(value["name"], row.name.as_str());
            assert_eq!(value["exit_code"], exit::class(row.outcome));
            assert_eq!(value["numbers"]["freebsd"].as_i64(), row.numbers.on(System::Freebsd).map(i64::from));
            assert!(value.get("matched").is_none());
        }
        let refused = values(explain_json("refused").unwrap());
        assert_eq!((&refused[0]["outcome"], &refused[0]["exit_code"]), (&"refused".into(), &4.into()));
        assert_eq!((&refused[1]["name"], &refused[1]["matched"]), (&"ECONNREFUSED".into(), &"outcome".into()));
        assert_eq!(values(explain_json("10061").unwrap())[0]["matched"], "winsock-number");
    }

    fn names(query: &str) -> Vec<&'static str> {
        find(query)
            .iter()
            .filter_map(|found| match found {
                Found::Row(row, _) => Some(row.name.as_str()),
                _ => None,
            })
            .collect()
    }

    #[test]
    fn every_row_is_found_by_each_of_its_names_and_numbers() {
        for row in TABLE {
            for name in [Some(row.name.as_str()), row.alias, row.winsock_name].into_iter().flatten() {
                assert!(
                    names(name).contains(&row.name.as_str())
                        && names(&name.to_lowercase()).contains(&row.name.as_str()),
                    "{name}"
                );
            }
            let numbers = row.numbers.iter().map(|(_, number)| number).chain(row.winsock_number).chain(row.number);
            for number in numbers {
                assert!(names(&number.to_string()).contains(&row.name.as_str()), "{} {number}", row.name.as_str());
            }
            assert!(names(row.outcome.slug()).contains(&row.name.as_str()), "{}", row.outcome);
            assert_eq!(names(row.name.as_str())[0], row.name.as_str());
        }
    }

    #[test]
    fn found_by_name() {
        assert_eq!(names("wsaeconnrefused"), ["ECONNREFUSED"]);
        assert_eq!(names(" EWouldBlock "), ["EAGAIN"]);
        assert_eq!(names("EINPROGRESS"), ["EINPROGRESS"]);
        assert_eq!(names("WSAEINPROGRESS"), ["WSAEINPROGRESS"]);
        assert_eq!(names("WSAEWOULDBLOCK"), ["EINPROGRESS", "EAGAIN"]);
    }

    #[test]
    fn an_outcome_stands_for_its_class() {
        assert!(matches!(find("Timed-Out")[0], Found::Outcome(Outcome::TimedOut)));
        assert_eq!(names("refused"), ["ECONNREFUSED", "ENOPROTOOPT", "ERROR_CONNECTION_REFUSED"]);
        assert!(matches!(find("skipped")[..], [Found::Outcome(Outcome::Skipped)]));
    }

    #[test]
    fn nothing_is_found_for_what_is_not_there() {
        for query in ["", "ENOENT", "WSA", "E", "70000", "-1000", "99999999999", "3/13"] {
            assert!(find(query).is_empty(), "{query}");
        }
    }

    #[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]
    #[test]
    fn one_number_with_several_meanings() {
        use Reading::*;
        let found = |query| -> Vec<(&str, Reading)> {
            let rows = find(query).into_iter().map(|found| match found {
                Found::Row(row, reading) => (row.name.as_str(), reading),
                other => panic!("{other:?}"),
            });
            rows.collect()
        };
        assert_eq!(found("111"), [("ECONNREFUSED", Here)]);
        assert_eq!(found("10061"), [("ECONNREFUSED", Winsock)]);
        assert_eq!(found("10036"), [("WSAEINPROGRESS", Winsock)]);
        assert_eq!(found("10035"), [("EINPROGRESS", Winsock), ("EAGAIN", Winsock)]);
        assert_eq!(found("11"), [("EAGAIN", Here), ("EAI_SYSTEM", Elsewhere(vec![System::Macos, System::Freebsd]))]);
        let bsd = vec![System::Sparc, System::Alpha, System::Macos, System::Freebsd];
        assert_eq!(found("61"), [("ECONNREFUSED", Elsewhere(bsd)), ("EPROTO", Elsewhere(vec![System::Parisc]))]);
        assert_eq!(found("-2"), [("EAI_NONAME", Here)]);
    }
}
