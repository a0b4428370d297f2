//! The copy taken first is whole, and never stands in the place of something else.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::PathBuf;

use pretty_assertions::assert_eq;
use rusqlite::Connection;

use crate::support::{Database, Finished, Picture, finish};

/// A path for a copy, outside the folder of the database.
fn beside(database: &Database) -> PathBuf {
    database.home.parent().unwrap().join("copy.db")
}

fn back_up(database: &Database, verb: &str) -> Finished {
    let mut command = database.command(verb);
    command.arg("--backup").arg(beside(database));
    finish(&mut command, &database.path)
}

#[test]
fn it_holds_what_the_database_held_before() {
    for mode in ["DELETE", "WAL"] {
        let database = Database::fixture("nasty").with(&format!("PRAGMA journal_mode = {mode}"));
        for verb in ["up", "down"] {
            let before = database.picture();
            let run = back_up(&database, verb).status(0);
            run.says(&format!(
                "backup written to {}\n",
                beside(&database).display()
            ));
            assert_eq!(
                Picture::of(&Connection::open(beside(&database)).unwrap()),
                before
            );
            assert!(database.picture() != before);
            fs::remove_file(beside(&database)).unwrap();
        }
    }
}

#[test]
fn it_holds_what_only_the_log_holds_and_leaves_no_log_of_its_own() {
    let database = Database::fixture("app-orm").with("PRAGMA journal_mode = WAL");
    let other = database.open();
    other
        .execute_batch("PRAGMA wal_autocheckpoint = 0; DELETE FROM webhook_logs WHERE id = 3")
        .unwrap();
    back_up(&database, "up").status(0);
    let copies: Vec<_> = fs::read_dir(database.home.parent().unwrap())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.starts_with("copy"))
        .collect();
    assert_eq!(copies, ["copy.db"]);
    let copy = Connection::open(beside(&database)).unwrap();
    let rows: i64 = copy
        .query_row("SELECT count(*) FROM webhook_logs", [], |row| row.get(0))
        .unwrap();
    assert_eq!(rows, 2);
}

#[test]
fn what_exists_is_not_overwritten_nor_a_link_followed() {
    let database = Database::fixture("app-orm");
    let before = database.files();
    fs::write(beside(&database), "precious").unwrap();
    back_up(&database, "up")
        .status(2)
        .stdout("")
        .explains("the file exists already");
    assert_eq!(fs::read(beside(&database)).unwrap(), b"precious");
    fs::remove_file(beside(&database)).unwrap();

    let target = beside(&database).with_extension("elsewhere");
    symlink(&target, beside(&database)).unwrap();
    back_up(&database, "up")
        .status(2)
        .stdout("")
        .explains("the file exists already");
    assert!(!target.exists());
    fs::remove_file(beside(&database)).unwrap();

    fs::create_dir(beside(&database)).unwrap();
    back_up(&database, "up")
        .status(2)
        .stdout("")
        .explains("could not back up app.db");
    assert!(database.files() == before);
    database.refuses(
        "up --backup /proc/no/such/folder/copy.db",
        2,
        "could not back up app.db",
    );
}

#[test]
fn it_is_as_readable_as_the_database_and_no_more() {
    for mode in [0o600, 0o640, 0o644] {
        let database = Database::fixture("app-orm");
        fs::set_permissions(&database.path, Permissions::from_mode(mode)).unwrap();
        back_up(&database, "up").status(0);
        let found = fs::metadata(beside(&database))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(found & 0o777, mode);
    }
}

#[test]
fn a_damaged_database_leaves_no_copy() {
    let database = Database::fixture("app-migrated");
    let root: usize = database
        .value::<u32>("SELECT rootpage FROM sqlite_schema WHERE name = 'cameras'")
        .try_into()
        .unwrap();
    let mut bytes = fs::read(&database.path).unwrap();
    bytes[(root - 1) * 4096..root * 4096].fill(0x77);
    fs::write(&database.path, bytes).unwrap();
    let before = database.files();
    back_up(&database, "up")
        .status(2)
        .stdout("")
        .explains("the copy is not sound");
    assert!(!beside(&database).exists());
    assert!(database.files() == before);
}

#[test]
fn nothing_to_do_takes_no_copy() {
    let database = Database::fixture("app-orm");
    back_up(&database, "down").status(0).says("nothing to do");
    database.up();
    back_up(&database, "up").status(0).says("nothing to do");
    assert!(!beside(&database).exists());
}

#[test]
fn a_run_that_is_refused_leaves_no_copy_in_the_way_of_the_next() {
    let database = Database::fixture("app-migrated");
    let refused = back_up(&database, "up --orphans refuse").status(1);
    refused.explains("90 rows break the new keys");
    assert!(!beside(&database).exists());
    back_up(&database, "up").status(0);
    assert!(beside(&database).exists());
}
