//! Opens a database to write, without ever creating one. To read one is the business of `reading`.

use std::fs::OpenOptions;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use rusqlite::config::DbConfig;
use rusqlite::limits::Limit;
use rusqlite::{Connection, OpenFlags, Transaction, TransactionBehavior};

use crate::failure::Failure;
use crate::interrupt;
use crate::location::Location;
use crate::progress;
use crate::sqlite::file::locks;
use crate::sqlite::file::reading;

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
                .hint("leave mode=ro out of the URL, or only look with --dry-run")
                .into(),
        );
    }
    reading::refuse_stray_log(location, &file)?;
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

/// Takes the one write lock; nothing can change under a plan that is made from here on.
pub fn begin<'a>(connection: &'a mut Connection, location: &Location) -> Result<Transaction<'a>> {
    if connection.is_readonly("main")? {
        return Err(is_read_only(location).into());
    }
    Transaction::new(connection, TransactionBehavior::Immediate)
        .with_context(|| format!("could not lock {location}"))
}

/// Why `location` could be opened to read alone.
fn is_read_only(location: &Location) -> Failure {
    mounted_read_only(location).unwrap_or_else(|| {
        Failure::impossible(format!("{location} is read-only"))
            .hint("make the file writable for this user, or run as the user who owns it")
    })
}

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

/// Commits, and says so to the log. Only a commit that SQLite reports done is one.
pub fn commit(transaction: Transaction<'_>, location: &Location) -> Result<()> {
    progress::step("commit", 0);
    transaction
        .commit()
        .with_context(|| format!("could not commit to {location}, so nothing was changed"))
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
    let (file, mut waiting_since) = (file.to_owned(), None);
    connection.busy_handler(Some(move |tries| {
        if tries == 0 {
            waiting_since = Some(Instant::now());
        }
        let waited = waiting_since.map_or(Duration::ZERO, |since| since.elapsed());
        if waited >= lock_timeout || interrupt::is_requested() {
            locks::note_holders(&file);
            return false;
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

/// Finds a damaged file out, and a lock.
pub fn first_read(connection: &Connection) -> Result<()> {
    connection.query_row("SELECT count(*) FROM main.sqlite_schema", [], |_| Ok(()))?;
    Ok(())
}

/// The file that `location` leads to, which may hold a database.
pub fn file_of(location: &Location) -> Result<PathBuf> {
    let fail = |what: &str, hint: &str| {
        Err(Failure::impossible(format!("{location} {what}"))
            .hint(hint)
            .into())
    };
    match location.path().metadata() {
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
        Ok(_) => {
            let file = location.file();
            file.with_context(|| format!("could not open {location}"))
        }
    }
}

/// The file that `connection` has open, which need not be UTF-8.
pub fn open_file(connection: &Connection) -> Result<PathBuf> {
    let query = "SELECT file FROM pragma_database_list WHERE name = 'main'";
    let file = connection.query_row(query, [], |row| Ok(row.get_ref(0)?.as_bytes()?.to_owned()))?;
    #[cfg(unix)]
    let file = <std::ffi::OsString as std::os::unix::ffi::OsStringExt>::from_vec(file);
    #[cfg(not(unix))]
    let file = String::from_utf8(file)?;
    Ok(PathBuf::from(file))
}

/// The path with `suffix` added to its last part, as SQLite names its journals.
#[must_use]
pub fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}
