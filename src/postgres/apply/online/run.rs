//! A run of one migration: what it found when it began, and how far the migration is.

use anyhow::Result;
use postgres::Transaction;

use crate::failure::Failure;
use crate::migrations::Migration;
use crate::outcome::change::ChildTable;
use crate::postgres::apply::add;
use crate::postgres::apply::order::Order;
use crate::postgres::database::Database;
use crate::postgres::database::own::Own;
use crate::postgres::database::progress::{Direction, Stage};
use crate::postgres::keys::child_index::{self, ChildIndex};
use crate::postgres::keys::{self, Key};
use crate::postgres::leave::mover::Mover;
use crate::postgres::leave::preflight;
use crate::postgres::orphans::Search;
use crate::postgres::schema::Schema;
use crate::postgres::text::parts;
use crate::standing::AdoptedKey;

/// Whether the migration is still this run's to go on with.
pub(super) enum Turn {
    /// It is, and this is done next.
    Ours(Stage),
    /// Another run has ended it.
    Ended,
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
    pub(super) fn begin(
        database: &mut Database,
        migration: &'a Migration,
        order: Order<'a>,
    ) -> Result<Self> {
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

    pub(super) fn move_on(&self, database: &mut Database, from: Stage, to: Stage) -> Result<Turn> {
        database.change(&[], |transaction, _, own| {
            if is_at(transaction, own, self.migration, from)? {
                own.go_on(transaction, Direction::Up, to, 0)?;
            }
            Ok(turn(transaction, own, self.migration)?.unwrap_or(Turn::Ended))
        })
    }

    pub(super) fn look_again(&self, database: &mut Database) -> Result<Turn> {
        database.change(&[], |transaction, _, own| {
            Ok(turn(transaction, own, self.migration)?.unwrap_or(Turn::Ended))
        })
    }
}

/// Where the migration stands; none where nothing is under way.
pub(super) fn turn(
    transaction: &mut Transaction,
    own: &Own,
    migration: &Migration,
) -> Result<Option<Turn>> {
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
