//! The self-test: what the documents say, what was seen here, what is known for this system.

use std::fmt::Write;

use serde::Serialize;

use super::units::micros;
use crate::classify::codes::{Described, describe};
use crate::classify::documented::{self, Basis, Known, Page, Platform, Row, Says, Verdict};
use crate::model::{Hindrance, Step, Trial, Trialled};

/// One row with what came of it.
struct Judged<'a> {
    row: &'static Row,
    platform: Option<Platform>,
    /// `None` where the row is not provoked on this system.
    trialled: Option<&'a Trialled>,
    verdict: Verdict,
}

/// All rows of the table, those that are not provoked on this system included.
fn judged(platform: Option<Platform>, results: &[Trialled]) -> impl Iterator<Item = Judged<'_>> {
    documented::TABLE.iter().map(move |row| {
        let trialled = results.iter().find(|result| result.trial == row.trial);
        let verdict = trialled.map_or(Verdict::NotProvokable, |result| documented::judge(row, platform, &result.seen));
        Judged { row, platform, trialled, verdict }
    })
}

/// Whether some row is not as known for this system.
pub fn differs(platform: Option<Platform>, results: &[Trialled]) -> bool {
    judged(platform, results).any(|judged| judged.verdict == Verdict::Differs)
}

/// Whether no row at all could be provoked: nothing is known of this system then.
pub fn is_empty(platform: Option<Platform>, results: &[Trialled]) -> bool {
    judged(platform, results).all(|judged| judged.verdict == Verdict::NotProvokable)
}

impl Judged<'_> {
    fn seen(&self) -> Option<&[Step]> {
        self.trialled.and_then(|result| result.seen.as_deref().ok())
    }

    /// What counts as the documented answer; `None` where nothing was seen, or the documents say nothing.
    fn is_as_documented(&self) -> Option<bool> {
        if self.verdict == Verdict::NotProvokable { None } else { self.row.is_as_documented(self.seen()?) }
    }

    /// Why it was not provoked.
    fn reason(&self) -> Option<String> {
        if self.verdict != Verdict::NotProvokable {
            return None;
        }
        let hindered = |code| documented::own_name(code);
        Some(match (self.row.known(self.platform), self.trialled.map(|result| &result.seen)) {
            (_, Some(Err(Hindrance::Call(call, code)))) => format!("{call}: {}", hindered(*code)),
            (_, Some(&Err(Hindrance::Reason(reason)))) | (Known::Absent(reason), _) => reason.to_owned(),
            (_, Some(Ok(seen))) => {
                let code = documented::hindrance(seen).map(hindered).unwrap_or_default();
                format!("a policy or a shortage on this machine answers {code}")
            }
            (_, None) => "it was not tried".to_owned(),
        })
    }

    fn known(&self) -> Option<Vec<Vec<String>>> {
        match self.row.known(self.platform) {
            Known::Answers(sequences) => Some(sequences.iter().map(|says| words(says)).collect()),
            Known::ToBeSeen | Known::Absent(_) => None,
        }
    }
}

fn words(says: &[Says]) -> Vec<String> {
    says.iter().map(Says::to_string).collect()
}

/// The whole test for people: a line a row, further lines where something needs to be said, and a summary. Verbose,
/// each row has its statement and how it was provoked.
pub fn human(platform: Option<Platform>, results: &[Trialled], verbose: bool) -> String {
    let known = format!("KNOWN FOR {}", platform.map_or("THIS", Platform::meaning).to_uppercase());
    let head = line("ROW", "DOCUMENTED", " ", "SEEN HERE", &known);
    let rows = judged(platform, results).map(|judged| row(&judged, verbose));
    head + &rows.collect::<String>() + &summary(platform, results)
}

/// Columns of a terminal, and those before a line that goes on.
const WIDTH: usize = 80;
const INDENT: usize = 4;

