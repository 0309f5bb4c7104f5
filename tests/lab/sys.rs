//! The system calls that std and nix (with the features this crate has) do not wrap; the only `unsafe` of the lab.
//!
//! What runs between fork() and exec() is marked "after fork": it must be async-signal-safe (signal-safety(7)) and
//! therefore allocates nothing.
#![allow(unsafe_code)]

use std::ffi::{CStr, c_int, c_long, c_void};
use std::fs::{File, OpenOptions};
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::fs::OpenOptionsExt;
use std::process;
use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};
use std::time::{Duration, Instant};

use socket2::{Domain, SockAddr, Socket, Type};

/// uid and gid of nobody, which is also what an unmapped user looks like (user_namespaces(7)).
const NOBODY: u32 = 65534;

/// The errno with which the test process could not be isolated; 0 when it is.
static REFUSED: AtomicI32 = AtomicI32::new(0);
/// The test process was not privileged and got its capabilities from a user namespace of its own.
static OWN_USER_NAMESPACE: AtomicBool = AtomicBool::new(false);

// unshare(CLONE_NEWUSER) is for single-threaded processes (unshare(2)), and the test harness starts threads: the only
// moment that is early enough without a second exec is before main().
#[used]
#[unsafe(link_section = ".init_array")]
static BEFORE_MAIN: extern "C" fn() = isolate;

/// Takes the whole test process off the machine's network, as root or with a user namespace.
extern "C" fn isolate() {
    let isolated = unshare(libc::CLONE_NEWNET).or_else(|_| become_root_of_own_namespace());
    if let Err(error) = isolated {
        REFUSED.store(error.raw_os_error().unwrap_or(libc::EPERM), Ordering::Relaxed);
    }
}

/// What `unshare -Urn` does.
fn become_root_of_own_namespace() -> io::Result<()> {
    // SAFETY: neither call can fail or touches memory.
    let (uid, gid) = unsafe { (libc::geteuid(), libc::getegid()) };
    unshare(libc::CLONE_NEWUSER | libc::CLONE_NEWNET)?;
    // user_namespaces(7): gid_map may be written only after setgroups was given up.
    std::fs::write("/proc/self/setgroups", "deny")?;
    std::fs::write("/proc/self/uid_map", format!("0 {uid} 1"))?;
    std::fs::write("/proc/self/gid_map", format!("0 {gid} 1"))?;
    OWN_USER_NAMESPACE.store(true, Ordering::Relaxed);
    Ok(())
}

/// Fails the test when this process may not make namespaces.
pub fn require_isolation() {
    let errno = REFUSED.load(Ordering::Relaxed);
    assert!(
        errno == 0,
        "the lab needs network namespaces: run as root, or allow unprivileged user namespaces \
         (sysctl user.max_user_namespaces, kernel.apparmor_restrict_unprivileged_userns): {}",
        io::Error::from_raw_os_error(errno)
    );
}

/// Whether the machine's real root runs the tests (as far as the lab can see).
pub fn is_real_root() -> bool {
    !OWN_USER_NAMESPACE.load(Ordering::Relaxed)
}

fn check(result: c_int) -> io::Result<()> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

fn check_fd(result: c_long) -> io::Result<OwnedFd> {
    if result < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the kernel has just made this descriptor for us.
    Ok(unsafe { OwnedFd::from_raw_fd(result as RawFd) })
}

/// unshare(2); after fork.
pub fn unshare(flags: c_int) -> io::Result<()> {
    // SAFETY: only flags.
    check(unsafe { libc::unshare(flags) })
}

/// setns(2) of the calling thread into a network namespace; after fork.
pub fn enter_network(namespace: BorrowedFd) -> io::Result<()> {
    // SAFETY: the descriptor is borrowed for the call.
    check(unsafe { libc::setns(namespace.as_raw_fd(), libc::CLONE_NEWNET) })
}

/// Gives the caller mounts of its own and puts `source` over `target`; after fork.
pub fn bind_privately(source: &CStr, target: &CStr) -> io::Result<()> {
    own_mounts()?;
    mount(source, target, c"", libc::MS_BIND)
}

/// Gives the calling thread a /sys that shows the interfaces of its own network namespace.
pub fn own_sysfs() -> io::Result<()> {
    own_mounts()?;
    mount(c"lab", c"/sys", c"sysfs", 0)
}

fn own_mounts() -> io::Result<()> {
    unshare(libc::CLONE_NEWNS)?;
    mount(c"", c"/", c"", libc::MS_REC | libc::MS_PRIVATE)
}

