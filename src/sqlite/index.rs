//! The indexes of a table: which of them this SQLite could have kept, and how the table is read
//! without the others.
//!
//! What SQLite does not know of an index it takes on trust. libSQL keeps its vectors in an index
//! without entries (`libsql_vector_idx`), and `count(*)` by that is 0; an application's own
//! function or collation may have come to other entries than SQLite expects
//! (<https://www.sqlite.org/queryplanner.html#_covering_indexes>).

use anyhow::Result;
use rusqlite::Connection;

use super::ddl::{quote, same_name};
use super::foreign_key::ForeignKey;
use super::known_keys::KnownKeys;
use super::lists::DeadKeys;
use super::row_counts::RowCounts;
use super::schema::{Column, RowKey, Table};
use crate::failure::Failure;

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
    is_primary_key: bool,
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

impl Table {
    /// The first index that this SQLite could not have kept, with the reason.
    #[must_use]
    pub fn unkept_index(&self) -> Option<(&str, &str)> {
        let mut indexes = self.index_list.iter();
        indexes.find_map(|it| Some((it.name.as_str(), it.unkept.as_deref()?)))
    }

    /// The table in `FROM`, called `alias` unless that is empty; its rows do not come by an index
    /// that this SQLite could not have kept.
    ///
    /// In a table without rowids `NOT INDEXED` leaves the choice of an index open, so there the one
    /// is named that is the table.
    #[must_use]
    pub fn source(&self, alias: &str) -> String {
        let primary_key = self.index_list.iter().find(|it| it.is_primary_key);
        match (self.unkept_index(), &self.row_key, primary_key) {
            (None, ..) => self.named(alias, ""),
            (Some(_), RowKey::PrimaryKey(_), Some(index)) => self.by(alias, index),
            (Some(_), ..) => self.named(alias, " NOT INDEXED"),
        }
    }

    /// As [`source`](Self::source), for a search by all of `columns`, which are a parent key.
    #[must_use]
    pub fn source_by_key(&self, alias: &str, columns: &[String]) -> String {
        match self.unkept_index().and(self.key_index(columns)) {
            Some(index) => self.by(alias, index),
            None => self.source(alias),
        }
    }

    /// As [`source`](Self::source), but by no index at all.
    #[must_use]
    pub fn scanned(&self, alias: &str) -> String {
        let primary_key = self.index_list.iter().find(|it| it.is_primary_key);
        match (&self.row_key, primary_key) {
            (RowKey::PrimaryKey(_), Some(index)) => self.by(alias, index),
            _ => self.named(alias, " NOT INDEXED"),
        }
    }

    fn by(&self, alias: &str, index: &Index) -> String {
        self.named(alias, &format!(" INDEXED BY {}", quote(&index.name)))
    }

    fn named(&self, alias: &str, how: &str) -> String {
        let alias = match alias {
            "" => String::new(),
            alias => format!(" AS {alias}"),
        };
        format!("main.{}{alias}{how}", quote(&self.name))
    }

    /// The index that keeps `columns` unique, in any order; none where the rows themselves do.
    #[must_use]
    pub fn key_index(&self, columns: &[String]) -> Option<&Index> {
        let is_key = |index: &&Index| {
            let indexed = index.columns.as_deref().unwrap_or_default();
            index.unique
                && index.unkept.is_none()
                && indexed.len() == columns.len()
                && columns
                    .iter()
                    .all(|name| indexed.iter().any(|it| same_name(it, name)))
        };
        match &self.row_key {
            RowKey::Alias(name) if matches!(columns, [only] if same_name(only, name)) => None,
            RowKey::PrimaryKey(_) => {
                let found = self.index_list.iter().find(is_key);
                found.filter(|index| !index.is_primary_key)
            }
            _ => self.index_list.iter().find(is_key),
        }
    }

