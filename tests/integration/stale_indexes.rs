//! An index with as many entries as its table has rows, but of other values, decides about no row.
//!
//! Each database is tried with the index stale and after REINDEX, which is the remedy that is named.

use pretty_assertions::assert_eq;
use rusqlite::Connection;

use crate::support::{Database, binary, finish};

const FAMILY: &str = "CREATE TABLE child (id INTEGER PRIMARY KEY, parent_id INTEGER, t TEXT); INSERT INTO child VALUES (1, 1, 'a'), (2, 2, 'b'), (3, 9, 'c'), (4, 9, 'd');";

const GRANDCHILDREN: &str = "INSERT INTO grandchild VALUES (1, 1, 'x'), (2, 2, 'y'), (3, 1, 'z')";

/// `grandchild`, whose rows refer to children with `action`, and an index `i` of it on `indexed`.
fn grandchild(action: &str, indexed: &str) -> Database {
    Database::family(FAMILY).with(&format!(
        "CREATE TABLE grandchild (id INTEGER PRIMARY KEY, child_id INTEGER REFERENCES child (id) {action}, t TEXT);
         CREATE INDEX i ON grandchild ({indexed}); {GRANDCHILDREN}"
    ))
}

const DAMAGED: &str = "an index of grandchild is damaged: ";

#[test]
fn rows_that_refer_to_rows_that_leave_are_all_found() {
    for action in ["ON DELETE CASCADE", "ON DELETE SET NULL"] {
        for indexed in ["child_id", "child_id, t", "child_id, t, id"] {
            let database = grandchild(action, indexed).unheard_by(
                "i",
                None,
                "UPDATE grandchild SET child_id = 3 WHERE id = 1",
            );
            database.refuses_to_look(DAMAGED);
            database.execute("REINDEX grandchild");
            database.fkfix("orphans").status(1);
            let before = database.picture();
            database.up();
            database.down();
            assert_eq!(database.picture(), before, "{action} {indexed}");
        }
    }
}

#[test]
fn rows_that_refer_to_no_row_that_leaves_stay() {
    for action in ["ON DELETE CASCADE", "ON DELETE SET NULL"] {
        let database = grandchild(action, "child_id")
            .with("UPDATE grandchild SET child_id = 3 WHERE id = 1")
            .unheard_by(
                "i",
                None,
                "UPDATE grandchild SET child_id = 1 WHERE id = 1; UPDATE grandchild SET child_id = 4 WHERE id = 2",
            );
        database.refuses_to_look(DAMAGED);
        database.execute("REINDEX grandchild; UPDATE grandchild SET child_id = 1");
        assert_eq!(database.goes_up_and_down(), 2, "{action}");
    }
}

#[test]
fn rows_that_do_not_let_others_go_are_all_counted() {
    let database = grandchild("ON DELETE RESTRICT", "child_id").unheard_by(
        "i",
        None,
        "UPDATE grandchild SET child_id = 3 WHERE id < 3",
    );
    database
        .fkfix("up")
        .status(1)
        .explains("2 rows of grandchild refer to rows of child that would have to go");
}

#[test]
fn a_chain_within_one_table_is_followed_to_its_end() {
    let database = Database::family(FAMILY)
        .with(
            "CREATE TABLE grandchild (id INTEGER PRIMARY KEY, child_id INTEGER REFERENCES child ON DELETE CASCADE, up INTEGER REFERENCES grandchild ON DELETE CASCADE);
             CREATE INDEX i ON grandchild (up);
             INSERT INTO grandchild VALUES (1, 3, NULL), (2, 1, 1), (3, 1, 2), (4, 1, NULL), (5, 1, 4)",
        )
        .unheard_by("i", None, "UPDATE grandchild SET up = 3 WHERE id = 5");
    database.refuses_to_look(DAMAGED);
    database.execute("REINDEX grandchild");
    database.up();
    assert_eq!(database.rows("SELECT id FROM grandchild"), ["4"]);
}

