//! `enforce` makes its triggers, tells of them, and takes them away again.

use std::process::Command;

use pretty_assertions::assert_eq;

use crate::support::{Database, Picture};

/// `parent` (1, 2) and `child` with a key, and a migration that adds another.
pub fn two_keys() -> Database {
    Database::family(
        "CREATE TABLE owner (id INTEGER PRIMARY KEY); INSERT INTO owner VALUES (1), (2);
         CREATE TABLE child (id INTEGER PRIMARY KEY, parent_id INTEGER, owner_id INTEGER REFERENCES owner (id) ON DELETE SET NULL);
         INSERT INTO child VALUES (1, 1, 1), (2, 2, 2), (3, 9, 1);",
    )
}

pub fn enforce(database: &Database, options: &str) {
    database
        .fkfix(&format!("enforce {options}"))
        .status(0)
        .stderr("");
}

#[test]
fn a_program_that_never_sets_the_pragma_keeps_no_orphan() {
    const PROGRAM: &str = r#"
import sqlite3, sys
database = sqlite3.connect(sys.argv[1])
count = lambda query: database.execute("SELECT count(*) FROM " + query).fetchone()[0]
assert database.execute("PRAGMA foreign_keys").fetchone()[0] == 0
logs = count("webhook_logs")
with database:
    assert database.execute("DELETE FROM alert_rules WHERE id = ?", (sys.argv[2],)).rowcount == 1
    assert database.execute("DELETE FROM events WHERE id = ?", (sys.argv[3],)).rowcount == 1
assert 0 < count("webhook_logs") < logs
assert count("pragma_foreign_key_check") == 0
rule = database.execute("SELECT id FROM alert_rules").fetchone()[0]
event = database.execute("SELECT id FROM events").fetchone()[0]
log = """INSERT INTO webhook_logs (alert_rule_id, event_id, url, status_code, response_time_ms, retry_count, success, created_at)
         VALUES (?, ?, 'https://hooks.example.com/new', 200, 5, 0, 1, '2026-01-01 00:00:00')"""
database.execute(log, (rule, event))
for keys in [("nobody", event), (rule, "nothing")]:
    try:
        database.execute(log, keys)
        sys.exit("a log of %s and %s was written" % keys)
    except sqlite3.IntegrityError as error:
        assert str(error).startswith("FOREIGN KEY constraint failed: webhook_logs ("), error
database.commit()
"#;
    for (name, rule, event) in [
        ("app-orm", "r1", "e2"),
        (
            "app-migrated",
            "a0000000-0000-4000-8000-000000000003",
            "e0000000-0000-4000-8000-000000000007",
        ),
    ] {
        let database = Database::fixture(name);
        database.up();
        enforce(&database, "--strict");
        let output = Command::new("python3")
            .args(["-c", PROGRAM])
            .arg(&database.path)
            .args([rule, event])
            .output()
            .unwrap();
        assert!(output.status.success(), "{name}: {output:?}");
        let check = "SELECT count(*) FROM pragma_foreign_key_check";
        assert_eq!(database.value::<i64>(check), 0, "{name}");
    }
}

#[test]
fn what_comes_with_enforce_goes_with_remove_and_nothing_else() {
    for name in ["app-orm", "app-migrated", "nasty"] {
        let database = Database::fixture(name);
        database.up();
        let before = database.picture();
        enforce(&database, "--strict");
        let mut after = database.picture();
        assert_ne!(after, before);
        after
            .schema
            .retain(|(_, name, _), _| !name.starts_with("fkfix_enforce_"));
        after
            .order
            .retain(|(name, _)| !name.starts_with("fkfix_enforce_"));
        assert_eq!(after, before);
        enforce(&database, "--remove");
        assert_eq!(database.picture(), before);
    }
}

#[test]
fn a_second_run_finds_nothing_to_do_and_what_is_stale_is_replaced() {
    let database = two_keys();
    database.up();
    database.fkfix("enforce").status(0).stderr("").stdout(
        "\
created fkfix_enforce_child_1_delete on owner
created fkfix_enforce_child_1_update on owner
created fkfix_enforce_child_2_delete on parent
created fkfix_enforce_child_2_update on parent
2 foreign keys of app.db are carried out on every connection by 4 triggers
",
    );
    let installed = database.picture();
    database.fkfix("enforce").status(0).stdout(
        "nothing to do: 2 foreign keys of app.db are carried out on every connection by 4 triggers\n",
    );
    database.execute(
        "DROP TRIGGER fkfix_enforce_child_1_delete;
         CREATE TRIGGER fkfix_enforce_child_1_delete AFTER DELETE ON owner BEGIN /* made by fkfix enforce */ SELECT 1; END;
         DROP TRIGGER fkfix_enforce_child_2_update;",
    );
    let check = database.fkfix("check --format json --ignore no-child-index");
    let findings = check.status(1).json()["findings"].clone();
    let told: Vec<_> = findings
        .as_array()
        .unwrap()
        .iter()
        .map(|it| format!("{} {}", it["code"], it["object"]))
        .collect();
    assert_eq!(
        told,
        [
            "\"enforcement-missing\" \"child (owner_id)\"",
            "\"enforcement-missing\" \"child (parent_id)\"",
            "\"enforcement-stale\" \"owner\"",
            "\"archive-not-empty\" \"child_orphans\""
        ]
    );
    database.fkfix("enforce").status(0).stdout(
        "\
replaced fkfix_enforce_child_1_delete on owner
created fkfix_enforce_child_2_update on parent
2 foreign keys of app.db are carried out on every connection by 4 triggers
",
    );
    // The test itself has dropped triggers, which are made again at the end of the schema.
    assert_eq!(database.picture().in_any_order(), installed.in_any_order());
}

