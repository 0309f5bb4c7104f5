//! What is wrong with a command line, on one line, from the facts of clap's error and not from its text.

use std::error::Error as _;

use clap::Error;
use clap::error::{ContextKind, ContextValue, ErrorKind};

/// What is wrong and what would be right.
pub fn message(error: &Error) -> String {
    let fact = |kind| error.get(kind).map(shown).unwrap_or_default();
    let (option, value) = (fact(ContextKind::InvalidArg), fact(ContextKind::InvalidValue));
    match error.kind() {
        ErrorKind::UnknownArgument => match fact(ContextKind::SuggestedArg) {
            similar if similar.is_empty() => format!("unknown option '{option}': rconnect --help lists the options"),
            similar => format!("unknown option '{option}': did you mean '{similar}'?"),
        },
        ErrorKind::InvalidValue if value.is_empty() => format!("'{option}' needs a value"),
        ErrorKind::InvalidValue => {
            format!("invalid value '{value}' for '{option}': expected {}", fact(ContextKind::ValidValue))
        }
        ErrorKind::ValueValidation => {
            let reason = error.source().map_or_else(String::new, |reason| format!(": {reason}"));
            format!("invalid value '{value}' for '{option}'{reason}")
        }
        ErrorKind::TooManyValues => format!("'{option}' takes no value: leave '{value}' out"),
        ErrorKind::ArgumentConflict => {
            format!("'{option}' cannot be used with '{}': leave one of them out", fact(ContextKind::PriorArg))
        }
        ErrorKind::InvalidUtf8 => "an argument is not UTF-8: write all of them in UTF-8".into(),
        _ => first_line(error),
    }
}

/// One value, or a list as in a sentence; the dots of what may be repeated are left out.
fn shown(value: &ContextValue) -> String {
    let plain = |text: &str| {
        let text = text.trim_end_matches("...");
        text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text).to_owned()
    };
    match value {
        ContextValue::Strings(list) => match list.as_slice() {
            [many @ .., last] if !many.is_empty() => {
                format!("{} or {}", many.iter().map(|text| plain(text)).collect::<Vec<_>>().join(", "), plain(last))
            }
            list => list.iter().map(|text| plain(text)).collect(),
        },
        value => plain(&value.to_string()),
    }
}

/// What clap says itself, for kinds that no argument of this program has.
fn first_line(error: &Error) -> String {
    let rendered = error.render().to_string();
    rendered.lines().next().unwrap_or_default().trim_start_matches("error: ").to_owned()
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::app::args::Args;

    fn said(words: &[&str]) -> String {
        message(&Args::try_parse_from([&["rconnect"], words].concat()).expect_err("to be refused"))
    }

    #[test]
    fn errors_say_what_would_be_right() {
        for (words, expected) in [
            (&["--outptu", "json"][..], "unknown option '--outptu': did you mean '--output'?"),
            (&["--nonsense"], "unknown option '--nonsense': rconnect --help lists the options"),
            (&["-5"], "unknown option '-5': rconnect --help lists the options"),
            (&["-I"], "'--interface <NAME>' needs a value"),
            (&["-I", ""], "'--interface <NAME>' needs a value"),
            (&["-m", "x"], "invalid value 'x' for '--mode <MODE>': expected nonblocking or blocking"),
            (&["-r", "x"], "invalid value 'x' for '--retries <N>': expected a number from 0 to 4294967295"),
            (&["--json=x"], "'--json' takes no value: leave 'x' out"),
            (&["-q", "-v"], "'--quiet' cannot be used with '--verbose': leave one of them out"),
            (&["--explain", "x", "h"], "'--explain <CODE>' cannot be used with 'TARGET': leave one of them out"),
        ] {
            assert_eq!(said(words), expected, "{words:?}");
        }
    }
}
