//! A key that a migration added is looked for under the names that later ones give its tables and
//! columns, as SQLite carries it along.

use std::process::Command;

use crate::database::{Checked, Database, check, text};

const TABLES: &str = "CREATE TABLE p (id INTEGER PRIMARY KEY, code TEXT UNIQUE); INSERT INTO p VALUES (1, 'a');
    CREATE TABLE c (id INTEGER PRIMARY KEY, pid INTEGER, code TEXT, up INTEGER); INSERT INTO c VALUES (1, 1, 'a', NULL), (2, 1, NULL, 1);
    CREATE INDEX c_pid ON c (pid); CREATE INDEX c_code ON c (code); CREATE INDEX c_up ON c (up);";

const KEYS: &str =
    "ALTER TABLE c ADD CONSTRAINT c_p FOREIGN KEY (pid) REFERENCES p ON DELETE CASCADE;
    ALTER TABLE c ADD CONSTRAINT c_code FOREIGN KEY (code) REFERENCES p (code) ON UPDATE CASCADE;
    ALTER TABLE c ADD CONSTRAINT c_up FOREIGN KEY (\"up\") REFERENCES c (id);";

/// A database with the keys, and with `later` applied after them.
fn after(later: &str) -> (Database, String) {
    let database = Database::empty();
    database.run(TABLES);
    for (name, script) in [
        ("V1__keys.sql", KEYS),
        ("V1__keys.down.sql", "SELECT 1"),
        ("V2__later.sql", later),
        ("V2__later.down.sql", "SELECT 1"),
    ] {
        database.file(&format!("migrations/{name}"), script);
    }
    let folder = database.folder.path().join("migrations");
    let folder = text(&folder).to_owned();
    database.fkfix_up(&["--migrations", &folder]);
    (database, folder)
}

/// What a check finds in the database, and in a dump of it.
fn checked((database, folder): &(Database, String)) -> [Checked; 2] {
    let dump = Command::new("sqlite3")
        .arg(database.path())
        .arg(".schema")
        .output()
        .unwrap();
    let dump = database.file("dump.sql", std::str::from_utf8(&dump.stdout).unwrap());
    [
        database.check(&["--migrations", folder]),
        check(&["--schema", text(&dump), "--migrations", folder]),
    ]
}

#[test]
fn what_was_renamed_is_found_under_its_new_name() {
    for later in [
        "ALTER TABLE c RENAME COLUMN pid TO parent_id;",
        "ALTER TABLE c RENAME code TO \"the code\"; ALTER TABLE p RENAME code TO kode;",
        "ALTER TABLE p RENAME TO parents;",
        "ALTER TABLE main.c RENAME TO \"c (old)\"; ALTER TABLE \"c (old)\" RENAME COLUMN pid TO x;",
        "ALTER TABLE c RENAME COLUMN id TO number; ALTER TABLE c RENAME COLUMN up TO boss; ALTER TABLE c RENAME TO people;",
        "ALTER TABLE p RENAME COLUMN id TO key; ALTER TABLE p RENAME TO q; ALTER TABLE q RENAME COLUMN key TO k;",
        "CREATE TABLE other (pid); ALTER TABLE other RENAME COLUMN pid TO z; ALTER TABLE other RENAME TO z;",
    ] {
        let database = after(later);
        for checked in checked(&database) {
            assert_eq!(checked.status, 0, "{later}: {:#?}", checked.document);
            assert_eq!(checked.document["errors"], 0, "{later}");
        }
    }
}

#[test]
fn what_is_dropped_later_is_not_expected() {
    for later in [
        "ALTER TABLE c RENAME TO d; ALTER TABLE d DROP CONSTRAINT c_up; ALTER TABLE d DROP CONSTRAINT c_code; ALTER TABLE d DROP CONSTRAINT c_p;",
        "DROP TABLE c;",
        "DROP TABLE IF EXISTS main.\"c\"; DROP TABLE p",
    ] {
        for checked in checked(&after(later)) {
            assert_eq!(checked.status, 0, "{later}: {:#?}", checked.document);
        }
    }
}

#[test]
fn a_key_that_a_tool_has_lost_since_is_missing_under_its_new_name() {
    let renamed = after("ALTER TABLE c RENAME COLUMN pid TO parent_id; ALTER TABLE p RENAME TO q;");
    renamed.0.run(
        "CREATE TABLE n (id INTEGER PRIMARY KEY, parent_id INTEGER, code TEXT REFERENCES q (code) ON UPDATE CASCADE, up INTEGER REFERENCES c (id));
         INSERT INTO n SELECT * FROM c; DROP TABLE c; ALTER TABLE n RENAME TO c;
         CREATE INDEX c_pid ON c (parent_id); CREATE INDEX c_code ON c (code); CREATE INDEX c_up ON c (up);",
    );
    for checked in checked(&renamed) {
        assert_eq!(checked.found(), ["key-missing c (parent_id)"]);
    }
    let rebuilt = after(
        "CREATE TABLE n (id INTEGER PRIMARY KEY, pid INTEGER, code TEXT, up INTEGER); INSERT INTO n SELECT * FROM c; DROP TABLE c; ALTER TABLE n RENAME TO c;",
    );
    for checked in checked(&rebuilt) {
        let found = checked.found();
        let missing = found.iter().filter(|it| it.starts_with("key-missing c ("));
        assert_eq!(missing.count(), 3, "{found:?}");
    }
}

#[test]
fn pending_keys_behind_other_statements_are_left_to_the_dry_run() {
    let (database, folder) = after("SELECT 1;");
    for (name, script) in [
        (
            "V3__first.sql",
            "ALTER TABLE c RENAME COLUMN pid TO first_id; ALTER TABLE c ADD COLUMN late TEXT; CREATE TABLE r (id INTEGER PRIMARY KEY);",
        ),
        (
            "V4__then.sql",
            "ALTER TABLE c ADD CONSTRAINT c_late FOREIGN KEY (late) REFERENCES r (id);",
        ),
    ] {
        database.file(&format!("migrations/{name}"), script);
        database.file(
            &format!("migrations/{}", name.replace(".sql", ".down.sql")),
            "",
        );
    }
    let checked = database.check(&["--migrations", &folder]);
    assert_eq!(
        checked.found(),
        ["migration-pending V3__first", "migration-pending V4__then"]
    );
    database.fkfix_up(&["--migrations", &folder]);
    let checked = database.check(&["--migrations", &folder, "--ignore", "no-child-index"]);
    assert_eq!(checked.found(), ["affinity-differs c (late)"]);
}

#[test]
fn a_finding_knows_its_table_whatever_it_is_called() {
    let database = Database::empty();
    let names = ["a", "a (b", "a (b) (c", "V1__x", "new\nline (x"];
    for name in names {
        database.run(&format!(
            "CREATE TABLE \"{name}\" (id INTEGER PRIMARY KEY, \"k (\" INTEGER REFERENCES missing (id), d INTEGER REFERENCES a (id))"
        ));
    }
    database.run("CREATE TABLE \"new_a (b\" (id)");
    let folder = database.file("migrations/V1__x.sql", "SELECT 1;");
    let folder = folder.parent().unwrap().to_owned();
    let dump: Vec<_> = names
        .iter()
        .chain(&["new_a (b"])
        .map(|name| {
            let query = format!("SELECT sql || ';' FROM sqlite_schema WHERE name = '{name}'");
            let connection = rusqlite::Connection::open(database.path()).unwrap();
            connection
                .query_row(&query, [], |row| row.get::<_, String>(0))
                .unwrap()
        })
        .collect();
    let dump = database.file("dump.sql", &dump.join("\n"));
    let checked = check(&["--schema", text(&dump), "--migrations", text(&folder)]);
    let mut lines: Vec<_> = checked
        .findings()
        .iter()
        .filter(|it| ["parent-missing", "no-child-index"].contains(&it["code"].as_str().unwrap()))
        .map(|it| (it["object"].as_str().unwrap(), it["line"].as_u64()))
        .collect();
    lines.sort_unstable();
    assert_eq!(
        lines,
        [
            ("V1__x (d)", Some(4)),
            ("V1__x (k ()", Some(4)),
            ("a (b (d)", Some(2)),
            ("a (b (k ()", Some(2)),
            ("a (b) (c (d)", Some(3)),
            ("a (b) (c (k ()", Some(3)),
            ("a (d)", Some(1)),
            ("a (k ()", Some(1)),
            ("new\nline (x (d)", Some(5)),
            ("new\nline (x (k ()", Some(5)),
        ]
    );
    let line = |code: &str| {
        let finding = checked.findings().iter().find(|it| it["code"] == code);
        finding.unwrap()["line"].as_u64()
    };
    assert_eq!(line("leftover-table"), Some(7));
    // A migration is no table, though one is called so.
    assert_eq!(line("down-script-missing"), None);
}
