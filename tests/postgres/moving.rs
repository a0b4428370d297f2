use std::path::Path;
use std::process::{Command, Stdio};

use pretty_assertions::assert_eq;

use crate::server;
use crate::site::Site;

const FIXTURE: &str = include_str!("../fixtures/app-orm.sql");

/// The application's tables, parents first.
const TABLES: [&str; 5] = [
    "cameras",
    "alert_rules",
    "events",
    "notifications",
    "webhook_logs",
];

fn fkfix(line: &str, database: &Path) -> (Option<i32>, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_fkfix"))
        .args(line.split_whitespace())
        .arg("-d")
        .arg(database)
        .current_dir(env!("CARGO_TARGET_TMPDIR"))
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    (
        output.status.code(),
        text + &String::from_utf8(output.stderr).unwrap(),
    )
}

fn sqlite3(database: &Path, arguments: &[&str]) -> Vec<u8> {
    let output = Command::new("sqlite3")
        .arg(database)
        .args(arguments)
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    output.stdout
}

/// The recipe of docs/postgres.md, command by command.
#[test]
fn a_database_is_cleaned_moved_and_gets_its_keys_on_the_other_side() {
    if Command::new("sqlite3").arg("--version").output().is_err() {
        server::skip::<()>("the sqlite3 shell is not installed");
        return;
    }
    // As the application makes them on PostgreSQL.
    let (tables, _) = FIXTURE.split_once("INSERT INTO").unwrap();
    let tables = tables
        .replace("DATETIME", "timestamp")
        .replace("BEGIN;", "");
    let Some(site) = Site::of(&tables) else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("app.db");
    sqlite3(&file, &[FIXTURE]);
    sqlite3(
        &file,
        &["INSERT INTO webhook_logs VALUES (4, 'gone', 'e2', 'https://x.example/?a=\"b\",c', 200, 1, 0, 1, '', '2025-12-04 00:00:00'),
            (5, 'r1', 'e2', 'https://x.example/\nü', 200, 1, 0, 1, '', '2025-12-04 00:00:00')"],
    );
    let (status, told) = fkfix("check --for postgres", &file);
    assert_eq!(status, Some(1), "{told}");
    assert!(!told.contains("postgres-types"), "{told}");
    assert_eq!(fkfix("up", &file).0, Some(0));
    for table in TABLES {
        let rows = sqlite3(
            &file,
            &[
                "-csv",
                "-nullvalue",
                "(null)",
                &format!("SELECT * FROM {table}"),
            ],
        );
        let copy = format!("\\copy {table} FROM pstdin WITH (FORMAT csv, NULL '(null)')");
        let mut psql = Command::new(server::program("psql"))
            .args(["-X", "-v", "ON_ERROR_STOP=1", "-c", &copy])
            .arg(site.database.url())
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        std::io::Write::write_all(&mut psql.stdin.take().unwrap(), &rows).unwrap();
        assert!(psql.wait().unwrap().success(), "{table}");
    }
    // What left SQLite's table stays in its archive there.
    assert_eq!(
        site.ask("SELECT id || ' ' || coalesce('<' || error_message || '>', 'NULL') || ' ' || (url = E'https://x.example/\\nü') || ' ' || success FROM webhook_logs ORDER BY id"),
        [
            "1 NULL false true",
            "2 <timed out> false false",
            "3 NULL false true",
            "5 <> true true"
        ]
    );
    let before = site.picture();
    site.run("orphans").status(0);
    site.run("up").status(0).says("webhook_logs");
    site.run("check").status(0);
    site.run("orphans").status(0).says("no orphans");
    site.run("down").status(0);
    assert_eq!(site.picture(), before);
    // Without the cleaning, the row would have left on this side.
    site.sql("INSERT INTO webhook_logs VALUES (4, 'gone', 'e2', '', 200, 1, 0, true, NULL, now())");
    site.run("up").status(0).says("webhook_logs_orphans");
}
