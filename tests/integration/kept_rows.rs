//! A row that keeps its place loses its key alone, and has it back whatever happened between.

use pretty_assertions::assert_eq;

use crate::support::{Database, binary, finish};

/// `child` with two declared keys that say SET NULL, and rows of every storage class.
fn two_keys() -> Database {
    Database::of(
        "CREATE TABLE p (id INTEGER PRIMARY KEY); CREATE TABLE q (id INTEGER PRIMARY KEY);
         INSERT INTO p VALUES (1), (2); INSERT INTO q VALUES (1), (2);
         CREATE TABLE child (id INTEGER PRIMARY KEY, a INTEGER REFERENCES p ON DELETE SET NULL, b INTEGER REFERENCES q ON DELETE SET NULL, v);
         INSERT INTO child VALUES (1, 1, 1, 1), (2, 2, 2, 1.0), (3, 2, 2, '1'), (4, 2, 2, x'31'), (5, NULL, 2, CAST(x'00ff' AS TEXT));",
    )
}

#[test]
fn keys_forgotten_in_two_runs_come_back_each_with_its_parent() {
    for (first, second) in [("p", "q"), ("q", "p")] {
        let database = two_keys();
        let before = database.picture();
        for gone in [first, second] {
            database.execute(&format!("DELETE FROM {gone} WHERE id = 2"));
            database.fkfix("clean").status(0);
        }
        assert_eq!(
            database.rows("SELECT a, b FROM child WHERE id > 1 GROUP BY 1, 2"),
            ["NULL|NULL"]
        );
        for back in [first, second] {
            database.execute(&format!("INSERT INTO {back} VALUES (2)"));
            database.fkfix("restore").status(0);
            assert_eq!(database.rows("PRAGMA foreign_key_check"), [""; 0]);
            let column = if back == "p" { "a" } else { "b" };
            assert_eq!(
                database.value::<i64>(&format!("SELECT count(*) FROM child WHERE {column} = 2")),
                if back == "p" { 3 } else { 4 },
            );
        }
        assert_eq!(database.picture(), before);
    }
}

#[test]
fn a_row_that_forgot_a_key_and_then_left_comes_back_whole() {
    let database = Database::of(
        "CREATE TABLE p (id INTEGER PRIMARY KEY); CREATE TABLE q (id INTEGER PRIMARY KEY);
         INSERT INTO p VALUES (1), (2); INSERT INTO q VALUES (1), (2);
         CREATE TABLE child (id INTEGER PRIMARY KEY, a INTEGER REFERENCES p ON DELETE SET NULL, b INTEGER NOT NULL REFERENCES q ON DELETE CASCADE, v);
         INSERT INTO child VALUES (1, 1, 1, 'x'), (2, 2, 2, 1.5);",
    );
    let before = database.picture();
    for gone in ["p", "q"] {
        database.execute(&format!("DELETE FROM {gone} WHERE id = 2"));
        database.fkfix("clean").status(0);
    }
    database.execute("INSERT INTO p VALUES (2); INSERT INTO q VALUES (2)");
    database
        .fkfix("restore")
        .status(0)
        .says("  2 rows moved from child_orphans back to child\n");
    assert_eq!(database.picture(), before);
}

