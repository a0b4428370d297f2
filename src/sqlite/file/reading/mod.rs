//! Reads a database: one committed state of it, and without changing a byte beside it.
//!
//! SQLite keeps a reader from writers by locks on the file; in WAL mode, by locks on the index of
//! the log. Where these can be had without making a file they are, and all that a report asks for
//! is asked in one transaction. A database in WAL mode that nobody has open has no log and no
//! index, and SQLite would make both to read it. It is read as if it could not change
//! (`immutable`, <https://www.sqlite.org/uri.html>), and what was read counts only if the file is
//! the same afterwards.

mod again;
mod links;
mod look;
mod refusals;

use std::fmt::Write as _;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use rusqlite::{Connection, OpenFlags, ffi};

use crate::failure::Failure;
use crate::interrupt;
use crate::location::Location;
use crate::progress;
use crate::sqlite::file::guard;
use crate::sqlite::file::paths;
pub use again::{Again, is_in_wal_mode, open_again, uri_again};
use links::OtherNames;
use look::{Log, Look, Stamp, Way};

/// Between two looks at what may be gone at the next one.
const PAUSE: Duration = Duration::from_millis(10);

/// Another program leaves a log without its index, and the like, for a moment when it closes a
/// database. What stays longer than this has been left behind.
const MOMENT: Duration = Duration::from_millis(200);

/// A machine that has much to do makes a moment longer, for those who have the patience.
const LONG_MOMENT: Duration = Duration::from_secs(1);

/// Gives what `report` makes of the database at `location`, from one committed state of it.
///
/// Where the state could not be held, `report` is called again, until `lock_timeout` has passed;
/// then that is the error. So long this waits for locks too.
pub fn read<T>(
    location: &Location,
    lock_timeout: Duration,
    mut report: impl FnMut(&Connection) -> Result<T>,
) -> Result<T> {
    let (since, mut has_told) = (Instant::now(), false);
    loop {
        let file = paths::file_of(location)?;
        let failed = match once(location, &file, lock_timeout, &mut report) {
            Ok(value) => return Ok(value),
            Err(failed) => failed,
        };
        let patience = match &failed {
            Failed::ForGood(_) => Duration::ZERO,
            Failed::ForNow(_) => lock_timeout.clamp(MOMENT, LONG_MOMENT),
            Failed::Disturbed => lock_timeout.max(MOMENT),
        };
        if since.elapsed() >= patience || interrupt::is_requested() {
            return Err(failed.into_error(location, &file));
        }
        if since.elapsed() >= progress::PATIENCE && !has_told {
            has_told = true;
            progress::waiting(&format!("{location}: another program writes to it"));
        }
        std::thread::sleep(PAUSE);
    }
}

/// Why a look came to nothing.
enum Failed {
    /// It would again.
    ForGood(anyhow::Error),
    /// What is in the way may be gone in a moment.
    ForNow(anyhow::Error),
    /// The database changed under it.
    Disturbed,
}

impl Failed {
    fn into_error(self, location: &Location, file: &Path) -> anyhow::Error {
        match self {
            Failed::ForGood(error) | Failed::ForNow(error) => explain(error, location, file),
            Failed::Disturbed => Failure::impossible(format!(
                "{location} has changed each time while it was read"
            ))
            .hint("another program writes to it; wait longer with --lock-timeout 60s, or read a copy of it")
            .into(),
        }
    }
}

fn once<T>(
    location: &Location,
    file: &Path,
    lock_timeout: Duration,
    report: &mut impl FnMut(&Connection) -> Result<T>,
) -> Result<T, Failed> {
    let doing = || format!("could not open {location}");
    let before = Look::at(file)
        .with_context(doing)
        .map_err(Failed::ForGood)?;
    let way = before.way(location, file).map_err(Failed::ForNow)?;
    let other_names =
        links::other_names(location, file).map_err(|failure| Failed::ForNow(failure.into()))?;
    if way == Way::Unlocked && before.is_fresh() {
        return Err(Failed::Disturbed);
    }
    let connection = match open(file, way, lock_timeout).with_context(doing) {
        Ok(connection) => connection,
        Err(error) if is_busy(&error) => return Err(Failed::ForGood(error)),
        Err(error) if way == Way::Log && may_pass(&error) => return Err(Failed::ForNow(error)),
        Err(error) if Look::at(file).is_ok_and(|now| now == before) => {
            return Err(Failed::ForGood(error));
        }
        Err(_) => return Err(Failed::Disturbed),
    };
    let under_lock = Stamp::of(file);
    let result = report(&connection);
    // As long as the connection is open, its lock holds; the file itself must not be opened.
    let held = match way {
        Way::Log => true,
        Way::Locked => under_lock.is_ok_and(|stamp| stamp.is_still_of(file)),
        Way::Unlocked => before.is_still(file),
    };
    match result {
        _ if !held => Err(Failed::Disturbed),
        Ok(value) => {
            if other_names == OtherNames::Unknown {
                tracing::warn!(
                    "{location} has another name elsewhere (it is a hard link): a log or journal that a crash left beside that is not seen by this name"
                );
            }
            Ok(value)
        }
        Err(error) => Err(Failed::ForGood(error)),
    }
}

