//! What `clean` and `restore` did, or would do.

use serde::Serialize;

use crate::failure::Failure;
use crate::outcome::change::{ForgottenKeys, RemovedRows, RestoredRows};
use crate::outcome::orphans::UnusableKey;

/// What cleaning did, or would do.
#[derive(Debug)]
pub struct Cleaned {
    /// The report.
    pub report: CleanReport,
    /// What is not looked at, and what will cost something.
    pub warnings: Vec<String>,
    /// Why a run would be refused, if it would.
    pub refusal: Option<Failure>,
    /// The same as a script, where one was asked for and a run would change something.
    pub script: Option<String>,
}

/// A key that was NOT VALID.
#[derive(Debug, Serialize)]
pub struct ValidatedKey {
    /// The child table.
    pub table: String,
    /// Its name.
    pub constraint: String,
}

/// What became of the orphans of declared keys.
#[derive(Debug, Serialize)]
pub struct CleanReport {
    /// The file.
    pub database: String,
    /// Nothing was changed.
    pub dry_run: bool,
    /// The copy that was taken first.
    pub backup: Option<String>,
    /// How many keys were looked at.
    pub keys: usize,
    /// The rows that left.
    pub removed: Vec<RemovedRows>,
    /// The rows that stayed and forgot a key.
    pub set_null: Vec<ForgottenKeys>,
    /// Keys that were NOT VALID and are valid now.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub validated: Vec<ValidatedKey>,
    /// Keys that could not be looked at.
    pub unusable: Vec<UnusableKey>,
    /// How a server would be changed, and why so.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub ways: Vec<String>,
    /// What SQLite accepts and what will cost something.
    pub warnings: Vec<String>,
    /// Why the run would be refused, if it would.
    pub refused: Option<String>,
    /// The steps, in order.
    pub steps: Vec<String>,
}

/// What `fkfix restore` put back, or would.
#[derive(Debug, Serialize)]
pub struct RestoreReport {
    /// The file.
    pub database: String,
    /// Nothing was changed.
    pub dry_run: bool,
    /// The copy that was taken first.
    pub backup: Option<String>,
    /// The rows, by archive.
    pub restored: Vec<RestoredRows>,
}

/// What `fkfix restore --purge` deleted, or would.
#[derive(Debug, Serialize)]
pub struct PurgeReport {
    /// The file.
    pub database: String,
    /// Nothing was changed.
    pub dry_run: bool,
    /// The copy that was taken first.
    pub backup: Option<String>,
    /// The rows, by archive.
    pub purged: Vec<PurgedRows>,
}

/// Rows that are deleted from an archive.
#[derive(Debug, Serialize)]
pub struct PurgedRows {
    /// The archive.
    pub archive: String,
    /// The table that they came from.
    pub table: String,
    /// How many.
    pub rows: i64,
    /// How many stay in the archive.
    pub left: i64,
}
