//! The orphans of a database.

use serde::Serialize;

use crate::failure::Failure;
use crate::model::key::{ForeignKey, NamedKey};
use crate::model::value::Value;

/// What `fkfix orphans` found.
#[derive(Debug, Serialize)]
pub struct OrphansReport {
    /// The file.
    pub database: String,
    /// Rows that break a key, each counted once.
    pub orphans: i64,
    /// The keys that were looked at, those without orphans included.
    pub keys: Vec<KeyOrphans>,
    /// The tables that have orphans.
    pub tables: Vec<TableOrphans>,
    /// Rows that hang on orphans, by the table that they stand in and the key they hang by.
    pub dependents: Vec<Dependents>,
    /// Declared keys that could not be looked at.
    pub unusable: Vec<UnusableKey>,
}

/// A key and its orphans.
#[derive(Debug, Serialize)]
pub struct KeyOrphans {
    /// The key.
    #[serde(flatten)]
    pub named: NamedKey,
    /// What people call it.
    #[serde(skip)]
    pub label: String,
    /// The place of its child among the tables that were looked at.
    #[serde(skip)]
    pub place: usize,
    /// A migration is about to add it; otherwise the database declares it.
    pub pending: bool,
    /// How many rows break it.
    pub rows: i64,
    /// How many distinct parents they refer to.
    pub dead_parents: i64,
    /// The missing parents that most rows refer to.
    pub most_frequent: Vec<DeadParent>,
    /// The oldest and the newest of the rows, where a column evidently tells the time.
    pub span: Option<Span>,
    /// How many of the rows have a parent whose key differs in case, blanks and hyphens alone.
    #[serde(skip_serializing_if = "super::change::is_zero")]
    pub other_spelling: i64,
}

/// A parent that is not there.
#[derive(Debug, Serialize)]
pub struct DeadParent {
    /// Its key.
    pub key: Vec<Value>,
    /// How many rows refer to it.
    pub rows: i64,
}

/// From when to when.
#[derive(Debug, Serialize)]
pub struct Span {
    /// The column that tells.
    pub column: String,
    /// The least value.
    pub oldest: Value,
    /// The greatest value.
    pub newest: Value,
}

/// The orphans of one table.
#[derive(Debug, Serialize)]
pub struct TableOrphans {
    /// The table.
    pub table: String,
    /// Its place among the tables that were looked at.
    #[serde(skip)]
    pub place: usize,
    /// Its orphans, each counted once.
    pub orphans: i64,
    /// How many of them break more than one key.
    pub break_several: i64,
    /// All its rows.
    pub rows: i64,
    /// The names of its columns.
    pub columns: Vec<String>,
    /// The first few orphans.
    pub sample: Vec<Orphan>,
    /// The columns that tell most, shown first to people.
    #[serde(skip)]
    pub telling: Vec<String>,
}

/// A row.
#[derive(Debug, Serialize)]
pub struct Orphan {
    /// Its rowid, where it has one.
    pub rowid: Value,
    /// The keys that it breaks.
    pub breaks: Value,
    /// Its values, in the order of the columns.
    pub values: Vec<Value>,
}

/// Rows that hang on orphans.
#[derive(Debug, Serialize)]
pub struct Dependents {
    /// The table that they stand in.
    pub table: String,
    /// The key by which they hang on rows that would go.
    pub key: String,
    /// How many.
    pub rows: i64,
    /// They would go along; otherwise they keep `up` from moving the orphans.
    pub go_along: bool,
}

/// A key that can't be looked at.
#[derive(Debug, Serialize)]
pub struct UnusableKey {
    /// The child table.
    pub table: String,
    /// The key.
    pub key: String,
    /// Why.
    pub reason: String,
}

impl UnusableKey {
    /// A key and why it could not be looked at.
    pub fn new((key, reason): &(ForeignKey, String)) -> Self {
        UnusableKey {
            table: key.child.clone(),
            key: key.place(),
            reason: reason.clone(),
        }
    }
}

/// Why the orphans of `tables` can't be one CSV file.
#[must_use]
pub fn several_tables(tables: &str) -> Failure {
    Failure::impossible(format!(
        "several tables have orphans, and a CSV file has one header: {tables}"
    ))
    .hint("choose one with --table")
}
