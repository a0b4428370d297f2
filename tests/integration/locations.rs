//! A database is named by a path or a URL, and no password of another one is shown.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::ffi::OsStringExt as _;
use std::process::Command;

use pretty_assertions::assert_eq;

use crate::support::{Database, Finished, binary, finish};

const PENDING: &str = "V1 webhook_logs_foreign_keys  pending\n";

/// The binary in the folder of `database`, with `name` for the database.
fn command(database: &Database, verb: &str, name: impl AsRef<OsStr>) -> Command {
    let mut command = binary();
    command.args(verb.split(' ')).arg("-d").arg(name);
    command.current_dir(&database.home);
    command
}

fn run(database: &Database, verb: &str, name: impl AsRef<OsStr>) -> Finished {
    finish(&mut command(database, verb, name), &database.path)
}

#[test]
fn urls_are_read_as_those_who_write_them_read_them() {
    let database = Database::fixture("app-orm");
    let absolute = database.path.display().to_string();
    for name in [
        "sqlite3:app.db",
        "sqlite3:app.db?pool=5&timeout=5000",
        &format!("sqlite3:{absolute}"),
        &format!("sqlite3://{absolute}"),
        "file:app.db",
        "file:./app.db?connection_limit=1&socket_timeout=10",
        "file:%61pp%2edb?cache=shared",
        &format!("file:{absolute}"),
        &format!("file://{absolute}?mode=ro"),
        &format!("file://localhost{absolute}"),
        "sqlite:///app.db?check_same_thread=false&timeout=10",
        "sqlite:app.db?_foreign_keys=on&_journal_mode=WAL",
        "sqlite+pysqlite:///file:app.db?mode=ro&uri=true",
        "SQLite:app.db",
    ] {
        run(&database, "status", name)
            .status(0)
            .stdout(PENDING)
            .stderr("");
    }
    for (name, reason) in [
        ("file://host/app.db", "followed by a host"),
        ("sqlite3://app.db", "followed by a host"),
        (
            "sqlite:app.db?mod=ro",
            "mod in the URL is nothing that fkfix knows",
        ),
        (
            "file:app.db?vfs=unix-none",
            "vfs in the URL is nothing that fkfix knows",
        ),
        (
            "file:app.db?mode=r0",
            "mode in the URL is one of ro, rw and rwc",
        ),
        ("file:app.db?mode=memory", "in memory"),
        ("file::memory:", "in memory"),
        ("", "in memory"),
    ] {
        run(&database, "status", name)
            .status(2)
            .stdout("")
            .explains(reason);
    }
    for name in ["file:gone.db", "sqlite3:gone.db"] {
        run(&database, "up", name)
            .status(2)
            .explains("/home/gone.db does not exist");
    }
    assert_eq!(database.files().len(), 1, "a database was created");
}

#[test]
fn what_a_url_says_is_only_read_is_not_written() {
    for name in [
        "sqlite:app.db?mode=ro",
        "sqlite:///app.db?mode=ro",
        "file:app.db?mode=ro",
        "file:app.db?mode=r%6F&cache=private",
        "file:app.db?immutable=1",
        "sqlite3:app.db?readonly=true",
        "sqlite:app.db?_query_only=true",
    ] {
        let database = Database::fixture("app-migrated");
        let before = database.files();
        for verb in ["up", "down", "enforce"] {
            run(&database, verb, name)
                .status(2)
                .stdout("")
                .explains("app.db is to be read only, as its URL says");
        }
        run(&database, "up --dry-run", name).status(0);
        run(&database, "orphans", name).status(1);
        assert!(database.files() == before, "{name}");
    }
    let database = Database::fixture("app-migrated");
    run(&database, "up", "file:app.db?mode=rwc")
        .status(0)
        .says("applied V1");
}

