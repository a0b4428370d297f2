//! `down`: a migration's down script, and the rows that it archived.

use anyhow::{Context as _, Result};
use postgres::Transaction;

use super::down_script::{Part, Script, drop_sql, parents_of, tables_of};
use crate::explain;
use crate::failure::Failure;
use crate::migrations::Migrations;
use crate::outcome::change::TakenBackMigration;
use crate::outcome::migrations::{DownMigration, DownReport};
use crate::policy::{Manner, Mode};
use crate::postgres::apply::add;
use crate::postgres::apply::up::must_match;
use crate::postgres::database::own::{HISTORY, Own};
use crate::postgres::database::progress::Progress;
use crate::postgres::database::{DROPS, Database};
use crate::postgres::keys::{self, child_index};
use crate::postgres::leave::archive;
use crate::postgres::restore::{self, Return, Whose};
use crate::postgres::schema::rows::SMALL;
use crate::postgres::schema::{CATALOG_PATH, Schema};
use crate::standing::{self, AdoptedKey, Applied};
use crate::text;

/// What is to be taken back, and how.
#[derive(Clone, Copy, Debug)]
pub struct Order<'a> {
    /// The set that has the down scripts.
    pub migrations: &'a Migrations,
    /// Take back all above this version.
    pub to: Option<i64>,
    /// Archived rows stay in the archive.
    pub leave_orphans: bool,
    /// In one transaction or in steps.
    pub manner: &'a Manner,
}

/// What is to be taken back next.
pub struct Next {
    /// The migration, as the history has it.
    pub applied: Applied,
    /// It is under way, in whatever direction.
    pub progress: Option<Progress>,
    pub(super) mode: Mode,
    /// The indexes that go with it, for people.
    pub(super) indexes: Vec<String>,
}

impl Database {
    /// Takes migrations back, the last applied first.
    pub fn down(&mut self, order: Order<'_>, mut tell: impl FnMut(&str)) -> Result<DownReport> {
        let mut report = DownReport {
            database: self.name.clone(),
            to: order.to,
            ..DownReport::default()
        };
        let targets =
            self.look(|transaction, schema, own| targets(transaction, schema, own, order))?;
        let dropped = targets.iter().flat_map(|it| it.indexes.clone()).collect();
        if targets.iter().all(|next| next.mode == Mode::Transaction) && !targets.is_empty() {
            let done = self.revert(order, &targets)?.into_iter();
            report.migrations.extend(done.map(DownMigration::from));
            told_of(dropped, &mut tell);
            return Ok(report);
        }
        for next in targets {
            let doing = |error| explain(error, &next.applied);
            if next.progress.is_some() {
                tell(&format!(
                    "going on with V{}__{}, which is under way",
                    next.applied.version, next.applied.name
                ));
            }
            let back = match next.mode {
                Mode::Online => self.revert_online(order, &next).map_err(doing)?,
                _ => self.revert(order, std::slice::from_ref(&next))?.pop(),
            };
            report.migrations.extend(back.map(DownMigration::from));
        }
        told_of(dropped, &mut tell);
        Ok(report)
    }

    /// What [`Database::down`] would do.
    pub fn plan_down(&mut self, order: Order<'_>) -> Result<DownReport> {
        let name = self.name.clone();
        self.look(|transaction, schema, own| {
            let mut plan = DownReport {
                database: name.clone(),
                to: order.to,
                dry_run: true,
                ..DownReport::default()
            };
            for next in targets(transaction, schema, own, order)? {
                plan.migrations
                    .push(plan_one(transaction, schema, own, &next, order)?);
            }
            Ok(plan)
        })
    }

    fn revert(&mut self, order: Order<'_>, targets: &[Next]) -> Result<Vec<TakenBackMigration>> {
        let versions: Vec<_> = targets.iter().map(|it| it.applied.version).collect();
        let (tables, parents) = self.look(|_, schema, _| {
            let (mut tables, mut parents) = (Vec::new(), Vec::new());
            for next in targets {
                let script = Script::read(order, &next.applied, false)?;
                tables.extend(tables_of(schema, &script));
                parents.extend(parents_of(schema, &script));
            }
            Ok((tables, parents))
        })?;
        self.alter_both(&tables, &parents, DROPS, |transaction, schema, own| {
            let now = self::targets(transaction, schema, own, order)?;
            let mut done = Vec::new();
            // Another run may have been faster.
            for next in now
                .iter()
                .filter(|it| versions.contains(&it.applied.version))
            {
                let back = revert_one(transaction, schema, own, next, order);
                done.push(back.map_err(|error| explain(error, &next.applied))?);
            }
            Ok(done)
        })
    }
}