#[test]
fn strict_stays_until_the_triggers_are_removed() {
    let database = two_keys();
    enforce(&database, "--strict");
    enforce(&database, "");
    let orphan = "INSERT INTO child (owner_id) VALUES (77)";
    let error = database.open().execute(orphan, []).unwrap_err().to_string();
    assert_eq!(
        error,
        "FOREIGN KEY constraint failed: child (owner_id) references owner (id) on delete set null"
    );
    enforce(&database, "--remove");
    enforce(&database, "");
    database.execute(orphan);
}

#[test]
fn triggers_of_the_user_are_neither_taken_for_ours_nor_touched() {
    let own = "CREATE TRIGGER fkfix_enforce_other AFTER DELETE ON owner BEGIN SELECT 1; END";
    let database = two_keys().with(own);
    let before = database.picture();
    database
        .fkfix("enforce --remove")
        .status(0)
        .stdout("nothing to do: app.db has no trigger of fkfix enforce\n");
    enforce(&database, "");
    enforce(&database, "--remove");
    assert_eq!(database.picture(), before);
    let database = two_keys().with(&own.replace("_other", "_CHILD_1_delete"));
    database.refuses(
        "enforce",
        2,
        "there is a trigger fkfix_enforce_child_1_delete that fkfix has not made",
    );
}

#[test]
fn a_rebuild_keeps_the_triggers_and_the_way_back_tells_which_are_stale() {
    let database = two_keys();
    enforce(&database, "--strict");
    let triggers = |picture: Picture| -> Vec<_> {
        let schema = picture.schema.into_iter();
        schema.filter(|((kind, ..), _)| kind == "trigger").collect()
    };
    let before = triggers(database.picture());
    assert_eq!(before.len(), 4);
    database.up();
    assert_eq!(triggers(database.picture()), before);
    // The key that came is not carried out yet.
    let check = "check --ignore no-child-index --ignore archive-not-empty";
    database
        .fkfix(check)
        .status(1)
        .says("error[enforcement-missing] child (parent_id)");
    enforce(&database, "");
    database.fkfix(check).status(0);
    let down = database.down();
    assert_eq!(
        down.stderr,
        "hint: triggers of fkfix enforce still carry out keys that are gone; run fkfix enforce to remove these\n"
    );
    // Row 3 has no parent, and is back all the same.
    assert_eq!(
        database.rows("SELECT * FROM child"),
        ["1|1|1", "2|2|2", "3|9|1"]
    );
    database.fkfix(check).status(1).says("enforcement-stale");
    enforce(&database, "");
    assert_eq!(triggers(database.picture()), before);
}

#[test]
fn a_renamed_table_or_column_does_not_make_triggers_stale() {
    let database = Database::of(
        "CREATE TABLE parent (id INTEGER PRIMARY KEY); CREATE TABLE child (a REFERENCES parent ON DELETE CASCADE);",
    );
    enforce(&database, "--strict");
    database.execute(
        "ALTER TABLE parent RENAME TO \"the parent\"; ALTER TABLE child RENAME TO kid;
         ALTER TABLE kid RENAME COLUMN a TO [b c]; ALTER TABLE \"the parent\" RENAME COLUMN id TO number;
         INSERT INTO \"the parent\" VALUES (1), (2); INSERT INTO kid VALUES (1), (2); DELETE FROM \"the parent\" WHERE number = 1;",
    );
    assert_eq!(database.rows("SELECT * FROM kid"), ["2"]);
    let check = database.fkfix("check --ignore no-child-index --ignore affinity-differs --ignore migration-pending --ignore table-missing");
    check.status(0).says("nothing found");
    // Their names and messages are brought up to date.
    database
        .fkfix("enforce")
        .status(0)
        .says("created fkfix_enforce_kid_1_delete on the parent\n")
        .says("dropped fkfix_enforce_child_1_delete on the parent\n");
    enforce(&database, "");
}

#[test]
fn a_dump_loaded_into_another_database_has_them_too() {
    let database = two_keys();
    enforce(&database, "--strict");
    let dump = "SELECT group_concat(sql, ';') FROM (SELECT sql FROM sqlite_schema ORDER BY type = 'trigger')";
    let copy = Database::of(&database.value::<String>(dump));
    assert_eq!(copy.picture().schema, database.picture().schema);
    copy.fkfix("enforce")
        .status(0)
        .says("nothing to do: 1 foreign key ");
}

