//! A consistent copy of a database, taken before anything is changed in it.

use std::fs::{File, OpenOptions};
use std::path::Path;

use anyhow::{Context as _, Result};
use rusqlite::backup::{Backup, StepResult};
use rusqlite::ffi::{Error, SQLITE_BUSY, SQLITE_INTERRUPT};
use rusqlite::{Connection, OpenFlags};

use crate::failure::Failure;
use crate::interrupt;
use crate::location::Location;
use crate::progress::{self, Work};
use crate::sqlite::file::guard;

/// Pages copied between two looks at whether the user has interrupted.
const PAGES_PER_STEP: i32 = 4096;

/// Copies the database at `location` to a new file. The caller holds the write lock and has
/// written nothing yet, so that the copy is what the database was before.
///
/// It is read through a connection of its own: SQLite copies from none that writes
/// (<https://www.sqlite.org/c3ref/backup_finish.html#sqlite3backupstep>).
///
/// The copy is SQLite's own (<https://www.sqlite.org/backup.html>), checked and flushed to the
/// disk, and as readable as the database. A file that exists is never overwritten, nor is a
/// link followed. Where it fails, nothing is left behind.
pub fn take(location: &Location, target: &Path) -> Result<()> {
    let attempt = || format!("could not back up {location} to {}", target.display());
    create(target).with_context(attempt)?;
    let result = copy(location, target);
    if result.is_err() {
        // The error that is reported is the one that made the copy fail.
        let _ = std::fs::remove_file(target);
    }
    result.with_context(attempt)
}

/// A copy that goes when it is dropped.
pub struct TemporaryCopy {
    /// Open on the copy, with foreign keys off.
    pub connection: Connection,
    _folder: tempfile::TempDir,
}

/// Copies the database of `source` to the temporary folder, to rehearse on.
pub fn temporary(source: &Connection) -> Result<TemporaryCopy> {
    progress::step(
        "copy the database to the temporary folder, to rehearse on it",
        Work::default(),
    );
    let attempt = "could not make a copy of the database to rehearse on";
    let folder = tempfile::Builder::new()
        .prefix("fkfix-")
        .tempdir()
        .context(attempt)?;
    let mut connection = Connection::open(folder.path().join("rehearsal.db")).context(attempt)?;
    fill(source, &mut connection).context(attempt)?;
    guard::harden(&connection).context(attempt)?;
    connection
        .execute_batch("PRAGMA foreign_keys = OFF; PRAGMA synchronous = OFF")
        .context(attempt)?;
    interrupt::watch(&connection);
    Ok(TemporaryCopy {
        connection,
        _folder: folder,
    })
}

fn create(target: &Path) -> Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    match options.open(target) {
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
            Err(Failure::impossible("the file exists already")
                .hint("name a file that does not exist; fkfix overwrites no backup")
                .into())
        }
        Err(error) => Err(error.into()),
        Ok(_) => Ok(()),
    }
}

fn copy(location: &Location, target: &Path) -> Result<()> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let source = Connection::open_with_flags(location.path(), flags)?;
    let mut copy = Connection::open(target)?;
    fill(&source, &mut copy)?;
    let verdict: String = copy.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
    if verdict != "ok" {
        return Err(
            Failure::impossible(format!("the copy is not sound: {verdict}"))
                .hint("the database itself may be damaged: run PRAGMA integrity_check on it")
                .into(),
        );
    }
    copy.close().map_err(|(_, error)| error)?;
    let file = File::open(target)?;
    file.set_permissions(location.path().metadata()?.permissions())?;
    file.sync_all()?;
    #[cfg(unix)]
    if let Some(folder) = std::path::absolute(target)?.parent() {
        File::open(folder)?.sync_all()?;
    }
    Ok(())
}

fn fill(source: &Connection, copy: &mut Connection) -> Result<()> {
    let backup = Backup::new(source, copy)?;
    loop {
        let stop = match backup.step(PAGES_PER_STEP)? {
            StepResult::Done => return Ok(()),
            StepResult::More if interrupt::is_requested() => SQLITE_INTERRUPT,
            StepResult::More => continue,
            // The busy handler has waited already.
            _ => SQLITE_BUSY,
        };
        return Err(rusqlite::Error::SqliteFailure(Error::new(stop), None).into());
    }
}
