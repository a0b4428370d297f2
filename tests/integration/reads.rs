//! What is read is one committed state of the real file, or it is an error.

use std::cell::Cell;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use fkfix::location::Location;
use fkfix::sqlite::file::reading;
use pretty_assertions::assert_eq;
use rusqlite::Connection;

use crate::support::{Database, binary, finish, shell};

pub const VERBS: [&str; 8] = [
    "status",
    "orphans",
    "orphans --format csv",
    "check",
    "discover",
    "graph",
    "up --dry-run",
    "enforce --dry-run",
];

/// Two parents, and one child that has lost its parent, which is in the log alone.
pub fn with_a_log() -> (Database, Connection) {
    let database = Database::family(
        "CREATE TABLE child (id INTEGER PRIMARY KEY, parent_id INTEGER); PRAGMA journal_mode = WAL;",
    );
    let application = database.open();
    application
        .execute_batch("INSERT INTO child VALUES (1, 1), (2, 2), (3, 9)")
        .unwrap();
    (database, application)
}

/// Another path of the same database.
fn also(database: &Database, path: PathBuf) -> impl Fn(&str) -> (Option<i32>, String) {
    let migrations = database.migration("");
    move |verb| {
        let mut command = binary();
        command.args(verb.split(' ')).arg("-d").arg(&path);
        if !verb.starts_with("show") && !verb.starts_with("enforce") {
            command.arg("--migrations").arg(&migrations);
        }
        let run = finish(&mut command, &path);
        // Estimates differ from run to run.
        let stdout = run.stdout.split("\ndisk space").next().unwrap().to_owned();
        (run.status, stdout + &run.stderr)
    }
}

#[test]
fn the_answer_by_a_link_is_the_answer_by_the_true_path() {
    let (database, _application) = with_a_log();
    let folder = tempfile::tempdir().unwrap();
    let other = |name: &str| folder.path().join(name);
    fs::create_dir(other("else")).unwrap();
    symlink(&database.path, other("link.db")).unwrap();
    symlink("link.db", other("second.db")).unwrap();
    symlink("../second.db", other("else/third.db")).unwrap();
    symlink(&database.home, other("folder")).unwrap();
    symlink("../folder", other("else/back")).unwrap();
    let truth = also(&database, database.path.clone());
    assert!(
        truth("orphans").1.contains("1 row"),
        "{:?}",
        truth("orphans")
    );
    for link in [
        "link.db",
        "second.db",
        "else/third.db",
        "else/../else/third.db",
        "folder/app.db",
        "else/back/app.db",
    ] {
        let by_link = also(&database, other(link));
        for verb in VERBS.iter().copied().chain(["show child 3"]) {
            assert_eq!(by_link(verb), truth(verb), "{link} {verb}");
        }
    }
    let names: Vec<_> = fs::read_dir(folder.path()).unwrap().collect();
    assert_eq!(names.len(), 4, "something was made beside a link");
}

/// Each commit leaves 500 orphans; which they are, changes.
fn keep_500_orphans(database: &Path, stop: &AtomicBool) {
    let mut first = 0;
    while !stop.load(Ordering::Relaxed) {
        // An application that comes and goes.
        let connection = Connection::open(database).unwrap();
        connection.busy_timeout(Duration::from_mins(1)).unwrap();
        connection
            .execute_batch("PRAGMA synchronous = OFF")
            .unwrap();
        for _ in 0..5 {
            let last = first + 500;
            connection
                .execute_batch(&format!(
                    "BEGIN IMMEDIATE; DELETE FROM child WHERE id BETWEEN {first} AND {first} + 9;
                     WITH RECURSIVE s (value) AS (SELECT {last} UNION ALL SELECT value + 1 FROM s WHERE value < {last} + 9)
                     INSERT INTO child SELECT value, value + 5000, printf('%0900d', 1) FROM s; COMMIT;"
                ))
                .unwrap();
            first += 10;
        }
        let _ = connection.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)");
    }
}

