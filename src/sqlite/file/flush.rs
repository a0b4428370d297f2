//! Has the disk write while SQLite works, instead of when it waits for the disk.
//!
//! SQLite hands pages that do not fit its cache to the operating system, which keeps them until
//! COMMIT asks for them to be on the disk; what it writes to its journal is kept until a page that
//! the journal covers is to be written. A thread asks for it all along: for what SQLite has
//! written already, so what is safe stays safe, and a journal is flushed by SQLite before the
//! pages that it covers are written at all (<https://www.sqlite.org/atomiccommit.html>).

use std::fs::File;
use std::io;
use std::mem::ManuallyDrop;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crate::sqlite::file::paths::beside;

/// The pause between two flushes, measured: see `bench/README.md`. Work that is done sooner starts
/// no thread's work at all.
const PAUSE: Duration = Duration::from_millis(5);

/// Flushes a database with its journal until it is finished or dropped.
///
/// A write-ahead log is left alone: SQLite writes pages of it again that change again, and all of
/// them would go to the disk each time.
#[derive(Debug)]
pub struct Flush {
    stop: Sender<()>,
    thread: JoinHandle<io::Result<()>>,
}

impl Flush {
    /// Elsewhere it was not measured: macOS empties the disk's own cache each time, and Windows
    /// flushes no file that is open to read.
    pub const HELPS: bool = cfg!(target_os = "linux");

    /// Begins to flush the database at `path`.
    pub fn start(path: PathBuf) -> io::Result<Self> {
        let (stop, stopped) = mpsc::channel();
        let flush = move || {
            let (mut journal, mut database) = (None, None);
            while stopped.recv_timeout(PAUSE) == Err(RecvTimeoutError::Timeout) {
                flush_journal(&beside(&path, "-journal"), &mut journal)?;
                let database = match &database {
                    Some(file) => file,
                    // Never closed: that would take the locks off the file that SQLite holds in
                    // this process (<https://www.sqlite.org/howtocorrupt.html>, 2.2).
                    None => database.insert(ManuallyDrop::new(File::open(&path)?)),
                };
                database.sync_data()?;
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

/// Flushes the journal at `path`, if it is there by now.
fn flush_journal(path: &Path, file: &mut Option<File>) -> io::Result<()> {
    if file.is_none() {
        *file = match File::open(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            opened => Some(opened?),
        };
    }
    file.as_ref().map_or(Ok(()), File::sync_data)
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
