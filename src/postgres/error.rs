//! What the server said, in its own words and by its own code.
//!
//! The `postgres` crate displays an error of the server as `db error`. Decisions are made by
//! SQLSTATE alone: the words come in the server's language
//! (<https://www.postgresql.org/docs/current/errcodes-appendix.html>).

use std::error::Error as _;
use std::io;

use postgres::error::{DbError, SqlState};

/// An error of the server, or of the way to it, told to a person.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct ServerError {
    message: String,
    hint: Option<String>,
    code: Option<SqlState>,
}

impl ServerError {
    /// The SQLSTATE; none where it was not the server that spoke.
    #[must_use]
    pub fn code(&self) -> Option<&SqlState> {
        self.code.as_ref()
    }
}

impl From<&postgres::Error> for ServerError {
    fn from(error: &postgres::Error) -> Self {
        match error.as_db_error() {
            Some(told) => ServerError {
                message: words(told),
                hint: told.hint().map(sentence).or_else(|| hint_for(told.code())),
                code: Some(told.code().clone()),
            },
            None => ServerError {
                message: cause(error),
                hint: is_lost(error).then(|| {
                    "the connection ended; what was not committed is rolled back, so run it again"
                        .to_owned()
                }),
                code: None,
            },
        }
    }
}

impl From<postgres::Error> for ServerError {
    fn from(error: postgres::Error) -> Self {
        ServerError::from(&error)
    }
}

/// The same error with every error of the `postgres` crate in the server's words; what was
/// attempted stays in front of it.
#[must_use]
pub fn explained(error: anyhow::Error) -> anyhow::Error {
    let Some(found) = find(&error) else {
        return error;
    };
    let told = anyhow::Error::new(ServerError::from(found));
    let attempts: Vec<String> = error
        .chain()
        .take_while(|cause| !cause.is::<postgres::Error>())
        .map(ToString::to_string)
        .collect();
    attempts
        .into_iter()
        .rev()
        .fold(told, anyhow::Error::context)
}

/// A word for the SQLSTATE of `error`, for programs.
#[must_use]
pub fn word(error: &anyhow::Error) -> Option<&'static str> {
    let state = code(error)?.code();
    Some(match state {
        "55P03" | "40P01" | "40001" => "locked",
        "25006" => "read-only",
        "53100" => "disk-full",
        "42501" => "no-permission",
        "57014" => "interrupted",
        state if state.starts_with("08") || state.starts_with("57P") => "cannot-connect",
        state if state.starts_with("23") => "constraint",
        _ => "server",
    })
}

/// The SQLSTATE of an error, explained or not.
#[must_use]
pub fn code(error: &anyhow::Error) -> Option<&SqlState> {
    let explained = || {
        let told = error
            .chain()
            .find_map(|cause| cause.downcast_ref::<ServerError>());
        told.and_then(ServerError::code)
    };
    find(error)
        .and_then(postgres::Error::code)
        .or_else(explained)
}

/// The remedy that the server named, or one by its code.
#[must_use]
pub fn hint(error: &anyhow::Error) -> Option<String> {
    let told = error
        .chain()
        .find_map(|cause| cause.downcast_ref::<ServerError>());
    match told {
        Some(told) => told.hint.clone(),
        None => ServerError::from(find(error)?).hint,
    }
}

/// Whether the same transaction may succeed when it is tried again: a lock that was not had in
/// time, a deadlock, a conflict of snapshots.
#[must_use]
pub fn is_passing(code: &SqlState) -> bool {
    [
        SqlState::LOCK_NOT_AVAILABLE,
        SqlState::T_R_DEADLOCK_DETECTED,
        SqlState::T_R_SERIALIZATION_FAILURE,
    ]
    .contains(code)
}

fn find(error: &anyhow::Error) -> Option<&postgres::Error> {
    error.chain().find_map(|cause| cause.downcast_ref())
}

/// The server's message and detail in one sentence.
pub(crate) fn words(told: &DbError) -> String {
    let message = sentence(told.message());
    match told.detail() {
        Some(detail) => format!("{message}: {}", sentence(detail)),
        None => message,
    }
}

/// Without the full stop that the server's details and hints end with.
fn sentence(text: &str) -> String {
    text.trim_end().trim_end_matches('.').to_owned()
}

/// The innermost cause; the crate's own sentence where there is none.
pub(crate) fn cause(error: &postgres::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    cause.to_string()
}

fn is_lost(error: &postgres::Error) -> bool {
    error.is_closed()
        || error
            .source()
            .is_some_and(<dyn std::error::Error>::is::<io::Error>)
}

fn hint_for(code: &SqlState) -> Option<String> {
    let hint = if *code == SqlState::INSUFFICIENT_PRIVILEGE {
        "run as the owner of the table, or as a role that was granted this"
    } else if *code == SqlState::READ_ONLY_SQL_TRANSACTION {
        "this server only reads (a standby, or default_transaction_read_only); connect to the primary"
    } else if *code == SqlState::LOCK_NOT_AVAILABLE {
        "another session holds the table; end its transaction, or wait longer with --lock-wait"
    } else if *code == SqlState::DISK_FULL {
        "free space on the server's disk, then run it again"
    } else if *code == SqlState::QUERY_CANCELED {
        "the statement was cancelled on the server; run it again"
    } else if *code == SqlState::ADMIN_SHUTDOWN || *code == SqlState::CRASH_SHUTDOWN {
        "the server was stopped; what was not committed is rolled back, so run it again"
    } else {
        return None;
    };
    Some(hint.to_owned())
}
