//! Trials of stream sockets. Each function provokes the trial of its name.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

use socket2::{Domain, Protocol, SockAddr, Socket, Type};

use super::sockets::{
    A_WHILE, BROADCAST, LOOPBACK, NOWHERE, PATIENCE, Seen, accept, at, binding, closed, connected, found, is_done,
    is_pending, is_refused, listener, new_socket, nonblocking, outcome, silent, step, stopped, stream, within,
};
use crate::model::{Finding, Hindrance, Step};
use crate::net::sys;

pub fn refused() -> Seen {
    let (_port, address) = closed()?;
    Ok(outcome(&nonblocking()?, &address))
}

pub fn pending() -> Seen {
    let (_held, address) = silent()?;
    Ok(vec![step(nonblocking()?.connect(&address))])
}

pub fn again_while_pending() -> Seen {
    let (_held, address) = silent()?;
    let socket = nonblocking()?;
    match step(socket.connect(&address)) {
        Step::Failed(code) if is_pending(code) => Ok(vec![step(socket.connect(&address))]),
        Step::Failed(code) => Err(Hindrance::Call("connect()", code)),
        _ => Err(Hindrance::Reason("the first attempt did not stay pending")),
    }
}

pub fn again_when_connected() -> Seen {
    let (_listener, address) = listener()?;
    let socket = nonblocking()?;
    is_done(connected(&socket, &address, within(PATIENCE)))?;
    Ok(match step(socket.connect(&address)) {
        Step::Done => vec![Step::Done, step(socket.connect(&address))],
        other => vec![other],
    })
}

pub fn select_refused() -> Seen {
    let (_port, address) = closed()?;
    findings(&nonblocking()?, &address)
}

pub fn select_connected() -> Seen {
    let (_listener, address) = listener()?;
    findings(&nonblocking()?, &address)
}

/// What select() finds after connect().
pub fn findings(socket: &Socket, address: &SockAddr) -> Seen {
    match step(socket.connect(address)) {
        Step::Failed(code) if !is_pending(code) => return Err(Hindrance::Call("connect()", code)),
        _ => {}
    }
    let selected = sys::selected(socket, within(PATIENCE)).map_err(stopped("select()"))?;
    let sets = [
        (selected.readable, Finding::Readable),
        (selected.writable, Finding::Writable),
        (selected.exception, Finding::Exception),
    ];
    let steps: Vec<Step> = sets.into_iter().filter_map(|(is, finding)| is.then_some(Step::Found(finding))).collect();
    Ok(if steps.is_empty() { found(Finding::Nothing) } else { steps })
}

pub fn listening_socket() -> Seen {
    let ((one, _), (_other, address)) = (listener()?, listener()?);
    Ok(vec![step(one.connect(&address))])
}

pub fn any_address() -> Seen {
    let (_listener, address) = listener()?;
    let port = address.as_socket().map_or(NOWHERE, |address| address.port());
    Ok(outcome(&nonblocking()?, &at(Ipv4Addr::UNSPECIFIED.octets(), port)))
}

/// 192.0.2.0/24 is for documentation (RFC 5737) and belongs to no machine.
pub fn foreign_source() -> Seen {
    Ok(vec![step(stream()?.bind(&at([192, 0, 2, 1], 0)))])
}

pub fn port_in_use() -> Seen {
    let (_port, address) = closed()?;
    Ok(vec![step(stream()?.bind(&address))])
}

/// Where bind() of the second socket says it already, that is the answer.
pub fn pair_in_use() -> Seen {
    let (_listener, address) = listener()?;
    let [one, other] = [nonblocking()?, nonblocking()?];
    for socket in [&one, &other] {
        socket.set_reuse_address(true).map_err(stopped("setsockopt()"))?;
    }
    one.bind(&at([0; 4], 0)).map_err(stopped("bind()"))?;
    let port = one.local_addr().map_err(stopped("getsockname()"))?;
    if let failed @ Step::Failed(_) = step(other.bind(&port)) {
        return Ok(vec![failed]);
    }
    is_done(connected(&one, &address, within(PATIENCE)))?;
    Ok(outcome(&other, &address))
}

pub fn other_family() -> Seen {
    // Landlock answers such an address before TCP does; it forbids the listener, too.
    listener()?;
    let address = SocketAddr::from((Ipv6Addr::LOCALHOST, NOWHERE));
    Ok(outcome(&nonblocking()?, &address.into()))
}

pub fn mapped_address() -> Seen {
    let (_port, address) = closed()?;
    let port = address.as_socket().map_or(NOWHERE, |address| address.port());
    let socket = new_socket(Domain::IPV6, Type::STREAM)?;
    socket.set_only_v6(true).map_err(stopped("setsockopt()"))?;
    socket.set_nonblocking(true).map_err(stopped("a nonblocking socket"))?;
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST.to_ipv6_mapped(), port));
    Ok(outcome(&socket, &address.into()))
}

pub fn short_name() -> Seen {
    let (_port, address) = closed()?;
    Ok(vec![step(sys::connect_cut(&stream()?, &address, 8))])
}

pub fn not_a_socket() -> Seen {
    let file = sys::any_file().map_err(stopped("a file"))?;
    Ok(vec![step(sys::connect_file(&file, &at(LOOPBACK, NOWHERE)))])
}

pub fn wrong_protocol() -> Seen {
    // Where no stream socket can be made at all, the answer says nothing of the protocol.
    stream()?;
    Ok(vec![step(Socket::new(Domain::IPV4, Type::STREAM, Some(Protocol::UDP)))])
}

pub fn tcp_broadcast() -> Seen {
    let (_port, address) = closed()?;
    let port = address.as_socket().map_or(NOWHERE, |address| address.port());
    Ok(outcome(&nonblocking()?, &at(BROADCAST, port)))
}

pub fn system_timeout() -> Seen {
    let (_held, address) = silent()?;
    let socket = stream()?;
    sys::limit_handshake(&socket).map_err(stopped("setsockopt()"))?;
    Ok(vec![step(socket.connect(&address))])
}

pub fn interrupted() -> Seen {
    let (_held, address) = silent()?;
    Ok(vec![step(sys::connect_interrupted(&stream()?, &address, within(A_WHILE)))])
}

pub fn retry_blocking() -> Seen {
    let ((_port, closed), (_listener, address)) = (closed()?, listener()?);
    let socket = stream()?;
    is_refused(step(socket.connect(&closed)))?;
    Ok(vec![step(socket.connect(&address))])
}

pub fn retry_nonblocking() -> Seen {
    let ((_port, closed), (_listener, address)) = (closed()?, listener()?);
    let socket = nonblocking()?;
    is_refused(connected(&socket, &closed, within(PATIENCE)).unwrap_or(Step::Found(Finding::Nothing)))?;
    let mut steps = outcome(&socket, &address);
    if steps != [Step::Done] {
        steps.extend(outcome(&socket, &address));
    }
    Ok(steps)
}

pub fn implicit_bind_connect() -> Seen {
    let (_listener, address) = listener()?;
    let socket = nonblocking()?;
    is_done(connected(&socket, &address, within(PATIENCE)))?;
    Ok(binding(&socket))
}

pub fn reset_after_accept() -> Seen {
    let (listener, address) = listener()?;
    let socket = nonblocking()?;
    match step(socket.connect(&address)) {
        Step::Failed(code) if !is_pending(code) => return Err(Hindrance::Call("connect()", code)),
        _ => drop(accept(&listener)?),
    }
    sys::selected(&socket, within(PATIENCE)).map_err(stopped("select()"))?;
    Ok(vec![sys::take_error(&socket).map_or(Step::Done, Step::Failed)])
}
