//! The script for another runner: what it says, what it may be asked, and what it leaves.

use std::fs;
use std::process::Command;

use pretty_assertions::assert_eq;
use rusqlite::Connection;

use crate::support::{Database, binary, finish};

pub const SQL: &str = "up --dry-run --format sql --for";

pub fn family() -> Database {
    Database::family(
        "CREATE TABLE child (id INTEGER PRIMARY KEY, parent_id, t);
         CREATE TABLE note (id INTEGER PRIMARY KEY, child_id REFERENCES child ON DELETE SET NULL);
         CREATE TRIGGER note_u AFTER UPDATE ON note BEGIN SELECT 'a; b'; END;
         INSERT INTO child VALUES (1, 1, 'a'), (2, NULL, 1.0), (3, 9, x'00'); INSERT INTO note VALUES (1, 1), (2, 2);",
    )
}

/// Runs `script` in a transaction, on a connection that enforces foreign keys or does not.
pub fn run(connection: &Connection, script: &str) -> rusqlite::Result<()> {
    connection.execute_batch("BEGIN")?;
    let done = connection
        .execute_batch(script)
        .and_then(|()| connection.execute_batch("COMMIT"));
    if done.is_err() && !connection.is_autocommit() {
        connection.execute_batch("ROLLBACK")?;
    }
    done
}

pub fn script(database: &Database, target: &str) -> String {
    database.fkfix(&format!("{SQL} {target}")).status(0).stdout
}

#[test]
fn no_target_gets_what_its_engine_refuses() {
    let database = family();
    for target in ["transaction", "d1", "libsql", "dbmate", "goose", "drizzle"] {
        let script = script(&database, target);
        let code: Vec<_> = script.lines().filter(|it| !it.starts_with("--")).collect();
        let code = code.join("\n");
        for word in [
            "BEGIN IMMEDIATE",
            "BEGIN;",
            "COMMIT",
            " TEMP ",
            "temp.",
            "\n.",
            "writable_schema",
            " RENAME ",
            "ATTACH",
            "legacy_alter_table",
            "ignore_check_constraints",
            "cache_size",
            "PRAGMA foreign_keys",
        ] {
            assert!(!code.contains(word), "{target}: {word} in {code}");
        }
        let tables_of_pragmas = code.matches("pragma_").count();
        let ways = if target == "dbmate" || target == "goose" {
            2
        } else {
            1
        };
        assert_eq!(
            tables_of_pragmas,
            if target == "d1" { 0 } else { ways },
            "{target}"
        );
        // Tools that look for statements look into comments too.
        let comments = script.lines().filter(|it| {
            it.starts_with("-- ") && !it.starts_with("-- +goose") && !it.starts_with("-- migrate:")
        });
        for comment in comments {
            assert!(
                !comment.contains(['\'', '"', ';', '?', ':', '`']),
                "{comment}"
            );
        }
    }
}

#[test]
fn each_target_gets_its_own_marks() {
    let database = family();
    let transaction = script(&database, "transaction");
    let body = |text: &str| {
        text.lines().skip(3).collect::<Vec<_>>().join(
            "
",
        )
    };
    let drizzle = script(&database, "drizzle").replace("\n--> statement-breakpoint", "");
    assert_eq!(body(&drizzle), body(&transaction));
    assert_eq!(body(&script(&database, "libsql")), body(&transaction));
    let dbmate = script(&database, "dbmate");
    let (up, down) = dbmate.split_once("-- migrate:down\n").unwrap();
    assert_eq!(
        body(up.strip_prefix("-- migrate:up\n").unwrap()),
        body(&transaction)
    );
    let goose = script(&database, "goose");
    let bare = goose
        .replace("-- +goose StatementBegin\n", "")
        .replace("\n-- +goose StatementEnd", "");
    let (goose_up, goose_down) = bare.split_once("-- +goose Down\n").unwrap();
    assert_eq!(
        goose_up.strip_prefix("-- +goose Up\n").map(body),
        Some(body(&transaction))
    );
    assert_eq!(goose_down, down);
    assert_eq!(
        goose.matches("StatementBegin").count(),
        goose.matches("StatementEnd").count()
    );
}

