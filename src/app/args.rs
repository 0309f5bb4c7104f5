//! The command line, declared once and alike on every system: help, man page and completions come from here.

#![allow(rustdoc::broken_intra_doc_links, reason = "doc comments are the text of --help, where [IPv6] is no link")]

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use clap::builder::{ArgAction, NonEmptyStringValueParser};
use clap::{Parser, ValueEnum, ValueHint};

use crate::classify::exit;
use crate::classify::requirement::Require;
use crate::grammar::{dscp, duration, expect, rate};
use crate::model::{Expected, Mode, Strategy};
use crate::output::{Format, Show};
use crate::schedule::{LEAST_ATTEMPT_DELAY, MOST_ATTEMPT_DELAY};

/// Headings of the options, in the order of the help.
const TARGETS: &str = "Targets";
const ATTEMPTS: &str = "Attempts";
const SOCKET: &str = "Socket";
const RUN: &str = "Run";
const OUTPUT: &str = "Output";
const REFERENCE: &str = "Reference";

/// Test TCP and UDP connectivity to every address of a host, and explain each failure.
///
/// TARGET is HOST:PORTS, [IPv6]:PORTS, a URL such as https://host/, or a network such as 10.0.0.0/28:PORTS.
/// PORTS is a comma list of numbers, ranges (8000-8010) and service names.
#[derive(Debug, Clone, Parser)]
#[command(name = "rconnect", version, term_width = 80, args_override_self = true, after_long_help = after_help())]
#[command(override_usage = "rconnect [OPTIONS] HOST PORTS\n       rconnect [OPTIONS] TARGET...\n       \
    rconnect [OPTIONS] --from FILE\n       \
    rconnect [OPTIONS] --count N | --watch TARGET...\n       \
    rconnect [OPTIONS] --wait[=DURATION] TARGET... [-- COMMAND [ARG]...]\n       \
    rconnect --explain CODE | --list-errors | --self-test | --generate KIND")]
pub struct Args {
    /// HOST PORTS, or one or more of HOST:PORTS, [IPv6]:PORTS, URL, NETWORK/PREFIX:PORTS
    #[arg(value_name = "TARGET", value_hint = ValueHint::Hostname)]
    pub targets: Vec<String>,

