//! The command line, declared once and alike on every system: help, man page and completions come from here.

#![allow(rustdoc::broken_intra_doc_links, reason = "doc comments are the text of --help, where [IPv6] is no link")]

use std::path::PathBuf;
use std::time::Duration;

use clap::builder::{ArgAction, NonEmptyStringValueParser};
use clap::{Parser, ValueEnum, ValueHint};

use crate::classify::exit;
use crate::classify::requirement::Require;
use crate::grammar::{dscp, duration, rate};
use crate::model::{Mode, Strategy};
use crate::output::{Format, Show};

const HEADINGS: [&str; 6] = ["Targets", "Attempts", "Socket", "Run", "Output", "Reference"];

/// Test TCP and UDP connectivity to every address of a host, and explain each failure.
///
/// TARGET is HOST:PORTS, [IPv6]:PORTS, a URL such as https://host/, or a network such as 10.0.0.0/28:PORTS.
/// PORTS is a comma list of numbers, ranges (8000-8010) and service names.
#[derive(Debug, Parser)]
#[command(name = "rconnect", version, max_term_width = 100, args_override_self = true)]
#[command(override_usage = "rconnect [OPTIONS] HOST PORTS\n       rconnect [OPTIONS] TARGET...\n       \
    rconnect [OPTIONS] --from FILE\n       rconnect --explain CODE | --list-errors | --generate KIND")]
pub struct Args {
    /// HOST PORTS, or one or more of HOST:PORTS, [IPv6]:PORTS, URL, NETWORK/PREFIX:PORTS
    #[arg(value_name = "TARGET", value_hint = ValueHint::Hostname)]
    pub targets: Vec<String>,

