//! What went wrong, told to a person: the exit status it deserves and the remedy to try.
//!
//! Everything fallible returns [`anyhow::Result`]; the chain of contexts says what was
//! attempted and on which object. A [`Failure`] in that chain adds what only the place that
//! failed can know. Errors of SQLite get their hint here, by result code, so that no caller
//! has to repeat it.

use std::error::Error;
use std::{fmt, io};

use rusqlite::{ErrorCode, ffi};

use crate::interrupt;
use crate::sqlite::file::locks;

/// How a run ended, as the shell sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// Done, or nothing to report.
    Done,
    /// The answer is no: orphans exist, a limit refused.
    No,
    /// It could not be done: usage, no such database, locked, corrupt, full.
    Impossible,
    /// Done, but the report of it could not be written.
    Unreported,
    /// Interrupted, with everything rolled back.
    Interrupted,
}

impl Status {
    /// The number the process exits with.
    #[must_use]
    pub fn code(self) -> u8 {
        match self {
            Status::Done => 0,
            Status::No => 1,
            Status::Impossible => 2,
            Status::Unreported => 3,
            Status::Interrupted => 130,
        }
    }
}

/// An error with its exit status and a remedy.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct Failure {
    message: String,
    details: Vec<String>,
    hint: Option<String>,
    status: Status,
}

impl Failure {
    /// It could not be done; exit status 2.
    pub fn impossible(message: impl fmt::Display) -> Self {
        Failure {
            message: message.to_string(),
            details: Vec::new(),
            hint: None,
            status: Status::Impossible,
        }
    }

    /// It was refused, and nothing has changed; exit status 1.
    pub fn refused(message: impl fmt::Display) -> Self {
        Failure {
            status: Status::No,
            ..Failure::impossible(message)
        }
    }

    /// The exit status it deserves.
    #[must_use]
    pub fn status(&self) -> Status {
        self.status
    }

    /// What the user can do about it.
    #[must_use]
    pub fn remedy(&self) -> Option<&str> {
        self.hint.as_deref()
    }

    /// Adds a line to be read under the message.
    #[must_use]
    pub fn detail(mut self, detail: impl fmt::Display) -> Self {
        self.details.push(detail.to_string());
        self
    }

    /// Adds what the user can do about it, in one sentence without `hint:`.
    #[must_use]
    pub fn hint(mut self, hint: impl fmt::Display) -> Self {
        self.hint = Some(hint.to_string());
        self
    }
}

/// `error` with its contexts, in one line. `SQLite`'s own text comes once: in the chain it stands
/// twice, the second time with the code.
#[must_use]
pub fn message(error: &anyhow::Error) -> String {
    let causes = error.chain().filter(|cause| !cause.is::<ffi::Error>());
    let causes: Vec<_> = causes.map(without_code).collect();
    causes.join(": ")
}

/// The lines to be read under the message of `error`.
#[must_use]
pub fn details(error: &anyhow::Error) -> &[String] {
    failure_in(error).map_or(&[], |failure| &failure.details)
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
pub fn sqlite_error(error: &anyhow::Error) -> Option<String> {
    let (rusqlite::Error::SqliteFailure(error, _) | rusqlite::Error::SqlInputError { error, .. }) =
        sqlite_failure(error)?
    else {
        return None;
    };
    Some(format!("SQLite error {}", error.extended_code))
}

/// The exit status for `error`.
#[must_use]
pub fn status_of(error: &anyhow::Error) -> Status {
    if was_interrupted(error) {
        return Status::Interrupted;
    }
    failure_in(error).map_or(Status::Impossible, |failure| failure.status)
}

/// The remedy for `error`, where one is known.
#[must_use]
pub fn hint_for(error: &anyhow::Error) -> Option<String> {
    if was_interrupted(error) {
        return hint_for_code(ErrorCode::OperationInterrupted).map(str::to_owned);
    }
    if let Some(hint) = failure_in(error).and_then(Failure::remedy) {
        return Some(hint.to_owned());
    }
    #[cfg(feature = "postgres")]
    if let Some(hint) = crate::postgres::error::hint(error) {
        return Some(hint);
    }
    let code = sqlite_code(error);
    if let Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) = code {
        return Some(hint_for_a_lock());
    }
    let by_code = code.and_then(hint_for_code);
    by_code.or_else(|| hint_for_io(error)).map(str::to_owned)
}

fn hint_for_a_lock() -> String {
    let holders = locks::seen().map_or(String::new(), |them| format!(": {them}"));
    format!(
        "another process is using the database{holders}; stop it, or wait longer with --lock-timeout 60s"
    )
}

/// `text` as one word of a shell's command.
#[must_use]
pub fn for_shell(text: &str) -> String {
    let is_plain = |letter: char| letter.is_alphanumeric() || "/._-+:=@".contains(letter);
    if !text.is_empty() && text.chars().all(is_plain) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', "'\\''"))
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
fn was_interrupted(error: &anyhow::Error) -> bool {
    interrupt::is_requested() || sqlite_code(error) == Some(ErrorCode::OperationInterrupted)
}

fn failure_in(error: &anyhow::Error) -> Option<&Failure> {
    let mut chain = error.chain();
    // What stands in the chain as a context, anyhow alone can tell.
    chain
        .find_map(|cause| cause.downcast_ref())
        .or_else(|| error.downcast_ref())
}

fn sqlite_failure(error: &anyhow::Error) -> Option<&rusqlite::Error> {
    error.chain().find_map(|cause| cause.downcast_ref())
}

/// The primary result code behind `error`, where it is one of `SQLite`'s.
#[must_use]
pub fn sqlite_code(error: &anyhow::Error) -> Option<ErrorCode> {
    sqlite_failure(error).and_then(rusqlite::Error::sqlite_error_code)
}

/// See <https://www.sqlite.org/rescode.html>.
fn hint_for_code(code: ErrorCode) -> Option<&'static str> {
    Some(match code {
        ErrorCode::NotADatabase => {
            "the file is not a SQLite database, or it is encrypted; check the path"
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statuses_are_those_of_the_manual() {
        let codes = [
            Status::Done,
            Status::No,
            Status::Impossible,
            Status::Unreported,
            Status::Interrupted,
        ]
        .map(Status::code);
        assert_eq!(codes, [0, 1, 2, 3, 130]);
    }

    #[test]
    fn a_hint_survives_the_context_put_around_it() {
        let error =
            anyhow::Error::new(Failure::refused("too many orphans").hint("raise the limit"))
                .context("could not apply V1");
        assert_eq!(hint_for(&error).as_deref(), Some("raise the limit"));
        assert_eq!(status_of(&error), Status::No);
        assert_eq!(format!("{error:#}"), "could not apply V1: too many orphans");
    }
}