    /// Fails where an index that begins like `columns` has another number of entries than the table
    /// has rows.
    pub fn must_have_whole_indexes(
        &self,
        connection: &Connection,
        counts: &RowCounts<'_>,
        columns: &[String],
    ) -> Result<()> {
        let Some(column) = columns.first() else {
            return Ok(());
        };
        let is_table =
            |it: &Index| it.is_primary_key && matches!(self.row_key, RowKey::PrimaryKey(_));
        let leads = |it: &&Index| {
            it.lead
                .as_deref()
                .is_some_and(|lead| same_name(lead, column))
        };
        for index in self.index_list.iter().filter(leads) {
            if index.unkept.is_some() || is_table(index) || !counts.is_first_look(&index.name) {
                continue;
            }
            // SQLite would count by another index if it were asked for count(*).
            let query = format!("SELECT count(1) FROM {}", self.by("", index));
            let entries: i64 = connection.query_row(&query, [], |row| row.get(0))?;
            if entries != counts.of(&self.name)? {
                return Err(self.damaged(index).into());
            }
        }
        Ok(())
    }

    /// What is said of a table whose index and rows differ.
    #[must_use]
    pub fn damaged(&self, index: &Index) -> Failure {
        Failure::impossible(format!(
            "the index {} of {} is damaged: it does not hold what the rows of the table say",
            index.name, self.name
        ))
        .hint(format!(
            "REINDEX {} first, and see what else PRAGMA integrity_check finds",
            quote(&self.name)
        ))
    }
}

/// Confirms that the parent has none of the keys that `missing` selects as `m1`, `m2`, …: by one
/// look at each row of the parent, and not by the index that lacks them.
///
/// `IN` converts the values of a list to the affinity of the parent key before it compares, so that
/// an integer may pass for the nearest real number; what it finds is compared again as the search
/// compares.
pub fn confirm_missing(
    connection: &Connection,
    parent: &Table,
    key: &ForeignKey,
    missing: &str,
) -> Result<()> {
    let Some(index) = parent.key_index(&key.parent_columns) else {
        return Ok(());
    };
    let columns = key.parent_columns.iter();
    let columns: Vec<_> = columns.map(|it| format!("p.{}", quote(it))).collect();
    let same = columns.iter().enumerate();
    let same: Vec<_> = same
        .map(|(place, column)| format!("{column} = m.m{}", place + 1))
        .collect();
    let query = format!(
        "SELECT EXISTS (SELECT 1 FROM {} WHERE ({}) IN ({missing}) AND EXISTS (SELECT 1 FROM ({missing}) AS m WHERE {}))",
        parent.scanned("p"),
        columns.join(", "),
        same.join(" AND ")
    );
    if connection.query_row(&query, [], |row| row.get(0))? {
        return Err(parent.damaged(index).into());
    }
    Ok(())
}

/// Confirms that the rows of `child` and `parent` say what their indexes say: that as many rows have
/// one of `dead_keys` as have no parent. One look at each row.
pub fn confirm_all_found(
    connection: &Connection,
    counts: &RowCounts<'_>,
    child: &Table,
    parent: &Table,
    dead_keys: &DeadKeys,
) -> Result<()> {
    let count = |from: String, condition: &str| -> Result<i64> {
        let query = format!("SELECT count(*) FROM {from} WHERE {condition}");
        Ok(connection.query_row(&query, [], |row| row.get(0))?)
    };
    let by_index = count(child.source("w"), &dead_keys.has_one())?;
    let mut known = KnownKeys::within(connection);
    let orphaned = known.orphaned(parent, &dead_keys.key, counts.of(&child.name)?)?;
    let by_row = count(child.scanned("w"), &orphaned)?;
    if by_index == by_row {
        return Ok(());
    }
    Err(Failure::impossible(format!(
        "an index of {} or {} is damaged: by them {by_index} rows of {} break {}, and by the rows {by_row}",
        child.name, parent.name, child.name, dead_keys.key
    ))
    .hint(format!(
        "REINDEX {} and REINDEX {} first, and see what else PRAGMA integrity_check finds",
        quote(&child.name),
        quote(&parent.name)
    ))
    .into())
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
