//! Targets as URLs: `scheme://[userinfo@]host[:port][/path][?query][#fragment]` (RFC 3986, section 3).
//!
//! A user name or a password is never shown. A URL that programs would cut in different places is refused: an unescaped
//! `/` in a password makes another host of it.

use ipnet::IpNet;

use super::{Grammar, Invalid, Ports, Spec, quote, split};
use crate::model::Protocol;

/// Schemes whose paths have an `@` in them often enough (`/@scope/name`).
const WEB: [&str; 4] = ["http", "https", "ws", "wss"];

impl Grammar<'_> {
    pub(super) fn url(&self, scheme: &str, rest: &str) -> Result<Spec, Invalid> {
        check_scheme(scheme)?;
        let scheme = scheme.to_ascii_lowercase();
        let protocol = match scheme.as_str() {
            "tcp" => Some(Protocol::Tcp),
            "udp" => Some(Protocol::Udp),
            _ => None,
        };
        let grammar = Grammar { protocol: protocol.unwrap_or(self.protocol), ..*self };
        let host_and_port = without_userinfo(&scheme, rest)?;
        let (authority, path) = authority(host_and_port);
        one_host(&scheme, authority)?;
        let (host, ports) = match split_authority(authority)? {
            // These two name a transport, not a service: what follows may be a network, whose '/' begins no path.
            (_, None) if protocol.is_some() => split(host_and_port.strip_suffix('/').unwrap_or(host_and_port))?,
            (host, None) => {
                no_network(&scheme, host, path)?;
                (host, None)
            }
            parts => parts,
        };
        match ports.filter(|ports| !ports.is_empty()) {
            Some(ports) => grammar.spec(&zone_from_url(host), ports),
            None => grammar.scheme_port(&scheme, &zone_from_url(host)),
        }
    }

    /// A URL without a port: that of its scheme, else that of all targets without one.
    fn scheme_port(&self, scheme: &str, host: &str) -> Result<Spec, Invalid> {
        let hosts = self.hosts(host)?;
        let ports = match (self.port_of(scheme, self.protocol), self.default_ports) {
            (Some(port), _) => Ports::from(port),
            (None, Some(ports)) => self.ports(ports)?,
            (None, None) => {
                let hint = format!("write it, as in {scheme}://{host}:PORT");
                return Err(Invalid::new(format!("no port is known for {scheme}:// over {}", self.protocol), hint));
            }
        };
        Ok(Spec { hosts, ports, protocol: self.protocol })
    }
}

/// `scheme = ALPHA *( ALPHA / DIGIT / "+" / "-" / "." )` (RFC 3986, section 3.1).
fn is_scheme(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c))
}

fn check_scheme(scheme: &str) -> Result<(), Invalid> {
    let what = || format!("{scheme}:// names no port to connect to");
    match scheme.to_ascii_lowercase().as_str() {
        "unix" | "file" | "npipe" => {
            return Err(Invalid::new(what(), "it is a path on this machine; a target is HOST:PORT"));
        }
        "mongodb+srv" => {
            return Err(Invalid::new(what(), "its hosts are SRV records of the DNS: write one, as in mongodb://HOST"));
        }
        _ if is_scheme(scheme) => return Ok(()),
        _ => {}
    }
    let hint = match scheme.rsplit_once(':') {
        Some((prefix, inner)) if is_scheme(inner) => format!("leave {prefix}: out, as in {inner}://HOST"),
        _ => "a URL begins with letters, as in https://".into(),
    };
    // What stands before the last colon may be a user and a password.
    let shown = scheme.rsplit(['@', '/']).next().unwrap_or_default();
    Err(Invalid::new(format!("{} before :// is not a scheme", quote(shown)), hint))
}

/// Authority and all that follows, split where path, query or fragment begin (RFC 3986, section 3.2).
fn authority(rest: &str) -> (&str, &str) {
    let mut bracketed = false;
    let end = rest.find(|c| {
        match c {
            '[' => bracketed = true,
            ']' => bracketed = false,
            _ => {}
        }
        !bracketed && "/?#".contains(c)
    });
    rest.split_at(end.unwrap_or(rest.len()))
}

