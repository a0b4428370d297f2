//! `up`: which migrations, by which way, and the way that is one transaction.

use std::rc::Rc;

use anyhow::{Context as _, Result};
use postgres::Transaction;

use crate::failure::Failure;
use crate::migrations::{Migration, Migrations};
use crate::policy::{Manner, Mode, Policy};
use crate::postgres::apply::indexes::make_indexes;
use crate::postgres::apply::online;
use crate::postgres::catalog::Table;
use crate::postgres::database::own::{Direction, Progress};
use crate::postgres::database::{Database, applicable};
use crate::postgres::keys::child_index::{self, ChildIndex};
use crate::postgres::keys::{self, Key};
use crate::postgres::leave::carry::{self, Mark, Tally};
use crate::postgres::leave::{archive, preflight};
use crate::postgres::orphans::search::{Found, Search};
use crate::postgres::schema::rows::{RowId, SMALL, count_rows, estimate};
use crate::postgres::schema::{CATALOG_PATH, Schema};
use crate::postgres::text::parts::{self, Part, is_keys_alone, requests};
use crate::postgres::text::script::Request;
use crate::report::change::{AppliedMigration, ChildTable};
use crate::report::key::Key as KeyReport;
use crate::report::migrations::{UpMigration, UpReport};
use crate::standing::{self, AdoptedKey, Applied};
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
        let tables = self.look(|_, schema, _| {
            let mut tables = Vec::new();
            for version in versions {
                for request in requests(order.get(*version)?)? {
                    let found = [&request.table, &request.parent];
                    let found = found.into_iter().filter_map(|path| schema.find(path));
                    tables.extend(found.map(|table| table.name.to_string()));
                }
            }
            tables.sort();
            tables.dedup();
            Ok(tables)
        })?;
        self.alter(&tables, |transaction, schema, own| {
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

fn apply_one(
    transaction: &mut Transaction,
    first: &Schema,
    migration: &Migration,
    order: Order<'_>,
    made: &mut Vec<AdoptedKey>,
) -> Result<AppliedMigration> {
    let mut change = AppliedMigration {
        version: migration.up.version(),
        name: migration.up.name().to_owned(),
        tables: Vec::new(),
        set_null: Vec::new(),
        removed: Vec::new(),
    };
    for part in parts::parts(migration)? {
        first.leave(transaction)?;
        match part {
            Part::Statement(line, sql) => {
                let doing = || format!("could not run {}:{line}", migration.file());
                transaction.batch_execute(&sql).with_context(doing)?;
            }
            Part::Keys(requests) => {
                let schema = Schema::read(transaction, first.version)?;
                if order.manner.child_index {
                    made.extend(make_indexes(transaction, &schema, &requests)?);
                }
                add_keys(transaction, &schema, &requests, &mut change, order)?;
            }
        }
        // Whatever the statement has set.
        transaction.batch_execute(CATALOG_PATH)?;
    }
    Ok(change)
}

fn add_keys(
    transaction: &mut Transaction,
    schema: &Schema,
    requests: &[Request],
    change: &mut AppliedMigration,
    order: Order<'_>,
) -> Result<()> {
    let keys = keys::resolve(transaction, schema, requests)?;
    preflight::must_see(transaction, &keys)?;
    preflight::may_add(transaction, &keys)?;
    keys::must_be_of_the_whole(schema, &keys)?;
    let tables = children(transaction, &keys)?;
    for key in &keys {
        for (_, sql) in key.adding(schema) {
            schema.run_all(transaction, &[sql]).with_context(|| {
                format!("could not add {} to {}", key.key.name, key.child_shown)
            })?;
        }
    }
    let policy = order.policy.orphans;
    let search = Search::new(transaction, schema, keys, policy)?;
    let mut found = search.orphans(transaction)?;
    search.follow(transaction, &mut found, false)?;
    if let Some(refusal) = judge(transaction, schema, &search, &found, order)? {
        return Err(refusal.into());
    }
    let mut mover = Mover::new(Some(change.version), order.manner);
    mover.move_all(transaction, schema, &search)?;
    for key in &search.asked {
        validate(transaction, schema, key)?;
    }
    finish(&mut change.tables, &tables, &search.asked, &mover.tally);
    change.removed.extend(mover.tally.removed(policy));
    change.set_null.extend(mover.tally.set_null(policy));
    Ok(())
}

/// Validates a key, where it is not valid yet.
pub fn validate(transaction: &mut Transaction, schema: &Schema, key: &Key) -> Result<()> {
    let doing = || format!("could not validate {} of {}", key.key.name, key.child_shown);
    let statements = key.validating(schema).into_iter().map(|it| it.1);
    schema
        .run_all(transaction, &statements.collect::<Vec<_>>())
        .with_context(doing)
}

/// Moves orphans, and what hangs on them, or has them forget their keys.
pub struct Mover<'a> {
    version: Option<i64>,
    manner: &'a Manner,
    prepared: Vec<u32>,
    mark: Option<Mark>,
    /// What has been done.
    pub tally: Tally,
}

impl<'a> Mover<'a> {
    /// For the migration `version`, if it is for one.
    #[must_use]
    pub fn new(version: Option<i64>, manner: &'a Manner) -> Self {
        Mover {
            version,
            manner,
            prepared: Vec::new(),
            mark: None,
            tally: Tally::default(),
        }
    }

    /// Locks the rows of `tables`, looks at them again, and deals with those that still break a key
    /// and all that hangs on them. Gives what was done; it counts once the transaction is committed.
    pub fn move_rows(
        &mut self,
        transaction: &mut Transaction,
        schema: &Schema,
        search: &Search,
        tables: &[(Rc<Table>, Vec<RowId>)],
    ) -> Result<Found> {
        let mut found = Found::default();
        for (table, rows) in tables {
            search.lock(transaction, &mut found, table, rows)?;
        }
        search.follow(transaction, &mut found, true)?;
        preflight::may_leave(schema, &found, search.action, self.manner.triggers)?;
        preflight::must_not_be_blocked(transaction, search, &found)?;
        if search.action.keeps() {
            for leaving in &found.tables {
                if self.prepared.contains(&leaving.table.oid) {
                    continue;
                }
                let statements = archive::prepare(schema, &leaving.table)?;
                schema.run_all(transaction, &statements)?;
            }
        }
        let mark = match &self.mark {
            Some(mark) => mark.clone(),
            None => Mark::new(transaction, self.version)?,
        };
        let triggers = self.manner.triggers;
        schema.as_the_user(transaction, |transaction| {
            carry::carry_out(transaction, search, &found, &mark, triggers)
        })?;
        self.mark = Some(mark);
        Ok(found)
    }

    /// Notes what was done by a transaction that is committed, or ends with all the others.
    pub fn done(&mut self, search: &Search, found: &Found) {
        let tables = found.tables.iter().map(|it| it.table.oid);
        self.prepared.extend(tables);
        self.tally.add(search, found);
    }

    /// Deals with all orphans in this one transaction, until none is left: where no key was added
    /// the table is not locked, and a row may change between the list and its lock.
    pub fn move_all(
        &mut self,
        transaction: &mut Transaction,
        schema: &Schema,
        search: &Search,
    ) -> Result<()> {
        loop {
            let listed = search.orphans(transaction)?;
            if listed.tables.is_empty() {
                return Ok(());
            }
            let tables = listed.tables.iter();
            let tables: Vec<_> = tables
                .map(|it| (Rc::clone(&it.table), it.rows.keys().copied().collect()))
                .collect();
            // Archives may have come since.
            schema.leave(transaction)?;
            let schema = Schema::read(transaction, schema.version)?;
            let found = self.move_rows(transaction, &schema, search, &tables)?;
            self.done(search, &found);
        }
    }
}

/// Why the rows of `found` may not leave: what the user can't allow is an error.
pub fn judge(
    transaction: &mut Transaction,
    schema: &Schema,
    search: &Search,
    found: &Found,
    order: Order<'_>,
) -> Result<Option<Failure>> {
    let refusal = preflight::refusal(transaction, search, found, order.policy)?;
    if refusal.is_none() {
        preflight::may_leave(schema, found, order.policy.orphans, order.manner.triggers)?;
    }
    Ok(refusal)
}

/// The child tables of `keys` with their rows, in the order of the script.
pub fn children(transaction: &mut Transaction, keys: &[Key]) -> Result<Vec<ChildTable>> {
    let mut tables: Vec<ChildTable> = Vec::new();
    for key in keys {
        if tables.iter().any(|it| it.table == key.child_shown) {
            continue;
        }
        let rows = count_rows(transaction, &key.child)?;
        tables.push(ChildTable {
            table: key.child_shown.clone(),
            rows_before: rows,
            rows_after: rows,
            added: Vec::new(),
            adopted: Vec::new(),
        });
    }
    Ok(tables)
}

/// Adds to the report what became of `tables`.
pub fn finish(report: &mut Vec<ChildTable>, tables: &[ChildTable], keys: &[Key], tally: &Tally) {
    for table in tables {
        let of = |adopted: bool| {
            let keys = keys.iter().filter(|key| key.child_shown == table.table);
            let keys = keys.filter(move |key| key.there.is_some() == adopted);
            keys.map(key_report).collect()
        };
        report.push(ChildTable {
            table: table.table.clone(),
            rows_before: table.rows_before,
            rows_after: table.rows_before - tally.of(&table.table),
            added: of(false),
            adopted: of(true),
        });
    }
}

fn key_report(key: &Key) -> KeyReport {
    let name = key.key.name.clone();
    let there = key.there.as_ref().map(|there| there.name.clone());
    KeyReport {
        called: there.filter(|there| *there != name),
        ..KeyReport::new(&key.model(), Some(name))
    }
}

/// The keys of a report that were there already.
pub fn adopted(change: &AppliedMigration) -> Vec<AdoptedKey> {
    let keys = change.tables.iter().flat_map(|table| {
        let found =
            |key: &KeyReport| AdoptedKey::found(table.table.clone(), key.constraint.clone());
        table.adopted.iter().map(found)
    });
    keys.collect()
}
