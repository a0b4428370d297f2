//! What `up` and `down` would do, for a dry run.

use std::fmt::Write as _;
use std::time::Duration;

use indicatif::{HumanBytes, HumanDuration};
use serde::Serialize;

use super::change::{
    AppliedMigration, TakenBackMigration, Tense, has_every_migration, has_no_migration,
    none_applies,
};
use super::output::Report;
use crate::text::Lines;

/// What `fkfix up --dry-run` found.
#[derive(Debug, Serialize)]
pub struct UpPlan {
    /// The file.
    pub database: String,
    /// The version at which to stop, if one was given.
    pub to: Option<i64>,
    /// Always true: nothing was changed.
    pub dry_run: bool,
    /// There is no migration for this database.
    #[serde(skip)]
    pub none_apply: bool,
    /// The migrations that would be applied.
    pub migrations: Vec<PlannedMigration>,
    /// Why the run would be refused, if it would.
    pub refused: Option<String>,
    /// Room on the disk; none where nothing is pending.
    pub space: Option<SpaceReport>,
    /// About how many seconds it would take; none where that can't be told.
    pub seconds: Option<f64>,
}

/// A migration and what it would do.
#[derive(Debug, Serialize)]
pub struct PlannedMigration {
    /// What it would do.
    #[serde(flatten)]
    pub change: AppliedMigration,
    /// What SQLite accepts and what will cost something.
    pub warnings: Vec<String>,
    /// How each table comes by its new definition, and why so.
    pub ways: Vec<String>,
    /// The steps, in order.
    pub steps: Vec<String>,
}

/// Room on the disk, in bytes.
#[derive(Debug, Serialize)]
pub struct SpaceReport {
    /// Needed beside the database at the peak.
    pub needed: u64,
    /// Free there.
    pub free: u64,
    /// Needed in the temporary folder.
    pub needed_in_temporary_folder: u64,
    /// Free there.
    pub free_in_temporary_folder: u64,
}

pub(super) fn numbered(text: &mut Lines, steps: &[String]) {
    let width = steps.len().to_string().len();
    for (at, step) in steps.iter().enumerate() {
        let _ = writeln!(text, "    {:>width$}. {step}", at + 1);
    }
}

impl Report for UpPlan {
    fn text(&self, _: Option<u16>) -> Lines {
        if self.none_apply {
            return none_applies(&self.database);
        }
        if self.migrations.is_empty() {
            return has_every_migration(&self.database, self.to);
        }
        let mut text = Lines::of(&format!("dry run: {} is not changed", self.database));
        for migration in &self.migrations {
            let change = &migration.change;
            text.blank();
            let _ = writeln!(text, "would apply V{} {}", change.version, change.name);
            text.append(&change.details(Tense::Planned));
            for way in &migration.ways {
                let _ = writeln!(text, "  {way}");
            }
            let _ = writeln!(text, "  steps");
            numbered(&mut text, &migration.steps);
        }
        if let Some(space) = &self.space {
            text.blank();
            let _ = writeln!(
                text,
                "disk space: about {} beside the database ({} free), {} in the temporary folder ({} free)",
                HumanBytes(space.needed),
                HumanBytes(space.free),
                HumanBytes(space.needed_in_temporary_folder),
                HumanBytes(space.free_in_temporary_folder),
            );
        }
        if let Some(seconds) = self.seconds {
            let _ = writeln!(text, "time: about {}", duration(seconds));
        }
        text
    }
}

/// What `fkfix down --dry-run` found.
#[derive(Debug, Serialize)]
pub struct DownPlan {
    /// The file.
    pub database: String,
    /// The version above which to take all back, if one was given.
    pub to: Option<i64>,
    /// Always true: nothing was changed.
    pub dry_run: bool,
    /// The migrations that would be taken back, newest first.
    pub migrations: Vec<PlannedReturn>,
}

/// A migration and what taking it back would do.
#[derive(Debug, Serialize)]
pub struct PlannedReturn {
    /// What it would do.
    #[serde(flatten)]
    pub change: TakenBackMigration,
    /// The steps, in order.
    pub steps: Vec<String>,
}

impl Report for DownPlan {
    fn text(&self, _: Option<u16>) -> Lines {
        if self.migrations.is_empty() {
            return has_no_migration(&self.database, self.to);
        }
        let mut text = Lines::of(&format!("dry run: {} is not changed", self.database));
        for migration in &self.migrations {
            let change = &migration.change;
            text.blank();
            let _ = writeln!(text, "would revert V{} {}", change.version, change.name);
            text.append(&change.details(Tense::Planned));
            let _ = writeln!(text, "  steps");
            numbered(&mut text, &migration.steps);
        }
        text
    }
}

/// In words that promise no more than an estimate holds.
fn duration(seconds: f64) -> String {
    if seconds < 1.0 {
        return "a second or less".to_owned();
    }
    let whole = Duration::try_from_secs_f64(seconds.round()).unwrap_or(Duration::MAX);
    HumanDuration(whole).to_string()
}
