//! The script that a dry run writes does in another SQLite what `up` and `down` do. It keeps to
//! documented statements, which can't give a table that is made again its place in the schema.

use std::io::Write as _;
use std::process::{Command, Stdio};

use pretty_assertions::assert_eq;

use crate::support::{Database, Picture};

/// The picture without the moments at which things were recorded.
fn timeless(database: &Database) -> Picture {
    let history = "UPDATE fkfix_schema_history SET applied_on = '2026-01-01T00:00:00Z'";
    let connection = database.open();
    let tables: Vec<String> = connection
        .prepare("SELECT name FROM sqlite_schema WHERE name LIKE '%\\_orphans' ESCAPE '\\'")
        .unwrap()
        .query_map([], |row| row.get(0))
        .unwrap()
        .collect::<Result<_, _>>()
        .unwrap();
    for archive in tables {
        let update = format!("UPDATE {archive} SET fkfix_archived_at = 'then'");
        connection.execute_batch(&update).unwrap();
    }
    if connection
        .table_exists(Some("main"), "fkfix_schema_history")
        .unwrap()
    {
        connection.execute_batch(history).unwrap();
    }
    Picture::of(&connection).in_any_order()
}

/// Runs `script` as the shell does: the dot command is the shell's own.
fn run_here(database: &Database, script: &str) {
    database.execute(&script.replace("\n.bail on\n", "\n"));
}

