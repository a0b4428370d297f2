//! `up`: which migrations, by which way, and the way that is one transaction.

use anyhow::{Context as _, Result};

use super::add::{adopted, apply_one};
use super::online;
use super::order::{Order, choose, must_match};
use super::published;
use crate::failure::Failure;
use crate::outcome::change::AppliedMigration;
use crate::outcome::migrations::{UpMigration, UpReport};
use crate::policy::Mode;
use crate::postgres::database::progress::{Direction, Progress};
use crate::postgres::database::{ADDS, Database, applicable};
use crate::postgres::keys;
use crate::postgres::keys::child_index::{self, ChildIndex};
use crate::postgres::leave::preflight;
use crate::postgres::schema::rows::source;
use crate::postgres::text::parts::{is_keys_alone, requests};

/// What a look before a run found.
enum Next {
    /// A migration that a run began and did not end.
    GoOn(Progress),
    /// These are pending, each with its way.
    Apply(Vec<(i64, Mode)>),
    /// Nothing is pending; whether no migration applies at all.
    Nothing(bool),
}

impl Database {
    /// Applies the pending migrations.
    pub fn up(&mut self, order: Order<'_>, mut tell: impl FnMut(&str)) -> Result<UpReport> {
        let mut report = UpReport {
            database: self.name.clone(),
            to: order.to,
            ..UpReport::default()
        };
        let mut has_told = false;
        loop {
            match self.next(order)? {
                Next::Nothing(none_apply) => {
                    report.none_apply = none_apply && report.migrations.is_empty();
                    return Ok(report);
                }
                Next::GoOn(progress) => {
                    let migration = order.get(progress.version)?;
                    tell(&format!(
                        "going on with {}, which is under way",
                        migration.up
                    ));
                    let done = online::up(self, migration, order, &mut tell)?;
                    report.migrations.extend(done.map(UpMigration::from));
                }
                Next::Apply(pending) => {
                    if !std::mem::replace(&mut has_told, true)
                        && let Some(known) = self.published(order, &pending)?
                    {
                        tell(&known);
                    }
                    let small = pending.iter().take_while(|it| it.1 == Mode::Transaction);
                    let versions: Vec<_> = small.map(|(version, _)| *version).collect();
                    if let Some((version, _)) = pending.first().filter(|_| versions.is_empty()) {
                        let migration = order.get(*version)?;
                        let done = online::up(self, migration, order, &mut tell)?;
                        report.migrations.extend(done.map(UpMigration::from));
                    } else {
                        let (done, made) = self.apply(&versions, order)?;
                        let done = done.into_iter();
                        report.migrations.extend(done.map(UpMigration::from));
                        for index in &made {
                            tell(&format!("made {index}"));
                        }
                    }
                }
            }
        }
    }

    /// What subscribers need before `pending` is applied.
    fn published(&mut self, order: Order<'_>, pending: &[(i64, Mode)]) -> Result<Option<String>> {
        let mut children: Vec<String> = Vec::new();
        for (version, _) in pending {
            for request in requests(order.get(*version)?)? {
                let name = request.table.shown();
                if !children.contains(&name) {
                    children.push(name);
                }
            }
        }
        self.look(|transaction, schema, own| {
            published::warning(transaction, schema, own, &children)
        })
    }

    fn next(&mut self, order: Order<'_>) -> Result<Next> {
        self.look(|transaction, schema, own| {
            let applied = own.history(transaction)?;
            if let Some(progress) = own.progress(transaction)? {
                must_match(order.migrations, &progress)?;
                if progress.direction == Direction::Down {
                    return Err(being_reverted(&progress).into());
                }
                return Ok(Next::GoOn(progress));
            }
            let none_apply = applicable(schema, order.migrations, &applied)?.is_empty();
            let pending = order.pending(schema, &applied)?;
            if pending.is_empty() {
                return Ok(Next::Nothing(none_apply));
            }
            let mut ways = Vec::new();
            for version in pending {
                let migration = order.get(version)?;
                // What earlier statements make is not there yet.
                let keys = if ways.is_empty() && is_keys_alone(migration)? {
                    keys::resolve(transaction, schema, &requests(migration)?)
                        .with_context(|| format!("could not apply {}", migration.up))?
                } else {
                    let requests = requests(migration)?;
                    keys::resolve(transaction, schema, &requests).unwrap_or_default()
                };
                preflight::must_see(transaction, &keys)?;
                preflight::may_add(transaction, &keys)?;
                let way = choose(transaction, migration, &keys, order.manner.mode)?;
                ways.push((version, way.mode));
            }
            Ok(Next::Apply(ways))
        })
    }

    /// Applies `versions` in one transaction; nothing where another run was faster.
    /// Gives what was done, and the indexes that were made.
    fn apply(
        &mut self,
        versions: &[i64],
        order: Order<'_>,
    ) -> Result<(Vec<AppliedMigration>, Vec<String>)> {
        let (tables, parents) = self.look(|_, schema, _| {
            let (mut tables, mut parents) = (Vec::new(), Vec::new());
            for version in versions {
                for request in requests(order.get(*version)?)? {
                    let found = [&request.table, &request.parent];
                    let found = found.into_iter().filter_map(|path| schema.find(path));
                    tables.extend(found.map(|table| table.name.to_string()));
                    parents.extend(schema.find(&request.parent).map(|it| source(it)));
                }
            }
            tables.sort();
            tables.dedup();
            parents.sort();
            parents.dedup();
            Ok((tables, parents))
        })?;
        self.alter_both(&tables, &parents, ADDS, |transaction, schema, own| {
            let applied = own.history(transaction)?;
            let pending = order.pending(schema, &applied)?;
            if own.progress(transaction)?.is_some()
                || !versions.iter().all(|it| pending.contains(it))
            {
                return Ok((Vec::new(), Vec::new()));
            }
            let (mut done, mut made) = (Vec::new(), Vec::new());
            for version in versions {
                let migration = order.get(*version)?;
                let before = own.history(transaction)?;
                let mut kept = Vec::new();
                let change = apply_one(transaction, schema, migration, order, &mut kept)
                    .with_context(|| format!("could not apply {}", migration.up))?;
                made.extend(child_index::all(schema, &kept).iter().map(ChildIndex::told));
                kept.splice(0..0, adopted(&change));
                own.record(transaction, migration, &kept, &before)?;
                done.push(change);
            }
            Ok((done, made))
        })
    }
}

fn being_reverted(progress: &Progress) -> Failure {
    Failure::impossible(format!(
        "V{}__{} is being reverted",
        progress.version, progress.name
    ))
    .hint("fkfix down goes on with that")
}
