//! What was typed becomes what is meant: arguments and environment settle into a task; contradictions end here,
//! before anything is sent.

mod checks;

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, IsTerminal, Read};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::channel;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail, ensure};

use crate::app::args::{Args, Kind, Limit, When};
use crate::app::rules::{Rules, socket_address};
use crate::classify::exit;
use crate::classify::requirement::Require;
use crate::grammar::{Exclusions, Grammar, Hosts, Spec, looks_like_ipv4};
use crate::model::{Family, Host, Mode, Protocol, Strategy};
use crate::net::driver::ALONE;
use crate::net::sys;
use crate::net::workers::DESCRIPTORS as DESCRIPTORS_OF_WORKERS;
use crate::net::{attempt, clock, resolve};
use crate::output::{Format, Style};
use crate::schedule::Policy;
use crate::schedule::rounds::{Enough, Repeat};

use checks::{contradictions, of_source};

/// Lookups under way at the same time, at most; each is a thread.
const MOST_LOOKUPS: usize = 32;

/// What a lookup may have open at the same time: a file and the sockets of two name servers.
const DESCRIPTORS_OF_LOOKUP: usize = 3;

/// So few targets fit beside any descriptors that were inherited: these are not counted then.
const FEW: u128 = 16;

/// What a datagram carries at most over IPv4, without the headers of IP and UDP (RFC 768); IPv6 has room for 20 more.
const LONGEST_PAYLOAD: usize = 65_507;

/// More in flight fills the queues of the machine itself and of the path before it finds anything sooner.
const MOST_BY_DEFAULT: usize = 1000;

/// "One recommended value for a default delay is 250 milliseconds." (RFC 8305 section 5)
const ATTEMPT_DELAY: Duration = Duration::from_millis(250);

/// The variables of the environment by name.
pub type Environment = dyn Fn(&str) -> Option<OsString>;

/// What this process is to do.
pub enum Task {
    /// Probe targets.
    Probe(Box<Probe>),
    /// Explain a code.
    Explain(String, Format),
    /// List the codes.
    ListErrors(Format),
    /// Compare this system with what is known of it; `None` for nothing but the exit code. Verbose or not.
    SelfTest(Option<Format>, bool),
    /// Write a generated document.
    Generate(Kind),
}

/// A settled probe.
pub struct Probe {
    /// What was given on the command line.
    pub specs: Vec<Spec>,
    /// Where further targets come from.
    pub from: Option<PathBuf>,
    /// How targets are read and checked.
    pub rules: Rules,
    /// The scheduler's rules.
    pub policy: Policy,
    /// What sockets get.
    pub socket: attempt::Options,
    /// What lookups get.
    pub resolve: resolve::Options,
    /// Form of the results; `None` for nothing but the exit code.
    pub format: Option<Format>,
    /// How the results look.
    pub style: Style,
    /// When progress is shown.
    pub progress: When,
    /// Which table of exit codes.
    pub table: exit::Table,
    /// Whether the targets are probed once.
    pub course: Course,
    /// What the user should know although the run goes on.
    pub notes: Vec<String>,
}

/// How often targets are probed.
pub enum Course {
    /// Once.
    Once,
    /// In rounds until every target is good.
    Wait(Repeat, Wait),
    /// In rounds, with statistics at the end.
    Watch(Repeat),
}

/// What `--wait` was told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wait {
    /// When it runs out.
    pub until: Option<Instant>,
    /// What is executed after it; nothing where it is empty.
    pub command: Vec<OsString>,
    /// Standard error is a terminal.
    pub terminal: bool,
}

