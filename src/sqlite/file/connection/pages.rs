//! Whether a write takes only pages that are its own.
//!
//! SQLite takes the pages for new rows from the list of free pages, whatever they hold
//! (<https://www.sqlite.org/fileformat.html#the_freelist>). In a damaged file it can name pages that
//! tables use, and the next write destroys their rows.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};

use anyhow::{Context as _, Result, anyhow};
use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, TransactionState};

use crate::failure::Failure;
use crate::location::Location;
use crate::sqlite::file::backup::{self, TemporaryCopy};
use crate::sqlite::file::reading;

const REMEDY: &str = "restore a backup, or salvage what is left with the sqlite3 shell's .recover (fkfix check --integrity tells all that is damaged)";

/// A walk through all pages of a database, in a thread of its own while the caller reads. It must be
/// over before the first page is written: it keeps SQLite from handing pages to the file.
pub struct Walk {
    course: Course,
    stop: Arc<AtomicBool>,
}

enum Course {
    AtWork(JoinHandle<Result<Entries>>),
    Over(Result<Entries>),
    /// Why was told to the first who waited.
    Failed,
}

/// How many entries tables and indexes have, by name, as the walk counted them. None where it could
/// not count.
#[derive(Debug, Default)]
pub struct Entries(HashMap<String, Cells>);

/// The cells on the pages of a table or an index.
#[derive(Clone, Copy, Debug, Default)]
struct Cells {
    on_leaves: i64,
    /// Entries of an index, and no more than separators of a table with rowids
    /// (<https://www.sqlite.org/fileformat.html#b_tree_pages>).
    above: i64,
}

impl Entries {
    /// The rows of the table `name` with rowids.
    #[must_use]
    pub fn rows(&self, name: &str) -> Option<i64> {
        self.0.get(name).map(|it| it.on_leaves)
    }

    /// The entries of the index `name`, or of the table without rowids.
    #[must_use]
    pub fn of_index(&self, name: &str) -> Option<i64> {
        self.0.get(name).map(|it| it.on_leaves + it.above)
    }
}

impl Walk {
    /// Begins. The caller has begun a transaction and written nothing yet.
    pub fn begin(connection: &Connection, location: &Location) -> Result<Self> {
        let stop = Arc::new(AtomicBool::new(false));
        // Without the write lock, a second connection may be kept out by a writer, or see what it wrote.
        let is_alone = connection.transaction_state(Some("main"))? == TransactionState::Write;
        let course = if is_alone {
            let other = open_again(connection, &stop)
                .with_context(|| format!("could not open {location} once more"))?;
            let location = location.clone();
            let walk = thread::Builder::new().name("walk".to_owned());
            let walk = walk.spawn(move || through(&other, &location));
            Course::AtWork(walk.context("could not start a thread")?)
        } else {
            Course::Over(Ok(here(connection, location, &stop)?))
        };
        Ok(Walk { course, stop })
    }

    /// Waits for its end. Fails where the list of free pages is not what the tables leave free, and
    /// where two tables or indexes use one page.
    pub fn wait(&mut self) -> Result<()> {
        self.end();
        match std::mem::replace(&mut self.course, Course::Failed) {
            Course::Over(Err(error)) => Err(error),
            Course::AtWork(_) | Course::Failed => Err(failed()),
            whole @ Course::Over(Ok(_)) => {
                self.course = whole;
                Ok(())
            }
        }
    }

    /// Waits for its end, and gives what it has counted; none where it failed, which
    /// [`wait`](Self::wait) tells.
    pub fn entries(&mut self) -> Option<&Entries> {
        self.end();
        match &self.course {
            Course::Over(Ok(entries)) => Some(entries),
            _ => None,
        }
    }

    fn end(&mut self) {
        self.course = match std::mem::replace(&mut self.course, Course::Failed) {
            Course::AtWork(thread) => {
                tracing::debug!("wait for the walk through the pages");
                let ended = thread.join().unwrap_or_else(|_| Err(failed()));
                tracing::debug!("the walk through the pages is over");
                Course::Over(ended)
            }
            ended => ended,
        };
    }
}

fn failed() -> anyhow::Error {
    anyhow!("the walk through the pages failed")
}

impl Drop for Walk {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        self.end();
    }
}

/// Walks, and waits for it.
pub fn must_be_free(connection: &Connection, location: &Location) -> Result<()> {
    Walk::begin(connection, location)?.wait()
}