/// Takes away what the way back leaves: the history, and the archive of the table whose rows may have
/// forgotten a key, both empty.
fn left_empty(database: &Database) {
    for table in ["fkfix_schema_history", "note_orphans"] {
        let rows = database.rows(&format!("SELECT count(*) FROM {table}"));
        assert_eq!(rows, ["0"], "{table}");
        database.execute(&format!("DROP TABLE {table}"));
    }
}

#[test]
fn up_and_back_and_fkfix_goes_on_from_there() {
    for enforcing in [false, true] {
        let (database, by_up) = (family(), family());
        let before = database.picture();
        let open = || {
            if enforcing {
                database.open_enforcing()
            } else {
                database.open()
            }
        };
        run(&open(), &script(&database, "transaction")).unwrap();
        by_up.up();
        for table in ["child", "note"] {
            assert_eq!(
                database.picture().tables[table],
                by_up.picture().tables[table]
            );
        }
        assert_eq!(
            database.picture().definition("child"),
            by_up.picture().definition("child")
        );
        database.fkfix("status").status(0).says("applied");
        database.fkfix("check").status(0);
        database.fkfix("up").status(0).says("nothing to do");
        let back = database
            .fkfix("down --dry-run --format sql --for transaction")
            .status(0)
            .stdout;
        let copy = database.copy();
        run(
            &if enforcing {
                copy.open_enforcing()
            } else {
                copy.open()
            },
            &back,
        )
        .unwrap();
        left_empty(&copy);
        assert_eq!(copy.picture().in_any_order(), before.clone().in_any_order());
        database.down();
        assert_eq!(database.picture().in_any_order(), before.in_any_order());
    }
}

#[test]
fn the_same_file_serves_another_copy() {
    let (database, other) = (family(), family());
    let script = script(&database, "transaction");
    // Rows that follow, and none that is an orphan; an archive is made before that is known.
    other.execute("DELETE FROM child WHERE id = 3; INSERT INTO child VALUES (7, 2, 'new'); INSERT INTO note VALUES (9, 7)");
    let before = other.picture();
    run(&other.open_enforcing(), &script).unwrap();
    assert_eq!(other.rows("SELECT count(*) FROM child_orphans"), ["0"]);
    other.down();
    assert_eq!(
        other.picture().in_any_order(),
        before.in_any_order(),
        "down takes an empty archive along"
    );
}

pub fn schema_of(database: &Database) -> String {
    let rows: Vec<String> = database
        .open()
        .prepare("SELECT sql || ';' FROM sqlite_schema WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite%'")
        .unwrap()
        .query_map([], |row| row.get(0))
        .unwrap()
        .collect::<Result<_, _>>()
        .unwrap();
    rows.join("\n")
}

pub fn from_schema(database: &Database, schema: &std::path::Path, words: &str) -> String {
    let (verb, rest) = words.split_once(' ').unwrap();
    let mut command: Command = binary();
    command
        .args([verb, "--dry-run", "--format", "sql", "--for"])
        .args(rest.split(' '));
    command
        .arg("--schema")
        .arg(schema)
        .arg("--migrations")
        .arg(database.migration("."));
    command.env_remove("DATABASE_URL");
    finish(&mut command, &database.path).status(0).stdout
}

#[test]
fn a_schema_does_instead_of_a_database() {
    let database = family();
    let schema = database.home.parent().unwrap().join("schema.sql");
    fs::write(&schema, schema_of(&database)).unwrap();
    let by_database = script(&database, "transaction");
    assert_eq!(
        from_schema(&database, &schema, "up transaction"),
        by_database
    );
    let before = database.picture();
    run(&database.open_enforcing(), &by_database).unwrap();
    fs::write(&schema, schema_of(&database)).unwrap();
    // The keys are there, and a history: there is nothing to do, and something to take back.
    assert_eq!(from_schema(&database, &schema, "up transaction"), "");
    let back = from_schema(&database, &schema, "down transaction");
    run(&database.open_enforcing(), &back).unwrap();
    left_empty(&database);
    assert_eq!(database.picture().in_any_order(), before.in_any_order());
}

