//! What the change of a child could meet there, refused before the first change.
//!
//! A statement in a trigger inherits the conflict clause of the statement that fires the trigger
//! (<https://www.sqlite.org/lang_createtrigger.html>): under `UPDATE OR FAIL` it stops half way,
//! under `OR REPLACE` it gives a NOT NULL column its default and deletes what a UNIQUE column
//! meets. `RAISE(ABORT)` is never overridden. The action of SQLite's own keys always aborts.

use anyhow::Result;
use rusqlite::Connection;

use super::keys::Key;
use super::triggers::{old_equals, refuse};
use crate::sqlite::schema::{RowKey, Table};
use crate::sqlite::text::ddl::{self, quote, same_name};
use sqlite3_parser::dialect::TokenType::TK_CHECK;

/// A column list that a table keeps unique, each with the collation by which it is compared.
pub type UniqueKey = Vec<(String, String)>;

/// What a table demands of its rows.
#[derive(Debug, Default)]
pub struct Demands {
    /// The columns that an index keeps unique as a whole, and the rowid's alias.
    unique: Vec<UniqueKey>,
    /// What depends on more than the value of a column: a CHECK, a unique index over an
    /// expression or some rows, a generated column.
    unforeseen: Option<&'static str>,
}

impl Demands {
    /// Reads what `table` demands.
    pub fn read(connection: &Connection, table: &Table) -> Result<Self> {
        let mut demands = Demands::default();
        if let RowKey::Alias(name) = &table.row_key {
            demands
                .unique
                .push(vec![(name.clone(), "BINARY".to_owned())]);
        }
        let mut statement = connection.prepare_cached(
            "SELECT i.seq, x.name, x.coll, i.partial FROM pragma_index_list AS i, pragma_index_xinfo AS x
             WHERE i.arg = ?1 AND i.schema = 'main' AND i.\"unique\"
               AND x.arg = i.name AND x.schema = 'main' AND x.\"key\"
             ORDER BY i.seq, x.seqno",
        )?;
        let mut rows = statement.query([&table.name])?;
        let mut indexes: Vec<(i64, Option<UniqueKey>)> = Vec::new();
        while let Some(row) = rows.next()? {
            let (index, column, partial): (i64, Option<String>, bool) =
                (row.get(0)?, row.get(1)?, row.get(3)?);
            if indexes.last().is_none_or(|(last, _)| *last != index) {
                indexes.push((index, Some(Vec::new())));
            }
            let Some((_, key)) = indexes.last_mut() else {
                continue;
            };
            match column {
                Some(column) if !partial => {
                    let collation = row.get(2)?;
                    if let Some(key) = key {
                        key.push((column, collation));
                    }
                }
                _ => *key = None,
            }
        }
        if indexes.iter().any(|(_, key)| key.is_none()) {
            demands.unforeseen = Some("a unique index over an expression or over some of the rows");
        }
        if table.columns.iter().any(|column| column.generated) {
            demands.unforeseen = Some("a generated column");
        }
        if ddl::tokens(&table.sql)?
            .iter()
            .any(|it| it.kind == TK_CHECK)
        {
            demands.unforeseen = Some("a CHECK");
        }
        demands
            .unique
            .extend(indexes.into_iter().filter_map(|(_, key)| key));
        Ok(demands)
    }

    /// What no trigger can look at beforehand.
    pub fn unforeseen(&self) -> Option<&'static str> {
        self.unforeseen
    }
}

/// A column of the child and the expression of its new value.
pub type Set = (String, String);

/// The statements that refuse to set `set` in the children of the parent row, where that would
/// meet NOT NULL or UNIQUE.
pub fn refusals(key: &Key, set: &[Set]) -> Vec<String> {
    let not_null = refuse_null(key, set);
    let unique = key
        .demands
        .unique
        .iter()
        .filter(|columns| {
            set.iter()
                .any(|(name, _)| position(columns, name).is_some())
        })
        .flat_map(|columns| refuse_twins(key, set, columns));
    not_null.into_iter().chain(unique).collect()
}

fn position(columns: &UniqueKey, name: &str) -> Option<usize> {
    columns
        .iter()
        .position(|(column, _)| same_name(column, name))
}

fn child_as(key: &Key, alias: &str) -> String {
    format!("{} AS {alias}", quote(&key.child.name))
}

fn matches(key: &Key, alias: &str) -> String {
    old_equals(&key.declared, &format!("{alias}."))
}

fn refuse_null(key: &Key, set: &[Set]) -> Option<String> {
    let in_primary_key = |name: &str| matches!(&key.child.row_key, RowKey::PrimaryKey(columns) if columns.iter().any(|it| same_name(it, name)));
    let must_not_be_null = |(name, _): &&Set| {
        in_primary_key(name) || key.child.column(name).is_some_and(|it| it.not_null)
    };
    let nulls: Vec<_> = set
        .iter()
        .filter(must_not_be_null)
        .map(|(_, value)| format!("{value} IS NULL"))
        .collect();
    if nulls.is_empty() {
        return None;
    }
    let from = format!(
        " FROM {} WHERE {} AND ({})",
        child_as(key, "w"),
        matches(key, "w"),
        nulls.join(" OR ")
    );
    Some(refuse(key, "; it must not become NULL", &from))
}

/// Refuses where a changed row `w` would be equal to a row `x` that is there, or to another one
/// that is changed with it. Rows are told apart by the very columns that are unique.
fn refuse_twins(key: &Key, set: &[Set], columns: &UniqueKey) -> [String; 2] {
    let value_of = |name: &str| {
        let own = set.iter().find(|(column, _)| same_name(column, name));
        own.map(|(_, value)| value.as_str())
    };
    let (mut met, mut stays, mut differ, mut alike) = (vec![], vec![], vec![], vec![]);
    for (name, collation) in columns {
        let (column, collation) = (quote(name), quote(collation));
        if let Some(value) = value_of(name) {
            met.push(format!("x.{column} = {value} COLLATE {collation}"));
            stays.push(format!("w.{column} = {value} COLLATE {collation}"));
            differ.push(format!("w.{column} <> x.{column} COLLATE {collation}"));
        } else {
            let same = format!("x.{column} = w.{column} COLLATE {collation}");
            met.push(same.clone());
            alike.push(same);
        }
    }
    let from = format!(
        " FROM {} CROSS JOIN {} WHERE {}",
        child_as(key, "w"),
        child_as(key, "x"),
        matches(key, "w")
    );
    let meets = format!(
        "{from} AND NOT ({}) AND {}",
        stays.join(" AND "),
        met.join(" AND ")
    );
    alike.insert(0, matches(key, "x"));
    // Nothing meets where a new value is NULL.
    alike.extend(
        set.iter()
            .filter(|(name, _)| position(columns, name).is_some())
            .map(|(_, value)| format!("{value} IS NOT NULL")),
    );
    let meet_each_other = format!(
        "{from} AND {} AND ({})",
        alike.join(" AND "),
        differ.join(" OR ")
    );
    [meets, meet_each_other].map(|from| refuse(key, "; it must stay UNIQUE", &from))
}
