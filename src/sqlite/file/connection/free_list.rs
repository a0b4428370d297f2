//! Whether a write takes only pages that are its own.
//!
//! SQLite takes the pages for new rows from that list, whatever they hold
//! (<https://www.sqlite.org/fileformat.html#the_freelist>). In a damaged file it can name pages that
//! tables use, and the next write destroys their rows.

use anyhow::{Context as _, Result};
use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, OpenFlags};

use crate::failure::Failure;
use crate::interrupt;
use crate::location::Location;
use crate::progress;
use crate::sqlite::file::backup::{self, TemporaryCopy};
use crate::sqlite::file::{guard, reading};

const REMEDY: &str = "restore a backup, or salvage what is left with the sqlite3 shell's .recover (fkfix check --integrity tells all that is damaged)";

/// Fails where the list of free pages is not what the tables leave free, and where two tables or indexes
/// use one page. The whole file is read, since only a walk through all of them tells which pages they
/// use. The caller has begun a transaction and written nothing yet.
pub fn must_be_free(connection: &Connection, location: &Location) -> Result<()> {
    let free: i64 =
        connection.pragma_query_value(Some("main"), "freelist_count", |row| row.get(0))?;
    if free == 0 {
        return must_have_one_user(connection, location);
    }
    let other = open_again(connection)?;
    let found = match with_collations(&other, first_fault) {
        Err(error) if error.sqlite_error_code() == Some(ErrorCode::Unknown) => {
            with_collations(&without_virtual_tables(&other)?.connection, first_fault)
        }
        found => found,
    };
    let fault = match found {
        Ok(None) => return Ok(()),
        Ok(Some(fault)) => fault,
        Err(error) => match error.sqlite_error_code() {
            Some(ErrorCode::DatabaseCorrupt) => error.to_string(),
            Some(ErrorCode::Unknown) => return Err(unknown(location, &error).into()),
            _ => {
                return Err(error).context(format!("could not check the free pages of {location}"));
            }
        },
    };
    let what = user_of(&other, &fault).unwrap_or(fault);
    Err(damaged(location, &what)
        // VACUUM copies what the tables hold and never looks at the list.
        .hint(format!(
            "VACUUM makes the list anew where the tables are whole; otherwise {REMEDY}"
        ))
        .into())
}

/// Fails where a page is used twice. `dbstat` walks through the pages and looks at no value, which takes
/// about half of what `quick_check` does (<https://www.sqlite.org/dbstat.html>).
fn must_have_one_user(connection: &Connection, location: &Location) -> Result<()> {
    // Of tables with one root the schema tells, by both names.
    let twice = "SELECT count(*) > count(DISTINCT pageno) AND NOT EXISTS (SELECT 1 FROM main.sqlite_schema WHERE rootpage > 0 GROUP BY rootpage HAVING count(*) > 1) FROM dbstat";
    match connection.query_row(twice, [], |row| row.get(0)) {
        Ok(true) => {}
        Err(error) if error.sqlite_error_code() == Some(ErrorCode::OperationInterrupted) => {
            return Err(error.into());
        }
        // What can't be walked through is found where it is needed.
        Ok(false) | Err(_) => return Ok(()),
    }
    let users = "SELECT pageno, min(name), max(name) FROM dbstat GROUP BY pageno HAVING count(*) > 1 LIMIT 1";
    let (page, one, other) = connection.query_row(users, [], |row| {
        Ok((
            row.get::<_, i64>(0)?,
            row.get::<_, String>(1)?,
            row.get::<_, String>(2)?,
        ))
    })?;
    let users = if one == other {
        format!("{one} uses page {page} twice")
    } else {
        format!("{one} and {other} use page {page}")
    };
    Err(damaged(location, &users).hint(REMEDY).into())
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
fn open_again(connection: &Connection) -> Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY
        | OpenFlags::SQLITE_OPEN_URI
        | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut other = Connection::open_with_flags(reading::uri_again(connection)?, flags)?;
    guard::harden(&other)?;
    other.progress_handler(
        progress::INSTRUCTIONS_PER_TICK,
        Some(|| {
            progress::tick();
            interrupt::is_requested()
        }),
    )?;
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
