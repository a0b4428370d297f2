//! What there is to see of a database before it is opened, and what that says of how to read it.

use std::fs::{File, Metadata};
use std::io::{self, ErrorKind, Read as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use anyhow::Result;

use super::super::locks;
use super::refusals;
use crate::location::Location;
use crate::sqlite::file::paths::beside;

/// How a database is kept from changing while it is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// By a shared lock on the file.
    Locked,
    /// By a lock on the index of its log.
    Log,
    /// By nothing.
    Unlocked,
}

/// What there was to see of a database before it was opened.
#[derive(Debug, PartialEq, Eq)]
pub struct Look {
    /// The file itself: which one it is, its size, when it was last changed.
    stamp: Stamp,
    /// Its header says WAL.
    pub wal: bool,
    /// What lies beside it as its log.
    pub log: Log,
    /// There is an index of a log.
    pub index: bool,
}

/// The log beside a database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Log {
    /// There is none.
    None,
    /// Nothing has been written to it; to SQLite, beside a database that is not in WAL mode,
    /// that is none.
    Empty,
    /// There are bytes in it and no changes.
    Noise,
    /// There are changes in it.
    Changes,
}

impl Look {
    /// Looks at `file` first and then beside it: a program that moves changes from the log into
    /// the file has begun to change the file before the log is empty.
    pub fn at(file: &Path) -> io::Result<Self> {
        let stamp = Stamp::of(file)?;
        Ok(Look {
            stamp,
            wal: is_wal(file)?,
            log: log_at(&beside(file, "-wal"))?,
            index: beside(file, "-shm").exists(),
        })
    }

    /// How to read it; fails where there is no way that tells the truth.
    pub fn way(&self, location: &Location, file: &Path) -> Result<Way> {
        match (self.wal, self.log, self.index) {
            (false, Log::None | Log::Empty, _) => Ok(Way::Locked),
            (false, Log::Changes, _) => Err(refusals::stray_log(location, file).into()),
            (true, Log::Empty | Log::Noise | Log::Changes, true) => Ok(Way::Log),
            (true, Log::Changes, false) => Err(match locks::users(file) {
                Some(users) => refusals::taken(location, &users),
                None => refusals::log_without_index(location, file),
            }
            .into()),
            (false, Log::Noise, _) | (true, Log::None | Log::Empty | Log::Noise, _) => {
                self.unlocked(location, file)
            }
        }
    }

    fn unlocked(&self, location: &Location, file: &Path) -> Result<Way> {
        if holds_a_journal(&beside(file, "-journal"))? {
            return Err(refusals::cut_off(location, file).into());
        }
        if self.wal
            && let Some(users) = locks::users(file)
        {
            return Err(match self.log {
                Log::None => refusals::log_elsewhere(location, &users),
                _ => refusals::taken(location, &users),
            }
            .into());
        }
        Ok(Way::Unlocked)
    }

    /// Whether the file was changed so lately that its time would not tell of another change:
    /// Linux counts in ticks of up to 10 ms, FAT in steps of 2 s.
    pub fn is_fresh(&self) -> bool {
        let Ok(since) = self.stamp.modified.duration_since(SystemTime::UNIX_EPOCH) else {
            return false;
        };
        let step = if since.subsec_nanos() == 0 {
            Duration::from_secs(2)
        } else {
            Duration::from_millis(20)
        };
        self.stamp.modified.elapsed().is_ok_and(|age| age < step)
    }

    /// Whether nothing has changed since. Opens neither the file nor the index of its log.
    pub fn is_still(&self, file: &Path) -> bool {
        self.stamp.is_still_of(file)
            && log_at(&beside(file, "-wal")).is_ok_and(|log| log == self.log)
    }
}

/// What tells whether a file has changed.
#[derive(Debug, PartialEq, Eq)]
pub struct Stamp {
    size: u64,
    modified: SystemTime,
    /// Device, inode, and the time of the last change of either, where there are such.
    inode: [i64; 4],
}

impl Stamp {
    /// That of `file`, which is not opened for it.
    pub fn of(file: &Path) -> io::Result<Self> {
        let metadata = file.metadata()?;
        Ok(Stamp {
            size: metadata.len(),
            modified: metadata.modified()?,
            inode: inode_of(&metadata),
        })
    }

    /// Whether `file` has it still.
    pub fn is_still_of(&self, file: &Path) -> bool {
        Stamp::of(file).is_ok_and(|stamp| stamp == *self)
    }
}

#[cfg(unix)]
fn inode_of(metadata: &Metadata) -> [i64; 4] {
    use std::os::unix::fs::MetadataExt as _;
    [
        metadata.dev().cast_signed(),
        metadata.ino().cast_signed(),
        metadata.ctime(),
        metadata.ctime_nsec(),
    ]
}

#[cfg(not(unix))]
fn inode_of(_: &Metadata) -> [i64; 4] {
    [0; 4]
}

/// Whether the header says WAL: "file format read version" 2
/// (<https://www.sqlite.org/fileformat.html#the_database_header>).
///
/// No connection of this process may have `file` open: closing it would take SQLite's locks off
/// (<https://www.sqlite.org/howtocorrupt.html>, 2.2).
fn is_wal(file: &Path) -> io::Result<bool> {
    Ok(first_bytes(file, 20)?.get(19) == Some(&2))
}

/// A log holds changes where its header is one, and the salts of its first frame are those of the
/// header (<https://www.sqlite.org/fileformat.html#the_write_ahead_log>).
fn log_at(log: &Path) -> io::Result<Log> {
    let bytes = match first_bytes(log, 32 + 24) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Log::None),
        bytes => bytes?,
    };
    let is_header = matches!(bytes.get(..4), Some([0x37, 0x7F, 0x06, 0x82 | 0x83]));
    let salts = bytes.get(16..24);
    Ok(match bytes.len() {
        0 => Log::Empty,
        56 if is_header && salts == bytes.get(40..48) => Log::Changes,
        _ => Log::Noise,
    })
}

/// Whether there is a journal that SQLite would roll back
/// (<https://www.sqlite.org/fileformat.html#the_rollback_journal>).
fn holds_a_journal(journal: &Path) -> io::Result<bool> {
    match first_bytes(journal, 8) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
        bytes => Ok(bytes? == [0xD9, 0xD5, 0x05, 0xF9, 0x20, 0xA1, 0x63, 0xD7]),
    }
}

/// The log or the journal beside the name `file` of a database that holds changes to it.
///
/// Neither is the file itself, so that it can be opened.
pub fn leaves_changes(file: &Path) -> Option<PathBuf> {
    let (log, journal) = (beside(file, "-wal"), beside(file, "-journal"));
    if log_at(&log).is_ok_and(|it| it == Log::Changes) {
        return Some(log);
    }
    holds_a_journal(&journal)
        .is_ok_and(|it| it)
        .then_some(journal)
}

fn first_bytes(file: &Path, number: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(file)?.take(number).read_to_end(&mut bytes)?;
    Ok(bytes)
}
