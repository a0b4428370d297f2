//! Others at work: writers and readers in other processes' place, on connections of their own,
//! from before `up` until after `down`.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Output;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use fkfix::location::Location;
use fkfix::sqlite::apply::estimate::space;
use fkfix::sqlite::file::connection;
use fkfix::sqlite::file::flush::Flush;
use rusqlite::Connection;

use super::support::{Sample, fkfix, integrity, open, picture, rounds};

const MODES: [&str; 2] = ["DELETE", "WAL"];

/// A connection as an application's: it waits for others, and enforces foreign keys.
fn application(database: &Path) -> Connection {
    let connection = Connection::open(database).unwrap();
    connection.busy_timeout(Duration::from_mins(1)).unwrap();
    connection
        .pragma_update(None, "foreign_keys", true)
        .unwrap();
    connection
}

const INSERT: &str = "INSERT INTO webhook_logs (id, alert_rule_id, event_id, url, status_code, response_time_ms, retry_count, success, created_at) VALUES (?1, 'a0000000-0000-4000-8000-000000000001', 'e0000000-0000-4000-8000-000000000001', 'http://w', 200, 1, 0, 1, '2026-01-01')";

/// Writes logs until told to stop; those that SQLite said are committed. The statement is
/// prepared once, before `up`.
fn write(database: &Path, first: i64, stop: &AtomicBool) -> BTreeSet<i64> {
    let connection = application(database);
    let mut insert = connection.prepare(INSERT).unwrap();
    let mut committed = BTreeSet::new();
    for id in first.. {
        if stop.load(Ordering::Relaxed) {
            break;
        }
        match insert.execute([id]) {
            Ok(_) => {
                committed.insert(id);
            }
            // Busy: nobody was told that it is committed.
            Err(error) => assert_eq!(
                error.sqlite_error_code(),
                Some(rusqlite::ErrorCode::DatabaseBusy),
                "a writer met {error}"
            ),
        }
    }
    committed
}

/// Reads until told to stop: the table is never missing, never half full, and always has its
/// indexes.
fn read(database: &Path, at_least: i64, stop: &AtomicBool) -> usize {
    let connection = application(database);
    let query = "SELECT count(*), (SELECT count(*) FROM webhook_logs INDEXED BY idx_webhook_logs_created) FROM webhook_logs";
    let mut statement = connection.prepare(query).unwrap();
    let mut reads = 0;
    while !stop.load(Ordering::Relaxed) {
        let counts = statement.query_row([], |row| Ok((row.get(0)?, row.get(1)?)));
        match counts {
            Ok((rows, indexed)) => {
                let (rows, indexed): (i64, i64) = (rows, indexed);
                assert_eq!(rows, indexed);
                assert!(rows >= at_least, "a reader saw {rows} rows");
                reads += 1;
            }
            Err(error) => assert_eq!(
                error.sqlite_error_code(),
                Some(rusqlite::ErrorCode::DatabaseBusy),
                "a reader met {error}"
            ),
        }
    }
    reads
}

#[test]
fn writers_and_readers_go_on_and_no_committed_log_is_missing() {
    for mode in MODES {
        let sample = Sample::plain(mode);
        let victim = sample.victim();
        let count = "SELECT count(*) FROM webhook_logs";
        let before: i64 = open(&victim.path)
            .query_row(count, [], |row| row.get(0))
            .unwrap();
        let stop = AtomicBool::new(false);
        let (written, reads) = thread::scope(|scope| {
            let writers = [1_000_000, 2_000_000].map(|first| {
                let (path, stop) = (&victim.path, &stop);
                scope.spawn(move || write(path, first, stop))
            });
            let readers = [0, 1].map(|_| {
                let (path, stop) = (&victim.path, &stop);
                scope.spawn(move || read(path, before - 90, stop))
            });
            for _ in 0..rounds(3, 60) {
                for verb in ["up", "down"] {
                    let arguments = format!("{verb} --lock-timeout 60s");
                    let output = fkfix(&arguments, &victim.path);
                    assert!(output.status.success(), "{output:?}");
                }
            }
            stop.store(true, Ordering::Relaxed);
            let written = writers.map(|it| it.join().unwrap());
            (written, readers.map(|it| it.join().unwrap()))
        });
        let connection = open(&victim.path);
        let mut ids = connection
            .prepare("SELECT id FROM webhook_logs WHERE id >= 1000000")
            .unwrap();
        let found: BTreeSet<i64> = ids
            .query_map([], |row| row.get(0))
            .unwrap()
            .map(Result::unwrap)
            .collect();
        let written: BTreeSet<i64> = written.into_iter().flatten().collect();
        assert_eq!(found, written);
        assert_eq!(integrity(&victim.path), "ok");
        println!(
            "others, {mode}: {} logs written, {reads:?} reads",
            written.len()
        );
        drop(ids);
        connection
            .execute("DELETE FROM webhook_logs WHERE id >= 1000000", [])
            .unwrap();
        drop(connection);
        assert_eq!(
            picture(&victim.path),
            sample.before,
            "what was there before"
        );
    }
}

