//! How findings read, and the exit status that goes with them.

use std::process::Command;

use crate::database::{Database, FIXTURES, text, told};

#[test]
fn text_for_people() {
    let database = Database::of(FIXTURES[2]);
    let path = database.path();
    let (status, stdout, stderr) =
        told(&["check", "-d", text(&path), "--ignore", "no-child-index"]);
    assert_eq!((status, stderr.as_str()), (1, ""));
    assert_eq!(
        stdout,
        format!(
            "error[migration-pending] V1__webhook_logs_foreign_keys
  V1__webhook_logs_foreign_keys is not applied
  hint: look with fkfix up --dry-run, then run fkfix up
1 error in {}, 2 findings ignored
",
            path.display()
        )
    );
}

#[test]
fn nothing_found_is_said() {
    let database = Database::up(FIXTURES[2]);
    let path = database.path();
    let (status, stdout, _) = told(&[
        "check",
        "-d",
        text(&path),
        "--strict",
        "--ignore",
        "no-child-index",
    ]);
    assert_eq!(status, 0);
    assert_eq!(
        stdout,
        format!("nothing found in {}, 2 findings ignored\n", path.display())
    );
}

#[test]
fn annotations_stand_at_the_table_of_the_dump() {
    let dump = "tests/check/dumps/nasty.after.sql";
    let (status, stdout, stderr) =
        told(&["check", "--schema", dump, "--format", "github", "--strict"]);
    assert_eq!((status, stderr.as_str()), (1, ""));
    assert_eq!(
        stdout,
        "::warning file=tests/check/dumps/nasty.after.sql,line=10,title=fkfix no-child-index::log_notes (log_id): no index of log_notes starts with (log_id), so each delete in webhook_logs scans log_notes%0Ahint: CREATE INDEX \"idx_log_notes_log_id\" ON \"log_notes\" (\"log_id\")
::warning file=tests/check/dumps/nasty.after.sql,line=13,title=fkfix no-child-index::webhook_logs (alert_rule_id): no index of webhook_logs starts with (alert_rule_id), so each delete in alert_rules scans webhook_logs%0Ahint: CREATE INDEX \"idx_webhook_logs_alert_rule_id\" ON \"webhook_logs\" (\"alert_rule_id\")
2 warnings in tests/check/dumps/nasty.after.sql
"
    );
}

#[test]
fn a_name_cannot_forge_an_annotation() {
    let database = Database::up(FIXTURES[1]);
    database.run("CREATE TABLE \"x\n::error::forged\" (a REFERENCES gone (id))");
    let path = database.path();
    let (_, stdout, _) = told(&["check", "-d", text(&path), "--format", "github"]);
    assert!(stdout.contains("x%0A::error::forged (a)"), "{stdout}");
    assert!(
        !stdout.lines().any(|line| line.starts_with("::error::")),
        "{stdout}"
    );
}

#[test]
fn an_unknown_code_is_refused_with_those_that_there_are() {
    let (status, _, stderr) = told(&["check", "-d", "x.db", "--ignore", "key-mising"]);
    assert_eq!(status, 2);
    assert!(stderr.contains("invalid value 'key-mising'"), "{stderr}");
    assert!(stderr.contains("key-missing"), "{stderr}");
}

#[test]
fn what_can_not_be_looked_at_is_status_2() {
    let database = Database::up(FIXTURES[1]);
    database.run("UPDATE fkfix_schema_history SET applied_on = 'yesterday'");
    let damaged = database.path();
    for arguments in [
        vec!["check"],
        vec!["check", "-d", "no/such/app.db"],
        vec!["check", "-d", text(&damaged)],
        vec!["check", "-d", "Cargo.toml"],
        vec![
            "check",
            "-d",
            text(&damaged),
            "--migrations",
            "no/such/folder",
        ],
    ] {
        let (status, stdout, stderr) = told(&arguments);
        assert_eq!((status, stdout.as_str()), (2, ""), "{arguments:?}");
        assert!(stderr.starts_with("error: "), "{stderr}");
    }
    let (status, stdout, _) = told(&["check", "-d", "no/such/app.db", "--format", "json"]);
    assert_eq!(status, 2);
    let document: serde_json::Value = serde_json::from_str(&stdout).unwrap();
    assert!(
        document["error"]["message"]
            .as_str()
            .unwrap()
            .ends_with("no/such/app.db does not exist")
    );
}

#[test]
fn the_database_comes_from_the_environment() {
    let database = Database::up(FIXTURES[0]);
    let output = Command::new(env!("CARGO_BIN_EXE_fkfix"))
        .arg("check")
        .env(
            "DATABASE_URL",
            format!("sqlite:///{}", database.path().display()),
        )
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
}
