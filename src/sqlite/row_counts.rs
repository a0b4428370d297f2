//! How many rows tables have. SQLite keeps no such number: it reads an index, or the table.

use std::cell::RefCell;
use std::collections::HashMap;

use anyhow::{Context as _, Result};
use rusqlite::Connection;

use super::ddl::quote;

/// The number of rows in `table` of the main database.
pub fn count_rows(connection: &Connection, table: &str) -> Result<i64> {
    connection
        .query_row(&count_sql(table), [], |row| row.get(0))
        .with_context(|| format!("could not count the rows of {table}"))
}

/// The query that counts the rows of `table`.
#[must_use]
pub fn count_sql(table: &str) -> String {
    format!("SELECT count(*) FROM main.{}", quote(table))
}

/// Whether `table` of the main database holds no row at all.
pub fn is_empty(connection: &Connection, table: &str) -> Result<bool> {
    let query = format!("SELECT NOT EXISTS (SELECT 1 FROM main.{})", quote(table));
    Ok(connection.query_row(&query, [], |row| row.get(0))?)
}

/// Counts each table once, for as long as nothing is written.
#[derive(Debug)]
pub struct RowCounts<'a> {
    connection: &'a Connection,
    known: RefCell<HashMap<String, i64>>,
}

impl<'a> RowCounts<'a> {
    /// Nothing is counted yet.
    #[must_use]
    pub fn new(connection: &'a Connection) -> Self {
        RowCounts {
            connection,
            known: RefCell::default(),
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
}
