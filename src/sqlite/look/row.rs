//! One row, by the key that a person types.

use anyhow::{Context as _, Result};
use rusqlite::Connection;

use crate::failure::Failure;
use crate::model::relatives::Row;
use crate::outcome::show::wrong_number;
use crate::sqlite::schema::values;
use crate::sqlite::schema::{self, Affinity, RowKey, Table};
use crate::sqlite::text::ddl::{literal, quote, quote_list};

/// A row that was asked for and found.
#[derive(Clone, Debug)]
pub struct Found {
    /// The columns of the key by which it was asked for.
    pub key: Vec<String>,
    /// The condition that it alone meets, as row `w` of its table.
    pub condition: String,
    /// The row.
    pub row: Row,
}

/// Finds the row of `table` with the primary key `values`, one for each of its columns in order;
/// by the rowid where the table has no primary key, or where `by_rowid` says so.
///
/// A value is compared as SQLite compares text with the column. `X'00ff'` is a blob too, and in
/// a column without affinity a number is one.
pub fn find(
    connection: &Connection,
    table: &Table,
    values: &[String],
    by_rowid: bool,
) -> Result<Found> {
    if matches!(table.row_key, RowKey::Hidden) {
        return Err(Failure::impossible(format!(
            "the rows of {} can't be told apart: its columns are called rowid, _rowid_ and oid",
            table.name
        ))
        .hint("rename one of these columns")
        .into());
    }
    let key = key_of(connection, table, by_rowid)?;
    if key.len() != values.len() {
        return Err(wrong_number(&table.name, &key, values.len()).into());
    }
    let conditions: Vec<_> = key
        .iter()
        .zip(values)
        .map(|(column, value)| equals(table, column, value))
        .collect();
    let condition = conditions.join(" AND ");
    let mut rows = read(
        connection,
        table,
        &format!("FROM {} WHERE {condition} LIMIT 2", table.source("w")),
        "w",
    )?;
    let given: Vec<_> = key
        .iter()
        .zip(values)
        .map(|(column, value)| format!("{column} = {value}"))
        .collect();
    let given = given.join(", ");
    match (rows.pop(), rows.pop()) {
        (Some(row), None) => Ok(Found {
            key,
            condition,
            row,
        }),
        (None, _) => Err(
            Failure::refused(format!("{} has no row with {given}", table.name))
                .hint(format!(
                    "see which there are: SELECT {} FROM {} LIMIT 10",
                    quote_list("", key.iter().map(String::as_str)),
                    quote(&table.name)
                ))
                .into(),
        ),
        (Some(_), Some(_)) => Err(Failure::impossible(format!(
            "several rows of {} have {given}: one as text, one as a number or a blob",
            table.name
        ))
        .hint("choose one by its rowid, with --rowid")
        .into()),
    }
}

fn key_of(connection: &Connection, table: &Table, by_rowid: bool) -> Result<Vec<String>> {
    let primary_key = schema::primary_key(connection, &table.name)?;
    if !by_rowid && !primary_key.is_empty() {
        return Ok(primary_key);
    }
    match table.row_key.rowid() {
        Some(rowid) => Ok(vec![rowid.to_owned()]),
        None => Err(
            Failure::impossible(format!("{} has no rowid to be found by", table.name))
                .hint("it is a WITHOUT ROWID table: give its primary key, without --rowid")
                .into(),
        ),
    }
}

/// The condition that the column of row `w` has the value that `text` stands for.
fn equals(table: &Table, column: &str, text: &str) -> String {
    let mut readings = vec![literal(text)];
    if is_blob(text) {
        readings.push(text.to_owned());
    }
    let affinity = table.column(column).map(|column| column.affinity);
    if affinity == Some(Affinity::Blob) && is_number(text) {
        readings.push(text.to_owned());
    }
    let column = quote(column);
    let equal = readings
        .iter()
        .map(|reading| format!("w.{column} = {reading}"));
    format!("({})", equal.collect::<Vec<_>>().join(" OR "))
}

/// Whether SQLite would read `text` as a blob: `X'00ff'`.
fn is_blob(text: &str) -> bool {
    let inner = text.strip_prefix(['x', 'X']);
    let inner = inner.and_then(|rest| rest.strip_prefix('\'')?.strip_suffix('\''));
    inner.is_some_and(|hex| hex.len() % 2 == 0 && hex.bytes().all(|it| it.is_ascii_hexdigit()))
}

/// Whether SQLite would read `text` as a number.
fn is_number(text: &str) -> bool {
    let plain = |it: char| it.is_ascii_digit() || matches!(it, '.' | '-' | '+' | 'e' | 'E');
    text.chars().all(plain) && text.parse::<f64>().is_ok()
}

/// The rows `alias` of `table` that `from` finds, of long values the start.
pub fn read(connection: &Connection, table: &Table, from: &str, alias: &str) -> Result<Vec<Row>> {
    let names = || table.columns.iter().map(|column| column.name.as_str());
    let query = |columns: &str| format!("SELECT {columns} {from}");
    let rows = values::rows(connection, table, &format!("{alias}."), query)
        .with_context(|| format!("could not read rows of {}", table.name))?;
    let rows = rows.into_iter().map(|values| Row {
        columns: names().map(str::to_owned).collect(),
        values,
    });
    Ok(rows.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_typed_is_read_as_sqlite_would() {
        for blob in ["X'00ff'", "x''"] {
            assert!(is_blob(blob), "{blob}");
        }
        for text in ["X'0'", "X'0g'", "x", "x'", "X\"00\"", "00ff"] {
            assert!(!is_blob(text), "{text}");
        }
        for number in ["5", "-5", "1.5", "1e3", ".5"] {
            assert!(is_number(number), "{number}");
        }
        for text in ["", "nan", "inf", "1 OR 1", "e", "--1", "0x10"] {
            assert!(!is_number(text), "{text}");
        }
    }
}
