//! Documents made from the one definition of things: manual page, completions, JSON Schema. Values in, text out.
//!
//! The manual is prose (`man/rconnect.1.in`) with a mark, `.\" @name`, where a part belongs that something else already
//! says: the command line's declaration, the tables of outcomes, exit codes and error codes, the schema, the columns.

use clap::builder::PossibleValue;
use clap::{Arg, CommandFactory, ValueHint};
use clap_complete::Shell;
use clap_mangen::Man;
use clap_mangen::roff::{Inline, Roff, bold, italic, roman};
use serde_json::Value;

use crate::app::args::{Args, Kind};
use crate::classify::codes::{self, Row, System, Vocabulary};
use crate::classify::exit;
use crate::model::Outcome;
use crate::output;
use crate::output::csv;

/// The document.
pub fn document(kind: Kind) -> Vec<u8> {
    match kind {
        Kind::Man => manual().into_bytes(),
        Kind::Bash => completions(Shell::Bash),
        Kind::Zsh => completions(Shell::Zsh),
        Kind::Fish => completions(Shell::Fish),
        Kind::Powershell => completions(Shell::PowerShell),
        Kind::Elvish => completions(Shell::Elvish),
        Kind::JsonSchema => output::SCHEMA.as_bytes().to_vec(),
    }
}

fn completions(shell: Shell) -> Vec<u8> {
    // A value that is neither listed nor a file is completed by nothing, where shells would offer files.
    let mut command = Args::command().mut_args(|arg| match arg.get_value_hint() {
        ValueHint::Unknown if arg.get_action().takes_values() && arg.get_possible_values().is_empty() => {
            arg.value_hint(ValueHint::Other)
        }
        _ => arg,
    });
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut command, "rconnect", &mut script);
    script
}

/// The prose of the manual.
const PROSE: &str = include_str!("../../man/rconnect.1.in");

fn manual() -> String {
    let page: String =
        PROSE.lines().map(|line| line.strip_prefix(".\\\" @").map_or(line.to_owned() + "\n", part)).collect();
    portable(&page.replace("@VERSION@", env!("CARGO_PKG_VERSION")))
}

fn part(name: &str) -> String {
    match name {
        "preamble" => preamble(),
        "synopsis" => rendered(|man, page| man.render_synopsis_section(page)),
        "options" => options(),
        "outcomes" => outcomes(),
        "exit-codes" => exit_codes(),
        "errors" => errors(false),
        "windows-errors" => errors(true),
        "words" => words(),
        "json" => json(),
        "csv" => source(list(csv::COLUMNS.iter().map(|column| (bold(column.name), column.meaning.to_owned())))),
        other => unreachable!("the manual has no part {other:?}"),
    }
}

/// groff(7) knows characters beyond ASCII by escapes; what a reader's nroff takes the page's encoding for, nobody knows.
fn portable(page: &str) -> String {
    let escape = |c: char| if c.is_ascii() { c.to_string() } else { format!("\\[u{:04X}]", u32::from(c)) };
    page.chars().map(escape).collect()
}

/// What the crate `roff` puts before everything: how its apostrophes are drawn. The page has it once, at its top.
fn preamble() -> String {
    Roff::new().render()
}

fn source(roff: Roff) -> String {
    roff.render().replace(&preamble(), "")
}

/// A section of the page that clap_mangen makes, without its heading.
fn rendered(section: impl FnOnce(&Man, &mut dyn std::io::Write) -> std::io::Result<()>) -> String {
    let mut page = Vec::new();
    let command = Args::command().mut_args(with_values_in_a_sentence);
    section(&Man::new(command), &mut page).expect("a vector takes every byte");
    let page = String::from_utf8(page).expect("roff of UTF-8 is UTF-8").replace(&preamble(), "");
    page.split_once('\n').map_or(String::new(), |(_heading, body)| body.to_owned())
}

/// The options under their headings of `--help`, which clap_mangen makes sections of the page.
fn options() -> String {
    let sections = rendered(|man, page| man.render_options_section(page));
    let subsection = |line: &str| match line.strip_prefix(".SH ") {
        Some(heading) => format!(".SS {}{}\n", &heading[..1], heading[1..].to_lowercase()),
        None => format!("{line}\n"),
    };
    sections.lines().map(subsection).collect()
}

/// clap_mangen's list of values takes a page of empty lines; a sentence does not.
fn with_values_in_a_sentence(arg: Arg) -> Arg {
    let values = arg.get_possible_values();
    match arg.get_help() {
        Some(help) if arg.get_action().takes_values() && !values.is_empty() => {
            let help = format!("{help}: {}", values.iter().map(value).collect::<Vec<_>>().join("; "));
            arg.help(help).hide_possible_values(true)
        }
        _ => arg,
    }
}

fn value(value: &PossibleValue) -> String {
    let help = value.get_help().map_or(String::new(), |help| format!(" ({})", in_a_sentence(&help.to_string())));
    format!("{}{help}", value.get_name())
}

/// Without the capital of a first word that is no acronym.
fn in_a_sentence(text: &str) -> String {
    match text.chars().nth(1) {
        Some(second) if second.is_ascii_lowercase() => text[..1].to_lowercase() + &text[1..],
        _ => text.to_owned(),
    }
}

/// Tagged paragraphs.
fn list(items: impl Iterator<Item = (Inline, String)>) -> Roff {
    let mut roff = Roff::new();
    for (tag, text) in items {
        roff.control("TP", []).text([tag]).text([roman(text)]);
    }
    roff
}