#[test]
fn beside_a_writer_that_truncates_its_log_every_count_is_one_that_was_committed() {
    for (mode, rounds) in [("WAL", 20), ("DELETE", 6)] {
        let database = Database::family(&format!(
            "PRAGMA journal_mode = {mode}; CREATE TABLE child (id INTEGER PRIMARY KEY, parent_id INTEGER, t TEXT);
             WITH RECURSIVE s (value) AS (SELECT 0 UNION ALL SELECT value + 1 FROM s WHERE value < 499)
             INSERT INTO child SELECT value, value + 5000, printf('%0900d', 1) FROM s;"
        ));
        let stop = AtomicBool::new(false);
        thread::scope(|scope| {
            scope.spawn(|| keep_500_orphans(&database.path, &stop));
            for verb in ["orphans", "up --dry-run"].repeat(rounds) {
                let run = database.fkfix(&format!("{verb} --format json --lock-timeout 60s"));
                let counts = run.stdout.matches("500").count();
                let told = format!(
                    "{mode} {verb} {:?} {} {}",
                    run.status, run.stdout, run.stderr
                );
                if !(run.status < Some(2) && counts > 0) {
                    stop.store(true, Ordering::Relaxed);
                    panic!("{told}");
                }
                let report = run.json();
                let rows = if verb == "orphans" {
                    [
                        &report["orphans"],
                        &report["tables"][0]["rows"],
                        &report["keys"][0]["rows"],
                    ]
                    .map(Clone::clone)
                } else {
                    let removed = &report["migrations"][0]["removed"][0];
                    [
                        &removed["rows"],
                        &removed["by_key"][0]["rows"],
                        &report["migrations"][0]["tables"][0]["rows_before"],
                    ]
                    .map(Clone::clone)
                };
                if rows != [500, 500, 500] {
                    stop.store(true, Ordering::Relaxed);
                    panic!("{told}");
                }
            }
            stop.store(true, Ordering::Relaxed);
        });
    }
}

fn count(connection: &Connection) -> i64 {
    let query = "SELECT count(*) FROM child";
    connection.query_row(query, [], |row| row.get(0)).unwrap()
}

#[test]
fn what_changed_under_a_look_is_looked_at_again() {
    let insert = "INSERT INTO child (parent_id) VALUES (1)";
    let database = Database::family(
        "CREATE TABLE child (id INTEGER PRIMARY KEY, parent_id INTEGER); PRAGMA journal_mode = WAL;",
    );
    let location = Location::from(database.path.as_path());
    let looks = Cell::new(0);
    let read = |times: i64, wait| {
        looks.set(0);
        reading::read(&location, wait, |connection| {
            let before = count(connection);
            looks.set(looks.get() + 1);
            if looks.get() <= times {
                database.execute(insert);
            }
            Ok((before, count(connection)))
        })
    };
    // Nobody has it open: it is read without a lock, and the insert is in the file at once.
    assert_eq!(read(1, Duration::from_mins(1)).unwrap(), (1, 1));
    assert_eq!(looks.get(), 2);
    let error = read(i64::MAX, Duration::ZERO).unwrap_err().to_string();
    assert!(
        error.ends_with("app.db has changed each time while it was read"),
        "{error}"
    );
    // Somebody has: there is a lock, and the first look holds.
    let application = database.open();
    application
        .execute_batch("PRAGMA wal_checkpoint(TRUNCATE)")
        .unwrap();
    let there = count(&application);
    assert_eq!(read(1, Duration::ZERO).unwrap(), (there, there));
    assert_eq!(looks.get(), 1);
    assert_eq!(count(&application), there + 1);
}

#[test]
fn without_a_log_a_writer_waits_until_a_report_is_made() {
    let database =
        Database::family("CREATE TABLE child (id INTEGER PRIMARY KEY, parent_id INTEGER);");
    let location = Location::from(database.path.as_path());
    let both = reading::read(&location, Duration::ZERO, |connection| {
        let before = count(connection);
        let write = database.open();
        write.busy_timeout(Duration::ZERO).unwrap();
        let refused = write.execute("INSERT INTO child (parent_id) VALUES (1)", []);
        assert!(refused.is_err());
        Ok((before, count(connection)))
    });
    assert_eq!(both.unwrap(), (0, 0));
}

