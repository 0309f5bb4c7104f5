//! Any report has its form in every format, and nothing in it reaches a terminal as a command.
#![no_main]

use std::net::{IpAddr, SocketAddr, SocketAddrV6};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use arbitrary::{Arbitrary, Result, Unstructured};
use libfuzzer_sys::fuzz_target;
use rconnect::internals::{Format, Grammar, Reporter, Show, Style, csv};
use rconnect::model::{
    Attempt, By, Cause, Code, DropPoint, Ended, Event, EventKind, Family, Handshake, Hold, Hop, Icmp, LocalDrop, Lookup, Mode, Outcome, Path, PathEnd, Phase,
    Protocol, Reason, Report, Route, RouteKind, Strategy, Target, Totals,
};

fuzz_target!(|bytes: &[u8]| {
    // Bytes that run out end in zeros, so that this only fails for a choice from nothing.
    let Ok((style, reports)) = run(&mut Unstructured::new(bytes)) else { return };
    check_human(style, &reports);
    check_json(style, &reports);
    check_csv(style, &reports);
});

/// What a terminal acts upon (C0, DEL, C1), but for the ends of lines.
fn check_human(style: Style, reports: &[Report]) {
    for text in render(Format::Human, style, reports) {
        assert!(text.is_empty() || (text.ends_with('\n') && !text.ends_with("\n\n")), "{text:?}");
        let command = text.chars().find(|&c| c.is_control() && c != '\n');
        assert_eq!(command, None, "{text:?}");
    }
}

fn check_json(style: Style, reports: &[Report]) {
    let lines = render(Format::Json, style, reports);
    for (line, report) in lines[1..].iter().zip(reports) {
        assert_eq!(line.find('\n'), Some(line.len() - 1), "{line:?}");
        let value: serde_json::Value = serde_json::from_str(line).expect("JSON");
        assert_eq!(value["target"], report.target.as_str());
        assert_eq!(value["port"], report.port);
        let attempts = value["attempts"].as_array().expect("a list");
        assert_eq!(attempts.len(), report.attempts.len());
        assert!(attempts.iter().all(|attempt| attempt["events"].is_array() == (style.verbose > 0)));
    }
}

fn check_csv(style: Style, reports: &[Report]) {
    let text = render(Format::Csv, style, reports).concat();
    let mut reader = ::csv::Reader::from_reader(text.as_bytes());
    let header = reader.headers().expect("a header").clone();
    assert!(header.iter().eq(csv::COLUMNS.iter().map(|column| column.name)));
    // The reader refuses a record that has not as many fields as the header.
    let records: Vec<::csv::StringRecord> = reader.records().map(|record| record.expect("a record")).collect();
    let expected = reports.iter().flat_map(|report| vec![report; report.attempts.len().max(1)]);
    assert_eq!(records.len(), expected.clone().count());
    for (record, report) in records.iter().zip(expected) {
        assert_eq!((&record[0], &record[1]), (&report.target[..], &*report.host));
    }
}

/// All that is written: what comes before, each target, what comes after.
fn render(format: Format, style: Style, reports: &[Report]) -> Vec<String> {
    let mut reporter = Reporter::new(format, style, None, |_, _| None);
    let mut totals = Totals::default();
    let mut pages = vec![reporter.header()];
    for report in reports {
        totals.add(report);
        let mut page = Vec::new();
        reporter.target(report, &mut page);
        pages.push(page);
    }
    pages.push(reporter.summary(&totals, 80));
    pages.into_iter().map(|page| String::from_utf8(page).expect("UTF-8")).collect()
}

fn run(u: &mut Unstructured) -> Result<(Style, Vec<Report>)> {
    let style = Style {
        color: false,
        ascii: u.arbitrary()?,
        show: Show::All,
        verbose: u.int_in_range(0..=2)?,
        timestamps: u.arbitrary()?,
        width: maybe(u, |u| u.int_in_range(0..=300))?,
    };
    Ok((style, list(u, 3, report)?))
}

