//! Goes through the stages of an online run, each of which may be the first.

use anyhow::{Context as _, Result};
use time::OffsetDateTime;

use super::end::{Ended, Validated};
use super::run::{Run, Turn, asked, is_at, turn};
use crate::migrations::Migration;
use crate::outcome::change::AppliedMigration;
use crate::postgres::apply::add;
use crate::postgres::apply::order::Order;
use crate::postgres::database::progress::{Direction, Progress, Stage};
use crate::postgres::database::{ADDS, Database};
use crate::postgres::keys::child_index::{ChildIndex, State};
use crate::postgres::orphans::Search;
use crate::postgres::schema::Schema;
use crate::postgres::schema::rows::source;
use crate::postgres::session::{go_on_unless_interrupted, pause};

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

impl Run<'_> {
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
}
