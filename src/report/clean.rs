//! What `fkfix clean` and `fkfix restore` did, or would do.

use std::fmt::Write as _;

use serde::Serialize;

use super::change::{ForgottenKeys, RemovedRows, RestoredRows, Tense};
use super::orphans::UnusableKey;
use super::output::Report;
use crate::failure::Failure;
use crate::text::{Lines, plural, rows};

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

impl Report for CleanReport {
    fn text(&self, _: Option<u16>) -> Lines {
        let keys = plural(i64::try_from(self.keys).unwrap_or(i64::MAX), "declared key");
        if self.removed.is_empty() && self.set_null.is_empty() && self.validated.is_empty() {
            return Lines::of(&format!("nothing to do: no orphans ({keys} checked)"));
        }
        let (mut text, tense) = if self.dry_run {
            let text = Lines::of(&format!("dry run: {} is not changed", self.database));
            (text, Tense::Planned)
        } else {
            (Lines::default(), Tense::Done)
        };
        if let Some(backup) = &self.backup {
            let _ = writeln!(text, "backup written to {backup}");
        }
        if self.dry_run {
            text.blank();
            let _ = writeln!(text, "would clean {keys}");
        } else {
            let _ = writeln!(text, "cleaned {keys}");
        }
        for removed in &self.removed {
            text.append(&removed.text(tense));
        }
        for forgotten in &self.set_null {
            text.append(&forgotten.text(tense));
        }
        for key in self.validated.iter().filter(|_| !self.dry_run) {
            let _ = writeln!(text, "  validated {} of {}", key.constraint, key.table);
        }
        if self.dry_run {
            for way in &self.ways {
                let _ = writeln!(text, "  {way}");
            }
            super::migrations::numbered(&mut text, &self.steps);
        }
        text
    }
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

impl Report for RestoreReport {
    fn text(&self, _: Option<u16>) -> Lines {
        if self.restored.is_empty() {
            return Lines::of(&format!(
                "nothing to do: {} has no archived rows",
                self.database
            ));
        }
        let mut text = Lines::default();
        let tense = if self.dry_run {
            let _ = writeln!(text, "dry run: {} is not changed", self.database);
            text.blank();
            Tense::Planned
        } else {
            Tense::Done
        };
        if let Some(backup) = &self.backup {
            let _ = writeln!(text, "backup written to {backup}");
        }
        for restored in &self.restored {
            text.append(&restored.text(tense));
        }
        text
    }
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

impl Report for PurgeReport {
    fn text(&self, _: Option<u16>) -> Lines {
        if self.purged.is_empty() {
            return Lines::of("nothing to do: no archived row is so old");
        }
        let mut text = Lines::default();
        if self.dry_run {
            let _ = writeln!(text, "dry run: {} is not changed", self.database);
            text.blank();
        }
        if let Some(backup) = &self.backup {
            let _ = writeln!(text, "backup written to {backup}");
        }
        for purged in &self.purged {
            let (gone, archive) = (rows(purged.rows), &purged.archive);
            let left = rows(purged.left);
            let _ = if self.dry_run {
                writeln!(
                    text,
                    "  {gone} of {archive} would be deleted for good; {left} would stay"
                )
            } else {
                writeln!(
                    text,
                    "  {gone} deleted from {archive} for good; {left} left"
                )
            };
        }
        text
    }
}