/// Both names of a database whose program was killed, in one folder or in two: its changes are in
/// a log or a journal beside the first.
fn with_two_names(mode: &str, folder: &str) -> (Database, Database) {
    let database =
        Database::family("CREATE TABLE child (id INTEGER PRIMARY KEY, parent_id INTEGER)");
    let open = database.open();
    open.execute_batch(&format!("PRAGMA journal_mode = {mode}; PRAGMA cache_size = 2; PRAGMA cache_spill = 2; BEGIN; INSERT INTO child VALUES (1, 7);
        WITH RECURSIVE n (i) AS (VALUES (2) UNION ALL SELECT i + 1 FROM n WHERE i < 9000) INSERT INTO child SELECT i, 1 FROM n"))
        .unwrap();
    if mode == "WAL" {
        open.execute_batch("COMMIT").unwrap();
    }
    let mut killed = Database::missing().with_key();
    for (name, bytes) in database.files() {
        fs::write(killed.home.join(name), bytes).unwrap();
    }
    let _ = fs::remove_file(killed.home.join("app.db-shm"));
    let mut other = Database::missing().with_key();
    let home = if folder == "same" {
        &killed.home
    } else {
        &other.home
    };
    other.path = home.join("hard.db");
    fs::hard_link(&killed.path, &other.path).unwrap();
    killed.path = killed.home.join("app.db");
    (killed, other)
}

#[test]
fn what_lies_beside_another_name_in_the_folder_is_named() {
    for (mode, beside) in [("WAL", "app.db-wal"), ("DELETE", "app.db-journal")] {
        let (database, other) = with_two_names(mode, "same");
        for verb in VERBS.into_iter().chain(["up", "enforce"]) {
            let run = other.fkfix(verb).status(2).stdout("");
            run.explains("has another name, ")
                .remarks("and there are changes to it in ")
                .remarks(beside)
                .remarks("hint: nothing is lost: name the database ");
        }
        // As the hint says; SQLite puts right what the crash left.
        database.up();
        assert_eq!(database.value::<i64>("SELECT count(*) FROM parent"), 2);
        other.fkfix("status").status(0).stderr("");
    }
}

#[test]
fn a_name_that_nobody_knows_is_warned_of_and_not_written_by() {
    for mode in ["WAL", "DELETE"] {
        let (database, other) = with_two_names(mode, "another");
        other
            .fkfix("status")
            .status(0)
            .remarks("WARN app.db has another name elsewhere");
        let finished = other.refuses("up", 2, "app.db has another name elsewhere");
        let (_, command) = finished.stderr.split_once("has it open: ").unwrap();
        assert!(command.starts_with("cp -p "), "{command}");
        // As the hint says, where it is the other name that is of no use.
        fs::remove_file(&other.path).unwrap();
        database.up();
    }
}

/// Mounts the folder of the database read-only, as a container does, where this user may.
#[test]
fn a_read_only_mount_is_read_and_told_of() {
    let mounted = |database: &Database, verb: &str| {
        let line = format!(
            "mount --bind -o ro {0} {0} && exec fkfix {verb} -d {1}",
            database.home.display(),
            database.path.display()
        );
        let mut command = shell(&format!("exec unshare -rm sh -c '{line}'"));
        finish(&mut command, &database.path)
    };
    for mode in ["DELETE", "WAL"] {
        let database =
            Database::fixture("app-migrated").with(&format!("PRAGMA journal_mode = {mode}"));
        let status = mounted(&database, "status");
        if status.status == Some(1) || status.status == Some(32) {
            // Nothing can be mounted here.
            return;
        }
        assert_eq!(status.stdout, "V1 webhook_logs_foreign_keys  pending\n");
        mounted(&database, "orphans").status(1);
        mounted(&database, "up --dry-run").status(0);
        let up = mounted(&database, "up").status(2).stdout;
        assert_eq!(
            up,
            "error: app.db is read-only: it is on a file system that is mounted so\nhint: mount it writable, or change a copy on another file system\n"
        );
    }
}
