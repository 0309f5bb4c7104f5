//! Orders to one worker, and what it tells, on loopback.

use std::net::{SocketAddr, TcpListener};
use std::time::Duration;

use socket2::{Domain, SockAddr, Socket, Type};

use super::*;
use crate::model::{Attempt, Mode, Outcome, Protocol};
use crate::net::attempt::Options;

/// A test fails before it hangs.
const PATIENCE: Duration = Duration::from_secs(20);

/// One worker, and the thread that orders.
struct Bench {
    workers: Workers,
    waiter: Waiter,
}

impl Bench {
    fn new() -> Bench {
        let options = Options {
            mode: Mode::Nonblocking,
            source: None,
            interface: None,
            ttl: None,
            tos: None,
            reuse_address: false,
            broadcast: false,
            reset_on_close: false,
            hold: None,
            payload: Vec::new(),
            fail_on_icmp: false,
            verbose: false,
        };
        let mut waiter = Waiter::without_signals();
        let news = Arc::new(Mailbox::new(waiter.waker().expect("a pipe")));
        let over = Arc::default();
        let worker = Worker::start(&Arc::new(Shared::new(options)), &news, &over).expect("a thread");
        Bench { workers: Workers { workers: vec![worker], news, over }, waiter }
    }

    fn connect(&mut self, key: usize, address: SocketAddr) {
        let connect = Connect { address, protocol: Protocol::Tcp, number: 1, hop: None, least_ttl: None };
        self.workers.connect(AttemptId(key), connect);
    }

    fn give_up(&mut self, key: usize, why: Stop) {
        self.workers.give_up(AttemptId(key), why, clock::now());
    }

    /// Hands over what was ordered, and gives what comes of it at once: what a worker finds in one lot, it tells at once.
    fn news(&mut self) -> Vec<News> {
        let until = clock::now() + PATIENCE;
        let mut news = Vec::new();
        loop {
            self.workers.news(&mut news);
            if !news.is_empty() {
                return news;
            }
            assert!(clock::now() < until, "the worker tells nothing");
            self.waiter.wait(Some(until), &mut Vec::new()).expect("a wait");
        }
    }

    /// The attempt of that key has ended so.
    fn ended(&mut self, key: usize) -> Box<Attempt> {
        loop {
            let found = self.news().into_iter().find_map(|news| match news {
                News::Told(id, _, Told::Ended(attempt)) if id == AttemptId(key) => Some(attempt),
                _ => None,
            });
            if let Some(attempt) = found {
                return attempt;
            }
        }
    }
}

/// A port of loopback where nobody listens.
fn closed() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.local_addr().expect("an address")
}

/// A listener whose queue is full, and the connections that fill it: it does not answer.
fn silent() -> (Vec<Socket>, SocketAddr) {
    let socket = || Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
    let listener = socket();
    listener.bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into()).expect("a port");
    listener.listen(0).expect("a listener");
    let address: SockAddr = listener.local_addr().expect("an address");
    let fill = |_| {
        let socket = socket();
        socket.set_nonblocking(true).expect("a nonblocking socket");
        // It is in progress.
        let _ = socket.connect(&address);
        socket
    };
    let sockets = std::iter::once(listener).chain((0..3).map(fill)).collect();
    (sockets, address.as_socket().expect("an address"))
}

/// An attempt has ended, and the order to give it up crosses the news: its key may be that of another one by then.
#[test]
fn an_order_to_give_up_ends_no_later_attempt_of_its_key() {
    let (_full, silent) = silent();
    let mut bench = Bench::new();
    bench.connect(0, closed());
    assert_eq!(bench.ended(0).outcome, Outcome::Refused);
    bench.give_up(0, Stop::Limit);
    bench.connect(0, silent);
    let news = bench.news();
    assert!(matches!(news[..], [News::Called(AttemptId(0), _)]), "the later attempt is in flight: {}", news.len());
    bench.give_up(0, Stop::Limit);
    assert_eq!(bench.ended(0).outcome, Outcome::TimedOut, "and can be given up");
}

/// After a signal nothing is begun, although the order came before.
#[test]
fn an_interruption_is_ahead_of_the_orders_before_it() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.set_nonblocking(true).expect("a nonblocking socket");
    let address = listener.local_addr().expect("an address");
    let mut bench = Bench::new();
    (0..5).for_each(|key| bench.connect(key, address));
    (0..5).for_each(|key| bench.give_up(key, Stop::Interrupted));
    let mut begun = [true; 5];
    while begun.contains(&true) {
        for news in bench.news() {
            let News::NotBegun(id) = news else { panic!("an attempt was begun") };
            begun[id.0] = false;
        }
    }
    assert!(listener.accept().is_err(), "nothing was sent");
}

/// A limit is that of one attempt.
#[test]
fn a_limit_stops_nothing_else() {
    let mut bench = Bench::new();
    bench.connect(0, closed());
    bench.give_up(1, Stop::Limit);
    bench.connect(2, closed());
    assert_eq!(bench.ended(2).outcome, Outcome::Refused);
}