/// What follows the userinfo, if it is certain where that ends.
fn without_userinfo<'a>(scheme: &str, rest: &'a str) -> Result<&'a str, Invalid> {
    let (authority, path) = authority(rest);
    let userinfo = authority.rsplit_once('@').map_or("", |(userinfo, _)| userinfo);
    let unclear = match userinfo.chars().find(|&c| "@\\[]".contains(c)) {
        Some(c) => Some(c),
        None if authority.contains('\\') => Some('\\'),
        None => path.chars().next().filter(|_| may_be_password(scheme, authority, path)),
    };
    match unclear {
        None => Ok(if userinfo.is_empty() && !authority.starts_with('@') { rest } else { &rest[userinfo.len() + 1..] }),
        Some(c) => Err(Invalid::new(
            format!("it is not clear where the host begins in this URL: it has an unescaped {c:?}"),
            format!("leave user, password and path out, as in {scheme}://HOST:PORT, or write %{:02X}", u32::from(c)),
        )),
    }
}

/// Whether what follows the authority may be the rest of a password that has `/`, `?` or `#` in it, and an `@` then.
fn may_be_password(scheme: &str, authority: &str, path: &str) -> bool {
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    let port = host[host.rfind(']').unwrap_or(0)..].split_once(':').map(|(_, port)| port);
    let path_of_web = WEB.contains(&scheme) && port.is_none_or(|port| port.parse::<u16>().is_ok());
    match path.chars().next() {
        // In such a path an '@' is common; beside a port, only where it begins a segment.
        Some('/') if path_of_web && port.is_none() => false,
        Some('/') if path_of_web => {
            let path = path.split(['?', '#']).next().unwrap_or_default();
            path.split('/').any(|segment| segment.get(1..).is_some_and(|rest| rest.contains('@')))
        }
        _ => path.contains('@'),
    }
}

/// Refuses the list of hosts of a connection string.
fn one_host(scheme: &str, authority: &str) -> Result<(), Invalid> {
    let Some((first, others)) = authority.split_once(',') else { return Ok(()) };
    // `host:80,443` is one host and its ports.
    let has_port = first[first.find(']').unwrap_or(0)..].contains(':');
    if has_port && !others.contains([':', '.', '[']) {
        return Ok(());
    }
    let each: Vec<String> = authority.split(',').map(|host| format!("{scheme}://{host}")).collect();
    Err(Invalid::new("several hosts in one URL", format!("write each as a target: {}", each.join(" "))))
}

/// Refuses `http://10.0.0.0/30`: a path for who knows URLs, a network for who does not.
fn no_network(scheme: &str, host: &str, path: &str) -> Result<(), Invalid> {
    let length = path.strip_prefix('/').unwrap_or_default();
    let (length, ports) = length.split_once(':').map_or((length, None), |(length, ports)| (length, Some(ports)));
    let address = host.trim_start_matches('[').trim_end_matches(']');
    let Ok(net) = format!("{address}/{length}").parse::<IpNet>() else { return Ok(()) };
    let one = net.prefix_len() == net.max_prefix_len() || (ports.is_none() && net.addr() != net.network());
    if one {
        return Ok(());
    }
    let net = net.trunc();
    let network = if net.addr().is_ipv6() { format!("[{net}]") } else { net.to_string() };
    let ports = ports.unwrap_or(scheme);
    let written = format!("{scheme}://{host}{path}");
    Err(Invalid::new(
        format!("{written:?} may be a network or a URL with a path"),
        format!("write {network}:{ports} for the network, {scheme}://{host} for one host"),
    ))
}

/// As [`split`]; brackets are not optional in a URL, with or without a port.
fn split_authority(authority: &str) -> Result<(&str, Option<&str>), Invalid> {
    if !authority.starts_with('[') && authority.matches(':').count() > 1 {
        let hint = "write scheme://HOST:PORTS, an IPv6 address in brackets: scheme://[IPv6]:PORTS";
        return Err(Invalid::new(format!("{} in a URL has more than one colon", quote(authority)), hint));
    }
    split(authority)
}

/// In a URL the `%` before a zone is written `%25` (RFC 6874, section 2); a bare one is let pass, as curl does.
fn zone_from_url(host: &str) -> String {
    match host.split_once("%25") {
        Some((ip, zone)) if ip.starts_with('[') && zone != "]" => format!("{ip}%{zone}"),
        _ => host.into(),
    }
}
