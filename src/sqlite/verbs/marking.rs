//! The verbs for one migration: marked as applied or reverted and not run, or run again.

use std::path::PathBuf;

use anyhow::Result;
use rusqlite::Connection;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::Database;
use super::up::discard_after_refusal;
use crate::failure::Failure;
use crate::migrations::Migrations;
use crate::outcome::change::AppliedMigration;
use crate::outcome::migrations::{DownMigration, UpMigration};
use crate::outcome::redo::RedoReport;
use crate::outcome::resolve::{ResolveReport, ResolvedKey};
use crate::sqlite::apply::asked::parts;
use crate::sqlite::apply::{down, history, up};
use crate::sqlite::archive::door;
use crate::sqlite::file::connection::{self, pages};
use crate::sqlite::file::{backup, reading};
use crate::sqlite::keys;
use crate::sqlite::rebuild::steps;
use crate::sqlite::schema::foreign_key;
use crate::standing::resolve::{Change, Order};
use crate::standing::{self, Applied};
use crate::text::rows;

impl Database {
    /// Marks the migration of `order`, in one transaction.
    pub fn resolve(&self, order: &Order<'_>) -> Result<ResolveReport> {
        if order.dry_run {
            return reading::read(&self.location, self.lock_timeout, |connection| {
                pages::must_be_free(connection, &self.location)?;
                Ok(self.look(connection, order)?.0)
            });
        }
        let mut database = connection::open(&self.location, self.lock_timeout)?;
        let transaction = connection::begin(&mut database, &self.location)?;
        let (report, change) = self.look(&transaction, order)?;
        let now = || OffsetDateTime::now_utc().format(&Rfc3339);
        match change {
            Change::Nothing => return Ok(report),
            Change::Record(migration) | Change::Amend(migration) => {
                history::mark(&transaction, migration, &order.resolved(now()?))?;
            }
            Change::Forget => {
                let others = history::read(&transaction)?.len() - 1;
                let others = i64::try_from(others).unwrap_or(i64::MAX);
                steps::carry_out(&transaction, &history::forget(order.version, others))?;
            }
        }
        connection::commit(transaction, &self.location)?;
        Ok(report)
    }

    /// What is to be done, and what of the database does not fit it.
    fn look<'a>(
        &self,
        connection: &Connection,
        order: &Order<'a>,
    ) -> Result<(ResolveReport, Change<'a>)> {
        let order = &Order {
            migrations: history::applicable(connection, order.migrations)?,
            ..order.clone()
        };
        let applied = history::read(connection)?;
        let change = order.change(&applied)?;
        let mut report = ResolveReport::new(&self.name(), order, &applied, &change);
        report.keys = requested(connection, order)?;
        if !order.as_applied {
            report.warnings = archived(connection, order.version)?;
        }
        Ok((report.with_misfits(), change))
    }
}

/// The keys that the migration asks for, each held against the database by itself.
fn requested(connection: &Connection, order: &Order<'_>) -> Result<Vec<ResolvedKey>> {
    let Some(migration) = order.migrations.get(order.version) else {
        return Ok(Vec::new());
    };
    let declared = foreign_key::declared(connection)?;
    let requests = parts::requests(migration)?;
    let keys = requests.into_iter().map(|request| {
        let found = keys::resolve(connection, &declared, std::slice::from_ref(&request));
        let is_there = |tables: &Vec<keys::TableKeys>| tables.iter().all(|it| it.added.is_empty());
        ResolvedKey {
            is_there: found.as_ref().is_ok_and(is_there),
            obstacle: found.err().map(|error| error.root_cause().to_string()),
            table: request.table,
            constraint: request.name,
        }
    });
    Ok(keys.collect())
}

/// What the archives hold of the migration.
fn archived(connection: &Connection, version: i64) -> Result<Vec<String>> {
    let groups = door::groups(connection, None)?;
    let of_it = groups.iter().filter(|group| group.version == Some(version));
    let told = of_it.map(|group| {
        format!(
            "{} still holds {} that left by it; fkfix restore puts them back where their parents exist",
            group.archive,
            rows(group.rows)
        )
    });
    Ok(told.collect())
}

