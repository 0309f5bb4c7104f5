//! What the benchmarks share: programs that are run in turn, and numbers of which quartiles are shown.

// Each benchmark compiles all of this and uses its part of it.
#![allow(dead_code)]
// The rule against reading the clock is for the program; its judges measure it.
#![allow(clippy::disallowed_methods)]

#[path = "../../tests/lab/mod.rs"]
pub mod lab;
pub mod limit;

use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use nix::sys::resource::{UsageWho, getrusage};

/// The program as users build it: `cargo bench` has the release profile. Where the benchmark itself is built with another
/// one, RCONNECT_PROGRAM names the program when it is compiled.
pub const RCONNECT: &str = match option_env!("RCONNECT_PROGRAM") {
    Some(program) => program,
    None => env!("CARGO_BIN_EXE_rconnect"),
};

/// What is measured beside others.
pub trait Contestant {
    /// In the first column.
    fn name(&self) -> String;
    /// Does the work once.
    fn run(&self) -> Run;
}

/// A program with its arguments, and the exit code that tells that it did what is measured.
#[derive(Clone, Debug)]
pub struct Program {
    path: String,
    args: Vec<String>,
    code: i32,
    label: Option<&'static str>,
    /// What `cat` writes to its standard input.
    piped: Option<PathBuf>,
}

/// One run of a program.
#[derive(Clone, Copy, Debug)]
pub struct Run {
    /// From just before the spawn to just after the wait.
    pub wall: Duration,
    /// Of the processor, by user and system.
    pub cpu: Duration,
    /// Peak resident set, in KiB. `None` for what runs in this process, and where this process has had more itself: the
    /// kernel counts what was there before exec().
    pub rss: Option<i64>,
}

impl Program {
    /// `program("nc", "-z 127.0.0.1 80", 0)`: the arguments are split at blanks.
    pub fn new(path: &str, args: &str, code: i32) -> Program {
        let args = args.split_whitespace().map(str::to_owned).collect();
        Program { path: path.into(), args, code, label: None, piped: None }
    }

    /// The same with a name of its own.
    pub fn called(self, label: &'static str) -> Program {
        Program { label: Some(label), ..self }
    }

    /// The same with a pipe as its standard input, into which `cat` writes the file.
    pub fn fed_by(self, file: &Path) -> Program {
        Program { piped: Some(file.into()), ..self }
    }

    /// The same, run by another program: `valgrind …`.
    pub fn under(&self, path: &str, args: &str) -> Program {
        let mut outer = Program::new(path, args, self.code);
        outer.args.push(self.path.clone());
        outer.args.extend(self.args.iter().cloned());
        outer
    }

    /// Runs it to its end and keeps what it says.
    pub fn output(&self) -> Output {
        let output = self.command().output().unwrap_or_else(|error| self.cannot(&error));
        assert_eq!(output.status.code(), Some(self.code), "exit code of {self}: {output:?}");
        output
    }

    /// The same clean surroundings for all: only PATH, no input.
    fn command(&self) -> Command {
        let mut command = Command::new(&self.path);
        command.args(&self.args).env_clear().env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin").stdin(Stdio::null());
        command
    }

    fn cannot(&self, error: &io::Error) -> ! {
        panic!("cannot run {self}: {error}")
    }
}

impl Contestant for Program {
    /// The last part of its path, unless it has a name.
    fn name(&self) -> String {
        self.label.unwrap_or_else(|| self.path.rsplit('/').next().unwrap_or_default()).to_owned()
    }

    /// Runs it to its end; nobody listens to it.
    fn run(&self) -> Run {
        let mut command = self.command();
        command.stdout(Stdio::null()).stderr(Stdio::null());
        let started = Instant::now();
        let mut feeder = self.piped.as_ref().map(|file| cat(file));
        if let Some(pipe) = feeder.as_mut().and_then(|feeder| feeder.stdout.take()) {
            command.stdin(pipe);
        }
        let child = command.spawn().unwrap_or_else(|error| self.cannot(&error));
        // The pipe belongs to the child alone.
        drop(command);
        let (code, cpu, rss) = wait(child).unwrap_or_else(|error| self.cannot(&error));
        let wall = started.elapsed();
        feeder.map(|mut feeder| feeder.wait().expect("cat"));
        assert_eq!(code, Some(self.code), "exit code of {self}");
        let own = getrusage(UsageWho::RUSAGE_SELF).expect("its own usage").max_rss();
        Run { wall, cpu, rss: (rss > own).then_some(rss) }
    }
}

