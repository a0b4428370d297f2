//! Indexes that are built, and edits of the schema.

use crate::sqlite::rebuild::steps::Step;
use crate::sqlite::schema::SchemaObject;

// As those of `way.rs`.
const WORK_PER_INDEXED_ROW: usize = 12;
const WEIGHT_OF_INDEXING: usize = 90;

/// Builds an index, the `at`-th of `count`, over `rows` rows.
#[must_use]
pub fn build_index(index: &SchemaObject, at: usize, count: usize, rows: i64) -> Step {
    let title = format!("build index {at} of {count}, {}", index.name);
    Step::run(title, index.sql.as_str()).over(rows, WORK_PER_INDEXED_ROW, WEIGHT_OF_INDEXING)
}

/// `updates` of `sqlite_schema`, and SQLite's own knowledge of it renewed
/// (<https://www.sqlite.org/pragma.html#pragma_writable_schema>).
#[must_use]
pub fn edit_schema(updates: &str) -> String {
    format!("PRAGMA writable_schema = ON;\n{updates};\nPRAGMA writable_schema = RESET")
}
