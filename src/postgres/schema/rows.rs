//! Rows by their place (`ctid`): the one name that every row of every table has.
//!
//! A place is good only until the row is changed. So whoever moves rows by it locks them, and
//! looks at them again in a second statement. On Citus there are such places in every shard, so a
//! row goes by its key there.

use std::fmt;
use std::rc::Rc;

use anyhow::{Result, anyhow};
use postgres::Transaction;
use postgres::types::{FromSql, ToSql, Type};

use crate::postgres::catalog::{Kind, Table, literal, quoted};

/// Child tables with fewer rows are changed in one transaction: writers wait well under a second.
pub const SMALL: i64 = 100_000;

/// How a row is found again.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RowId {
    /// By its place.
    At {
        /// Its partition, where it is a row of a partitioned table.
        part: Option<u32>,
        /// The block …
        block: u32,
        /// … and the line in it.
        line: u16,
    },
    /// By its key: `['1''2'`, the literals of its columns.
    Key(Rc<str>),
}

impl RowId {
    /// The table that holds it, where it is a row of `table`: a partition, or the table itself.
    #[must_use]
    pub fn leaf(&self, table: u32) -> u32 {
        match self {
            RowId::At {
                part: Some(part), ..
            } => *part,
            _ => table,
        }
    }

    /// The same row by another name: that of the partition `part` of its table, or of the table that
    /// holds it.
    #[must_use]
    pub fn named(&self, part: Option<u32>) -> Self {
        match self {
            RowId::At { block, line, .. } => RowId::At {
                part,
                block: *block,
                line: *line,
            },
            RowId::Key(_) => self.clone(),
        }
    }
}

impl fmt::Display for RowId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RowId::At { part, block, line } => {
                if let Some(part) = part {
                    write!(f, "{part}:")?;
                }
                write!(f, "({block},{line})")
            }
            RowId::Key(key) => f.write_str(key),
        }
    }
}

impl std::str::FromStr for RowId {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> Result<Self> {
        if text.starts_with('[') {
            return Ok(RowId::Key(text.into()));
        }
        let (part, place) = match text.split_once(':') {
            Some((part, place)) => (Some(part.parse()?), place),
            None => (None, text),
        };
        let inner = place.strip_prefix('(').and_then(|it| it.strip_suffix(')'));
        let pair = inner.and_then(|it| it.split_once(','));
        let (block, line) = pair.ok_or_else(|| anyhow!("{text} is no place of a row"))?;
        Ok(RowId::At {
            part,
            block: block.parse()?,
            line: line.parse()?,
        })
    }
}

/// The place of the row `alias` of `table`, as text. Rows of two partitions may have the same
/// `ctid`, so theirs begins with the partition.
#[must_use]
pub fn place(table: &Table, alias: &str) -> String {
    if let Some(key) = key(table) {
        // Of functions that are IMMUTABLE alone: Citus takes no others in a DELETE.
        let texts: Vec<_> = key
            .iter()
            .map(|name| {
                format!(
                    "pg_catalog.quote_literal({alias}.{}::pg_catalog.text)",
                    quoted(name)
                )
            })
            .collect();
        return format!(
            "('['::pg_catalog.text OPERATOR(pg_catalog.||) {})",
            texts.join(" OPERATOR(pg_catalog.||) ")
        );
    }
    match table.kind {
        Kind::Partitioned => format!("pg_catalog.concat({alias}.tableoid, ':', {alias}.ctid)"),
        _ => format!("{alias}.ctid::pg_catalog.text"),
    }
}

/// The condition that the row `alias` of `table` is one of the array that is the parameter
/// `number`. In each partition it is looked for by its `ctid` alone, which is fast.
#[must_use]
pub fn are(table: &Table, alias: &str, number: usize) -> String {
    if key(table).is_some() {
        return format!(
            "{} OPERATOR(pg_catalog.=) ANY (${number}::pg_catalog.text[])",
            place(table, alias)
        );
    }
    if table.kind != Kind::Partitioned {
        return is_one_of(alias, number);
    }
    format!(
        "({alias}.ctid OPERATOR(pg_catalog.=) ANY (ARRAY(SELECT pg_catalog.split_part(places.place, ':', 2)::pg_catalog.tid FROM pg_catalog.unnest(${number}::pg_catalog.text[]) AS places (place))) AND {} OPERATOR(pg_catalog.=) ANY (${number}::pg_catalog.text[]))",
        place(table, alias)
    )
}

/// The condition that the row `alias` of `table` is the one at `place`.
#[must_use]
pub fn is(table: &Table, alias: &str, place: &RowId) -> String {
    are(table, alias, 1).replace("$1", &format!("ARRAY[{}]", literal(&place.to_string())))
}

/// Rows as the array that a statement takes: `$1::text[]::tid[]`.
pub fn texts(rows: impl IntoIterator<Item = RowId>) -> Vec<String> {
    rows.into_iter().map(|row| row.to_string()).collect()
}

/// The columns by which rows of `table` are found on Citus.
fn key(table: &Table) -> Option<&[String]> {
    table.spread.as_ref()?.key.as_deref()
}

/// The condition that the row `alias` is one of the array that is the parameter `number`.
fn is_one_of(alias: &str, number: usize) -> String {
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

/// The rows of a table itself, without those of tables that inherit from it.
#[must_use]
pub fn source(table: &Table) -> String {
    match table.kind {
        Kind::Partitioned => table.name.to_string(),
        _ => format!("ONLY {}", table.name),
    }
}

/// About how many rows `table` has; counted where nobody has analysed it.
pub fn estimate(transaction: &mut Transaction, table: &Table) -> Result<i64> {
    match table.estimated_rows {
        #[expect(clippy::cast_possible_truncation, reason = "an estimate")]
        Some(rows) => Ok(rows as i64),
        None => count_rows(transaction, table),
    }
}

/// How many rows a table has.
pub fn count_rows(transaction: &mut Transaction, table: &Table) -> Result<i64> {
    count(
        transaction,
        &format!("SELECT count(*) FROM {}", source(table)),
        &[],
    )
}

/// A text as its bytes: a database in `SQL_ASCII` holds what it was given.
pub struct Raw(pub Vec<u8>);

impl<'r> FromSql<'r> for Raw {
    fn from_sql(
        _: &Type,
        raw: &'r [u8],
    ) -> std::result::Result<Self, Box<dyn std::error::Error + Sync + Send>> {
        Ok(Raw(raw.to_vec()))
    }

    fn accepts(kind: &Type) -> bool {
        *kind == Type::TEXT
    }
}
