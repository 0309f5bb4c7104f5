//! Questions and answers over one socket. Many questions go in one datagram, and many answers come by one call: the calls
//! cost more than the lookups.
//!
//! The kernel takes the questions of a datagram one after the other, and answers each by a datagram of its own before
//! send() returns (netlink_rcv_skb() in net/netlink/af_netlink.c). A question that it refuses does not end the others.

use std::cell::Cell;
use std::io::{self, IoSliceMut, Read, Write};
use std::ops::Range;
use std::os::fd::AsRawFd;
use std::time::Duration;

use nix::errno::Errno;
use nix::sys::socket::{MsgFlags, MultiHeaders, recvmmsg};
use socket2::{Domain, Protocol, Socket, Type};

/// So many questions go in one datagram. The answers to them fit a receive buffer of the usual size.
const AT_ONCE: usize = 32;

/// So many bytes of an answer are read: a route has less than 200, and what is not read of it comes after them.
const ANSWER: usize = 512;

/// Where nlmsghdr has the number of a question, which its answer repeats.
const NUMBER: Range<usize> = 8..12;

thread_local! {
    /// One socket for all questions of a thread: half of the calls of a question made and closed it.
    static SOCKET: Option<Socket> = open().ok();
}

fn open() -> io::Result<Socket> {
    let socket = Socket::new(Domain::from(libc::AF_NETLINK), Type::RAW, Some(Protocol::from(libc::NETLINK_ROUTE)))?;
    // The kernel answers within the call; the limit is for a sandbox that swallows the question.
    socket.set_read_timeout(Some(Duration::from_millis(100)))?;
    Ok(socket)
}

/// Calls `act` with this thread's socket; `None` where there is none.
pub fn with_socket<T>(act: impl FnOnce(&Socket) -> Option<T>) -> Option<T> {
    SOCKET.with(|socket| act(socket.as_ref()?))
}

/// A number for the next question, by which its answer is known.
pub fn number() -> u32 {
    thread_local!(static LAST: Cell<u32> = const { Cell::new(0) });
    LAST.with(|last| {
        last.set(last.get().wrapping_add(1));
        last.get()
    })
}

fn number_of(message: &[u8]) -> Option<u32> {
    Some(u32::from_ne_bytes(message.get(NUMBER)?.try_into().ok()?))
}

/// Asks, and gives the first datagram of the answer. The others, which a dump has, go with the socket.
pub fn ask_for_dump(question: &[u8]) -> Option<Vec<u8>> {
    let mut socket = open().ok()?;
    socket.write_all(question).ok()?;
    let mut answer = vec![0; 4096];
    let length = socket.read(&mut answer).ok()?;
    answer.truncate(length);
    Some(answer)
}

/// Asks all questions. Gives what `read` makes of the answer to each, in their order, and `None` where there is none.
/// `write` adds the one message of a question.
pub fn ask<Q, A>(
    questions: &[Q],
    write: impl Fn(&Q, &mut Vec<u8>),
    read: impl Fn(&[u8]) -> Option<A>,
) -> Vec<Option<A>> {
    let mut answers: Vec<Option<A>> = questions.iter().map(|_| None).collect();
    with_socket(|socket| {
        for (questions, answers) in questions.chunks(AT_ONCE).zip(answers.chunks_mut(AT_ONCE)) {
            ask_lot(socket, questions, answers, &write, &read);
        }
        Some(())
    });
    answers
}

/// Answers for which the socket had no room are asked for again, one by one: there is always room for one.
fn ask_lot<Q, A>(
    socket: &Socket,
    questions: &[Q],
    answers: &mut [Option<A>],
    write: &impl Fn(&Q, &mut Vec<u8>),
    read: &impl Fn(&[u8]) -> Option<A>,
) {
    if exchange(socket, questions, answers, write, read) == Err(Errno::ENOBUFS) {
        for (question, answer) in questions.iter().zip(answers).filter(|(_, answer)| answer.is_none()) {
            let _ = exchange(socket, std::slice::from_ref(question), std::slice::from_mut(answer), write, read);
        }
    }
}