fn outcomes() -> String {
    let text = |outcome| format!("{} (exit code {})", codes::meaning(outcome), exit::class(outcome));
    source(list(Outcome::ALL.iter().map(|&outcome| (bold(outcome.slug()), text(outcome)))))
}

fn exit_codes() -> String {
    source(list(exit::TABLE.iter().map(|row| (bold(row.code.to_string()), row.meaning.to_owned()))))
}

/// Rows of the table of codes as tables of tbl(1) that fit on a terminal of 80 columns: with their names and numbers on
/// Linux and the BSDs, or with those of Windows alone. Numbers of this system would make another page on each.
fn errors(windows_only: bool) -> String {
    let (format, cells): (_, fn(&Row) -> String) = match windows_only {
        false => ("lB1 rB1 rB1 lB1 rB1 lB\nl1 r1 r1 l1 r1 l.\nPOSIX\tLinux\tBSD\tWinsock\tno.\toutcome", both),
        true => ("lB rB lB\nl r l.\nWindows\tno.\toutcome", winsock),
    };
    let rows = codes::TABLE.iter().filter(|row| (row.vocabulary == Vocabulary::Winsock) == windows_only);
    let rows: String = rows.map(|row| cells(row) + "\n").collect();
    format!(".TS\nnokeep;\n{format}\n{}.TE\n", rows.replace('-', "\\-"))
}

fn both(row: &Row) -> String {
    let number = |system| row.numbers.on(system).map_or(String::new(), |number| number.to_string());
    let (linux, macos, freebsd) = (number(System::Linux), number(System::Macos), number(System::Freebsd));
    let bsd = if macos == freebsd || freebsd.is_empty() { macos } else { format!("{macos}/{freebsd}") };
    format!("{}\t{linux}\t{bsd}\t{}", row.name, winsock(row))
}

fn winsock(row: &Row) -> String {
    let near = if row.nearest { "~" } else { "" };
    let name = row.winsock_name.map_or(String::new(), |name| format!("{near}{name}"));
    let number = row.winsock_number.map_or(String::new(), |number| number.to_string());
    format!("{name}\t{number}\t{}{}", row.outcome, if row.retryable { "*" } else { "" })
}

/// The keys of the JSON output with the schema's own descriptions: first those of a line, then those of its parts.
fn json() -> String {
    let schema: Value = serde_json::from_str(output::SCHEMA).expect("the schema is JSON");
    let parts = schema["$defs"].as_object().into_iter().flatten().filter(|(_, part)| part["type"] == "object");
    let mut parts: Vec<(&String, &Value)> = parts.collect();
    parts.sort_unstable_by_key(|&(name, _)| name);
    let part = |(name, part): (&String, &Value)| {
        let mut head = Roff::new();
        head.control("PP", []).text([roman("In "), italic(name), roman(format!(": {}", first_line(part)))]);
        source(head) + &keys(part)
    };
    keys(&schema) + &parts.into_iter().map(part).collect::<String>()
}

/// The words that some keys have for values, with the schema's descriptions: a line for each after the first.
fn words() -> String {
    let schema: Value = serde_json::from_str(output::SCHEMA).expect("the schema is JSON");
    let part = |name: &str| {
        let text = schema["$defs"][name]["description"].as_str().unwrap_or_default();
        let words = text.lines().skip(1).filter_map(|line| line.split_once(": "));
        let mut head = Roff::new();
        head.control("PP", []).text([roman("Words of "), italic(name), roman(":")]);
        source(head) + &source(list(words.map(|(word, meaning)| (bold(word), meaning.to_owned()))))
    };
    ["by", "phase"].map(part).concat()
}

/// The keys of an object: those that are always there in their order, then the others.
fn keys(object: &Value) -> String {
    let required: Vec<&str> = object["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let known = object["properties"].as_object().into_iter().flatten().map(|(key, _)| key.as_str());
    let mut others: Vec<&str> = known.filter(|key| !required.contains(key)).collect();
    others.sort_unstable();
    let keys = required.into_iter().chain(others);
    source(list(keys.map(|key| (bold(key), first_line(&object["properties"][key])))))
}

fn first_line(described: &Value) -> String {
    described["description"].as_str().and_then(|text| text.lines().next()).unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_mark_of_the_manual_is_filled_and_every_part_used() {
        let page = manual();
        assert!(!page.contains("\n.\\\" @") && !page.contains("@VERSION@"));
        for part in [
            "preamble",
            "synopsis",
            "options",
            "outcomes",
            "exit-codes",
            "errors",
            "windows-errors",
            "json",
            "words",
            "csv",
        ] {
            assert_eq!(PROSE.matches(&format!(".\\\" @{part}\n")).count(), 1, "{part}");
        }
    }

    #[test]
    fn the_manual_is_ascii() {
        assert!(manual().is_ascii());
        assert_eq!(portable("5 \u{b5}s"), "5 \\[u00B5]s");
    }

    #[test]
    fn every_key_of_the_schema_is_described() {
        let text = json();
        assert!(text.contains("\\fBschema\\fR\n") && text.contains("\\fBwinsock_number\\fR\n"), "{text}");
        assert!(!text.contains("\\fR\n\n"), "a key without a description");
    }

    #[test]
    fn the_table_of_errors_has_a_line_for_every_code() {
        let text = errors(false) + &errors(true);
        for row in codes::TABLE {
            assert!(text.contains(&format!("\n{}\t", row.name)), "{}", row.name);
        }
        assert!(text.contains("\nECONNREFUSED\t111\t61\tWSAECONNREFUSED\t10061\trefused*\n"), "{text}");
    }
}