/// As many orphans by the index as by the rows, but others.
#[test]
fn the_orphans_are_those_of_the_rows() {
    for indexed in ["parent_id", "parent_id, t", "t, parent_id"] {
        let database = Database::family(FAMILY)
            .with(&format!("CREATE INDEX i ON child ({indexed})"))
            .unheard_by(
                "i",
                None,
                "UPDATE child SET parent_id = 2 WHERE id = 3; UPDATE child SET parent_id = 9 WHERE id = 1",
            );
        let looked = database.fkfix("orphans");
        if looked.status == Some(1) {
            looked.says("\n    1   9          a\n    4   9          d\n");
            database.up();
            assert_eq!(
                database.rows("SELECT id, parent_id FROM child NOT INDEXED"),
                ["2|2", "3|2"]
            );
        } else {
            database.refuses_to_look("an index of child or parent is damaged");
            database.execute("REINDEX child");
            assert_eq!(database.goes_up_and_down(), 2, "{indexed}");
        }
    }
}

#[test]
fn check_counts_the_rows_themselves() {
    for indexed in ["child_id", "child_id, t", "t, child_id, id"] {
        let database = grandchild("", indexed).unheard_by(
            "i",
            None,
            "UPDATE grandchild SET child_id = 77 WHERE id = 1",
        );
        database
            .fkfix("check")
            .says("1 row of grandchild breaks the key (child_id) references child (id)");
    }
    // And a parent that the index does not know is none the less there.
    let database = Database::of(
        "CREATE TABLE p (id TEXT COLLATE NOCASE PRIMARY KEY, n); INSERT INTO p VALUES ('a', 1), ('b', 2);
         CREATE TABLE c (id INTEGER PRIMARY KEY, p_id TEXT REFERENCES p); INSERT INTO c VALUES (1, 'a'), (2, 'Q')",
    )
    .unheard_by("sqlite_autoindex_p_1", None, "UPDATE p SET id = 'q' WHERE id = 'b'");
    database
        .fkfix("check")
        .status(2)
        .explains("the index sqlite_autoindex_p_1 of p is damaged");
    database.execute("REINDEX p");
    let check = database.fkfix("check");
    assert!(!check.stdout.contains("breaks"), "{check:#?}");
}

#[test]
fn the_relatives_of_a_row_are_found_by_the_rows() {
    let database = grandchild("ON DELETE CASCADE", "child_id").unheard_by(
        "i",
        None,
        "UPDATE grandchild SET child_id = 2 WHERE id = 1",
    );
    let show = || {
        finish(
            binary()
                .args(["show", "child", "2", "-d"])
                .arg(&database.path),
            &database.path,
        )
    };
    show().status(2).explains(DAMAGED);
    database.execute("REINDEX grandchild");
    show().status(0).says("2 rows");
}

/// `child` with an orphan, under a further key to `other`, whose index is `sqlite_autoindex_other_1`.
fn with_key_that_stays(others: &str) -> Database {
    let database = Database::family(
        "CREATE TABLE other (code TEXT PRIMARY KEY, n); INSERT INTO other VALUES ('a', 1), ('b', 2);
         CREATE TABLE child (id INTEGER PRIMARY KEY, parent_id INTEGER, code TEXT REFERENCES other);
         INSERT INTO child VALUES (1, 1, 'a'), (2, 9, 'b')",
    );
    database.up();
    database.unheard_by("sqlite_autoindex_other_1", None, others)
}

#[test]
fn a_row_goes_back_where_the_rows_of_its_parent_say_so() {
    // The index goes on to tell of a parent that is gone.
    let database = with_key_that_stays("UPDATE other SET code = 'z' WHERE code = 'b'");
    database.fkfix("down").status(0).says("1 row");
    assert_eq!(database.rows("SELECT id FROM child"), ["1"]);
    // It does not know a parent that is there.
    let database = with_key_that_stays("UPDATE other SET code = 'z' WHERE code = 'b'");
    database.execute("UPDATE child_orphans SET code = 'z'");
    let message = "the index sqlite_autoindex_other_1 of other is damaged";
    let planned = database.refuses("down --dry-run", 2, message);
    assert_eq!(database.refuses("down", 2, message).stderr, planned.stderr);
    let restore = binary()
        .args(["restore", "-d"])
        .arg(&database.path)
        .output()
        .unwrap();
    assert!(String::from_utf8(restore.stderr).unwrap().contains(message));
    database.execute("REINDEX other");
    database.down();
    assert_eq!(database.rows("SELECT id FROM child"), ["1", "2"]);
}

