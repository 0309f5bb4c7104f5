//! The one table of documented error codes, the ways to look one up, and the class each belongs to. Pure.
//!
//! Code, tests, `--explain`, `--list-errors`, the man page and the README all read [`TABLE`]; there is no second list.
//! Classification is by the raw number, never by the text of a message.

mod table;

use std::borrow::Cow;
use std::fmt;

use serde::{Serialize, Serializer};

use crate::model::{Code, Name, Outcome, Phase, Platform, slugs};
pub use table::TABLE;

slugs! {
    /// Which vocabulary a row's name belongs to.
    Vocabulary {
        Posix = "posix": "errno of POSIX and of systems that follow it",
        Resolver = "resolver": "EAI_ of getaddrinfo()",
        Winsock = "winsock": "only a number of Windows",
    }
}

slugs! {
    /// The most specific document that lists a code. There is no value for the `connect()` page alone: the
    /// `WSAConnect()` page repeats all its codes.
    Source {
        Connect = "connect+wsaconnect": "Microsoft's connect() and WSAConnect() pages",
        WsaConnect = "wsaconnect": "Microsoft's WSAConnect() page",
        WinsockCodes = "winsock-codes": "Microsoft's list of Winsock error codes",
        SystemCodes = "system-codes": "Microsoft's list of system error codes",
        Posix = "posix": "POSIX socket functions",
        Getaddrinfo = "getaddrinfo": "getaddrinfo()",
        System = "system": "the manual of the systems that have it",
    }
}

slugs! {
    /// Systems whose numbers differ (`Linux` has the generic ones: x86, arm, riscv, powerpc, s390, loongarch); the order
    /// is that of the columns in [`TABLE`].
    System {
        Linux = "linux": "Linux",
        Mips = "linux-mips": "Linux/MIPS",
        Sparc = "linux-sparc": "Linux/SPARC",
        Alpha = "linux-alpha": "Linux/Alpha",
        Parisc = "linux-parisc": "Linux/PA-RISC",
        Macos = "macos": "macOS",
        Freebsd = "freebsd": "FreeBSD",
    }
}

impl System {
    /// Whether this is Linux with numbers of its own.
    const fn is_linux_port(self) -> bool {
        matches!(self, System::Mips | System::Sparc | System::Alpha | System::Parisc)
    }
}

/// A code's numbers by [`System`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Numbers([Option<i32>; System::ALL.len()]);

impl Numbers {
    /// The number on one system; `None` where it has no such code.
    pub fn on(&self, system: System) -> Option<i32> {
        self.0[system as usize]
    }

    /// The systems that have the code, with their numbers.
    pub fn iter(&self) -> impl Iterator<Item = (System, i32)> {
        System::ALL.iter().zip(self.0).filter_map(|(&system, number)| Some((system, number?)))
    }

    /// Like [`Numbers::iter`], without the ports of Linux that have the generic number.
    pub fn distinct(&self) -> impl Iterator<Item = (System, i32)> {
        let generic = self.on(System::Linux);
        self.iter().filter(move |&(system, number)| !(system.is_linux_port() && generic == Some(number)))
    }
}

impl Serialize for Numbers {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_map(System::ALL.iter().map(|&system| (system.slug(), self.on(system))))
    }
}

/// One documented code.
#[derive(Debug, Serialize)]
pub struct Row {
    /// POSIX or `EAI_` name; the Windows name where no other exists.
    pub name: Name,
    /// A second name of the same code.
    pub alias: Option<&'static str>,
    /// What kind of name that is.
    pub vocabulary: Vocabulary,
    /// This system's number of `name` (on Windows: of its C runtime); `None` if it has none.
    pub number: Option<i32>,
    /// The Winsock name for the same thing, or the nearest one.
    pub winsock_name: Option<&'static str>,
    /// The Winsock number.
    pub winsock_number: Option<i32>,
    /// Whether the Winsock pair is only the nearest, not the same code.
    pub nearest: bool,
    /// Where it is documented.
    pub source: Source,
    /// What the document says it means.
    pub meaning: &'static str,
    /// What differs between systems, or surprises.
    pub note: Option<&'static str>,
    /// The steps in which a probe can meet it.
    pub phases: &'static [Phase],
    /// The class when no finer evidence exists; of a code that says "pending", what it comes to when nothing follows.
    pub outcome: Outcome,
    /// The class where the code comes from the network ([`Phase::Completion`]), if that differs.
    pub outcome_at_completion: Option<Outcome>,
    /// Whether the documents say that trying again is worth it.
    pub retryable: bool,
    /// One line: what to look at next.
    pub advice: &'static str,
    /// The numbers of `name` on known systems.
    pub numbers: Numbers,
}

