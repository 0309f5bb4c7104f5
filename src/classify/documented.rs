//! What the documents say of connect(), and what systems do: the rows of `--self-test` and of the manual's chapter.
//!
//! The documents are Microsoft's pages of `connect()`, `WSAConnect()` and "Connecting to a Socket", and Beej's page of
//! `connect()`. A row without a page is a rule that programs meet beside them.

mod table;

use std::borrow::Cow;
use std::fmt;

use crate::classify::codes;
use crate::model::{Code, Finding, Hindrance, Name, Step, Trial, slugs};
pub use table::TABLE;

slugs! {
    /// Systems whose behaviour is known; the order is that of the columns of a row.
    Platform {
        Linux = "linux": "Linux",
        Wine = "wine": "Wine",
        Windows = "windows": "Windows",
        Macos = "macos": "macOS",
        Freebsd = "freebsd": "FreeBSD",
    }
}

slugs! {
    /// Where the knowledge of a system comes from.
    Basis {
        Observed = "observed": "seen on the system",
        Documented = "documented": "read in its maker's documents",
        Inferred = "inferred": "concluded from the sources of the BSDs",
    }
}

impl Platform {
    /// Where the knowledge of it comes from.
    pub const fn basis(self) -> Basis {
        match self {
            Platform::Linux | Platform::Wine => Basis::Observed,
            Platform::Windows => Basis::Documented,
            Platform::Macos | Platform::Freebsd => Basis::Inferred,
        }
    }
}

slugs! {
    /// A page that makes a statement.
    Page {
        Connect = "connect": "connect()",
        WsaConnect = "wsaconnect": "WSAConnect()",
        Beej = "beej": "Beej",
    }
}

/// One answer, as documents and manuals name it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Says {
    /// The call succeeds.
    Done,
    /// The call fails with this code: its POSIX name, or its Windows name.
    Failed(&'static str),
    /// A look at the socket finds this.
    Found(Finding),
}

impl Says {
    /// Whether that is what was seen.
    fn is(self, step: Step) -> bool {
        match (self, step) {
            (Says::Done, Step::Done) => true,
            (Says::Failed(name), Step::Failed(code)) => {
                let code = codes::describe(code);
                code.name == name || code.winsock_name == Some(name)
            }
            (Says::Found(expected), Step::Found(finding)) => expected == finding,
            _ => false,
        }
    }
}

impl fmt::Display for Says {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Says::Done => "OK",
            Says::Failed(name) => name,
            Says::Found(finding) => finding.slug(),
        })
    }
}

/// What is known of a row on one system.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Known {
    /// One of these sequences of answers.
    Answers(&'static [&'static [Says]]),
    /// Nobody has seen it yet.
    ToBeSeen,
    /// It cannot be provoked there, and why.
    Absent(&'static str),
}

/// One statement, how it is provoked, and what systems do.
#[derive(Debug)]
pub struct Row {
    /// Its name, and what provokes it.
    pub trial: Trial,
    /// The pages that say so; none for a rule beside them.
    pub pages: &'static [Page],
    /// What is said, in the words of this project.
    pub statement: &'static str,
    /// How it is provoked.
    pub how: &'static str,
    /// The documented answers; empty where the documents give none.
    pub documented: &'static [Says],
    known: [Known; Platform::ALL.len()],
}

impl Row {
    /// What is known of that system; of a system without a column, nothing.
    pub fn known(&self, platform: Option<Platform>) -> Known {
        platform.map_or(Known::ToBeSeen, |platform| self.known[platform as usize])
    }

    /// Whether it can be provoked on that system.
    pub fn is_provoked(&self, platform: Option<Platform>) -> bool {
        !matches!(self.known(platform), Known::Absent(_))
    }

    /// Whether what was seen is what the documents say; `None` where they say nothing.
    pub fn is_as_documented(&self, seen: &[Step]) -> Option<bool> {
        (!self.documented.is_empty()).then(|| are(self.documented, seen))
    }
}

