//! Generated documents: man pages, completions, JSON Schema. Values in, text out.
//!
//! A man page is prose (`man/*.in`). A mark, `.\" @name`, stands for a part that the program already defines: options,
//! outcomes, exit codes, error codes, the keys of the schema, the columns of CSV.

use clap::builder::{PossibleValue, PossibleValuesParser};
use clap::{Arg, Command, CommandFactory, ValueHint};
use clap_complete::Shell;
use clap_mangen::Man;
use clap_mangen::roff::{Inline, Roff, bold, italic, roman};
use serde_json::Value;

use crate::app::args::{Args, Kind};
use crate::app::explain;
use crate::classify::codes::{self, Row, System, Vocabulary};
use crate::classify::documented::{self, Known, Platform, Says};
use crate::classify::exit;
use crate::grammar::{dscp, expect};
use crate::model::{By, Cause, Ended, Outcome, PathEnd, Phase};
use crate::output;
use crate::output::csv;

/// The document.
pub fn document(kind: Kind) -> Vec<u8> {
    match kind {
        Kind::Man => page(COMMAND).into_bytes(),
        Kind::ManOutput => page(FORMATS).into_bytes(),
        Kind::ManSystems => page(SYSTEMS).into_bytes(),
        Kind::Bash => completions(Shell::Bash),
        Kind::Zsh => completions(Shell::Zsh),
        Kind::Fish => completions(Shell::Fish),
        Kind::Powershell => completions(Shell::PowerShell),
        Kind::Elvish => completions(Shell::Elvish),
        Kind::JsonSchema => output::SCHEMA.as_bytes().to_vec(),
    }
}

fn completions(shell: Shell) -> Vec<u8> {
    let declared = Args::command();
    let shown = declared.get_arguments().filter(|arg| !arg.is_hide_set()).cloned().map(with_values);
    // With a version there is an option that shows it.
    let mut command = Command::new("rconnect").version(env!("CARGO_PKG_VERSION")).args(shown);
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut command, "rconnect", &mut script);
    let script = String::from_utf8(script).expect("a script is text");
    match shell {
        Shell::Bash => bash(&script),
        Shell::Zsh => replaced(&script, &[(&format!("({INTERFACES})"), "_net_interfaces")]),
        Shell::Fish => {
            let interfaces = [(&*format!("{INTERFACES}\\t''"), "(__fish_print_interfaces)")];
            replaced(&script, &interfaces) + "complete -c rconnect -f -a 'localhost (__fish_print_hostnames)'\n"
        }
        _ => script,
    }
    .into_bytes()
}

/// Stands for the interfaces of the machine until the script of a shell asks for them.
const INTERFACES: &str = "@INTERFACES@";

/// The values that a shell offers for an option which takes others, too. What is neither listed nor a file is completed
/// by nothing; shells would offer files.
fn with_values(arg: Arg) -> Arg {
    let listed = match arg.get_id().as_str() {
        "expect" => expect::words().map(PossibleValue::new).collect(),
        "require" => ["any", "all", "each-family"].map(PossibleValue::new).into(),
        "dscp" => dscp::NAMES.map(PossibleValue::new).into(),
        "explain" => explain::queries().map(PossibleValue::new).collect(),
        "interface" => vec![PossibleValue::new(INTERFACES)],
        _ => Vec::new(),
    };
    if !listed.is_empty() {
        return arg.value_parser(PossibleValuesParser::new(listed));
    }
    match arg.get_value_hint() {
        ValueHint::Unknown if arg.get_action().takes_values() && arg.get_possible_values().is_empty() => {
            arg.value_hint(ValueHint::Other)
        }
        _ => arg,
    }
}

/// bash offers options only for what begins with a hyphen, and hosts otherwise: those that its library knows, or else
/// those of /etc/hosts.
fn bash(script: &str) -> String {
    const OPTIONS: &str = r#"COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )"#;
    const HOSTS: &str = r#"if declare -F _known_hosts_real >/dev/null; then
                _known_hosts_real -- "${cur}"
            else
                COMPREPLY=( $(compgen -A hostname -- "${cur}") )
            fi"#;
    let (before, after) = script.rsplit_once(OPTIONS).expect("clap_complete offers options at its end");
    let script = format!("{before}{HOSTS}{after}");
    let interfaces = "$(command ls /sys/class/net 2>/dev/null || ifconfig -l 2>/dev/null)";
    replaced(&script, &[("|| ${COMP_CWORD} -eq 1 ]]", "]]"), (INTERFACES, interfaces)])
}