fn open(file: &Path, way: Way, lock_timeout: Duration) -> Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY
        | OpenFlags::SQLITE_OPEN_URI
        | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let uri = uri_of(file, way == Way::Unlocked);
    let mut connection = Connection::open_with_flags(uri, flags)?;
    guard::prepare(&mut connection, file, lock_timeout)?;
    connection.execute_batch("PRAGMA foreign_keys = OFF; BEGIN")?;
    guard::first_read(&connection)?;
    guard::limit_values(&connection)?;
    Ok(connection)
}

/// Fails where a log that is not its own lies beside a database, or one of its own where nobody looks
/// for it: the next program that opens it would have SQLite write that log's changes over it. `file`
/// must not be open.
pub fn refuse_stray_log(location: &Location, file: &Path) -> Result<()> {
    let since = Instant::now();
    loop {
        let look = Look::at(file).with_context(|| format!("could not open {location}"))?;
        if look.wal || look.log != Log::Changes {
            return Ok(links::refuse_to_write(location, file)?);
        }
        if since.elapsed() >= MOMENT {
            return Err(refusals::stray_log(location, file).into());
        }
        std::thread::sleep(PAUSE);
    }
}

/// SQLite makes no index of a log under `readonly_shm`, and no log under `immutable`.
fn uri_of(file: &Path, unlocked: bool) -> String {
    let how = if unlocked {
        "immutable=1"
    } else {
        "readonly_shm=1"
    };
    format!("{}?mode=ro&{how}", escaped(file))
}

/// Says what SQLite's code for it leaves open: a write that was cut off.
pub fn explain(error: anyhow::Error, location: &Location, file: &Path) -> anyhow::Error {
    match code(&error) {
        Some(ffi::SQLITE_READONLY_ROLLBACK) => refusals::cut_off(location, file).into(),
        Some(ffi::SQLITE_READONLY_RECOVERY | ffi::SQLITE_READONLY_CANTINIT) => {
            refusals::log_without_index(location, file).into()
        }
        Some(code) if matches!(code & 0xFF, ffi::SQLITE_READONLY | ffi::SQLITE_CANTOPEN) => {
            match guard::mounted_read_only(location) {
                Some(failure) => failure.into(),
                None => error,
            }
        }
        _ => error,
    }
}

/// Whether what kept SQLite from the index of a log may be another program that opens or closes it.
fn may_pass(error: &anyhow::Error) -> bool {
    let code = code(error).unwrap_or_default();
    matches!(
        code & 0xFF,
        ffi::SQLITE_READONLY | ffi::SQLITE_CANTOPEN | ffi::SQLITE_PROTOCOL
    )
}

fn is_busy(error: &anyhow::Error) -> bool {
    code(error).is_some_and(|code| code & 0xFF == ffi::SQLITE_BUSY)
}

fn code(error: &anyhow::Error) -> Option<i32> {
    let mut causes = error.chain();
    let error = causes.find_map(|cause| cause.downcast_ref::<rusqlite::Error>())?;
    error.sqlite_error().map(|error| error.extended_code)
}

/// `file:` and the path, with every byte escaped that has a meaning in a URI.
fn escaped(path: &Path) -> String {
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
        assert_eq!(escaped(path), "file:/a%20b/c%3Fd%23e%25f/%C3%BC.db");
        assert_eq!(
            paths::beside(path, "-wal"),
            Path::new("/a b/c?d#e%f/ü.db-wal")
        );
    }
}