    /// Read targets from FILE, one per line (# begins a comment, - is standard input)
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, help_heading = TARGETS)]
    pub from: Option<PathBuf>,

    /// Ports of every target that has none
    #[arg(short, long, value_name = "PORTS", allow_hyphen_values = true, help_heading = TARGETS)]
    pub ports: Option<String>,

    /// Leave out hosts, networks and ports (:PORT), or those that FILE lists (repeatable)
    #[arg(long, value_name = "TARGET,...|@FILE", help_heading = TARGETS)]
    pub exclude: Vec<String>,

    /// Use only IPv4 addresses
    #[arg(short = '4', long = "ipv4", conflicts_with = "ipv6", help_heading = TARGETS)]
    pub ipv4: bool,

    /// Use only IPv6 addresses
    #[arg(short = '6', long = "ipv6", help_heading = TARGETS)]
    pub ipv6: bool,

    /// Never ask a resolver: every host must be an address
    #[arg(short, long, help_heading = TARGETS)]
    pub numeric: bool,

    /// Use these addresses for HOST:PORT, without a lookup (repeatable)
    #[arg(long, value_name = "HOST:PORT:ADDR[,ADDR]", help_heading = TARGETS)]
    pub resolve: Vec<String>,

    /// Allow networks of more than 65,536 addresses
    #[arg(long, help_heading = TARGETS)]
    pub yes: bool,

    /// Timeout of one attempt: 250ms, 1.5s, 2m or seconds; 0 or none leaves it to the system
    #[arg(short, long, value_name = "DURATION", default_value = "5s", short_alias = 'w', alias = "connect-timeout",
        value_parser = limit, allow_negative_numbers = true, help_heading = ATTEMPTS)]
    pub timeout: Limit,

    /// Timeout of one name lookup; 0 or none leaves it to the resolver
    #[arg(long, value_name = "DURATION", default_value = "20s", value_parser = limit, allow_negative_numbers = true, help_heading = ATTEMPTS)]
    pub resolve_timeout: Limit,

    /// Time limit of the whole run; targets that are left then are skipped [default: none]
    #[arg(long, value_name = "DURATION", value_parser = limit, allow_negative_numbers = true, help_heading = ATTEMPTS)]
    pub deadline: Option<Limit>,

    /// How connect() is called
    #[arg(short, long, value_enum, default_value = "nonblocking", help_heading = ATTEMPTS)]
    pub mode: Mode,

    /// Try every address, stop at the first that connects, or race them as browsers do
    #[arg(long, value_enum, default_value = "all", help_heading = ATTEMPTS)]
    pub strategy: Strategy,

    /// Delay of a race before the next address is tried: 10ms to 2s [default: 250ms]
    #[arg(long, value_name = "DURATION", value_parser = attempt_delay, allow_negative_numbers = true, help_heading = ATTEMPTS)]
    pub attempt_delay: Option<Duration>,

    /// Addresses that must connect: any, all, each-family or a number
    #[arg(long, value_name = "WHAT", default_value = "any", help_heading = ATTEMPTS)]
    pub require: Require,

    /// The target is good if every address comes to one of these: open, closed, blocked or outcomes
    #[arg(long, value_name = "WORD[,...]", value_parser = expect::parse, conflicts_with = "require", help_heading = ATTEMPTS)]
    pub expect: Option<Expected>,

    /// Also try and count a family that this machine has no route for
    #[arg(long, help_heading = ATTEMPTS)]
    pub strict: bool,

    /// Retry up to N times if the error is retryable
    #[arg(short, long, value_name = "N", default_value_t = 0, value_parser = |text: &str| number(text, 0, u32::MAX),
        allow_negative_numbers = true, help_heading = ATTEMPTS)]
    pub retries: u32,

    /// Pause before each retry
    #[arg(long, value_name = "DURATION", default_value = "1s", value_parser = duration::parse, allow_negative_numbers = true, help_heading = ATTEMPTS)]
    pub retry_delay: Duration,

    /// Keep each TCP connection open for DURATION, send nothing, and report whether it is served
    #[arg(long, value_name = "DURATION", value_parser = hold, allow_negative_numbers = true, help_heading = ATTEMPTS)]
    pub hold: Option<Duration>,

    /// End an attempt at the first ICMP message, even if the kernel goes on
    #[arg(long, help_heading = ATTEMPTS)]
    pub fail_on_icmp: bool,

    /// Show where on the path the connection fails (Linux; TCP also on Windows 10 2004)
    #[arg(long, help_heading = ATTEMPTS)]
    pub trace: bool,

    /// Probe UDP: send one datagram, wait for a reply or an error
    #[arg(short, long, help_heading = SOCKET)]
    pub udp: bool,

    /// Data of the datagram: the text, or the contents of a file (at most 65,507 bytes)
    #[arg(long, value_name = "TEXT|@FILE", help_heading = SOCKET)]
    pub payload: Option<String>,

    /// Bind to this source address
    #[arg(short, long, value_name = "ADDR[:PORT]", help_heading = SOCKET)]
    pub source: Option<String>,

    /// Bind to this interface
    #[arg(short = 'I', long, value_name = "NAME", value_parser = NonEmptyStringValueParser::new(), help_heading = SOCKET)]
    pub interface: Option<String>,

    /// IPv4 time to live or IPv6 hop limit
    #[arg(long, value_name = "N", value_parser = |text: &str| number(text, 1, 255), allow_negative_numbers = true, help_heading = SOCKET)]
    pub ttl: Option<u32>,

    /// IPv4 type of service or IPv6 traffic class
    #[arg(long, value_name = "N", value_parser = |text: &str| number(text, 0, 255), allow_negative_numbers = true, help_heading = SOCKET)]
    pub tos: Option<u32>,

    /// Differentiated services code point: ef, af41, cs6, le, ... or a number
    #[arg(long, value_name = "NAME", conflicts_with = "tos", value_parser = dscp::parse, help_heading = SOCKET)]
    pub dscp: Option<dscp::Dscp>,

    /// Set SO_REUSEADDR: share the source port, or use it again after TIME_WAIT
    #[arg(long, help_heading = SOCKET)]
    pub reuse_address: bool,

    /// Set SO_BROADCAST: allow broadcast destinations (UDP)
    #[arg(long, help_heading = SOCKET)]
    pub broadcast: bool,

    /// Close with RST, which leaves no TIME_WAIT
    #[arg(long, help_heading = SOCKET)]
    pub reset_on_close: bool,

    /// Keep at most N attempts in flight [default: 1000, or what the descriptor limit allows]
    #[arg(short = 'j', long, value_name = "N", value_parser = |text: &str| number(text, 1, 1_000_000), allow_negative_numbers = true,
        help_heading = RUN)]
    pub concurrency: Option<u32>,

    /// Keep at most N attempts in flight to one address [default: as many as it answers]
    #[arg(long, value_name = "N", value_parser = |text: &str| number(text, 1, 1_000_000), allow_negative_numbers = true,
        help_heading = RUN)]
    pub per_host: Option<u32>,

    /// Results in the order of the targets; attempts wait for slow ones
    #[arg(long, help_heading = RUN)]
    pub ordered: bool,

    /// Start at most N attempts per second [default: unlimited]
    #[arg(long, value_name = "N", value_parser = rate::parse, allow_negative_numbers = true, help_heading = RUN)]
    pub rate: Option<rate::Rate>,

    /// Probe again until every target is good, for DURATION at most; then execute COMMAND
    #[arg(long, value_name = "DURATION", num_args = 0..=1, require_equals = true, default_missing_value = "none",
        value_parser = limit, help_heading = RUN)]
    pub wait: Option<Limit>,

    /// With --wait: rounds in a row in which every target must be good [default: 1]
    #[arg(long, value_name = "N", value_parser = |text: &str| number(text, 1, u32::MAX), allow_negative_numbers = true, help_heading = RUN)]
    pub stable: Option<u32>,

    /// Probe N times, and show statistics at the end
    #[arg(short, long, value_name = "N", value_parser = |text: &str| number(text, 1, u32::MAX), allow_negative_numbers = true, help_heading = RUN)]
    pub count: Option<u32>,

    /// Probe again until a signal or --deadline, and show statistics at the end
    #[arg(long, help_heading = RUN)]
    pub watch: bool,

    /// With --count, --watch and --wait: from the begin of a round to that of the next [default: 1s]
    #[arg(short, long, value_name = "DURATION", value_parser = duration::parse, allow_negative_numbers = true, help_heading = RUN)]
    pub interval: Option<Duration>,

    /// Which targets are shown [default: all; for people, what is common among more than 20 is counted]
    #[arg(long, value_enum, value_name = "WHICH", help_heading = OUTPUT)]
    pub show: Option<Show>,

    /// Form of the results
    #[arg(short, long, value_enum, default_value = "human", help_heading = OUTPUT)]
    pub output: Format,

    /// The same as --output json
    #[arg(long, conflicts_with = "output", help_heading = OUTPUT)]
    pub json: bool,

    /// Print nothing: the exit code is the result
    #[arg(short, long, conflicts_with = "verbose", help_heading = OUTPUT)]
    pub quiet: bool,

    /// Show each event of an attempt, its evidence and advice
    #[arg(short, long, action = ArgAction::Count, help_heading = OUTPUT)]
    pub verbose: u8,

    /// Print the time (UTC) before each target
    #[arg(short = 'D', long, help_heading = OUTPUT)]
    pub timestamps: bool,

    /// When to show progress on standard error while a run or round lasts over a second
    #[arg(long, value_enum, value_name = "WHEN", default_value = "auto", help_heading = OUTPUT)]
    pub progress: When,

    /// When to use colours
    #[arg(long, value_enum, value_name = "WHEN", default_value = "auto", help_heading = OUTPUT)]
    pub color: When,

    /// Table of exit codes
    #[arg(long, value_enum, value_name = "TABLE", default_value = "class", help_heading = OUTPUT)]
    pub exit_code: exit::Table,

    /// Explain an error code, a message of a system, a word of the results or an exit code
    #[arg(long, value_name = "CODE", allow_hyphen_values = true, conflicts_with_all = ["targets", "from"], help_heading = REFERENCE)]
    pub explain: Option<String>,

    /// List every documented error code
    #[arg(long, conflicts_with_all = ["targets", "from", "explain"], help_heading = REFERENCE)]
    pub list_errors: bool,

    /// Show what the documents say of connect(), and what this system does, on loopback
    #[arg(long, conflicts_with_all = ["targets", "from", "explain", "list_errors"], help_heading = REFERENCE)]
    pub self_test: bool,

    /// Write a man page, a completion script or the JSON Schema to standard output
    #[arg(long, value_enum, value_name = "KIND", conflicts_with_all = ["targets", "from", "explain", "list_errors", "self_test"],
        help_heading = REFERENCE)]
    pub generate: Option<Kind>,

    /// With --wait: executed when every target is good
    #[arg(value_name = "COMMAND", last = true, value_hint = ValueHint::CommandWithArguments)]
    pub command: Vec<OsString>,

    /// The last word is --.
    #[arg(skip)]
    pub no_command: bool,

    /// Accepted for the habits of nc -z; does nothing
    #[arg(short = 'z', hide = true)]
    pub zero: bool,
}

