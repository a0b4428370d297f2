//! `up` in short steps, each a transaction: never half a row, never half a step, and after any
//! kill a way on and a way back.
//!
//! Closing adds the keys NOT VALID: from then on no row can come to break them, and the set of
//! orphans only shrinks. Archiving lists them without a lock and moves them batch by batch.
//! Validating ends it.

use anyhow::{Context as _, Result};
use postgres::Transaction;
use time::OffsetDateTime;

use super::online_end::{Ended, Validated};
use crate::failure::Failure;
use crate::migrations::Migration;
use crate::outcome::change::{AppliedMigration, ChildTable};
use crate::postgres::apply::add;
use crate::postgres::apply::up::Order;
use crate::postgres::database::own::Own;
use crate::postgres::database::progress::{Direction, Progress, Stage};
use crate::postgres::database::{ADDS, Database};
use crate::postgres::keys::child_index::{self, ChildIndex, State};
use crate::postgres::keys::{self, Key};
use crate::postgres::leave::mover::Mover;
use crate::postgres::leave::preflight;
use crate::postgres::orphans::Search;
use crate::postgres::schema::Schema;
use crate::postgres::schema::rows::source;
use crate::postgres::session::{go_on_unless_interrupted, pause};
use crate::postgres::text::parts;
use crate::standing::AdoptedKey;

/// Whether the migration is still this run's to go on with.
pub(super) enum Turn {
    /// It is, and this is done next.
    Ours(Stage),
    /// Another run has ended it.
    Ended,
}

/// Applies `migration`, or goes on with it; none where another run has ended it.
pub fn up(
    database: &mut Database,
    migration: &Migration,
    order: Order<'_>,
    tell: &mut dyn FnMut(&str),
) -> Result<Option<AppliedMigration>> {
    let doing = || format!("could not apply {}", migration.up);
    let mut run = Run::begin(database, migration, order).with_context(doing)?;
    let done = run.run_to_end(database).with_context(doing)?;
    for index in run.indexes.iter().filter(|_| done) {
        tell(&format!("made {}", index.told()));
    }
    if !done {
        return Ok(None);
    }
    let mut change = AppliedMigration {
        version: migration.up.version(),
        name: migration.up.name().to_owned(),
        tables: Vec::new(),
        set_null: run.mover.tally.set_null(order.policy.orphans),
        removed: run.mover.tally.removed(order.policy.orphans),
    };
    add::finish(&mut change.tables, &run.tables, &run.keys, &run.mover.tally);
    Ok(Some(change))
}

pub(super) struct Run<'a> {
    pub(super) migration: &'a Migration,
    pub(super) order: Order<'a>,
    /// The keys as they were found; `there` is set for those that were there before.
    pub(super) keys: Vec<Key>,
    /// What was there before, and the indexes that this migration makes.
    pub(super) adopted: Vec<AdoptedKey>,
    pub(super) indexes: Vec<ChildIndex>,
    pub(super) tables: Vec<ChildTable>,
    pub(super) names: Vec<String>,
    pub(super) mover: Mover<'a>,
}

impl<'a> Run<'a> {
    /// Looks, refuses what can't be, and writes that the migration is under way.
    fn begin(database: &mut Database, migration: &'a Migration, order: Order<'a>) -> Result<Self> {
        let requests = parts::requests(migration)?;
        let (mut keys, tables, adopted, indexes) = database.look(|transaction, schema, own| {
            let keys = keys::resolve(transaction, schema, &requests)?;
            preflight::must_see(transaction, &keys)?;
            preflight::may_add(transaction, &keys)?;
            let tables = add::children(transaction, &keys)?;
            let under_way = own.progress(transaction)?;
            let is_under_way = under_way.is_some();
            let mut adopted = under_way.map_or_else(|| adopted(&keys), |it| it.adopted);
            if order.manner.child_index && !is_under_way {
                adopted.extend(child_index::wanted(transaction, schema, &keys)?);
            }
            if !is_under_way {
                keys::must_be_of_the_whole(schema, &keys)?;
                let search = Search::new(transaction, schema, keys.clone(), order.policy.orphans)?;
                let mut found = search.orphans(transaction)?;
                search.follow(transaction, &mut found, false)?;
                if let Some(refusal) = add::judge(transaction, schema, &search, &found, order)? {
                    return Err(refusal.into());
                }
            }
            let indexes = child_index::all(schema, &adopted);
            Ok((keys, tables, adopted, indexes))
        })?;
        for key in &mut keys {
            // What an earlier run has added is this migration's.
            let is_adopted = adopted.iter().any(|it| {
                it.table == key.child_shown && it.constraint.as_ref() == Some(&key.key.name)
            });
            if !is_adopted {
                key.there = None;
            }
        }
        let mut names: Vec<_> = keys
            .iter()
            .flat_map(|key| [key.child.name.to_string(), key.parent.name.to_string()])
            .collect();
        names.sort();
        names.dedup();
        Ok(Run {
            migration,
            order,
            keys,
            adopted,
            indexes,
            tables,
            names,
            mover: Mover::new(Some(migration.up.version()), order.manner),
        })
    }

