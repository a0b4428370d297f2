//! Conditions in SQL: when a row breaks a key, has a parent, or stands in a list.
//!
//! In all of them `w` is a row of the child table, `p` one of the parent.

use anyhow::{Context as _, Result};
use rusqlite::Connection;

use crate::sqlite::schema::foreign_key::ForeignKey;
use crate::sqlite::schema::row_counts::RowCounts;
use crate::sqlite::schema::{Affinity, Table};
use crate::sqlite::text::ddl::{quote, same_name};

/// How a child's keys are held against its parent's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lookup {
    /// Each row of the child looks for its parent.
    EachRow,
    /// Each distinct key looks for its parent. An index of the child is read for them, all of it.
    EachKey,
    /// Each distinct key looks for its parent. They are few, and the search goes from one to the
    /// next in an index of the child without a look at what is between: a loose index scan.
    EachOfFew,
    /// Both indexes are read side by side, in order.
    Merge,
}

/// Keys are few where there are this many rows to each: to seek the next one takes as long as to
/// step over some 15 entries of an index, and up to a part of the rows is sought to find that out.
const ROWS_TO_A_KEY: i64 = 200;

impl Lookup {
    /// Chooses for `key`. Reads at most as many keys of the parent as the child has rows.
    ///
    /// With few keys, no other way comes near. To merge is twice as fast as to look each key up, but it reads all keys of the parent:
    /// so it serves where these have an index to themselves and are no more than the child's rows.
    pub fn choose(
        connection: &Connection,
        counts: &RowCounts<'_>,
        child: &Table,
        parent: &Table,
        key: &ForeignKey,
    ) -> Result<Self> {
        if !is_by_index(child, parent, key) {
            return Ok(Lookup::EachRow);
        }
        if has_few_keys(connection, counts, child, key)? {
            return Ok(Lookup::EachOfFew);
        }
        let with_the_rows = parent.row_key.columns();
        let has_own_index = |column: &String| !with_the_rows.iter().any(|it| same_name(it, column));
        if !key.parent_columns.iter().all(has_own_index) {
            return Ok(Lookup::EachKey);
        }
        let query = format!(
            "SELECT NOT EXISTS (SELECT 1 FROM {} LIMIT 1 OFFSET {})",
            parent.source(""),
            counts.of(&child.name)?
        );
        let parent_is_smaller = connection
            .query_row(&query, [], |row| row.get(0))
            .with_context(|| format!("could not count the rows of {}", parent.name))?;
        Ok(if parent_is_smaller {
            Lookup::Merge
        } else {
            Lookup::EachKey
        })
    }
}

/// Whether the key of one column `key` has few distinct values among the rows of `child`.
fn has_few_keys(
    connection: &Connection,
    counts: &RowCounts<'_>,
    child: &Table,
    key: &ForeignKey,
) -> Result<bool> {
    let few = counts.of(&child.name)? / ROWS_TO_A_KEY;
    let query = format!(
        "{} SELECT count(*) FROM (SELECT 1 FROM w LIMIT {few} + 1)",
        each_distinct(child, key)
    );
    let keys: i64 = connection
        .query_row(&query, [], |row| row.get(0))
        .with_context(|| format!("could not count the keys of {}", child.name))?;
    Ok(keys <= few)
}

/// `WITH` that finds the distinct values of a key of one column one after the other, and a NULL
/// behind the last, as the rows of `w`.
///
/// SQLite answers `min()` by one search in an index (<https://www.sqlite.org/optoverview.html#minmax>).
fn each_distinct(child: &Table, key: &ForeignKey) -> String {
    let column = quote(key.columns.first().map_or("", String::as_str));
    let (table, child) = (child.source(""), child.source("c"));
    format!(
        "WITH RECURSIVE w ({column}) AS (SELECT min({column}) FROM {table} UNION ALL SELECT (SELECT min(c.{column}) FROM {child} WHERE c.{column} > w.{column}) FROM w WHERE w.{column} IS NOT NULL)"
    )
}

/// The condition that a child row `w` has no NULL in its key and no parent.
///
/// Where an index of the child has its keys, each distinct one is looked at once.
#[must_use]
pub fn broken(child: &Table, parent: &Table, key: &ForeignKey, lookup: Lookup) -> String {
    match dead_keys(child, parent, key, lookup) {
        Some(dead_keys) => has_key_of(key, &dead_keys),
        None => orphaned(parent, key),
    }
}

/// The condition that the child row `w` has one of the keys that `query` finds, which are of one
/// column.
#[must_use]
pub fn has_key_of(key: &ForeignKey, query: &str) -> String {
    let column = key.columns.first().map_or("", String::as_str);
    format!("w.{} IN ({query})", quote(column))
}

