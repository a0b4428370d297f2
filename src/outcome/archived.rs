//! What the archives hold.

use serde::Serialize;

use crate::failure::Failure;
use crate::text;

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

/// That the table `only` has no archive.
#[must_use]
pub fn no_archive(only: &str) -> Failure {
    Failure::impossible(format!("{only} has no archive"))
        .hint("fkfix orphans --archived lists what the archives hold")
}

/// Fails where `rows` would be deleted and the user was asked about `most`.
pub fn must_be_as_asked(rows: i64, most: Option<i64>) -> Result<(), Failure> {
    match most.filter(|most| rows > *most) {
        Some(most) => Err(Failure::impossible(format!(
            "{} would be deleted, and the question was about {most}",
            text::rows(rows)
        ))
        .hint("run it again")),
        None => Ok(()),
    }
}