    /// Whether this run ended it; else another did.
    fn run_to_end(&mut self, database: &mut Database) -> Result<bool> {
        let mut stage = match self.start(database)? {
            Turn::Ours(stage) => stage,
            Turn::Ended => return Ok(false),
        };
        loop {
            go_on_unless_interrupted()?;
            let turn = match stage {
                Stage::Indexing => self.index(database)?,
                Stage::Closing => self.close(database)?,
                Stage::Archiving => self.archive(database)?,
                Stage::Validating => match self.validate(database)? {
                    Validated::All => match self.end(database)? {
                        Ended::ByUs => return Ok(true),
                        Ended::ByOthers => Turn::Ended,
                        Ended::LacksIndex => Turn::Ours(Stage::Indexing),
                    },
                    Validated::Broken => Turn::Ours(Stage::Closing),
                    Validated::Ended => Turn::Ended,
                },
                Stage::Opening | Stage::Restoring => Turn::Ended,
            };
            match turn {
                Turn::Ours(next) => stage = next,
                Turn::Ended => return Ok(false),
            }
        }
    }

    fn start(&self, database: &mut Database) -> Result<Turn> {
        let (migration, order, adopted) = (self.migration, self.order, &self.adopted);
        let step = if self.indexes.is_empty() {
            Stage::Closing
        } else {
            Stage::Indexing
        };
        database.change(&[], |transaction, schema, own| {
            if let Some(turn) = turn(transaction, own, migration)? {
                return Ok(turn);
            }
            let applied = own.history(transaction)?;
            if !order
                .pending(schema, &applied)?
                .contains(&migration.up.version())
            {
                return Ok(Turn::Ended);
            }
            own.begin(
                transaction,
                &Progress {
                    version: migration.up.version(),
                    direction: Direction::Up,
                    name: migration.up.name().to_owned(),
                    checksum: migration.up.checksum(),
                    step,
                    started_on: OffsetDateTime::now_utc(),
                    adopted: adopted.clone(),
                    archived: 0,
                },
            )?;
            Ok(Turn::Ours(step))
        })
    }

    /// Makes the indexes that children lack, while everybody writes.
    fn index(&self, database: &mut Database) -> Result<Turn> {
        for index in &self.indexes {
            let mut tries = 0..3;
            loop {
                go_on_unless_interrupted()?;
                match self.look_at(database, index)? {
                    None => return self.look_again(database),
                    Some(State::Valid) => break,
                    Some(_) if tries.next().is_some() => database.make_concurrently(index)?,
                    Some(_) => return Err(index.never_comes().into()),
                }
            }
        }
        self.move_on(database, Stage::Indexing, Stage::Closing)
    }

    /// How far an index is, once nobody is making it: what was begun and not ended is dropped.
    /// None where the migration is not at this stage any more.
    fn look_at(&self, database: &mut Database, index: &ChildIndex) -> Result<Option<State>> {
        database.alter(&[index.table()], |transaction, schema, own| {
            if !is_at(transaction, own, self.migration, Stage::Indexing)? {
                return Ok(None);
            }
            if index.state(schema) == State::Valid {
                return Ok(Some(State::Valid));
            }
            transaction.batch_execute(&index.lock_sql())?;
            schema.leave(transaction)?;
            let schema = Schema::read(transaction, schema.version)?;
            let mut state = index.state(&schema);
            if let (State::Invalid, Some(sql)) = (state, index.drop_sql(&schema)) {
                schema.run_all(transaction, &[sql])?;
                state = State::Missing;
            }
            // That of the whole takes those of its partitions, which are there.
            if state == State::Missing && index.is_of_the_whole() {
                schema.run_all(transaction, &[index.create_sql()])?;
                state = State::Valid;
            }
            Ok(Some(state))
        })
    }