/// A query for the distinct keys of the child that have no parent, where an index has them.
///
/// `EXCEPT` compares without affinity (<https://www.sqlite.org/lang_select.html#compound>),
/// which is why both sides must have the same.
#[must_use]
pub fn dead_keys(
    child: &Table,
    parent: &Table,
    key: &ForeignKey,
    lookup: Lookup,
) -> Option<String> {
    let (column, parent_column) = key.pairs().next()?;
    let (column, parent_column) = (quote(column), quote(parent_column));
    let (table, parent_table) = (child.source(""), parent.source(""));
    match lookup {
        Lookup::EachRow => None,
        Lookup::EachKey => Some(format!(
            "SELECT w.{column} FROM (SELECT DISTINCT {column} FROM {table}) AS w WHERE {}",
            orphaned(parent, key)
        )),
        Lookup::EachOfFew => Some(format!(
            "{} SELECT w.{column} FROM w WHERE {}",
            each_distinct(child, key),
            orphaned(parent, key)
        )),
        Lookup::Merge => Some(format!(
            "SELECT {column} FROM {table} WHERE {column} IS NOT NULL EXCEPT SELECT {parent_column} FROM {parent_table}"
        )),
    }
}

/// The same condition, looked up for each row.
///
/// The unary plus takes affinity and collation from the child's side, so that those of the
/// parent key decide, as they do for SQLite's own keys
/// (<https://www.sqlite.org/foreignkeys.html#fk_indexes>).
#[must_use]
pub fn orphaned(parent: &Table, key: &ForeignKey) -> String {
    let complete: Vec<_> = key
        .columns
        .iter()
        .map(|column| format!("w.{} IS NOT NULL", quote(column)))
        .collect();
    format!(
        "{} AND NOT EXISTS (SELECT 1 FROM {} WHERE {})",
        complete.join(" AND "),
        parent.source_by_key("p", &key.parent_columns),
        equals_parent(key)
    )
}

/// The same condition, where the row that an index of the parent leads to must have the key itself.
#[must_use]
pub fn orphaned_by_rows(parent: &Table, key: &ForeignKey) -> String {
    let (from, has_key) = parent_of(parent, key, "w");
    let complete = key.columns.iter();
    let complete = complete.map(|column| format!("w.{} IS NOT NULL", quote(column)));
    format!(
        "{} AND NOT EXISTS (SELECT 1 FROM {from} WHERE {has_key})",
        complete.collect::<Vec<_>>().join(" AND "),
    )
}

/// `FROM` and `WHERE` that find the row `p` of the parent which has the key of the row `child`: by
/// an index, and then the row itself must have the key.
#[must_use]
pub fn parent_of(parent: &Table, key: &ForeignKey, child: &str) -> (String, String) {
    let has_key = |alias: &str| {
        let pairs = key.pairs();
        let pairs = pairs.map(|(column, parent)| {
            format!("{alias}.{} = +{child}.{}", quote(parent), quote(column))
        });
        pairs.collect::<Vec<_>>().join(" AND ")
    };
    let row_key = parent.row_key.columns();
    if parent.key_index(&key.parent_columns).is_none() || row_key.is_empty() {
        let from = parent.source_by_key("p", &key.parent_columns);
        return (from, has_key("p"));
    }
    let from = format!(
        "{} CROSS JOIN {}",
        parent.source_by_key("i", &key.parent_columns),
        parent.scanned("p")
    );
    let same_row = row_key
        .iter()
        .map(|name| format!("p.{0} = i.{0}", quote(name)));
    let same_row = same_row.collect::<Vec<_>>().join(" AND ");
    (
        from,
        format!("{} AND {same_row} AND {}", has_key("i"), has_key("p")),
    )
}

/// The condition that the row `p` of the parent has the key that the child row `w` refers to.
#[must_use]
pub fn equals_parent(key: &ForeignKey) -> String {
    let pairs: Vec<_> = key
        .pairs()
        .map(|(column, parent)| format!("p.{} = +w.{}", quote(parent), quote(column)))
        .collect();
    pairs.join(" AND ")
}

/// The condition that the child row `w` refers by `key` to one of `parents`, which is `FROM` and
/// `WHERE` of rows `p`.
#[must_use]
pub fn refers_to(child: &Table, parent: &Table, key: &ForeignKey, parents: &str) -> String {
    if let (true, Some((column, parent_column))) =
        (compares_alike(child, parent, key), key.pairs().next())
    {
        return format!(
            "w.{} IN (SELECT p.{} {parents})",
            quote(column),
            quote(parent_column)
        );
    }
    format!("EXISTS (SELECT 1 {parents} WHERE {})", equals_parent(key))
}

/// One column on each side, of the same affinity and collation: then equal child keys have
/// the same parent, and either side's index finds what the other side's comparison means.
#[must_use]
pub fn compares_alike(child: &Table, parent: &Table, key: &ForeignKey) -> bool {
    let mut pairs = key.pairs();
    let (Some((column, parent_column)), None) = (pairs.next(), pairs.next()) else {
        return false;
    };
    match (child.column(column), parent.column(parent_column)) {
        (Some(left), Some(right)) => {
            left.affinity == right.affinity
                && left.affinity != Affinity::Blob
                && same_name(&left.collation, &right.collation)
        }
        _ => false,
    }
}

/// Whether an index of the child finds the rows of a key, so that the work is by distinct keys.
fn is_by_index(child: &Table, parent: &Table, key: &ForeignKey) -> bool {
    let leads = |column: &String| leads_an_index(child, column);
    compares_alike(child, parent, key) && key.columns.iter().all(leads)
}

fn leads_an_index(child: &Table, column: &str) -> bool {
    child.index_leads.iter().any(|lead| same_name(lead, column))
}
