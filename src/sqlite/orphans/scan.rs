//! Reads the rows of a table once, by no index, and tells which of its keys each breaks.
//!
//! It answers where memory holds all keys of the parents and no value could be compared as what it
//! is not; elsewhere only SQLite can. Where further connections see the same rows, several threads
//! read, each a range of rowids at a time.

use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use anyhow::{Context as _, Result, anyhow};
use rusqlite::types::ValueRef;
use rusqlite::{Connection, Row};

use crate::sqlite::file::reading::Again;
use crate::sqlite::keys::known::Known;
use crate::sqlite::orphans::lists::KEYS_PER_PASS;
use crate::sqlite::schema::Table;
use crate::sqlite::schema::foreign_key::ForeignKey;
use crate::sqlite::schema::row_counts::RowCounts;
use crate::sqlite::text::ddl::{quote, same_name};

/// Memory for what is known of one table, in bytes: keys of the parents, and those that are missed.
pub const MOST_BYTES: usize = 128 << 20;

/// A table is read in so many ranges: a thread that is done takes the next one.
const RANGES: i64 = 64;

/// More threads than this wait for memory, not for the processor.
const MOST_THREADS: usize = 4;

/// With fewer rowids than this between the first and the last row, one thread is done sooner.
const WORTH_A_THREAD: i64 = 20_000;

/// What is read of the rows of a table.
pub struct Scan<'a> {
    child: &'a Table,
    query: String,
    keys: Vec<Known>,
    /// The memory that is left, in bytes.
    pub left: usize,
}

/// What is found of one row.
pub trait Note: Send {
    /// Takes note of a row that breaks the keys with these bits, the first of which is bit 0. In `row`
    /// stand its rowid, the columns of its keys, and what else was asked for. Whether it could be told.
    fn note(&mut self, row: &Row<'_>, breaks: u64) -> Result<bool>;
}

impl<'a> Scan<'a> {
    /// Reads the parents of `keys`, which are keys of `child`. With each row the columns `more` are
    /// read. None where only SQLite can tell.
    pub fn new(
        connection: &Connection,
        counts: &RowCounts<'_>,
        child: &'a Table,
        keys: &[(&Table, &ForeignKey)],
        more: Option<&str>,
    ) -> Result<Option<Self>> {
        let keyed: Vec<_> = keys.iter().map(|(_, key)| *key).collect();
        let Some(query) = query(child, &keyed, more) else {
            return Ok(None);
        };
        let most = counts.most_keys(child)?;
        let mut scan = Scan {
            child,
            query,
            keys: Vec::new(),
            left: MOST_BYTES,
        };
        for (parent, key) in keys {
            let column = key.parent_columns.first();
            let Some(column) = column.and_then(|name| parent.column(name)) else {
                return Ok(None);
            };
            let known = Known::read(connection, parent, column, most, &mut scan.left)
                .with_context(|| format!("could not read the keys of {}", parent.name))?;
            if !known.is_complete() {
                return Ok(None);
            }
            scan.keys.push(known);
        }
        Ok(Some(scan))
    }

    /// The keys of the parent of the key `at`.
    pub fn known(&self, at: usize) -> Option<&Known> {
        self.keys.get(at)
    }

    /// Reads the rows; `start` begins the notes of each thread, which meets its rows in the order of
    /// their rowids. Notes in `counts` how many there are. None where it could not be told of a row.
    pub fn run<N: Note>(
        &self,
        connection: &Connection,
        counts: &RowCounts<'_>,
        start: impl Fn() -> N,
    ) -> Result<Option<Vec<N>>> {
        let course = Course::over(connection, self.child)?;
        let again = if course.is_long {
            counts.again()?
        } else {
            None
        };
        let threads = thread::available_parallelism().map_or(1, usize::from);
        let helpers = again.map_or(0, |_| threads.min(MOST_THREADS).saturating_sub(1));
        let mut notes: Vec<_> = (0..=helpers).map(|_| start()).collect();
        let each = notes.iter_mut().map(|it| it as &mut dyn Note);
        self.read_all(connection, again, &course, each.collect())
            .with_context(|| format!("could not search {} for orphans", self.child.name))?;
        if course.untold.load(Ordering::Relaxed) {
            return Ok(None);
        }
        counts.note(&self.child.name, course.rows.load(Ordering::Relaxed));
        Ok(Some(notes))
    }

    /// Reads all ranges, in a thread for each of `notes` and this one.
    fn read_all(
        &self,
        connection: &Connection,
        again: Option<&Again>,
        course: &Course,
        mut notes: Vec<&mut dyn Note>,
    ) -> Result<()> {
        let Some(own) = notes.pop() else {
            return Ok(());
        };
        thread::scope(|scope| {
            let mut helping = Vec::new();
            for notes in notes {
                let help = move || match again.map(|it| course.open(it)) {
                    Some(Ok(other)) => course.stopped_by(self.read(&other, course, notes)),
                    // The others read on.
                    None | Some(Err(_)) => Ok(()),
                };
                let thread = thread::Builder::new().name("scan".to_owned());
                helping.extend(thread.spawn_scoped(scope, help));
            }
            let done = course.stopped_by(self.read(connection, course, own));
            let helped = helping.into_iter().map(|thread| {
                let failed = |_| Err(anyhow!("a thread that reads rows failed"));
                thread.join().unwrap_or_else(failed)
            });
            helped.fold(done, Result::and)
        })
    }