/// As [`through`], by the transaction of the caller as far as it can.
fn here(connection: &Connection, location: &Location, stop: &Arc<AtomicBool>) -> Result<Entries> {
    if free_pages(connection)? == 0 {
        return through(connection, location);
    }
    through(&open_again(connection, stop)?, location)
}

fn free_pages(connection: &Connection) -> Result<i64> {
    Ok(connection.pragma_query_value(Some("main"), "freelist_count", |row| row.get(0))?)
}

/// Fails where the list of free pages is not what the tables leave free, and where two tables or indexes
/// use one page. The whole file is read, since only a walk through all of them tells which pages they
/// use.
fn through(other: &Connection, location: &Location) -> Result<Entries> {
    if free_pages(other)? == 0 {
        return must_have_one_user(other, location);
    }
    let found = match with_collations(other, first_fault) {
        Err(error) if error.sqlite_error_code() == Some(ErrorCode::Unknown) => {
            with_collations(&without_virtual_tables(other)?.connection, first_fault)
        }
        found => found,
    };
    let fault = match found {
        Ok(None) => return Ok(Entries::default()),
        Ok(Some(fault)) => fault,
        Err(error) => match error.sqlite_error_code() {
            Some(ErrorCode::DatabaseCorrupt) => error.to_string(),
            Some(ErrorCode::Unknown) => return Err(unknown(location, &error).into()),
            _ => {
                return Err(error).context(format!("could not check the free pages of {location}"));
            }
        },
    };
    let what = user_of(other, &fault).unwrap_or(fault);
    Err(damaged(location, &what)
        // VACUUM copies what the tables hold and never looks at the list.
        .hint(format!(
            "VACUUM makes the list anew where the tables are whole; otherwise {REMEDY}"
        ))
        .into())
}

/// Fails where a page is used twice, and counts what is on them. `dbstat` walks through the pages and
/// looks at no value, which takes about half of what `quick_check` does
/// (<https://www.sqlite.org/dbstat.html>).
fn must_have_one_user(connection: &Connection, location: &Location) -> Result<Entries> {
    // Of tables with one root the schema tells, by both names.
    let one_root = "SELECT EXISTS (SELECT 1 FROM main.sqlite_schema WHERE rootpage > 0 GROUP BY rootpage HAVING count(*) > 1)";
    let walked = connection
        .query_row(one_root, [], |row| row.get(0))
        .and_then(|one_root: bool| {
            if one_root {
                Ok(Walked::Whole(Entries::default()))
            } else {
                walk(connection)
            }
        });
    match walked {
        Ok(Walked::Whole(entries)) => Ok(entries),
        Ok(Walked::Twice(page)) => Err(damaged(location, &users_of(connection, page)?)
            .hint(REMEDY)
            .into()),
        Err(error) if error.sqlite_error_code() == Some(ErrorCode::OperationInterrupted) => {
            Err(error.into())
        }
        // What can't be walked through is found where it is needed.
        Err(_) => Ok(Entries::default()),
    }
}

enum Walked {
    Whole(Entries),
    /// This page is used twice.
    Twice(i64),
}

fn walk(connection: &Connection) -> rusqlite::Result<Walked> {
    let mut pages = connection.prepare("SELECT pageno, pagetype, ncell, name FROM dbstat")?;
    let mut pages = pages.query([])?;
    let (mut seen, mut entries) = (Vec::new(), Entries::default());
    let (mut name, mut cells) = (String::new(), Cells::default());
    while let Some(page) = pages.next()? {
        let number: i64 = page.get(0)?;
        let place = usize::try_from(number).unwrap_or_default();
        if seen.len() <= place {
            seen.resize(2 * place + 1, false);
        }
        if let Some(seen) = seen.get_mut(place)
            && std::mem::replace(seen, true)
        {
            return Ok(Walked::Twice(number));
        }
        // One table or index comes after the other.
        let of = page.get_ref(3)?.as_str()?;
        if name != of {
            entries
                .0
                .insert(std::mem::replace(&mut name, of.to_owned()), cells);
            cells = Cells::default();
        }
        match page.get_ref(1)?.as_str()? {
            "leaf" => cells.on_leaves += page.get::<_, i64>(2)?,
            "internal" => cells.above += page.get::<_, i64>(2)?,
            "overflow" => {}
            _ => return Ok(Walked::Whole(Entries::default())),
        }
    }
    entries.0.insert(name, cells);
    Ok(Walked::Whole(entries))
}