/// Settles the task.
///
/// # Errors
/// One line that says what is wrong and what would be right.
pub fn settle(mut args: Args, environment: &Environment) -> Result<Task> {
    command(&mut args)?;
    let output = if args.json { Format::Json } else { args.output };
    if let Some(code) = args.explain {
        ensure!(output != Format::Csv, "--explain has no form csv: use json, or leave --output out");
        return Ok(Task::Explain(code, output));
    }
    if args.list_errors {
        ensure!(output != Format::Csv, "--list-errors has no form csv: use json, or leave --output out");
        return Ok(Task::ListErrors(output));
    }
    if args.self_test {
        ensure!(output != Format::Csv, "--self-test has no form csv: use json, or leave --output out");
        return Ok(Task::SelfTest((!args.quiet).then_some(output), args.verbose > 0));
    }
    if let Some(kind) = args.generate {
        return Ok(Task::Generate(kind));
    }
    probe(args, output, environment).map(|probe| Task::Probe(Box::new(probe)))
}

fn probe(mut args: Args, output: Format, environment: &Environment) -> Result<Probe> {
    let rules = rules(&args)?;
    let specs = rules.grammar().arguments(&args.targets)?;
    let specs = specs.into_iter().map(|spec| rules.check(spec)).collect::<Result<Vec<Spec>>>()?;
    check_ports(&rules)?;
    ensure!(!specs.is_empty() || args.from.is_some(), "no target: give HOST PORT, HOST:PORT, a URL, or --from FILE");
    let source = rules.source;
    let family = family(&args, source)?;
    contradictions(&args, &specs)?;
    of_source(&args, source, family)?;
    let mut notes: Vec<String> = specs.iter().filter_map(mistyped).collect();
    let strict = args.strict || source.is_some() || args.interface.is_some();
    let format = (!args.quiet).then_some(output);
    if args.trace && format == Some(Format::Csv) {
        notes.push("--trace has no columns in csv, so no path is traced: JSON has them".into());
    }
    let trace = args.trace && matches!(format, Some(Format::Human | Format::Json));
    if args.fail_on_icmp && !sys::can_trace(Protocol::Tcp) {
        notes.push("--fail-on-icmp has no effect: this system tells of no ICMP message while connect() goes on".into());
    }
    let mut policy = policy(&args, &specs, source, trace, &mut notes);
    let course = course(&mut args, policy.epoch.0, environment)?;
    let until = if let Course::Wait(_, wait) = &course { wait.until } else { None };
    policy.deadline = policy.deadline.into_iter().chain(until).min();
    let apart = rules.race && family.is_none();
    Ok(Probe {
        specs,
        policy: Policy { apart, ..policy },
        socket: sockets(&args, source)?,
        resolve: resolve::Options { family, strict },
        format,
        style: style(&args, environment),
        progress: args.progress,
        table: args.exit_code,
        course,
        from: args.from,
        rules,
        notes,
    })
}

/// Without `--wait`, targets may stand behind `--`, as those of a careful script do.
fn command(args: &mut Args) -> Result<()> {
    if args.wait.is_some() {
        let targets = !args.targets.is_empty() || args.from.is_some();
        ensure!(targets || args.command.is_empty(), "no target before --: what follows it is the COMMAND");
        ensure!(!args.no_command, "nothing follows --: give a COMMAND, or leave -- out");
        return Ok(());
    }
    let careful = args.targets.is_empty() && args.from.is_none();
    ensure!(args.command.is_empty() || careful, "a COMMAND behind -- is executed after a wait: add --wait");
    let words = std::mem::take(&mut args.command).into_iter().map(OsString::into_string);
    let words = words.collect::<Result<Vec<String>, OsString>>();
    args.targets.extend(words.map_err(|_| anyhow!("an argument is not UTF-8: write all of them in UTF-8"))?);
    Ok(())
}