/// Every one of the texts must be there: a new clap_complete may write others.
fn replaced(script: &str, texts: &[(&str, &str)]) -> String {
    texts.iter().fold(script.to_owned(), |script, (from, to)| {
        debug_assert!(script.contains(from), "{from}");
        script.replace(from, to)
    })
}

/// The prose of rconnect(1).
const COMMAND: &str = include_str!("../../man/rconnect.1.in");

/// The prose of rconnect-output(5).
const FORMATS: &str = include_str!("../../man/rconnect-output.5.in");

/// The prose of rconnect-systems(7).
const SYSTEMS: &str = include_str!("../../man/rconnect-systems.7.in");

/// The prose of every page.
#[cfg(test)]
const PAGES: [&str; 3] = [COMMAND, FORMATS, SYSTEMS];

/// A man page from its prose.
fn page(prose: &str) -> String {
    let page: String = prose.lines().map(|line| line.strip_prefix(MARK).map_or(line.to_owned() + "\n", part)).collect();
    portable(&page.replace("@VERSION@", env!("CARGO_PKG_VERSION")))
}

/// A comment of roff(7), so that the prose alone is a page, too.
const MARK: &str = ".\\\" @";

fn part(name: &str) -> String {
    match name {
        "preamble" => preamble(),
        "synopsis" => rendered(|man, page| man.render_synopsis_section(page)),
        "options" => options(),
        "outcomes" => outcomes(),
        "exit-codes" => exit_codes(),
        "documented" => documented(),
        "errors" => errors(false),
        "windows-errors" => errors(true),
        "words" => words(),
        "json" => json(),
        "csv" => source(list(csv::COLUMNS.iter().map(|column| (bold(column.name), column.meaning.to_owned())))),
        other => unreachable!("no part is called {other:?}"),
    }
}

/// Characters beyond ASCII become escapes of groff(7): the encoding that nroff assumes depends on the reader's system.
fn portable(page: &str) -> String {
    let escape = |c: char| if c.is_ascii() { c.to_string() } else { format!("\\[u{:04X}]", u32::from(c)) };
    page.chars().map(escape).collect()
}

/// The crate `roff` defines its apostrophe before every part; the page needs the definition once, at its top.
fn preamble() -> String {
    Roff::new().render()
}

fn source(roff: Roff) -> String {
    roff.render().replace(&preamble(), "")
}

/// A section that clap_mangen makes, without its heading.
fn rendered(section: impl FnOnce(&Man, &mut dyn std::io::Write) -> std::io::Result<()>) -> String {
    let mut page = Vec::new();
    let command = Args::command().mut_args(with_values_in_a_sentence);
    section(&Man::new(command), &mut page).expect("a vector takes every byte");
    let page = String::from_utf8(page).expect("roff of UTF-8 is UTF-8").replace(&preamble(), "");
    page.split_once('\n').map_or(String::new(), |(_heading, body)| body.to_owned())
}

/// The options, with the headings of `--help` as subsections; clap_mangen makes them sections.
fn options() -> String {
    let sections = rendered(|man, page| man.render_options_section(page));
    let subsection = |line: &str| match line.strip_prefix(".SH ") {
        Some(heading) => format!(".SS {}{}\n", &heading[..1], heading[1..].to_lowercase()),
        None => format!("{line}\n"),
    };
    sections.lines().map(subsection).collect()
}

/// Puts the values of an option into its sentence; clap_mangen's list of values is mostly empty lines.
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

/// Lower-cases the first letter, unless the word is an acronym.
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
    let text = |outcome: Outcome| format!("{} (exit code {})", outcome.meaning(), exit::class(outcome));
    source(list(Outcome::ALL.iter().map(|&outcome| (bold(outcome.slug()), text(outcome)))))
}

fn exit_codes() -> String {
    source(list(exit::TABLE.iter().map(|row| (bold(row.code.to_string()), row.meaning.to_owned()))))
}

/// The table of error codes for tbl(1), within 80 columns: codes with numbers on Linux and the BSDs, or those of Windows
/// only. The numbers of the building system are not used, so that the page is the same everywhere.
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

fn schema() -> Value {
    serde_json::from_str(output::SCHEMA).expect("the schema is JSON")
}

/// What the documents say and what systems do: a paragraph for each row of the self-test.
fn documented() -> String {
    source(list(documented::TABLE.iter().map(|row| (bold(row.trial.slug()), sentence(row)))))
}

