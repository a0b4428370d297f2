//! What leaves on the way up is back after the way down, or reported.

use pretty_assertions::assert_eq;

use crate::support::Database;

fn family() -> Database {
    Database::family(
        "CREATE TABLE child (id INTEGER PRIMARY KEY, parent_id INTEGER, t TEXT);
         INSERT INTO child VALUES (1, 1, 'a'), (2, 8, 'b'), (3, 9, 'c');",
    )
}

#[test]
fn a_row_whose_key_is_taken_stays_in_the_archive_and_is_reported() {
    let database = family();
    database.up();
    database.execute("INSERT INTO child VALUES (2, 1, 'new')");
    database.down().stdout(
        "\
reverted V1 keys
  1 row moved from child_orphans back to child
  1 row kept in child_orphans: id is taken in child
",
    );
    assert_eq!(
        database.rows("SELECT * FROM child"),
        ["1|1|'a'", "2|1|'new'", "3|9|'c'"]
    );
    assert_eq!(
        database.rows("SELECT fkfix_rowid, id, parent_id, t FROM child_orphans"),
        ["2|2|8|'b'"]
    );
    let history = "SELECT count(*) FROM sqlite_schema WHERE name = 'fkfix_schema_history'";
    assert_eq!(database.value::<i64>(history), 0);
    database
        .fkfix("status")
        .status(0)
        .stdout("V1 keys  pending\nchild_orphans holds 1 row of child\n");

    // The next round adds to what is left, and the row comes back once its place is free.
    database
        .up()
        .says("1 row moved from child to child_orphans");
    database.execute("DELETE FROM child WHERE id = 2");
    database
        .down()
        .says("2 rows moved from child_orphans back to child");
    assert_eq!(
        database.rows("SELECT * FROM child"),
        ["1|1|'a'", "2|8|'b'", "3|9|'c'"]
    );
}

#[test]
fn a_row_whose_unique_value_or_implicit_rowid_is_taken_stays_in_the_archive() {
    for (sql, taken) in [
        (
            "CREATE TABLE child (parent_id INTEGER, t TEXT); INSERT INTO child (rowid, parent_id, t) VALUES (7, 9, 'old')",
            "INSERT INTO child (rowid, parent_id, t) VALUES (7, 1, 'new')",
        ),
        (
            "CREATE TABLE child (parent_id INTEGER, t TEXT UNIQUE ON CONFLICT REPLACE); INSERT INTO child VALUES (9, 'same')",
            "INSERT INTO child (rowid, parent_id, t) VALUES (50, 1, 'same')",
        ),
        (
            "CREATE TABLE child (parent_id INTEGER, t TEXT PRIMARY KEY) WITHOUT ROWID; INSERT INTO child VALUES (9, 'same')",
            "INSERT INTO child VALUES (1, 'same')",
        ),
        (
            "CREATE TABLE child (parent_id INTEGER, t TEXT); CREATE UNIQUE INDEX i ON child (lower(t)); INSERT INTO child VALUES (9, 'SAME')",
            "INSERT INTO child (rowid, parent_id, t) VALUES (50, 1, 'same')",
        ),
    ] {
        let database = Database::family(sql);
        database.up();
        database.execute(taken);
        let rows = database.rows("SELECT * FROM child");
        database
            .down()
            .says("0 rows moved")
            .says("1 row kept in child_orphans");
        assert_eq!(database.rows("SELECT * FROM child"), rows, "{sql}");
        assert_eq!(
            database.value::<i64>("SELECT count(*) FROM child_orphans"),
            1
        );
    }
}

#[test]
fn a_row_that_is_back_already_leaves_the_archive() {
    let database = family();
    let before = database.picture();
    database.up();
    database.execute("INSERT INTO child VALUES (2, 8, 'b')");
    database.down();
    assert_eq!(database.picture(), before);
}