impl Row {
    /// The class of this code in that step, when no finer evidence exists.
    pub fn outcome_in(&self, phase: Phase) -> Outcome {
        match (phase, self.outcome_at_completion) {
            (Phase::Completion, Some(outcome)) => outcome,
            _ => self.outcome,
        }
    }

    /// Name and number in both vocabularies.
    pub fn describe(&self) -> Described {
        Described {
            name: Cow::Borrowed(self.name.as_str()),
            number: self.number,
            winsock_name: self.winsock_name,
            winsock_number: self.winsock_number,
            retryable: self.retryable,
        }
    }

    /// Whether `name` is one of this row's names, in any case.
    pub fn is_called(&self, name: &str) -> bool {
        [Some(self.name.as_str()), self.alias, self.winsock_name]
            .into_iter()
            .flatten()
            .any(|own| own.eq_ignore_ascii_case(name))
    }
}

/// The documented row of a code that this system returned.
pub fn row(code: Code) -> Option<&'static Row> {
    row_on(Platform::HERE, code)
}

/// The documented row of a code that a system returned. On Unix the numbers are those of this system: only the vocabulary
/// differs.
pub fn row_on(platform: Platform, code: Code) -> Option<&'static Row> {
    match platform {
        Platform::Windows => row_by_winsock(code),
        Platform::Linux | Platform::Macos | Platform::Bsd => row_by_number(code),
    }
}

/// Unix: errno and `EAI_` are two number spaces.
fn row_by_number(code: Code) -> Option<&'static Row> {
    let (vocabulary, number) = match code {
        Code::Os(number) => (Vocabulary::Posix, number),
        Code::Eai(number) => (Vocabulary::Resolver, number),
    };
    TABLE.iter().find(|row| row.vocabulary == vocabulary && row.number == Some(number))
}

/// Windows: one number space, in which some numbers stand for a socket error and a resolver error (10022, 10047, 8).
/// The caller's own kind wins, then the exact pair over the nearest.
fn row_by_winsock(code: Code) -> Option<&'static Row> {
    let (number, resolver) = match code {
        Code::Os(number) => (number, false),
        Code::Eai(number) => (number, true),
    };
    TABLE
        .iter()
        .filter(|row| row.winsock_number == Some(number))
        .min_by_key(|row| ((row.vocabulary == Vocabulary::Resolver) != resolver, row.nearest))
}

/// A code by name and number in both vocabularies; serialises as the `error` object of the JSON output.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Described {
    /// POSIX or `EAI_` name; for an undocumented code `errno N`, `EAI N` or `WSA N`.
    pub name: Cow<'static, str>,
    /// This system's number for the name.
    pub number: Option<i32>,
    /// Winsock name, equal or nearest.
    pub winsock_name: Option<&'static str>,
    /// Winsock number.
    pub winsock_number: Option<i32>,
    /// Whether the documents call it worth another try.
    pub retryable: bool,
}

impl fmt::Display for Described {
    /// `EHOSTUNREACH 113 · WSAEHOSTUNREACH 10065`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)?;
        // A name made up for an unknown code has the number in it.
        if let (Cow::Borrowed(_), Some(number)) = (&self.name, self.number) {
            write!(f, " {number}")?;
        }
        match (self.winsock_name, self.winsock_number) {
            (Some(name), Some(number)) if name == self.name => write!(f, " {number}"),
            (Some(name), Some(number)) => write!(f, " · {name} {number}"),
            _ => Ok(()),
        }
    }
}

/// Describes any code; one that is not in the table keeps its number.
pub fn describe(code: Code) -> Described {
    row(code).map_or_else(|| undocumented(code), Row::describe)
}

fn undocumented(code: Code) -> Described {
    let (prefix, number) = match code {
        Code::Os(number) | Code::Eai(number) if cfg!(windows) => ("WSA", number),
        Code::Os(number) => ("errno", number),
        Code::Eai(number) => ("EAI", number),
    };
    Described {
        name: Cow::Owned(format!("{prefix} {number}")),
        number: (!cfg!(windows)).then_some(number),
        winsock_name: None,
        winsock_number: cfg!(windows).then_some(number),
        retryable: false,
    }
}

/// The documented name of a code that this system returned.
pub fn name(code: Code) -> Option<Name> {
    row(code).map(|row| row.name)
}

/// This system's code for a POSIX or `EAI_` name. On Windows the Winsock number, the nearest one included: there
/// `EINPROGRESS` is WSAEWOULDBLOCK.
pub fn code(name: Name) -> Option<Code> {
    let row = TABLE.iter().find(|row| row.name == name)?;
    let number = if cfg!(windows) { row.winsock_number } else { row.number }?;
    match row.vocabulary {
        Vocabulary::Posix => Some(Code::Os(number)),
        Vocabulary::Resolver => Some(Code::Eai(number)),
        Vocabulary::Winsock => None,
    }
}

#[cfg(test)]
mod tests;
