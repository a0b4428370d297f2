//! How many rows tables have. SQLite keeps no such number: it reads the table.

use std::cell::{OnceCell, RefCell};
use std::collections::{HashMap, HashSet};

use anyhow::{Context as _, Result};
use rusqlite::Connection;

use crate::sqlite::file::connection::pages::Walk;
use crate::sqlite::file::reading::Again;
use crate::sqlite::schema::Table;
use crate::sqlite::schema::index::Index;
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

/// Children with fewer rows than this do not call for all keys of a parent that has more.
const FEW_ROWS: i64 = 50_000;

/// Counts each table once, for as long as nothing is written.
pub struct RowCounts<'a> {
    connection: &'a Connection,
    /// What counts too, until it is over.
    walk: RefCell<Option<Walk>>,
    again: OnceCell<Option<Again>>,
    known: RefCell<HashMap<String, i64>>,
    looked_at: RefCell<HashSet<String>>,
}

impl<'a> RowCounts<'a> {
    /// Nothing is counted yet.
    #[must_use]
    pub fn new(connection: &'a Connection) -> Self {
        RowCounts::of_walk(connection, None)
    }

    /// `walk` counts what nobody has asked for by its end.
    #[must_use]
    pub fn of_walk(connection: &'a Connection, walk: Option<Walk>) -> Self {
        RowCounts {
            connection,
            walk: RefCell::new(walk),
            again: OnceCell::new(),
            known: RefCell::default(),
            looked_at: RefCell::default(),
        }
    }

    /// How further connections see what this one does; none where they may see another state, or where
    /// something may have been written.
    pub fn again(&self) -> Result<Option<&Again>> {
        if let Some(known) = self.again.get() {
            return Ok(known.as_ref());
        }
        let unwritten = self.walk.borrow().is_some() || self.connection.is_readonly("main")?;
        let again = if unwritten {
            Again::of(self.connection)?
        } else {
            None
        };
        Ok(self.again.get_or_init(|| again).as_ref())
    }

    /// Waits for the walk, and fails as [`Walk::wait`] does. Before the first write it must be over.
    pub fn end_walk(&self) -> Result<()> {
        match self.walk.borrow_mut().as_mut() {
            Some(walk) => walk.wait(),
            None => Ok(()),
        }
    }

    /// The number of rows in `table`. It may have to wait for the walk.
    pub fn of(&self, table: &str) -> Result<i64> {
        if let Some(rows) = self.known.borrow().get(table) {
            return Ok(*rows);
        }
        let rows = match self.walked(table)? {
            Some(rows) => rows,
            None => count_rows(self.connection, table)?,
        };
        self.known.borrow_mut().insert(table.to_owned(), rows);
        Ok(rows)
    }

    fn walked(&self, table: &str) -> Result<Option<i64>> {
        let mut walk = self.walk.borrow_mut();
        let Some(walk) = walk.as_mut() else {
            return Ok(None);
        };
        let without_rowids = "SELECT wr FROM pragma_table_list(?1) WHERE schema = 'main'";
        let without_rowids = self
            .connection
            .query_row(without_rowids, [table], |row| row.get(0))?;
        Ok(walk.entries().and_then(|entries| {
            if without_rowids {
                entries.of_index(table)
            } else {
                entries.rows(table)
            }
        }))
    }

    /// The number of entries in `index` of `table`.
    pub fn entries(&self, table: &Table, index: &Index) -> Result<i64> {
        if let Some(walk) = self.walk.borrow_mut().as_mut()
            && let Some(entries) = walk.entries().and_then(|it| it.of_index(&index.name))
        {
            return Ok(entries);
        }
        // SQLite would count by another index if it were asked for count(*).
        let query = format!("SELECT count(1) FROM {}", table.by("", index));
        Ok(self.connection.query_row(&query, [], |row| row.get(0))?)
    }

    /// How many keys of a parent a look at the rows of `child` is worth: as many as it has rows, or
    /// any number where these are not few.
    pub fn most_keys(&self, child: &Table) -> Result<i64> {
        Ok(self.at_most(child, FEW_ROWS)?.unwrap_or(i64::MAX - 1))
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
