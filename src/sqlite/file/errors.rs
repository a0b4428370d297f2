//! What the errors of SQLite mean to a person, by result code, so that no caller has to repeat it.

use std::error::Error;
use std::io;

use rusqlite::{ErrorCode, ffi};

use crate::failure::{self, Failure};
use crate::interrupt;
use crate::sqlite::file::locks;

/// `error` with its contexts, in one line. `SQLite`'s own text comes once: in the chain it stands
/// twice, the second time with the code.
#[must_use]
pub fn message(error: &anyhow::Error) -> String {
    let causes = error.chain().filter(|cause| !cause.is::<ffi::Error>());
    let causes: Vec<_> = causes.map(without_code).collect();
    causes.join(": ")
}

/// Where `SQLite` gives no text of its own, the library tells its code in the place of it.
fn without_code(cause: &(dyn Error + 'static)) -> String {
    let text = cause.to_string();
    let Some(rusqlite::Error::SqliteFailure(error, None)) = cause.downcast_ref() else {
        return text;
    };
    let code = format!("Error code {}: ", error.extended_code);
    text.strip_prefix(&code).map_or(text.clone(), str::to_owned)
}

/// `SQLite error 26`: the code behind `error`, where it is one of `SQLite`'s
/// (<https://www.sqlite.org/rescode.html>).
#[must_use]
pub fn number(error: &anyhow::Error) -> Option<String> {
    Some(format!("SQLite error {}", extended_code(error)?))
}

fn extended_code(error: &anyhow::Error) -> Option<i32> {
    match sqlite_failure(error)? {
        rusqlite::Error::SqliteFailure(error, _) | rusqlite::Error::SqlInputError { error, .. } => {
            Some(error.extended_code)
        }
        _ => None,
    }
}

/// The remedy for `error`, where one is known.
#[must_use]
pub fn hint_for(error: &anyhow::Error) -> Option<String> {
    if was_interrupted(error) {
        return hint_for_code(ErrorCode::OperationInterrupted).map(str::to_owned);
    }
    if let Some(hint) = failure::failure_in(error).and_then(Failure::remedy) {
        return Some(hint.to_owned());
    }
    if extended_code(error) == Some(ffi::SQLITE_CORRUPT_INDEX) {
        let hint = "an index is damaged: REINDEX, and see what else PRAGMA integrity_check finds";
        return Some(hint.to_owned());
    }
    if extended_code(error) == Some(ffi::SQLITE_CORRUPT_VTAB) {
        let hint = "a full-text index does not hold what its rows say, as where the type of a column was edited: drop it, and create it again afterwards";
        return Some(hint.to_owned());
    }
    let found = code(error);
    if let Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) = found {
        return Some(hint_for_a_lock());
    }
    let by_code = found.and_then(hint_for_code);
    by_code.or_else(|| hint_for_io(error)).map(str::to_owned)
}

fn hint_for_a_lock() -> String {
    let holders = locks::seen().map_or(String::new(), |them| format!(": {them}"));
    format!(
        "another process is using the database{holders}; stop it, or wait longer with --lock-timeout 60s"
    )
}

fn hint_for_io(error: &anyhow::Error) -> Option<&'static str> {
    let error = error
        .chain()
        .find_map(|cause| cause.downcast_ref::<io::Error>())?;
    match error.kind() {
        io::ErrorKind::NotFound => Some("check the path; fkfix makes no folders"),
        io::ErrorKind::NotADirectory => {
            Some("check the path: a part of it is a file, not a folder")
        }
        io::ErrorKind::PermissionDenied => Some(
            "check the permissions of the file and its folder, or run as the user who owns them",
        ),
        _ => None,
    }
}

/// A statement that SQLite runs within another reports an interruption as an error of the
/// other, so the signal counts as well as the code.
#[must_use]
pub fn was_interrupted(error: &anyhow::Error) -> bool {
    interrupt::is_requested() || code(error) == Some(ErrorCode::OperationInterrupted)
}

fn sqlite_failure(error: &anyhow::Error) -> Option<&rusqlite::Error> {
    error.chain().find_map(|cause| cause.downcast_ref())
}

/// The primary result code behind `error`, where it is one of `SQLite`'s.
#[must_use]
pub fn code(error: &anyhow::Error) -> Option<ErrorCode> {
    sqlite_failure(error).and_then(rusqlite::Error::sqlite_error_code)
}

/// See <https://www.sqlite.org/rescode.html>.
fn hint_for_code(code: ErrorCode) -> Option<&'static str> {
    Some(match code {
        ErrorCode::NotADatabase => {
            "the file is not a SQLite database, or it is encrypted; check the path; for an encrypted one, fkfix up --schema writes a script to run inside"
        }
        ErrorCode::DatabaseCorrupt => {
            "the file is damaged; restore a backup, or salvage what is left with the sqlite3 shell's .recover"
        }
        ErrorCode::DiskFull => {
            "nothing was changed; free space on the disk of the database and of the temporary folder (TMPDIR)"
        }
        ErrorCode::ReadOnly => {
            "make the file and its folder writable for this user, or run as the user who owns them"
        }
        ErrorCode::CannotOpen => {
            "SQLite must be able to create files beside the database; check the permissions of its folder"
        }
        ErrorCode::SystemIoFailure => {
            "nothing was changed; the disk or its file system reported an error, see the system's log"
        }
        ErrorCode::TooBig => {
            "a column computes a value that is longer than the whole database; fkfix orphans shows the rows without such values"
        }
        ErrorCode::OperationInterrupted => "nothing was changed; run it again when it suits you",
        _ => return None,
    })
}

/// A word for the result code behind `error`, for programs.
#[must_use]
pub fn word(error: &anyhow::Error) -> Option<&'static str> {
    Some(match code(error)? {
        ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked => "locked",
        ErrorCode::NotADatabase => "not-a-database",
        ErrorCode::DatabaseCorrupt => "damaged",
        ErrorCode::DiskFull => "disk-full",
        ErrorCode::ReadOnly => "read-only",
        ErrorCode::CannotOpen => "cannot-open",
        ErrorCode::SystemIoFailure => "io",
        ErrorCode::ConstraintViolation => "constraint",
        ErrorCode::OperationInterrupted => "interrupted",
        _ => "sqlite",
    })
}