/// `A failed attempt is in exceptfds. Says: connect(). Documented: exception. Linux: readable, writable.`
fn sentence(row: &documented::Row) -> String {
    let says = |says: &[Says]| says.iter().map(Says::to_string).collect::<Vec<_>>().join(", ");
    let mut text = format!("{}.", capital(row.statement));
    if !row.pages.is_empty() {
        let pages: Vec<&str> = row.pages.iter().map(|page| page.meaning()).collect();
        text += &format!(" Documented by {}: {}.", pages.join(" and "), says(row.documented));
    }
    text += &format!(" Tried: {}.", row.how);
    let known = |platform| match row.known(Some(platform)) {
        Known::Answers(sequences) => sequences.iter().map(|sequence| says(sequence)).collect::<Vec<_>>().join(" or "),
        Known::ToBeSeen => "to be seen".to_owned(),
        Known::Absent(reason) => format!("not provokable ({reason})"),
    };
    // Systems that answer alike share one part of the sentence.
    let mut parts: Vec<(String, Vec<&str>)> = Vec::new();
    for &platform in Platform::ALL {
        let answer = known(platform);
        match parts.iter_mut().find(|(other, _)| *other == answer) {
            Some((_, systems)) => systems.push(platform.meaning()),
            None => parts.push((answer, vec![platform.meaning()])),
        }
    }
    match &parts[..] {
        [(answer, _)] => text + &format!(" Everywhere: {answer}."),
        _ => {
            let parts: Vec<String> =
                parts.iter().map(|(answer, systems)| format!("{}: {answer}", systems.join(", "))).collect();
            text + &format!(" {}.", parts.join("; "))
        }
    }
}

fn capital(text: &str) -> String {
    // Names of functions and of sets keep their form.
    let word = text.split(' ').next().unwrap_or_default();
    if word.contains('(') { text.to_owned() } else { text[..1].to_uppercase() + &text[1..] }
}

/// The keys of the JSON output with the descriptions of the schema: first those of a line, then those of its parts.
fn json() -> String {
    let schema = schema();
    let parts = schema["$defs"].as_object().into_iter().flatten();
    let parts = parts.filter(|(name, part)| part["type"] == "object" && *name != "target");
    let mut parts: Vec<(&String, &Value)> = parts.collect();
    parts.sort_unstable_by_key(|&(name, _)| name);
    let part = |(name, part): (&String, &Value)| {
        let mut head = Roff::new();
        head.control("PP", []).text([roman("In "), italic(name), roman(format!(": {}", first_line(part)))]);
        source(head) + &keys(part)
    };
    keys(&schema["$defs"]["target"]) + &parts.into_iter().map(part).collect::<String>()
}

/// The words that a key can have as its value, and what they mean.
fn words() -> String {
    macro_rules! list_of { ($($key:literal: $words:ident,)*) => {
        [$(words_of($key, $words::ALL.iter().map(|word| (word.slug(), word.meaning()))),)*].concat()
    } }
    list_of! { "outcome": Outcome, "by": By, "phase": Phase, "ended": Ended, "cause": Cause, "pathEnd": PathEnd, }
}

fn words_of(key: &str, words: impl Iterator<Item = (&'static str, &'static str)>) -> String {
    let mut head = Roff::new();
    head.control("PP", []).text([roman("Words of "), italic(key), roman(":")]);
    source(head) + &source(list(words.map(|(word, meaning)| (bold(word), meaning.to_owned()))))
}

/// The keys of an object: the required ones in their order, then the others.
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
    fn every_mark_is_filled() {
        for prose in PAGES {
            let page = page(prose);
            assert!(!page.contains(MARK) && !page.contains("@VERSION@"), "{page}");
        }
    }

    #[test]
    fn every_part_is_used_once() {
        let used = |part: &str| PAGES.map(|prose| prose.matches(&format!("{MARK}{part}\n")).count());
        let command = ["synopsis", "options", "outcomes", "exit-codes", "errors", "windows-errors"];
        command.iter().for_each(|part| assert_eq!(used(part), [1, 0, 0], "{part}"));
        ["json", "words", "csv"].iter().for_each(|part| assert_eq!(used(part), [0, 1, 0], "{part}"));
        assert_eq!(used("documented"), [0, 0, 1]);
        assert_eq!(used("preamble"), [1, 1, 1]);
    }

    #[test]
    fn the_pages_are_ascii() {
        assert!(PAGES.iter().all(|prose| page(prose).is_ascii()));
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
