//! Runs a program in a namespace, under chosen restrictions, and looks at all that it says.

use std::any::Any;
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{self, PipeReader, Read, Write, pipe};
use std::net::SocketAddr;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{self, Child, ExitStatus, Stdio};
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, ppoll};
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use nix::sys::signal::{Signal, kill, killpg};
use nix::sys::time::TimeSpec;
use nix::unistd::Pid;
use socket2::{Domain, SockAddr};

use super::etc::Etc;
use super::namespace::PATH;
use super::watched::Watched;
use super::{PATIENCE, Sandbox, sys};

/// The order in which a child is prepared: each stage may need what a later one takes away.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Stage {
    Network,
    Cgroup,
    Etc,
    Cpu,
    Limits,
    User,
    Sandbox,
    Connect,
}

/// Something that the child does between fork() and exec().
type Step = Box<dyn FnMut() -> io::Result<()> + Send + Sync>;

/// Where the child's standard output goes.
enum Stdout {
    Pipe,
    PipeClosedAfter(usize),
    /// Open, and nobody reads.
    PipeUnread,
    DevFull,
}

/// A program to run: nothing in its environment, nothing on its standard input, at most 20 s.
#[must_use]
pub struct Command {
    program: OsString,
    args: Vec<OsString>,
    env: Vec<(String, String)>,
    stdin: String,
    stdout: Stdout,
    limit: Duration,
    etc: Option<Etc>,
    steps: Vec<(Stage, Step)>,
    /// What must outlive the child.
    kept: Vec<Box<dyn Any + Send>>,
}

impl Command {
    pub(super) fn new(program: &str) -> Command {
        Command {
            program: program.into(),
            args: Vec::new(),
            env: Vec::new(),
            stdin: String::new(),
            stdout: Stdout::Pipe,
            limit: PATIENCE,
            etc: None,
            steps: Vec::new(),
            kept: Vec::new(),
        }
    }

    pub(super) fn in_network(self, enter: impl FnMut() -> io::Result<()> + Send + Sync + 'static) -> Command {
        self.step(Stage::Network, enter)
    }

    /// Adds arguments.
    pub fn args<S: AsRef<OsStr>>(mut self, args: impl IntoIterator<Item = S>) -> Command {
        self.args.extend(args.into_iter().map(|arg| arg.as_ref().to_owned()));
        self
    }

    /// Sets an environment variable.
    pub fn env(mut self, name: &str, value: &str) -> Command {
        self.env.push((name.into(), value.into()));
        self
    }

    /// Gives the child a PATH with the system's directories.
    pub fn path(self) -> Command {
        self.env("PATH", PATH)
    }

    /// What the child reads from its standard input.
    pub fn stdin(mut self, text: &str) -> Command {
        self.stdin = text.into();
        self
    }

    /// Closes the reading end of standard output when so many bytes have come (0: before the child starts).
    pub fn close_stdout_after(mut self, bytes: usize) -> Command {
        self.stdout = Stdout::PipeClosedAfter(bytes);
        self
    }

    /// Standard output is a pipe that nobody reads; it is full after 64 KiB.
    pub fn unread_stdout(mut self) -> Command {
        self.stdout = Stdout::PipeUnread;
        self
    }

    /// Standard output is /dev/full: every write fails with ENOSPC.
    pub fn stdout_full(mut self) -> Command {
        self.stdout = Stdout::DevFull;
        self
    }

    /// Kills the child and fails the test when it still runs then.
    pub fn time_limit(mut self, limit: Duration) -> Command {
        self.limit = limit;
        self
    }

    /// Runs as uid and gid 65534, without any capability.
    pub fn nobody(self) -> Command {
        self.step(Stage::User, sys::become_nobody)
    }

    /// RLIMIT_NOFILE, soft and hard. 0, 1 and 2 are open, and no other, whatever the test was started with; the dynamic
    /// linker needs one more for a moment.
    pub fn descriptors(self, count: u64) -> Command {
        self.step(Stage::Limits, move || {
            sys::close_on_exec_from(3)?;
            Ok(setrlimit(Resource::RLIMIT_NOFILE, count, count)?)
        })
    }

    /// RLIMIT_NOFILE, the soft limit alone.
    pub fn descriptors_soft(self, count: u64) -> Command {
        let hard = move |(_, hard)| setrlimit(Resource::RLIMIT_NOFILE, count, hard);
        self.step(Stage::Limits, move || Ok(getrlimit(Resource::RLIMIT_NOFILE).and_then(hard)?))
    }

