//! That a migration was marked, and nothing was run.

use serde::Serialize;

use crate::standing::Applied;
use crate::standing::resolve::{Change, Order};

/// What `fkfix resolve` did, or would do.
#[derive(Debug, Serialize)]
pub struct ResolveReport {
    /// The database.
    pub database: String,
    /// Nothing was changed.
    pub dry_run: bool,
    /// The migration's number.
    pub version: i64,
    /// Its name.
    pub name: String,
    /// What it is marked as: `applied` or `reverted`.
    pub marked: &'static str,
    /// Whether the history says something else than before.
    pub changed: bool,
    /// Why, in the user's words.
    pub reason: Option<String>,
    /// The keys that it asks for, and whether they are there.
    pub keys: Vec<ResolvedKey>,
    /// What does not fit the mark, and is left to the user.
    pub warnings: Vec<String>,
}

/// A key that the migration asks for.
#[derive(Debug, Serialize)]
pub struct ResolvedKey {
    /// The child table.
    pub table: String,
    /// Its name, where it has one.
    pub constraint: Option<String>,
    /// Whether it is there.
    pub is_there: bool,
    /// Why it can't be.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub obstacle: Option<String>,
}

impl ResolvedKey {
    /// What of it does not fit the mark: it is missing, or still there.
    fn misfit(&self, as_applied: bool) -> Option<String> {
        let name = self.constraint.as_deref().unwrap_or("a key");
        let table = &self.table;
        if as_applied == self.is_there {
            return None;
        }
        Some(match (&self.obstacle, as_applied) {
            (Some(obstacle), _) => format!("{name} of {table} is not there: {obstacle}"),
            (None, true) => format!("{name} of {table} is not there"),
            (None, false) => format!("{name} of {table} is still there"),
        })
    }
}

impl ResolveReport {
    /// What `change` does for `order` to the history of `database`, which has `applied`; of the
    /// database itself nothing is known yet.
    #[must_use]
    pub fn new(
        database: &str,
        order: &Order<'_>,
        applied: &[Applied],
        change: &Change<'_>,
    ) -> Self {
        ResolveReport {
            database: database.to_owned(),
            dry_run: order.dry_run,
            version: order.version,
            name: order.name(applied),
            marked: if order.as_applied {
                "applied"
            } else {
                "reverted"
            },
            changed: !matches!(change, Change::Nothing),
            reason: order.reason.map(str::to_owned),
            keys: Vec::new(),
            warnings: Vec::new(),
        }
    }

    /// Adds a warning for each key that does not fit the mark.
    #[must_use]
    pub fn with_misfits(mut self) -> Self {
        let as_applied = self.marked == "applied";
        let misfits = self.keys.iter().filter_map(|key| key.misfit(as_applied));
        let misfits: Vec<_> = misfits.collect();
        self.warnings.splice(0..0, misfits);
        self
    }
}