fn told_of(dropped: Vec<String>, tell: &mut impl FnMut(&str)) {
    for index in dropped {
        tell(&format!("dropped {index}"));
    }
}

/// The migrations to take back, the last applied first; one that is under way comes before all.
pub fn targets(
    transaction: &mut Transaction,
    schema: &Schema,
    own: &Own,
    order: Order<'_>,
) -> Result<Vec<Next>> {
    let applied = own.history(transaction)?;
    let progress = own.progress(transaction)?;
    let mut targets = Vec::new();
    if let Some(progress) = progress {
        must_match(order.migrations, &progress)?;
        let row = Applied {
            version: progress.version,
            name: progress.name.clone(),
            at: progress.started_on,
            checksum: progress.checksum,
            adopted: progress.adopted.clone(),
            resolved: None,
        };
        if order.to.is_none_or(|to| row.version > to) {
            targets.push(Next {
                indexes: indexes(schema, &row),
                applied: row,
                progress: Some(progress),
                mode: Mode::Online,
            });
        }
        if order.to.is_none() {
            return Ok(targets);
        }
    }
    let known = targets.first().map(|it| it.applied.version);
    for applied in standing::to_take_back(order.migrations, &applied, order.to)? {
        if known == Some(applied.version) {
            continue;
        }
        let script = Script::read(order, &applied, false)?;
        let mode = choose(transaction, schema, &script, &applied, order)?;
        targets.push(Next {
            indexes: indexes(schema, &applied),
            applied,
            progress: None,
            mode,
        });
    }
    Ok(targets)
}

fn indexes(schema: &Schema, applied: &Applied) -> Vec<String> {
    let indexes = child_index::all(schema, &applied.adopted).into_iter().rev();
    let there = indexes.filter(|it| it.drop_sql(schema).is_some());
    there.map(|it| it.told()).collect()
}

/// Drops the indexes that the migration made, that of the whole before those of its partitions.
pub(super) fn drop_indexes(
    transaction: &mut Transaction,
    version: u32,
    applied: &Applied,
) -> Result<()> {
    if applied.adopted.iter().all(|it| it.index.is_none()) {
        return Ok(());
    }
    let mut schema = Schema::read(transaction, version)?;
    for index in child_index::all(&schema, &applied.adopted).iter().rev() {
        if let Some(sql) = index.drop_sql(&schema) {
            schema.run_all(transaction, &[sql])?;
            schema.leave(transaction)?;
            schema = Schema::read(transaction, version)?;
        }
    }
    Ok(())
}

/// DROP CONSTRAINT stops readers of both tables, until the transaction ends: it may not last.
fn choose(
    transaction: &mut Transaction,
    schema: &Schema,
    script: &Script,
    applied: &Applied,
    order: Order<'_>,
) -> Result<Mode> {
    if !script.is_drops_alone() {
        if order.manner.mode == Mode::Online {
            return Err(Failure::impossible(format!(
                "{} does more than drop keys, and only keys can be dropped online",
                script.file
            ))
            .hint("leave --mode out, or say --mode transaction")
            .into());
        }
        return Ok(Mode::Transaction);
    }
    if order.manner.mode != Mode::Auto {
        return Ok(order.manner.mode);
    }
    let mut rows = 0;
    for archive in archive::all(schema) {
        rows += archive::count(transaction, &archive, Some(applied.version))?;
    }
    Ok(if rows >= SMALL / 10 {
        Mode::Online
    } else {
        Mode::Transaction
    })
}

