//! Rows by their place (`ctid`): the one name that every row of every table has.
//!
//! A place is good only until the row is changed. So whoever moves rows by it locks them, and
//! looks at them again in a second statement.

use std::fmt;

use anyhow::{Result, anyhow};
use postgres::Transaction;
use postgres::types::{ToSql, Type};

/// A block, and a line in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RowId(u32, u16);

impl fmt::Display for RowId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "({},{})", self.0, self.1)
    }
}

impl std::str::FromStr for RowId {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> Result<Self> {
        let inner = text.strip_prefix('(').and_then(|it| it.strip_suffix(')'));
        let pair = inner.and_then(|it| it.split_once(','));
        let (block, line) = pair.ok_or_else(|| anyhow!("{text} is no place of a row"))?;
        Ok(RowId(block.parse()?, line.parse()?))
    }
}

/// Rows as the array that a statement takes: `$1::text[]::tid[]`.
pub fn texts(rows: impl IntoIterator<Item = RowId>) -> Vec<String> {
    rows.into_iter().map(|row| row.to_string()).collect()
}

/// The condition that the row `alias` is one of the array that is the parameter `number`.
#[must_use]
pub fn is_one_of(alias: &str, number: usize) -> String {
    format!(
        "{alias}.ctid OPERATOR(pg_catalog.=) ANY (${number}::pg_catalog.text[]::pg_catalog.tid[])"
    )
}

/// Reads rows by a query whose first column is `ctid::text`, one by one: they may be many.
pub fn read(
    transaction: &mut Transaction,
    query: &str,
    parameters: &[(&(dyn ToSql + Sync), Type)],
) -> Result<Vec<RowId>> {
    use postgres::fallible_iterator::FallibleIterator as _;
    let parameters = parameters
        .iter()
        .map(|(value, kind)| (*value, kind.clone()));
    let mut found = transaction.query_typed_raw(query, parameters)?;
    let mut rows = Vec::new();
    while let Some(row) = found.next()? {
        rows.push(row.try_get::<_, &str>(0)?.parse()?);
    }
    Ok(rows)
}

/// The one number that a query gives.
pub fn count(
    transaction: &mut Transaction,
    query: &str,
    parameters: &[(&(dyn ToSql + Sync), Type)],
) -> Result<i64> {
    Ok(transaction.query_typed_one(query, parameters)?.try_get(0)?)
}
