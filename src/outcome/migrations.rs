//! What `up` and `down` did, or would do: one shape for both.

use serde::Serialize;

use crate::outcome::change::{AppliedMigration, TakenBackMigration};

/// What `fkfix up` did, or would do.
#[derive(Debug, Default, Serialize)]
pub struct UpReport {
    /// The database.
    pub database: String,
    /// The version at which to stop, if one was given.
    pub to: Option<i64>,
    /// Nothing was changed.
    pub dry_run: bool,
    /// The copy that was taken first.
    pub backup: Option<String>,
    /// The migrations that were applied, or would be, in order.
    pub migrations: Vec<UpMigration>,
    /// Why the run would be refused, if it would.
    pub refused: Option<String>,
    /// Room on the disk that it takes; none where nothing is pending, or all is done.
    pub space: Option<Space>,
    /// About how many seconds it would take; none where that can't be told, or all is done.
    pub seconds: Option<f64>,
    /// There is no migration for this database.
    #[serde(skip)]
    pub none_apply: bool,
}

/// A migration and what it does.
#[derive(Debug, Serialize)]
pub struct UpMigration {
    /// What it does.
    #[serde(flatten)]
    pub change: AppliedMigration,
    /// What the database accepts and what will cost something.
    pub warnings: Vec<String>,
    /// How each table comes by its new definition, and why so.
    pub ways: Vec<String>,
    /// The steps, in order.
    pub steps: Vec<String>,
}

impl From<AppliedMigration> for UpMigration {
    fn from(change: AppliedMigration) -> Self {
        UpMigration {
            change,
            warnings: Vec::new(),
            ways: Vec::new(),
            steps: Vec::new(),
        }
    }
}

/// What `fkfix down` did, or would do.
#[derive(Debug, Default, Serialize)]
pub struct DownReport {
    /// The database.
    pub database: String,
    /// The version above which to revert all, if one was given.
    pub to: Option<i64>,
    /// Nothing was changed.
    pub dry_run: bool,
    /// The copy that was taken first.
    pub backup: Option<String>,
    /// The migrations that were reverted, or would be, newest first.
    pub migrations: Vec<DownMigration>,
}

/// A migration and what reverting it does.
#[derive(Debug, Serialize)]
pub struct DownMigration {
    /// What it does.
    #[serde(flatten)]
    pub change: TakenBackMigration,
    /// The steps, in order.
    pub steps: Vec<String>,
}

impl From<TakenBackMigration> for DownMigration {
    fn from(change: TakenBackMigration) -> Self {
        DownMigration {
            change,
            steps: Vec::new(),
        }
    }
}

/// Room on the disk, in bytes.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Space {
    /// Needed beside the database at the peak, over what is there now.
    pub needed: u64,
    /// Free there.
    pub free: u64,
    /// Needed in the temporary folder, by sorting and the lists of leaving rows.
    pub needed_in_temporary_folder: u64,
    /// Free there.
    pub free_in_temporary_folder: u64,
    /// Both are one file system, so both needs must fit together.
    #[serde(skip)]
    pub shared: bool,
}