/// The rounds, and what comes after them.
fn course(args: &mut Args, now: Instant, environment: &Environment) -> Result<Course> {
    ensure!(args.wait.is_some() || args.stable.is_none(), "--stable is about the rounds of a wait: add --wait");
    ensure!(
        args.count.is_none() || !args.watch,
        "--count ends after N rounds and --watch never: leave one of them out"
    );
    ensure!(!args.ordered || !args.watch, "--watch tells of changes as they come: leave --ordered out");
    let watched = match (args.count, args.watch) {
        (Some(count), _) => Some(("--count", Enough::Count(count))),
        (None, true) => Some(("--watch", Enough::Never)),
        (None, false) => None,
    };
    let interval = args.interval.unwrap_or(Duration::from_secs(1));
    match (args.wait, watched) {
        (Some(_), Some((option, _))) => {
            bail!("--wait ends when every target is good, whatever {option} says: leave one of them out")
        }
        (Some(Limit(limit)), None) => {
            read_again("--wait", args)?;
            let repeat = Repeat { interval, enough: Enough::Good(args.stable.unwrap_or(1)) };
            let dumb = environment("TERM").is_some_and(|term| term == "dumb");
            let terminal = io::stderr().is_terminal() && !dumb;
            let command = std::mem::take(&mut args.command);
            Ok(Course::Wait(repeat, Wait { until: limit.map(|limit| now + limit), command, terminal }))
        }
        (None, Some((option, enough))) => {
            read_again(option, args)?;
            Ok(Course::Watch(Repeat { interval, enough }))
        }
        (None, None) => {
            ensure!(args.interval.is_none(), "--interval is between rounds: add --count N, --watch or --wait");
            Ok(Course::Once)
        }
    }
}

/// Targets come from the command line or a file, which both can be read again.
fn read_again(option: &str, args: &Args) -> Result<()> {
    let stream = |path: &PathBuf| path.as_os_str() == "-" || fs::metadata(path).is_ok_and(|kind| !kind.is_file());
    ensure!(
        !args.from.as_ref().is_some_and(stream),
        "{option} reads the targets in every round and a stream can be read once: give --from a file"
    );
    Ok(())
}

fn rules(args: &Args) -> Result<Rules> {
    let protocol = if args.udp { Protocol::Udp } else { Protocol::Tcp };
    let interface = args.interface.clone();
    let (pins, source) = (Vec::new(), None);
    let limited = args.timeout.0.is_some()
        || args.wait.is_some_and(|limit| limit.0.is_some())
        || args.deadline.is_some_and(|limit| limit.0.is_some());
    let ports = args.ports.clone();
    let excluded = Arc::default();
    let (numeric, yes, race) = (args.numeric, args.yes, args.strategy == Strategy::Race);
    let hold = args.hold.is_some();
    let mut rules = Rules { protocol, interface, ports, excluded, numeric, yes, pins, source, limited, race, hold };
    for text in &args.resolve {
        let pin = rules.grammar().pin(text).context("--resolve")?;
        let twice = rules.pins.iter().any(|known| known.is_for_the_same(&pin));
        ensure!(
            !twice,
            "--resolve: '{text}' pins what is pinned already: give all addresses at once, as in a:80:ADDR,ADDR"
        );
        pin.addresses.iter().try_for_each(|address| socket_address(address).map(drop)).context("--resolve")?;
        rules.pins.push(pin);
    }
    rules.excluded = Arc::new(exclusions(&args.exclude, &rules.grammar())?);
    rules.source = self::source(args, &rules)?;
    Ok(rules)
}

/// Reads every `--exclude`: items with commas between them, or a file of them with `#` comments.
fn exclusions(lists: &[String], grammar: &Grammar) -> Result<Exclusions> {
    let mut exclusions = Exclusions::default();
    for list in lists {
        let Some(path) = list.strip_prefix('@') else {
            grammar.exclude(list.split(','), &mut exclusions).context("--exclude")?;
            continue;
        };
        ensure!(!path.is_empty(), "--exclude: no file is named: write @FILE");
        ensure!(path != "-", "--exclude: standard input is not read for exclusions: write them to a file, and @FILE");
        let text = fs::read_to_string(path).with_context(|| format!("--exclude: cannot read '{path}'"))?;
        for (line, number) in text.lines().zip(1..) {
            let mut words = line.split_whitespace().take_while(|word| !word.starts_with('#'));
            let read = words.try_for_each(|word| {
                grammar.exclude(word.split(',').filter(|element| !element.is_empty()), &mut exclusions)
            });
            read.with_context(|| format!("--exclude: {path}:{number}"))?;
        }
    }
    Ok(exclusions)
}