fn told(output: &Output) -> String {
    let text = [output.stdout.as_slice(), &output.stderr].concat();
    String::from_utf8(text).unwrap()
}

#[test]
fn two_runs_at_once_end_as_if_one_had_come_after_the_other() {
    for mode in MODES {
        let sample = Sample::plain(mode);
        for _ in 0..rounds(4, 100) {
            let victim = sample.victim();
            let outputs = thread::scope(|scope| {
                let runs = ["up", "up", "down"].map(|verb| {
                    let path = &victim.path;
                    scope.spawn(move || fkfix(&format!("{verb} --lock-timeout 60s"), path))
                });
                runs.map(|it| it.join().unwrap())
            });
            for output in &outputs {
                assert!(output.status.success(), "{}", told(output));
            }
            let applied = outputs
                .iter()
                .filter(|it| told(it).contains("applied V1"))
                .count();
            let taken = outputs
                .iter()
                .filter(|it| told(it).contains("reverted V1"))
                .count();
            let found = picture(&victim.path);
            match (applied, taken) {
                (1, 0) | (2, 1) => assert_eq!(found, sample.after, "{outputs:?}"),
                (1, 1) => assert_eq!(found, sample.before, "{outputs:?}"),
                other => panic!("{other:?}: {outputs:?}"),
            }
            assert_eq!(integrity(&victim.path), "ok");
        }
    }
}

#[test]
fn a_reader_that_never_lets_go_is_named_after_the_timeout() {
    for mode in MODES {
        let sample = Sample::plain(mode);
        let victim = sample.victim();
        let reader = application(&victim.path);
        reader
            .execute_batch("BEGIN; SELECT count(*) FROM webhook_logs")
            .unwrap();
        let output = fkfix("up --lock-timeout 200ms", &victim.path);
        if mode == "WAL" {
            // There a reader keeps its own view and is in nobody's way.
            assert!(output.status.success(), "{}", told(&output));
            let keys = "SELECT count(*) FROM pragma_foreign_key_list('webhook_logs')";
            let keys: i64 = reader.query_row(keys, [], |row| row.get(0)).unwrap();
            assert_eq!(
                keys, 0,
                "a reader saw into a transaction that came after its own"
            );
            continue;
        }
        assert_eq!(output.status.code(), Some(2), "{}", told(&output));
        assert_eq!(
            told(&output).replace(&victim.path.display().to_string(), "app.db"),
            "error: could not commit to app.db, so nothing was changed: database is locked\n\
             hint: another process is using the database: @; stop it, or wait longer with --lock-timeout 60s\n"
                .replace('@', &this_process())
        );
        drop(reader);
        assert_eq!(picture(&victim.path), sample.before);
    }
}

/// SQLite's locks belong to a process, and go when it closes the file through any handle.
#[test]
fn the_lock_stays_on_the_file_whatever_else_looks_at_it() {
    let needed = |transaction: &Connection, _: &Path| {
        space::estimate(transaction, []).unwrap();
    };
    stays_locked(needed);
    if cfg!(target_os = "linux") {
        stays_locked(flush);
    }
}

fn flush(_: &Connection, database: &Path) {
    let before = handles(database);
    let flush = Flush::start(database.to_owned()).unwrap();
    while handles(database) == before {
        thread::yield_now();
    }
    flush.finish().unwrap();
}

fn stays_locked(looks: fn(&Connection, &Path)) {
    for mode in MODES {
        let sample = Sample::plain(mode);
        let victim = sample.victim();
        let location = Location::from(victim.path.as_path());
        let mut database = connection::open(&location, Duration::ZERO).unwrap();
        let transaction = connection::begin(&mut database, &location).unwrap();
        looks(&transaction, &victim.path);
        let output = fkfix("up --lock-timeout 0s", &victim.path);
        assert!(told(&output).contains("locked"), "{}", told(&output));
        drop(transaction);
        let output = fkfix("up --lock-timeout 0s", &victim.path);
        assert!(output.status.success(), "{}", told(&output));
    }
}

/// How this process is named to the one that it keeps waiting.
fn this_process() -> String {
    let name = std::fs::read_to_string("/proc/self/comm").unwrap();
    format!("{} ({})", std::process::id(), name.trim())
}

/// How often this process has the file open.
fn handles(path: &Path) -> usize {
    let path = path.canonicalize().unwrap();
    let open = std::fs::read_dir("/proc/self/fd").unwrap().flatten();
    open.filter(|it| std::fs::read_link(it.path()).is_ok_and(|it| it == path))
        .count()
}