    /// Adds the keys, a transaction each: two under one retry would keep more tables waiting.
    fn close(&self, database: &mut Database) -> Result<Turn> {
        for key in self.keys.iter().filter(|key| key.there.is_none()) {
            loop {
                go_on_unless_interrupted()?;
                let tables = database.look(|_, schema, _| Ok(key.tables(schema)))?;
                let parents = [source(&key.parent)];
                let is_last =
                    database.alter_both(&tables, &parents, ADDS, |transaction, schema, own| {
                        if !is_at(transaction, own, self.migration, Stage::Closing)? {
                            return Ok(None);
                        }
                        let adding = key.adding(schema);
                        if let Some((_, sql)) = adding.first() {
                            let doing =
                                || format!("could not add {} to {}", key.key.name, key.child_shown);
                            schema
                                .run_all(transaction, std::slice::from_ref(sql))
                                .with_context(doing)?;
                        }
                        Ok(Some(adding.len() < 2))
                    })?;
                match is_last {
                    None => return self.look_again(database),
                    Some(true) => break,
                    Some(false) => {}
                }
            }
        }
        self.move_on(database, Stage::Closing, Stage::Archiving)
    }

    /// Lists what breaks the keys, without a lock, and moves it batch by batch; until none is left.
    fn archive(&mut self, database: &mut Database) -> Result<Turn> {
        loop {
            let (keys, action) = (self.keys.clone(), self.order.policy.orphans);
            let (search, found) = database.look(|transaction, schema, _| {
                let search = Search::new(transaction, schema, asked(schema, &keys), action)?;
                let found = search.orphans(transaction)?;
                Ok((search, found))
            })?;
            if found.tables.is_empty() {
                return self.move_on(database, Stage::Archiving, Stage::Validating);
            }
            for batch in found.batches(self.order.manner.batch) {
                go_on_unless_interrupted()?;
                let (mover, migration) = (&mut self.mover, self.migration);
                let tables = [batch.0.name.to_string()];
                let batch = std::slice::from_ref(&batch);
                let gone = database.change(&tables, |transaction, schema, own| {
                    if !is_at(transaction, own, migration, Stage::Archiving)? {
                        return Ok(None);
                    }
                    let gone = mover.move_rows(transaction, schema, &search, batch)?;
                    let number = gone
                        .tables
                        .iter()
                        .map(crate::postgres::orphans::Leaving::count_first)
                        .sum();
                    own.go_on(transaction, Direction::Up, Stage::Archiving, number)?;
                    Ok(Some(gone))
                })?;
                match gone {
                    Some(gone) => self.mover.done(&search, &gone),
                    None => return self.look_again(database),
                }
                pause(self.order.manner.pause)?;
            }
        }
    }

    pub(super) fn move_on(&self, database: &mut Database, from: Stage, to: Stage) -> Result<Turn> {
        database.change(&[], |transaction, _, own| {
            if is_at(transaction, own, self.migration, from)? {
                own.go_on(transaction, Direction::Up, to, 0)?;
            }
            Ok(turn(transaction, own, self.migration)?.unwrap_or(Turn::Ended))
        })
    }

    fn look_again(&self, database: &mut Database) -> Result<Turn> {
        database.change(&[], |transaction, _, own| {
            Ok(turn(transaction, own, self.migration)?.unwrap_or(Turn::Ended))
        })
    }
}

/// Where the migration stands; none where nothing is under way.
fn turn(transaction: &mut Transaction, own: &Own, migration: &Migration) -> Result<Option<Turn>> {
    let Some(progress) = own.progress(transaction)? else {
        return Ok(None);
    };
    if progress.version != migration.up.version() {
        return Err(Failure::impossible(format!(
            "V{}__{} is under way",
            progress.version, progress.name
        ))
        .hint("wait for the run that applies it, or end it with fkfix up")
        .into());
    }
    if progress.direction == Direction::Down {
        return Err(
            Failure::impossible(format!("{} is being reverted", migration.up))
                .hint("fkfix down goes on with that")
                .into(),
        );
    }
    Ok(Some(Turn::Ours(progress.step)))
}

pub(super) fn is_at(
    transaction: &mut Transaction,
    own: &Own,
    migration: &Migration,
    stage: Stage,
) -> Result<bool> {
    let turn = turn(transaction, own, migration)?;
    Ok(matches!(turn, Some(Turn::Ours(at)) if at == stage))
}

/// The keys as the schema has them now.
pub(super) fn asked(schema: &Schema, keys: &[Key]) -> Vec<Key> {
    let now = |key: &Key| {
        let name = key
            .there
            .as_ref()
            .map_or(&key.key.name, |there| &there.name);
        let child = schema.by_oid(key.child.oid);
        let there = child.and_then(|it| it.foreign_keys.iter().find(|it| it.name == *name));
        Key {
            there: there.cloned(),
            ..key.clone()
        }
    };
    keys.iter().map(now).collect()
}

fn adopted(keys: &[Key]) -> Vec<AdoptedKey> {
    let there = keys.iter().filter(|key| key.there.is_some());
    there
        .map(|key| AdoptedKey::found(key.child_shown.clone(), Some(key.key.name.clone())))
        .collect()
}