    /// Read targets from FILE, one a line, # comments; - is standard input
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, help_heading = HEADINGS[0])]
    pub from: Option<PathBuf>,

    /// Ports of every target that has none: -p 22,443 a.example b.example
    #[arg(short, long, value_name = "PORTS", allow_hyphen_values = true, help_heading = HEADINGS[0])]
    pub ports: Option<String>,

    /// Only IPv4 addresses
    #[arg(short = '4', long = "ipv4", conflicts_with = "ipv6", help_heading = HEADINGS[0])]
    pub ipv4: bool,

    /// Only IPv6 addresses
    #[arg(short = '6', long = "ipv6", help_heading = HEADINGS[0])]
    pub ipv6: bool,

    /// Never ask a resolver: hosts must be literals
    #[arg(short, long, help_heading = HEADINGS[0])]
    pub numeric: bool,

    /// Use these addresses for HOST:PORT instead of asking a resolver (repeatable)
    #[arg(long, value_name = "HOST:PORT:ADDR[,ADDR]", help_heading = HEADINGS[0])]
    pub resolve: Vec<String>,

    /// Probe networks of more than 65,536 addresses
    #[arg(long, help_heading = HEADINGS[0])]
    pub yes: bool,

    /// Limit of one attempt, as 250ms, 1.5s, 2m or seconds; 0 or none leaves the system's own
    #[arg(short, long, value_name = "DURATION", default_value = "3s", short_alias = 'w', alias = "connect-timeout",
        value_parser = limit, allow_negative_numbers = true, help_heading = HEADINGS[1])]
    pub timeout: Limit,

    /// Limit of one name lookup; 0 or none leaves the resolver's own
    #[arg(long, value_name = "DURATION", default_value = "20s", value_parser = limit, allow_negative_numbers = true, help_heading = HEADINGS[1])]
    pub resolve_timeout: Limit,

    /// Limit of the whole run, lookups and --trace included; what it leaves out is skipped [default: none]
    #[arg(long, value_name = "DURATION", value_parser = limit, allow_negative_numbers = true, help_heading = HEADINGS[1])]
    pub deadline: Option<Limit>,

    /// How connect() is called
    #[arg(short, long, value_enum, default_value = "nonblocking", help_heading = HEADINGS[1])]
    pub mode: Mode,

    /// Try every address, or in order until one connects
    #[arg(long, value_enum, default_value = "all", help_heading = HEADINGS[1])]
    pub strategy: Strategy,

    /// What makes a target good: any, all, each-family or a number of addresses that must connect
    #[arg(long, value_name = "WHAT", default_value = "any", help_heading = HEADINGS[1])]
    pub require: Require,

    /// Try and count a family even if this machine has no route for it
    #[arg(long, help_heading = HEADINGS[1])]
    pub strict: bool,

    /// Try again so often where the code is retryable
    #[arg(short, long, value_name = "N", default_value_t = 0, value_parser = |text: &str| number(text, 0, u32::MAX),
        allow_negative_numbers = true, help_heading = HEADINGS[1])]
    pub retries: u32,

    /// Pause before such a try
    #[arg(long, value_name = "DURATION", default_value = "1s", value_parser = duration::parse, allow_negative_numbers = true, help_heading = HEADINGS[1])]
    pub retry_delay: Duration,

    /// End an attempt at the first ICMP message, even where the kernel goes on
    #[arg(long, help_heading = HEADINGS[1])]
    pub fail_on_icmp: bool,

    /// Show where on the path the connection dies (Linux; for TCP also Windows 10, 2004)
    #[arg(long, help_heading = HEADINGS[1])]
    pub trace: bool,

    /// Datagram socket: send, wait for a reply or an error
    #[arg(short, long, help_heading = HEADINGS[2])]
    pub udp: bool,

    /// What a UDP probe sends: the text, or the contents of a file; 65,507 bytes at most
    #[arg(long, value_name = "TEXT|@FILE", help_heading = HEADINGS[2])]
    pub payload: Option<String>,

    /// Bind to this source address before connect
    #[arg(short, long, value_name = "ADDR[:PORT]", help_heading = HEADINGS[2])]
    pub source: Option<String>,

    /// Bind to this interface before connect
    #[arg(short = 'I', long, value_name = "NAME", value_parser = NonEmptyStringValueParser::new(), help_heading = HEADINGS[2])]
    pub interface: Option<String>,

    /// IP time to live or hop limit
    #[arg(long, value_name = "N", value_parser = |text: &str| number(text, 1, 255), allow_negative_numbers = true, help_heading = HEADINGS[2])]
    pub ttl: Option<u32>,

    /// Type of service or traffic class
    #[arg(long, value_name = "N", value_parser = |text: &str| number(text, 0, 255), allow_negative_numbers = true, help_heading = HEADINGS[2])]
    pub tos: Option<u32>,

    /// Differentiated services code point by name (ef, af41, cs6, le, …) or number
    #[arg(long, value_name = "NAME", conflicts_with = "tos", value_parser = dscp::parse, help_heading = HEADINGS[2])]
    pub dscp: Option<dscp::Dscp>,

    /// SO_REUSEADDR: several sockets on one source port, also after TIME_WAIT where the one before had the option
    #[arg(long, help_heading = HEADINGS[2])]
    pub reuse_address: bool,

    /// SO_BROADCAST: allow broadcast destinations (UDP)
    #[arg(long, help_heading = HEADINGS[2])]
    pub broadcast: bool,

    /// Close by RST, leaving no TIME_WAIT
    #[arg(long, help_heading = HEADINGS[2])]
    pub reset_on_close: bool,

    /// Attempts in flight [default: 1000, or what the descriptor limit allows]
    #[arg(short = 'j', long, value_name = "N", value_parser = |text: &str| number(text, 1, 1_000_000), allow_negative_numbers = true,
        help_heading = HEADINGS[3])]
    pub concurrency: Option<u32>,

    /// Starts a second [default: unlimited]
    #[arg(long, value_name = "N", value_parser = rate::parse, allow_negative_numbers = true, help_heading = HEADINGS[3])]
    pub rate: Option<rate::Rate>,

    /// Which targets are shown [default: all; for people, what is common among more than 20 is counted]
    #[arg(long, value_enum, value_name = "WHICH", help_heading = HEADINGS[4])]
    pub show: Option<Show>,

    /// Form of the results
    #[arg(short, long, value_enum, default_value = "human", help_heading = HEADINGS[4])]
    pub output: Format,

    /// The same as --output json
    #[arg(long, conflicts_with = "output", help_heading = HEADINGS[4])]
    pub json: bool,

    /// Nothing but the exit code
    #[arg(short, long, conflicts_with = "verbose", help_heading = HEADINGS[4])]
    pub quiet: bool,

    /// Each event of an attempt, its evidence and advice
    #[arg(short, long, action = ArgAction::Count, help_heading = HEADINGS[4])]
    pub verbose: u8,

    /// The time (UTC) before each target, for people
    #[arg(short = 'D', long, help_heading = HEADINGS[4])]
    pub timestamps: bool,

    /// When to colour
    #[arg(long, value_enum, value_name = "WHEN", default_value = "auto", help_heading = HEADINGS[4])]
    pub color: When,

    /// Which table of exit codes
    #[arg(long, value_enum, value_name = "TABLE", default_value = "class", help_heading = HEADINGS[4])]
    pub exit_code: exit::Table,

    /// Explain a code: name or number of either vocabulary, or an outcome word
    #[arg(long, value_name = "CODE", allow_hyphen_values = true, conflicts_with_all = ["targets", "from"], help_heading = HEADINGS[5])]
    pub explain: Option<String>,

    /// List every documented code
    #[arg(long, conflicts_with_all = ["targets", "from", "explain"], help_heading = HEADINGS[5])]
    pub list_errors: bool,

    /// Write a man page, a completion script or the JSON Schema to standard output
    #[arg(long, value_enum, value_name = "KIND", conflicts_with_all = ["targets", "from", "explain", "list_errors"],
        help_heading = HEADINGS[5])]
    pub generate: Option<Kind>,

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
            Format::Json => ("json", "One JSON object a line, one line a target"),
            Format::Csv => ("csv", "One row an attempt, with a header"),
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
            Mode::Nonblocking => "Returns at once, completion is waited for",
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
            Strategy::First => "In order, stop at the first success",
        };
        Some(clap::builder::PossibleValue::new(self.slug()).help(help))
    }
}

fn number(text: &str, least: u32, most: u32) -> Result<u32, String> {
    // Without a sign and leading zeros, as in ports: 010 may be meant as eight.
    let value = text.parse().ok().filter(|value: &u32| (least..=most).contains(value) && value.to_string() == text);
    value.ok_or_else(|| format!("expected a number from {least} to {most}"))
}

/// A limit that may be absent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limit(pub Option<Duration>);

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
