//! Trials of datagram sockets. Each function provokes the trial of its name.

use std::net::Ipv4Addr;

use socket2::{Domain, Type};

use super::sockets::{
    A_WHILE, BROADCAST, NOWHERE, PATIENCE, Seen, associate, at, binding, datagram, found, new_socket,
    permitted_datagram, receive, step, stopped, within,
};
use crate::model::{Finding, Hindrance, Step};
use crate::net::sys;

pub fn broadcast() -> Seen {
    let socket = permitted_datagram()?;
    let address = at(BROADCAST, NOWHERE);
    let without = step(socket.connect(&address));
    socket.set_broadcast(true).map_err(stopped("setsockopt()"))?;
    Ok(vec![without, step(socket.connect(&address))])
}

pub fn limited_broadcast() -> Seen {
    let socket = permitted_datagram()?;
    Ok(vec![step(socket.connect(&at(Ipv4Addr::BROADCAST.octets(), NOWHERE)))])
}

pub fn udp_other_sender() -> Seen {
    let ((socket, own), (peer, address), (stranger, _)) = (datagram()?, datagram()?, datagram()?);
    associate(&socket, &address)?;
    for (sender, byte) in [(&stranger, b's'), (&peer, b'p')] {
        sender.send_to(&[byte], &own).map_err(stopped("sendto()"))?;
    }
    match receive(&socket, PATIENCE)?.map_err(stopped("recv()"))? {
        Some(b'p') => Ok(found(Finding::Discarded)),
        Some(_) => Ok(found(Finding::Received)),
        None => Err(Hindrance::Reason("the datagram of the peer did not come")),
    }
}

pub fn udp_new_destination() -> Seen {
    let ((socket, own), (peer, address), (_other, new)) = (datagram()?, datagram()?, datagram()?);
    associate(&socket, &address)?;
    peer.send_to(b"p", &own).map_err(stopped("sendto()"))?;
    if !sys::selected(&socket, within(PATIENCE)).map_err(stopped("select()"))?.readable {
        return Err(Hindrance::Reason("the datagram of the peer did not come"));
    }
    if let failed @ Step::Failed(_) = step(socket.connect(&new)) {
        return Ok(vec![failed]);
    }
    Ok(match receive(&socket, A_WHILE)? {
        Ok(Some(_)) => found(Finding::Received),
        Ok(None) => found(Finding::Discarded),
        Err(error) => vec![Step::Failed(sys::code(&error))],
    })
}

/// BSD dissolves the association and returns an error all the same, so that only send() tells.
pub fn udp_disconnect() -> Seen {
    let ((socket, _), (_peer, address)) = (datagram()?, datagram()?);
    associate(&socket, &address)?;
    let _ = sys::disconnect(&socket);
    Ok(vec![step(socket.send(b"x")), step(socket.send_to(b"x", &address))])
}

pub fn udp_closed_port() -> Seen {
    let ((socket, _), (peer, address)) = (datagram()?, datagram()?);
    drop(peer);
    associate(&socket, &address)?;
    socket.send(b"x").map_err(stopped("send()"))?;
    Ok(match receive(&socket, A_WHILE)? {
        Ok(Some(_)) => found(Finding::Received),
        Ok(None) => found(Finding::Nothing),
        Err(error) => vec![Step::Failed(sys::code(&error))],
    })
}

pub fn implicit_bind_sendto() -> Seen {
    let (_peer, address) = datagram()?;
    let socket = new_socket(Domain::IPV4, Type::DGRAM)?;
    socket.set_recv_buffer_size(4096).map_err(stopped("setsockopt()"))?;
    socket.send_to(b"x", &address).map_err(stopped("sendto()"))?;
    Ok(binding(&socket))
}