fn row(judged: &Judged, verbose: bool) -> String {
    let (name, documented) = (judged.row.trial.slug(), words(judged.row.documented).join(", "));
    let mut text = match judged.reason() {
        Some(reason) => line(name, &documented, " ", "not provokable:", "") + &folded(&reason),
        None => {
            let mark = if judged.is_as_documented() == Some(false) { "*" } else { " " };
            line(name, &documented, mark, &answers(judged.seen().unwrap_or_default()), &known(judged))
        }
    };
    if judged.verdict == Verdict::Differs {
        let all: Vec<String> = judged.known().iter().flatten().map(|says| says.join(", ")).collect();
        text += &folded(&format!("DIFFERS: {} is known for this system", all.join(" or ")));
    }
    if verbose {
        text += &folded(judged.row.statement);
        text += &folded(&format!("tried: {}", judged.row.how));
    }
    text
}

fn answers(seen: &[Step]) -> String {
    seen.iter().map(|&step| documented::name(step)).collect::<Vec<_>>().join(", ")
}

/// Of several answers that are known, the one that was seen.
fn known(judged: &Judged) -> String {
    match judged.row.known(judged.platform) {
        Known::ToBeSeen => "to be seen".to_owned(),
        _ if judged.verdict == Verdict::AsKnown => answers(judged.seen().unwrap_or_default()),
        _ => judged.known().and_then(|all| Some(all.first()?.join(", "))).unwrap_or_default(),
    }
}

/// Four columns, the third with a mark before it; what does not fit goes below.
fn line(row: &str, documented: &str, mark: &str, seen: &str, known: &str) -> String {
    let line = format!("{row:22}{documented:19}{mark}{seen:18} ");
    if line.chars().count() + known.chars().count() <= WIDTH {
        return format!("{line}{known}").trim_end().to_owned() + "\n";
    }
    format!("{}\n{}", line.trim_end(), folded(&format!("known: {known}")))
}

/// A text below a row, folded between words.
fn folded(text: &str) -> String {
    let mut folded = String::new();
    let mut column = WIDTH;
    for word in text.split(' ') {
        let width = word.chars().count();
        if column + 1 + width > WIDTH {
            _ = write!(folded, "{}{:INDENT$}{word}", if folded.is_empty() { "" } else { "\n" }, "");
            column = INDENT + width;
        } else {
            _ = write!(folded, " {word}");
            column += 1 + width;
        }
    }
    folded + "\n"
}

fn summary(platform: Option<Platform>, results: &[Trialled]) -> String {
    let all: Vec<Judged> = judged(platform, results).collect();
    let count = |verdict| all.iter().filter(|judged| judged.verdict == verdict).count();
    let undocumented = all.iter().filter(|judged| judged.is_as_documented() == Some(false)).count();
    let parts = [
        (count(Verdict::AsKnown), "as known"),
        (count(Verdict::Differs), "differ"),
        (count(Verdict::ToBeSeen), "to be seen"),
        (count(Verdict::NotProvokable), "not provokable"),
    ];
    let parts = parts.iter().filter(|(count, what)| *count > 0 || *what == "differ");
    let parts: Vec<String> = parts.map(|(count, what)| format!("{count} {what}")).collect();
    let system = platform.map_or_else(
        || "this system, of which nothing is known".to_owned(),
        |platform| format!("{} ({})", platform.meaning(), platform.basis()),
    );
    let head = format!("{} rows on {system}: {}\n", all.len(), parts.join(", "));
    head + &format!("{undocumented} of them are not as documented (*)\n")
}

/// The whole test as JSON, one object a row.
pub fn json(platform: Option<Platform>, results: &[Trialled]) -> Vec<u8> {
    let lines = judged(platform, results).flat_map(|judged| {
        let mut line = serde_json::to_vec(&Record::new(&judged)).expect("strings and numbers have a JSON form");
        line.push(b'\n');
        line
    });
    lines.collect()
}

#[derive(Serialize)]
struct Record {
    schema: &'static str,
    record: &'static str,
    row: Trial,
    statement: &'static str,
    pages: &'static [Page],
    how: &'static str,
    system: Option<Platform>,
    basis: Option<Basis>,
    documented: Vec<String>,
    seen: Option<Vec<Answer>>,
    known: Option<Vec<Vec<String>>>,
    verdict: Verdict,
    as_documented: Option<bool>,
    reason: Option<String>,
    elapsed_us: Option<u64>,
}

#[derive(Serialize)]
struct Answer {
    answer: String,
    error: Option<Described>,
}