    /// RLIMIT_AS in bytes: what reads without end into memory does not get far.
    pub fn memory(self, bytes: u64) -> Command {
        self.step(Stage::Limits, move || Ok(setrlimit(Resource::RLIMIT_AS, bytes, bytes)?))
    }

    /// Runs on the first CPU only; see [`super::Netns::defer_delivery`].
    pub fn on_first_cpu(self) -> Command {
        self.step(Stage::Cpu, sys::pin_to_first_cpu)
    }

    /// Puts this text into /etc/`name`. The child then has an /etc of its own, in which everything that name
    /// resolution reads has a plain default: `localhost`, a few services, and the lab's nameserver.
    pub fn etc(mut self, name: &str, text: &str) -> Command {
        self.etc.get_or_insert_with(Etc::new).set(name, text);
        self
    }

    /// Resolves names with the lab's nameserver (see [`super::Netns::dns`]) and the defaults of [`Command::etc`].
    /// Options of resolv.conf may be added: `timeout:1 attempts:1`.
    pub fn resolver(self, options: &str) -> Command {
        self.etc("resolv.conf", &format!("nameserver 127.0.0.1\noptions {options}\n"))
    }

    /// Puts the child into a sandbox.
    pub fn sandbox(mut self, sandbox: Sandbox) -> Command {
        let stage = if sandbox.is_cgroup() { Stage::Cgroup } else { Stage::Sandbox };
        let sandbox = Arc::new(sandbox);
        self.kept.push(Box::new(Arc::clone(&sandbox)));
        self.step(stage, move || sandbox.enter())
    }

    /// Runs it to its end.
    pub fn run(self) -> Output {
        self.start().wait()
    }

    /// Starts it. Dropping what this returns kills it.
    pub fn start(mut self) -> Running {
        self.mount_etc();
        self.steps.sort_by_key(|(stage, _)| *stage);
        let name = format!("{:?} {:?}", self.program, self.args);
        let mut unread = None;
        let (stdout, reader) = self.stdout.open(&mut unread);
        let mut command = process::Command::new(&self.program);
        command.args(&self.args).env_clear().envs(self.env.drain(..)).process_group(0);
        command.stdin(Stdio::piped()).stdout(stdout).stderr(Stdio::piped());
        let mut child = spawn(command, self.steps, &name);
        let started = child.started;
        feed(child.process.stdin.take(), self.stdin);
        Running {
            name,
            started,
            deadline: started + self.limit,
            ended: sys::pidfd(child.process.id()).expect("pidfd_open"),
            stdout: Capture::start(reader),
            stderr: Capture::start(child.process.stderr.take().map(|pipe| (OwnedFd::from(pipe), usize::MAX))),
            child: child.process,
            unread,
            kept: self.kept,
        }
    }

    /// In place of the program: a plain blocking connect() under the same conditions, which itself ends at the time
    /// limit.
    pub fn plain_connect(mut self, to: &str) -> PlainConnect {
        let to: SocketAddr = to.parse().unwrap_or_else(|_| panic!("not an address and port: {to}"));
        let (address, domain, limit) = (SockAddr::from(to), Domain::for_address(to), self.limit);
        let step = move || sys::plain_connect_and_exit(&address, domain, limit);
        self.limit += PATIENCE;
        let (report, _) = self.step(Stage::Connect, step).start().finish();
        let (errno, elapsed) = sys::plain_connect_report(&report).expect("a report of the plain connect()");
        let result = if errno == 0 { Ok(()) } else { Err(Errno::from_raw(errno)) };
        PlainConnect { result, elapsed }
    }

    fn step(mut self, stage: Stage, step: impl FnMut() -> io::Result<()> + Send + Sync + 'static) -> Command {
        self.steps.push((stage, Box::new(step)));
        self
    }

    fn mount_etc(&mut self) {
        let Some(etc) = self.etc.take() else { return };
        let directory = etc.write();
        let source = directory.c_path();
        self.kept.push(Box::new(directory));
        self.steps.push((Stage::Etc, Box::new(move || sys::bind_privately(&source, c"/etc"))));
    }
}

