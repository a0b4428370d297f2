//! The keys that stay when a migration is taken back, and that no row which comes back may break.

use anyhow::Result;
use rusqlite::Connection;

use crate::sqlite::keys::conditions;
use crate::sqlite::orphans::confirm;
use crate::sqlite::schema::foreign_key::{self, NamedKey};
use crate::sqlite::schema::scratch;
use crate::sqlite::schema::{self, Table};
use crate::sqlite::text::ddl::{quote, same_name};

/// A key that stays, over a table that gets rows back.
pub struct Staying {
    /// The key.
    pub declared: NamedKey,
    /// Its parent.
    parent: Table,
    /// The condition that a row `w` breaks it.
    pub broken: String,
}

impl Staying {
    /// Confirms that the parent has none of the keys that rows `w` of `from`, which ends in a
    /// condition, break it with: they stay in the archive for it.
    pub fn confirm(&self, connection: &Connection, from: &str) -> Result<()> {
        let key = &self.declared.key;
        let columns = key.columns.iter().zip(1..);
        let columns = columns.map(|(name, at)| format!("+w.{} AS m{at}", quote(name)));
        let missing = format!(
            "SELECT DISTINCT {} {from} AND {}",
            columns.collect::<Vec<_>>().join(", "),
            self.broken
        );
        confirm::confirm_missing(connection, &self.parent, key, &missing)
    }
}

/// The keys that SQLite could act on in `table`.
pub fn staying(connection: &Connection, table: &Table) -> Result<Vec<Staying>> {
    let tables = schema::ordinary_tables(connection)?;
    let mut staying = Vec::new();
    for declared in foreign_key::declared(connection)? {
        let key = &declared.key;
        let parent = tables.iter().find(|name| same_name(name, &key.parent));
        let (true, Some(parent)) = (same_name(&key.child, &table.name), parent) else {
            continue;
        };
        let parent = Table::read(connection, parent)?;
        if scratch::has_parent_key(&parent, key) {
            staying.push(Staying {
                broken: conditions::orphaned_by_rows(&parent, key),
                declared,
                parent,
            });
        }
    }
    Ok(staying)
}
