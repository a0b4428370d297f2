//! How many rows tables have. SQLite keeps no such number: it reads the table.

use std::cell::RefCell;
use std::collections::{HashMap, HashSet};

use anyhow::{Context as _, Result};
use rusqlite::Connection;

use crate::sqlite::schema::Table;
use crate::sqlite::text::ddl::quote;

/// The number of rows in `table` of the main database.
pub fn count_rows(connection: &Connection, table: &str) -> Result<i64> {
    connection
        .query_row(&count_sql(table), [], |row| row.get(0))
        .with_context(|| format!("could not count the rows of {table}"))
}

/// The query that counts the rows of `table`, and not the entries of an index that may be damaged
/// or made by another engine.
#[must_use]
pub fn count_sql(table: &str) -> String {
    format!("SELECT count(*) FROM main.{} NOT INDEXED", quote(table))
}

/// Whether `table` holds no row at all.
pub fn is_empty(connection: &Connection, table: &Table) -> Result<bool> {
    let query = format!("SELECT NOT EXISTS (SELECT 1 FROM {})", table.scanned(""));
    Ok(connection.query_row(&query, [], |row| row.get(0))?)
}

/// Counts each table once, for as long as nothing is written.
#[derive(Debug)]
pub struct RowCounts<'a> {
    connection: &'a Connection,
    known: RefCell<HashMap<String, i64>>,
    looked_at: RefCell<HashSet<String>>,
}

impl<'a> RowCounts<'a> {
    /// Nothing is counted yet.
    #[must_use]
    pub fn new(connection: &'a Connection) -> Self {
        RowCounts {
            connection,
            known: RefCell::default(),
            looked_at: RefCell::default(),
        }
    }

    /// The number of rows in `table`.
    pub fn of(&self, table: &str) -> Result<i64> {
        if let Some(rows) = self.known.borrow().get(table) {
            return Ok(*rows);
        }
        let rows = count_rows(self.connection, table)?;
        self.known.borrow_mut().insert(table.to_owned(), rows);
        Ok(rows)
    }

    /// Takes the number of rows in `table` from whoever has read them all.
    pub fn note(&self, table: &str, rows: i64) {
        self.known.borrow_mut().insert(table.to_owned(), rows);
    }

    /// Whether `table` has at most `most` rows, and how many. Reads no more of it than that.
    pub fn at_most(&self, table: &Table, most: i64) -> Result<Option<i64>> {
        if let Some(rows) = self.known.borrow().get(&table.name) {
            return Ok((*rows <= most).then_some(*rows));
        }
        let query = format!(
            "SELECT count(*) FROM (SELECT 1 FROM {} LIMIT {most} + 1)",
            table.scanned("")
        );
        let rows = self.connection.query_row(&query, [], |row| row.get(0))?;
        Ok(Some(rows).filter(|rows| *rows <= most))
    }

    /// Whether `index` has not been asked about before: its entries are counted once too.
    #[must_use]
    pub fn is_first_look(&self, index: &str) -> bool {
        self.looked_at.borrow_mut().insert(index.to_owned())
    }
}