#[test]
fn up_application_clean_down_restore() {
    let database = Database::of(
        "CREATE TABLE p (id INTEGER PRIMARY KEY); INSERT INTO p VALUES (1), (2);
         CREATE TABLE q (id INTEGER PRIMARY KEY); INSERT INTO q VALUES (1);
         CREATE TABLE child (id INTEGER PRIMARY KEY, a INTEGER, b INTEGER REFERENCES q ON DELETE SET NULL, v);
         INSERT INTO child VALUES (1, 1, 1, 1), (2, 9, 1, 1.0), (3, 8, 1, 'x');",
    )
    .with_migration(
        "V1__keys",
        "ALTER TABLE child ADD CONSTRAINT fk FOREIGN KEY (a) REFERENCES p (id) ON DELETE SET NULL",
        "ALTER TABLE child DROP CONSTRAINT fk",
    );
    // These go by what the database declares, and know no migrations.
    let run = |verb: &str| {
        let mut command = binary();
        command.args([verb, "-d"]).arg(&database.path);
        finish(&mut command, &database.path).status(0)
    };
    let before = database.picture();
    database.up();
    database.execute(
        "UPDATE child SET v = 'new' WHERE id = 3; DELETE FROM q; INSERT INTO q VALUES (7)",
    );
    run("clean");
    assert_eq!(
        database.rows("SELECT id, a, b, v FROM child"),
        ["1|1|NULL|1", "2|NULL|NULL|1.0", "3|NULL|NULL|'new'"]
    );
    database.down();
    assert_eq!(
        database.rows("SELECT id, a, b, v FROM child"),
        ["1|1|NULL|1", "2|9|NULL|1.0", "3|8|NULL|'new'"]
    );
    database.execute("DELETE FROM q; INSERT INTO q VALUES (1)");
    run("restore").says("  3 rows moved from child_orphans back to child\n");
    database.execute("UPDATE child SET v = 'x' WHERE id = 3");
    assert_eq!(database.picture(), before);
}

#[test]
fn a_value_that_an_update_would_convert_is_not_converted() {
    // Text in a numeric column, as it is where the type was edited or an older SQLite wrote it.
    let database = || {
        Database::of(
            "CREATE TABLE p (id INTEGER PRIMARY KEY); INSERT INTO p VALUES (1);
             CREATE TABLE child (id INTEGER PRIMARY KEY, a INTEGER REFERENCES p ON DELETE CASCADE); INSERT INTO child VALUES (1, 1), (2, 9);
             CREATE TABLE note (id INTEGER PRIMARY KEY, c INTEGER REFERENCES child ON DELETE SET NULL, n TEXT); INSERT INTO note VALUES (1, 1, 'x'), (2, 2, '05');
             PRAGMA writable_schema = ON; UPDATE sqlite_schema SET sql = replace(sql, 'n TEXT', 'n NUMERIC') WHERE name = 'note';",
        )
    };
    for policy in ["follow", "delete"] {
        let database = database();
        let message = match policy {
            "follow" => "a row that would leave note could not come back as it is",
            _ => {
                "a row that would lose its key in note could not stay as it is: row 2 holds text in n"
            }
        };
        database.refuses(&format!("clean --orphans {policy}"), 2, message);
    }
}

#[test]
fn deleted_orphans_leave_what_refers_to_them_without_a_key_and_otherwise_as_it_is() {
    let database = Database::of(
        "CREATE TABLE p (id INTEGER PRIMARY KEY); INSERT INTO p VALUES (1);
         CREATE TABLE child (id INTEGER PRIMARY KEY, a INTEGER REFERENCES p ON DELETE CASCADE); INSERT INTO child VALUES (1, 1), (2, 9);
         CREATE TABLE note (t, c INTEGER DEFAULT 1 REFERENCES child ON DELETE SET DEFAULT, n); INSERT INTO note VALUES ('a', 1, 1.0), (x'00', 2, 1.0), (NULL, 2, '1');
         CREATE TABLE tag (k TEXT COLLATE NOCASE, l, c INTEGER REFERENCES child ON DELETE SET NULL, PRIMARY KEY (k, l)) WITHOUT ROWID; INSERT INTO tag VALUES ('A', 1, 2), ('b', 1.5, 2);",
    );
    let planned = database.fkfix("clean --orphans delete --dry-run").stdout;
    for table in ["note", "tag"] {
        assert!(planned.contains(&format!(
            "keep the rows of {table} that lose a key as they are"
        )));
        assert!(planned.contains(&format!(
            "nothing but forgotten keys has changed in {table}"
        )));
    }
    database.fkfix("clean --orphans delete").status(0);
    assert_eq!(
        database.rows("SELECT rowid, * FROM note"),
        ["1|'a'|1|1.0", "2|x'00'|1|1.0", "3|NULL|1|'1'"]
    );
    assert_eq!(
        database.rows("SELECT * FROM tag"),
        ["'A'|1|NULL", "'b'|1.5|NULL"]
    );
    assert_eq!(
        database.rows("SELECT name FROM sqlite_schema WHERE name LIKE '%orphans'"),
        [""; 0]
    );
}

