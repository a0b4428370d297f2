//! What can't be used as a database is refused in one line, and not a byte of it changes.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;

use pretty_assertions::assert_eq;

use crate::support::{Database, Finished, finish, unprivileged};

const VERBS: [&str; 3] = ["up", "down", "status"];

/// Every verb must refuse `database` with `message`: one line, and one with a hint.
#[track_caller]
fn is_refused(database: &Database, message: &str) {
    for verb in VERBS {
        let run = database.refuses(verb, 2, message);
        assert_eq!(run.stderr.lines().count(), 2, "{}", run.stderr);
    }
}

fn holding(bytes: &[u8]) -> Database {
    let database = Database::missing();
    fs::write(&database.path, bytes).unwrap();
    database
}

#[test]
fn a_missing_path() {
    is_refused(&Database::missing(), "app.db does not exist");
    let mut database = Database::missing();
    database.path = database.home.join("no/such/folder/app.db");
    is_refused(&database, "app.db does not exist");
    let database = Database::missing();
    symlink("nowhere", &database.path).unwrap();
    is_refused(&database, "app.db does not exist");
}

#[test]
fn an_empty_file() {
    is_refused(&holding(b""), "app.db is empty: it holds no database");
}

#[test]
fn a_text_file() {
    is_refused(&holding(b"x"), "app.db is empty: it holds no database");
    for text in ["xy", "id,name\n1,a\n"] {
        is_refused(
            &holding(text.as_bytes()),
            "could not open app.db: file is not a database",
        );
    }
    is_refused(
        &holding(&b"-- SQL, one could think\n".repeat(500)),
        "could not open app.db: file is not a database",
    );
}

#[test]
fn a_directory() {
    let database = Database::missing();
    fs::create_dir(&database.path).unwrap();
    is_refused(&database, "app.db is a directory");
}

#[test]
fn a_file_below_a_file() {
    let mut database = holding(b"x");
    database.path = database.path.join("app.db");
    for verb in VERBS {
        let before = database.files();
        database
            .fkfix(verb)
            .status(2)
            .stdout("")
            .explains("could not open app.db");
        assert!(database.files() == before);
    }
}

#[test]
fn a_truncated_database() {
    let whole = Database::fixture("app-migrated")
        .files()
        .remove("app.db")
        .unwrap();
    for (length, message) in [
        (50, "could not open app.db"),
        (100, "could not open app.db"),
        (4096, "database disk image is malformed"),
        (5000, "database disk image is malformed"),
        (whole.len() / 2, "database disk image is malformed"),
        (whole.len() - 4096, "database disk image is malformed"),
    ] {
        is_refused(&holding(&whole[..length]), message);
    }
}

#[test]
fn a_database_with_a_damaged_page() {
    let whole = Database::fixture("app-migrated")
        .with("PRAGMA user_version = 1")
        .files()
        .remove("app.db")
        .unwrap();
    let root: usize = Database::fixture("app-migrated")
        .value::<u32>("SELECT rootpage FROM sqlite_schema WHERE name = 'webhook_logs'")
        .try_into()
        .unwrap();
    let mut damaged = whole.clone();
    damaged[(root - 1) * 4096..root * 4096].fill(0x77);
    holding(&damaged).refuses("up", 2, "database disk image is malformed");
    // A schema that makes no sense.
    let mut damaged = whole;
    damaged[100..200].fill(0x77);
    is_refused(&holding(&damaged), "malformed");
}

#[test]
fn a_schema_that_does_not_parse() {
    let database = Database::of("CREATE TABLE webhook_logs (id)");
    let connection = database.open();
    connection
        .set_db_config(rusqlite::config::DbConfig::SQLITE_DBCONFIG_DEFENSIVE, false)
        .unwrap();
    connection
        .execute_batch("PRAGMA writable_schema = ON; UPDATE sqlite_schema SET sql = 'CREATE TABLE webhook_logs (id'")
        .unwrap();
    drop(connection);
    is_refused(&database, "malformed database schema (webhook_logs)");
}

#[test]
fn a_database_without_tables() {
    let database = Database::of("PRAGMA user_version = 1");
    database
        .fkfix("up")
        .status(0)
        .stdout("nothing to do: no migration applies to app.db\n");
}

fn runs_unprivileged(database: &Database, verb: &str) -> Finished {
    let mut command = unprivileged(database.home.parent().unwrap());
    command.args([verb, "--database"]).arg(&database.path);
    finish(&mut command, &database.path)
}

fn permit(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

#[test]
fn a_read_only_file() {
    let database = Database::fixture("app-migrated");
    permit(&database.home, 0o777);
    permit(&database.path, 0o444);
    let before = database.files();
    runs_unprivileged(&database, "up")
        .status(2)
        .stdout("")
        .explains("app.db is read-only");
    assert!(database.files() == before);
    runs_unprivileged(&database, "status").status(0);
    assert!(database.files() == before);
    permit(&database.path, 0o666);
    database.up();
    permit(&database.path, 0o444);
    let before = database.files();
    runs_unprivileged(&database, "up")
        .status(0)
        .says("nothing to do");
    runs_unprivileged(&database, "down")
        .status(2)
        .stdout("")
        .explains("app.db is read-only");
    assert!(database.files() == before);
}

#[test]
fn a_file_that_can_t_be_read() {
    let database = Database::fixture("app-orm");
    permit(&database.path, 0o000);
    let before = database.files();
    for verb in VERBS {
        runs_unprivileged(&database, verb)
            .status(2)
            .stdout("")
            .explains("could not open app.db");
    }
    assert!(database.files() == before);
}

#[test]
fn a_writable_file_in_a_folder_that_is_not() {
    for mode in ["DELETE", "WAL"] {
        let database =
            Database::fixture("app-migrated").with(&format!("PRAGMA journal_mode = {mode}"));
        permit(&database.path, 0o666);
        permit(&database.home, 0o555);
        let before = database.files();
        runs_unprivileged(&database, "up")
            .status(2)
            .stdout("")
            .remarks("\nhint: ");
        runs_unprivileged(&database, "status")
            .status(0)
            .says("pending");
        assert!(database.files() == before);
    }
}

#[test]
fn a_database_that_a_link_leads_to_is_changed_where_it_lies() {
    let database = Database::fixture("app-orm");
    let mut link = Database::missing();
    link.path = link.home.join("link.db");
    symlink(&database.path, &link.path).unwrap();
    link.up();
    assert!(link.path.is_symlink());
    assert_eq!(link.files().keys().collect::<Vec<_>>(), ["link.db"]);
    database.fkfix("up").status(0).says("nothing to do");
}
