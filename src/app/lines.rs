//! Files and streams of targets, line by line.

use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom};
use std::path::Path;
use std::sync::mpsc::{Receiver, TryRecvError, sync_channel};

use anyhow::{Context, Result, anyhow, ensure};

use crate::app::rules::Rules;
use crate::net::driver::Drawn;
use crate::net::sys::{self, Waiter};

/// Lines that a stream may be ahead of the probe.
const LINES_AHEAD: usize = 1024;

/// Bytes of a line at most, so that what has no lines is not read into memory.
const LONGEST_LINE: usize = 1 << 16;

/// What is said where a file or stream has no target.
pub const NO_TARGET: &str = "--from: no target in it: write one a line, as in db.example:5432";

pub enum Lines {
    /// A regular file, whose every line has been checked before anything was sent.
    File(BufReader<File>),
    /// A stream, read by a thread so that a slow writer does not hold up what is in flight.
    Stream(Option<Opener>, Option<Receiver<io::Result<String>>>),
}

/// Opens a stream, in the thread that reads it: a FIFO waits for its writer.
type Opener = Box<dyn FnOnce() -> io::Result<Box<dyn BufRead>> + Send>;

impl Lines {
    /// The lines of a file, all of which are checked, or of a stream.
    ///
    /// # Errors
    /// The file cannot be read, or a line of it is refused.
    pub fn open(rules: &Rules, path: &Path) -> Result<Lines> {
        open(rules, path)
    }

    /// The next line; `None` at the end.
    ///
    /// # Errors
    /// Why there is none yet.
    pub fn next(&mut self, waiter: &mut Waiter, over: bool) -> Result<Option<io::Result<String>>, Drawn> {
        let (opener, receiver) = match self {
            Lines::File(reader) => return Ok(read_line(reader)),
            Lines::Stream(opener, receiver) => (opener, receiver),
        };
        if let Some(opener) = opener.take() {
            *receiver = match spawn_reader(opener, waiter) {
                Ok(receiver) => Some(receiver),
                Err(error) => return Ok(Some(Err(error))),
            };
        }
        match receiver.as_ref().map(Receiver::try_recv) {
            None | Some(Err(TryRecvError::Disconnected)) => Ok(None),
            Some(_) if over => Err(Drawn::Unread),
            Some(Err(TryRecvError::Empty)) => Err(Drawn::Later),
            Some(Ok(line)) => Ok(Some(line)),
        }
    }
}

fn open(rules: &Rules, path: &Path) -> Result<Lines> {
    if path == Path::new("-") {
        let regular = sys::standard_input().ok().filter(is_regular);
        let stream = || Lines::Stream(Some(Box::new(|| Ok(Box::new(BufReader::new(io::stdin())) as _))), None);
        return regular.map_or_else(|| Ok(stream()), |file| checked(rules, file, path));
    }
    let cannot = || format!("--from: cannot read '{}'", path.display());
    if fs::metadata(path).with_context(cannot)?.is_file() {
        return checked(rules, File::open(path).with_context(cannot)?, path);
    }
    let path = path.to_owned();
    let open = move || Ok(Box::new(BufReader::new(File::open(path)?)) as _);
    Ok(Lines::Stream(Some(Box::new(open)), None))
}

fn is_regular(file: &File) -> bool {
    file.metadata().is_ok_and(|metadata| metadata.is_file())
}

/// Reads the file to its end and goes back to where it was.
fn checked(rules: &Rules, mut file: File, path: &Path) -> Result<Lines> {
    let begin = file.stream_position()?;
    let mut reader = BufReader::new(file);
    let mut any = false;
    for number in 1.. {
        let Some(line) = read_line(&mut reader) else { break };
        let line = line.with_context(|| format!("--from {}: line {number}", path.display()))?;
        let spec = rules.line(&line).map_err(|error| anyhow!("{}:{number}: {error:#}", path.display()))?;
        any |= spec.is_some();
    }
    ensure!(any, NO_TARGET);
    reader.seek(SeekFrom::Start(begin))?;
    Ok(Lines::File(reader))
}

/// The next line without its end; `None` at the end of the file.
fn read_line(reader: &mut dyn BufRead) -> Option<io::Result<String>> {
    let mut line = String::new();
    match reader.take(LONGEST_LINE as u64).read_line(&mut line) {
        Ok(0) => None,
        Ok(LONGEST_LINE) if !line.ends_with('\n') => {
            Some(Err(io::Error::new(io::ErrorKind::InvalidData, format!("it is longer than {LONGEST_LINE} bytes"))))
        }
        Ok(_) => {
            let text = line.strip_suffix('\n').unwrap_or(&line);
            Some(Ok(text.strip_suffix('\r').unwrap_or(text).to_owned()))
        }
        Err(error) => Some(Err(error)),
    }
}

fn spawn_reader(opener: Opener, waiter: &mut Waiter) -> io::Result<Receiver<io::Result<String>>> {
    let waker = waiter.waker()?;
    let (sender, receiver) = sync_channel(LINES_AHEAD);
    let run = move || {
        let mut send = |line| {
            let sent = sender.send(line).is_ok();
            waker.wake();
            sent
        };
        match opener() {
            Ok(mut reader) => while read_line(&mut reader).is_some_and(&mut send) {},
            Err(error) => drop(send(Err(error))),
        }
        drop(sender);
        waker.wake();
    };
    sys::without_signals(|| std::thread::Builder::new().spawn(run))?;
    Ok(receiver)
}