/// What `--generate` can write.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Kind {
    /// The man page rconnect(1), in roff
    Man,
    /// The man page rconnect-output(5), in roff
    ManOutput,
    /// The man page rconnect-systems(7), in roff
    ManSystems,
    /// Completions for bash
    Bash,
    /// Completions for zsh
    Zsh,
    /// Completions for fish
    Fish,
    /// Completions for PowerShell
    Powershell,
    /// Completions for elvish
    Elvish,
    /// JSON Schema of --json
    JsonSchema,
}

/// When to do something that suits terminals only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum When {
    /// On a terminal
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

impl ValueEnum for Format {
    fn value_variants<'a>() -> &'a [Self] {
        &[Format::Human, Format::Json, Format::Csv]
    }

    fn to_possible_value(&self) -> Option<clap::builder::PossibleValue> {
        let (name, help) = match self {
            Format::Human => ("human", "For people"),
            Format::Json => ("json", "One JSON object per line, one line per target"),
            Format::Csv => ("csv", "One row per attempt, with a header"),
        };
        Some(clap::builder::PossibleValue::new(name).help(help))
    }
}

impl ValueEnum for Show {
    fn value_variants<'a>() -> &'a [Self] {
        &[Show::All, Show::Good, Show::Failed]
    }

    fn to_possible_value(&self) -> Option<clap::builder::PossibleValue> {
        let (name, help) = match self {
            Show::Folded => return None,
            Show::All => ("all", "All, one by one"),
            Show::Good => ("good", "Only the good ones"),
            Show::Failed => ("failed", "Only those that are not good, or only in part"),
        };
        Some(clap::builder::PossibleValue::new(name).help(help))
    }
}

