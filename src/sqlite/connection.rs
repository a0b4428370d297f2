//! Opens a database: to write, without ever creating one, or to read without changing a byte.

use std::fmt::Write as _;
use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use rusqlite::config::DbConfig;
use rusqlite::limits::Limit;
use rusqlite::{Connection, OpenFlags, Transaction, TransactionBehavior};

use super::location::Location;
use crate::failure::Failure;
use crate::interrupt;
use crate::progress;

/// Opens `location` for `up` and `down`; waits for other writers up to `lock_timeout`.
///
/// Foreign keys are off on this connection: they must be before a table is dropped, or its
/// children go with it, and in a transaction the pragma does nothing
/// (<https://www.sqlite.org/pragma.html#pragma_foreign_keys>).
pub fn open(location: &Location, lock_timeout: Duration) -> Result<Connection> {
    must_be_a_file(location)?;
    let doing = || format!("could not open {location}");
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut connection = Connection::open_with_flags(location.path(), flags).with_context(doing)?;
    prepare(&mut connection, lock_timeout).with_context(doing)?;
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

/// Takes the one write lock; nothing can change under a plan that is made from here on.
pub fn begin<'a>(connection: &'a mut Connection, location: &Location) -> Result<Transaction<'a>> {
    if connection.is_readonly("main")? {
        return Err(Failure::impossible(format!("{location} is read-only"))
            .hint("make the file writable for this user, or run as the user who owns it")
            .into());
    }
    Transaction::new(connection, TransactionBehavior::Immediate)
        .with_context(|| format!("could not lock {location}"))
}

/// Commits, and says so to the log. Only a commit that SQLite reports done is one.
pub fn commit(transaction: Transaction<'_>, location: &Location) -> Result<()> {
    progress::step("commit", 0);
    transaction
        .commit()
        .with_context(|| format!("could not commit to {location}, so nothing was changed"))
}

/// Opens `location` so that neither the file, nor its journal, nor its folder changes.
///
/// A database in WAL mode that nobody has open has no log beside it; SQLite would make one to
/// read it. `immutable` keeps it from that, and `readonly_shm` from writing to the log's index
/// where there is one (<https://www.sqlite.org/uri.html>).
pub fn open_read_only(location: &Location) -> Result<Connection> {
    must_be_a_file(location)?;
    let doing = || format!("could not open {location}");
    let uri = read_only_uri(location).with_context(doing)?;
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY
        | OpenFlags::SQLITE_OPEN_URI
        | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut connection = Connection::open_with_flags(&uri, flags).with_context(doing)?;
    prepare(&mut connection, Duration::from_secs(5)).with_context(doing)?;
    limit_values(&connection).with_context(doing)?;
    Ok(connection)
}

/// Refuses values of more than twice the size of the file, which only an expression in the schema
/// could compute: `hex(zeroblob(499999990))` is a gigabyte for each look at it
/// (<https://www.sqlite.org/security.html>).
fn limit_values(connection: &Connection) -> rusqlite::Result<()> {
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

/// The URI under which SQLite reads `location` without changing a byte.
pub fn read_only_uri(location: &Location) -> std::io::Result<String> {
    let mut uri = uri_of(location.path());
    uri.push_str("?mode=ro");
    if is_wal(location.path())? {
        let log = beside(location.path(), "-wal");
        let log_is_empty = log.metadata().map_or(true, |log| log.len() == 0);
        uri.push_str(if log_is_empty {
            "&immutable=1"
        } else {
            "&readonly_shm=1"
        });
    }
    Ok(uri)
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

/// What both kinds of connection need; also the first read, which finds a damaged file out.
fn prepare(connection: &mut Connection, lock_timeout: Duration) -> Result<()> {
    let mut waiting_since = None;
    connection.busy_handler(Some(move |tries| {
        if tries == 0 {
            waiting_since = Some(Instant::now());
        }
        std::thread::sleep(Duration::from_millis(10));
        let waited = waiting_since.map_or(Duration::ZERO, |since| since.elapsed());
        waited < lock_timeout && !interrupt::is_requested()
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
    connection.query_row("SELECT count(*) FROM main.sqlite_schema", [], |_| Ok(()))?;
    Ok(())
}

fn must_be_a_file(location: &Location) -> Result<()> {
    let path = location.path();
    let fail = |what: &str, hint: &str| {
        Err(Failure::impossible(format!("{location} {what}"))
            .hint(hint)
            .into())
    };
    match path.metadata() {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => fail(
            "does not exist",
            "check --database; fkfix never creates a database",
        ),
        Err(error) => Err(error).with_context(|| format!("could not open {location}")),
        Ok(metadata) if metadata.is_dir() => fail("is a directory", "name the database file in it"),
        // SQLite takes a file of one byte for an empty database too (findInodeInfo in os_unix.c).
        Ok(metadata) if metadata.len() <= 1 => fail(
            "is empty: it holds no database",
            "check --database; the path may be a placeholder",
        ),
        Ok(_) => Ok(()),
    }
}

/// Whether the header says WAL: "file format read version" 2
/// (<https://www.sqlite.org/fileformat.html#the_database_header>).
pub fn is_wal(path: &Path) -> std::io::Result<bool> {
    let mut header = Vec::new();
    File::open(path)?.take(20).read_to_end(&mut header)?;
    Ok(header.get(19) == Some(&2))
}

/// The path with `suffix` added to its last part, as SQLite names its journals.
#[must_use]
pub fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

/// `file:` and the path, with every byte escaped that has a meaning in a URI.
fn uri_of(path: &Path) -> String {
    let mut uri = String::from("file:");
    for byte in path.as_os_str().as_encoded_bytes() {
        match byte {
            b'/' | b'-' | b'_' | b'.' | b'~' => uri.push(char::from(*byte)),
            byte if byte.is_ascii_alphanumeric() => uri.push(char::from(*byte)),
            byte => {
                let _ = write!(uri, "%{byte:02X}");
            }
        }
    }
    uri
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_uri_names_the_path_to_the_byte() {
        let path = Path::new("/a b/c?d#e%f/ü.db");
        assert_eq!(uri_of(path), "file:/a%20b/c%3Fd%23e%25f/%C3%BC.db");
        assert_eq!(beside(path, "-wal"), Path::new("/a b/c?d#e%f/ü.db-wal"));
    }
}
