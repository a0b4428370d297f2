//! The sample database of the demo, and what an application would do to it.

use std::path::Path;

use anyhow::{Context as _, Result};
use rusqlite::{Connection, OpenFlags};

use crate::failure::Failure;

/// Makes the sample database in a new file.
pub fn create(path: &Path) -> Result<()> {
    if path.symlink_metadata().is_ok() {
        return Err(
            Failure::impossible(format!("{} exists already", path.display()))
                .hint("name a file that does not exist; the demo overwrites nothing")
                .into(),
        );
    }
    let doing = || format!("could not make the sample database {}", path.display());
    let connection = Connection::open(path).with_context(doing)?;
    let script = include_str!("sample.sql");
    connection
        .execute_batch(&format!("BEGIN;\n{script}\nCOMMIT;"))
        .with_context(doing)
}

/// Runs `statement` as the application would, with foreign keys on.
pub fn run(path: &Path, statement: &str) -> Result<()> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let doing = || format!("could not run {statement}");
    let connection = Connection::open_with_flags(path, flags).with_context(doing)?;
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.execute_batch(statement).with_context(doing)
}

/// How many logs the sample database has.
pub fn count_logs(path: &Path) -> Result<i64> {
    let connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    crate::sqlite::schema::row_counts::count_rows(&connection, "webhook_logs")
}

/// A rule is deleted.
pub const DELETE_RULE: &str = "DELETE FROM alert_rules WHERE id = 'rule-3'";
/// An event is deleted.
pub const DELETE_EVENT: &str = "DELETE FROM events WHERE id = 'event-7'";