/// Runs `script` in the machine's `sqlite3` shell; false where it has none.
fn run_in_shell(database: &Database, script: &str) -> bool {
    let shell = Command::new("sqlite3")
        .arg(&database.path)
        .stdin(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let Ok(mut shell) = shell else { return false };
    shell
        .stdin
        .take()
        .unwrap()
        .write_all(script.as_bytes())
        .unwrap();
    let output = shell.wait_with_output().unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    true
}

/// Takes a copy of `by_fkfix` up by each means, and back down by script.
fn up_and_down_by_every_means(name: &str, by_fkfix: &Database) {
    let (by_script, by_shell) = (by_fkfix.copy(), by_fkfix.copy());
    let before = by_script.picture();
    let script = by_script
        .fkfix("up --dry-run --format sql")
        .status(0)
        .stdout;
    by_fkfix.up();
    run_here(&by_script, &script);
    let expected = timeless(by_fkfix);
    assert_eq!(timeless(&by_script), expected, "{name}");
    if run_in_shell(&by_shell, &script) {
        assert_eq!(timeless(&by_shell), expected, "{name} in the shell");
    }
    // What a script has applied, fkfix takes for applied.
    by_script.fkfix("up").status(0).says("nothing to do");
    let script = by_script
        .fkfix("down --dry-run --format sql")
        .status(0)
        .stdout;
    run_here(&by_script, &script);
    let back = by_script.picture().in_any_order();
    assert_eq!(back, before.clone().in_any_order(), "{name} and back");
    by_fkfix.down();
    assert_eq!(by_fkfix.picture(), before, "{name} and back");
}

#[test]
fn the_script_equals_up_and_down_on_the_sample_databases() {
    for name in ["app-migrated", "app-orm", "nasty"] {
        up_and_down_by_every_means(name, &Database::fixture(name));
    }
}

#[test]
fn the_script_equals_up_where_rows_hang_on_orphans() {
    let database =         Database::family(
            "CREATE TABLE child (\"a \"\"key\" TEXT, parent_id, PRIMARY KEY (\"a \"\"key\")) WITHOUT ROWID;
             CREATE TABLE note (child TEXT REFERENCES child ON DELETE CASCADE, t);
             CREATE TRIGGER gone AFTER DELETE ON note BEGIN INSERT INTO note VALUES (NULL, 'fired; it''s'); END;
             INSERT INTO child VALUES ('a', 1), ('b', 9), ('c', NULL), ('d', x'09');
             INSERT INTO note VALUES ('a', 1), ('b', 2.0), ('b', x'00'), (NULL, NULL);",
        );
    up_and_down_by_every_means("dependents", &database);
}

#[test]
fn the_script_equals_up_where_a_key_is_adopted() {
    let database =         Database::fixture("app-orm").with(
            "CREATE TABLE w2 AS SELECT * FROM webhook_logs; DROP TABLE webhook_logs;
             CREATE TABLE webhook_logs (id INTEGER PRIMARY KEY, alert_rule_id VARCHAR, event_id VARCHAR CONSTRAINT own REFERENCES events (id) ON DELETE CASCADE);
             INSERT INTO webhook_logs SELECT id, alert_rule_id, event_id FROM w2; DROP TABLE w2;",
        );
    up_and_down_by_every_means("adopted", &database);
}

#[test]
fn the_script_equals_up_where_the_plan_was_rehearsed() {
    let database =         Database::of(
            "CREATE TABLE parent (id INTEGER PRIMARY KEY); INSERT INTO parent VALUES (1);
             CREATE TABLE child (id INTEGER PRIMARY KEY, parent_id INTEGER); INSERT INTO child VALUES (1, 1), (2, 3);",
        )
        .with_migration(
            "V1__keys",
            "CREATE INDEX child_parent ON child (parent_id); ALTER TABLE child ADD CONSTRAINT fk FOREIGN KEY (parent_id) REFERENCES parent (id)",
            "ALTER TABLE child DROP CONSTRAINT fk; DROP INDEX child_parent",
        );
    up_and_down_by_every_means("rehearsed", &database);
}

#[test]
fn the_script_stops_where_the_database_is_no_longer_the_one_it_was_made_for() {
    let database = Database::fixture("app-migrated");
    let script = database.fkfix("up --dry-run --format sql").status(0).stdout;
    database.execute("DELETE FROM alert_rules WHERE id LIKE '%1'");
    let before = database.picture();
    let connection = database.open();
    let error = connection
        .execute_batch(&script.replace("\n.bail on\n", "\n"))
        .unwrap_err();
    assert!(
        error.to_string().contains("a promise does not hold"),
        "{error}"
    );
    drop(connection);
    assert_eq!(database.picture(), before);
}

/// The family, with `sql` for the child and what is around it, and the script for its key.
fn script_for(sql: &str) -> (Database, String) {
    let database = Database::family(sql);
    let script = database.fkfix("up --dry-run --format sql").status(0).stdout;
    (database, script)
}

#[test]
fn the_script_fails_where_its_pragma_does_nothing() {
    let (database, script) = script_for(
        "CREATE TABLE child (id INTEGER PRIMARY KEY, parent_id);
         CREATE TABLE note (id INTEGER PRIMARY KEY, child_id REFERENCES child ON DELETE SET NULL);
         INSERT INTO child VALUES (1, 1), (2, NULL); INSERT INTO note VALUES (1, 1), (2, 2);",
    );
    let before = database.picture();
    let bare = script
        .replace("\n.bail on\n", "\n")
        .replace("\nBEGIN IMMEDIATE;\n", "\n")
        .replace("\nCOMMIT;\n", "\n");
    // As migration tools run it: in a transaction of their own, with enforcement on.
    let connection = database.open_enforcing();
    connection.execute_batch("BEGIN").unwrap();
    let error = connection.execute_batch(&bare).unwrap_err().to_string();
    assert!(error.contains("a promise does not hold"), "{error}");
    connection.execute_batch("ROLLBACK").unwrap();
    drop(connection);
    assert_eq!(database.picture(), before);
    // An engine that does not tell whether it enforces, nor heeds the legacy rename.
    let blind = bare
        .replace(
            "INSERT INTO temp.fkfix_promises SELECT 'foreign keys",
            "-- ",
        )
        .replace(
            "PRAGMA legacy_alter_table = ON",
            "PRAGMA legacy_alter_table = OFF",
        );
    let connection = database.open();
    connection
        .execute_batch("PRAGMA foreign_keys = OFF; BEGIN")
        .unwrap();
    let error = connection.execute_batch(&blind).unwrap_err().to_string();
    assert!(error.contains("a promise does not hold"), "{error}");
    connection.execute_batch("ROLLBACK").unwrap();
    drop(connection);
    assert_eq!(database.picture(), before);
    // And where the PRAGMA works, it does what `up` does.
    up_and_down_by_every_means("set null", &database);
}

#[test]
fn the_script_holds_the_text_of_every_table_around() {
    let (_, script) = script_for(
        "CREATE TABLE child (id INTEGER PRIMARY KEY, parent_id);
         CREATE TABLE note (child_id REFERENCES child); -- names fkfix_old
         CREATE TABLE other (a /* fkfix_old */);",
    );
    for promise in [
        "'no other definition names fkfix_old', (SELECT count(*) FROM main.sqlite_schema WHERE instr(sql, 'fkfix_old') > 0 AND name NOT IN ()) = 1)",
        "type = 'table' AND name = 'note' AND sql = 'CREATE TABLE note (child_id REFERENCES child)') = 1)",
    ] {
        assert!(script.contains(promise), "no {promise} in {script}");
    }
}

#[test]
fn what_the_shell_could_misread_it_reads_to_the_byte() {
    let control: String = (1..32)
        .chain([127, 0x85, 0x9b])
        .filter_map(char::from_u32)
        .collect();
    let database = Database::family(&format!(
        "CREATE TABLE child (id INTEGER PRIMARY KEY, parent_id,\nx DEFAULT '\n.quit\n/\ngo\n#x\n{control}', -- / \n\"\ngo\n\" /*\n/\n*/, y CHECK (y\n\u{b}/ 2 < 9) -- a; b\n);
         CREATE INDEX i ON child (y -- it's\n) -- done\n;
         CREATE TRIGGER t AFTER INSERT ON child BEGIN SELECT '\n.exit\n'; END;
         CREATE VIEW v AS SELECT ';\n/\n' AS a, CASE 1 WHEN 1 THEN 2 END AS \"end\" FROM child;
         INSERT INTO child (id, parent_id) VALUES (1, 1), (2, 7);",
    ));
    up_and_down_by_every_means("shell", &database);
}

#[test]
fn what_the_shell_would_misread_is_refused_by_name() {
    const CHILD: &str = "CREATE TABLE child (id INTEGER PRIMARY KEY, parent_id)";
    for (sql, message) in [
        (
            "CREATE TABLE child (id INTEGER PRIMARY KEY, parent_id CHECK (parent_id\n/\n1 > 0))",
            "create child with its new keys: it has a line that is only / or go",
        ),
        (
            "CREATE TABLE child (id INTEGER PRIMARY KEY, parent_id,\n Go -- text\n)",
            "create child with its new keys: it has a line that is only / or go",
        ),
    ] {
        let database = Database::family(sql);
        refuses_script(&database, message);
    }
    // Without a semicolon behind it, SQLite keeps the comment.
    for (index, message) in [
        (
            "CREATE INDEX i ON child (parent_id) -- note",
            "ends in a comment, which",
        ),
        (
            "CREATE INDEX i ON child (parent_id) /* a */ -- b",
            "ends in a comment, which",
        ),
    ] {
        let database = Database::family(CHILD);
        database.open().execute_batch(index).unwrap();
        refuses_script(&database, message);
    }
    let lines = Database::family("CREATE TABLE child (id INTEGER PRIMARY KEY,\r\nparent_id)");
    refuses_script(&lines, "CR LF");
}

#[track_caller]
fn refuses_script(database: &Database, message: &str) {
    let refused = database.fkfix("up --dry-run --format sql").status(2);
    refused.stdout("").explains(message);
    database.up().status(0);
}

#[test]
fn a_name_in_the_history_that_no_file_has_comes_into_no_script() {
    let database = Database::family("CREATE TABLE child (id INTEGER PRIMARY KEY, parent_id)");
    database.up().status(0);
    database
        .execute("UPDATE fkfix_schema_history SET name = 'k' || char(10) || 'DROP TABLE parent;'");
    database.refuses(
        "down --dry-run --format sql",
        2,
        "V1__k\\nDROP TABLE parent; was applied to this database from another folder",
    );
}

#[test]
fn a_table_that_is_called_as_the_scripts_own_is_left_alone() {
    let database = Database::of("CREATE TABLE FKFIX_promises (id INTEGER PRIMARY KEY); INSERT INTO FKFIX_promises VALUES (1);
         CREATE TABLE child (id INTEGER PRIMARY KEY, parent_id INTEGER); INSERT INTO child VALUES (1, 1), (2, 9);")
    .with_migration(
        "V1__keys",
        "INSERT INTO fkfix_promises VALUES (7); CREATE INDEX i ON fkfix_promises (id);
         ALTER TABLE child ADD CONSTRAINT fk FOREIGN KEY (parent_id) REFERENCES fkfix_promises (id);",
        "ALTER TABLE child DROP CONSTRAINT fk; DROP INDEX i; DELETE FROM fkfix_promises WHERE id = 7;",
    );
    let scripted = database.copy();
    let script = scripted
        .fkfix("up --documented --dry-run --format sql")
        .status(0)
        .stdout;
    run_here(&scripted, &script);
    database.fkfix("up --documented").status(0);
    assert_eq!(timeless(&scripted), timeless(&database));
    let script = scripted
        .fkfix("down --dry-run --format sql")
        .status(0)
        .stdout;
    run_here(&scripted, &script);
    database.down();
    assert_eq!(timeless(&scripted), timeless(&database));
}
