//! The figures that a plan is refused by.

use rusqlite::Connection;

use super::*;
use crate::policy::Method;
use crate::sqlite::apply::work_tests::planned;

fn of(needed: u64, for_sorting: u64, shared: bool) -> Space {
    Space {
        needed,
        free: 100 * 1024,
        needed_in_temporary_folder: for_sorting,
        free_in_temporary_folder: 100 * 1024,
        shared,
    }
}

fn told(space: Space) -> String {
    space.must_suffice().unwrap_err().to_string()
}

#[test]
fn what_fits_to_the_byte_suffices() {
    let all = 100 * 1024;
    of(all, all, false).must_suffice().unwrap();
    of(all - 1, 1, true).must_suffice().unwrap();
    assert!(of(all + 1, 0, false).must_suffice().is_err());
    assert!(of(0, all + 1, false).must_suffice().is_err());
}

#[test]
fn on_one_file_system_both_needs_are_one() {
    let space = of(60 * 1024, 50 * 1024, false);
    space.must_suffice().unwrap();
    let space = of(60 * 1024, 50 * 1024, true);
    assert_eq!(
        told(space),
        "not enough room on the disk of the database: about 110.00 KiB are needed and 100.00 KiB are free"
    );
    let space = of(0, 150 * 1024, false);
    assert_eq!(
        told(space),
        "not enough room in the temporary folder: about 150.00 KiB are needed and 100.00 KiB are free"
    );
}

/// A thousand rows with two indexes, the larger one on `text`, of which `orphans` break the key.
fn logs(orphans: u32) -> (tempfile::TempDir, Connection) {
    let folder = tempfile::tempdir().unwrap();
    let connection = Connection::open(folder.path().join("app.db")).unwrap();
    connection
        .execute_batch(&format!(
            "PRAGMA foreign_keys = OFF;
             CREATE TABLE rules (id INTEGER PRIMARY KEY); INSERT INTO rules VALUES (1);
             CREATE TABLE logs (id INTEGER PRIMARY KEY, rule INTEGER, text TEXT);
             CREATE INDEX logs_rule ON logs (rule); CREATE INDEX logs_text ON logs (text);
             WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000)
             INSERT INTO logs SELECT i, 1 + (i <= {orphans}), printf('%.100c%d', 'x', i) FROM n;"
        ))
        .unwrap();
    (folder, connection)
}

fn plan(connection: &Connection, method: Method) -> KeyPlan {
    // Its lists stay with its connection.
    let planning = Connection::open(connection.path().unwrap()).unwrap();
    planned(&planning, method)
}

fn pages(connection: &Connection, object: &str) -> u64 {
    let query = "SELECT pgsize FROM dbstat WHERE name = ?1 AND aggregate = TRUE";
    let bytes: i64 = connection
        .query_row(query, [object], |row| row.get(0))
        .unwrap();
    bytes.unsigned_abs()
}

#[test]
fn a_copy_takes_the_table_with_its_indexes_and_sorting_twice_the_largest() {
    let (_folder, connection) = logs(0);
    let largest = pages(&connection, "logs_text");
    assert!(largest > pages(&connection, "logs_rule"));
    let all = pages(&connection, "logs") + pages(&connection, "logs_rule") + largest;
    let documented = estimate(&connection, [&plan(&connection, Method::Documented)]).unwrap();
    assert_eq!(documented.needed, AT_LEAST + all);
    assert_eq!(documented.needed_in_temporary_folder, 2 * largest);
    let edited = estimate(&connection, [&plan(&connection, Method::Fastest)]).unwrap();
    assert_eq!(edited.needed, AT_LEAST);
    assert_eq!(edited.needed_in_temporary_folder, 0);
}

#[test]
fn a_log_takes_as_much_again() {
    let (_folder, connection) = logs(0);
    let method = Method::Documented;
    let before = estimate(&connection, [&plan(&connection, method)]).unwrap();
    connection
        .pragma_update(None, "journal_mode", "WAL")
        .unwrap();
    let after = estimate(&connection, [&plan(&connection, method)]).unwrap();
    assert_eq!(after.needed, 2 * before.needed);
    assert_eq!(
        after.needed_in_temporary_folder,
        before.needed_in_temporary_folder + before.needed
    );
}

#[test]
fn rows_that_leave_take_their_archive_and_the_pages_that_they_stand_on() {
    let (_folder, connection) = logs(10);
    let size = pages(&connection, "logs");
    let share = size * 10 / 1000;
    let in_place = estimate(&connection, [&plan(&connection, Method::Fastest)]).unwrap();
    // Ten rows, with an entry in each of the two indexes.
    let changed = 10 * 3 * 4096;
    assert_eq!(in_place.needed, AT_LEAST + share + 1000 + changed);
    assert_eq!(in_place.needed_in_temporary_folder, 1000);
}

#[test]
fn what_is_looked_at_first_is_never_less_than_the_estimate() {
    for orphans in [0, 1, 10, 1000] {
        let (_folder, connection) = logs(orphans);
        for method in [Method::Fastest, Method::Documented] {
            let plan = plan(&connection, method);
            let most = at_most(&connection, &plan).unwrap();
            let space = estimate(&connection, [&plan]).unwrap();
            assert!(most.needed >= space.needed, "{orphans} {method:?}");
            // No index is larger than the file.
            let file = std::fs::metadata(connection.path().unwrap()).unwrap().len();
            assert!(most.needed_in_temporary_folder >= 2 * file + CACHE);
            assert!(
                most.needed_in_temporary_folder >= space.needed_in_temporary_folder,
                "{orphans} {method:?}"
            );
        }
    }
}
