//! One line an attempt (RFC 4180, lines end in LF), the columns of its target repeated; a target without attempts has
//! one line whose attempt columns are empty. Empty is what JSON calls null. Columns keep their names and their places;
//! new ones come last. The paths of `--trace` are tables of their own and have no column here; JSON has them.

use csv::Writer;

use super::units::{address, micros, timestamp};
use crate::classify::codes::{Described, describe};
use crate::classify::{advice, exit, verdict};
use crate::model::{Attempt, By, Cause, Family, Icmp, Reason, Report};

/// What a line is made of.
#[derive(Debug, Clone, Copy)]
pub struct Line<'a> {
    report: &'a Report,
    attempt: Option<&'a Attempt>,
}

impl Line<'_> {
    fn attempt<T: ToString>(&self, value: impl Fn(&Attempt) -> Option<T>) -> String {
        text(self.attempt.and_then(value))
    }

    fn icmp<T: ToString>(&self, value: impl Fn(&Icmp) -> T) -> String {
        self.attempt(|attempt| attempt.icmp.as_ref().map(&value))
    }

    fn error<T: ToString>(&self, value: impl Fn(Described) -> Option<T>) -> String {
        self.attempt(|attempt| attempt.error.map(describe).and_then(&value))
    }
}

/// One column: what it is called, what it means, and where its values come from.
pub struct Column {
    /// The word in the header.
    pub name: &'static str,
    /// For the manual.
    pub meaning: &'static str,
    value: fn(&Line) -> String,
}

const fn column(name: &'static str, meaning: &'static str, value: fn(&Line) -> String) -> Column {
    Column { name, meaning, value }
}

/// The columns, in order.
pub const COLUMNS: &[Column] = &[
    column("target", "host and port as a user would write them, /udp after it for UDP", |l| l.report.target.clone()),
    column("host", "host as it was written", |l| l.report.host.to_string()),
    column("port", "port number", |l| l.report.port.to_string()),
    column("protocol", "tcp or udp", |l| l.report.protocol.to_string()),
    column("mode", "how connect() was called", |l| l.report.mode.to_string()),
    column("strategy", "which addresses were tried", |l| l.report.strategy.to_string()),
    column("started_at", "time of day at the start of the target, RFC 3339, UTC", |l| timestamp(l.report.started_at)),
    column("elapsed_us", "µs from the start of the target to its decision", |l| micros(l.report.elapsed).to_string()),
    column("outcome", "result of the target", |l| l.report.outcome.to_string()),
    column("good", "true if it meets --require or --expect", |l| l.report.good.to_string()),
    column("partial", "true if it is good although an address failed", |l| l.report.partial.to_string()),
    column("exit_code", "exit code of a run with this target alone", |l| exit::of(l.report).to_string()),
    column("resolve_elapsed_us", "duration of the lookup in µs", |l| micros(l.report.lookup.elapsed).to_string()),
    column("resolve_addresses", "number of distinct addresses found", |l| l.report.lookup.addresses.to_string()),
    column("resolve_error", "name of the error code of the resolver", |l| text(resolver(l).map(|d| d.name))),
    column("resolve_number", "its number on this system", |l| text(resolver(l).and_then(|d| d.number))),
    column("address", "address that was tried, with its scope id", |l| l.attempt(|a| Some(address(a.address)))),
    column("family", "ipv4 or ipv6", |l| l.attempt(|a| Some(Family::of(a.address.ip())))),
    column("try", "1 for the first try of the address", |l| l.attempt(|a| Some(a.number))),
    column("attempt_outcome", "result of the attempt", |l| l.attempt(|a| Some(a.outcome))),
    column("attempt_started_us", "µs from the start of the target", |l| l.attempt(|a| Some(micros(a.started)))),
    column("attempt_elapsed_us", "µs that a program would have waited", |l| l.attempt(|a| Some(micros(a.elapsed)))),
    column("local", "local address and port of the connection", |l| l.attempt(|a| a.local)),
    column("phase", "step in which the attempt ended", |l| l.attempt(|a| a.phase)),
    column("by", "who decided the attempt, or the lookup if there was no attempt", |l| text(by(l))),
    column("cause", "cause, or that of a failed lookup if there was no attempt", |l| text(cause(l))),
    column("error", "POSIX name of the error code of the attempt", |l| l.error(|d| Some(d.name))),
    column("number", "its number on this system", |l| l.error(|d| d.number)),
    column("winsock_name", "Winsock name", |l| l.error(|d| d.winsock_name)),
    column("winsock_number", "Winsock number", |l| l.error(|d| d.winsock_number)),
    column("retryable", "true if a retry can succeed", |l| l.attempt(|a| a.error.map(|_| verdict::retryable(a)))),
    column("icmp_from", "sender of the ICMP message", |l| l.icmp(|i| i.from)),
    column("icmp_type", "its type", |l| l.icmp(|i| i.kind)),
    column("icmp_code", "its code", |l| l.icmp(|i| i.code)),
    column("icmp_meaning", "its meaning, in the words of the standard", |l| l.icmp(Icmp::meaning)),
    column("icmp_count", "number of such messages", |l| l.icmp(|i| i.count)),
    column("icmp_decisive", "true if it ended the attempt", |l| l.icmp(|i| i.decisive)),
    column("syns", "SYN segments sent", |l| l.attempt(|a| a.syns)),
    column("rtt_us", "µs from SYN to SYN/ACK, measured by the kernel", |l| l.attempt(|a| a.rtt.map(micros))),
    column("reason", "why the address was not tried, or its attempt was cancelled", |l| {
        l.attempt(|a| a.reason.map(Reason::meaning))
    }),
    column("advice", "what to check next", |l| text(advice(l))),
    column("ended", "what ended the attempt: system, limit, signal or race", |l| l.attempt(|a| a.ended)),
    column("reply_from", "address and port that the reply to a datagram came from", |l| l.attempt(|a| a.reply_from)),
    column("resolve_canonical", "name that answered, if it is not the one that was asked for", |l| {
        text(l.report.lookup.canonical.as_deref())
    }),
    column("resolve_ascii", "A-label form of the host, if that is not what was written", |l| {
        text(l.report.lookup.ascii.as_deref())
    }),
    column("window", "bytes that the other end took at the end of the handshake", |l| {
        l.attempt(|a| a.handshake.and_then(|terms| terms.window))
    }),
    column("round", "number of the round with --count, --watch and --wait", |l| text(l.report.round)),
    column("hold_us", "µs that the connection was held (--hold)", |l| {
        l.attempt(|a| a.hold.as_ref().map(|hold| micros(hold.elapsed)))
    }),
    column(
        "hold_received",
        "first bytes that came meanwhile; as in C, quotes, backslashes and all but printable ASCII are escaped",
        |l| l.attempt(|a| a.hold.as_ref().map(|hold| hold.received.escape_ascii().to_string())),
    ),
    column(
        "cut_short",
        "true if the deadline or a signal ended the attempt, or the lookup if there was no attempt, before its own limit",
        |l| l.attempt.map_or(l.report.lookup.cut_short, |attempt| attempt.cut_short).to_string(),
    ),
];