impl Stdout {
    /// The child's end, and ours with the number of bytes to read from it.
    fn open(&self, unread: &mut Option<PipeReader>) -> (Stdio, Option<(OwnedFd, usize)>) {
        let bytes = match *self {
            Stdout::PipeUnread => {
                let (reader, writer) = pipe().expect("pipe");
                *unread = Some(reader);
                return (writer.into(), None);
            }
            Stdout::DevFull => {
                return (File::options().write(true).open("/dev/full").expect("/dev/full").into(), None);
            }
            Stdout::PipeClosedAfter(bytes) => bytes,
            Stdout::Pipe => usize::MAX,
        };
        let (reader, writer) = pipe().expect("pipe");
        (writer.into(), (bytes > 0).then(|| (reader.into(), bytes)))
    }
}

struct Started {
    process: Child,
    started: Instant,
}

/// Spawns, and says which step of the preparation failed if one did.
fn spawn(mut command: process::Command, mut steps: Vec<(Stage, Step)>, name: &str) -> Started {
    let (mut told, mut tell) = pipe().expect("pipe");
    let stages: Vec<Stage> = steps.iter().map(|(stage, _)| *stage).collect();
    sys::before_exec(&mut command, move || {
        sys::heed_signals();
        for (number, (_, step)) in (0u8..).zip(&mut steps) {
            step().inspect_err(|_| drop(tell.write(&[number])))?;
        }
        Ok(())
    });
    let started = Instant::now();
    let spawned = command.spawn();
    drop(command);
    let process = spawned.unwrap_or_else(|error| {
        let mut failed = Vec::new();
        let _ = told.read_to_end(&mut failed);
        let stage = failed.first().map_or("exec".into(), |&number| format!("{:?}", stages[usize::from(number)]));
        panic!("{name}: {stage}: {error}")
    });
    Started { process, started }
}

/// Writes the child's input from a thread: the pipe may be smaller than the text, and the child need not read it.
fn feed(stdin: Option<process::ChildStdin>, text: String) {
    let Some(mut stdin) = stdin.filter(|_| !text.is_empty()) else { return };
    thread::spawn(move || stdin.write_all(text.as_bytes()));
}

/// What a program said, and how it ended.
#[must_use = "a run that nobody looks at tests nothing"]
#[derive(Debug)]
pub struct Output {
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
    /// Exit code or signal.
    pub status: ExitStatus,
    /// From just before fork() to the end of the process.
    pub elapsed: Duration,
}

impl Output {
    /// The exit code; a death by signal fails the test.
    pub fn code(&self) -> i32 {
        self.status.code().unwrap_or_else(|| panic!("ended by a signal: {self:?}"))
    }

    /// The signal that it died of; an exit fails the test.
    pub fn signal(&self) -> Signal {
        let number = self.status.signal().unwrap_or_else(|| panic!("not ended by a signal: {self:?}"));
        Signal::try_from(number).expect("a signal")
    }
}

/// What a plain connect() came to.
#[derive(Debug, Clone, Copy)]
pub struct PlainConnect {
    /// What connect() (or socket()) said; EINPROGRESS means that the time limit ran out.
    pub result: Result<(), Errno>,
    /// Of socket() and connect() together.
    pub elapsed: Duration,
}

/// A program that runs in the background.
pub struct Running {
    name: String,
    child: Child,
    started: Instant,
    deadline: Instant,
    /// Readable when the child has ended (pidfd).
    ended: OwnedFd,
    stdout: Capture,
    stderr: Capture,
    unread: Option<PipeReader>,
    kept: Vec<Box<dyn Any + Send>>,
}

impl Running {
    /// Sends a signal to the child alone.
    pub fn signal(&self, signal: Signal) {
        kill(self.pid(), signal).expect("kill");
    }

    /// Sends a signal to the child and all that it started, as a terminal does.
    pub fn signal_group(&self, signal: Signal) {
        killpg(self.pid(), signal).expect("killpg");
    }

    /// Closes the pipe that nobody reads.
    pub fn close_stdout(&mut self) {
        self.unread = None;
    }

    /// Waits until a pipe that nobody reads takes nothing more.
    pub fn await_full_stdout(&self) {
        while !self.blocks_in(libc::SYS_write) {
            assert!(Instant::now() < self.deadline, "the pipe is not full");
            thread::sleep(Duration::from_millis(10));
        }
    }

    /// Whether its first thread waits in a system call (proc_pid_syscall(5)).
    fn blocks_in(&self, call: libc::c_long) -> bool {
        let text = std::fs::read_to_string(format!("/proc/{}/syscall", self.child.id())).expect("a process");
        text.split(' ').next() == Some(&call.to_string())
    }

