//! The foreign keys that a database declares.

use std::borrow::Borrow;

use anyhow::{Context as _, Result};
use rusqlite::{Connection, Row};

pub use crate::model::key::{Action, ForeignKey, NamedKey};
use crate::sqlite::schema::primary_key;
use crate::sqlite::text::constraints;

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
    let named = declared(connection)?.into_iter();
    Ok(named.map(|named| named.key).collect())
}

/// Every foreign key that the main database declares, with its name.
///
/// `foreign_key_list` does not tell names. It lists the keys of a table from the last to the
/// first as they stand in its text, so it is the place that tells which name is whose.
pub fn declared(connection: &Connection) -> Result<Vec<NamedKey>> {
    let mut statement = connection.prepare(
        "SELECT m.name, k.id, k.\"table\", k.\"from\", k.\"to\", k.on_delete, k.on_update, m.sql
         FROM main.sqlite_schema AS m, pragma_foreign_key_list AS k
         WHERE m.type = 'table' AND k.arg = m.name AND k.schema = 'main'
         ORDER BY m.rowid, k.id, k.seq",
    )?;
    let mut rows = statement.query([])?;
    let mut keys: Vec<NamedKey> = Vec::new();
    let mut names: Vec<Option<String>> = Vec::new();
    let mut last = None;
    while let Some(row) = rows.next()? {
        let (child, id): (String, i64) = (row.get(0)?, row.get(1)?);
        if last.as_ref().is_none_or(|(table, _)| *table != child) {
            // A text that can't be read tells no names; SQLite itself has read it.
            let sql = row.get_ref(7)?.as_str().unwrap_or_default();
            names = constraints::foreign_key_names(sql).unwrap_or_default();
        }
        if last.as_ref() != Some(&(child.clone(), id)) {
            keys.push(NamedKey {
                constraint: names.pop().flatten(),
                key: ForeignKey {
                    child: child.clone(),
                    columns: Vec::new(),
                    parent: row.get(2)?,
                    parent_columns: Vec::new(),
                    on_delete: action(row, 5)?,
                    on_update: action(row, 6)?,
                },
            });
        }
        if let Some(NamedKey { key, .. }) = keys.last_mut() {
            key.columns.push(row.get(3)?);
            key.parent_columns.extend(row.get::<_, Option<String>>(4)?);
        }
        last = Some((child, id));
    }
    for NamedKey { key, .. } in &mut keys {
        if key.parent_columns.is_empty() {
            key.parent_columns = primary_key(connection, &key.parent)?;
        }
    }
    Ok(keys)
}

fn action(row: &Row<'_>, column: usize) -> Result<Action> {
    let sql: String = row.get(column)?;
    Action::from_sql(&sql).with_context(|| format!("{sql} is no action of a foreign key"))
}