fn report(u: &mut Unstructured) -> Result<Report> {
    let Target { host, port, protocol } = target(u)?;
    Ok(Report {
        target: Target { host: host.clone(), port, protocol }.to_string(),
        host: host.written().clone(),
        port,
        protocol,
        mode: *u.choose(Mode::ALL)?,
        strategy: *u.choose(Strategy::ALL)?,
        started_at: wall(u)?,
        elapsed: duration(u)?,
        outcome: *u.choose(Outcome::ALL)?,
        retries: u.arbitrary()?,
        expected: maybe(u, |u| Ok(list(u, 3, |u| u.choose(Outcome::ALL).copied())?.into_iter().collect()))?,
        good: u.arbitrary()?,
        partial: u.arbitrary()?,
        lookup: lookup(u)?,
        attempts: list(u, 5, attempt)?,
        trace: maybe(u, |u| list(u, 2, path))?,
        round: u.arbitrary()?,
    })
}

/// Hosts come from people and files, by the grammar alone: a name that it lets pass is one that is shown.
fn target(u: &mut Unstructured) -> Result<Target> {
    let protocol = *u.choose(Protocol::ALL)?;
    let grammar = Grammar { protocol, interface: Some("eth0"), every_link: false, default_ports: None, service: &|_, _| None };
    let (text, port): (&str, u16) = u.arbitrary()?;
    let spec = grammar.host_ports(text, &port.max(1).to_string());
    let spec = spec.or_else(|_| grammar.target("db.example:5432")).expect("a target");
    Ok(spec.into_targets().next().expect("at least one"))
}

fn lookup(u: &mut Unstructured) -> Result<Lookup> {
    Ok(Lookup {
        elapsed: duration(u)?,
        addresses: u.arbitrary()?,
        duplicates: u.arbitrary()?,
        error: maybe(u, code)?,
        by: maybe(u, |u| u.choose(By::ALL).copied())?,
        cause: maybe(u, |u| u.choose(Cause::ALL).copied())?,
        family: maybe(u, |u| u.choose(Family::ALL).copied())?,
        unanswered: maybe(u, |u| u.choose(Family::ALL).copied())?,
        canonical: maybe(u, name)?,
        ascii: maybe(u, name)?,
        cut_short: u.arbitrary()?,
        reason: maybe(u, |u| u.choose(Reason::ALL).copied())?,
    })
}

/// What the lookup hands on: net::resolve takes control characters out of a name that the resolver gives.
fn name(u: &mut Unstructured) -> Result<Arc<str>> {
    Ok(u.arbitrary::<String>()?.replace(char::is_control, "\u{fffd}").into())
}

fn attempt(u: &mut Unstructured) -> Result<Attempt> {
    Ok(Attempt {
        address: address(u)?,
        number: u.arbitrary()?,
        started: duration(u)?,
        elapsed: duration(u)?,
        outcome: *u.choose(Outcome::ALL)?,
        by: maybe(u, |u| u.choose(By::ALL).copied())?,
        cause: maybe(u, |u| u.choose(Cause::ALL).copied())?,
        phase: maybe(u, |u| u.choose(Phase::ALL).copied())?,
        ended: maybe(u, |u| u.choose(Ended::ALL).copied())?,
        cut_short: u.arbitrary()?,
        error: maybe(u, code)?,
        local: maybe(u, address)?,
        reply_from: maybe(u, address)?,
        icmp: maybe(u, icmp)?,
        syns: u.arbitrary()?,
        rtt: maybe(u, duration)?,
        handshake: maybe(u, handshake)?,
        hold: maybe(u, hold)?,
        route: maybe(u, route)?,
        local_drop: maybe(u, local_drop)?,
        reason: maybe(u, |u| u.choose(Reason::ALL).copied())?,
        events: list(u, 4, event)?,
    })
}

fn handshake(u: &mut Unstructured) -> Result<Handshake> {
    let (window, window_scale, mss, timestamps, sack, ecn) = u.arbitrary()?;
    Ok(Handshake { window, window_scale, mss, timestamps, sack, ecn })
}

fn local_drop(u: &mut Unstructured) -> Result<LocalDrop> {
    Ok(LocalDrop { point: *u.choose(DropPoint::ALL)?, count: u.arbitrary()?, certain: u.arbitrary()? })
}