fn cat(file: &Path) -> Child {
    Command::new("cat").arg(file).stdin(Stdio::null()).stdout(Stdio::piped()).spawn().expect("cat")
}

impl fmt::Display for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.path, self.args.join(" "))
    }
}

/// The exit code, the time of the processor, and the peak resident set in KiB.
#[allow(unsafe_code)]
fn wait(child: Child) -> io::Result<(Option<i32>, Duration, i64)> {
    let mut status = 0;
    // SAFETY: an all-zero rusage is valid; both pointers are to memory of ours.
    let (reaped, usage) = unsafe {
        let mut usage: libc::rusage = std::mem::zeroed();
        (libc::wait4(child.id() as i32, &mut status, 0, &mut usage), usage)
    };
    if reaped < 0 {
        return Err(io::Error::last_os_error());
    }
    let code = libc::WIFEXITED(status).then(|| libc::WEXITSTATUS(status));
    let spent = |time: libc::timeval| Duration::new(time.tv_sec as u64, time.tv_usec as u32 * 1000);
    Ok((code, spent(usage.ru_utime) + spent(usage.ru_stime), usage.ru_maxrss))
}

/// Runs contestants in turn, so that whatever else the machine does falls on all of them; who begins changes with every
/// round. Calls `between` after each run. Gives the runs of each program, round by round, without those to warm up.
pub fn in_turn(rounds: usize, warmup: usize, programs: &[&dyn Contestant], mut between: impl FnMut()) -> Vec<Vec<Run>> {
    let mut runs = vec![Vec::with_capacity(rounds); programs.len()];
    for round in 0..warmup + rounds {
        for place in 0..programs.len() {
            let at = (round + place) % programs.len();
            let run = programs[at].run();
            between();
            if round >= warmup {
                runs[at].push(run);
            }
        }
    }
    runs
}

/// Numbers in ascending order.
#[derive(Clone, Debug)]
pub struct Sample(Vec<f64>);

impl FromIterator<f64> for Sample {
    fn from_iter<I: IntoIterator<Item = f64>>(numbers: I) -> Sample {
        let mut numbers: Vec<f64> = numbers.into_iter().collect();
        assert!(!numbers.is_empty(), "nothing was measured");
        numbers.sort_by(f64::total_cmp);
        Sample(numbers)
    }
}

impl Sample {
    /// Wall times in milliseconds.
    pub fn wall(runs: &[Run]) -> Sample {
        runs.iter().map(milliseconds).collect()
    }

    /// Wall times of one program over those of another, round by round.
    pub fn ratio(runs: &[Run], reference: &[Run]) -> Sample {
        runs.iter().zip(reference).map(|(run, reference)| milliseconds(run) / milliseconds(reference)).collect()
    }

    /// Half of the numbers are not above it.
    pub fn median(&self) -> f64 {
        self.quantile(0.5)
    }

    /// Between the nearest two numbers.
    pub fn quantile(&self, part: f64) -> f64 {
        let place = part * (self.0.len() - 1) as f64;
        let (low, high) = (self.0[place.floor() as usize], self.0[place.ceil() as usize]);
        low + (high - low) * place.fract()
    }

    /// `0.76 (0.71–0.83)`: the median and the quartiles.
    pub fn quartiles(&self) -> String {
        format!("{:.2} ({:.2}–{:.2})", self.median(), self.quantile(0.25), self.quantile(0.75))
    }
}

fn milliseconds(run: &Run) -> f64 {
    run.wall.as_secs_f64() * 1e3
}

/// The largest resident set of these runs, in MB; a dash where it is not known.
pub fn peak_megabytes(runs: &[Run]) -> String {
    let peak = runs.iter().map(|run| run.rss).max().flatten();
    peak.map_or("–".into(), |peak| format!("{:.2}", peak as f64 * 1024.0 / 1e6))
}

/// What the numbers depend on besides the program.
pub fn machine() -> String {
    let read = |path: &str| fs::read_to_string(path).unwrap_or_default().trim().to_owned();
    let load = read("/proc/loadavg");
    let load = load.split(' ').next().unwrap_or_default();
    let cpus = std::thread::available_parallelism().map_or(0, usize::from);
    format!("Linux {}, {cpus} CPUs, load {load} before", read("/proc/sys/kernel/osrelease"))
}