#[test]
fn a_default_is_looked_for_as_its_column_stores_it() {
    for (parent, there, child, rest, becomes) in [
        ("TEXT", "7.0", "REAL DEFAULT 7", "", &["7.0"][..]),
        ("TEXT", "7.0", "TEXT DEFAULT 7", "", &[]),
        ("ANY", "07", "ANY DEFAULT '07'", "STRICT", &["'07'"]),
        ("ANY", "7", "TEXT DEFAULT 07", "STRICT", &["'7'"]),
    ] {
        let database = Database::of(&format!(
            "CREATE TABLE p (id {parent} PRIMARY KEY NOT NULL) {rest}; INSERT INTO p VALUES ('{there}');
             CREATE TABLE child (id INTEGER PRIMARY KEY, a {child} REFERENCES p ON DELETE SET DEFAULT) {rest};
             INSERT INTO child VALUES (1, '{there}'), (2, '9.5')"
        ));
        let before = database.picture();
        database.fkfix("clean").status(0);
        let now = database.rows("SELECT a FROM child WHERE id = 2");
        assert_eq!(now, becomes, "{child}");
        database.execute("INSERT INTO p VALUES ('9.5')");
        database.fkfix("restore").status(0);
        database.execute("DELETE FROM p WHERE id = '9.5'");
        assert_eq!(database.picture(), before);
    }
}

#[test]
fn a_check_that_names_its_own_table_is_tried_as_it_stands() {
    for (check, kept) in [("child.a IS NOT 7", 1), ("child.a IS NOT NULL", 0)] {
        let database = Database::of(&format!(
            "CREATE TABLE p (id INTEGER PRIMARY KEY); INSERT INTO p VALUES (1);
             CREATE TABLE child (id INTEGER PRIMARY KEY, a INTEGER REFERENCES p ON DELETE SET NULL, CHECK ({check})); INSERT INTO child VALUES (1, 1), (2, 9);
             CREATE UNIQUE INDEX i ON child (id) WHERE child.a IS NULL;"
        ));
        let before = database.picture();
        let dry = database
            .fkfix("clean --dry-run --format json")
            .status(0)
            .json();
        let done = database.fkfix("clean --format json").status(0).json();
        assert_eq!(dry["set_null"], done["set_null"]);
        assert_eq!(
            database.value::<i64>("SELECT count(*) FROM child WHERE a IS NULL"),
            kept
        );
        database.execute("INSERT INTO p VALUES (9)");
        database.fkfix("restore").status(0);
        database.execute("DELETE FROM p WHERE id = 9");
        assert_eq!(database.picture(), before);
    }
}

#[test]
fn update_triggers_change_no_other_column_on_any_way() {
    for when in ["BEFORE", "AFTER"] {
        let database = Database::of(&format!(
            "CREATE TABLE p (id INTEGER PRIMARY KEY); INSERT INTO p VALUES (1);
             CREATE TABLE child (id INTEGER PRIMARY KEY, a INTEGER REFERENCES p ON DELETE SET NULL, v, changed INTEGER DEFAULT 0); INSERT INTO child (id, a, v) VALUES (1, 1, 'x'), (2, 9, 'y');
             CREATE TRIGGER u {when} UPDATE OF a ON child BEGIN UPDATE child SET changed = changed + 1, v = NULL WHERE id = new.id; END;"
        ));
        let before = database.picture();
        let named = format!("1 row changes in child without its trigger u ({when} UPDATE)");
        database.fkfix("clean").status(0).remarks(&named);
        assert_eq!(
            database.rows("SELECT * FROM child WHERE id = 2"),
            ["2|NULL|'y'|0"]
        );
        database.execute("INSERT INTO p VALUES (9)");
        database.fkfix("restore").status(0).remarks(&named);
        database.execute("DELETE FROM p WHERE id = 9");
        assert_eq!(database.picture(), before);
    }
}