fn mount(source: &CStr, target: &CStr, kind: &CStr, flags: libc::c_ulong) -> io::Result<()> {
    // SAFETY: NUL-terminated strings that outlive the call; there is no data.
    check(unsafe { libc::mount(source.as_ptr(), target.as_ptr(), kind.as_ptr(), flags, std::ptr::null()) })
}

/// Gives up every privilege; after fork.
///
/// In a user namespace with one mapped user there is no nobody to become. A nested namespace that maps nobody at all
/// does the same: getuid() says 65534 and exec() drops the capabilities.
pub fn become_nobody() -> io::Result<()> {
    if !is_real_root() {
        return unshare(libc::CLONE_NEWUSER);
    }
    // SAFETY: an empty list of groups; then only numbers.
    unsafe {
        check(libc::setgroups(0, std::ptr::null()))?;
        check(libc::setgid(NOBODY))?;
        check(libc::setuid(NOBODY))
    }
}

/// Runs the calling process on the machine's first CPU; after fork.
pub fn pin_to_first_cpu() -> io::Result<()> {
    // SAFETY: an all-zero set is an empty set, and CPU 0 is within it.
    unsafe {
        let mut set: libc::cpu_set_t = std::mem::zeroed();
        libc::CPU_SET(0, &mut set);
        check(libc::sched_setaffinity(0, size_of_val(&set), &set))
    }
}

/// A descriptor that becomes readable when the process ends (pidfd_open(2)).
pub fn pidfd(pid: u32) -> io::Result<OwnedFd> {
    // SAFETY: only numbers.
    check_fd(unsafe { libc::syscall(libc::SYS_pidfd_open, pid, 0) })
}

/// Adds a step between fork() and exec(). `step` must obey signal-safety(7): everything in this file that says "after
/// fork" does.
pub fn before_exec(command: &mut process::Command, step: impl FnMut() -> io::Result<()> + Send + Sync + 'static) {
    use std::os::unix::process::CommandExt;
    // SAFETY: the promise above.
    unsafe { command.pre_exec(step) };
}

/// A shell that starts the tests in the background has them ignore SIGINT, which children inherit; after fork.
pub fn heed_signals() {
    for signal in [libc::SIGINT, libc::SIGTERM] {
        // SAFETY: the default disposition is valid, and signal() is safe after fork.
        unsafe { libc::signal(signal, libc::SIG_DFL) };
    }
}

/// The plain thing: socket(), blocking connect(), with the kernel's own limit on the call (SO_SNDTIMEO; it then says
/// EINPROGRESS). Writes errno and nanoseconds to standard output and never returns; after fork.
pub fn plain_connect_and_exit(to: &SockAddr, domain: Domain, limit: Duration) -> ! {
    // There is no exec() to close what other tests have open: their sockets would stay, and their ports with them.
    // SAFETY: nothing in this process uses a descriptor but the three standard ones any more.
    unsafe { libc::syscall(libc::SYS_close_range, libc::STDERR_FILENO + 1, u32::MAX, 0) };
    let started = Instant::now();
    let connected = Socket::new(domain, Type::STREAM, None).and_then(|socket| {
        socket.set_write_timeout(Some(limit))?;
        socket.connect(to)
    });
    let nanoseconds = started.elapsed().as_nanos() as u64;
    let errno = connected.err().and_then(|error| error.raw_os_error()).unwrap_or(0);
    let mut report = [0; 12];
    report[..4].copy_from_slice(&errno.to_ne_bytes());
    report[4..].copy_from_slice(&nanoseconds.to_ne_bytes());
    // SAFETY: twelve bytes of our own; _exit() because the atexit handlers belong to the parent.
    unsafe {
        libc::write(libc::STDOUT_FILENO, report.as_ptr().cast(), report.len());
        libc::_exit(0)
    }
}

/// Reads what [`plain_connect_and_exit`] wrote.
pub fn plain_connect_report(report: &[u8]) -> Option<(i32, Duration)> {
    let (errno, nanoseconds) = report.split_first_chunk::<4>()?;
    let nanoseconds = u64::from_ne_bytes(nanoseconds.try_into().ok()?);
    Some((i32::from_ne_bytes(*errno), Duration::from_nanos(nanoseconds)))
}

/// A TUN interface of the calling thread's network namespace; reads and writes are IP packets.
pub fn open_tun(name: &CStr) -> io::Result<File> {
    let tun = OpenOptions::new().read(true).write(true).custom_flags(libc::O_NONBLOCK).open("/dev/net/tun")?;
    // SAFETY: an all-zero ifreq is valid, the name fits, and the ioctl reads the name and the flags of it.
    unsafe {
        let mut request: libc::ifreq = std::mem::zeroed();
        for (to, from) in request.ifr_name.iter_mut().zip(name.to_bytes()) {
            *to = *from as libc::c_char;
        }
        request.ifr_ifru.ifru_flags = (libc::IFF_TUN | libc::IFF_NO_PI) as i16;
        check(libc::ioctl(tun.as_raw_fd(), libc::TUNSETIFF as _, &request))?;
    }
    Ok(tun)
}

