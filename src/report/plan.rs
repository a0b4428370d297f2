//! What `up` and `down` would do, for a dry run.

use std::fmt::Write as _;
use std::time::Duration;

use indicatif::{HumanBytes, HumanDuration};
use serde::Serialize;

use super::change::{AppliedMigration, TakenBackMigration};
use super::output::Report;
use crate::policy::Policy;
use crate::sqlite::back::TakenBack;
use crate::sqlite::driver::{Done, Outcome};
use crate::sqlite::rebuild::Way;
use crate::sqlite::space::Space;
use crate::sqlite::steps::Step;

/// What `fkfix up --dry-run` found.
#[derive(Debug, Serialize)]
pub struct UpPlan {
    /// The file.
    pub database: String,
    /// Always true: nothing was changed.
    pub dry_run: bool,
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

impl From<Space> for SpaceReport {
    fn from(space: Space) -> Self {
        SpaceReport {
            needed: space.needed,
            free: space.free,
            needed_in_temporary_folder: space.needed_for_sorting,
            free_in_temporary_folder: space.free_for_sorting,
        }
    }
}

impl PlannedMigration {
    /// What `outcome` would do under `policy`.
    pub fn new(outcome: &Outcome<'_>, policy: &Policy) -> Self {
        let steps = outcome.parts.iter().flat_map(|part| match part {
            Done::Statement(step) => vec![step.title()],
            Done::Keys(plan) => titles(&plan.steps),
        });
        let tables = outcome.plans().flat_map(|plan| &plan.tables);
        let ways = tables.filter_map(|table| {
            let way = table.way?;
            if let Some(reason) = &table.because {
                let kept = match way {
                    Way::Edit => "keeps its place in the file",
                    _ => "is copied as it lies in the file",
                };
                return Some(format!("{} {kept}: {reason}", table.name));
            }
            let way = match way {
                Way::Edit => "keeps its place in the file: few of its rows leave",
                Way::Transfer => "is copied as it lies in the file, indexes too: few of its rows leave",
                Way::TransferRecords => "is copied as it lies in the file, and its indexes are built anew",
                Way::Rows => "is copied row by row, and its indexes are built anew: many rows leave, or its rowids must be kept",
            };
            Some(format!("{} {way}", table.name))
        });
        PlannedMigration {
            change: AppliedMigration::new(outcome, policy),
            warnings: outcome.warnings().cloned().collect(),
            ways: ways.collect(),
            steps: steps.collect(),
        }
    }
}

fn titles(steps: &[Step]) -> Vec<String> {
    steps.iter().map(Step::title).collect()
}

fn numbered(text: &mut String, steps: &[String]) {
    let width = steps.len().to_string().len();
    for (at, step) in steps.iter().enumerate() {
        let _ = writeln!(text, "    {:>width$}. {step}", at + 1);
    }
}

impl Report for UpPlan {
    fn text(&self, _: Option<u16>) -> String {
        if self.migrations.is_empty() {
            return format!("nothing to do: {} has every migration\n", self.database);
        }
        let mut text = format!("dry run: {} is not changed\n", self.database);
        for migration in &self.migrations {
            let change = &migration.change;
            let _ = writeln!(text, "\nwould apply V{} {}", change.version, change.name);
            text.push_str(&change.details(true));
            for way in &migration.ways {
                let _ = writeln!(text, "  {way}");
            }
            text.push_str("  steps\n");
            numbered(&mut text, &migration.steps);
        }
        if let Some(space) = &self.space {
            let _ = writeln!(
                text,
                "\ndisk space: about {} beside the database ({} free), {} in the temporary folder ({} free)",
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

impl PlannedReturn {
    /// What `back` would do.
    pub fn new(back: &TakenBack) -> Self {
        PlannedReturn {
            steps: titles(&back.steps),
            change: back.into(),
        }
    }
}

impl Report for DownPlan {
    fn text(&self, _: Option<u16>) -> String {
        if self.migrations.is_empty() {
            return format!(
                "nothing to do: no migration is applied to {}\n",
                self.database
            );
        }
        let mut text = format!("dry run: {} is not changed\n", self.database);
        for migration in &self.migrations {
            let change = &migration.change;
            let _ = writeln!(
                text,
                "\nwould take back V{} {}",
                change.version, change.name
            );
            text.push_str(&change.details(true));
            text.push_str("  steps\n");
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
