//! Local policies that a child can be put under.

use std::fs::{self, File};
use std::io::{self, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};

use libc::sock_filter;
use nix::errno::Errno;

use super::sys::{self, Instruction};

/// A policy; each forbids connections in its own way.
pub struct Sandbox(Policy);

enum Policy {
    Landlock(OwnedFd),
    Seccomp(Vec<sock_filter>),
    Cgroup(Cgroup),
}

impl Sandbox {
    /// Landlock without the right to connect by TCP: EACCES (landlock(7), kernel 6.7).
    pub fn landlock() -> Sandbox {
        let ruleset = sys::landlock_without_connect();
        Sandbox(Policy::Landlock(
            ruleset.expect("the lab needs Landlock with network rights (kernel 6.7, lsm=landlock)"),
        ))
    }

    /// seccomp answers connect() with this error.
    pub fn connect_fails(errno: Errno) -> Sandbox {
        Sandbox::call_fails(libc::SYS_connect, errno)
    }

    /// seccomp answers socket() with this error.
    pub fn socket_fails(errno: Errno) -> Sandbox {
        Sandbox::call_fails(libc::SYS_socket, errno)
    }

    /// seccomp answers this system call (`libc::SYS_clone3`, …) with this error.
    pub fn call_fails(call: libc::c_long, errno: Errno) -> Sandbox {
        Sandbox(Policy::Seccomp(on_call(call, fail(errno))))
    }

    /// Whoever makes this system call dies of SIGSYS.
    pub fn call_kills(call: libc::c_long) -> Sandbox {
        Sandbox(Policy::Seccomp(on_call(call, decide(libc::SECCOMP_RET_KILL_PROCESS))))
    }

    /// seccomp answers socket() with this error when this address family (`libc::AF_INET6`, …) is asked for.
    pub fn family_fails(family: i32, errno: Errno) -> Sandbox {
        Sandbox(Policy::Seccomp(fail_family(family, errno)))
    }

    /// The connect hook of a cgroup answers with this error; plain refusal is EPERM. Needs root and a mounted cgroup v2.
    pub fn cgroup_connect_fails(errno: Errno) -> Sandbox {
        Sandbox(Policy::Cgroup(Cgroup::with(BPF_PROG_TYPE_CGROUP_SOCK_ADDR, &CONNECT_HOOKS, &set_error(errno))))
    }

    /// The egress hook of a cgroup drops every packet. Needs root and a mounted cgroup v2.
    pub fn cgroup_drops() -> Sandbox {
        Sandbox(Policy::Cgroup(Cgroup::with(BPF_PROG_TYPE_CGROUP_SKB, &[BPF_CGROUP_INET_EGRESS], &REFUSE)))
    }

    /// Puts the calling process into it; after fork.
    pub(super) fn enter(&self) -> io::Result<()> {
        match &self.0 {
            Policy::Landlock(ruleset) => sys::landlock_restrict(ruleset.as_fd()),
            Policy::Seccomp(filter) => sys::seccomp_restrict(filter),
            Policy::Cgroup(cgroup) => cgroup.enter(),
        }
    }

    pub(super) fn is_cgroup(&self) -> bool {
        matches!(self.0, Policy::Cgroup(_))
    }
}

/// Where struct seccomp_data (seccomp(2)) has the call's number.
const CALL: u32 = 0;
/// Where it has the low half of the first argument.
const FIRST_ARGUMENT: u32 = if cfg!(target_endian = "little") { 16 } else { 20 };

fn load(offset: u32) -> sock_filter {
    sock_filter { code: (libc::BPF_LD | libc::BPF_W | libc::BPF_ABS) as u16, jt: 0, jf: 0, k: offset }
}

/// Goes on where the loaded word is equal, and skips so many instructions otherwise.
fn unless_equal_skip(word: u32, skip: u8) -> sock_filter {
    sock_filter { code: (libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K) as u16, jt: 0, jf: skip, k: word }
}

fn decide(action: u32) -> sock_filter {
    sock_filter { code: (libc::BPF_RET | libc::BPF_K) as u16, jt: 0, jf: 0, k: action }
}