/// No later exec() gains privileges: the condition for the two sandboxes below; after fork.
fn no_new_privileges() -> io::Result<()> {
    // SAFETY: only numbers; prctl(2) wants the unused ones zero.
    check(unsafe { libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) })
}

/// LANDLOCK_ACCESS_NET_CONNECT_TCP of linux/landlock.h.
const LANDLOCK_CONNECT_TCP: u64 = 1 << 1;

/// A Landlock ruleset that handles TCP connect and allows none (landlock(7), ABI 4).
pub fn landlock_without_connect() -> io::Result<OwnedFd> {
    let handled: [u64; 2] = [0, LANDLOCK_CONNECT_TCP];
    // SAFETY: struct landlock_ruleset_attr of ABI 4 is these two words: file system rights, network rights.
    check_fd(unsafe { libc::syscall(libc::SYS_landlock_create_ruleset, handled.as_ptr(), size_of_val(&handled), 0) })
}

/// Puts the calling process under a Landlock ruleset; after fork.
pub fn landlock_restrict(ruleset: BorrowedFd) -> io::Result<()> {
    no_new_privileges()?;
    // SAFETY: the descriptor is borrowed for the call.
    check(unsafe { libc::syscall(libc::SYS_landlock_restrict_self, ruleset.as_raw_fd(), 0) } as c_int)
}

/// Puts the calling process under a seccomp filter; after fork.
pub fn seccomp_restrict(filter: &[libc::sock_filter]) -> io::Result<()> {
    no_new_privileges()?;
    let program = libc::sock_fprog { len: filter.len() as u16, filter: filter.as_ptr().cast_mut() };
    // SAFETY: the kernel copies the program and writes nothing.
    check(unsafe { libc::prctl(libc::PR_SET_SECCOMP, libc::SECCOMP_MODE_FILTER, &program) })
}

/// One instruction of eBPF (struct bpf_insn).
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Instruction {
    /// Operation.
    pub code: u8,
    /// Destination register in the low, source register in the high four bits.
    pub registers: u8,
    /// Offset, for jumps and memory.
    pub offset: i16,
    /// Constant.
    pub immediate: i32,
}

const BPF_PROG_LOAD: c_int = 5;
const BPF_PROG_ATTACH: c_int = 8;

/// The head of union bpf_attr for BPF_PROG_LOAD, as far as the expected attach type.
#[repr(C)]
#[derive(Default)]
struct Load {
    kind: u32,
    instructions: u32,
    program: u64,
    license: u64,
    log: (u32, u32),
    log_buffer: u64,
    kernel_version: u32,
    flags: u32,
    name: [u8; 16],
    interface: u32,
    attach: u32,
}

/// Loads a program of this type for a hook of a cgroup (bpf(2)).
pub fn bpf_load(kind: u32, program: &[Instruction], attach: u32) -> io::Result<OwnedFd> {
    let load = Load {
        kind,
        instructions: program.len() as u32,
        program: program.as_ptr() as u64,
        license: c"GPL".as_ptr() as u64,
        attach,
        ..Load::default()
    };
    check_fd(bpf(BPF_PROG_LOAD, &load))
}

/// Attaches a loaded program to a cgroup; removing the cgroup detaches it.
pub fn bpf_attach(cgroup: BorrowedFd, program: BorrowedFd, attach: u32) -> io::Result<()> {
    let attr: [u32; 4] = [cgroup.as_raw_fd() as u32, program.as_raw_fd() as u32, attach, 0];
    check(bpf(BPF_PROG_ATTACH, &attr) as c_int)
}

fn bpf<T>(command: c_int, attr: &T) -> c_long {
    // SAFETY: the attribute and what it points to outlive the call; a short union bpf_attr reads as zero-filled.
    unsafe { libc::syscall(libc::SYS_bpf, command, std::ptr::from_ref(attr).cast::<c_void>(), size_of::<T>()) }
}

/// After fork: no descriptor from `first` on survives exec() (close_range(2), CLOSE_RANGE_CLOEXEC).
pub fn close_on_exec_from(first: u32) -> io::Result<()> {
    // SAFETY: sets a flag of descriptors; closes none that is in use before exec().
    let result = unsafe { libc::syscall(libc::SYS_close_range, first, u32::MAX, libc::CLOSE_RANGE_CLOEXEC) };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}