/// Ports of `--ports` that no target may have come to need. A service of the other protocol may be for a URL.
fn check_ports(rules: &Rules) -> Result<()> {
    let Some(ports) = &rules.ports else { return Ok(()) };
    let read = |protocol| Grammar { protocol, ..rules.grammar() }.host_ports("localhost", ports);
    read(rules.protocol).or_else(|error| read(Protocol::Udp).or(Err(error))).context("--ports")?;
    Ok(())
}

/// An address with a number above 255 is looked up as a name, which is not what was meant.
fn mistyped(spec: &Spec) -> Option<String> {
    let Hosts::One(Host::Name { written, ascii }) = &spec.hosts else { return None };
    looks_like_ipv4(ascii)
        .then(|| format!("{written} is not an IPv4 address (four numbers from 0 to 255), so it is looked up as a name"))
}

fn has_port(source: Option<SocketAddr>) -> bool {
    source.is_some_and(|source| source.port() != 0)
}

fn source(args: &Args, rules: &Rules) -> Result<Option<SocketAddr>> {
    let Some(text) = &args.source else { return Ok(None) };
    let source = rules.grammar().source(text).context("--source")?;
    let mut address = socket_address(&source.address).with_context(|| format!("--source {text}"))?;
    address.set_port(source.port.unwrap_or(0));
    Ok(Some(address))
}

/// A socket bound to a source address speaks that address's family only.
fn family(args: &Args, source: Option<SocketAddr>) -> Result<Option<Family>> {
    let asked = match (args.ipv4, args.ipv6) {
        (true, _) => Some(Family::V4),
        (_, true) => Some(Family::V6),
        _ => None,
    };
    let bound = source.map(|source| Family::of(source.ip()));
    match (asked, bound) {
        (Some(asked), Some(bound)) if asked != bound => {
            bail!("--source is an address of the other family than -4 or -6 asks for: drop one of them")
        }
        _ => Ok(asked.or(bound)),
    }
}

fn policy(args: &Args, specs: &[Spec], source: Option<SocketAddr>, trace: bool, notes: &mut Vec<String>) -> Policy {
    let epoch = (clock::now(), clock::wall());
    let alone = args.mode == Mode::Blocking || (has_port(source) && !args.reuse_address);
    let (concurrency, lookups) = concurrency(args, specs, alone, notes);
    if let (Some(per_host), None) = (args.per_host.filter(|&most| most as usize > concurrency), args.concurrency) {
        notes.push(format!(
            "--per-host {per_host}: only {concurrency} attempts are in flight in all: add -j {per_host}"
        ));
    }
    Policy {
        strategy: args.strategy,
        attempt_delay: args.attempt_delay.unwrap_or(ATTEMPT_DELAY),
        apart: false,
        require: args.expect.map_or(args.require, Require::Expect),
        mode: args.mode,
        concurrency,
        per_host: args.per_host.map(|most| most as usize),
        ordered: args.ordered,
        lookups,
        trace: if trace { traceable() } else { Vec::new() },
        spacing: args.rate.map_or(Duration::ZERO, |rate| rate.0),
        timeout: args.timeout.0,
        hold: args.hold,
        lookup_timeout: args.resolve_timeout.0,
        deadline: args.deadline.and_then(|limit| limit.0).map(|limit| epoch.0 + limit),
        retries: args.retries,
        retry_delay: args.retry_delay,
        fixed_port: has_port(source),
        // connect() that blocks leaves nobody to look.
        whole: args.wait.is_some(),
        looks: args.mode == Mode::Nonblocking && sys::COUNTS,
        epoch,
    }
}

/// The protocols over which hops can be seen on this system.
fn traceable() -> Vec<Protocol> {
    [Protocol::Tcp, Protocol::Udp].into_iter().filter(|&protocol| sys::can_trace(protocol)).collect()
}