/// Who uses `page`, which more than one does.
fn users_of(connection: &Connection, page: i64) -> rusqlite::Result<String> {
    let users = "SELECT min(name), max(name) FROM dbstat WHERE pageno = ?1";
    let (one, other) = connection.query_row(users, [page], |row| {
        Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?))
    })?;
    Ok(if one == other {
        format!("{one} uses page {page} twice")
    } else {
        format!("{one} and {other} use page {page}")
    })
}

fn damaged(location: &Location, what: &str) -> Failure {
    Failure::impossible(format!(
        "{location} is damaged, and to write to it could destroy rows: {what}"
    ))
    .coded("damaged")
}

/// Where the schema needs a function that only the application has.
fn unknown(location: &Location, error: &rusqlite::Error) -> Failure {
    Failure::impossible(format!(
        "could not check that the free pages of {location} are free: {error}"
    ))
    .hint("VACUUM it, which leaves no free pages")
}

/// Another connection to the file, for the check alone.
fn open_again(connection: &Connection, stop: &Arc<AtomicBool>) -> Result<Connection> {
    let stop = Arc::clone(stop);
    let other = reading::open_again(connection, move || stop.load(Ordering::Relaxed))?;
    make_do(&other)?;
    Ok(other)
}

/// SQLite checks no database whose schema needs what only the application has. The pages do not go by
/// what a CHECK says.
fn make_do(connection: &Connection) -> rusqlite::Result<()> {
    connection.execute_batch("PRAGMA cell_size_check = OFF; PRAGMA ignore_check_constraints = ON")
}

/// Gives what `check` makes of `connection`, with a collation of some kind for each that it lacks: the
/// pages do not go by the order.
///
/// SQLite asks for one in the encoding of the database, and `collation_needed` answers UTF-8 alone.
pub fn with_collations<T>(
    connection: &Connection,
    check: impl Fn(&Connection) -> rusqlite::Result<T>,
) -> rusqlite::Result<T> {
    let mut last = None;
    loop {
        let error = match check(connection) {
            Err(error) => error,
            done => return done,
        };
        let told = error.to_string();
        let Some((_, name)) = told.split_once("no such collation sequence: ") else {
            return Err(error);
        };
        if last.as_deref() == Some(name) {
            return Err(error);
        }
        connection.create_collation(name, |left: &str, right: &str| left.cmp(right))?;
        last = Some(name.to_owned());
    }
}

/// A copy, page by page, that lacks the virtual tables: SQLite checks none whose module or tokenizer it
/// does not know. They have no pages of their own; their inner tables stay.
pub fn without_virtual_tables(source: &Connection) -> Result<TemporaryCopy> {
    let copy = backup::temporary(source)?;
    make_do(&copy.connection)?;
    copy.connection
        .set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, false)?;
    copy.connection.execute_batch(
        "PRAGMA writable_schema = ON;
         UPDATE sqlite_schema SET type = 'view', sql = printf('CREATE VIEW \"%w\" AS SELECT 1', name) WHERE sql LIKE 'create virtual table%';
         PRAGMA writable_schema = RESET",
    )?;
    Ok(copy)
}

/// What makes one walk through the list and all tables stumble, if anything. That a page is neither
/// free nor in use harms nobody; SQLite tells it after all else.
fn first_fault(connection: &Connection) -> rusqlite::Result<Option<String>> {
    let mut check = connection.prepare("PRAGMA main.quick_check(100)")?;
    // What is found of the pages comes first, in one row; after it, what is found of rows.
    let found: String = check.query_row([], |row| row.get(0))?;
    let Some(found) = found.strip_prefix("*** in database main ***\n") else {
        return Ok(None);
    };
    let fault = found.lines().find(|line| !line.ends_with(": never used"));
    Ok(fault.map(str::to_owned))
}

/// Which table or index uses the page that `fault` is about, where it is about one with two users.
fn user_of(connection: &Connection, fault: &str) -> Option<String> {
    let (_, page) = fault.split_once("2nd reference to page ")?;
    let page: i64 = page.parse().ok()?;
    let query = "SELECT name FROM dbstat WHERE pageno = ?1";
    let name: String = connection.query_row(query, [page], |row| row.get(0)).ok()?;
    Some(format!(
        "{name} uses page {page}, and so does the list of free pages or another table"
    ))
}
