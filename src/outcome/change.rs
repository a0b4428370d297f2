//! What a migration does to tables and their rows, done or planned.

use std::slice;

use serde::Serialize;

use crate::model::kept::{Cause, Kept};
use crate::model::key::NamedKey;
use crate::outcome::key::Key;
use crate::text::listing;

/// One migration and what it did.
#[derive(Debug, Serialize)]
pub struct AppliedMigration {
    /// Its number.
    pub version: i64,
    /// Its name.
    pub name: String,
    /// The child tables.
    pub tables: Vec<ChildTable>,
    /// The rows that left.
    pub removed: Vec<RemovedRows>,
    /// The rows that stayed and forgot a key.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub set_null: Vec<ForgottenKeys>,
}

/// A child table and its keys.
#[derive(Debug, Serialize)]
pub struct ChildTable {
    /// Its name.
    pub table: String,
    /// Rows before.
    pub rows_before: i64,
    /// Rows after.
    pub rows_after: i64,
    /// Keys that it got.
    pub added: Vec<Key>,
    /// Keys that it had already.
    pub adopted: Vec<Key>,
}

/// Rows that left a table.
#[derive(Debug, Serialize)]
pub struct RemovedRows {
    /// The table.
    pub table: String,
    /// How many rows, each counted once.
    pub rows: i64,
    /// How many of them break more than one key.
    pub break_several: i64,
    /// Where they are kept, if they are.
    pub archive: Option<String>,
    /// How many by each key; a row that breaks two keys counts for both.
    pub by_key: Vec<ByKey>,
}

/// The rows that left because of one key.
#[derive(Debug, Serialize)]
pub struct ByKey {
    /// The key.
    pub key: String,
    /// How many rows.
    pub rows: i64,
    /// They break the key; otherwise they went along with the parent that they refer to.
    pub orphans: bool,
    /// Why they left, where their key does not say so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub because: Option<String>,
}

/// Rows of a table that stayed and forgot a key: it became NULL, or its default.
#[derive(Debug, Serialize)]
pub struct ForgottenKeys {
    /// The table.
    pub table: String,
    /// How many rows, each counted once.
    pub rows: i64,
    /// Where they are kept as they were, if they are.
    pub archive: Option<String>,
    /// The columns that were set.
    pub columns: Vec<String>,
    /// Some were set to their default, which is not NULL.
    pub to_default: bool,
    /// How many by each key; a row that forgets two keys counts for both.
    pub by_key: Vec<ByKey>,
}

/// One migration and what taking it back did.
#[derive(Debug, Default, Serialize)]
pub struct TakenBackMigration {
    /// Its number.
    pub version: i64,
    /// Its name.
    pub name: String,
    /// Keys that were there before the migration and so stay, as `table.constraint`.
    pub left: Vec<String>,
    /// Rows that came back.
    pub restored: Vec<RestoredRows>,
}

/// Rows that came back from an archive.
#[derive(Debug, Serialize)]
pub struct RestoredRows {
    /// The table.
    pub table: String,
    /// The archive.
    pub archive: String,
    /// Rows that are in the table again.
    pub rows: i64,
    /// How many of these were there already, just as they were archived.
    #[serde(skip_serializing_if = "is_zero")]
    pub there_already: i64,
    /// Rows that could not go back and stay in the archive.
    pub kept: i64,
    /// Why, each of them counted once.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub kept_because: Vec<KeptRows>,
}

/// Rows that stay in an archive for one reason: a [`Kept`], laid out as a document has it, with the
/// words that only one who knows the table can say.
#[derive(Debug, Serialize)]
pub struct KeptRows {
    /// How many.
    pub rows: i64,
    /// The reason: `breaks_key`, `taken`, `not_null`, `converted`, `changed`, `row_gone`,
    /// `column_gone` or `table_gone`.
    pub cause: &'static str,
    /// The columns that are taken, must not be NULL, or are gone.
    pub columns: Vec<String>,
    /// The keys that they would break.
    pub keys: Vec<Key>,
    /// The reason for people.
    #[serde(skip)]
    pub text: String,
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde hands over a reference"
)]
pub(super) fn is_zero(rows: &i64) -> bool {
    *rows == 0
}

impl KeptRows {
    /// `kept`, which left `table`.
    #[must_use]
    pub fn new(kept: &Kept, table: &str) -> Self {
        let (cause, columns, keys) = match &kept.cause {
            Cause::TableGone => ("table_gone", &[][..], &[][..]),
            Cause::ColumnGone(name) => ("column_gone", slice::from_ref(name), &[][..]),
            Cause::Taken(names) => ("taken", names.as_slice(), &[][..]),
            Cause::NotNull(name) => ("not_null", slice::from_ref(name), &[][..]),
            Cause::Converted => ("converted", &[][..], &[][..]),
            Cause::Changed(names) => ("changed", names.as_slice(), &[][..]),
            Cause::RowGone => ("row_gone", &[][..], &[][..]),
            Cause::BreakKeys(keys) => ("breaks_key", &[][..], keys.as_slice()),
        };
        let names = listing(columns);
        let text = match &kept.cause {
            Cause::TableGone => format!("the table {table} is gone"),
            Cause::ColumnGone(name) => format!("the column {name} of {table} is gone"),
            Cause::Taken(_) if columns.is_empty() => {
                format!("a unique index of {table} has another row in their place")
            }
            Cause::Taken(_) if columns.len() == 1 => format!("{names} is taken in {table}"),
            Cause::Taken(_) => format!("{names} are taken in {table}"),
            Cause::NotNull(name) => format!("{name} may not be NULL in {table}"),
            Cause::Converted => format!("{table} would store a value of theirs as another"),
            Cause::Changed(_) => format!("{names} of {table} changed since"),
            Cause::RowGone if kept.rows == 1 => format!("its row is gone from {table}"),
            Cause::RowGone => format!("their rows are gone from {table}"),
            Cause::BreakKeys(_) => {
                let it = if kept.rows == 1 {
                    "it breaks"
                } else {
                    "they break"
                };
                let stay = if keys.len() == 1 { "stays" } else { "stay" };
                let keys: Vec<_> = keys.iter().map(NamedKey::text).collect();
                format!("{it} {}, which {stay}", listing(&keys))
            }
        };
        KeptRows {
            rows: kept.rows,
            cause,
            columns: columns.to_vec(),
            keys: keys.iter().cloned().map(Key::from).collect(),
            text,
        }
    }
}
