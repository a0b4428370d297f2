//! Counters, statistics and the order of the schema are kept as they are found.

use pretty_assertions::assert_eq;

use crate::UP_OPTIONS;
use crate::support::Database;

/// `child` with a counter of its own, rows that leave in it and in `note`, and all that can stand
/// in the schema before, between and after.
fn counted(key: &str) -> Database {
    Database::family(&format!(
        "CREATE TABLE first (a); CREATE VIEW seen AS SELECT * FROM first;
         CREATE TABLE child ({key}, parent_id INTEGER, t TEXT UNIQUE);
         CREATE TABLE between_ (a); CREATE INDEX child_t ON child (t);
         CREATE TABLE note (id INTEGER PRIMARY KEY AUTOINCREMENT, child_id INTEGER REFERENCES child ON DELETE CASCADE);
         CREATE TRIGGER z AFTER DELETE ON note BEGIN SELECT 1; END;
         CREATE TRIGGER b AFTER DELETE ON child BEGIN SELECT 1; END;
         CREATE INDEX child_parent ON child (parent_id);
         CREATE TRIGGER a AFTER DELETE ON child BEGIN SELECT 1; END; CREATE TRIGGER y AFTER INSERT ON note BEGIN SELECT 1; END;
         CREATE VIEW later AS SELECT * FROM child; CREATE TABLE last (a INTEGER PRIMARY KEY AUTOINCREMENT);
         INSERT INTO child VALUES (1, 1, 'a'), (2, 9, 'b'), (3, NULL, 'c'); INSERT INTO note VALUES (1, 1), (2, 2);"
    ))
}

const KEYS: [&str; 2] = [
    "id INTEGER PRIMARY KEY AUTOINCREMENT",
    "id INTEGER PRIMARY KEY",
];

#[test]
fn objects_keep_their_places() {
    for key in KEYS {
        assert_eq!(counted(key).goes_up_and_down(), 2);
    }
    // So many that indexes are set aside while they come back.
    let many = "WITH RECURSIVE n (i) AS (SELECT 10 UNION ALL SELECT i + 1 FROM n WHERE i < 2000) INSERT INTO child SELECT i, 9, 't' || i FROM n; ANALYZE";
    for key in KEYS {
        assert_eq!(counted(key).with(many).goes_up_and_down(), 1993);
    }
}

#[test]
fn counters_stay_as_they_are() {
    for counter in [
        "DELETE FROM sqlite_sequence",
        "DELETE FROM sqlite_sequence WHERE name = 'child'",
        "UPDATE sqlite_sequence SET seq = 'many'",
        "UPDATE sqlite_sequence SET seq = NULL",
        "UPDATE sqlite_sequence SET seq = 1",
        "UPDATE sqlite_sequence SET seq = 500",
        "INSERT INTO sqlite_sequence VALUES ('child', 7)",
        "INSERT INTO sqlite_sequence VALUES ('fkfix_old', 7), ('fkfix_counter', 8), ('gone', x'00'), (NULL, 1)",
    ] {
        for key in KEYS {
            assert_eq!(
                counted(key).with(counter).goes_up_and_down(),
                2,
                "{counter}"
            );
        }
    }
}

#[test]
fn statistics_stay_as_they_are() {
    for statistics in [
        "ANALYZE",
        "ANALYZE; INSERT INTO sqlite_stat1 VALUES ('fkfix_old', 'fkfix_index_1', '9 1'), ('child', 'gone', '1 1'), ('fkfix_notice', NULL, '3'), ('fkfix_old_2', NULL, '3')",
        "ANALYZE; CREATE TABLE stat (a); UPDATE sqlite_stat1 SET stat = x'00' WHERE tbl = 'child'",
    ] {
        for key in KEYS {
            assert_eq!(
                counted(key).with(statistics).goes_up_and_down(),
                2,
                "{statistics}"
            );
        }
    }
}

#[test]
fn a_counter_that_nobody_keeps_is_not_made() {
    let database = Database::family(
        "CREATE TABLE child (id INTEGER PRIMARY KEY, parent_id INTEGER); INSERT INTO child VALUES (1, 1), (2, 2);
         PRAGMA writable_schema = ON;
         UPDATE sqlite_schema SET sql = replace(sql, 'PRIMARY KEY,', 'PRIMARY KEY AUTOINCREMENT,') WHERE name = 'child';",
    );
    if UP_OPTIONS.contains(&"--documented") {
        let message = "a copy of it would make the table sqlite_sequence, which is missing";
        let planned = database.refuses("up --dry-run", 2, message);
        assert_eq!(database.refuses("up", 2, message).stderr, planned.stderr);
        return;
    }
    database.fkfix("up --dry-run").status(0);
    database.goes_up_and_down();
    database.up();
    assert_eq!(
        database.value::<i64>("SELECT count(*) FROM sqlite_schema WHERE name = 'sqlite_sequence'"),
        0
    );
}

#[test]
fn rows_that_could_not_come_back_since_their_counter_is_gone_do_not_leave() {
    let database = Database::family(
        "CREATE TABLE child (id INTEGER PRIMARY KEY AUTOINCREMENT, parent_id INTEGER); INSERT INTO child VALUES (1, 1), (2, 9);
         PRAGMA writable_schema = ON; DELETE FROM sqlite_schema WHERE name = 'sqlite_sequence';",
    );
    let message = "1 row would leave child and could not come back";
    database.refuses("up --dry-run", 2, message);
    database.refuses("up", 2, message);
    // The remedy that is named.
    let database =
        database.with("CREATE TABLE x (id INTEGER PRIMARY KEY AUTOINCREMENT); DROP TABLE x");
    assert_eq!(database.goes_up_and_down(), 1);
}
