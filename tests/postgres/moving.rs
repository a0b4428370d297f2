use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use pretty_assertions::assert_eq;
use tempfile::TempDir;

use crate::server::{self, Database, Own, Server};
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

/// The application's file, cleaned of the row that breaks a key, in a folder of its own.
fn cleaned() -> Option<(TempDir, PathBuf)> {
    if Command::new("sqlite3").arg("--version").output().is_err() {
        return server::skip("the sqlite3 shell is not installed");
    }
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
    Some((folder, file))
}

/// The tables as the application makes them on PostgreSQL.
fn tables() -> String {
    let (tables, _) = FIXTURE.split_once("INSERT INTO").unwrap();
    tables
        .replace("DATETIME", "timestamp")
        .replace("BEGIN;", "")
}

/// The rows have arrived, and get their keys.
fn has_its_rows_and_gets_its_keys(site: &Site) {
    // What left SQLite's table stays in its archive there.
    assert_eq!(
        site.ask("SELECT id || ' ' || coalesce('<' || error_message || '>', 'NULL') || ' ' || (url = E'https://x.example/\\nü') || ' ' || success || ' ' || created_at FROM webhook_logs ORDER BY id"),
        [
            "1 NULL false true 2025-12-02 00:00:01.000001",
            "2 <timed out> false false 2025-12-02 00:00:02.000002",
            "3 NULL false true 2025-12-03 00:00:01.000003",
            "5 <> true true 2025-12-04 00:00:00"
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

/// The recipe of docs/postgres.md, command by command.
#[test]
fn a_database_is_cleaned_moved_and_gets_its_keys_on_the_other_side() {
    let Some(site) = Site::of(&tables()) else {
        return;
    };
    let Some((_folder, file)) = cleaned() else {
        return;
    };
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
    has_its_rows_and_gets_its_keys(&site);
}

/// A server with a port, which pgloader needs; none where either is missing.
fn for_pgloader() -> Option<Server> {
    if Command::new("pgloader").arg("--version").output().is_err() {
        return server::skip("pgloader is not installed");
    }
    server::own(&Own {
        tcp: "host all postgres 127.0.0.1/32 trust\n",
        ..Own::default()
    })
}

fn on(server: &Server, sql: &str) -> Site {
    let url = format!("postgres://postgres@127.0.0.1:{}/postgres", server.port);
    Site::on(Database::of(&url), sql)
}

/// Runs pgloader; what it says.
fn pgloader(arguments: &[&str]) -> String {
    let output = Command::new("pgloader").args(arguments).output().unwrap();
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    let told = told + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{told}");
    told
}

/// The recipe with pgloader: into the tables that the application has made, and without what fkfix
/// keeps in SQLite.
#[test]
fn pgloader_moves_the_rows_and_fkfix_adds_the_keys() {
    let Some(server) = for_pgloader() else { return };
    let Some((folder, file)) = cleaned() else {
        return;
    };
    let site = on(&server, &tables());
    let schema = site.picture().schema;
    let load = folder.path().join("app.load");
    let command = format!(
        "LOAD DATABASE FROM sqlite://{} INTO {}
         WITH data only, reset sequences
         EXCLUDING TABLE NAMES LIKE 'fkfix%', '%_orphans';",
        file.display(),
        site.database.url().trim_end_matches('?')
    );
    fs::write(&load, command).unwrap();
    let told = pgloader(&[load.to_str().unwrap()]);
    assert!(!told.contains("ERROR"), "{told}");
    assert_eq!(site.picture().schema, schema);
    has_its_rows_and_gets_its_keys(&site);
}

/// Left to itself, pgloader makes the tables too: a key that rows break is missing afterwards, with
/// the status 0, and `NOT NULL` is gone.
#[test]
fn a_key_that_pgloader_left_out_is_added_by_a_migration() {
    let Some(server) = for_pgloader() else { return };
    let Some((_folder, file)) = cleaned() else {
        return;
    };
    sqlite3(
        &file,
        &["INSERT INTO notifications VALUES ('n2', 'gone', 'r1', 0)"],
    );
    let site = on(&server, "");
    let told = pgloader(&[
        &format!("sqlite://{}", file.display()),
        site.database.url().trim_end_matches('?'),
    ]);
    assert!(told.contains("notifications_event_id_fkey"), "{told}");
    let keys = "SELECT conname::text FROM pg_constraint WHERE contype = 'f' ORDER BY 1";
    assert_eq!(
        site.ask(keys),
        [
            "events_camera_id_fkey",
            "notifications_rule_id_fkey",
            "webhook_logs_alert_rule_id_fkey",
            "webhook_logs_event_id_fkey"
        ]
    );
    // The history came along.
    site.run("status").status(0).says("applied");
    site.write(
        "V2__notifications",
        "ALTER TABLE notifications ADD CONSTRAINT notifications_event_id_fkey FOREIGN KEY (event_id) REFERENCES events (id) ON DELETE CASCADE",
        "ALTER TABLE notifications DROP CONSTRAINT notifications_event_id_fkey",
    );
    fs::write(
        site.migrations().join("V1__webhook_logs_foreign_keys.sql"),
        include_str!("../../migrations/V1__webhook_logs_foreign_keys.sql"),
    )
    .unwrap();
    site.run("up")
        .status(0)
        .says("1 row moved from notifications to notifications_orphans");
    assert_eq!(site.ask(keys).len(), 5);
}
