//! A consistent copy of a database, taken before anything is changed in it.

use std::fs::{File, OpenOptions};
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result};
use rusqlite::Connection;
use rusqlite::backup::Backup;

use super::location::Location;
use crate::failure::Failure;
use crate::interrupt;

/// Pages copied between two looks at whether the user has interrupted.
const PAGES_PER_STEP: i32 = 4096;

/// Copies the database of `source`, as it stands in its open transaction, to a new file.
///
/// The copy is SQLite's own (<https://www.sqlite.org/backup.html>), checked and flushed to the
/// disk, and as readable as the database. A file that exists is never overwritten, nor is a
/// link followed. Where it fails, nothing is left behind.
pub fn take(source: &Connection, location: &Location, target: &Path) -> Result<()> {
    let attempt = || format!("could not back up {location} to {}", target.display());
    create(target).with_context(attempt)?;
    let result = copy(source, location, target);
    if result.is_err() {
        // The error that is reported is the one that made the copy fail.
        let _ = std::fs::remove_file(target);
    }
    result.with_context(attempt)
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

fn copy(source: &Connection, location: &Location, target: &Path) -> Result<()> {
    let mut copy = Connection::open(target)?;
    {
        let backup = Backup::new(source, &mut copy)?;
        while backup.step(PAGES_PER_STEP)? != rusqlite::backup::StepResult::Done {
            if interrupt::is_requested() {
                let code = rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_INTERRUPT);
                return Err(rusqlite::Error::SqliteFailure(code, None).into());
            }
            std::thread::sleep(Duration::ZERO);
        }
    }
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
