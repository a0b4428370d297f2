//! Takes migrations back in one transaction, and tells what would be done.

use anyhow::{Context as _, Result};
use postgres::Transaction;

use super::script::{Part, Script, drop_sql, parents_of, tables_of};
use super::targets::{Next, Order, drop_indexes, targets};
use crate::explain;
use crate::failure::Failure;
use crate::outcome::change::TakenBackMigration;
use crate::outcome::migrations::{DownMigration, DownReport};
use crate::policy::Mode;
use crate::postgres::apply::add;
use crate::postgres::database::own::{HISTORY, Own};
use crate::postgres::database::{DROPS, Database};
use crate::postgres::keys;
use crate::postgres::restore::{self, Whose};
use crate::postgres::schema::{CATALOG_PATH, Schema};
use crate::standing::Applied;
use crate::text;

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
                let script = Script::read(order.migrations, &next.applied, false)?;
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

fn revert_one(
    transaction: &mut Transaction,
    first: &Schema,
    own: &Own,
    next: &Next,
    order: Order<'_>,
) -> Result<TakenBackMigration> {
    let applied = &next.applied;
    let script = Script::read(order.migrations, applied, next.progress.is_some())?;
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
    Ok(script.taken_back(applied, &returns))
}

fn plan_one(
    transaction: &mut Transaction,
    schema: &Schema,
    own: &Own,
    next: &Next,
    order: Order<'_>,
) -> Result<DownMigration> {
    let script = Script::read(order.migrations, &next.applied, next.progress.is_some())?;
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
    let mut change = script.taken_back(&next.applied, &[]);
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
