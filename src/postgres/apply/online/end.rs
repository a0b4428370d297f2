//! The end of an online run: the keys are validated, then the history is written.

use anyhow::{Context as _, Result};
use postgres::error::SqlState;

use super::run::{Run, Turn, asked, is_at};
use crate::postgres::database::Database;
use crate::postgres::database::progress::{Direction, Stage};
use crate::postgres::error;
use crate::postgres::keys::Key;
use crate::postgres::keys::child_index::{ChildIndex, State};
use crate::postgres::session::go_on_unless_interrupted;

pub(super) enum Ended {
    ByUs,
    ByOthers,
    LacksIndex,
}

/// What was validated of a key.
enum Part {
    Last,
    OfSeveral,
    NotClosed,
    Ended,
}

pub(super) enum Validated {
    All,
    Broken,
    Ended,
}

impl Run<'_> {
    pub(super) fn validate(&self, database: &mut Database) -> Result<Validated> {
        for key in &self.keys {
            loop {
                go_on_unless_interrupted()?;
                let turn = match self.validate_a_part(database, key) {
                    Ok(Part::Last) => break,
                    Ok(Part::OfSeveral) => continue,
                    Ok(Part::Ended) => return Ok(Validated::Ended),
                    Ok(Part::NotClosed) => {
                        self.move_on(database, Stage::Validating, Stage::Closing)?
                    }
                    Err(error) if error::code(&error) == Some(&SqlState::FOREIGN_KEY_VIOLATION) => {
                        self.move_on(database, Stage::Validating, Stage::Closing)?
                    }
                    Err(error) => return Err(error),
                };
                return Ok(match turn {
                    Turn::Ours(_) => Validated::Broken,
                    Turn::Ended => Validated::Ended,
                });
            }
        }
        Ok(Validated::All)
    }

    fn validate_a_part(&self, database: &mut Database, key: &Key) -> Result<Part> {
        let tables = database.look(|_, schema, _| Ok(key.tables(schema)))?;
        database.alter(&tables, |transaction, schema, own| {
            if !is_at(transaction, own, self.migration, Stage::Validating)? {
                return Ok(Part::Ended);
            }
            let mut key = key.clone();
            key.there = asked(schema, std::slice::from_ref(&key))
                .pop()
                .and_then(|it| it.there);
            // A partition has come since.
            if !key.adding(schema).is_empty() {
                return Ok(Part::NotClosed);
            }
            let statements = key.validating(schema);
            let doing = || format!("could not validate {} of {}", key.key.name, key.child_shown);
            if let Some((_, sql)) = statements.first() {
                schema
                    .run_all(transaction, std::slice::from_ref(sql))
                    .with_context(doing)?;
            }
            Ok(if statements.len() < 2 {
                Part::Last
            } else {
                Part::OfSeveral
            })
        })
    }

    /// Writes the history, where every key is valid and every index is there.
    pub(super) fn end(&self, database: &mut Database) -> Result<Ended> {
        database.change(&self.names, |transaction, schema, own| {
            if !is_at(transaction, own, self.migration, Stage::Validating)? {
                return Ok(Ended::ByOthers);
            }
            let is_there = |index: &ChildIndex| index.state(schema) == State::Valid;
            if !self.indexes.iter().all(is_there) {
                own.go_on(transaction, Direction::Up, Stage::Indexing, 0)?;
                return Ok(Ended::LacksIndex);
            }
            let before = own.history(transaction)?;
            own.record(transaction, self.migration, &self.adopted, &before)?;
            own.end(transaction)?;
            Ok(Ended::ByUs)
        })
    }
}
