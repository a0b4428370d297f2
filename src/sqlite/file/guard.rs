//! Puts a connection on its guard: against what a database may hold, and against waiting for ever.

use std::fs::OpenOptions;
use std::io::ErrorKind;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Result;
use rusqlite::Connection;
use rusqlite::config::DbConfig;
use rusqlite::limits::Limit;

use crate::failure::Failure;
use crate::interrupt;
use crate::location::Location;
use crate::progress;
use crate::sqlite::file::locks;

/// That the file system of `location` is mounted read-only, where it is.
///
/// Nothing is written. No connection of this process may hold a lock on the file: closing it would
/// take that off.
pub fn mounted_read_only(location: &Location) -> Option<Failure> {
    let opened = OpenOptions::new().write(true).open(location.path());
    let is_mounted_so = opened.is_err_and(|error| error.kind() == ErrorKind::ReadOnlyFilesystem);
    is_mounted_so.then(|| {
        Failure::impossible(format!(
            "{location} is read-only: it is on a file system that is mounted so"
        ))
        .hint("mount it writable, or change a copy on another file system")
    })
}

/// Refuses values of more than twice the size of the file, which only an expression in the schema
/// could compute: `hex(zeroblob(499999990))` is a gigabyte for each look at it
/// (<https://www.sqlite.org/security.html>).
pub fn limit_values(connection: &Connection) -> rusqlite::Result<()> {
    const LEAST: i64 = 1024 * 1024;
    let size: i64 = connection.query_row(
        "SELECT page_count * page_size FROM pragma_page_count, pragma_page_size",
        [],
        |row| row.get(0),
    )?;
    let limit = i32::try_from(2 * size + LEAST).unwrap_or(i32::MAX);
    connection.set_limit(Limit::SQLITE_LIMIT_LENGTH, limit)?;
    Ok(())
}

/// Does `work` with values limited so, on a connection that may write.
pub fn with_limited_values<T>(
    connection: &Connection,
    work: impl FnOnce() -> Result<T>,
) -> Result<T> {
    let usual = connection.limit(Limit::SQLITE_LIMIT_LENGTH)?;
    limit_values(connection)?;
    let done = work();
    connection.set_limit(Limit::SQLITE_LIMIT_LENGTH, usual)?;
    done
}

/// Puts a connection on its guard: a database may come from anywhere, and its schema is a
/// program (<https://www.sqlite.org/security.html>).
///
/// Views, triggers, indexes and generated columns then run no function that could do harm, and
/// nothing writes `sqlite_schema` or the inner tables of a virtual one. SQLite loads no extension
/// unless it is told to.
pub fn harden(connection: &Connection) -> rusqlite::Result<()> {
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_FTS3_TOKENIZER, false)?;
    connection.pragma_update(None, "cell_size_check", true)
}

/// What every connection to the database `file` needs.
pub fn prepare(connection: &mut Connection, file: &Path, lock_timeout: Duration) -> Result<()> {
    let (file, mut waiting_since, mut has_told) = (file.to_owned(), None, false);
    connection.busy_handler(Some(move |tries| {
        if tries == 0 {
            waiting_since = Some(Instant::now());
            has_told = false;
        }
        let waited = waiting_since.map_or(Duration::ZERO, |since| since.elapsed());
        if waited >= lock_timeout || interrupt::is_requested() {
            locks::note_holders(&file);
            return false;
        }
        if waited >= progress::PATIENCE && !has_told {
            has_told = true;
            tell_of_waiting(&file, lock_timeout);
        }
        std::thread::sleep(Duration::from_millis(10));
        true
    }))?;
    connection.progress_handler(
        progress::INSTRUCTIONS_PER_TICK,
        Some(|| {
            progress::tick();
            interrupt::is_requested()
        }),
    )?;
    interrupt::watch(connection);
    harden(connection)?;
    Ok(())
}

fn tell_of_waiting(file: &Path, lock_timeout: Duration) {
    let holders = locks::holders(file).unwrap_or_else(|| "another process".to_owned());
    let longest = humantime::format_duration(lock_timeout);
    let file = file.display();
    progress::waiting(&format!(
        "{file}: {holders} is using it; for {longest} at most"
    ));
}

/// Finds a damaged file out, and a lock.
pub fn first_read(connection: &Connection) -> Result<()> {
    connection.query_row("SELECT count(*) FROM main.sqlite_schema", [], |_| Ok(()))?;
    Ok(())
}