#[test]
fn a_unique_index_that_lacks_a_row_lets_no_second_one_in() {
    let database = Database::family(
        "CREATE TABLE child (id INTEGER PRIMARY KEY, parent_id INTEGER, code TEXT UNIQUE);
         INSERT INTO child VALUES (1, 1, 'a'), (2, 9, 'b')",
    );
    database.up();
    let database = database.unheard_by(
        "sqlite_autoindex_child_1",
        None,
        "UPDATE child SET code = 'b' WHERE rowid = 1",
    );
    let message = "the index sqlite_autoindex_child_1 of child is damaged";
    database.refuses("down", 2, message);
    database.execute("REINDEX child");
    database.fkfix("down").status(0);
    assert_eq!(database.rows("SELECT id, code FROM child"), ["1|'b'"]);
}

#[test]
fn a_row_leaves_every_index_or_stays() {
    for (table, sql) in [
        ("grandchild", "UPDATE grandchild SET t = 'q' WHERE id = 1"),
        ("child", "UPDATE child SET t = 'q' WHERE id > 2"),
    ] {
        let database = Database::family(&format!(
            "{FAMILY} WITH RECURSIVE n (i) AS (SELECT 5 UNION ALL SELECT i + 1 FROM n WHERE i < 99) INSERT INTO child SELECT i, 1, i FROM n;
             CREATE TABLE grandchild (id INTEGER PRIMARY KEY, child_id INTEGER REFERENCES child (id) ON DELETE CASCADE, t TEXT);
             INSERT INTO grandchild VALUES (1, 3, 'x'), (2, 2, 'y');
             CREATE INDEX i ON {table} (t);"
        ))
        .unheard_by("i", None, sql);
        database.refuses_up(&format!("the index i of {table} is damaged"));
        database.execute("REINDEX");
        assert_eq!(database.goes_up_and_down(), 3, "{table}");
    }
}

/// Text in a column of numbers, which a search would take for a number.
#[test]
fn a_value_that_does_not_fit_is_no_damage() {
    let database = Database::family(
        "CREATE TABLE child (id INTEGER PRIMARY KEY, parent_id INTEGER, v, w); CREATE INDEX i ON child (v, w);
         INSERT INTO child VALUES (1, 9, '5', '6'); INSERT INTO child SELECT value, 1, value, 7.0 FROM json_each('[2,3,4,5,6,7,8,9,10,11,12]');
         PRAGMA writable_schema = ON;
         UPDATE sqlite_schema SET sql = replace(sql, 'v, w)', 'v INTEGER, w REAL)') WHERE name = 'child'",
    );
    database.fkfix("up --orphans delete").status(0);
    assert_eq!(database.rows("PRAGMA integrity_check"), ["'ok'"]);
}

/// Such as an application's own NOCASE, which SQLite lets it replace.
#[test]
fn an_index_in_another_order_is_named() {
    let backwards = |connection: &Connection| {
        connection
            .create_collation("NOCASE", |left: &str, right: &str| {
                right.to_lowercase().cmp(&left.to_lowercase())
            })
            .unwrap();
    };
    for (order, indexes) in [
        ("", ""),
        ("", "CREATE INDEX i ON child (parent_id)"),
        (" DESC", "CREATE INDEX i ON child (parent_id DESC)"),
    ] {
        let database = Database::missing().with_key();
        let connection = database.open();
        backwards(&connection);
        connection
            .execute_batch(&format!(
                "CREATE TABLE parent (id TEXT COLLATE NOCASE, PRIMARY KEY (id{order})); INSERT INTO parent VALUES ('a'), ('b'), ('c'), ('d'), ('e'), ('f');
                 CREATE TABLE child (id INTEGER PRIMARY KEY, parent_id TEXT COLLATE NOCASE); {indexes};
                 WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3000)
                 INSERT INTO child SELECT i, char(97 + i % 6) FROM n"
            ))
            .unwrap();
        drop(connection);
        database.refuses_to_look("is in another order than that of SQLite's collation NOCASE");
        database.execute("REINDEX");
        assert_eq!(database.goes_up_and_down(), 0);
    }
}