impl Record {
    fn new(judged: &Judged) -> Self {
        let answer = |&step: &Step| Answer {
            answer: documented::name(step).into_owned(),
            error: if let Step::Failed(code) = step { Some(describe(code)) } else { None },
        };
        Record {
            schema: super::json::VERSION,
            record: "self-test",
            row: judged.row.trial,
            statement: judged.row.statement,
            pages: judged.row.pages,
            how: judged.row.how,
            system: judged.platform,
            basis: judged.platform.map(Platform::basis),
            documented: words(judged.row.documented),
            seen: judged.seen().map(|seen| seen.iter().map(answer).collect()),
            known: judged.known(),
            verdict: judged.verdict,
            as_documented: judged.is_as_documented(),
            reason: judged.reason(),
            elapsed_us: judged.trialled.map(|result| micros(result.elapsed)),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::Value;

    use super::*;
    use crate::classify::codes;
    use crate::model::Name;

    const PLATFORM: Option<Platform> = Some(if cfg!(windows) { Platform::Windows } else { Platform::Linux });

    fn failed(name: Name) -> Step {
        Step::Failed(codes::code(name).expect("a code of this system"))
    }

    fn came(trial: Trial, seen: Result<Vec<Step>, Hindrance>) -> Trialled {
        Trialled { trial, seen, elapsed: Duration::from_micros(120) }
    }

    /// One of each kind of result; all other rows were not tried.
    fn results() -> Vec<Trialled> {
        let code = codes::code(Name::EMFILE).expect("a code");
        vec![
            came(Trial::Refused, Ok(vec![failed(Name::ECONNREFUSED)])),
            came(Trial::PortInUse, Ok(vec![Step::Done])),
            came(Trial::OtherFamily, Err(Hindrance::Call("socket()", code))),
            came(Trial::ShortName, Ok(vec![failed(Name::EACCES)])),
            came(Trial::UdpOtherSender, Err(Hindrance::Reason("the datagram of the peer did not come"))),
        ]
    }

    fn texts(verbose: bool) -> Vec<String> {
        Platform::ALL
            .iter()
            .map(|&platform| human(Some(platform), &results(), verbose))
            .chain([human(None, &[], verbose)])
            .collect()
    }

    #[test]
    fn lines_fit_a_terminal() {
        for text in texts(true).iter().chain(&texts(false)) {
            let wide: Vec<&str> = text.lines().filter(|line| line.chars().count() > WIDTH).collect();
            assert_eq!(wide, Vec::<&str>::new());
            assert!(text.is_ascii() && text.lines().all(|line| line == line.trim_end()));
        }
    }

    #[test]
    fn a_difference_has_a_word_and_an_exit_code() {
        let text = human(PLATFORM, &results(), false);
        assert_eq!(text.matches("DIFFERS").count(), 1, "{text}");
        assert!(differs(PLATFORM, &results()) && !differs(PLATFORM, &results()[..1]) && !differs(None, &results()));
    }

    #[test]
    fn a_test_that_saw_nothing_is_empty() {
        let hindered = &results()[2..];
        assert!(is_empty(PLATFORM, hindered) && is_empty(PLATFORM, &[]) && !is_empty(PLATFORM, &results()));
    }

    #[test]
    #[cfg(unix)]
    fn what_was_not_provoked_has_its_reason() {
        let text = human(PLATFORM, &results(), false);
        for reason in [
            "socket(): EMFILE",
            "the datagram of the peer did not come",
            "a policy or a shortage on this machine answers EACCES",
            "only Winsock has WSAStartup()",
        ] {
            assert!(text.contains(&format!("\n    {reason}\n")), "{reason}: {text}");
        }
    }

    #[test]
    fn every_line_fits_the_schema() {
        let schema: Value = serde_json::from_str(super::super::SCHEMA).expect("JSON");
        let validator = jsonschema::validator_for(&schema).expect("a schema");
        for &platform in Platform::ALL {
            let lines = String::from_utf8(json(Some(platform), &results())).expect("UTF-8");
            assert_eq!(lines.lines().count(), Trial::ALL.len());
            for line in lines.lines() {
                let value = serde_json::from_str(line).expect("JSON");
                let errors: Vec<String> = validator.iter_errors(&value).map(|error| error.to_string()).collect();
                assert!(errors.is_empty(), "{errors:?}\n{value:#}");
            }
        }
    }
}
