//! One row, by the key that a person types.

use anyhow::{Result, bail};
use postgres::Transaction;
use postgres::error::SqlState;
use postgres::fallible_iterator::FallibleIterator as _;
use postgres::types::Type;

use crate::failure::Failure;
use crate::model::relatives::Row;
use crate::model::value::{SHOWN, Value};
use crate::outcome::show::wrong_number;
use crate::postgres::catalog::{ForeignKey, Kind, Table, quoted};
use crate::postgres::error;
use crate::postgres::schema::compare::{self, Pair};
use crate::postgres::schema::rows::{self, Raw, RowId, source};

/// The name that `ctid` has where it is the key that a row is asked for by.
const PLACE: &str = "ctid";

/// A row that was asked for and found.
#[derive(Debug)]
pub struct Found {
    /// The columns of the key by which it was asked for.
    pub key: Vec<String>,
    /// Its place.
    pub place: RowId,
    /// The row.
    pub row: Row,
}

/// Finds the row of `table` with the primary key `values`, one for each of its columns in order; by
/// its place (`ctid`) where the table has no primary key, or where `by_place` says so.
///
/// A value is read as PostgreSQL reads a string as one of the column's type.
pub fn find(
    transaction: &mut Transaction,
    table: &Table,
    shown: &str,
    values: &[String],
    by_place: bool,
) -> Result<Found> {
    let key = key_of(table, shown, by_place)?;
    if key.len() != values.len() {
        return Err(wrong_number(shown, &key, values.len()).into());
    }
    let condition = condition(transaction, table, &key, values)?;
    let from = format!("{} AS w WHERE {condition} LIMIT 2", source(table));
    let found = match places(transaction, table, &from) {
        // No value of the type is written so, and so no row has it.
        Err(error) if error::code(&error).is_some_and(is_no_value) => Vec::new(),
        found => found?,
    };
    let mut found = found.into_iter();
    match (found.next(), found.next()) {
        (Some((place, row)), None) => Ok(Found { key, place, row }),
        (None, _) => {
            let given = key.iter().zip(values);
            let given: Vec<_> = given.map(|(it, value)| format!("{it} = {value}")).collect();
            Err(
                Failure::refused(format!("{shown} has no row with {}", given.join(", ")))
                    .hint(format!(
                        "see which there are: SELECT {} FROM {} LIMIT 10",
                        key.iter()
                            .map(|it| quoted(it))
                            .collect::<Vec<_>>()
                            .join(", "),
                        table.name
                    ))
                    .into(),
            )
        }
        // A place is one of each partition.
        (Some(_), Some(_)) => bail!(
            Failure::impossible(format!("several rows of {shown} have this key"))
                .hint("name the partition that holds the row")
        ),
    }
}

fn key_of(table: &Table, shown: &str, by_place: bool) -> Result<Vec<String>> {
    let primary = table.indexes.iter().find(|index| index.is_primary);
    match primary {
        Some(primary) if !by_place => Ok(primary.columns.iter().flatten().cloned().collect()),
        _ if table.spread.is_some() => Err(Failure::impossible(format!(
            "a row of {shown} can't be found by its ctid: there is one in every shard"
        ))
        .hint("name it by the primary key; without one, a query finds it")
        .into()),
        _ if table.kind == Kind::Table => Ok(vec![PLACE.to_owned()]),
        _ => Err(
            Failure::impossible(format!("a row of {shown} can't be found by its ctid"))
                .hint("name the partition that holds the row")
                .into(),
        ),
    }
}

/// The condition that row `w` has these values in the columns of its key.
fn condition(
    transaction: &mut Transaction,
    table: &Table,
    key: &[String],
    values: &[String],
) -> Result<String> {
    let literal = |text: &str| format!("'{}'", text.replace('\'', "''"));
    if let ([column], [value]) = (key, values)
        && column == PLACE
        && !table.columns.iter().any(|it| it.name == PLACE)
    {
        let value = literal(value);
        return Ok(format!(
            "w.ctid OPERATOR(pg_catalog.=) {value}::pg_catalog.tid"
        ));
    }
    let itself = ForeignKey::to_compare(key, &table.name, key);
    // A column that is compared with itself by its own key's equality always can be.
    let pairs = compare::pairs(transaction, table, table, &itself)?;
    let pairs: Vec<Pair> = pairs.map_err(|misfit| misfit.told(table, "", ""))?;
    let equal = pairs.iter().map(|pair| {
        let at = key.iter().position(|it| *it == pair.child);
        let value = at.and_then(|at| values.get(at)).map(String::as_str);
        // A string without a type is taken for one of the column's, whole.
        let value = literal(value.unwrap_or_default());
        let column = quoted(&pair.child);
        format!("w.{column} OPERATOR({}) {value}", pair.operator)
    });
    Ok(equal.collect::<Vec<_>>().join(" AND "))
}

/// Class 22: the text is no value of the column's type.
fn is_no_value(code: &SqlState) -> bool {
    code.code().starts_with("22")
}

/// The rows `w` of `table` that stand behind FROM, each with its place; of long values the start.
pub fn places(
    transaction: &mut Transaction,
    table: &Table,
    from: &str,
) -> Result<Vec<(RowId, Row)>> {
    // Characters of one byte at the least, so that whoever shows a value sees that it is cut.
    let texts = table.columns.iter().map(|it| {
        format!(
            ", pg_catalog.\"left\"(w.{}::pg_catalog.text, {})",
            quoted(&it.name),
            SHOWN + 1
        )
    });
    let texts: String = texts.collect();
    let query = format!("SELECT {}{texts} FROM {from}", rows::place(table, "w"));
    let mut found = transaction.query_typed_raw(&query, std::iter::empty::<(i32, Type)>())?;
    let mut all = Vec::new();
    while let Some(row) = found.next()? {
        let place: RowId = row.try_get::<_, &str>(0)?.parse()?;
        let values = table.columns.iter().enumerate().map(|(at, column)| {
            let text: Option<Raw> = row.try_get(at + 1)?;
            Ok(value(&column.type_name, text.map(|it| it.0)))
        });
        let row = Row {
            values: values.collect::<Result<_>>()?,
            columns: table.columns.iter().map(|it| it.name.clone()).collect(),
        };
        all.push((place, row));
    }
    Ok(all)
}

/// A value for a report: a number where the column holds whole numbers, and else the text that
/// PostgreSQL shows.
fn value(type_name: &str, text: Option<Vec<u8>>) -> Value {
    let Some(text) = text else {
        return Value::Null;
    };
    let is_number = ["smallint", "integer", "bigint"].contains(&type_name);
    let number = std::str::from_utf8(&text)
        .ok()
        .and_then(|it| it.parse().ok());
    match number.filter(|_| is_number) {
        Some(number) => Value::Integer(number),
        None => Value::Text(text),
    }
}