    /// The next line of standard output, without its end; `None` when there is no more.
    pub fn line(&mut self) -> Option<String> {
        self.stdout.line(self.deadline).unwrap_or_else(|| self.overdue())
    }

    /// Waits for its end; standard output includes the lines already read.
    pub fn wait(self) -> Output {
        let (stdout, output) = self.finish();
        Output { stdout: String::from_utf8_lossy(&stdout).into_owned(), ..output }
    }

    /// Like `wait`, with standard output as bytes.
    fn finish(mut self) -> (Vec<u8>, Output) {
        if !self.ends_in_time() {
            self.overdue()
        }
        let elapsed = self.started.elapsed();
        self.kill_group();
        let status = self.child.wait().expect("wait");
        let stderr = String::from_utf8_lossy(&self.stderr.finish()).into_owned();
        (self.stdout.finish(), Output { stdout: String::new(), stderr, status, elapsed })
    }

    fn ends_in_time(&self) -> bool {
        loop {
            let left = self.deadline.saturating_duration_since(Instant::now());
            let mut fds = [PollFd::new(self.ended.as_fd(), PollFlags::POLLIN)];
            match ppoll(&mut fds, Some(TimeSpec::from_duration(left)), None) {
                Err(Errno::EINTR) => {}
                ready => return ready.expect("ppoll") > 0,
            }
        }
    }

    fn overdue(&mut self) -> ! {
        self.kill_group();
        let _ = self.child.wait();
        let (stdout, stderr) = (self.stdout.finish(), self.stderr.finish());
        panic!(
            "{} did not end within {:?}\n--- stdout\n{}\n--- stderr\n{}",
            self.name,
            self.deadline - self.started,
            String::from_utf8_lossy(&stdout),
            String::from_utf8_lossy(&stderr)
        )
    }

    fn pid(&self) -> Pid {
        Pid::from_raw(self.child.id() as i32)
    }

    /// The child leads a group: whatever it started goes with it, and no pipe stays open.
    fn kill_group(&self) {
        let _ = killpg(self.pid(), Signal::SIGKILL);
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Once waited for, its id may be another's.
        if matches!(self.child.try_wait(), Ok(None)) {
            self.kill_group();
            let _ = self.child.wait();
        }
    }
}

/// Reads a pipe to its end in a thread, and lets others look meanwhile.
struct Capture {
    text: Arc<Watched<Text>>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Text {
    bytes: Vec<u8>,
    /// How much of it was taken as lines.
    taken: usize,
    ended: bool,
}

impl Text {
    /// `Some(None)` when no more will come.
    fn line(&mut self) -> Option<Option<String>> {
        let rest = &self.bytes[self.taken..];
        let Some(end) = rest.iter().position(|&byte| byte == b'\n') else { return self.ended.then_some(None) };
        let line = String::from_utf8_lossy(&rest[..end]).into_owned();
        self.taken += end + 1;
        Some(Some(line))
    }
}

impl Capture {
    /// Reads so many bytes, then closes.
    fn start(pipe: Option<(OwnedFd, usize)>) -> Capture {
        let text = Arc::new(Watched::new(Text { ended: pipe.is_none(), ..Text::default() }));
        let shared = Arc::clone(&text);
        let thread = pipe.map(|(pipe, limit)| thread::spawn(move || Self::read(File::from(pipe), limit, &shared)));
        Capture { text, thread }
    }

    fn read(mut pipe: File, mut limit: usize, text: &Watched<Text>) {
        let mut buffer = [0; 4096];
        while limit > 0 {
            let size = buffer.len().min(limit);
            let Ok(count @ 1..) = pipe.read(&mut buffer[..size]) else { break };
            limit -= count;
            text.update(|text| text.bytes.extend_from_slice(&buffer[..count]));
        }
        drop(pipe);
        text.update(|text| text.ended = true);
    }

    /// The next line; `Some(None)` at the end, `None` at the deadline.
    fn line(&self, deadline: Instant) -> Option<Option<String>> {
        self.text.wait(deadline, Text::line)
    }

    fn finish(&mut self) -> Vec<u8> {
        if let Some(thread) = self.thread.take() {
            thread.join().expect("capture");
        }
        std::mem::take(&mut self.text.lock().bytes)
    }
}