#[test]
fn a_row_that_differs_in_storage_class_alone_is_not_the_same_row() {
    let database = Database::family(
        "CREATE TABLE child (id INTEGER PRIMARY KEY, parent_id INTEGER, v, t TEXT COLLATE NOCASE);
         INSERT INTO child VALUES (2, 8, 1, 'x'), (3, 8, 'a', 'x'), (4, 8, x'31', 'x'), (5, 8, 1, 'x');",
    );
    database.up();
    database.execute("INSERT INTO child VALUES (2, 8, 1.0, 'x'), (3, 8, 'a', 'X'), (4, 8, '1', 'x'), (5, 8, 1, 'x')");
    database.down().says("1 row moved").says("3 rows kept");
    assert_eq!(
        database.rows("SELECT fkfix_rowid, v, t FROM child_orphans"),
        ["2|1|'x'", "3|'a'|'x'", "4|x'31'|'x'"]
    );
}

#[test]
fn archived_rows_can_be_left_where_they_are() {
    let database = family();
    database.up();
    let archive = "SELECT * FROM child_orphans";
    let archived = database.rows(archive);
    database
        .fkfix("down --leave-orphans")
        .status(0)
        .stdout("reverted V1 keys\n");
    assert_eq!(database.rows(archive), archived);
    assert_eq!(database.rows("SELECT * FROM child"), ["1|1|'a'"]);

    // Up again has no orphan to move, and down then brings back those of the first time.
    database.up();
    assert_eq!(database.rows(archive), archived);
    database
        .down()
        .says("2 rows moved from child_orphans back to child");
    assert_eq!(
        database.rows("SELECT * FROM child"),
        ["1|1|'a'", "2|8|'b'", "3|9|'c'"]
    );
}

#[test]
fn a_table_that_got_a_column_since_gets_its_rows_back() {
    for column in [
        "note TEXT",
        "note TEXT NOT NULL DEFAULT 'none'",
        "note AS (id + 1)",
    ] {
        let database = family();
        database.up();
        database.execute(&format!("ALTER TABLE child ADD COLUMN {column}"));
        database.down().says("2 rows moved");
        assert_eq!(
            database.rows("SELECT id, parent_id, t FROM child"),
            ["1|1|'a'", "2|8|'b'", "3|9|'c'"]
        );
    }
}

#[test]
fn a_value_whose_column_is_gone_keeps_its_row_in_the_archive() {
    for alter in ["DROP COLUMN t", "RENAME COLUMN t TO u"] {
        let database = Database::family(
            "CREATE TABLE child (id INTEGER PRIMARY KEY, parent_id INTEGER, t TEXT);
             INSERT INTO child VALUES (1, 1, 'a'), (2, 8, 'b'), (3, 9, NULL);",
        );
        database.up();
        database.execute(&format!("ALTER TABLE child {alter}"));
        database.down().says("1 row moved").says("1 row kept");
        assert_eq!(
            database.rows("SELECT id, parent_id FROM child"),
            ["1|1", "3|9"]
        );
        assert_eq!(
            database.rows("SELECT id, parent_id, t FROM child_orphans"),
            ["2|8|'b'"]
        );
    }
}

#[test]
fn a_table_that_is_gone_leaves_its_archive() {
    let database = family();
    database.up();
    database.write_migration("V1__keys.down.sql", "SELECT 1;");
    database.execute("DROP TABLE child");
    database
        .down()
        .says("0 rows moved")
        .says("2 rows kept in child_orphans");
    assert_eq!(database.rows("SELECT id FROM child_orphans"), ["2", "3"]);
}

#[test]
fn the_work_of_the_application_in_between_is_kept() {
    let database = family();
    database.up();
    database.execute(
        "INSERT INTO parent VALUES (3); INSERT INTO child VALUES (10, 3, 'new'); DELETE FROM child WHERE id = 1;
         CREATE INDEX late ON child (t); CREATE TABLE other (x); UPDATE child SET t = 'newer' WHERE id = 10;",
    );
    let schema = database
        .rows("SELECT name, sql FROM sqlite_schema WHERE name IN ('late', 'other', 'parent')");
    database.down();
    assert_eq!(
        database.rows("SELECT * FROM child"),
        ["2|8|'b'", "3|9|'c'", "10|3|'newer'"]
    );
    assert_eq!(
        database
            .rows("SELECT name, sql FROM sqlite_schema WHERE name IN ('late', 'other', 'parent')"),
        schema
    );
}

