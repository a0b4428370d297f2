//! Several threads find what one finds, in the state that the first connection sees.

use rusqlite::{OpenFlags, TransactionBehavior};
use tempfile::TempDir;

use super::*;
use crate::sqlite::schema::scratch;

/// Rows far apart, of which every third breaks the key, and one at either end of all rowids.
fn database() -> TempDir {
    let folder = TempDir::new().unwrap();
    let connection = Connection::open(folder.path().join("app.db")).unwrap();
    connection
        .execute_batch(
            "CREATE TABLE p (id INTEGER PRIMARY KEY); INSERT INTO p VALUES (1), (2);
             CREATE TABLE w (id INTEGER PRIMARY KEY, p_id INTEGER);
             WITH RECURSIVE n (i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n WHERE i < 5000)
             INSERT INTO w SELECT i * 7919 - 20000000, 1 + i % 3 FROM n;
             INSERT INTO w VALUES (-9223372036854775808, 7), (9223372036854775807, 8), (3, NULL)",
        )
        .unwrap();
    folder
}

/// A connection that has begun to read.
fn reader(folder: &TempDir) -> Connection {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI;
    let path = folder.path().join("app.db");
    let connection = Connection::open_with_flags(path, flags).unwrap();
    connection.execute_batch("BEGIN; SELECT * FROM p").unwrap();
    connection
}

#[derive(Default)]
struct Rowids(Vec<i64>);

impl Note for Rowids {
    fn note(&mut self, row: &Row<'_>, breaks: u64) -> Result<bool> {
        assert_eq!(breaks, 1);
        self.0.push(row.get(0)?);
        Ok(true)
    }
}

/// How many threads searched, and the rows that they found, in order; none where it can't be told.
fn scanned(connection: &Connection) -> Option<(usize, Vec<i64>)> {
    let child = Table::read(connection, "w").unwrap();
    let key = scratch::read_constraint(&child, "FOREIGN KEY (p_id) REFERENCES p (id)").unwrap();
    let parent = Table::read(connection, "p").unwrap();
    let counts = RowCounts::new(connection);
    let scan = Scan::new(connection, &counts, &child, &[(&parent, &key)], None);
    let found = scan.unwrap().unwrap();
    let found = found.run(connection, &counts, Rowids::default).unwrap()?;
    let threads = found.len();
    let mut rows = Vec::new();
    for Rowids(part) in found {
        assert!(part.is_sorted());
        rows.extend(part);
    }
    rows.sort_unstable();
    let all: i64 = connection
        .query_row("SELECT count(*) FROM w", [], |row| row.get(0))
        .unwrap();
    assert_eq!(counts.of("w").unwrap(), all);
    Some((threads, rows))
}

fn by_sql(connection: &Connection) -> Vec<i64> {
    let query = "SELECT id FROM w WHERE p_id NOT IN (SELECT id FROM p) ORDER BY id";
    let mut query = connection.prepare(query).unwrap();
    let rows = query.query_map([], |row| row.get(0)).unwrap();
    rows.map(Result::unwrap).collect()
}

fn at_most() -> usize {
    thread::available_parallelism()
        .unwrap()
        .get()
        .min(MOST_THREADS)
}

#[test]
fn several_threads_find_each_row_once() {
    let folder = database();
    let connection = reader(&folder);
    let (threads, rows) = scanned(&connection).unwrap();
    assert_eq!(rows, by_sql(&connection));
    assert_eq!(rows.len(), 1669);
    assert_eq!(threads, at_most());
}

#[test]
fn a_writer_that_waits_keeps_no_row_from_being_found() {
    let folder = database();
    let connection = reader(&folder);
    let mut writer = Connection::open(folder.path().join("app.db")).unwrap();
    writer.busy_timeout(std::time::Duration::ZERO).unwrap();
    let transaction = writer
        .transaction_with_behavior(TransactionBehavior::Immediate)
        .unwrap();
    transaction.execute_batch("DELETE FROM p").unwrap();
    // It waits for the reader, and keeps new ones out.
    transaction.execute_batch("COMMIT").unwrap_err();
    let again = Again::of(&connection).unwrap().unwrap();
    again.open(|| false).unwrap_err();
    let (_, rows) = scanned(&connection).unwrap();
    assert_eq!(rows, by_sql(&connection));
    assert_eq!(rows.len(), 1669);
}

#[test]
fn who_has_written_is_the_only_one_to_see_it() {
    let folder = database();
    let connection = Connection::open(folder.path().join("app.db")).unwrap();
    let delete = "BEGIN IMMEDIATE; DELETE FROM p WHERE id = 1";
    connection.execute_batch(delete).unwrap();
    let (threads, rows) = scanned(&connection).unwrap();
    assert_eq!((threads, rows.len()), (1, 3335));
    assert_eq!(rows, by_sql(&connection));
}

#[test]
fn a_log_that_others_may_write_is_read_by_one() {
    let folder = database();
    let writer = Connection::open(folder.path().join("app.db")).unwrap();
    writer.pragma_update(None, "journal_mode", "WAL").unwrap();
    let connection = reader(&folder);
    writer.execute_batch("DELETE FROM p").unwrap();
    let (threads, rows) = scanned(&connection).unwrap();
    assert_eq!((threads, rows.len()), (1, 1669));
}

#[test]
fn a_value_of_another_class_is_left_to_sqlite() {
    let folder = database();
    let writer = Connection::open(folder.path().join("app.db")).unwrap();
    let odd = "UPDATE w SET p_id = x'01' WHERE id = 3";
    writer.execute_batch(odd).unwrap();
    // The others stop on the way, whenever that is.
    for _ in 0..20 {
        assert!(scanned(&reader(&folder)).is_none());
    }
}
