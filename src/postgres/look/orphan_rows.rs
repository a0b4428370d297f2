//! The rows that break keys, as people see them, and what tells them apart.

use std::collections::BTreeMap;

use anyhow::Result;
use postgres::Transaction;
use postgres::types::Type;

use crate::model::value::Value;
use crate::postgres::catalog::{self, Table, quoted};
use crate::postgres::keys::Key;
use crate::postgres::orphans::{Leaving, Search};
use crate::postgres::schema::rows::{self, RowId, source};

/// The columns of the table of `leaving`.
pub(super) fn columns(leaving: &Leaving) -> Vec<String> {
    let columns = leaving.table.columns.iter();
    columns.map(|it| it.name.clone()).collect()
}

/// Hands the orphans of one table, which `search` found, to `each`: the keys that the row breaks,
/// and every value, in the order of the primary key where there is one.
pub(super) fn each_row(
    transaction: &mut Transaction,
    search: &Search,
    leaving: &Leaving,
    limit: Option<usize>,
    each: &mut dyn FnMut(String, Vec<Value>) -> Result<()>,
) -> Result<()> {
    use postgres::fallible_iterator::FallibleIterator as _;
    let table = &leaving.table;
    let texts = table
        .columns
        .iter()
        .map(|it| format!("c.{}::text", quoted(&it.name)));
    let texts: Vec<_> = texts.collect();
    let mut order: Vec<_> = key_columns(table)
        .iter()
        .map(|it| format!("c.{}", quoted(it)))
        .collect();
    order.extend(["c.tableoid".to_owned(), "c.ctid".to_owned()]);
    let limit = limit.map_or(String::new(), |it| format!(" LIMIT {it}"));
    let query = format!(
        "SELECT {}, {} FROM {} AS c WHERE {} ORDER BY {}{limit}",
        rows::place(table, "c"),
        texts.join(", "),
        source(table),
        rows::are(table, "c", 1),
        order.join(", ")
    );
    let wanted = rows::texts(leaving.rows.keys().cloned());
    let names: BTreeMap<RowId, String> = leaving
        .rows
        .iter()
        .map(|(row, why)| (row.clone(), search.names(table.oid, why)))
        .collect();
    let parameters = [(&wanted, Type::TEXT_ARRAY)];
    let mut found = transaction.query_typed_raw(&query, parameters)?;
    while let Some(row) = found.next()? {
        let id: RowId = row.try_get::<_, &str>(0)?.parse()?;
        let values = table.columns.iter().enumerate();
        let values = values
            .map(|(at, column)| Ok(value(table, &column.name, row.try_get(at + 1)?)))
            .collect::<Result<Vec<_>>>()?;
        each(names.get(&id).cloned().unwrap_or_default(), values)?;
    }
    Ok(())
}

/// How many of the orphans, of which `from` is FROM and WHERE, have a parent whose key is text that
/// differs in case, blanks and hyphens alone, as those of a UUID.
pub(super) fn other_spelling(transaction: &mut Transaction, key: &Key, from: &str) -> Result<i64> {
    let [pair] = key.pairs.as_slice() else {
        return Ok(0);
    };
    let columns = key.child.columns.iter();
    let mut columns = columns.filter(|it| it.name == pair.child);
    let is_text = |name: &str| {
        ["text", "character", "name", "citext"]
            .iter()
            .any(|it| name.rsplit('.').next().unwrap_or(name).starts_with(it))
    };
    if !columns.any(|it| is_text(&it.type_name)) {
        return Ok(0);
    }
    // The two columns may have collations that do not go together.
    let plain = |value: String| {
        format!("lower(replace(btrim({value}::text COLLATE pg_catalog.\"default\"), '-', ''))")
    };
    let own = plain(format!("c.{}", quoted(&pair.child)));
    let theirs = plain(format!("p.{}", quoted(&pair.parent)));
    let query = format!(
        "SELECT count(*) {from} AND {own} <> '' AND {own} IN (SELECT {theirs} FROM {} AS p)",
        source(&key.parent)
    );
    rows::count(transaction, &query, &[])
}

/// A value for a report: a number where the column holds whole numbers, and else the text that
/// PostgreSQL shows.
pub(super) fn value(table: &Table, column: &str, text: Option<String>) -> Value {
    let Some(text) = text else {
        return Value::Null;
    };
    let kind = table.columns.iter().find(|it| it.name == column);
    let is_number =
        kind.is_some_and(|it| ["smallint", "integer", "bigint"].contains(&it.type_name.as_str()));
    match text.parse() {
        Ok(number) if is_number => Value::Integer(number),
        _ => Value::Text(text.into_bytes()),
    }
}

pub(super) fn key_columns(table: &Table) -> Vec<String> {
    let primary = table.indexes.iter().find(|index| index.is_primary);
    let columns = primary
        .into_iter()
        .flat_map(|index| index.columns.iter().flatten());
    columns.cloned().collect()
}

/// The column that evidently tells when a row was made.
pub(super) fn time_column(table: &Table) -> Option<&str> {
    let is_time = |column: &&catalog::Column| {
        column.type_name.starts_with("timestamp") || column.type_name == "date"
    };
    let mut times: Vec<_> = table.columns.iter().filter(is_time).collect();
    times.sort_by_key(|column| !column.name.to_lowercase().starts_with("creat"));
    times.first().map(|column| column.name.as_str())
}
