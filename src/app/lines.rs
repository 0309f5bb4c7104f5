//! Files and streams of targets, line by line.

use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom, Take};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, TryRecvError, sync_channel};

use anyhow::{Context, Result, bail, ensure};

use crate::app::rules::Rules;
use crate::grammar::Spec;
use crate::net::sys::{self, Waiter};
use crate::schedule::Next;

/// Batches of lines that a stream may be ahead of the probe.
const BATCHES_AHEAD: usize = 4;

/// Bytes of a line at most, so that what has no lines is not read into memory.
const LONGEST_LINE: usize = 1 << 16;

/// What is said where a file or stream has no target.
pub const NO_TARGET: &str = "--from: no target in it: write one a line, as in db.example:5432";

/// Targets of a file or a stream.
pub struct Lines {
    place: Place,
    source: Source,
}

enum Source {
    /// The part of a regular file that was checked before anything was sent, and how many targets it has.
    File(BufReader<Take<File>>, u128),
    /// A stream, read by a thread so that a slow writer does not hold up what is in flight.
    Stream(Stream),
}

/// A line with its end; the last one may have none.
type Line = io::Result<Vec<u8>>;

/// Opens a stream, in the thread that reads it: a FIFO waits for its writer.
type Opener = Box<dyn FnOnce() -> io::Result<Box<dyn Read>> + Send>;

struct Stream {
    /// Until the first line is asked for.
    opener: Option<Opener>,
    /// The rest of the last batch.
    lines: std::vec::IntoIter<Line>,
    batches: Option<Receiver<Vec<Line>>>,
    /// The next line has somebody to wake.
    awaited: Arc<AtomicBool>,
}

impl Lines {
    /// The targets of a file, all of which are checked, or of a stream; `-` is standard input.
    ///
    /// # Errors
    /// The file cannot be read, or a line of it is refused.
    pub fn open(rules: &Rules, path: &Path) -> Result<Lines> {
        if path == Path::new("-") {
            return of_standard_input(rules);
        }
        let cannot = || format!("--from: cannot read '{}'", path.display());
        let kind = fs::metadata(path).with_context(cannot)?;
        let place = Place::new(path.display().to_string());
        check_kind(&kind, &place)?;
        if kind.is_file() {
            return checked(rules, File::open(path).with_context(cannot)?, place);
        }
        let path = path.to_owned();
        Ok(stream(place, Box::new(move || Ok(Box::new(File::open(path)?) as _))))
    }

    /// How many targets the lines have; unknown for a stream.
    pub fn targets(&self) -> Option<u128> {
        match self.source {
            Source::File(_, targets) => Some(targets),
            Source::Stream(_) => None,
        }
    }

    /// The next target, or why its line is refused; `None` at the end.
    ///
    /// # Errors
    /// Why there is none yet.
    pub fn next(&mut self, rules: &Rules, waiter: &mut Waiter, over: bool) -> Result<Option<Result<Spec>>, Next> {
        loop {
            let line = match &mut self.source {
                Source::File(reader, _) => next_checked(reader),
                Source::Stream(stream) => stream.next(waiter, over)?,
            };
            let Some(line) = line else { return Ok(None) };
            if let Some(spec) = self.place.read(rules, line).transpose() {
                return Ok(Some(spec));
            }
        }
    }
}

fn of_standard_input(rules: &Rules) -> Result<Lines> {
    let place = Place::new("standard input".into());
    if let Ok(file) = sys::standard_input()
        && let Ok(kind) = file.metadata()
    {
        check_kind(&kind, &place)?;
        if kind.is_file() {
            return checked(rules, file, place);
        }
    }
    Ok(stream(place, Box::new(|| Ok(Box::new(sys::standard_input_stream()) as _))))
}

fn check_kind(kind: &fs::Metadata, place: &Place) -> Result<()> {
    ensure!(!kind.is_dir(), "--from: {} is a directory: give a file, or - for standard input", place.name);
    Ok(())
}

fn stream(place: Place, opener: Opener) -> Lines {
    let awaited = Arc::new(AtomicBool::new(false));
    let (opener, lines) = (Some(opener), Vec::new().into_iter());
    Lines { place, source: Source::Stream(Stream { opener, lines, batches: None, awaited }) }
}

/// Reads the file to its end and goes back to where it was.
fn checked(rules: &Rules, mut file: File, mut place: Place) -> Result<Lines> {
    let begin = file.stream_position()?;
    let mut reader = BufReader::new(file);
    let (mut any, mut targets, mut length) = (false, 0_u128, 0);
    while let Some(line) = read_line(&mut reader) {
        length += line.as_ref().map_or(0, Vec::len) as u64;
        let spec = place.read(rules, line)?;
        any |= spec.is_some();
        targets = targets.saturating_add(spec.map_or(0, |spec| rules.count(&spec)));
    }
    ensure!(any, NO_TARGET);
    let mut file = reader.into_inner();
    file.seek(SeekFrom::Start(begin))?;
    Ok(Lines { place: Place::new(place.name), source: Source::File(BufReader::new(file.take(length)), targets) })
}

/// The next line of a file that was checked. One that has become shorter since may end within an address.
fn next_checked(reader: &mut BufReader<Take<File>>) -> Option<Line> {
    let line = read_line(reader);
    let whole = line.as_ref().is_some_and(|line| line.as_ref().is_ok_and(|line| line.ends_with(b"\n")));
    let missing = reader.get_ref().limit() > 0;
    match line {
        Some(Err(error)) => Some(Err(error)),
        _ if !whole && missing => Some(Err(io::Error::other("the file has become shorter since it was checked"))),
        line => line,
    }
}