fn hold(u: &mut Unstructured) -> Result<Hold> {
    let (full, received, window) = u.arbitrary()?;
    Ok(Hold { elapsed: duration(u)?, full, received, window })
}

fn route(u: &mut Unstructured) -> Result<Route> {
    Ok(Route {
        kind: maybe(u, |u| u.choose(RouteKind::ALL).copied())?,
        interface: maybe(u, interface)?,
        loopback: u.arbitrary()?,
        gateway: u.arbitrary()?,
        source: u.arbitrary()?,
        error: maybe(u, code)?,
    })
}

/// What Linux takes for the name of an interface: fewer than 16 bytes, no blanks, '/' or ':' (dev_valid_name() in
/// net/core/dev.c); everything else is allowed.
fn interface(u: &mut Unstructured) -> Result<String> {
    let bytes: [u8; 15] = u.arbitrary()?;
    let name =
        bytes.iter().map(|&byte| if byte.is_ascii_whitespace() || b"/:\0\x0b".contains(&byte) { b'x' } else { byte });
    Ok(String::from_utf8_lossy(&name.collect::<Vec<u8>>()).into_owned())
}

fn event(u: &mut Unstructured) -> Result<Event> {
    let event = *u.choose(EventKind::ALL)?;
    Ok(Event { at: duration(u)?, event, error: maybe(u, code)? })
}

/// Hops count from 1, as far as tracing looks.
fn path(u: &mut Unstructured) -> Result<Path> {
    let address = address(u)?;
    let hops = (1..=u.int_in_range(0..=30)?).map(|ttl| Ok(Hop::new(ttl, attempt(u)?))).collect::<Result<_>>()?;
    let (traced_port, answer_ttl, answered_hop) = u.arbitrary()?;
    Ok(Path { address, traced_port, hops, end: *u.choose(PathEnd::ALL)?, answer_ttl, answered_hop })
}

fn icmp(u: &mut Unstructured) -> Result<Icmp> {
    let (from, at): (IpAddr, Option<Duration>) = (u.arbitrary()?, maybe(u, duration)?);
    let (kind, code, info, count) = u.arbitrary()?;
    Ok(Icmp { from, family: *u.choose(Family::ALL)?, kind, code, info, at, count, decisive: u.arbitrary()? })
}

fn code(u: &mut Unstructured) -> Result<Code> {
    // Half of them near the documented numbers.
    let number = if u.arbitrary()? { u.int_in_range(-20..=140)? } else { i32::arbitrary(u)? };
    Ok(if u.arbitrary()? { Code::Os(number) } else { Code::Eai(number) })
}

fn address(u: &mut Unstructured) -> Result<SocketAddr> {
    Ok(match u.arbitrary()? {
        IpAddr::V4(ip) => SocketAddr::new(ip.into(), u.arbitrary()?),
        IpAddr::V6(ip) => SocketAddrV6::new(ip, u.arbitrary()?, 0, u.arbitrary()?).into(),
    })
}

/// From nothing to the end of the type, most of them of everyday length.
fn duration(u: &mut Unstructured) -> Result<Duration> {
    Ok(match u.int_in_range(0..=3)? {
        0 => Duration::from_nanos(u.arbitrary()?),
        1 => Duration::new(u.arbitrary()?, u.int_in_range(0..=999_999_999)?),
        _ => Duration::from_micros(u64::from(u.arbitrary::<u32>()?)),
    })
}

/// Clocks are wrong in both directions.
fn wall(u: &mut Unstructured) -> Result<SystemTime> {
    let away = duration(u)?;
    let at = if u.arbitrary()? { UNIX_EPOCH.checked_add(away) } else { UNIX_EPOCH.checked_sub(away) };
    Ok(at.unwrap_or(UNIX_EPOCH))
}

fn maybe<T>(u: &mut Unstructured, make: impl FnOnce(&mut Unstructured) -> Result<T>) -> Result<Option<T>> {
    u.arbitrary::<bool>()?.then(|| make(u)).transpose()
}

fn list<T>(u: &mut Unstructured, longest: usize, make: fn(&mut Unstructured) -> Result<T>) -> Result<Vec<T>> {
    (0..u.int_in_range(0..=longest)?).map(|_| make(u)).collect()
}
