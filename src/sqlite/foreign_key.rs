//! A foreign key, and those that a database declares.

use std::borrow::Borrow;
use std::fmt;

use anyhow::Result;
use rusqlite::Connection;

use super::ddl::{self, same_name};
use super::schema::primary_key;

/// A foreign key: which columns of the child refer to which of the parent, and what happens
/// to the child when the parent goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ForeignKey {
    /// The child table.
    pub child: String,
    /// The child's columns.
    pub columns: Vec<String>,
    /// The parent table, as the constraint names it.
    pub parent: String,
    /// The parent's columns, in the order of `columns`; the parent's primary key where the
    /// constraint names none.
    pub parent_columns: Vec<String>,
    /// The action of `ON DELETE`, such as `CASCADE` or `NO ACTION`.
    pub on_delete: String,
    /// The action of `ON UPDATE`.
    pub on_update: String,
}

impl ForeignKey {
    /// Whether both relate the same child columns, in whatever order they are written.
    #[must_use]
    pub fn same_columns(&self, other: &ForeignKey) -> bool {
        same_name(&self.child, &other.child)
            && self.columns.len() == other.columns.len()
            && self.columns.iter().all(|column| {
                other
                    .columns
                    .iter()
                    .any(|candidate| same_name(candidate, column))
            })
    }

    /// Whether both say the same: columns, parent, parent columns and actions.
    #[must_use]
    pub fn same_definition(&self, other: &ForeignKey) -> bool {
        self.same_columns(other)
            && same_name(&self.parent, &other.parent)
            && same_name(&self.on_delete, &other.on_delete)
            && same_name(&self.on_update, &other.on_update)
            && self.pairs().all(|(column, parent_column)| {
                other.pairs().any(|(other_column, other_parent)| {
                    same_name(column, other_column) && same_name(parent_column, other_parent)
                })
            })
    }

    /// The name that `create_table`, the stored text of the child, gives the key, if it does.
    pub fn name_in(&self, create_table: &str) -> Result<Option<String>> {
        let names = ddl::foreign_key_names(create_table)?;
        let own = names.into_iter().find(|(_, columns)| {
            columns.len() == self.columns.len()
                && columns
                    .iter()
                    .zip(&self.columns)
                    .all(|(left, right)| same_name(left, right))
        });
        Ok(own.map(|(name, _)| name))
    }

    /// Each child column with the parent column it refers to.
    pub fn pairs(&self) -> impl Iterator<Item = (&str, &str)> {
        self.columns
            .iter()
            .map(String::as_str)
            .zip(self.parent_columns.iter().map(String::as_str))
    }
}

impl fmt::Display for ForeignKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (columns, parent) = (self.columns.join(", "), &self.parent);
        write!(f, "({columns}) references {parent}")?;
        write!(f, " ({})", self.parent_columns.join(", "))?;
        for (event, action) in [("delete", &self.on_delete), ("update", &self.on_update)] {
            if action != "NO ACTION" {
                write!(f, " on {event} {}", action.to_ascii_lowercase())?;
            }
        }
        Ok(())
    }
}

/// Each of `keys` once, however often it is declared.
pub fn distinct<K: Borrow<ForeignKey>>(keys: impl IntoIterator<Item = K>) -> Vec<K> {
    let mut distinct: Vec<K> = Vec::new();
    for key in keys {
        let is_key = |other: &K| other.borrow().same_definition(key.borrow());
        if !distinct.iter().any(is_key) {
            distinct.push(key);
        }
    }
    distinct
}

/// Every foreign key that the main database declares.
pub fn declared_keys(connection: &Connection) -> Result<Vec<ForeignKey>> {
    let mut statement = connection.prepare(
        "SELECT m.name, k.id, k.\"table\", k.\"from\", k.\"to\", k.on_delete, k.on_update
         FROM main.sqlite_schema AS m, pragma_foreign_key_list AS k
         WHERE m.type = 'table' AND k.arg = m.name AND k.schema = 'main'
         ORDER BY m.rowid, k.id, k.seq",
    )?;
    let mut rows = statement.query([])?;
    let mut keys: Vec<ForeignKey> = Vec::new();
    let mut last = None;
    while let Some(row) = rows.next()? {
        let (child, id): (String, i64) = (row.get(0)?, row.get(1)?);
        if last.as_ref() != Some(&(child.clone(), id)) {
            keys.push(ForeignKey {
                child: child.clone(),
                columns: Vec::new(),
                parent: row.get(2)?,
                parent_columns: Vec::new(),
                on_delete: row.get(5)?,
                on_update: row.get(6)?,
            });
        }
        if let Some(key) = keys.last_mut() {
            key.columns.push(row.get(3)?);
            key.parent_columns.extend(row.get::<_, Option<String>>(4)?);
        }
        last = Some((child, id));
    }
    for key in &mut keys {
        if key.parent_columns.is_empty() {
            key.parent_columns = primary_key(connection, &key.parent)?;
        }
    }
    Ok(keys)
}