#[test]
fn new_checks_keys_against_a_schema() {
    let database = family();
    let schema = database.home.parent().unwrap().join("schema.sql");
    fs::write(&schema, schema_of(&database)).unwrap();
    let new = |key: &str| {
        let mut command = binary();
        command
            .env_remove("DATABASE_URL")
            .args(["new", "more", "--add", key, "--schema"])
            .arg(&schema);
        command.arg("--migrations").arg(database.migration("."));
        finish(&mut command, &database.path)
    };
    new("child.nothing -> parent.id").status(2);
    new("child.t -> parent.id").status(0);
}

#[test]
fn no_row_that_comes_back_is_looked_for_in_all_of_a_child() {
    let sql = "CREATE TABLE child (id INTEGER PRIMARY KEY, parent_id INTEGER, boss INTEGER REFERENCES child);
         CREATE TABLE note (id INTEGER PRIMARY KEY, child_id INTEGER REFERENCES child);
         CREATE TABLE tag (child_id INTEGER REFERENCES child);";
    let with = Database::family(&format!(
        "{sql} CREATE INDEX note_child ON note (child_id); CREATE INDEX tag_child ON tag (child_id);"
    ));
    let indexes = |database: &Database| {
        script(database, "transaction")
            .matches("CREATE INDEX fkfix_index_")
            .count()
    };
    assert_eq!((indexes(&with), indexes(&Database::family(sql))), (1, 3));
    for (child, told) in [("child_id INTEGER", false), ("child_id TEXT", true)] {
        let database = Database::family(&format!(
            "CREATE TABLE child (id INTEGER PRIMARY KEY, parent_id INTEGER); CREATE TABLE note ({child} REFERENCES child);"
        ));
        let warned = database
            .fkfix(&format!("{SQL} transaction"))
            .status(0)
            .stderr;
        assert_eq!(
            warned.contains("with foreign keys on, the script does so"),
            told,
            "{warned}"
        );
    }
}

#[test]
fn check_tells_what_a_broken_script_leaves() {
    let database = family();
    database.up();
    database.execute(
        "CREATE TABLE fkfix_promises (id INTEGER PRIMARY KEY, next REFERENCES fkfix_promises (id));
         CREATE TABLE fkfix_stage (fkfix_rowid INTEGER PRIMARY KEY, id); CREATE TABLE fkfix_leaving_1 (k1);
         CREATE TRIGGER fkfix_hold_1 BEFORE DELETE ON child BEGIN SELECT RAISE(IGNORE); END;",
    );
    let report = database.fkfix("check").status(1).stdout;
    for line in [
        "warning[leftover-table] fkfix_promises",
        "warning[leftover-table] fkfix_stage",
        "warning[leftover-table] fkfix_leaving_1",
        "error[leftover-trigger] child",
        "DROP TRIGGER \"fkfix_hold_1\"",
    ] {
        assert!(report.contains(line), "no {line} in {report}");
    }
    assert!(
        !report.contains("no-child-index] fkfix_promises"),
        "{report}"
    );
}

#[test]
fn a_value_of_a_column_that_is_gone_is_not_thrown_away() {
    for (value, goes_back) in [("'only here'", false), ("NULL", true)] {
        let database =
            Database::family("CREATE TABLE child (id INTEGER PRIMARY KEY, parent_id, extra)").with(
                &format!("INSERT INTO child VALUES (1, 1, 'kept'), (2, 9, {value})"),
            );
        let connection = database.open();
        run(&connection, &script(&database, "transaction")).unwrap();
        connection
            .execute_batch("ALTER TABLE child DROP COLUMN extra")
            .unwrap();
        let before = database.picture();
        let back = database
            .fkfix("down --dry-run --format sql --for transaction")
            .status(0)
            .stdout;
        let done = run(&connection, &back);
        assert_eq!(done.is_ok(), goes_back, "{value}: {done:?}");
        assert_eq!(database.picture() == before, !goes_back, "{value}");
        if !goes_back {
            // As the engine's own way back keeps it.
            database.down();
            assert_eq!(
                database.value::<String>("SELECT extra FROM child_orphans"),
                "only here"
            );
        }
    }
}
