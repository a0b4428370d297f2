//! What is to be done to a database, as data, and the one place that does it.
//!
//! A plan is a list of steps. The dry run prints them, the script writes them out, and
//! [`carry_out`] runs them: never a second description of the same work.

use std::time::Duration;

use anyhow::{Context as _, Result};
use rusqlite::Connection;
use rusqlite::config::DbConfig;

use crate::failure::Failure;
use crate::progress::{self, Work};
use crate::sqlite::file::flush::Flush;
use crate::sqlite::file::paths::open_file;
use crate::sqlite::keys::known_keys::KnownKeys;
use crate::sqlite::schema::foreign_key::ForeignKey;
use crate::sqlite::schema::row_counts::count_rows;
use crate::sqlite::text::ddl::quote;

/// One step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Run statements.
    Run {
        /// What they do, as an imperative sentence without a full stop.
        title: String,
        /// The statements, separated by semicolons.
        sql: String,
        /// What they take, for the progress bar; nothing where that is not worth a thought.
        work: Work,
        /// They write `sqlite_schema`, which a connection on the defensive does not let happen.
        edits_schema: bool,
    },
    /// Hold a promise against the database, and stop where it is broken.
    Expect {
        /// The promise.
        what: String,
        /// A query for one integer.
        query: String,
        /// The integer it must give.
        value: i64,
        /// The query looks at rows one by one, for parents that memory may know.
        by_row: Option<ByRow>,
    },
    /// Delete rows of a table of fkfix's own, and drop the table where it holds no other.
    Discard {
        /// What is deleted, as an imperative sentence without a full stop.
        title: String,
        /// The table, in which `a` is a row.
        table: String,
        /// Which rows, as a condition in SQL.
        rows: String,
        /// How many rows the plan expects to stay.
        rows_left: i64,
    },
}

/// A look at each row of a child for its parent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ByRow {
    /// The key that names the parent.
    pub key: ForeignKey,
    /// How many rows the child has.
    pub rows: i64,
}

/// What a row takes that has entries in `indexes` indexes.
pub fn per_row((row, entry): (usize, usize), indexes: usize) -> usize {
    row + entry * indexes
}

impl Step {
    /// A step that runs `sql`.
    pub fn run(title: impl Into<String>, sql: impl Into<String>) -> Self {
        Step::Run {
            title: title.into(),
            sql: sql.into(),
            work: Work::default(),
            edits_schema: false,
        }
    }

    /// The same step, allowed to write `sqlite_schema`.
    #[must_use]
    pub fn editing_schema(mut self) -> Self {
        if let Step::Run { edits_schema, .. } = &mut self {
            *edits_schema = true;
        }
        self
    }

    /// The same step, which changes pages all over the file, with memory for many of them.
    ///
    /// SQLite's own default, which is 2,000 KiB, serves a copy better
    /// (<https://www.sqlite.org/pragma.html#pragma_cache_size>).
    #[must_use]
    pub fn scattered(mut self) -> Self {
        if let Step::Run { sql, .. } = &mut self {
            *sql = format!(
                "PRAGMA main.cache_size = -{SCATTERED_CACHE};\n{sql};\nPRAGMA main.cache_size = -2000"
            );
        }
        self
    }

    /// The same step, with `instructions` and `weight` for each of `rows` rows.
    #[must_use]
    pub fn over(mut self, rows: i64, instructions: usize, weight: usize) -> Self {
        if let Step::Run { work, .. } = &mut self {
            *work = Work::over(rows, instructions, weight);
        }
        self
    }

    /// What it takes.
    #[must_use]
    pub fn work(&self) -> Work {
        match self {
            Step::Run { work, .. } => *work,
            Step::Expect {
                by_row: Some(by_row),
                ..
            } => Work::over(by_row.rows, 12, 30),
            // Rows are counted, or compared with others.
            Step::Expect { value, .. } => Work::over(*value, 10, 15),
            Step::Discard { .. } => Work::default(),
        }
    }

    /// What the step does, in one sentence.
    #[must_use]
    pub fn title(&self) -> String {
        match self {
            Step::Run { title, .. } => title.clone(),
            Step::Expect { what, .. } => format!("check that {what}"),
            Step::Discard { title, .. } => format!("{title}, and drop it if nothing is left"),
        }
    }
}

/// Memory for the pages that change here and there, in KiB: with less, SQLite waits for its journal
/// to be on the disk each time that it has to let go of some.
pub const SCATTERED_CACHE: u64 = 64 * 1024;

/// Runs `steps` in order on an open transaction, and stops at the first that fails; rolling
/// back is the caller's.
pub fn carry_out(connection: &Connection, steps: &[Step]) -> Result<()> {
    carry_out_in(connection, steps, None)
}

/// The same, which takes `foretold`, as far as that is known.
pub fn carry_out_in(
    connection: &Connection,
    steps: &[Step],
    foretold: Option<Duration>,
) -> Result<()> {
    let weight = steps.iter().map(|step| step.work().weight).sum();
    progress::begin(weight, foretold);
    let is_long = |step: &Step| matches!(step, Step::Run { work, .. } if work.weight > 0);
    let flush = if steps.iter().any(is_long) && Flush::HELPS {
        let file = open_file(connection)?;
        let on_disk = !file.as_os_str().is_empty();
        on_disk.then(|| Flush::start(file))
    } else {
        None
    };
    for step in steps {
        let title = step.title();
        progress::step(&title, step.work());
        take(connection, step).with_context(|| format!("could not {title}"))?;
    }
    flush.map_or(Ok(()), |flush| {
        flush
            .and_then(Flush::finish)
            .context("could not write what is done so far to the disk")
    })
}

fn take(connection: &Connection, step: &Step) -> Result<()> {
    match step {
        Step::Run {
            sql, edits_schema, ..
        } => {
            tracing::debug!(%sql, "run");
            let defensive = DbConfig::SQLITE_DBCONFIG_DEFENSIVE;
            if *edits_schema {
                connection.set_db_config(defensive, false)?;
            }
            connection.execute_batch(sql)?;
            connection.set_db_config(defensive, true)?;
        }
        Step::Expect {
            query,
            value,
            by_row,
            ..
        } => {
            let mut known = KnownKeys::new(connection);
            let query = match by_row {
                Some(ByRow { key, rows }) => &known.shorten_query(query, key, *rows)?,
                None => query,
            };
            let found: i64 = connection.query_row(query, [], |row| row.get(0))?;
            if found != *value {
                return Err(Failure::impossible(format!(
                    "expected {value} and found {found}; everything is rolled back"
                ))
                .hint("this should not happen: please report it with the output of -v and of: sqlite3 FILE .schema")
                .into());
            }
        }
        Step::Discard { table, rows, .. } => {
            let name = quote(table);
            let matching = format!("SELECT count(*) FROM main.{name} AS a WHERE {rows}");
            let matching: i64 = connection.query_row(&matching, [], |row| row.get(0))?;
            if matching == count_rows(connection, table)? {
                // To drop all of it costs a small part of what deleting row by row does.
                connection.execute_batch(&format!("DROP TABLE main.{name}"))?;
            } else {
                connection.execute_batch(&format!("DELETE FROM main.{name} AS a WHERE {rows}"))?;
            }
        }
    }
    Ok(())
}