fn resolver(line: &Line) -> Option<Described> {
    line.report.lookup.error.map(describe)
}

fn cause(line: &Line) -> Option<Cause> {
    line.attempt.map_or(line.report.lookup.cause, |attempt| attempt.cause)
}

fn by(line: &Line) -> Option<By> {
    line.attempt.map_or(line.report.lookup.by, |attempt| attempt.by)
}

fn advice(line: &Line) -> Option<String> {
    match line.attempt {
        Some(attempt) => advice::of(attempt, line.report.trace.as_deref()),
        None => advice::of_lookup(&line.report.lookup),
    }
}

fn text<T: ToString>(value: Option<T>) -> String {
    value.map(|value| value.to_string()).unwrap_or_default()
}

/// The line of the columns' names.
pub fn header() -> Vec<u8> {
    let mut out = Vec::new();
    write(&mut out, |writer| writer.write_record(COLUMNS.iter().map(|column| column.name)));
    out
}

/// Appends the lines of one target.
pub fn rows(report: &Report, out: &mut Vec<u8>) {
    let alone = report.attempts.is_empty().then_some(None);
    let attempts = report.attempts.iter().map(Some).chain(alone);
    write(out, |writer| {
        attempts
            .map(|attempt| Line { report, attempt })
            .try_for_each(|line| writer.write_record(COLUMNS.iter().map(|column| (column.value)(&line))))
    });
}

fn write(out: &mut Vec<u8>, rows: impl FnOnce(&mut Writer<&mut Vec<u8>>) -> csv::Result<()>) {
    let mut writer = Writer::from_writer(out);
    rows(&mut writer).and_then(|()| Ok(writer.flush()?)).expect("memory takes every record");
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeSet, HashMap};

    use super::super::samples;
    use super::*;

    fn read(report: &Report) -> Vec<HashMap<String, String>> {
        let mut text = header();
        rows(report, &mut text);
        csv::Reader::from_reader(&text[..]).deserialize().map(|row| row.expect("a record")).collect()
    }

    #[test]
    fn no_column_is_named_twice() {
        let names: BTreeSet<&str> = COLUMNS.iter().map(|column| column.name).collect();
        assert_eq!(names.len(), COLUMNS.len());
        assert!(COLUMNS.iter().all(|column| !column.meaning.is_empty()));
    }

    #[test]
    fn one_line_an_attempt() {
        let rows = read(&samples::partial());
        let address: Vec<&str> = rows.iter().map(|row| &row["address"][..]).collect();
        assert_eq!(address, ["10.1.0.9", "10.4.0.5"]);
        assert!(rows.iter().all(|row| row["target"] == "db.example:5432" && row["outcome"] == "connected"));
        assert_eq!(
            (&rows[0]["attempt_outcome"][..], &rows[0]["rtt_us"][..], &rows[0]["error"][..]),
            ("connected", "1100", "")
        );
        assert_eq!(
            (&rows[1]["by"][..], &rows[1]["error"][..], &rows[1]["icmp_from"][..]),
            ("router", "EHOSTUNREACH", "10.1.0.1")
        );
    }

    #[test]
    fn what_came_has_no_control_characters() {
        assert_eq!(read(&samples::held())[0]["hold_received"], r"SSH-2.0-x\r\n\\\xff");
        let mut hostile = samples::held();
        if let Some(hold) = &mut hostile.attempts[0].hold {
            hold.received = b"\x1b[31m\0\t\x7f\xc2\x9b'\"".to_vec();
        }
        assert_eq!(read(&hostile)[0]["hold_received"], r#"\x1b[31m\x00\t\x7f\xc2\x9b\'\""#);
    }

    #[test]
    fn a_target_without_attempts_has_one_line() {
        let rows = read(&samples::unresolved());
        assert_eq!(rows.len(), 1);
        assert_eq!((&rows[0]["outcome"][..], &rows[0]["exit_code"][..]), ("unresolved", "3"));
        assert_eq!((&rows[0]["resolve_error"][..], &rows[0]["cause"][..]), ("EAI_NONAME", "no-such-name"));
        assert_eq!((&rows[0]["address"][..], &rows[0]["attempt_outcome"][..]), ("", ""));
    }

    #[test]
    fn every_line_has_every_column() {
        for report in samples::many() {
            assert_eq!(read(&report).len(), report.attempts.len().max(1));
        }
    }
}