/// The row of a trial.
pub fn row(trial: Trial) -> &'static Row {
    TABLE.iter().find(|row| row.trial == trial).expect("a test sees to it that every trial has a row")
}

fn are(says: &[Says], seen: &[Step]) -> bool {
    says.len() == seen.len() && says.iter().zip(seen).all(|(says, &step)| says.is(step))
}

slugs! {
    /// What a trial comes to.
    Verdict {
        AsKnown = "as-known": "what was seen is known for this system",
        Differs = "differs": "what was seen is not what is known for this system",
        ToBeSeen = "to-be-seen": "nothing is known for this system yet",
        NotProvokable = "not-provokable": "A sandbox, a shortage or the system itself keeps it from being provoked",
    }
}

/// Compares what was seen with what is known of this system.
pub fn judge(row: &Row, platform: Option<Platform>, seen: &Result<Vec<Step>, Hindrance>) -> Verdict {
    let Ok(seen) = seen else { return Verdict::NotProvokable };
    match row.known(platform) {
        Known::Answers(sequences) if sequences.iter().any(|says| are(says, seen)) => Verdict::AsKnown,
        Known::Absent(_) => Verdict::NotProvokable,
        _ if hindrance(seen).is_some() => Verdict::NotProvokable,
        Known::Answers(_) => Verdict::Differs,
        Known::ToBeSeen => Verdict::ToBeSeen,
    }
}

/// The code by which a sandbox or a shortage on this machine, and not the system, answers.
pub fn hindrance(seen: &[Step]) -> Option<Code> {
    use Name::*;
    const BESIDE_THE_POINT: [Name; 8] = [EPERM, EACCES, ENOSYS, EMFILE, ENFILE, ENOMEM, ENOBUFS, EADDRNOTAVAIL];
    seen.iter().find_map(|step| match step {
        Step::Failed(code) => codes::name(*code).filter(|name| BESIDE_THE_POINT.contains(name)).map(|_| *code),
        _ => None,
    })
}

/// An answer as this system names it.
pub fn name(step: Step) -> Cow<'static, str> {
    match step {
        Step::Done => Says::Done.to_string().into(),
        Step::Found(finding) => finding.slug().into(),
        Step::Failed(code) => own_name(code),
    }
}

