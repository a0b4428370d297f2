//! Numbers agree with their words, SQLite's own text comes once, and lines fit their terminal.

use std::process::Command;

use pretty_assertions::assert_eq;
use unicode_width::UnicodeWidthStr as _;

use crate::support::{Database, shell};

fn family(rows: &str) -> Database {
    Database::family(&format!(
        "CREATE TABLE child (id INTEGER PRIMARY KEY, parent_id); INSERT INTO child VALUES {rows};"
    ))
}

#[test]
fn one_is_one() {
    let database = family("(1, 1), (2, 9)");
    let plan = database.fkfix("up --dry-run").status(0).stdout;
    for line in [
        "(keeps 1 row of 2)\n",
        "  1 row of child would move to child_orphans\n",
        "    1 row breaks fk\n",
        "copy 1 row into child_orphans\n",
        "check that child has 1 row\n",
    ] {
        assert!(plan.contains(line), "no {line:?} in {plan}");
    }
    database
        .refuses(
            "up --orphans refuse",
            1,
            "error: could not apply V1__keys: 1 row breaks",
        )
        .remarks("1 row breaks the new keys");
    database.up().says("added 1 foreign key to child (1 row)\n");
    database
        .fkfix("orphans")
        .status(0)
        .stdout("no orphans (1 key checked)\n");
}

#[test]
fn the_text_of_sqlite_comes_once_and_its_code_on_demand() {
    let database = Database::of("CREATE TABLE t (a)");
    std::fs::write(
        &database.path,
        "this is no database, whatever its name says",
    )
    .unwrap();
    let hint = "hint: the file is not a SQLite database, or it is encrypted; check the path; for an encrypted one, fkfix up --schema writes a script to run inside\n";
    database.fkfix("status").status(2).stderr(&format!(
        "error: could not open app.db: file is not a database\n{hint}"
    ));
    database.fkfix("status -v").status(2).stderr(&format!(
        "error: could not open app.db: file is not a database (SQLite error 26)\n{hint}"
    ));
    let json = database.fkfix("status --format json").status(2).json();
    assert_eq!(
        json["error"]["message"]
            .as_str()
            .unwrap()
            .matches("not a database")
            .count(),
        1
    );
}

/// What `line` writes to a terminal of `width` columns.
pub fn on_a_terminal(database: &Database, width: u16, line: &str) -> String {
    let line = format!(
        "stty rows 24 cols {width}; fkfix {line} -d {}",
        database.path.display()
    );
    // `script` is the one program that brings a terminal along.
    let path = shell("echo $PATH").output().unwrap().stdout;
    let output = Command::new("script")
        .args(["-qec", &line, "/dev/null"])
        .env("PATH", String::from_utf8(path).unwrap().trim())
        .env("TERM", "dumb")
        // Where it is set, a terminal is taken to know colours.
        .env_remove("CI")
        .output()
        .unwrap();
    String::from_utf8(output.stdout)
        .unwrap()
        .replace("\r\n", "\n")
}

#[test]
fn prose_wraps_on_a_terminal_and_not_in_a_pipe() {
    let database = Database::of("CREATE TABLE t (a INTEGER PRIMARY KEY)");
    let hint = "hint: see which there are: SELECT \"a\" FROM \"t\" LIMIT 10";
    let piped = shell(&format!("fkfix show t 5 -d {}", database.path.display()));
    let piped = { piped }.output().unwrap();
    let piped = String::from_utf8(piped.stdout).unwrap();
    assert_eq!(piped, format!("error: t has no row with a = 5\n{hint}\n"));
    let shown = on_a_terminal(&database, 30, "--color never show t 5");
    assert_eq!(
        shown,
        "error: t has no row with a = 5\nhint: see which there are:\n  SELECT \"a\" FROM \"t\" LIMIT 10\n"
    );
    let migration = family("(1, 1), (2, 9)");
    let folder = migration.migration("V1__keys.sql");
    let folder = folder.parent().unwrap().display().to_string();
    let line = format!("up --dry-run --migrations {folder}");
    for width in [30, 50, 200] {
        let shown = on_a_terminal(&migration, width, &line);
        let piped = migration.fkfix("up --dry-run").status(0).stdout;
        let piped = piped.replace("app.db", &migration.path.display().to_string());
        let words = |text: &str| {
            text.split_whitespace()
                .map(str::to_owned)
                .collect::<Vec<_>>()
        };
        // The time and the room that are left may be others by now.
        let kept = |text: &str| words(text.split("disk space").next().unwrap());
        assert_eq!(kept(&shown), kept(&piped), "no word is broken");
        for line in shown.lines().filter(|line| !line.contains("/tmp/")) {
            assert!(line.width() <= usize::from(width), "{line:?}");
        }
    }
}

#[test]
fn wide_characters_do_not_overflow_a_table() {
    let database = Database::of(
        "CREATE TABLE 親 (id INTEGER PRIMARY KEY);
         CREATE TABLE 子 (番号 INTEGER PRIMARY KEY, 親_id INTEGER, 題名 TEXT, 説明 TEXT, 備考 TEXT);
         INSERT INTO 親 VALUES (1);
         INSERT INTO 子 VALUES (1, 9, '吾輩は猫である', '名前はまだ無いどこで生れたかとんと見当がつかぬ何でも薄暗いじめじめした所で', '泣いていた事だけは記憶している');",
    )
    .with_migration(
        "V1__keys",
        "ALTER TABLE 子 ADD CONSTRAINT 外部キー FOREIGN KEY (親_id) REFERENCES 親 (id);",
        "",
    );
    let migrations = database.migration("V1__keys.sql");
    let migrations = migrations.parent().unwrap();
    for width in [60, 80, 120] {
        let line = format!("orphans --migrations {}", migrations.display());
        let shown = on_a_terminal(&database, width, &line);
        assert!(shown.contains("吾輩"), "{shown}");
        for line in shown.lines() {
            assert!(line.width() <= usize::from(width), "{width}: {line:?}");
        }
    }
}