#[test]
fn a_password_is_never_shown() {
    let database = Database::fixture("app-orm");
    for name in [
        "postgres://app:hunter2@db.example/app",
        "postgresql://app:hunter2@db.example/app?sslmode=require",
        "postgresql+psycopg://app:hunter2@db.example/app",
        "postgres:app:hunter2@db.example/app",
        "mysql2://app:hunter2@db.example/app",
        "mongodb+srv://app:hunter2@db.example/app",
        "jdbc:postgresql://db.example/app?user=app&password=hunter2",
        "postgres://db.example/app?user=app&password=hunter2",
        "libsql://db.example?authToken=hunter2",
        "host=db.example user=app password=hunter2",
        "Server=db.example;User=app;Pwd=hunter2;",
        "app:hunter2@db.example/app",
        "//app:hunter2@db.example/app",
        "app%3Ahunter2%40db.example/app",
        "postgres%3A%2F%2Fapp%3Ahunter2%40db.example%2Fapp",
        "sqlite://app:hunter2@db.example/app",
        "sqlite:///app:hunter2@db.example/app",
        "sqlite+pysqlcipher://:hunter2@/app.db",
        "sqlite3://app:hunter2@db.example/app",
        "file://app:hunter2@db.example/app",
        "sqlite:app.db?password=hunter2",
        "sqlite:app.db?hunter2",
        "file:app.db?mode=hunter2",
    ] {
        for verb in [
            "up",
            "status --format json",
            "check",
            "new x --add a.b->c.d",
        ] {
            let typed = run(&database, verb, name);
            let mut command = binary();
            command.args(verb.split(' ')).env("DATABASE_URL", name);
            command.current_dir(&database.home);
            let in_environment = finish(&mut command, &database.path);
            for run in [typed, in_environment] {
                let run = run.status(2).explains("");
                let told = format!("{}{}", run.stdout, run.stderr);
                assert!(!told.contains("hunter2"), "{verb} {name}: {told}");
            }
        }
        for place in [vec!["status", name], vec![name], vec!["up", "--to", name]] {
            let told = binary().args(place).output().unwrap();
            let told = String::from_utf8([told.stdout, told.stderr].concat()).unwrap();
            assert!(
                !told.contains("hunter2")
                    || name.ends_with("?hunter2")
                    || name.ends_with("mode=hunter2"),
                "{name}: {told}"
            );
        }
    }
}

#[test]
fn a_variable_that_is_empty_counts_as_unset() {
    let database = Database::fixture("app-orm");
    let empty = |verb: &str| {
        let mut command = binary();
        command.args(verb.split(' ')).current_dir(&database.home);
        command.env("DATABASE_URL", "").env("FKFIX_MIGRATIONS", "");
        finish(&mut command, &database.path)
    };
    empty("status -d app.db").status(0).stdout(PENDING);
    for verb in ["up", "check"] {
        empty(verb)
            .status(2)
            .stdout("")
            .remarks("the following required arguments were not provided")
            .remarks("--database <DATABASE>");
    }
    empty("new x").status(0);
    assert!(database.home.join("migrations/V1__x.sql").exists());
    fs::write(database.home.join("s.sql"), "CREATE TABLE t (a);").unwrap();
    empty("check --schema s.sql --ignore table-missing").says("");
}

#[test]
fn a_path_need_not_be_text() {
    for (mode, name) in [("DELETE", b"\xFF\xFE.db".as_slice()), ("WAL", b"a\xC3.db")] {
        let name = OsString::from_vec(name.to_vec());
        let database =
            Database::fixture("app-migrated").with(&format!("PRAGMA journal_mode = {mode}"));
        fs::rename(&database.path, database.home.join(&name)).unwrap();
        let before = fs::read(database.home.join(&name)).unwrap();
        let mut url = OsString::from("file:");
        url.push(&name);
        for name in [&name, &url] {
            run(&database, "orphans", name).status(1);
            run(&database, "up --dry-run", name)
                .status(0)
                .says("would apply V1")
                .says("time: about");
            assert_eq!(
                fs::read(database.home.join(name)).unwrap_or(before.clone()),
                before
            );
        }
        run(&database, "up --backup copy.db", &name).status(0);
        run(&database, "status", &url).status(0).says("applied");
        run(&database, "down", &url).status(0);
        assert_eq!(fs::read_dir(&database.home).unwrap().count(), 2);
    }
}

#[test]
fn a_pipe_or_a_device_is_no_database() {
    let database = Database::fixture("app-orm");
    let made = Command::new("mkfifo")
        .arg(database.home.join("fifo"))
        .status();
    assert!(made.unwrap().success());
    std::os::unix::fs::symlink("fifo", database.home.join("link")).unwrap();
    for name in ["fifo", "link", "/dev/null"] {
        for verb in [
            "up",
            "up --dry-run",
            "down",
            "status",
            "orphans",
            "check",
            "discover",
            "graph",
            "enforce",
        ] {
            run(&database, verb, name)
                .status(2)
                .stdout("")
                .explains("is a pipe or a device, which holds no database");
        }
    }
}

#[test]
fn the_url_of_another_database_is_no_business_of_a_verb_that_reads_none() {
    let database = Database::missing();
    fs::write(
        database.home.join("s.sql"),
        "CREATE TABLE t (id INTEGER PRIMARY KEY);",
    )
    .unwrap();
    let other = |arguments: &str| {
        let mut command = binary();
        command
            .args(arguments.split(' '))
            .env("DATABASE_URL", "mysql://u:hunter2@host/app")
            .current_dir(&database.home);
        finish(&mut command, &database.path)
    };
    other("check --schema s.sql").status(0);
    other("new keys --migrations m").status(0);
    for needed in ["check", "new more --migrations m --add t.a->t.id"] {
        let run = other(needed)
            .status(2)
            .explains("fkfix opens databases of SQLite and PostgreSQL, and this is a URL of mysql");
        assert!(!run.stderr.contains("hunter2"), "{run:#?}");
    }
}
