//! What an index says, held against the rows.

use anyhow::Result;
use rusqlite::Connection;

use crate::failure::Failure;
use crate::model::key::ForeignKey;
use crate::sqlite::keys::conditions::{self, Lookup};
use crate::sqlite::orphans::lists::{self, Removal};
use crate::sqlite::schema::index::Index;
use crate::sqlite::schema::row_counts::RowCounts;
use crate::sqlite::schema::{Table, remedy};
use crate::sqlite::text::ddl::{quote, same_name};

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

/// Confirms that the indexes by which a script looks for the rows of `keys` and for their parents hold
/// the rows of these tables, one entry each. A run goes by the rows; a script goes by the indexes.
pub fn confirm_indexes<'k>(
    connection: &Connection,
    keys: impl Iterator<Item = &'k ForeignKey>,
) -> Result<()> {
    for key in keys {
        // A table that the script itself makes is not there yet, and has no old index.
        if let Ok(parent) = Table::read(connection, &key.parent)
            && let Some(index) = parent.key_index(&key.parent_columns)
        {
            let columns = index.columns.as_deref().unwrap_or_default();
            confirm_index(connection, &parent, index, columns)?;
        }
        let Ok(child) = Table::read(connection, &key.child) else {
            continue;
        };
        for (index, columns) in child.kept_indexes() {
            if (columns.first().zip(key.columns.first()))
                .is_some_and(|(it, own)| same_name(it, own))
            {
                confirm_index(connection, &child, index, columns)?;
            }
        }
    }
    Ok(())
}

/// Confirms that `index` of `columns` holds each row of `table`, and no other.
fn confirm_index(
    connection: &Connection,
    table: &Table,
    index: &Index,
    columns: &[String],
) -> Result<()> {
    let query = format!(
        "SELECT (SELECT count(*) FROM {0}) IS NOT (SELECT count(*) FROM {1}) OR EXISTS (SELECT 1 FROM {1} WHERE {2} AND {3})",
        table.by("i", index),
        table.scanned("w"),
        lacks(table, index, columns, ""),
        lacks(table, index, columns, "+")
    );
    if connection.query_row(&query, [], |row| row.get(0))? {
        return Err(table.damaged(index).into());
    }
    Ok(())
}

/// Confirms that by the indexes, where they serve for the key, as many `rows` of `child` have no
/// parent as by the rows themselves.
pub fn confirm_number(
    connection: &Connection,
    counts: &RowCounts<'_>,
    (child, parent, key): (&Table, &Table, &ForeignKey),
    rows: i64,
) -> Result<()> {
    let lookup = Lookup::choose(connection, counts, child, parent, key)?;
    if lookup == Lookup::EachRow {
        return Ok(());
    }
    let broken = conditions::broken(child, parent, key, lookup);
    let query = format!("SELECT count(*) FROM {} WHERE {broken}", child.source("w"));
    if connection.query_row(&query, [], |row| row.get::<_, i64>(0))? == rows {
        return Ok(());
    }
    let (named, second) = (&child.name, &parent.name);
    Err(Failure::impossible(format!(
        "an index of {named} or {second} is damaged: the rows of {named} that break {key} are others by it than by the rows themselves"
    ))
    .hint(remedy(&[(named, &key.columns), (second, &key.parent_columns)]))
    .into())
}

/// Confirms that what refers to rows that leave is what an index led to: no row of `child` for which
/// `refers` is a condition and `listed` is not. One look at each row.
pub fn confirm_followed(
    connection: &Connection,
    child: &Table,
    key: &ForeignKey,
    refers: &str,
    listed: &str,
) -> Result<()> {
    let query = format!(
        "SELECT EXISTS (SELECT 1 FROM {} WHERE {refers} AND NOT {listed})",
        child.scanned("w")
    );
    must_not(connection, &query, child, key)
}

/// Confirms that the rows which are listed in `removal` because they refer to rows that leave do
/// refer to some: `refers` are conditions, one of which must hold.
pub fn confirm_followers(
    connection: &Connection,
    removal: &Removal,
    key: &ForeignKey,
    refers: &[String],
) -> Result<()> {
    let table = &removal.table;
    let query = format!(
        "SELECT EXISTS (SELECT 1 FROM temp.{} AS l CROSS JOIN {} ON {} WHERE l.breaks = 0 AND NOT ({}))",
        quote(&removal.list),
        table.scanned("w"),
        lists::has_listed_key("w", removal),
        refers.join(" OR ")
    );
    must_not(connection, &query, table, key)
}

/// Confirms that the rows of `removal` stand in the indexes of their table, which SQLite could not
/// take them out of otherwise.
pub fn confirm_indexed(connection: &Connection, removal: &Removal) -> Result<()> {
    let table = &removal.table;
    for (index, columns) in table.kept_indexes() {
        let lacks_one = |plus: &str| -> Result<bool> {
            let query = format!(
                "SELECT EXISTS (SELECT 1 FROM temp.{} AS l CROSS JOIN {} ON {} WHERE {})",
                quote(&removal.list),
                table.scanned("w"),
                lists::has_listed_key("w", removal),
                lacks(table, index, columns, plus)
            );
            Ok(connection.query_row(&query, [], |row| row.get(0))?)
        };
        if lacks_one("")? && lacks_one("+")? {
            return Err(table.damaged(index).into());
        }
    }
    Ok(())
}

/// The condition that `index` lacks an entry for the row `w` of `table`. A search converts what does not
/// fit the column; with a `plus` of `+` each entry is looked at.
fn lacks(table: &Table, index: &Index, columns: &[impl AsRef<str>], plus: &str) -> String {
    let columns = columns.iter().map(AsRef::as_ref);
    let same = columns.chain(table.row_key.columns());
    let same = same.map(|it| format!("{plus}i.{0} IS {plus}w.{0}", quote(it)));
    format!(
        "NOT EXISTS (SELECT 1 FROM {} WHERE {})",
        table.by("i", index),
        same.collect::<Vec<_>>().join(" AND ")
    )
}

fn must_not(connection: &Connection, query: &str, child: &Table, key: &ForeignKey) -> Result<()> {
    if !connection.query_row(query, [], |row| row.get(0))? {
        return Ok(());
    }
    let name = &child.name;
    Err(Failure::impossible(format!(
        "an index of {name} is damaged: the rows of {name} that refer to rows of {} by {key} are others by it than by the rows themselves",
        key.parent
    ))
    .hint(remedy(&[(name, &key.columns)]))
    .into())
}
