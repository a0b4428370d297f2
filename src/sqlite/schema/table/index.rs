//! The indexes of a table: which of them this SQLite could have kept, and how the table is read
//! without the others.
//!
//! What SQLite does not know of an index it takes on trust. libSQL keeps its vectors in an index
//! without entries (`libsql_vector_idx`), and `count(*)` by that is 0; an application's own
//! function or collation may have come to other entries than SQLite expects
//! (<https://www.sqlite.org/queryplanner.html#_covering_indexes>).

use anyhow::Result;
use rusqlite::Connection;

use crate::sqlite::schema::column::Column;

use crate::sqlite::text::ddl::{quote, same_name};

/// An index of a table.
#[derive(Clone, Debug)]
pub struct Index {
    /// Its name.
    pub name: String,
    /// Its columns, where it has every row and is compared as the table is; none otherwise.
    pub columns: Option<Vec<String>>,
    /// Its first column, compared as in the table.
    pub lead: Option<String>,
    /// No two rows have the same key in it.
    pub unique: bool,
    /// It was made for the primary key.
    pub is_primary_key: bool,
    /// Why this SQLite could not have kept it, if it could not.
    pub unkept: Option<String>,
}

/// Reads the indexes of `table`, which has `columns`.
pub fn indexes(connection: &Connection, table: &str, columns: &[Column]) -> Result<Vec<Index>> {
    let mut statement = connection.prepare_cached(
        "SELECT i.name, i.\"unique\", i.origin = 'pk', i.partial, x.name, x.coll
         FROM pragma_index_list AS i, pragma_index_xinfo AS x
         WHERE i.arg = ?1 AND i.schema = 'main' AND x.arg = i.name AND x.schema = 'main' AND x.\"key\"
         ORDER BY i.seq, x.seqno",
    )?;
    let mut rows = statement.query([table])?;
    let mut indexes: Vec<Index> = Vec::new();
    while let Some(row) = rows.next()? {
        let name: String = row.get(0)?;
        let (column, collation): (Option<String>, String) = (row.get(4)?, row.get(5)?);
        let compares_alike = columns.iter().any(|it| {
            column.as_deref() == Some(it.name.as_str()) && same_name(&it.collation, &collation)
        });
        let partial: bool = row.get(3)?;
        let column = column.filter(|_| compares_alike && !partial);
        if indexes.last().is_none_or(|last| last.name != name) {
            indexes.push(Index {
                unkept: why_unkept(connection, &name),
                name,
                columns: Some(Vec::new()),
                lead: column.clone(),
                unique: row.get(1)?,
                is_primary_key: row.get(2)?,
            });
        }
        if let Some(index) = indexes.last_mut() {
            let known = index.columns.take().zip(column);
            index.columns = known.map(|(mut columns, column)| {
                columns.push(column);
                columns
            });
        }
    }
    Ok(indexes)
}

/// SQLite plans to build the index anew, which needs all that keeping it needs.
fn why_unkept(connection: &Connection, index: &str) -> Option<String> {
    let error = connection
        .prepare(&format!("REINDEX main.{}", quote(index)))
        .err()?;
    Some(match error {
        rusqlite::Error::SqliteFailure(_, Some(message)) => message,
        rusqlite::Error::SqlInputError { msg, .. } => msg,
        other => other.to_string(),
    })
}

/// Whether SQLite has the collation `name` on this connection. `pragma_collation_list` names those
/// too that a definition mentions and nobody has made.
pub fn knows_collation(connection: &Connection, name: &str) -> bool {
    let compare = format!("SELECT '' = '' COLLATE {}", quote(name));
    connection.prepare_cached(&compare).is_ok()
}

/// Whether all indexes of the main database do with the collations that SQLite has. One that does
/// not keeps it from renaming any table.
pub fn all_collations_are_known(connection: &Connection) -> Result<bool> {
    let mut statement = connection.prepare_cached(
        "SELECT DISTINCT x.coll FROM main.sqlite_schema AS s, pragma_index_xinfo AS x
         WHERE s.type = 'index' AND s.sql IS NOT NULL AND x.arg = s.name AND x.schema = 'main' AND x.\"key\"",
    )?;
    let names = statement.query_map([], |row| row.get::<_, String>(0))?;
    let names = names.collect::<Result<Vec<_>, _>>()?;
    Ok(names.iter().all(|name| knows_collation(connection, name)))
}
