//! `fkfix down`: reverts applied migrations.

use std::path::PathBuf;

use anyhow::Result;

use super::Database;
use crate::outcome::migrations::{DownMigration, DownReport};
use crate::sqlite::apply::down::{self, Order};
use crate::sqlite::apply::history;
use crate::sqlite::enforce;
use crate::sqlite::file::connection::{self, pages};
use crate::sqlite::file::reading;
use crate::sqlite::schema::dump::Dump;
use crate::sqlite::write::portable;
use crate::sqlite::write::shell;
use crate::standing;
use crate::target::Target;

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
    pub report: DownReport,
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
                ..DownReport::default()
            },
            stale_triggers: false,
            warnings: Vec::new(),
        };
        let mut database = connection::open(location, self.lock_timeout)?;
        if standing::to_take_back(order.migrations, &history::read(&database)?, to)?.is_empty() {
            return Ok(reverted);
        }
        let transaction = connection::begin(&mut database, location)?;
        // Another run may have been faster than the lock.
        let applied = standing::to_take_back(order.migrations, &history::read(&transaction)?, to)?;
        if !applied.is_empty() {
            reverted.report.backup = self.back_up(backup)?;
        }
        let done = down::down(&transaction, order, &applied)?;
        let differences = enforce::differences(&transaction)?;
        reverted.stale_triggers = differences.is_some_and(|found| !found.stale.is_empty());
        connection::commit(transaction, location)?;
        let warnings = done.iter().flat_map(|it| it.warnings.clone());
        reverted.warnings.extend(warnings);
        reverted.report.migrations = done.into_iter().map(DownMigration::new).collect();
        Ok(reverted)
    }

    /// What [`down`](Self::down) would do, with the script for `target` where there is something to
    /// do.
    pub fn plan_down(
        &self,
        order: Order<'_>,
        to: Option<i64>,
        target: Option<Target>,
    ) -> Result<DownPlanned> {
        let (planned, script) = reading::read(&self.location, self.lock_timeout, |database| {
            let applied = history::read(database)?;
            let applied = standing::to_take_back(order.migrations, &applied, to)?;
            if !applied.is_empty() {
                pages::must_be_free(database, &self.location)?;
            }
            let planned = down::dry_run(database, order, &applied)?;
            let script = match target.filter(|_| !applied.is_empty()) {
                None => None,
                Some(Target::Shell) => Some(shell::down(&planned)?),
                Some(target) => {
                    let schema = portable::schema_of(database)?;
                    Some(portable::down(&schema, order, &applied, target)?)
                }
            };
            Ok((planned, script))
        })?;
        let warnings = planned.iter().flat_map(|it| it.warnings.clone());
        Ok(DownPlanned {
            warnings: warnings.collect(),
            script,
            report: DownReport {
                database: self.name(),
                to,
                dry_run: true,
                backup: None,
                migrations: planned.into_iter().map(DownMigration::new).collect(),
            },
        })
    }
}

/// The script for `target` that takes back what a database with the schema of the dump `text` has
/// had, as far as that tells: the newest migration, or all above the version `to`.
pub fn down_of_dump(
    name: &str,
    text: &str,
    order: Order<'_>,
    to: Option<i64>,
    target: Target,
) -> Result<Option<String>> {
    let dump = Dump::load(name, text)?;
    let schema = &dump.connection;
    let migrations = order.migrations;
    let all = migrations.iter().map(standing::Applied::as_if).collect();
    let applied = portable::there(schema, migrations, all)?;
    let applied = standing::to_take_back(migrations, &applied, to)?;
    let script = (!applied.is_empty()).then(|| portable::down(schema, order, &applied, target));
    script.transpose()
}
