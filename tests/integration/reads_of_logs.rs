//! A log, or a journal, that lies beside the file, elsewhere or beside another is read, or told of with
//! the way to recover.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use pretty_assertions::assert_eq;

use crate::reads::{VERBS, with_a_log};
use crate::support::{Database, binary_for_anyone, finish, shell};

/// The files of `database`, copied to a folder of their own; its processes know nothing of these.
fn snatched(database: &Database, suffixes: &[&str]) -> Database {
    let copy = database.copy();
    for suffix in suffixes {
        let (from, to) = (beside(&database.path, suffix), beside(&copy.path, suffix));
        let copied = Command::new("cp").args([from, to]).status();
        assert!(copied.unwrap().success());
    }
    copy
}

fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

/// Every verb that reads must say `message`, and change nothing; what its hint names must help.
fn is_recovered_as_the_hint_says(database: &Database, message: &str, orphans: &str) {
    let mut hint = String::new();
    for verb in VERBS {
        hint = database
            .refuses(verb, 2, message)
            .remarks("nothing is lost")
            .stderr;
    }
    let command = hint.split_once("such as: ").unwrap().1.trim();
    let command = command.replace("app.db", &database.path.display().to_string());
    assert!(
        shell(&command).output().unwrap().status.success(),
        "{command}"
    );
    database.fkfix("orphans").status(1).says(orphans);
    assert_eq!(database.files().len(), 1);
}

#[test]
fn a_write_that_was_cut_off_is_told_of_and_how_to_recover() {
    let database = Database::family(
        "CREATE TABLE child (id INTEGER PRIMARY KEY, parent_id INTEGER, t TEXT);
         INSERT INTO child VALUES (3, 9, '');",
    );
    let writer = database.open();
    // Pages go into the file before the commit.
    writer
        .execute_batch(
            "PRAGMA cache_size = 1; BEGIN;
             WITH RECURSIVE s (value) AS (SELECT 10 UNION ALL SELECT value + 1 FROM s WHERE value < 999)
             INSERT INTO child SELECT value, value, printf('%0900d', 1) FROM s;",
        )
        .unwrap();
    let message = "a write to app.db was cut off, and has yet to be rolled back by app.db-journal";
    is_recovered_as_the_hint_says(&snatched(&database, &["", "-journal"]), message, "1 row");
    // Who writes recovers by that alone.
    let crashed = snatched(&database, &["", "-journal"]);
    crashed.up().says("1 row");
    crashed.down();
    drop(writer);
}

#[test]
fn a_log_without_its_index_is_told_of_and_how_to_recover() {
    let (database, application) = with_a_log();
    let message = "app.db was not closed: its last changes are in app.db-wal, and the index of that log is missing";
    is_recovered_as_the_hint_says(&snatched(&database, &["", "-wal"]), message, "1 row");
    snatched(&database, &["", "-wal"]).up().says("1 row");
    // With the index, nobody needs to recover.
    let left = snatched(&database, &["", "-wal", "-shm"]);
    let before = left.files();
    left.fkfix("orphans").status(1).says("1 row");
    assert!(left.files() == before);
    drop(application);
}

#[test]
fn a_log_of_another_database_is_not_written_over_this_one() {
    let (database, application) = with_a_log();
    let restored = Database::family(
        "CREATE TABLE child (id INTEGER PRIMARY KEY, parent_id INTEGER); INSERT INTO child VALUES (3, 8), (4, 9)",
    );
    let log = beside(&restored.path, "-wal");
    let copied = Command::new("cp")
        .arg(beside(&database.path, "-wal"))
        .arg(&log)
        .status();
    assert!(copied.unwrap().success());
    for verb in VERBS.iter().chain(&["up", "down", "enforce"]) {
        restored
            .refuses(
                verb,
                2,
                "app.db is not in WAL mode, but there are changes in app.db-wal",
            )
            .remarks("move app.db-wal elsewhere");
    }
    fs::rename(&log, restored.home.join("kept")).unwrap();
    restored.fkfix("orphans").status(1).says("2 rows");
    drop(application);
    // Without changes in it SQLite reads it as none.
    for noise in ["", "noise", &"noise".repeat(1000)] {
        fs::write(&log, noise).unwrap();
        let before = restored.files();
        for verb in ["orphans", "up --dry-run", "status"] {
            let run = restored.fkfix(verb);
            assert!(run.status < Some(2), "{run:#?}");
        }
        assert!(restored.files() == before, "{noise:.9}");
    }
}

#[test]
fn a_log_that_lies_elsewhere_is_missed() {
    let (database, application) = with_a_log();
    let mut other = Database::missing().with_key();
    other.path = other.home.join("hard.db");
    fs::hard_link(&database.path, &other.path).unwrap();
    // To look at the files would take the locks of this process off.
    for verb in VERBS {
        let run = other.fkfix(verb).status(2).stdout("");
        run.explains("app.db is open in another process, ")
            .remarks("and its log is not beside it");
    }
    assert_eq!(fs::read_dir(&other.home).unwrap().count(), 1);
    drop(application);
    other.fkfix("orphans").status(1).says("1 row");
}

#[test]
fn a_log_whose_index_is_in_the_memory_of_another_process_is_left_to_it() {
    let (database, application) = with_a_log();
    drop(application);
    let alone = database.open();
    alone
        .execute_batch("PRAGMA locking_mode = EXCLUSIVE; INSERT INTO child VALUES (4, 9)")
        .unwrap();
    for verb in VERBS {
        let run = database.fkfix(verb).status(2).stdout("");
        run.explains("app.db is open in another process, ")
            .remarks("shares it with none");
    }
    drop(alone);
}

#[test]
fn a_log_that_may_not_be_written_is_read() {
    let (database, application) = with_a_log();
    let mut command = binary_for_anyone(&database);
    let permit = |mode| {
        for name in ["", "-wal", "-shm"] {
            let path = beside(&database.path, name);
            fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
        }
    };
    permit(0o444);
    fs::set_permissions(&database.home, fs::Permissions::from_mode(0o555)).unwrap();
    command
        .args(["orphans", "--migrations"])
        .arg(database.migration(""));
    fs::set_permissions(database.migration(""), fs::Permissions::from_mode(0o755)).unwrap();
    finish(&mut command, &database.path).status(1).says("1 row");
    fs::set_permissions(&database.home, fs::Permissions::from_mode(0o755)).unwrap();
    permit(0o644);
    drop(application);
}