/// The index of the parent tells of a key that no row has any more, and not of one that a row has.
#[test]
fn a_parent_that_its_index_does_not_know_makes_no_orphan() {
    let database = Database::of(
        "CREATE TABLE parent (a TEXT, b TEXT); CREATE UNIQUE INDEX i ON parent (a, b); INSERT INTO parent VALUES ('a', 'b'), ('b', 'c');
         CREATE TABLE child (id INTEGER PRIMARY KEY, a TEXT, b TEXT); INSERT INTO child VALUES (1, 'a', 'b'), (2, 'z', 'c'), (3, 'a', 'b');",
    )
    .with_migration(
        "V1__key",
        "ALTER TABLE child ADD CONSTRAINT fk FOREIGN KEY (a, b) REFERENCES parent (a, b)",
        "ALTER TABLE child DROP CONSTRAINT fk",
    )
    .unheard_by(
        "i",
        None,
        "UPDATE parent SET a = 'z' WHERE a = 'b'",
    );
    database.refuses_to_look("the index i of parent is damaged");
    database.execute("REINDEX parent");
    database.up().says("added 1 foreign key to child (3 rows)");
    assert_eq!(database.value::<i64>("SELECT count(*) FROM child"), 3);
}

/// A script goes by the index of the parent where a run holds the keys of the rows in memory: with as many
/// orphans by the one as by the other, every promise of it would hold for the wrong rows.
#[test]
fn no_script_is_written_that_goes_by_a_stale_index_of_the_parent() {
    for key in ["PRIMARY KEY", "UNIQUE"] {
        let database = Database::of(&format!(
            "CREATE TABLE parent (id TEXT {key}, n INTEGER); INSERT INTO parent VALUES ('a', 1), ('b', 2);
             CREATE TABLE child (id INTEGER PRIMARY KEY, parent_id TEXT); INSERT INTO child VALUES (1, 'a'), (2, 'b'), (3, 'z');"
        ))
        .with_key()
        .unheard_by(
            "sqlite_autoindex_parent_1",
            None,
            "UPDATE parent SET id = 'z' WHERE id = 'a'",
        );
        let message = "the index sqlite_autoindex_parent_1 of parent is damaged";
        database.refuses("up --dry-run --format sql", 2, message);
        database.execute("REINDEX parent");
        database
            .fkfix("up --dry-run --format sql")
            .status(0)
            .says("fkfix_leaving_1");
        database.up();
        assert_eq!(database.rows("SELECT * FROM child"), ["2|'b'", "3|'z'"]);

        let database = database.unheard_by(
            "sqlite_autoindex_parent_1",
            None,
            "UPDATE parent SET id = 'a' WHERE id = 'z'; INSERT INTO child VALUES (4, 'a')",
        );
        database.refuses("clean --dry-run --format sql", 2, message);
    }
}

/// The same by an index of the child.
#[test]
fn no_script_is_written_that_goes_by_a_stale_index_of_the_child() {
    for script in ["up --dry-run --format sql", "clean --dry-run --format sql"] {
        let is_clean = script.starts_with("clean");
        let database = Database::of(
            "CREATE TABLE parent (id TEXT PRIMARY KEY); INSERT INTO parent VALUES ('a'), ('b');
             CREATE TABLE child (id INTEGER PRIMARY KEY, parent_id TEXT); INSERT INTO child VALUES (1, 'a'), (2, 'b'), (3, 'z');",
        )
        .with("CREATE INDEX i ON child (parent_id)")
        .with_key();
        if is_clean {
            database.execute("PRAGMA foreign_keys = OFF");
            database.up();
            database.execute("PRAGMA foreign_keys = OFF; INSERT INTO child VALUES (3, 'z')");
        }
        let database = database.unheard_by(
            "i",
            None,
            "PRAGMA foreign_keys = OFF; UPDATE child SET parent_id = 'z' WHERE id = 1; UPDATE child SET parent_id = 'a' WHERE id = 3",
        );
        database.refuses(script, 2, "the index i of child is damaged");
        database.execute("REINDEX child");
        let leaving = "fkfix_leaving_1";
        database.fkfix(script).status(0).says(leaving);
    }
}
