//! Has the disk write while a copy goes on, instead of all at once at COMMIT.
//!
//! SQLite hands pages that do not fit its cache to the operating system, which keeps them until
//! COMMIT asks for them to be on the disk. A thread asks for it all along: for what SQLite has
//! written already, so what is safe stays safe, and a journal is flushed by SQLite before the
//! pages that it covers are written at all (<https://www.sqlite.org/atomiccommit.html>).

use std::fs::File;
use std::io;
use std::mem::ManuallyDrop;
use std::path::PathBuf;
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// How often. Work that is done sooner starts no thread's work at all.
const INTERVAL: Duration = Duration::from_millis(100);

/// Flushes a file until it is finished or dropped.
#[derive(Debug)]
pub struct Flush {
    stop: Sender<()>,
    thread: JoinHandle<io::Result<()>>,
}

impl Flush {
    /// Elsewhere it was not measured: macOS empties the disk's own cache each time, and Windows
    /// flushes no file that is open to read.
    pub const HELPS: bool = cfg!(target_os = "linux");

    /// Begins to flush the file at `path`.
    pub fn start(path: PathBuf) -> io::Result<Self> {
        let (stop, stopped) = mpsc::channel();
        let flush = move || {
            let mut file = None;
            while stopped.recv_timeout(INTERVAL) == Err(RecvTimeoutError::Timeout) {
                let file = match &file {
                    Some(file) => file,
                    // Never closed: that would take the locks off the file that SQLite holds in
                    // this process (<https://www.sqlite.org/howtocorrupt.html>, 2.2).
                    None => file.insert(ManuallyDrop::new(File::open(&path)?)),
                };
                file.sync_data()?;
            }
            Ok(())
        };
        Ok(Flush {
            stop,
            thread: thread::Builder::new().name("flush".into()).spawn(flush)?,
        })
    }

    /// Ends it.
    ///
    /// A failure must keep the caller from COMMIT: some systems report that pages could not be
    /// written once, and SQLite would not hear of it.
    pub fn finish(self) -> io::Result<()> {
        drop(self.stop);
        self.thread
            .join()
            .unwrap_or_else(|_| Err(io::Error::other("the thread that flushes failed")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Waits for the thread to end by itself, which it does where it fails.
    fn ends(flush: &Flush) {
        while !flush.thread.is_finished() {
            thread::yield_now();
        }
    }

    #[test]
    fn what_could_not_be_flushed_is_an_error_in_the_end() {
        let folder = tempfile::tempdir().unwrap();
        let flush = Flush::start(folder.path().join("missing")).unwrap();
        ends(&flush);
        assert_eq!(flush.finish().unwrap_err().kind(), io::ErrorKind::NotFound);
    }

    #[test]
    fn work_that_is_done_at_once_waits_for_nothing() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let flush = Flush::start(file.path().to_owned()).unwrap();
        flush.finish().unwrap();
    }
}