/// Attempts and lookups that may be under way together: the descriptors are shared out between them.
fn concurrency(args: &Args, specs: &[Spec], alone: bool, notes: &mut Vec<String>) -> (usize, usize) {
    let asked = args.concurrency.map(|asked| asked as usize);
    let wanted = if alone { 1 } else { asked.unwrap_or(MOST_BY_DEFAULT) };
    let others = sys::SPARE_DESCRIPTORS + MOST_LOOKUPS * DESCRIPTORS_OF_LOOKUP + DESCRIPTORS_OF_WORKERS;
    let limit = |inherited| match asked {
        Some(_) => sys::raise_descriptor_limit(wanted + others + inherited),
        None => sys::descriptor_limit(),
    };
    let many = args.from.is_some() || specs.iter().map(Spec::count).fold(0, u128::saturating_add) > FEW;
    let begin = limit(0);
    let inherited = if many { sys::open_descriptors(begin).saturating_sub(sys::STANDARD_STREAMS) } else { 0 };
    let limit = if inherited > 0 { limit(inherited) } else { begin };
    let free = limit.saturating_sub(sys::SPARE_DESCRIPTORS + inherited);
    let lookups = (free / 2 / DESCRIPTORS_OF_LOOKUP).clamp(1, MOST_LOOKUPS);
    let fits = free.saturating_sub(lookups * DESCRIPTORS_OF_LOOKUP).max(1);
    let fits = if fits > ALONE { fits.saturating_sub(DESCRIPTORS_OF_WORKERS).max(ALONE) } else { fits };
    if asked.is_some() && wanted > fits {
        let others = limit.saturating_sub(fits + inherited);
        let inherited = if inherited > 0 { format!("{inherited} inherited and ") } else { String::new() };
        notes.push(format!(
            "{fits} of {wanted} attempts fit in flight: the descriptor limit is {limit} (ulimit -n), less {inherited}{others} \
             for files and lookups"
        ));
    }
    (wanted.min(fits), lookups)
}

fn sockets(args: &Args, source: Option<SocketAddr>) -> Result<attempt::Options> {
    Ok(attempt::Options {
        mode: args.mode,
        source,
        interface: args.interface.clone(),
        ttl: args.ttl,
        tos: args.tos.or(args.dscp.map(|dscp| dscp.0 << 2)),
        reuse_address: args.reuse_address,
        broadcast: args.broadcast,
        reset_on_close: args.reset_on_close,
        hold: args.hold,
        payload: payload(args.payload.as_deref(), args.deadline.and_then(|limit| limit.0))?,
        fail_on_icmp: args.fail_on_icmp,
        verbose: args.verbose > 0,
    })
}

fn payload(text: Option<&str>, deadline: Option<Duration>) -> Result<Vec<u8>> {
    let bytes = match text.map(|text| (text, text.strip_prefix('@'))) {
        None => Vec::new(),
        Some((_, Some(path))) => {
            contents(path, deadline).with_context(|| format!("--payload: cannot read '{path}'"))?
        }
        Some((text, None)) => text.as_bytes().to_vec(),
    };
    ensure!(
        bytes.len() <= LONGEST_PAYLOAD,
        "--payload is longer than a datagram: {LONGEST_PAYLOAD} bytes are the most"
    );
    Ok(bytes)
}

/// What a file has, or what a FIFO gives before the deadline; no more than what shows that it is too long.
fn contents(path: &str, deadline: Option<Duration>) -> io::Result<Vec<u8>> {
    let Some(deadline) = deadline.filter(|_| !fs::metadata(path).is_ok_and(|kind| kind.is_file())) else {
        return read_payload(path);
    };
    let (sender, receiver) = channel();
    let path = path.to_owned();
    // open(2) of a FIFO waits for its writer and cannot be told to stop: the thread ends with the process.
    thread::Builder::new().spawn(move || sender.send(read_payload(&path)))?;
    receiver.recv_timeout(deadline).unwrap_or_else(|_| Err(io::Error::other("nothing came before the deadline")))
}

