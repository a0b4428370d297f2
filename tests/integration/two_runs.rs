//! Other writers and readers are waited for, and two runs at once do the work once.

use std::fs;
use std::process::{Child, Stdio};

use pretty_assertions::assert_eq;

use crate::support::{Database, Finished};

fn start(database: &Database, arguments: &str) -> Child {
    let mut command = database.command(arguments);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    command.spawn().unwrap()
}

fn end(process: Child, database: &Database) -> Finished {
    Finished::new(process.wait_with_output().unwrap(), &database.path)
}

/// Returns once `process` has the database open, or has ended.
fn has_opened(process: &mut Child, database: &Database) {
    let files = format!("/proc/{}/fd", process.id());
    let is_open = || {
        let files = fs::read_dir(&files).into_iter().flatten().flatten();
        let mut paths = files.flat_map(|file| fs::read_link(file.path()));
        paths.any(|path| path == database.path)
    };
    // A process that has ended has no files open; what it has to say is looked at later.
    while !is_open() && process.try_wait().unwrap().is_none() {
        std::thread::yield_now();
    }
}

/// Runs `arguments` while `holding` holds of another connection; it must fail with `message`
/// and change nothing.
///
/// The files are read only while that connection is closed: to read a file and close it again
/// lets go of every lock that this process has on it (<https://www.sqlite.org/howtocorrupt.html#_posix_advisory_locks_canceled_by_a_separate_thread_doing_close_>).
#[track_caller]
fn is_kept_waiting(database: &Database, holding: &str, arguments: &str, message: &str) {
    let before = database.files();
    let other = database.open();
    other.execute_batch(holding).unwrap();
    let run = database.fkfix(arguments).status(2).stdout("");
    run.explains(message)
        .remarks("another process is using the database");
    drop(other);
    assert!(database.files() == before, "{arguments}");
}

#[test]
fn a_lock_that_is_held_too_long_is_an_error_and_nothing_changes() {
    for mode in ["DELETE", "WAL"] {
        for lock in ["BEGIN IMMEDIATE", "BEGIN EXCLUSIVE"] {
            let database =
                Database::fixture("app-migrated").with(&format!("PRAGMA journal_mode = {mode}"));
            let locked = "database is locked";
            is_kept_waiting(&database, lock, "up --lock-timeout 30ms", locked);
            database.up();
            is_kept_waiting(&database, lock, "down --lock-timeout 0s", locked);
        }
    }
}

#[test]
fn a_reader_at_the_moment_of_commit_is_waited_for_and_then_nothing_changes() {
    let database = Database::fixture("app-migrated");
    let reading = "BEGIN; SELECT count(*) FROM events";
    let message = "could not commit to app.db, so nothing was changed";
    is_kept_waiting(&database, reading, "up --lock-timeout 30ms", message);
    let reader = database.open();
    reader.execute_batch(reading).unwrap();
    let mut process = start(&database, "up --lock-timeout 60s");
    has_opened(&mut process, &database);
    reader.execute_batch("COMMIT").unwrap();
    end(process, &database).status(0).says("90 rows moved");
}

#[test]
fn in_wal_mode_a_reader_keeps_its_view_and_stands_in_no_one_s_way() {
    let database = Database::fixture("app-migrated").with("PRAGMA journal_mode = WAL");
    let reader = database.open();
    let count = || {
        reader
            .query_row("SELECT count(*) FROM webhook_logs", [], |row| {
                row.get::<_, i64>(0)
            })
            .unwrap()
    };
    reader.execute_batch("BEGIN").unwrap();
    assert_eq!(count(), 1090);
    database.fkfix("up --lock-timeout 0s").status(0);
    assert_eq!(count(), 1090);
    reader.execute_batch("COMMIT").unwrap();
    assert_eq!(count(), 1000);
    database.fkfix("down --lock-timeout 0s").status(0);
    assert_eq!(count(), 1090);
}

#[test]
fn a_lock_that_is_let_go_is_waited_for() {
    let database = Database::fixture("app-migrated");
    let other = database.open();
    other
        .execute_batch("BEGIN IMMEDIATE; DELETE FROM webhook_logs WHERE id = 1090")
        .unwrap();
    let mut process = start(&database, "up --lock-timeout 60s");
    has_opened(&mut process, &database);
    other.execute_batch("COMMIT").unwrap();
    // The plan is made under the lock, so it knows of the row that has gone.
    end(process, &database).status(0).says("89 rows moved");
}

#[test]
fn of_two_runs_at_once_one_does_the_work_and_the_other_says_so() {
    for mode in ["DELETE", "WAL"] {
        let database =
            Database::fixture("app-migrated").with(&format!("PRAGMA journal_mode = {mode}"));
        let before = database.picture();
        for verb in ["up", "down"] {
            // Both have read that there is work to do before either can begin.
            let gate = database.open();
            gate.execute_batch("BEGIN IMMEDIATE").unwrap();
            let mut runs =
                [(); 2].map(|()| start(&database, &format!("{verb} --lock-timeout 60s")));
            for process in &mut runs {
                has_opened(process, &database);
            }
            gate.execute_batch("ROLLBACK").unwrap();
            drop(gate);
            let mut said = runs.map(|process| end(process, &database).status(0).stdout);
            said.sort();
            let done = if verb == "up" {
                "applied V1"
            } else {
                "reverted V1"
            };
            let nothing = said
                .iter()
                .filter(|text| text.starts_with("nothing to do"))
                .count();
            let did = said.iter().filter(|text| text.starts_with(done)).count();
            assert_eq!((nothing, did), (1, 1), "{said:?}");
        }
        assert_eq!(database.picture(), before);
    }
}