fn fail(errno: Errno) -> sock_filter {
    decide(libc::SECCOMP_RET_ERRNO | errno as u32)
}

fn on_call(call: libc::c_long, action: sock_filter) -> Vec<sock_filter> {
    vec![load(CALL), unless_equal_skip(call as u32, 1), action, decide(libc::SECCOMP_RET_ALLOW)]
}

fn fail_family(family: i32, errno: Errno) -> Vec<sock_filter> {
    vec![
        load(CALL),
        unless_equal_skip(libc::SYS_socket as u32, 3),
        load(FIRST_ARGUMENT),
        unless_equal_skip(family as u32, 1),
        fail(errno),
        decide(libc::SECCOMP_RET_ALLOW),
    ]
}

/// A cgroup with a program at hooks; removed, and the hooks with it, when dropped.
struct Cgroup {
    path: PathBuf,
    processes: File,
}

/// Types of programs and hooks, of linux/bpf.h.
const BPF_PROG_TYPE_CGROUP_SKB: u32 = 8;
const BPF_PROG_TYPE_CGROUP_SOCK_ADDR: u32 = 18;
const BPF_CGROUP_INET_EGRESS: u32 = 1;
/// BPF_CGROUP_INET4_CONNECT and BPF_CGROUP_INET6_CONNECT.
const CONNECT_HOOKS: [u32; 2] = [10, 11];

impl Cgroup {
    fn with(kind: u32, hooks: &[u32], program: &[Instruction]) -> Cgroup {
        static NUMBER: AtomicUsize = AtomicUsize::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let path = cgroup2_root().join(format!("lab-{}-{number}", std::process::id()));
        fs::create_dir(&path).expect("the lab needs root to make a cgroup");
        let processes = File::options().write(true).open(path.join("cgroup.procs")).expect("cgroup.procs");
        let cgroup = Cgroup { path, processes };
        cgroup.attach(kind, hooks, program).expect("the lab needs root to attach a program to a cgroup (bpf(2))");
        cgroup
    }

    fn attach(&self, kind: u32, hooks: &[u32], program: &[Instruction]) -> io::Result<()> {
        let directory = File::open(&self.path)?;
        for &hook in hooks {
            let loaded = sys::bpf_load(kind, program, hook)?;
            sys::bpf_attach(directory.as_fd(), loaded.as_fd(), hook)?;
        }
        Ok(())
    }

    /// "0" is the writing process itself (cgroups(7)).
    fn enter(&self) -> io::Result<()> {
        (&self.processes).write_all(b"0")
    }
}

impl Drop for Cgroup {
    fn drop(&mut self) {
        let _ = fs::remove_dir(&self.path);
    }
}

fn cgroup2_root() -> PathBuf {
    let mounts = fs::read_to_string("/proc/self/mounts").expect("/proc/self/mounts");
    let mut fields = mounts.lines().map(|line| line.split(' ').collect::<Vec<_>>());
    let mount = fields.find(|fields| fields.get(2) == Some(&"cgroup2"));
    PathBuf::from(mount.expect("the lab needs a mounted cgroup v2")[1])
}

/// `return 0;`: refuses.
const REFUSE: [Instruction; 2] = [instruction(MOVE, 0, 0), instruction(EXIT, 0, 0)];

/// `bpf_set_retval(-errno); return 0;` (bpf-helpers(7)): 0 refuses, and the value replaces EPERM.
fn set_error(errno: Errno) -> [Instruction; 4] {
    const CALL: u8 = 0x85;
    const SET_RETVAL: i32 = 187;
    let [refuse, exit] = REFUSE;
    [instruction(MOVE, 1, -(errno as i32)), instruction(CALL, 0, SET_RETVAL), refuse, exit]
}

const MOVE: u8 = 0xb7;
const EXIT: u8 = 0x95;

const fn instruction(code: u8, registers: u8, immediate: i32) -> Instruction {
    Instruction { code, registers, offset: 0, immediate }
}
