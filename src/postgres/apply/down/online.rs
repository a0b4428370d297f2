//! `down` in short steps: keys are dropped one by one, then rows come back batch by batch.

use anyhow::Result;
use postgres::Transaction;

use super::script::{Part, Script, drop_sql, parents_of, tables_of};
use super::targets::{Next, Order, drop_indexes};
use crate::failure::Failure;
use crate::outcome::change::TakenBackMigration;
use crate::postgres::database::own::Own;
use crate::postgres::database::progress::{Direction, Progress, Stage};
use crate::postgres::database::{DROPS, Database};
use crate::postgres::restore::{self, Whose};
use crate::postgres::session::{go_on_unless_interrupted, pause};
use crate::standing::Applied;

impl Database {
    /// Takes a migration back in short steps; none where another run has ended it.
    pub(super) fn revert_online(
        &mut self,
        order: Order<'_>,
        next: &Next,
    ) -> Result<Option<TakenBackMigration>> {
        let applied = &next.applied;
        let whose = Whose::Since(applied.version);
        let script = Script::read(order.migrations, applied, next.progress.is_some())?;
        if !script.is_drops_alone() {
            return Err(Failure::impossible(format!("{} does more than drop keys", script.file))
                .hint("fkfix up ends the migration; fkfix down --mode transaction then reverts it")
                .into());
        }
        if !order.leave_orphans {
            self.look(|transaction, schema, _| {
                let goes = script.goes(schema);
                for back in restore::returns(transaction, schema, whose, None, &goes)? {
                    back.may_come(order.manner.triggers)?;
                }
                Ok(())
            })?;
        }
        let begun = self.change(&[], |transaction, _, own| begin(transaction, own, applied))?;
        if !begun {
            return Ok(None);
        }
        for part in &script.parts {
            go_on_unless_interrupted()?;
            let Part::Drop(path, constraint, _) = part else {
                continue;
            };
            let (tables, parents) = self.look(|_, schema, _| {
                Ok((tables_of(schema, &script), parents_of(schema, &script)))
            })?;
            let done = self.alter_both(&tables, &parents, DROPS, |transaction, schema, own| {
                if !is_under_way(transaction, own, applied)? {
                    return Ok(false);
                }
                let drop = drop_sql(schema, path, constraint, true)?;
                schema.run_all(transaction, &drop)?;
                Ok(true)
            })?;
            if !done {
                return Ok(None);
            }
        }
        let tables = self.look(|_, schema, _| Ok(tables_of(schema, &script)))?;
        let done = self.alter(&tables, |transaction, schema, own| {
            if !is_under_way(transaction, own, applied)? {
                return Ok(false);
            }
            schema.leave(transaction)?;
            drop_indexes(transaction, schema.version, applied)?;
            Ok(true)
        })?;
        if !done {
            return Ok(None);
        }
        let mut returns = Vec::new();
        if !order.leave_orphans {
            returns = self.change(&[], |transaction, schema, own| {
                if is_under_way(transaction, own, applied)? {
                    own.go_on(transaction, Direction::Down, Stage::Restoring, 0)?;
                }
                restore::returns(transaction, schema, whose, None, &[])
            })?;
            let all_are_back = restore::rounds(
                &mut returns,
                |batch| {
                    go_on_unless_interrupted()?;
                    let put = self.change(&batch.targets(), |transaction, schema, own| {
                        if !is_under_way(transaction, own, applied)? {
                            return Ok(None);
                        }
                        let put = batch.put_back(transaction, schema, order.manner.triggers)?;
                        let rows: i64 = put.iter().map(|it| it.rows).sum();
                        own.go_on(transaction, Direction::Down, Stage::Restoring, -rows)?;
                        Ok(Some(put))
                    })?;
                    pause(order.manner.pause)?;
                    Ok(put)
                },
                order.manner,
            )?;
            if !all_are_back {
                return Ok(None);
            }
        }
        let ended = self.change(&[], |transaction, schema, own| {
            if !is_under_way(transaction, own, applied)? {
                return Ok(false);
            }
            if !order.leave_orphans {
                restore::drop_empty(transaction, schema)?;
            }
            let history = own.history(transaction)?;
            if history.iter().any(|row| row.version == applied.version) {
                own.forget(transaction, applied.version)?;
            }
            own.end(transaction)?;
            Ok(true)
        })?;
        Ok(ended.then(|| script.taken_back(applied, &returns)))
    }
}

/// Writes that the migration is being taken back, whatever it was; whether there is anything to
/// take back.
fn begin(transaction: &mut Transaction, own: &Own, applied: &Applied) -> Result<bool> {
    if let Some(progress) = own.progress(transaction)? {
        if progress.version != applied.version {
            return Err(Failure::impossible(format!(
                "V{}__{} is under way",
                progress.version, progress.name
            ))
            .hint("fkfix up goes on with it, fkfix down takes it back")
            .into());
        }
        if progress.direction == Direction::Up {
            own.go_on(transaction, Direction::Down, Stage::Opening, 0)?;
        }
        return Ok(true);
    }
    let history = own.history(transaction)?;
    if !history.iter().any(|row| row.version == applied.version) {
        return Ok(false);
    }
    own.begin(
        transaction,
        &Progress {
            version: applied.version,
            direction: Direction::Down,
            name: applied.name.clone(),
            checksum: applied.checksum,
            step: Stage::Opening,
            started_on: time::OffsetDateTime::now_utc(),
            adopted: applied.adopted.clone(),
            archived: 0,
        },
    )?;
    Ok(true)
}

fn is_under_way(transaction: &mut Transaction, own: &Own, applied: &Applied) -> Result<bool> {
    let progress = own.progress(transaction)?;
    Ok(progress.is_some_and(|it| it.version == applied.version && it.direction == Direction::Down))
}