impl Stream {
    fn next(&mut self, waiter: &mut Waiter, over: bool) -> Result<Option<Line>, Next> {
        if let Some(opener) = self.opener.take() {
            match spawn_reader(opener, waiter, Arc::clone(&self.awaited)) {
                Ok(batches) => self.batches = Some(batches),
                Err(error) => return Ok(Some(Err(error))),
            }
        }
        if self.lines.as_slice().is_empty() {
            match self.next_batch() {
                Err(TryRecvError::Disconnected) => return Ok(None),
                _ if over => return Err(Next::Unread),
                Err(TryRecvError::Empty) => return Err(Next::Later(None)),
                Ok(lines) => self.lines = lines.into_iter(),
            }
        }
        if over { Err(Next::Unread) } else { Ok(self.lines.next()) }
    }

    /// A batch that came before the request to be woken is seen by the second look.
    fn next_batch(&self) -> Result<Vec<Line>, TryRecvError> {
        let batches = self.batches.as_ref().ok_or(TryRecvError::Disconnected)?;
        batches.try_recv().or_else(|_| {
            self.awaited.store(true, Ordering::SeqCst);
            batches.try_recv()
        })
    }
}

fn spawn_reader(opener: Opener, waiter: &mut Waiter, awaited: Arc<AtomicBool>) -> io::Result<Receiver<Vec<Line>>> {
    let waker = waiter.waker()?;
    let (sender, receiver) = sync_channel(BATCHES_AHEAD);
    let run = move || {
        // Once for all that comes while the probe is busy.
        let wake = || awaited.swap(false, Ordering::SeqCst).then(|| waker.wake());
        let mut send = |lines| {
            let sent = sender.send(lines).is_ok();
            wake();
            sent
        };
        match opener().map(BufReader::new) {
            Ok(mut reader) => while ready_lines(&mut reader).is_some_and(&mut send) {},
            Err(error) => drop(send(vec![Err(error)])),
        }
        drop(sender);
        wake();
    };
    let started = sys::without_signals(|| std::thread::Builder::new().spawn(run));
    let limited =
        |error| io::Error::other(format!("no thread can be started ({error}); look at {}", sys::THREAD_LIMIT));
    started.map_err(limited)?;
    Ok(receiver)
}

/// The next line, and those that came with it; `None` at the end.
fn ready_lines(reader: &mut BufReader<Box<dyn Read>>) -> Option<Vec<Line>> {
    let mut lines = vec![read_line(reader)?];
    while reader.buffer().contains(&b'\n') {
        lines.extend(read_line(reader));
    }
    Some(lines)
}

/// The next line; `None` at the end of the file.
fn read_line(reader: &mut dyn BufRead) -> Option<Line> {
    let mut line = Vec::new();
    match reader.take(LONGEST_LINE as u64).read_until(b'\n', &mut line) {
        Ok(0) => None,
        Ok(LONGEST_LINE) if !line.ends_with(b"\n") => {
            Some(Err(io::Error::other(format!("the line is longer than {LONGEST_LINE} bytes"))))
        }
        Ok(_) => Some(Ok(line)),
        Err(error) => Some(Err(error)),
    }
}

/// Where lines come from and how many came, for messages.
struct Place {
    name: String,
    number: u64,
}

impl Place {
    fn new(name: String) -> Place {
        Place { name, number: 0 }
    }

    /// The target on the next line, if there is one; an error names file and line.
    fn read(&mut self, rules: &Rules, line: Line) -> Result<Option<Spec>> {
        self.number += 1;
        let spec = line.context("cannot read it").and_then(|line| rules.line(text(&line)?));
        spec.with_context(|| format!("{}:{}", self.name, self.number))
    }
}

/// A line without its end, as text.
fn text(line: &[u8]) -> Result<&str> {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    // The byte order mark of either order, or every second byte of ASCII.
    if line.starts_with(b"\xff\xfe") || line.starts_with(b"\xfe\xff") || line.contains(&0) {
        bail!("the text is UTF-16: save it as UTF-8, as iconv -f UTF-16 -t UTF-8 does");
    }
    std::str::from_utf8(line).map_err(|error| {
        let byte = line[error.valid_up_to()];
        anyhow::anyhow!("byte 0x{byte:02X} is not UTF-8: save the text as UTF-8, as iconv -f LATIN1 -t UTF-8 does")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_utf8_without_their_ends() {
        let read = |line: &[u8]| text(line).map(str::to_owned).map_err(|error| error.to_string());
        for (line, expected) in [
            (&b"a:80\n"[..], "a:80"),
            (b"a:80\r\n", "a:80"),
            (b"a:80", "a:80"),
            (b"\xef\xbb\xbfa:80\n", "\u{feff}a:80"),
            ("b\u{fc}cher:80\n".as_bytes(), "b\u{fc}cher:80"),
        ] {
            assert_eq!(read(line).as_deref(), Ok(expected));
        }
        for line in [&b"\xff\xfea\0:\0\n"[..], b"\xfe\xff\0a", b"\0a\0:", b"\0\n"] {
            assert!(read(line).unwrap_err().contains("UTF-16"), "{line:?}");
        }
        assert!(read(b"b\xfccher:80\n").unwrap_err().starts_with("byte 0xFC is not UTF-8"));
    }
}