impl ValueEnum for exit::Table {
    fn value_variants<'a>() -> &'a [Self] {
        &[exit::Table::Class, exit::Table::Simple]
    }

    fn to_possible_value(&self) -> Option<clap::builder::PossibleValue> {
        let (name, help) = match self {
            exit::Table::Class => ("class", "One code for each class of outcome"),
            exit::Table::Simple => ("simple", "0, 1 and 2 only"),
        };
        Some(clap::builder::PossibleValue::new(name).help(help))
    }
}

impl ValueEnum for Mode {
    fn value_variants<'a>() -> &'a [Self] {
        Mode::ALL
    }

    fn to_possible_value(&self) -> Option<clap::builder::PossibleValue> {
        let help = match self {
            Mode::Nonblocking => "connect() returns at once, and its completion is awaited",
            Mode::Blocking => "connect() itself waits; one attempt at a time",
        };
        Some(clap::builder::PossibleValue::new(self.slug()).help(help))
    }
}

impl ValueEnum for Strategy {
    fn value_variants<'a>() -> &'a [Self] {
        Strategy::ALL
    }

    fn to_possible_value(&self) -> Option<clap::builder::PossibleValue> {
        let help = match self {
            Strategy::All => "Every address",
            Strategy::First => "In order, up to the first that connects",
            Strategy::Race => "Both families by turns, the next one after a short delay (RFC 8305)",
        };
        Some(clap::builder::PossibleValue::new(self.slug()).help(help))
    }
}

/// The end of `--help`.
fn after_help() -> String {
    let codes = exit::TABLE.iter().map(|row| format!("  {:>3}  {}\n", row.code, row.meaning));
    format!(
        "\
Examples:
  rconnect db.example 5432                 every address of a host
  rconnect https://db.example/             the port of the scheme
  rconnect -p 22,443 10.0.0.0/28           two ports of every address
  rconnect --from hosts.txt -p 22 --json   a list of hosts, results as JSON
  rconnect -q db.example 5432 && psql      the exit code alone
  rconnect --wait=30s db:5432 -- ./serve   wait, then run a command
  rconnect -c 10 -i 200ms db.example 5432  ten probes, with statistics
  rconnect --explain ECONNREFUSED          what an error means

Exit codes:
{}",
        codes.collect::<String>().trim_end()
    )
}

fn number(text: &str, least: u32, most: u32) -> Result<u32, String> {
    // Without a sign and leading zeros, as in ports: 010 may be meant as eight.
    let value = text.parse().ok().filter(|value: &u32| (least..=most).contains(value) && value.to_string() == text);
    value.ok_or_else(|| format!("expected a number from {least} to {most}"))
}

/// A limit that may be absent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limit(pub Option<Duration>);

/// The bounds of RFC 8305 section 5.
fn attempt_delay(text: &str) -> Result<Duration, String> {
    let delay = duration::parse(text)?;
    let bounds = LEAST_ATTEMPT_DELAY..=MOST_ATTEMPT_DELAY;
    bounds.contains(&delay).then_some(delay).ok_or_else(|| "expected 10ms to 2s (RFC 8305)".into())
}

/// A hold is a time: without one nothing is held.
fn hold(text: &str) -> Result<Duration, String> {
    match duration::parse_limit(text) {
        Ok(None) => Err("a connection is held for a time: give one, or leave --hold out".into()),
        _ => duration::parse(text),
    }
}

fn limit(text: &str) -> Result<Limit, String> {
    duration::parse_limit(text).map(Limit)
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_declaration_is_sound() {
        Args::command().debug_assert();
    }
}