/// What `redo` did, or would do.
#[derive(Debug, Default)]
pub struct Redone {
    /// What there is to tell.
    pub report: RedoReport,
    /// What SQLite accepted and what will cost something.
    pub warnings: Vec<String>,
    /// Why a run would be refused, if it would.
    pub refusal: Option<Failure>,
}

impl Database {
    /// Reverts the newest applied migration and applies it again by `order`; a copy goes to `backup`
    /// first.
    pub fn redo(&self, order: up::Order<'_>, backup: Option<&PathBuf>) -> Result<Redone> {
        let location = &self.location;
        let mut redone = self.nothing_redone(false);
        let mut database = connection::open(location, self.lock_timeout)?;
        let transaction = connection::begin(&mut database, location)?;
        let Some(newest) = Newest::find(&transaction, order)? else {
            return Ok(redone);
        };
        redone.report.down.backup = self.back_up(backup)?;
        let back = newest.revert(&transaction)?;
        let outcomes = up::up(&transaction, newest.order(order), None)
            .inspect_err(|error| discard_after_refusal(error, backup))?;
        for outcome in &outcomes {
            let done = AppliedMigration::new(outcome, order.policy);
            redone.report.up.migrations.push(done.into());
            redone.warnings.extend(outcome.warnings().cloned());
        }
        let back = back.into_iter().map(|it| it.change.into());
        redone.report.down.migrations = back.collect();
        connection::commit(transaction, location)?;
        Ok(redone)
    }

    /// What [`redo`](Self::redo) would do: it is carried out on a copy in the temporary folder.
    pub fn plan_redo(&self, order: up::Order<'_>) -> Result<Redone> {
        reading::read(&self.location, self.lock_timeout, |connection| {
            pages::must_be_free(connection, &self.location)?;
            let mut redone = self.nothing_redone(true);
            let Some(newest) = Newest::find(connection, order)? else {
                return Ok(redone);
            };
            let copy = backup::temporary(connection)?;
            let back = newest.revert(&copy.connection)?;
            let versions = [newest.row.version];
            let mut outcomes = up::dry_run(&copy.connection, newest.order(order), &versions, None)?;
            let planned = outcomes.iter().map(|it| UpMigration::new(it, order.policy));
            redone.report.up.migrations = planned.collect();
            redone.report.down.migrations = back.into_iter().map(DownMigration::new).collect();
            redone.refusal = outcomes.iter_mut().find_map(|it| it.refusal.take());
            redone.report.up.refused = redone.refusal.as_ref().map(ToString::to_string);
            let warnings = outcomes.iter().flat_map(up::Outcome::warnings);
            redone.warnings = warnings.cloned().collect();
            Ok(redone)
        })
    }

    fn nothing_redone(&self, dry_run: bool) -> Redone {
        let mut redone = Redone::default();
        redone.report.down.database = self.name();
        redone.report.down.dry_run = dry_run;
        redone.report.up.database = self.name();
        redone.report.up.dry_run = dry_run;
        redone
    }
}

/// The newest applied migration, among those that are applied: what is pending stays so.
struct Newest {
    row: Applied,
    known: Migrations,
}

impl Newest {
    fn find(connection: &Connection, order: up::Order<'_>) -> Result<Option<Self>> {
        let applied = history::read(connection)?;
        let newest = standing::to_take_back(order.migrations, &applied, None)?;
        let is_applied = |version| applied.iter().any(|row| row.version == version);
        let found = newest.into_iter().next();
        Ok(found.map(|row| Newest {
            row,
            known: order.migrations.only(is_applied),
        }))
    }

    fn revert(&self, connection: &Connection) -> Result<Vec<down::TakenBack>> {
        let order = down::Order {
            migrations: &self.known,
            leave_orphans: false,
        };
        down::down(connection, order, std::slice::from_ref(&self.row))
    }

    fn order<'a>(&'a self, order: up::Order<'a>) -> up::Order<'a> {
        up::Order {
            migrations: &self.known,
            to: None,
            allow_missing: true,
            ..order
        }
    }
}
