//! The database of a case.

use std::path::Path;

use rusqlite::Connection;
use rusqlite::functions::FunctionFlags;

use super::Case;

/// What the application has that fkfix has not: a function, and a collation.
pub fn as_the_application(connection: &Connection) {
    let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC;
    connection
        .create_scalar_function("own", 1, flags, |call| Ok(format!("{:?}", call.get_raw(0))))
        .unwrap();
    connection
        .create_collation("LOCALIZED", |left: &str, right: &str| left.cmp(right))
        .unwrap();
}

/// Makes the database; false where SQLite refuses one of its tables.
pub fn build(case: &Case, path: &Path) -> bool {
    let connection = Connection::open(path).unwrap();
    as_the_application(&connection);
    connection
        .execute_batch("PRAGMA foreign_keys = OFF; PRAGMA synchronous = OFF")
        .unwrap();
    let mut tables = true;
    for statement in &case.statements {
        // Rows, indexes and triggers that the generator got wrong are not in the database.
        let made = connection.execute_batch(statement).is_ok();
        let word = |at| {
            statement
                .split_ascii_whitespace()
                .nth(at)
                .unwrap_or_default()
        };
        let comment = statement.starts_with("Create /*");
        let table = word(0).eq_ignore_ascii_case("create")
            && (comment || word(1).eq_ignore_ascii_case("table"));
        tables &= made || !table;
    }
    // A type that a STRICT table does not have leaves a schema that nobody can read.
    tables
        && Connection::open(path)
            .unwrap()
            .execute_batch("SELECT 1 FROM sqlite_schema")
            .is_ok()
}
