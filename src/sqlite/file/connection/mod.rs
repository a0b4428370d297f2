//! Opens a database to write, without ever creating one. To read one is the business of `reading`.

use std::time::Duration;

use anyhow::{Context as _, Result};
use rusqlite::{Connection, OpenFlags, Transaction, TransactionBehavior};

use crate::failure::Failure;
use crate::location::Location;
use crate::progress::{self, Work};
use crate::sqlite::file::guard::{first_read, mounted_read_only, prepare};
use crate::sqlite::file::paths::file_of;
use crate::sqlite::file::reading;
use pages::Walk;

mod hosts;
pub mod pages;

/// Opens `location` for `up` and `down`; waits for other writers up to `lock_timeout`.
///
/// Foreign keys are off on this connection: they must be before a table is dropped, or its
/// children go with it, and in a transaction the pragma does nothing
/// (<https://www.sqlite.org/pragma.html#pragma_foreign_keys>).
pub fn open(location: &Location, lock_timeout: Duration) -> Result<Connection> {
    let file = file_of(location)?;
    let doing = || format!("could not open {location}");
    if location.is_read_only() {
        return Err(
            Failure::impossible(format!("{location} is to be read only, as its URL says"))
                .hint("leave mode=ro or immutable=1 out of the URL, or only look with --dry-run")
                .into(),
        );
    }
    reading::refuse_stray_log(location, &file)?;
    hosts::refuse_replica(location, &file)?;
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut connection = Connection::open_with_flags(&file, flags).with_context(doing)?;
    prepare(&mut connection, &file, lock_timeout)
        .and_then(|()| first_read(&connection))
        .with_context(doing)
        .map_err(|error| reading::explain(error, location, &file))?;
    // Sorting for an index goes on in a second thread; the results are the same.
    connection
        .pragma_update(None, "threads", 2)
        .with_context(doing)?;
    connection
        .pragma_update(None, "foreign_keys", false)
        .with_context(doing)?;
    let foreign_keys: bool =
        connection.pragma_query_value(None, "foreign_keys", |row| row.get(0))?;
    if foreign_keys {
        return Err(Failure::impossible("SQLite would not switch foreign keys off").into());
    }
    Ok(connection)
}

/// Takes the one write lock; nothing can change under a plan that is made from here on. Fails where a
/// write could destroy rows since the list of free pages is damaged.
pub fn begin<'a>(connection: &'a mut Connection, location: &Location) -> Result<Transaction<'a>> {
    let (transaction, mut walk) = begin_to_search(connection, location)?;
    walk.wait()?;
    Ok(transaction)
}

/// The same for those who search before they write: the walk through the pages goes on meanwhile.
pub fn begin_to_search<'a>(
    connection: &'a mut Connection,
    location: &Location,
) -> Result<(Transaction<'a>, Walk)> {
    if connection.is_readonly("main")? {
        return Err(is_read_only(location).into());
    }
    let transaction = Transaction::new(connection, TransactionBehavior::Immediate)
        .with_context(|| format!("could not lock {location}"))?;
    let walk = Walk::begin(&transaction, location)?;
    Ok((transaction, walk))
}

/// Why `location` could be opened to read alone.
fn is_read_only(location: &Location) -> Failure {
    mounted_read_only(location).unwrap_or_else(|| {
        Failure::impossible(format!("{location} is read-only"))
            .hint("make the file writable for this user, or run as the user who owns it")
    })
}

/// Commits, and says so to the log. Only a commit that SQLite reports done is one.
pub fn commit(transaction: Transaction<'_>, location: &Location) -> Result<()> {
    progress::step("commit", Work::default());
    transaction
        .commit()
        .with_context(|| format!("could not commit to {location}, so nothing was changed"))
}