    /// Reads one range after the other.
    fn read(&self, connection: &Connection, course: &Course, notes: &mut dyn Note) -> Result<()> {
        let mut statement = connection.prepare(&self.query)?;
        while let Some(range) = course.next() {
            let mut rows = statement.query(range)?;
            let mut count = 0;
            while let Some(row) = rows.next()? {
                count += 1;
                let told = match self.breaks(row)? {
                    Some(0) => true,
                    Some(breaks) => notes.note(row, breaks)?,
                    None => false,
                };
                if !told {
                    course.untold.store(true, Ordering::Relaxed);
                    course.stop.store(true, Ordering::Relaxed);
                    return Ok(());
                }
            }
            course.rows.fetch_add(count, Ordering::Relaxed);
        }
        Ok(())
    }

    /// A bit for each key that `row` breaks; none where that can't be told.
    fn breaks(&self, row: &Row<'_>) -> rusqlite::Result<Option<u64>> {
        let mut breaks: u64 = 0;
        for (at, key) in self.keys.iter().enumerate() {
            let value = row.get_ref(at + 1)?;
            if value == ValueRef::Null {
                continue;
            }
            match key.is_missing(value) {
                Some(missing) => breaks |= u64::from(missing) << at,
                None => return Ok(None),
            }
        }
        Ok(Some(breaks))
    }
}

/// How many rows of `child` break each of `keys`; none where only SQLite can tell.
pub fn count(
    connection: &Connection,
    counts: &RowCounts<'_>,
    child: &Table,
    keys: &[(&Table, &ForeignKey)],
) -> Result<Option<Vec<i64>>> {
    let Some(scan) = Scan::new(connection, counts, child, keys, None)? else {
        return Ok(None);
    };
    let found = scan.run(connection, counts, || Numbers(vec![0; keys.len()]))?;
    Ok(found.map(|found| {
        let place = |at| found.iter().filter_map(|it| it.0.get(at)).sum();
        (0..keys.len()).map(place).collect()
    }))
}

/// How many rows break each key.
struct Numbers(Vec<i64>);

impl Note for Numbers {
    fn note(&mut self, _: &Row<'_>, breaks: u64) -> Result<bool> {
        for (at, number) in self.0.iter_mut().enumerate() {
            *number += i64::from(breaks >> at & 1 == 1);
        }
        Ok(true)
    }
}

/// Whether the rows of `child` may be read for `keys`, as far as its schema tells.
#[must_use]
pub fn may_be_read(child: &Table, keys: &[&ForeignKey], more: Option<&str>) -> bool {
    query(child, keys, more).is_some()
}

/// The query for a range of rows: the rowid, the column of each key, and `more`. None where a key has
/// several columns, or values may be compared by more than their bytes.
fn query(child: &Table, keys: &[&ForeignKey], more: Option<&str>) -> Option<String> {
    if keys.len() > KEYS_PER_PASS {
        return None;
    }
    let rowid = quote(child.row_key.rowid()?);
    let mut columns = vec![rowid.clone()];
    for key in keys {
        let [only] = key.columns.as_slice() else {
            return None;
        };
        let column = child.column(only)?;
        if !same_name(&column.collation, "BINARY") {
            return None;
        }
        columns.push(quote(&column.name));
    }
    columns.extend(more.map(quote));
    Some(format!(
        "SELECT {} FROM {} WHERE {rowid} BETWEEN ?1 AND ?2",
        columns.join(", "),
        child.scanned("")
    ))
}

/// What the threads have in common.
struct Course {
    /// The ranges that are left: the first rowid, the last one, and the rowids of one range less one.
    left: Mutex<Option<(i64, i64, i64)>>,
    is_long: bool,
    stop: Arc<AtomicBool>,
    /// Of some row it could not be told which keys it breaks.
    untold: AtomicBool,
    rows: AtomicI64,
}

impl Course {
    fn over(connection: &Connection, child: &Table) -> Result<Self> {
        let rowid = quote(child.row_key.rowid().unwrap_or_default());
        let from = child.scanned("");
        let ends =
            format!("SELECT (SELECT min({rowid}) FROM {from}), (SELECT max({rowid}) FROM {from})");
        let ends: (Option<i64>, Option<i64>) =
            connection.query_row(&ends, [], |row| Ok((row.get(0)?, row.get(1)?)))?;
        let ends = ends.0.zip(ends.1);
        let span = ends.map_or(0, |(first, last)| last.saturating_sub(first));
        Ok(Course {
            left: Mutex::new(ends.map(|(first, last)| (first, last, span / RANGES))),
            is_long: span >= WORTH_A_THREAD,
            stop: Arc::default(),
            untold: AtomicBool::new(false),
            rows: AtomicI64::new(0),
        })
    }

    /// The next range, by its first and its last rowid.
    fn next(&self) -> Option<(i64, i64)> {
        let mut left = self.left.lock().unwrap_or_else(PoisonError::into_inner);
        let (first, last, more) = (*left)?;
        if self.stop.load(Ordering::Relaxed) {
            return None;
        }
        let end = first.saturating_add(more).min(last);
        *left = end
            .checked_add(1)
            .filter(|_| end < last)
            .map(|next| (next, last, more));
        Some((first, end))
    }

    /// A further connection, which stops when the others do.
    fn open(&self, again: &Again) -> Result<Connection> {
        let stop = Arc::clone(&self.stop);
        again.open(move || stop.load(Ordering::Relaxed))
    }

    /// Has all threads stop where one `failed`. One that is stopped fails for no reason of its own.
    fn stopped_by(&self, failed: Result<()>) -> Result<()> {
        failed.or_else(|error| {
            let was_stopped = self.stop.swap(true, Ordering::Relaxed);
            if was_stopped { Ok(()) } else { Err(error) }
        })
    }
}

#[cfg(test)]
#[path = "scan_tests.rs"]
mod tests;
