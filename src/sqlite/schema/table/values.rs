//! Reads values for a report: of long ones the start.

use anyhow::Result;
use rusqlite::types::ValueRef;
use rusqlite::{Connection, ErrorCode};

use crate::model::value::{SHOWN, Value};
use crate::sqlite::file::errors;
use crate::sqlite::schema::Table;
use crate::sqlite::text::ddl::quote;

/// How many bytes of a value a report reads at most.
pub const START: usize = 2 * (SHOWN + 1);

/// `value` as [`starts`] gives it.
pub fn start(value: ValueRef<'_>) -> Value {
    let most = |bytes: &[u8]| bytes.get(..START).unwrap_or(bytes).to_vec();
    match value {
        ValueRef::Text(text) => Value::Text(most(text)),
        ValueRef::Blob(blob) => Value::Blob(most(blob)),
        other => other.into(),
    }
}

/// The columns `names` of row `alias` for a report, in SQL: of a long text or blob only the start,
/// so that no more of it is read. Bytes are counted, as `substr` ends a text at its first NUL;
/// twice as many as are shown, as UTF-16 takes up to two for one.
pub fn starts<'a>(alias: &str, names: impl IntoIterator<Item = &'a str>) -> String {
    let most = START;
    let start = |name| {
        let value = format!("{alias}{}", quote(name));
        format!(
            "CASE WHEN length(CAST({value} AS BLOB)) <= {most} THEN {value} WHEN typeof({value}) = 'text' THEN CAST(substr(CAST({value} AS BLOB), 1, {most}) AS TEXT) ELSE substr({value}, 1, {most}) END"
        )
    };
    let starts: Vec<_> = names.into_iter().map(start).collect();
    starts.join(", ")
}

/// Reads rows of `table`, for a report, by the query that `query` makes of their columns as row
/// `alias`; other values may stand before these. Where a computed value is longer than the
/// connection allows, all computed ones are [`Value::TooLong`].
pub fn rows(
    connection: &Connection,
    table: &Table,
    alias: &str,
    query: impl Fn(&str) -> String,
) -> Result<Vec<Vec<Value>>> {
    let columns = || table.columns.iter();
    let all = starts(alias, columns().map(|column| column.name.as_str()));
    match read(connection, &query(&all)) {
        Err(error) if errors::code(&error) == Some(ErrorCode::TooBig) => {}
        rows => return rows,
    }
    let stored = columns().map(|column| {
        if column.generated {
            "NULL".to_owned()
        } else {
            starts(alias, [column.name.as_str()])
        }
    });
    let stored: Vec<_> = stored.collect();
    let mut rows = read(connection, &query(&stored.join(", ")))?;
    for row in &mut rows {
        for (value, column) in row.iter_mut().rev().zip(columns().rev()) {
            if column.generated {
                *value = Value::TooLong;
            }
        }
    }
    Ok(rows)
}

fn read(connection: &Connection, query: &str) -> Result<Vec<Vec<Value>>> {
    let mut statement = connection.prepare(query)?;
    let width = statement.column_count();
    let mut found = statement.query([])?;
    let mut rows = Vec::new();
    while let Some(row) = found.next()? {
        let values = (0..width).map(|at| row.get_ref(at).map(Value::from));
        rows.push(values.collect::<rusqlite::Result<_>>()?);
    }
    Ok(rows)
}

impl From<ValueRef<'_>> for Value {
    fn from(value: ValueRef<'_>) -> Self {
        match value {
            ValueRef::Null => Value::Null,
            ValueRef::Integer(number) => Value::Integer(number),
            ValueRef::Real(number) => Value::Real(number),
            ValueRef::Text(bytes) => Value::Text(bytes.to_vec()),
            ValueRef::Blob(bytes) => Value::Blob(bytes.to_vec()),
        }
    }
}
