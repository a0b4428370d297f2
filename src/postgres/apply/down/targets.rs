//! What is to be taken back, and by which way.

use anyhow::Result;
use postgres::Transaction;

use super::script::Script;
use crate::failure::Failure;
use crate::migrations::Migrations;
use crate::policy::{Manner, Mode};
use crate::postgres::apply::order::must_match;
use crate::postgres::database::own::Own;
use crate::postgres::database::progress::Progress;
use crate::postgres::keys::child_index;
use crate::postgres::leave::archive;
use crate::postgres::schema::Schema;
use crate::postgres::schema::rows::SMALL;
use crate::standing::{self, Applied};

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
        let script = Script::read(order.migrations, &applied, false)?;
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
