//! A network namespace without a name.

use std::fs::{self, File};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::panic::resume_unwind;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use super::command::Command;
use super::{PlainConnect, patience_ends, sys};

/// Where `ip`, `nft` and the like are; the only PATH that children of the lab get, if any.
pub const PATH: &str = "/usr/sbin:/usr/bin:/sbin:/bin";

/// What a fresh namespace is told, so that tests do not wait and nothing depends on the machine's settings.
const SETTINGS: &[(&str, &str)] = &[
    // Neither duplicate address detection nor rate limits: an address and an error are there at once.
    ("net/ipv6/conf/all/accept_dad", "0"),
    ("net/ipv6/conf/default/accept_dad", "0"),
    ("net/ipv4/icmp_ratelimit", "0"),
    ("net/ipv6/icmp/ratelimit", "0"),
    // Inherited from the machine otherwise; strict filtering would hide errors that come from foreign addresses.
    ("net/ipv4/conf/all/rp_filter", "0"),
    ("net/ipv4/conf/default/rp_filter", "0"),
    ("net/ipv4/ip_forward", "0"),
];

/// A network namespace; it dies with the last descriptor, socket or process in it. Clones are the same namespace.
#[derive(Clone, Debug)]
pub struct Netns(Arc<OwnedFd>);

impl Netns {
    /// A new namespace with loopback up, both families, and nothing else. Every port that a test did not open is closed.
    pub fn new() -> Netns {
        sys::require_isolation();
        let descriptor = thread::spawn(|| {
            sys::unshare(libc::CLONE_NEWNET).expect("unshare(CLONE_NEWNET)");
            OwnedFd::from(File::open("/proc/thread-self/ns/net").expect("/proc/thread-self/ns/net"))
        });
        let net = Netns(Arc::new(descriptor.join().expect("a new namespace")));
        net.enter(|| SETTINGS.iter().for_each(|(name, value)| write_sysctl(name, value)));
        net.ip("link set lo up");
        net
    }

    /// Runs `act` in a thread of its own in this namespace. Sockets that it returns stay in the namespace.
    pub fn enter<T: Send>(&self, act: impl FnOnce() -> T + Send) -> T {
        let inside = || {
            sys::enter_network(self.0.as_fd()).expect("setns");
            act()
        };
        thread::scope(|scope| scope.spawn(inside).join()).unwrap_or_else(|panic| resume_unwind(panic))
    }

    /// A program to run in this namespace.
    pub fn command(&self, program: &str) -> Command {
        let descriptor = Arc::clone(&self.0);
        Command::new(program).in_network(move || sys::enter_network(descriptor.as_fd()))
    }

    /// A plain blocking connect() from this namespace, to compare the program under test with.
    pub fn plain_connect(&self, to: &str) -> PlainConnect {
        self.command("plain connect").plain_connect(to)
    }

    /// `ip …`, one command a line.
    pub fn ip(&self, commands: &str) {
        self.tool("ip", &["-batch", "-"], commands);
    }

    /// Waits until packets to every IPv6 address of this namespace are taken in: the kernel adds the route of a new address
    /// in a worker of its own (addrconf_dad_completed), on a busy machine after the first SYN/ACK.
    pub fn await_addresses(&self) {
        let ends = patience_ends();
        let read = |name: &str| fs::read_to_string(format!("/proc/thread-self/net/{name}")).expect("procfs");
        while !self.enter(|| has_local_routes(&read("if_inet6"), &read("ipv6_route"))) {
            assert!(Instant::now() < ends, "an IPv6 address has no route");
            thread::sleep(Duration::from_millis(1));
        }
    }

    /// `nft …`, one command a line.
    pub fn nft(&self, commands: &str) {
        self.tool("nft", &["-f", "-"], commands);
    }

    /// Adds one nft rule, for both families, to a chain at `hook`: `net.filter("output", "tcp dport 81 drop")`.
    pub fn filter(&self, hook: &str, rule: &str) {
        self.nft(&format!(
            "add table inet lab\n\
             add chain inet lab {hook} {{ type filter hook {hook} priority 0; }}\n\
             add rule inet lab {hook} {rule}"
        ));
    }

    /// Takes every nft rule away.
    pub fn unfilter(&self) {
        self.nft("flush ruleset");
    }

    /// An IPsec policy that forbids sending to `destination` (a prefix of either family).
    pub fn forbid_by_ipsec(&self, destination: &str) {
        let any = if destination.contains(':') { "::/0" } else { "0.0.0.0/0" };
        self.ip(&format!("xfrm policy add src {any} dst {destination} dir out action block"));
    }

    /// Writes a setting below /proc/sys: `net.sysctl("net/ipv4/ip_local_port_range", "40000 40003")`.
    pub fn sysctl(&self, name: &str, value: &str) {
        self.enter(|| write_sysctl(name, value));
    }

    /// Makes address resolution on an interface give up after 0.15 s instead of 3 s.
    pub fn hurry_neighbours(&self, interface: &str) {
        for family in ["ipv4", "ipv6"] {
            self.sysctl(&format!("net/{family}/neigh/{interface}/retrans_time_ms"), "50");
        }
    }

    /// Lets packets that arrive on an interface be handled by the second CPU, not within the sender's system call: with
    /// [`Command::on_first_cpu`], ICMP errors from a router then reach the program as from a real network (without, they
    /// find the socket locked and count only at the next SYN, a second later). Needs root and two CPUs. On a busy machine one in
    /// some hundred errors still takes the other way: the outcome is the same, the time is not.
    pub fn defer_delivery(&self, interface: &str) {
        // Receive packet steering: a mask of CPUs.
        let steering = format!("/sys/class/net/{interface}/queues/rx-0/rps_cpus");
        self.enter(|| {
            sys::own_sysfs().expect("a /sys of the namespace's own");
            fs::write(&steering, "2")
                .unwrap_or_else(|error| panic!("{steering}: {error} (the lab needs root and two CPUs)"));
        });
    }

    /// A path that names this namespace to `ip link … netns PATH`, as long as this process lives.
    pub fn path(&self) -> String {
        format!("/proc/{}/fd/{}", std::process::id(), self.0.as_raw_fd())
    }

    fn tool(&self, program: &str, args: &[&str], input: &str) {
        let run = self.command(program).args(args).path().stdin(input).run();
        assert!(run.status.success(), "{program}: {input}\n{}", run.stderr);
    }
}

/// Whether each address of `/proc/net/if_inet6` has its own route in `/proc/net/ipv6_route`: a prefix of 128 bits (80) with
/// the flag RTF_LOCAL.
fn has_local_routes(addresses: &str, routes: &str) -> bool {
    const RTF_LOCAL: u32 = 0x8000_0000;
    let is_local = |flags: &str| u32::from_str_radix(flags, 16).is_ok_and(|flags| flags & RTF_LOCAL != 0);
    let routes = routes.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
    let local: Vec<_> = routes.filter(|route| route[1] == "80" && is_local(route[8])).map(|route| route[0]).collect();
    addresses.lines().filter_map(|line| line.split_whitespace().next()).all(|address| local.contains(&address))
}

fn write_sysctl(name: &str, value: &str) {
    fs::write(format!("/proc/sys/{name}"), value).unwrap_or_else(|error| panic!("sysctl {name}={value}: {error}"));
}