/// ENOBUFS: the kernel has dropped answers. What it has not dropped is read nevertheless.
fn exchange<Q, A>(
    socket: &Socket,
    questions: &[Q],
    answers: &mut [Option<A>],
    write: &impl Fn(&Q, &mut Vec<u8>),
    read: &impl Fn(&[u8]) -> Option<A>,
) -> nix::Result<()> {
    let mut datagram = Vec::new();
    questions.iter().for_each(|question| write(question, &mut datagram));
    let Some(first) = number_of(&datagram) else { return Ok(()) };
    nix::sys::socket::send(socket.as_raw_fd(), &datagram, MsgFlags::empty())?;
    let (mut left, mut dropped) = (questions.len(), false);
    while left > 0 {
        let flags = if dropped { MsgFlags::MSG_DONTWAIT } else { MsgFlags::empty() };
        let received = receive(socket, left, flags, |message| {
            // An answer that came too late for its own question is passed over.
            let place = number_of(message).map(|number| number.wrapping_sub(first) as usize);
            if let Some(answer) = place.and_then(|place| answers.get_mut(place)) {
                *answer = read(message);
                left -= 1;
            }
        });
        match received {
            Err(Errno::ENOBUFS) => dropped = true,
            Err(_) if dropped => return Err(Errno::ENOBUFS),
            result => result?,
        }
    }
    Ok(())
}

/// Gives the datagrams that have come to `take`, `most` of them at most; waits for the first of them only.
fn receive(socket: &Socket, most: usize, flags: MsgFlags, mut take: impl FnMut(&[u8])) -> nix::Result<()> {
    let mut bytes = [[0; ANSWER]; AT_ONCE];
    let mut buffers: Vec<_> = bytes.iter_mut().take(most).map(|buffer| [IoSliceMut::new(buffer)]).collect();
    let mut headers = MultiHeaders::<()>::preallocate(buffers.len(), None);
    let flags = flags | MsgFlags::MSG_WAITFORONE;
    for message in recvmmsg(socket.as_raw_fd(), &mut headers, &mut buffers, flags, None)? {
        message.iovs().for_each(&mut take);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use super::super::{Attributes, HEADER, Packet, ROUTE, RTA_DST, address, read_route, write_route};
    use super::*;

    /// Loopback addresses, and each third from a source that no machine has.
    fn questions() -> Vec<Packet> {
        let from_nowhere = |number: u8| (number % 3 == 1).then_some([192, 0, 2, 1].into());
        (0..100)
            .map(|number| Packet {
                destination: ([127, 0, 0, number], 9).into(),
                source: from_nowhere(number),
                ..Packet::default()
            })
            .collect()
    }

    /// The destination whose route it is, or none where it was refused.
    fn read(answer: &[u8]) -> Option<Option<IpAddr>> {
        if read_route(answer)?.errno.is_some() {
            return Some(None);
        }
        let (_, value) = Attributes(answer.get(HEADER + ROUTE..)?).find(|&(name, _)| name == RTA_DST)?;
        Some(Some(address(value)?))
    }

    fn check(answers: &[Option<Option<IpAddr>>]) {
        let answered = |question: &Packet| Some(question.source.is_none().then_some(question.destination.ip()));
        assert_eq!(answers, questions().iter().map(answered).collect::<Vec<_>>());
    }

    #[test]
    fn each_question_of_many_has_its_own_answer_and_a_refusal_ends_no_other() {
        check(&ask(&questions(), write_route, read));
    }

    #[test]
    fn answers_for_which_there_was_no_room_are_asked_for_again() {
        let socket = open().unwrap();
        socket.set_recv_buffer_size(1).unwrap();
        let questions = questions();
        let mut answers = vec![None; questions.len()];
        let first = exchange(&socket, &questions, &mut answers, &write_route, &read);
        let lost = answers.iter().filter(|answer| answer.is_none()).count();
        assert_eq!((first, lost > 0 && lost < questions.len()), (Err(Errno::ENOBUFS), true), "{lost}");
        let mut answers = vec![None; questions.len()];
        ask_lot(&socket, &questions, &mut answers, &write_route, &read);
        check(&answers);
    }

    #[test]
    fn an_answer_that_came_too_late_is_passed_over() {
        let socket = open().unwrap();
        let mut early = Vec::new();
        write_route(&questions()[1], &mut early);
        (&socket).write_all(&early).unwrap();
        let mut answers = vec![None; 100];
        ask_lot(&socket, &questions(), &mut answers, &write_route, &read);
        check(&answers);
    }
}