fn read_payload(path: &str) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(LONGEST_PAYLOAD as u64 + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn style(args: &Args, environment: &Environment) -> Style {
    let draws = args.strategy == Strategy::Race && args.verbose > 0;
    Style {
        color: color(args.color, environment, || io::stdout().is_terminal()),
        ascii: !is_utf8(environment),
        show: args.show.unwrap_or_default(),
        verbose: args.verbose,
        timestamps: args.timestamps,
        width: if draws { sys::terminal_width() } else { None },
    }
}

/// CLICOLOR_FORCE, then NO_COLOR, then CLICOLOR, then the terminal: the order of <https://bixense.com/clicolors/> and of
/// the crate `colored`.
fn color(when: When, environment: &Environment, is_terminal: impl FnOnce() -> bool) -> bool {
    let set = |name: &str| environment(name).filter(|value| !value.is_empty());
    let forced = set("CLICOLOR_FORCE").is_some_and(|value| value != "0");
    let refused = set("NO_COLOR").is_some() || set("CLICOLOR").is_some_and(|value| value == "0");
    match when {
        When::Always => true,
        When::Never => false,
        When::Auto if forced => true,
        When::Auto if refused => false,
        When::Auto => environment("TERM").is_none_or(|term| term != "dumb") && is_terminal(),
    }
}

/// Whether text may have characters beyond ASCII: the codeset of the locale is UTF-8. The first variable that is set and
/// not empty names the locale (POSIX.1-2024, XBD 8.2). Where none is set (cron, most containers), terminals take UTF-8.
pub fn is_utf8(environment: &Environment) -> bool {
    let set = |name: &&str| environment(name).filter(|value| !value.is_empty());
    let Some(locale) = ["LC_ALL", "LC_CTYPE", "LANG"].iter().find_map(set) else { return true };
    let locale = locale.to_string_lossy().to_ascii_lowercase();
    let locale = locale.split('@').next().unwrap_or_default();
    // macOS has a locale that is named after its codeset alone.
    let codeset = locale.split_once('.').map_or(locale, |(_language, codeset)| codeset);
    matches!(codeset, "utf-8" | "utf8")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment(variables: &[(&'static str, &'static str)]) -> impl Fn(&str) -> Option<OsString> {
        move |name| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| value.into())
    }

    #[test]
    fn colour_follows_the_option_then_the_environment_then_the_terminal() {
        use When::*;
        for (when, variables, terminal, expected) in [
            (Auto, &[][..], true, true),
            (Auto, &[], false, false),
            (Auto, &[("TERM", "dumb")], true, false),
            (Auto, &[("NO_COLOR", "1")], true, false),
            (Auto, &[("NO_COLOR", "")], true, true),
            (Auto, &[("CLICOLOR", "0")], true, false),
            (Auto, &[("CLICOLOR", "1")], true, true),
            (Auto, &[("CLICOLOR", "1")], false, false),
            (Auto, &[("CLICOLOR", "0"), ("CLICOLOR_FORCE", "1")], false, true),
            (Auto, &[("CLICOLOR_FORCE", "0")], false, false),
            (Always, &[("CLICOLOR", "0"), ("NO_COLOR", "1")], false, true),
            (Never, &[("CLICOLOR_FORCE", "1")], true, false),
        ] {
            assert_eq!(
                color(when, &environment(variables), || terminal),
                expected,
                "{when:?} {variables:?} {terminal}"
            );
        }
    }

    #[test]
    fn the_first_variable_that_is_set_names_the_locale() {
        for (variables, expected) in [
            (&[][..], true),
            (&[("LANG", "C.UTF-8")], true),
            (&[("LANG", "de_DE.utf8")], true),
            (&[("LC_CTYPE", "UTF-8")], true),
            (&[("LANG", "de_DE.UTF-8@euro")], true),
            (&[("LANG", "C")], false),
            (&[("LANG", "POSIX")], false),
            (&[("LANG", "de_DE")], false),
            (&[("LANG", "de_DE.ISO-8859-15@euro")], false),
            (&[("LANG", "")], true),
            (&[("LC_ALL", "C"), ("LANG", "C.UTF-8")], false),
            (&[("LC_ALL", ""), ("LC_CTYPE", "C"), ("LANG", "C.UTF-8")], false),
            (&[("LC_ALL", "C.UTF-8"), ("LC_CTYPE", "C")], true),
        ] {
            assert_eq!(is_utf8(&environment(variables)), expected, "{variables:?}");
        }
    }
}