#[test]
fn deleted_orphans_do_not_come_back() {
    let database = family();
    database
        .fkfix("up --orphans delete")
        .status(0)
        .says("2 rows deleted from child");
    assert_eq!(
        database.rows("SELECT name FROM sqlite_schema WHERE name LIKE '%orphans'"),
        [""; 0]
    );
    database.down().stdout("reverted V1 keys\n");
    assert_eq!(database.rows("SELECT * FROM child"), ["1|1|'a'"]);
}

#[test]
fn down_without_a_history_has_nothing_to_do() {
    let database = family();
    let before = database.files();
    database
        .fkfix("down")
        .status(0)
        .says("nothing to do")
        .stderr("");
    assert!(database.files() == before);
}

#[test]
fn down_of_a_key_that_someone_dropped_fails_and_changes_nothing() {
    let database = family();
    database.up();
    database.execute("ALTER TABLE child DROP CONSTRAINT fk");
    let before = database.files();
    let run = database.fkfix("down").status(2).stdout("");
    run.remarks("could not take V1__keys back")
        .remarks("no such constraint: fk");
    assert!(database.files() == before);
}

#[test]
fn many_rows_come_back_to_indexes_and_statistics_as_they_were() {
    let database = Database::family(
        "CREATE TABLE child (id INTEGER PRIMARY KEY, parent_id INTEGER, t TEXT UNIQUE, u TEXT);
         CREATE INDEX i_parent ON child (parent_id);
         CREATE INDEX \"i \"\"t\" ON child (t DESC, u COLLATE NOCASE);
         CREATE INDEX i_part ON child (lower(u)) WHERE id % 2;
         CREATE UNIQUE INDEX i_unique ON child (u, id);
         WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5000)
         INSERT INTO child SELECT i, i % 10, 't' || i, 'U' || (i % 7) FROM n;
         ANALYZE;",
    );
    assert_eq!(database.goes_up_and_down(), 4000);
    // One that could not come back is kept, as ever, by a unique index that stayed.
    database.up();
    database.execute("INSERT INTO child VALUES (90000, 1, 't3', 'x')");
    // The indexes are built anew, which is far quicker than an entry for each row.
    let planned = database.fkfix("down --dry-run").status(0);
    planned.says("set index i_parent aside");
    database.down().says("1 row kept in child_orphans");
    assert_eq!(database.value::<i64>("SELECT count(*) FROM child"), 5000);
    assert_eq!(database.rows("PRAGMA integrity_check"), ["'ok'"]);
}

#[test]
fn few_of_many_rows_come_back_to_indexes_that_stay() {
    let database = Database::family(
        "CREATE TABLE child (id INTEGER PRIMARY KEY, parent_id INTEGER, t TEXT);
         CREATE INDEX i_t ON child (t);
         WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 12000)
         INSERT INTO child SELECT i, 1 + (i % 10 = 0) * 8, 't' || i FROM n;",
    );
    database.up();
    // To build an index anew costs an entry for each row of the table.
    let planned = database.fkfix("down --dry-run").status(0).stdout;
    assert!(!planned.contains("set index"), "{planned}");
    database
        .down()
        .says("1,200 rows moved from child_orphans back to child");
}

#[test]
fn a_key_that_a_migration_drops_comes_back_to_its_place_in_the_definition() {
    let database = Database::of(
        "CREATE TABLE parent (id INTEGER PRIMARY KEY); INSERT INTO parent VALUES (1), (2);
         CREATE TABLE child (id INTEGER PRIMARY KEY, parent_id INTEGER, CONSTRAINT fk FOREIGN KEY (parent_id) REFERENCES parent (id) ON DELETE CASCADE, CONSTRAINT positive CHECK (id > 0));
         INSERT INTO child VALUES (1, 1);",
    )
    .with_migration(
        "V1__drop",
        "ALTER TABLE child DROP CONSTRAINT fk;",
        &format!("ALTER TABLE child ADD {};", crate::support::KEY),
    );
    let before = database.picture();
    database.up();
    assert_eq!(
        database.rows("SELECT * FROM pragma_foreign_key_list('child')"),
        [""; 0]
    );
    database.down();
    assert_eq!(database.picture(), before);
}
