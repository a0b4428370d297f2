//! What the deletion of a row would do to others.

use crate::model::key::ForeignKey;

/// What happens to other rows when those that are listed are deleted.
#[derive(Clone, Debug, Default)]
pub struct Deletion {
    /// Rows that are deleted too, each counted once, by table.
    pub taken: Vec<Taken>,
    /// Rows whose key is set to NULL or to its default, by key.
    pub changed: Vec<Changed>,
    /// Why the deletion would fail, if it would.
    pub refusals: Vec<Refusal>,
}

/// Rows of one table that are deleted by cascade.
#[derive(Clone, Debug)]
pub struct Taken {
    /// The table.
    pub table: String,
    /// How many.
    pub rows: i64,
    /// The keys by which they go, each with the rows that it was the first to reach.
    pub by: Vec<(String, i64)>,
}

/// Rows that stay and are changed.
#[derive(Clone, Debug)]
pub struct Changed {
    /// The key whose action changes them.
    pub key: ForeignKey,
    /// How many.
    pub rows: i64,
}

/// Why a deletion fails.
#[derive(Clone, Debug)]
pub struct Refusal {
    /// The key that refuses.
    pub key: ForeignKey,
    /// How many rows stand in the way, where it is rows.
    pub rows: i64,
    /// What keeps it.
    pub reason: Reason,
}

/// What keeps a row from being deleted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reason {
    /// The rows refer to it and stay: `RESTRICT` or `NO ACTION`.
    Refers,
    /// The rows go along by another key. This one's action fails unless they go first, and which
    /// is first is the database's to choose.
    RefersAndGoes,
    /// The action would set this column to NULL, which its definition forbids.
    NotNull(String),
    /// The action would set the key to a default that has no parent.
    NoDefaultParent,
    /// The parent's columns are neither PRIMARY KEY nor UNIQUE: each deletion fails.
    NoParentKey,
}
