//! What the archives hold.

use serde::Serialize;

/// What the archives hold.
#[derive(Debug, Serialize)]
pub struct ArchivedReport {
    /// The file.
    pub database: String,
    /// By archive, run and key.
    pub archived: Vec<ArchivedRows>,
}

/// Rows of one archive that left, or forgot a key, for the same reason in the same run.
#[derive(Debug, Serialize)]
pub struct ArchivedRows {
    /// The table that they came from.
    pub table: String,
    /// The archive.
    pub archive: String,
    /// The keys that they broke, or by which they followed.
    pub keys: String,
    /// The migration; none for `clean`.
    pub version: Option<i64>,
    /// When, in UTC.
    pub archived_at: String,
    /// They stayed in their table and forgot a key.
    pub stayed: bool,
    /// How many.
    pub rows: i64,
}
