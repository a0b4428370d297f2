//! The declared keys, with the tables that they relate, as far as triggers can carry them out.

use anyhow::Result;
use rusqlite::Connection;

use super::demands::Demands;
use crate::sqlite::schema::Table;
use crate::sqlite::schema::foreign_key::{self, ForeignKey};
use crate::sqlite::schema::scratch;
use crate::sqlite::text::constraints;
use crate::sqlite::text::ddl::same_name;

/// A key that SQLite would act on.
#[derive(Debug)]
pub struct Key {
    /// What it says.
    pub declared: ForeignKey,
    /// The child table.
    pub child: Table,
    /// The parent table.
    pub parent: Table,
    /// Its place among the keys of its table, counted from 1.
    pub number: usize,
    /// SQLite checks it at COMMIT alone.
    pub deferred: bool,
    /// What the child demands of its rows.
    pub demands: Demands,
}

impl Key {
    /// Whether child and parent are the same table.
    pub fn is_self_reference(&self) -> bool {
        same_name(&self.child.name, &self.parent.name)
    }
}

/// The keys of a database.
#[derive(Debug)]
pub struct Keys {
    /// Those that SQLite would act on, each once, in the order of the schema.
    pub usable: Vec<Key>,
    /// The others, and why not.
    pub unusable: Vec<(ForeignKey, String)>,
}

impl Keys {
    /// Reads the keys that the main database declares.
    pub fn read(connection: &Connection) -> Result<Self> {
        let declared = foreign_key::declared_keys(connection)?;
        let mut keys = Keys {
            usable: Vec::new(),
            unusable: Vec::new(),
        };
        for of_table in declared.chunk_by(|left, right| left.child == right.child) {
            let Some(first) = of_table.first() else {
                continue;
            };
            let child = Table::read(connection, &first.child)?;
            let deferred = constraints::deferred_keys(&child.sql)?;
            // SQLite lists a table's keys from the last declared to the first.
            for (at, key) in of_table.iter().rev().enumerate() {
                let deferred = deferred.get(at).copied().unwrap_or_default();
                keys.add(connection, key, at + 1, &child, deferred)?;
            }
        }
        Ok(keys)
    }

    fn add(
        &mut self,
        connection: &Connection,
        key: &ForeignKey,
        number: usize,
        child: &Table,
        deferred: bool,
    ) -> Result<()> {
        let known = self.usable.iter().map(|it| &it.declared);
        let known: Vec<_> = known
            .chain(self.unusable.iter().map(|(key, _)| key))
            .collect();
        if known.iter().any(|it| it.same_definition(key)) {
            return Ok(());
        }
        match parent_of(connection, key) {
            Ok(parent) => self.usable.push(Key {
                declared: key.clone(),
                child: child.clone(),
                parent,
                number,
                deferred,
                demands: Demands::read(connection, child)?,
            }),
            Err(reason) => self.unusable.push((key.clone(), reason)),
        }
        Ok(())
    }
}

/// The parent table of `key`, or why SQLite or a trigger could not use it.
fn parent_of(connection: &Connection, key: &ForeignKey) -> Result<Table, String> {
    let parent = Table::read(connection, &key.parent)
        .map_err(|error| crate::sqlite::file::errors::message(&error))?;
    let missing = key
        .parent_columns
        .iter()
        .find(|it| parent.column(it).is_none());
    if let Some(column) = missing {
        return Err(format!("{} has no column {column}", parent.name));
    }
    if !scratch::has_parent_key(&parent, key) {
        let columns = key.parent_columns.join(", ");
        return Err(format!(
            "{} ({columns}) is neither PRIMARY KEY nor UNIQUE",
            parent.name
        ));
    }
    for table in [&key.child, &parent.name] {
        if same_name(table, "old") || same_name(table, "new") {
            return Err(format!(
                "in a trigger {table} is not the table of that name"
            ));
        }
    }
    Ok(parent)
}
