//! What an index says, held against the rows.

use anyhow::Result;
use rusqlite::Connection;

use crate::failure::Failure;
use crate::model::key::ForeignKey;
use crate::sqlite::keys::known_keys::KnownKeys;
use crate::sqlite::orphans::lists::DeadKeys;
use crate::sqlite::schema::Table;
use crate::sqlite::schema::row_counts::RowCounts;
use crate::sqlite::text::ddl::quote;

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
