//! Opens once more what a connection has open.

use std::time::Duration;

use anyhow::Result;
use rusqlite::{Connection, OpenFlags, TransactionState};

use super::uri_of;
use crate::interrupt;
use crate::progress;
use crate::sqlite::file::guard;
use crate::sqlite::file::paths;

/// Further connections to the state of a database that one connection sees.
#[derive(Debug)]
pub struct Again {
    uri: String,
}

impl Again {
    /// None where another connection could see another state than `connection` does: it reads a log,
    /// which another program may write to, without the lock of those who write. It has begun a
    /// transaction and written nothing.
    pub fn of(connection: &Connection) -> Result<Option<Self>> {
        let state = connection.transaction_state(Some("main"))?;
        let unlocked = is_unlocked(connection)?;
        let holds = match state {
            TransactionState::Write => true,
            TransactionState::Read => unlocked || !is_in_wal_mode(connection)?,
            _ => false,
        };
        let has_file = !paths::open_file(connection)?.as_os_str().is_empty();
        let uri = || uri_again(connection).map(|uri| Again { uri });
        (holds && has_file).then(uri).transpose()
    }

    /// Opens one and begins to read. It waits for no lock; a signal stops it, or `is_stopped`.
    pub fn open(&self, is_stopped: impl Fn() -> bool + Send + 'static) -> Result<Connection> {
        let other = open(&self.uri, is_stopped)?;
        other.busy_timeout(Duration::ZERO)?;
        other.execute_batch("BEGIN")?;
        guard::first_read(&other)?;
        Ok(other)
    }
}

/// Opens what `connection` has open, to read it, whatever state it has by now. A signal stops the
/// connection, or `is_stopped`.
pub fn open_again(
    connection: &Connection,
    is_stopped: impl Fn() -> bool + Send + 'static,
) -> Result<Connection> {
    Ok(open(&uri_again(connection)?, is_stopped)?)
}

fn open(uri: &str, is_stopped: impl Fn() -> bool + Send + 'static) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY
        | OpenFlags::SQLITE_OPEN_URI
        | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut other = Connection::open_with_flags(uri, flags)?;
    guard::harden(&other)?;
    other.progress_handler(
        progress::INSTRUCTIONS_PER_TICK,
        Some(move || {
            progress::tick();
            interrupt::is_requested() || is_stopped()
        }),
    )?;
    Ok(other)
}

/// The URI under which to open the file of `connection` once more, as it is open there.
pub fn uri_again(connection: &Connection) -> Result<String> {
    let file = paths::open_file(connection)?;
    Ok(uri_of(&file, is_unlocked(connection)?))
}

/// Whether changes to the database of `connection` are written to a log first.
///
/// The file is not looked at: closing it would take SQLite's locks off.
pub fn is_in_wal_mode(connection: &Connection) -> Result<bool> {
    let mode: String = connection.pragma_query_value(None, "journal_mode", |row| row.get(0))?;
    Ok(mode == "wal" || (connection.is_readonly("main")? && is_unlocked(connection)?))
}

/// SQLite takes a file that is opened as immutable as locked by itself (`sqlite3PagerOpen`).
fn is_unlocked(connection: &Connection) -> Result<bool> {
    let mode: String =
        connection.pragma_query_value(Some("main"), "locking_mode", |row| row.get(0))?;
    Ok(mode == "exclusive")
}