/// The name of a code in the vocabulary of this system.
pub fn own_name(code: Code) -> Cow<'static, str> {
    let code = codes::describe(code);
    match code.winsock_name {
        Some(name) if cfg!(windows) => name.into(),
        _ => code.name,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failed(name: Name) -> Step {
        Step::Failed(codes::code(name).expect("a code of this system"))
    }

    #[test]
    fn every_trial_has_one_row_in_its_order() {
        assert_eq!(TABLE.iter().map(|row| row.trial).collect::<Vec<_>>(), Trial::ALL);
    }

    #[test]
    fn every_row_is_complete() {
        for row in TABLE {
            assert!(row.pages.is_empty() == row.documented.is_empty(), "{}", row.trial);
            for text in [row.statement, row.how] {
                assert!(!text.is_empty() && !text.ends_with('.') && text == text.trim(), "{text:?}");
            }
            for known in row.known {
                match known {
                    Known::Answers(sequences) => {
                        assert!(!sequences.is_empty() && sequences.iter().all(|s| !s.is_empty()))
                    }
                    Known::Absent(reason) => assert!(!reason.is_empty(), "{}", row.trial),
                    Known::ToBeSeen => {}
                }
            }
        }
    }

    /// Names are those of the table of codes: documents and Windows have Windows' names, the others those of POSIX.
    #[test]
    fn every_name_is_that_of_a_code() {
        let posix = |name: &str| {
            codes::TABLE.iter().any(|row| row.name.as_str() == name && row.numbers.iter().next().is_some())
        };
        let winsock = |name: &str| codes::TABLE.iter().any(|row| row.winsock_name == Some(name));
        let names = |says: &'static [Says]| {
            says.iter().filter_map(|says| match says {
                Says::Failed(name) => Some(*name),
                _ => None,
            })
        };
        for row in TABLE {
            assert!(names(row.documented).all(winsock), "{}", row.trial);
            for (&platform, known) in Platform::ALL.iter().zip(row.known) {
                let Known::Answers(sequences) = known else { continue };
                let of_windows = matches!(platform, Platform::Windows | Platform::Wine);
                let mut names = sequences.iter().flat_map(|says| names(says));
                assert!(names.all(|name| if of_windows { winsock(name) } else { posix(name) }), "{}", row.trial);
            }
        }
    }

    /// The tables of error codes on Microsoft's pages, in the order of the page of WSAConnect().
    #[test]
    fn every_documented_code_has_a_row() {
        let codes = "WSANOTINITIALISED WSAENETDOWN WSAEADDRINUSE WSAEINTR WSAEINPROGRESS WSAEALREADY WSAEADDRNOTAVAIL
            WSAEAFNOSUPPORT WSAECONNREFUSED WSAEFAULT WSAEINVAL WSAEISCONN WSAENETUNREACH WSAEHOSTUNREACH WSAENOBUFS
            WSAENOTSOCK WSAEOPNOTSUPP WSAEPROTONOSUPPORT WSAETIMEDOUT WSAEWOULDBLOCK WSAEACCES";
        let codes: Vec<&str> = codes.split_whitespace().collect();
        assert_eq!(codes.len(), 21);
        for code in codes {
            let of_pages = |row: &&Row| row.documented.contains(&Says::Failed(code)) && !row.pages.is_empty();
            assert!(TABLE.iter().any(|row| of_pages(&row)), "{code}");
        }
    }

    #[test]
    #[cfg(unix)]
    fn what_was_seen_is_compared_with_what_is_known() {
        let linux = Some(Platform::Linux);
        let judged = |trial, steps: &[Step]| judge(row(trial), linux, &Ok(steps.to_vec()));
        assert_eq!(judged(Trial::ListeningSocket, &[failed(Name::EISCONN)]), Verdict::AsKnown);
        assert_eq!(judged(Trial::ListeningSocket, &[failed(Name::EINVAL)]), Verdict::Differs);
        assert_eq!(judged(Trial::AgainWhenConnected, &[Step::Done]), Verdict::Differs);
        assert_eq!(judged(Trial::AgainWhenConnected, &[Step::Done, failed(Name::EISCONN)]), Verdict::AsKnown);
        assert_eq!(judge(row(Trial::Refused), None, &Ok(vec![failed(Name::ECONNREFUSED)])), Verdict::ToBeSeen);
    }

    /// EACCES is what a broadcast without permission is answered with; anywhere else a policy speaks.
    #[test]
    #[cfg(unix)]
    fn a_policy_is_no_difference() {
        let linux = Some(Platform::Linux);
        let judged = |trial, name: Name| judge(row(trial), linux, &Ok(vec![failed(name)]));
        for name in [Name::EPERM, Name::EACCES, Name::ENOSYS, Name::EMFILE, Name::EADDRNOTAVAIL] {
            assert_eq!(judged(Trial::Refused, name), Verdict::NotProvokable, "{name}");
        }
        assert_eq!(judged(Trial::ProhibitRoute, Name::EACCES), Verdict::AsKnown);
        let hindered = Err(Hindrance::Call("socket()", codes::code(Name::EMFILE).expect("a code")));
        assert_eq!(judge(row(Trial::Refused), linux, &hindered), Verdict::NotProvokable);
    }

    /// The Winsock name of what POSIX systems return counts as the documented one.
    #[test]
    fn documents_are_compared_by_the_winsock_name() {
        assert_eq!(row(Trial::Pending).is_as_documented(&[failed(Name::EINPROGRESS)]), Some(true));
        assert_eq!(row(Trial::ListeningSocket).is_as_documented(&[failed(Name::EISCONN)]), Some(false));
        assert_eq!(row(Trial::UdpClosedPort).is_as_documented(&[failed(Name::ECONNREFUSED)]), None);
    }
}
