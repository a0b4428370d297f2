//! `up`: which migrations, by which way, and the way that is one transaction.

use anyhow::{Context as _, Result};
use postgres::Transaction;

use super::add::{adopted, apply_one};
use crate::failure::Failure;
use crate::migrations::{Migration, Migrations};
use crate::outcome::change::AppliedMigration;
use crate::outcome::migrations::{UpMigration, UpReport};
use crate::policy::{Manner, Mode, Policy};
use crate::postgres::apply::{online, published};
use crate::postgres::database::progress::{Direction, Progress};
use crate::postgres::database::{ADDS, Database, applicable};
use crate::postgres::keys::child_index::{self, ChildIndex};
use crate::postgres::keys::{self, Key};
use crate::postgres::leave::preflight;
use crate::postgres::schema::Schema;
use crate::postgres::schema::rows::{SMALL, estimate, source};
use crate::postgres::text::parts::{is_keys_alone, requests};
use crate::standing::{self, Applied};
use crate::text::{count, listing};

/// What is to be applied, and how.
#[derive(Clone, Copy, Debug)]
pub struct Order<'a> {
    /// The set that the pending migrations come from.
    pub migrations: &'a Migrations,
    /// The version to stop at.
    pub to: Option<i64>,
    /// Apply those too that are older than the newest applied one.
    pub allow_missing: bool,
    /// What may become of orphans.
    pub policy: &'a Policy,
    /// In one transaction or in steps.
    pub manner: &'a Manner,
}

impl Order<'_> {
    /// The migrations that are pending where `applied` are.
    pub(crate) fn pending(&self, schema: &Schema, applied: &[Applied]) -> Result<Vec<i64>> {
        let migrations = applicable(schema, self.migrations, applied)?;
        standing::pending(migrations, applied, self.to, self.allow_missing)
    }

    pub(crate) fn get(&self, version: i64) -> Result<&Migration> {
        let found = self.migrations.get(version);
        found.with_context(|| format!("there is no migration {version}"))
    }
}

/// The way that one migration goes, and why.
pub struct Way {
    /// Never [`Mode::Auto`].
    pub mode: Mode,
    /// Why, for people.
    pub because: String,
}

/// Chooses the way of a migration that adds `keys`.
pub fn choose(
    transaction: &mut Transaction,
    migration: &Migration,
    keys: &[Key],
    wanted: Mode,
) -> Result<Way> {
    let way = |mode, because: String| Ok(Way { mode, because });
    if !is_keys_alone(migration)? {
        if wanted == Mode::Online {
            return Err(Failure::impossible(format!(
                "{} does more than add keys, and only keys can be added online",
                migration.file()
            ))
            .hint("split the file: the keys into a migration of their own")
            .into());
        }
        return way(
            Mode::Transaction,
            "the script does more than add keys".to_owned(),
        );
    }
    if wanted != Mode::Auto {
        return way(wanted, "asked for".to_owned());
    }
    let mut sizes = Vec::new();
    for key in keys {
        let rows = estimate(transaction, &key.child)?;
        if rows >= SMALL {
            let because = format!("{} has about {} rows", key.child_shown, count(rows));
            return way(Mode::Online, because);
        }
        let size = format!("{} has about {} rows", key.child_shown, count(rows));
        if !sizes.contains(&size) {
            sizes.push(size);
        }
    }
    way(Mode::Transaction, listing(&sizes))
}

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

/// The file must be the one that the run began with.
pub fn must_match(migrations: &Migrations, progress: &Progress) -> Result<()> {
    let name = format!("V{}__{}", progress.version, progress.name);
    match migrations.get(progress.version) {
        Some(migration) if migration.is(&progress.name, progress.checksum) => Ok(()),
        Some(migration) => Err(Failure::impossible(format!(
            "{name} is under way with the checksum {}, and the file here has {}",
            progress.checksum,
            migration.up.checksum()
        ))
        .hint("restore the file as it was, and run it again")
        .into()),
        None => Err(
            Failure::impossible(format!("{name} is under way and is not known here"))
                .hint("name its folder with --migrations")
                .into(),
        ),
    }
}

fn being_reverted(progress: &Progress) -> Failure {
    Failure::impossible(format!(
        "V{}__{} is being reverted",
        progress.version, progress.name
    ))
    .hint("fkfix down goes on with that")
}
