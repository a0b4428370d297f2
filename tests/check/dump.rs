//! `--schema`: dumps as the `sqlite3` shell prints them (3.40, `.schema`, committed here).

use std::io::Write as _;
use std::process::{Command, Stdio};

use crate::database::{Database, FIXTURES, check, text, told};

fn dump(name: &str, when: &str) -> String {
    format!("tests/check/dumps/{name}.{when}.sql")
}

#[test]
fn before_up_each_key_is_missing_where_its_table_is_made() {
    for (fixture, line) in FIXTURES.into_iter().zip([61, 35, 4]) {
        let checked = check(&["--schema", &dump(fixture.name, "before")]);
        assert_eq!(checked.status, 1);
        let found = checked.found();
        assert_eq!(
            found[..2],
            [
                "key-missing webhook_logs (alert_rule_id)",
                "key-missing webhook_logs (event_id)"
            ]
        );
        assert_eq!(checked.findings()[0]["line"], line);
    }
}

#[test]
fn after_up_there_is_no_error() {
    for (fixture, warnings) in FIXTURES.into_iter().zip([0, 3, 2]) {
        let checked = check(&["--schema", &dump(fixture.name, "after")]);
        assert_eq!(checked.status, 0);
        assert_eq!(checked.document["errors"], 0);
        assert_eq!(checked.document["warnings"], warnings);
    }
}

#[test]
fn a_dump_is_the_schema_of_its_database() {
    for fixture in FIXTURES {
        let database = Database::up(fixture);
        let snapshot = database.folder.path().join("snapshot.sql");
        let options = ["--snapshot", text(&snapshot)];
        assert_eq!(
            database.check(&[options[0], options[1], "--update"]).status,
            0
        );
        for (when, status) in [("after", 0), ("before", 1)] {
            let dump = dump(fixture.name, when);
            let checked = check(&[
                "--schema",
                &dump,
                options[0],
                options[1],
                "--ignore",
                "key-missing",
            ]);
            assert_eq!(checked.status, status, "{dump}");
        }
    }
}

#[test]
fn a_dump_with_rows_loads_as_well() {
    for fixture in FIXTURES {
        let checked = check(&["--schema", &format!("tests/fixtures/{}.sql", fixture.name)]);
        assert_eq!(
            checked.found()[0],
            "key-missing webhook_logs (alert_rule_id)"
        );
    }
}

#[test]
fn a_dump_that_does_not_load_is_named_with_its_line() {
    let database = Database::empty();
    let file = database.file("schema.sql", "CREATE TABLE a (id INTEGER PRIMARY KEY);\n\nCREATE TABLE b (\n  a_id INTEGER,\n  FORIGN KEY (a_id) REFERENCES a\n);\n");
    let (status, stdout, stderr) = told(&["check", "--schema", text(&file)]);
    assert_eq!((status, stdout.as_str()), (2, ""));
    assert_eq!(
        stderr,
        format!(
            "error: {}:5: near \"a_id\": syntax error\nhint: give what the shell prints: sqlite3 app.db .schema > schema.sql\n",
            file.display()
        )
    );
}

#[test]
fn what_is_no_dump_is_refused() {
    let database = Database::up(FIXTURES[1]);
    let path = database.path();
    let (status, _, stderr) = told(&["check", "--schema", text(&path)]);
    assert_eq!(status, 2);
    assert!(
        stderr.contains("hint: --schema takes a dump; a database is checked with --database")
            || stderr.contains("hint: give what the shell prints"),
        "{stderr}"
    );
    let (status, _, stderr) = told(&["check", "--schema", "no/such/file.sql"]);
    assert_eq!(status, 2);
    assert!(
        stderr.starts_with("error: could not read no/such/file.sql: "),
        "{stderr}"
    );
}

#[test]
fn a_dump_does_nothing_outside_its_memory() {
    let database = Database::empty();
    let other = database.folder.path().join("other.db");
    for statement in [
        format!("ATTACH '{}' AS o; CREATE TABLE o.t (x);", other.display()),
        format!("VACUUM INTO '{}';", other.display()),
        "SELECT load_extension('x');".to_owned(),
        "CREATE TABLE t AS SELECT load_extension('x');".to_owned(),
    ] {
        let file = database.file("schema.sql", &statement);
        let (status, _, _) = told(&["check", "--schema", text(&file)]);
        assert_eq!(status, 2, "{statement}");
        assert!(!other.exists());
    }
}

#[test]
fn a_dump_comes_by_standard_input() {
    let dump = std::fs::read(dump("app-migrated", "after")).unwrap();
    let mut child = Command::new(env!("CARGO_BIN_EXE_fkfix"))
        .args(["check", "--schema", "-"])
        .env_remove("DATABASE_URL")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(&dump).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(
        String::from_utf8(output.stdout).unwrap(),
        "nothing found in stdin\n"
    );
    assert!(output.status.success());
}

#[test]
fn a_dump_goes_before_the_database_of_the_environment() {
    let output = Command::new(env!("CARGO_BIN_EXE_fkfix"))
        .args(["check", "--schema", &dump("app-migrated", "after")])
        .env("DATABASE_URL", "sqlite:///no/such/app.db")
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
}
