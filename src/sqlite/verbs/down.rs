//! `fkfix down`: reverts applied migrations.

use std::path::PathBuf;

use anyhow::Result;

use super::Database;
use crate::report::change::DownReport;
use crate::report::plan::{DownPlan, PlannedReturn};
use crate::sqlite::apply::down::{self, Order};
use crate::sqlite::apply::history;
use crate::sqlite::enforce;
use crate::sqlite::file::{connection, reading};
use crate::sqlite::write::shell;

/// What `down` did.
#[derive(Debug)]
pub struct Reverted {
    /// What there is to tell.
    pub report: DownReport,
    /// Triggers of `fkfix enforce` still carry out keys that are gone.
    pub stale_triggers: bool,
    /// What SQLite accepted and what will cost something.
    pub warnings: Vec<String>,
}

/// What `down` would do.
#[derive(Debug)]
pub struct DownPlanned {
    /// What there is to tell.
    pub report: DownPlan,
    /// The script that does the same elsewhere, where it is asked for and there is something to do.
    pub script: Option<String>,
    /// What SQLite accepts and what will cost something.
    pub warnings: Vec<String>,
}

impl Database {
    /// Reverts the newest applied migration, or all above the version `to`, in one transaction; a
    /// copy goes to `backup` first.
    pub fn down(
        &self,
        order: Order<'_>,
        to: Option<i64>,
        backup: Option<&PathBuf>,
    ) -> Result<Reverted> {
        let location = &self.location;
        let mut reverted = Reverted {
            report: DownReport {
                database: self.name(),
                to,
                backup: None,
                taken_back: Vec::new(),
            },
            stale_triggers: false,
            warnings: Vec::new(),
        };
        let mut database = connection::open(location, self.lock_timeout)?;
        if history::to_take_back(order.migrations, &history::read(&database)?, to)?.is_empty() {
            return Ok(reverted);
        }
        let transaction = connection::begin(&mut database, location)?;
        // Another run may have been faster than the lock.
        let applied = history::to_take_back(order.migrations, &history::read(&transaction)?, to)?;
        if !applied.is_empty() {
            reverted.report.backup = self.back_up(backup)?;
        }
        let done = down::down(&transaction, order, &applied)?;
        let differences = enforce::differences(&transaction)?;
        reverted.stale_triggers = differences.is_some_and(|found| !found.stale.is_empty());
        connection::commit(transaction, location)?;
        reverted.report.taken_back = done.iter().map(Into::into).collect();
        let warnings = done.into_iter().flat_map(|it| it.warnings);
        reverted.warnings.extend(warnings);
        Ok(reverted)
    }

    /// What [`down`](Self::down) would do, with the script for another SQLite where there is
    /// something to do and `with_script` asks for it.
    pub fn plan_down(
        &self,
        order: Order<'_>,
        to: Option<i64>,
        with_script: bool,
    ) -> Result<DownPlanned> {
        let planned = reading::read(&self.location, self.lock_timeout, |database| {
            let applied = history::read(database)?;
            let applied = history::to_take_back(order.migrations, &applied, to)?;
            down::dry_run(database, order, &applied)
        })?;
        let script = (with_script && !planned.is_empty()).then(|| shell::down(&planned));
        let report = DownPlan {
            database: self.name(),
            to,
            dry_run: true,
            migrations: planned.iter().map(PlannedReturn::new).collect(),
        };
        Ok(DownPlanned {
            report,
            script: script.transpose()?,
            warnings: planned.into_iter().flat_map(|it| it.warnings).collect(),
        })
    }
}