/// What is not there any more, PostgreSQL tells without a remedy.
fn explain(error: anyhow::Error, row: &Applied) -> anyhow::Error {
    let migration = format!("V{}__{}", row.version, row.name);
    let attempt = format!("could not take {migration} back");
    if explain::hint_for(&error).is_some()
        || crate::postgres::error::code(&error).is_some_and(crate::postgres::error::is_passing)
    {
        return error.context(attempt);
    }
    error.context(Failure::impossible(attempt).hint(format!(
        "undo what was changed since {migration} was applied, or change {migration}.down.sql to fit"
    )))
}

pub(super) fn taken_back(
    applied: &Applied,
    script: &Script,
    returns: &[Return],
) -> TakenBackMigration {
    TakenBackMigration {
        version: applied.version,
        name: applied.name.clone(),
        left: script.left.iter().map(AdoptedKey::shown).collect(),
        restored: restore::reports(returns, false),
    }
}

fn revert_one(
    transaction: &mut Transaction,
    first: &Schema,
    own: &Own,
    next: &Next,
    order: Order<'_>,
) -> Result<TakenBackMigration> {
    let applied = &next.applied;
    let script = Script::read(order, applied, next.progress.is_some())?;
    for part in &script.parts {
        first.leave(transaction)?;
        match part {
            Part::Drop(path, constraint, may_be_gone) => {
                let schema = Schema::read(transaction, first.version)?;
                let drop = drop_sql(&schema, path, constraint, *may_be_gone)?;
                schema.run_all(transaction, &drop)?;
            }
            Part::Statement(line, sql) => {
                let doing = || format!("could not run {}:{line}", script.file);
                transaction.batch_execute(sql).with_context(doing)?;
            }
            Part::Key(request) => {
                let schema = Schema::read(transaction, first.version)?;
                let keys = keys::resolve(transaction, &schema, std::slice::from_ref(request))?;
                for key in keys.iter().filter(|key| key.there.is_none()) {
                    schema.run_all(transaction, &[key.add_sql()])?;
                    add::validate(transaction, &schema, key)?;
                }
            }
        }
        transaction.batch_execute(CATALOG_PATH)?;
    }
    first.leave(transaction)?;
    drop_indexes(transaction, first.version, applied)?;
    first.leave(transaction)?;
    let schema = Schema::read(transaction, first.version)?;
    let mut returns = Vec::new();
    let whose = Whose::Since(applied.version);
    if !order.leave_orphans {
        returns = restore::returns(transaction, &schema, whose, None, &[])?;
        for back in &returns {
            back.may_come(order.manner.triggers)?;
        }
        restore::rounds(
            &mut returns,
            |batch| {
                let put = batch.put_back(transaction, &schema, order.manner.triggers)?;
                Ok(Some(put))
            },
            order.manner,
        )?;
        restore::drop_empty(transaction, &schema)?;
    }
    own.forget(transaction, applied.version)?;
    Ok(taken_back(applied, &script, &returns))
}

fn plan_one(
    transaction: &mut Transaction,
    schema: &Schema,
    own: &Own,
    next: &Next,
    order: Order<'_>,
) -> Result<DownMigration> {
    let script = Script::read(order, &next.applied, next.progress.is_some())?;
    let mut steps = Vec::new();
    for part in &script.parts {
        steps.push(match part {
            Part::Drop(path, constraint, _) => format!("drop {constraint} of {}", path.shown()),
            Part::Statement(line, _) => format!("run {}:{line}", script.file),
            Part::Key(request) => {
                format!("add {} to {}", request.constraint(), request.table.shown())
            }
        });
    }
    steps.extend(next.indexes.iter().map(|it| format!("drop {it}")));
    let mut change = taken_back(&next.applied, &script, &[]);
    if !order.leave_orphans {
        let whose = Whose::Since(next.applied.version);
        let goes = script.goes(schema);
        let mut returns = restore::returns(transaction, schema, whose, None, &goes)?;
        for back in &mut returns {
            back.may_come(order.manner.triggers)?;
            back.foresee_places(transaction)?;
        }
        change.restored = restore::reports(&returns, true);
        steps.extend(change.restored.iter().map(|report| {
            format!(
                "move {} of {} back to {}",
                text::rows(report.rows),
                report.archive,
                report.table
            )
        }));
    }
    steps.push(format!(
        "take V{} out of {}",
        next.applied.version,
        own.table(HISTORY)
    ));
    Ok(DownMigration { change, steps })
}
