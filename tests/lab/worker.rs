//! A thread that serves descriptors until it is dropped.

use std::io::{PipeReader, PipeWriter, pipe};
use std::os::fd::{AsFd, BorrowedFd};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, ppoll};
use nix::sys::time::TimeSpec;

/// A running thread; dropping it stops the thread and passes its panic on.
pub struct Worker {
    /// Closing this end is the signal to stop.
    stop: Option<PipeWriter>,
    thread: Option<JoinHandle<()>>,
}

/// The worker's side: tells when to stop.
pub struct Stop(PipeReader);

/// What ended a wait.
pub enum Wake {
    /// The descriptor is readable.
    Readable,
    /// The time is over.
    Timeout,
    /// The worker is dropped.
    Stop,
}

impl Worker {
    /// Starts `serve`, which returns when its [`Stop`] says so.
    pub fn start(serve: impl FnOnce(Stop) + Send + 'static) -> Worker {
        let (reader, writer) = pipe().expect("pipe");
        Worker { stop: Some(writer), thread: Some(thread::spawn(move || serve(Stop(reader)))) }
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        drop(self.stop.take());
        let ended = self.thread.take().map_or(Ok(()), JoinHandle::join);
        if let Err(panic) = ended
            && !thread::panicking()
        {
            std::panic::resume_unwind(panic);
        }
    }
}

impl Stop {
    /// Waits until `descriptor` is readable, at most `limit`.
    pub fn or_readable(&self, descriptor: BorrowedFd, limit: Option<Duration>) -> Wake {
        let mut fds = [PollFd::new(self.0.as_fd(), PollFlags::empty()), PollFd::new(descriptor, PollFlags::POLLIN)];
        match ppoll(&mut fds, limit.map(TimeSpec::from_duration), None) {
            Ok(0) | Err(Errno::EINTR) => Wake::Timeout,
            Ok(_) if fds[0].any() == Some(true) => Wake::Stop,
            Ok(_) => Wake::Readable,
            Err(error) => panic!("ppoll: {error}"),
        }
    }
}
