//! What a migration did, or would do.

use anyhow::Result;
use rusqlite::Connection;

use crate::failure::Failure;
use crate::migrations::Migration;
use crate::sqlite::apply::plan::KeyPlan;
use crate::sqlite::keys::NewKey;
use crate::sqlite::rebuild::steps::Step;
use crate::sqlite::schema::{self, child_index};
use crate::standing::AdoptedKey;

/// What one migration did, or would do.
#[derive(Debug)]
pub struct Outcome<'a> {
    /// The migration.
    pub migration: &'a Migration,
    /// Its parts, in the order of the script.
    pub parts: Vec<Done>,
    /// Why it may not be applied; only a rehearsal gets that far.
    pub refusal: Option<Failure>,
    /// What its files lack.
    pub lacking: Vec<String>,
    /// Keys that it dropped.
    pub dropped: Vec<AdoptedKey>,
    /// Which deletions will read whole tables; only a dry run looks.
    pub unindexed: Vec<String>,
}

/// A part of a script that is done.
#[derive(Debug)]
pub enum Done {
    /// A statement that SQLite runs itself.
    Statement(Step),
    /// Keys, by their plan.
    Keys(Box<KeyPlan>),
}

impl Outcome<'_> {
    /// The plans, in the order of the script.
    pub fn plans(&self) -> impl Iterator<Item = &KeyPlan> {
        self.parts.iter().filter_map(|part| match part {
            Done::Keys(plan) => Some(plan.as_ref()),
            Done::Statement(_) => None,
        })
    }

    /// What SQLite accepted and what will cost something.
    pub fn warnings(&self) -> impl Iterator<Item = &String> {
        let of_keys = self.plans().flat_map(|plan| &plan.warnings);
        self.lacking.iter().chain(of_keys).chain(&self.unindexed)
    }

    /// Looks which of the keys that it adds no index of its child serves, in a database as it
    /// leaves it.
    pub(super) fn find_unindexed(&mut self, connection: &Connection) -> Result<()> {
        let mut found = Vec::new();
        for planned in self.plans().flat_map(|plan| &plan.tables) {
            // A later statement may have dropped it.
            if !schema::table_exists(connection, &planned.name)? {
                continue;
            }
            for NewKey { key, .. } in &planned.added {
                found.extend(child_index::why_scanned(connection, key)?);
            }
        }
        self.unindexed = found;
        Ok(())
    }

    /// The keys that were there already.
    #[must_use]
    pub fn adopted(&self) -> Vec<AdoptedKey> {
        let tables = self.plans().flat_map(|plan| &plan.tables);
        tables
            .flat_map(|table| {
                let adopted = table.adopted.iter();
                adopted.map(|key| AdoptedKey::found(table.name.clone(), key.name.clone()))
            })
            .chain(self.dropped.iter().cloned())
            .collect()
    }
}
