//! What the columns of a key hold: how many distinct keys, how many of them with a parent.

use anyhow::Result;
use rusqlite::Connection;

use crate::discover::catalog::ParentKey;
use crate::discover::facts::Look;
use crate::model::column_values::ColumnValues;
use crate::sqlite::keys::conditions;
use crate::sqlite::schema::Table;
use crate::sqlite::schema::foreign_key::ForeignKey;
use crate::sqlite::schema::row_counts::is_empty;
use crate::sqlite::text::ddl::{quote, quote_list, same_name};

/// A table of at most so many rows is looked at whole.
const SMALL: i64 = 100_000;
/// As [`SMALL`], where an index holds the values.
const WHOLE_BY_INDEX: i64 = 500_000;
/// Of a larger one, so many runs of rows, evenly spread...
const RUNS: i64 = 500;
/// ...of so many rows each.
const ROWS_PER_RUN: i64 = 100;

/// Looks at the values of `key`, which refers to the parent key `to`.
pub fn look(
    connection: &Connection,
    child: &Table,
    parent: &Table,
    key: &ForeignKey,
    to: &ParentKey,
) -> Result<Look> {
    // SQLite has an index of what is declared to be a key.
    let look = unless_lacking(try_to_look(connection, child, parent, key, to.is_declared))?;
    Ok(look.unwrap_or(Look {
        failed: true,
        ..Look::default()
    }))
}

/// None where the query failed for want of a collation or a function of the application's own.
pub fn unless_lacking<T>(result: Result<T>) -> Result<Option<T>> {
    const LACKS: [&str; 5] = [
        "no such collation",
        "no such function",
        "unsafe use",
        "no such module",
        // computed, and longer than the connection allows
        "string or blob too big",
    ];
    match result {
        Ok(value) => Ok(Some(value)),
        Err(error) => {
            let text = format!("{error:#}");
            let lacks = LACKS.iter().any(|lack| text.contains(lack));
            if lacks { Ok(None) } else { Err(error) }
        }
    }
}

