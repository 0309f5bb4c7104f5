//! The self-test: provokes each row of [`documented`] on loopback, with sockets of its own.
//!
//! Nothing leaves the machine: datagram sockets are connected to broadcast addresses and send nothing there, and routes
//! are tried in a child without a network. Streams close by RST, so that no port stays in TIME_WAIT. Every trial has a
//! thread, so that waits run side by side; the clock of the run ends those that hang.

use std::io;
use std::sync::mpsc::{Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use crate::classify::documented::{self, Platform};
use crate::model::{Hindrance, Step, Trial, Trialled};
use crate::net::clock;
use crate::net::sys::{self, Routes};
use sockets::{Seen, stopped};

mod datagrams;
mod sockets;
mod streams;

/// A trial that has not ended then is given up.
const LIMIT: Duration = Duration::from_millis(3500);

/// What came of a trial, and how long it took.
type Answer = (Trial, Seen, Duration);

/// The system, as far as it is known, and what each trial that it can make came to, in the order of the rows.
pub fn run() -> (Option<Platform>, Vec<Trialled>) {
    let platform = sys::platform();
    // First of all: what follows initialises Winsock, and opens sockets that a child would keep open.
    let uninitialised = sys::uninitialised();
    let routes = Routes::begin();
    let began = clock::now();
    let until = began + LIMIT;
    let trials: Vec<Trial> =
        Trial::ALL.iter().copied().filter(|&trial| documented::row(trial).is_provoked(platform)).collect();
    let (sender, answers) = channel();
    begin_routes(&sender, routes);
    send(&sender, Trial::NotInitialised, before_startup(uninitialised), began);
    trials
        .iter()
        .filter_map(|&trial| Some((trial, action(trial)?)))
        .for_each(|(trial, act)| begin(&sender, trial, act));
    // What is left are those of the threads: the last one that ends closes the channel.
    drop(sender);
    let next = || answers.recv_timeout(until.saturating_duration_since(clock::now())).ok();
    let came: Vec<Answer> = std::iter::from_fn(next).collect();
    let result = |trial: Trial| {
        let answer = came.iter().find(|(other, ..)| *other == trial);
        let (seen, elapsed) = answer.map_or((Err(LATE), LIMIT), |(_, seen, elapsed)| (seen.clone(), *elapsed));
        Trialled { trial, seen, elapsed }
    };
    (platform, trials.into_iter().map(result).collect())
}

const LATE: Hindrance = Hindrance::Reason("it had not ended after 3.5 s");

/// What provokes a trial; `None` for those that begin before the others, and those that nothing provokes.
fn action(trial: Trial) -> Option<fn() -> Seen> {
    Some(match trial {
        Trial::Refused => streams::refused,
        Trial::Pending => streams::pending,
        Trial::AgainWhilePending => streams::again_while_pending,
        Trial::AgainWhenConnected => streams::again_when_connected,
        Trial::SelectRefused => streams::select_refused,
        Trial::SelectConnected => streams::select_connected,
        Trial::ListeningSocket => streams::listening_socket,
        Trial::AnyAddress => streams::any_address,
        Trial::ForeignSource => streams::foreign_source,
        Trial::PortInUse => streams::port_in_use,
        Trial::PairInUse => streams::pair_in_use,
        Trial::OtherFamily => streams::other_family,
        Trial::MappedAddress => streams::mapped_address,
        Trial::ShortName => streams::short_name,
        Trial::NotASocket => streams::not_a_socket,
        Trial::WrongProtocol => streams::wrong_protocol,
        Trial::Broadcast => datagrams::broadcast,
        Trial::LimitedBroadcast => datagrams::limited_broadcast,
        Trial::TcpBroadcast => streams::tcp_broadcast,
        Trial::SystemTimeout => streams::system_timeout,
        Trial::Interrupted => streams::interrupted,
        Trial::RetryBlocking => streams::retry_blocking,
        Trial::RetryNonblocking => streams::retry_nonblocking,
        Trial::UdpOtherSender => datagrams::udp_other_sender,
        Trial::UdpNewDestination => datagrams::udp_new_destination,
        Trial::UdpDisconnect => datagrams::udp_disconnect,
        Trial::UdpClosedPort => datagrams::udp_closed_port,
        Trial::ImplicitBindConnect => streams::implicit_bind_connect,
        Trial::ImplicitBindSendto => datagrams::implicit_bind_sendto,
        Trial::ResetAfterAccept => streams::reset_after_accept,
        Trial::NotInitialised
        | Trial::NoRoute
        | Trial::UnreachableRoute
        | Trial::ProhibitRoute
        | Trial::BlackholeRoute
        | Trial::NetworkDown
        | Trial::NoBuffers
        | Trial::CallInProgress
        | Trial::QualityOfService => return None,
    })
}

fn send(answers: &Sender<Answer>, trial: Trial, seen: Seen, began: Instant) {
    // Nobody receives it where the run has ended without this trial.
    let _ = answers.send((trial, seen, clock::now().saturating_duration_since(began)));
}

fn begin(answers: &Sender<Answer>, trial: Trial, act: fn() -> Seen) {
    let (sender, began) = (answers.clone(), clock::now());
    if let Err(error) = thread::Builder::new().spawn(move || send(&sender, trial, act(), began)) {
        send(answers, trial, Err(stopped("a thread")(error)), began);
    }
}

fn before_startup(error: Option<io::Error>) -> Seen {
    let error = error.ok_or(Hindrance::Reason("Winsock was initialised before"))?;
    Ok(vec![Step::Failed(sys::code(&error))])
}

fn begin_routes(answers: &Sender<Answer>, routes: io::Result<Routes>) {
    let (answers, began) = (answers.clone(), clock::now());
    let wait = move || {
        let steps = routes_taken(routes);
        for (i, trial) in BY_ROUTE.into_iter().enumerate() {
            send(&answers, trial, steps.map(|steps| vec![steps[i]]), began);
        }
    };
    // Without a thread its trials are reported as late.
    let _ = thread::Builder::new().spawn(wait);
}

/// The trials of [`Routes`], in its order.
const BY_ROUTE: [Trial; 4] = [Trial::NoRoute, Trial::UnreachableRoute, Trial::ProhibitRoute, Trial::BlackholeRoute];

/// What connect() came to by each route. A policy that forbids the first forbids all: its code is not that of a route.
fn routes_taken(routes: io::Result<Routes>) -> Result<[Step; BY_ROUTE.len()], Hindrance> {
    let codes = routes.and_then(Routes::codes).map_err(stopped("a network namespace of our own"))?;
    let steps = codes.map(|code| code.map_or(Step::Done, Step::Failed));
    match documented::hindrance(&steps[..1]) {
        Some(code) => Err(Hindrance::Call("connect()", code)),
        None => Ok(steps),
    }
}
