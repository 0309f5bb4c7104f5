//! What only Linux has, as the other systems answer for it.

use std::io;
use std::net::SocketAddr;

use socket2::Socket;

use crate::model::{Code, Counters, Family, Neighbour, Route};
use crate::net::sys::{RouteQuestion, route};

/// The counters of the network are not read.
pub const COUNTS: bool = false;

/// None.
pub fn counters() -> Option<Counters> {
    None
}

/// A socket whose connect has failed is not used again: "the state of the socket is unspecified" (connect(2) of POSIX), and
/// "it is safest to assume" that it must be made anew (connect() of Winsock).
pub fn renew(_: &Socket) -> bool {
    false
}

/// Never asked: no socket is renewed.
pub fn is_clean(_: &Socket) -> bool {
    false
}

/// There is no such setting here, or nobody to tell what it discards.
///
/// # Errors
/// Always.
pub fn set_least_ttl(_: &Socket, _: u8, _: Family) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

/// Not told.
pub fn discarded(_: &Socket) -> Option<u32> {
    None
}

/// A filter's answer to connect() is not told from the peer's.
pub fn is_filtered(_: &Socket) -> bool {
    false
}

/// Many questions are asked one after the other.
pub fn routes(questions: &[RouteQuestion]) -> Vec<Option<Route>> {
    questions.iter().map(route).collect()
}

/// Not asked.
pub fn neighbours(questions: &[(&Route, SocketAddr)]) -> Vec<Option<Neighbour>> {
    vec![None; questions.len()]
}

/// A child with routes of its own: there are no network namespaces here.
#[derive(Debug)]
pub struct Routes;

impl Routes {
    /// Never starts one.
    ///
    /// # Errors
    /// Always.
    pub fn begin() -> io::Result<Routes> {
        Err(io::ErrorKind::Unsupported.into())
    }

    /// Never called.
    ///
    /// # Errors
    /// Always.
    pub fn codes(self) -> io::Result<[Option<Code>; 4]> {
        Err(io::ErrorKind::Unsupported.into())
    }
}