#[test]
fn status_lists_them() {
    let database = two_keys();
    enforce(&database, "");
    database.fkfix("status").status(0).stdout(
        "\
V1 keys  pending
fkfix_enforce_child_1_delete on owner carries out a key
fkfix_enforce_child_1_update on owner carries out a key
",
    );
    let json = database.fkfix("status --format json").json();
    assert_eq!(
        json["enforcement"],
        serde_json::json!([
            {"trigger": "fkfix_enforce_child_1_delete", "table": "owner"},
            {"trigger": "fkfix_enforce_child_1_update", "table": "owner"}
        ])
    );
}

#[test]
fn a_dry_run_tells_what_would_come_and_changes_not_one_byte() {
    let database = two_keys().with("CREATE INDEX owners ON child (owner_id)");
    let files = database.files();
    database
        .fkfix("enforce --dry-run")
        .status(0)
        .stderr("")
        .stdout(
            "\
would create fkfix_enforce_child_1_delete on owner
would create fkfix_enforce_child_1_update on owner
1 foreign key of app.db would be carried out on every connection by 2 triggers
",
        );
    let script = database
        .fkfix("enforce --strict --dry-run --format sql")
        .stdout;
    assert!(database.files() == files, "a dry run has changed a file");
    let copy = database.copy();
    copy.execute(&script.replace("\n.bail on\n", "\n"));
    enforce(&database, "--strict");
    assert_eq!(copy.picture(), database.picture());
    database.refuses(
        "enforce --format sql",
        2,
        "--format sql goes with --dry-run",
    );
}

#[test]
fn the_document_tells_each_key_and_what_its_triggers_do_otherwise() {
    let database = Database::of(
        "CREATE TABLE node (id INTEGER PRIMARY KEY, up INTEGER REFERENCES node,
           late INTEGER REFERENCES node ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED,
           made INTEGER DEFAULT (abs(-1)) REFERENCES node ON DELETE SET DEFAULT);
         CREATE TABLE lost (gone INTEGER REFERENCES nowhere)",
    );
    let finished = database.fkfix("enforce --strict --format json").status(0);
    assert_eq!(
        finished.stderr,
        "\
warning: node(up) refers to its own table, and a trigger checks each row, not the whole statement: one that deletes a parent before its children, or writes a child before its parent, is refused
warning: node(late) is DEFERRABLE INITIALLY DEFERRED: SQLite checks it at COMMIT, which a trigger can't, so nothing is refused
warning: node(made) refuses to delete a parent that has children instead of ON DELETE SET DEFAULT: the default of made is not a constant
warning: node(made) refers to its own table, and a trigger checks each row, not the whole statement: one that writes a child before its parent is refused
warning: lost(gone) is not carried out: there is no table nowhere
"
    );
    let json = finished.json();
    let told: Vec<_> = json["keys"]
        .as_array()
        .unwrap()
        .iter()
        .map(|key| {
            (
                key["columns"][0].as_str().unwrap(),
                key["triggers"].as_array().unwrap().len(),
            )
        })
        .collect();
    assert_eq!(told, [("up", 4), ("late", 1), ("made", 4), ("gone", 0)]);
    assert_eq!(
        (json["triggers"].as_i64(), &json["strict"]),
        (Some(9), &true.into())
    );
    database.execute("INSERT INTO node (id, late, made) VALUES (1, NULL, NULL), (2, 1, NULL), (3, 99, NULL), (4, NULL, 3)");
    database.execute("DELETE FROM node WHERE id = 1");
    assert_eq!(database.rows("SELECT id FROM node"), ["3", "4"]);
    let error = database.open().execute("DELETE FROM node WHERE id = 3", []);
    let error = error.unwrap_err().to_string();
    assert!(error.ends_with("a trigger can not carry this out, PRAGMA foreign_keys = ON can: the default of made is not a constant"), "{error}");
    let enforcing = database.open_enforcing();
    // 1, the default, has no parent; without a child there is nothing to refuse.
    enforcing
        .execute("DELETE FROM node WHERE id = 3", [])
        .unwrap_err();
    enforcing
        .execute("DELETE FROM node WHERE id = 4", [])
        .unwrap();
}

#[test]
fn a_database_without_keys_and_one_without_triggers_have_nothing_to_do() {
    let database = Database::of("CREATE TABLE t (a)");
    database
        .fkfix("enforce")
        .status(0)
        .stdout("nothing to do: app.db declares no foreign key\n");
    let database = Database::of("CREATE TABLE t (a REFERENCES u (b)); CREATE TABLE u (b)");
    database
        .fkfix("enforce")
        .status(0)
        .stdout("nothing to do: app.db declares no foreign key that triggers can carry out\n")
        .stderr("warning: t(a) is not carried out: u (b) is neither PRIMARY KEY nor UNIQUE\n");
}