fn try_to_look(
    connection: &Connection,
    child: &Table,
    parent: &Table,
    key: &ForeignKey,
    is_unique: bool,
) -> Result<Look> {
    let parent_is_empty = is_empty(connection, parent)?;
    let (source, sampled) = source(connection, child, key)?;
    let columns = quote_list("", key.columns.iter().map(String::as_str));
    let per = |glue: &str, column: &dyn Fn(&str) -> String| {
        let parts: Vec<_> = key.columns.iter().map(|name| column(name)).collect();
        parts.join(glue)
    };
    let complete = per(" AND ", &|name| format!("w.{} IS NOT NULL", quote(name)));
    let integers = per(" AND ", &|name| {
        format!("typeof(w.{}) = 'integer'", quote(name))
    });
    let groups = per(", ", &|name| grouped(child, parent, key, name));
    let has_parent = has_parent(parent, key, is_unique);
    let query = format!(
        "SELECT total(n), total(n * NOT complete), total(complete), total(has), total(n * (complete AND NOT has)), total(integers)
         FROM (SELECT \"fkfix n\" AS n, {complete} AS complete, {integers} AS integers, {complete} AND {has_parent} AS has
               FROM (SELECT {columns}, count(*) AS \"fkfix n\" FROM {source} GROUP BY {groups}) AS w)"
    );
    let look = connection.query_row(&query, [], |row| {
        let number = |at| row.get::<_, f64>(at).map(whole);
        let values = ColumnValues {
            rows: number(0)?,
            sampled,
            nulls: number(1)?,
            distinct: number(2)?,
            with_parent: number(3)?,
            orphans: number(4)?,
        };
        Ok(Look {
            are_integers: values.distinct == number(5)?,
            values,
            parent_is_empty,
            failed: false,
        })
    })?;
    Ok(look)
}

/// `total()` gives a REAL, and 0 where `sum()` would give NULL.
#[allow(clippy::cast_possible_truncation)] // a table has fewer than 2^52 rows
fn whole(number: f64) -> i64 {
    number as i64
}

/// Where the rows come from, and whether they are a sample: over an index, which is quick, all
/// of up to half a million; of a large table otherwise, runs of rows.
fn source(connection: &Connection, child: &Table, key: &ForeignKey) -> Result<(String, bool)> {
    let by_index = matches!(key.columns.as_slice(), [column]
        if child.index_leads.iter().any(|lead| same_name(lead, column)));
    let whole = if by_index { WHOLE_BY_INDEX } else { SMALL };
    let columns: Vec<&str> = key.columns.iter().map(String::as_str).collect();
    rows_of(connection, child, &columns, whole)
}

/// The rows of `child` with these columns, as what stands behind FROM, and whether they are a
/// sample: of a table of more than `whole` rows, runs of rows that are evenly spread over its
/// rowids, half as many rows if `whole` is small.
pub fn rows_of(
    connection: &Connection,
    child: &Table,
    columns: &[&str],
    whole: i64,
) -> Result<(String, bool)> {
    let table = child.source("t");
    let is_larger: bool = connection.query_row(
        &format!("SELECT EXISTS (SELECT 1 FROM {table} LIMIT 1 OFFSET {whole})"),
        [],
        |row| row.get(0),
    )?;
    if !is_larger {
        return Ok((table, false));
    }
    let runs = RUNS.min(whole / ROWS_PER_RUN);
    let columns = |prefix| quote_list(prefix, columns.iter().copied());
    let Some(rowid) = child.row_key.rowid().map(quote) else {
        let first = format!(
            "(SELECT {} FROM {table} LIMIT {})",
            columns(""),
            whole.min(SMALL)
        );
        return Ok((first, true));
    };
    let (first, last): (i64, i64) = connection.query_row(
        &format!("SELECT (SELECT min({rowid}) FROM {table}), (SELECT max({rowid}) FROM {table})"),
        [],
        |row| Ok((row.get(0)?, row.get(1)?)),
    )?;
    let step = last.saturating_sub(first) / runs + 1;
    let rows = format!(
        "(WITH RECURSIVE run(at) AS (SELECT {first} UNION ALL SELECT at + {step} FROM run LIMIT {runs})
          SELECT {} FROM run CROSS JOIN {r}
          ON r.{rowid} IN (SELECT s.{rowid} FROM {s} WHERE s.{rowid} >= at AND s.{rowid} < at + {step} ORDER BY s.{rowid} LIMIT {ROWS_PER_RUN}))",
        columns("r."),
        r = child.source("r"),
        s = child.source("s")
    );
    Ok((rows, true))
}

/// The column as rows are grouped by it: values that the parent key tells apart stay apart.
fn grouped(child: &Table, parent: &Table, key: &ForeignKey, name: &str) -> String {
    let of_parent = key.pairs().find(|(column, _)| same_name(column, name));
    let collations = (
        child.column(name).map(|column| column.collation.as_str()),
        of_parent
            .and_then(|(_, parent_column)| Some(parent.column(parent_column)?.collation.as_str())),
    );
    match collations {
        (Some(left), Some(right)) if same_name(left, right) => quote(name),
        _ => format!("{} COLLATE BINARY", quote(name)),
    }
}

/// The condition that the key of the row `w` has a parent.
fn has_parent(parent: &Table, key: &ForeignKey, is_unique: bool) -> String {
    let table = parent.source("p");
    match (
        is_unique,
        key.columns.as_slice(),
        key.parent_columns.as_slice(),
    ) {
        // Without an index, a list that is made once is looked up faster than the table.
        (false, [column], [parent_column]) => format!(
            "(+w.{} IN (SELECT {1} FROM {table} WHERE {1} IS NOT NULL))",
            quote(column),
            quote(parent_column)
        ),
        _ => format!(
            "EXISTS (SELECT 1 FROM {table} WHERE {})",
            conditions::equals_parent(key)
        ),
    }
}
