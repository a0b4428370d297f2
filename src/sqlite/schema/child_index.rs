//! Whether an index serves a child key. SQLite needs none, but looks for the children of each
//! parent that is deleted or changes its key (<https://www.sqlite.org/foreignkeys.html#fk_indexes>).

use anyhow::Result;
use rusqlite::Connection;
use sqlite3_parser::dialect::TokenType::{TK_IS, TK_NOT, TK_NOTNULL, TK_NULL, TK_WHERE};

use super::foreign_key::ForeignKey;
use super::{RowKey, Table};
use crate::sqlite::text::ddl::{self, same_name};

/// Whether the children of a parent are found without reading all rows of `child`: `key` is its
/// rowid, or an index starts with its columns.
pub fn serves(connection: &Connection, child: &Table, key: &ForeignKey) -> Result<bool> {
    Ok(is_rowid(child, key) || is_indexed(connection, child, key)?)
}

/// What deleting a parent costs without an index that serves `key`, if there is none.
pub fn why_scanned(connection: &Connection, key: &ForeignKey) -> Result<Option<String>> {
    let child = Table::read(connection, &key.child)?;
    let scans = !serves(connection, &child, key)?;
    Ok(scans.then(|| {
        format!(
            "deleting a row of {} will scan {}: no index starts with ({})",
            key.parent,
            child.name,
            key.columns.join(", ")
        )
    }))
}

fn is_rowid(child: &Table, key: &ForeignKey) -> bool {
    match (&child.row_key, key.columns.as_slice()) {
        (RowKey::Alias(rowid), [column]) => same_name(rowid, column),
        _ => false,
    }
}

fn is_indexed(connection: &Connection, child: &Table, key: &ForeignKey) -> Result<bool> {
    let mut indexes = connection.prepare_cached(
        "SELECT i.name, i.partial, ifnull(s.sql, '') FROM pragma_index_list AS i
         LEFT JOIN main.sqlite_schema AS s ON s.type = 'index' AND s.name = i.name
         WHERE i.arg = ?1 AND i.schema = 'main'",
    )?;
    let mut rows = indexes.query([&child.name])?;
    while let Some(row) = rows.next()? {
        let (name, partial): (String, bool) = (row.get(0)?, row.get(1)?);
        let (sql, _) = super::text(row, 2)?;
        let is_whole = !partial || leaves_out_only_null(&sql, key);
        if is_whole && starts_with(connection, &name, child, key)? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Whether the first columns of `index` are those of `key`, in whatever order, compared as
/// the table compares them.
fn starts_with(
    connection: &Connection,
    index: &str,
    child: &Table,
    key: &ForeignKey,
) -> Result<bool> {
    let mut columns = connection.prepare_cached(
        "SELECT name, coll FROM pragma_index_xinfo
         WHERE arg = ?1 AND schema = 'main' AND key = 1 AND seqno < ?2",
    )?;
    let mut rows = columns.query((index, i64::try_from(key.columns.len())?))?;
    let mut leads = Vec::new();
    while let Some(row) = rows.next()? {
        // An expression has no name.
        let (name, collation): (Option<String>, String) = (row.get(0)?, row.get(1)?);
        let column = name.and_then(|name| child.column(&name));
        leads.extend(
            column
                .filter(|it| same_name(&it.collation, &collation))
                .map(|it| it.name.as_str()),
        );
    }
    let leads_with = |column: &String| leads.iter().any(|lead| same_name(lead, column));
    Ok(key.columns.iter().all(leads_with))
}

/// Whether a partial index holds every row whose key has no NULL: its condition is
/// `column IS NOT NULL`, for a column of the key.
fn leaves_out_only_null(create_index: &str, key: &ForeignKey) -> bool {
    let tokens = ddl::tokens(create_index).unwrap_or_default();
    let mut rest = tokens.split(|token| token.kind == TK_WHERE).skip(1);
    let (Some(condition), None) = (rest.next(), rest.next()) else {
        return false;
    };
    let kinds: Vec<_> = condition.iter().skip(1).map(|token| token.kind).collect();
    let is_not_null = matches!(
        kinds.as_slice(),
        [TK_IS, TK_NOT, TK_NULL] | [TK_NOTNULL] | [TK_NOT, TK_NULL]
    );
    let column = condition.first().map(|token| ddl::unquote(token.text));
    is_not_null && column.is_some_and(|column| key.columns.iter().any(|it| same_name(it, &column)))
}
