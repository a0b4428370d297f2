//! What a row forgot it has again after `down`, unless it changed since.

use pretty_assertions::assert_eq;

use crate::follow::family;
use crate::support::Database;

#[test]
fn what_changed_since_stays_in_the_archive_and_is_told_by_cause() {
    let database = family("ON DELETE SET NULL", "");
    database.up();
    database.execute("UPDATE child SET parent_id = 2 WHERE id = 2; DELETE FROM child WHERE id = 3");
    database
        .down()
        .says("  0 rows moved from child_orphans back to child\n  2 rows kept in child_orphans\n")
        .says("    1 row: its row is gone from child\n")
        .says("    1 row: parent_id of child changed since\n");
    assert_eq!(
        database.rows("SELECT id, parent_id FROM child"),
        ["1|1", "2|2", "4|NULL"]
    );
    assert_eq!(
        database.rows("SELECT id, parent_id FROM child_orphans"),
        ["2|8", "3|9"]
    );
}

#[test]
fn what_changed_beside_the_key_stays_changed() {
    let database = family("ON DELETE SET NULL", "");
    database.up();
    database.execute("UPDATE child SET t = 'new' WHERE id = 2");
    database.down();
    assert_eq!(
        database.rows("SELECT * FROM child"),
        ["1|1|'a'", "2|8|'new'", "3|9|'c'", "4|NULL|'d'"]
    );
    assert!(
        database
            .rows("SELECT name FROM sqlite_schema WHERE name LIKE '%orphans'")
            .is_empty()
    );
}

#[test]
fn an_archive_of_rows_that_left_remembers_forgotten_keys_from_the_next_run_on() {
    let database = Database::of(
        "CREATE TABLE parent (id INTEGER PRIMARY KEY); INSERT INTO parent VALUES (1), (2);
         CREATE TABLE child (id INTEGER PRIMARY KEY, a INTEGER, b INTEGER);
         INSERT INTO child VALUES (1, 1, 1), (2, 9, 1), (3, 1, 9);",
    )
    .with_migration(
        "V1__a",
        "ALTER TABLE child ADD CONSTRAINT a FOREIGN KEY (a) REFERENCES parent (id);",
        "ALTER TABLE child DROP CONSTRAINT a;",
    )
    .with_migration(
        "V2__b",
        "ALTER TABLE child ADD CONSTRAINT b FOREIGN KEY (b) REFERENCES parent (id) ON DELETE SET NULL;",
        "ALTER TABLE child DROP CONSTRAINT b;",
    );
    let before = database.picture();
    database.up();
    assert_eq!(database.rows("SELECT * FROM child"), ["1|1|1", "3|1|NULL"]);
    assert_eq!(
        database.rows("SELECT id, a, b, fkfix_kept IS NOT NULL FROM child_orphans"),
        ["2|9|1|0", "3|1|9|1"]
    );
    database.fkfix("down --to 0").status(0);
    assert_eq!(database.picture(), before);
}

#[test]
fn rows_that_stay_are_held_against_what_they_were() {
    for options in ["", " --documented"] {
        family("ON DELETE SET NULL", "")
            .fkfix(&format!("up --dry-run{options}"))
            .says("check that nothing but forgotten keys has changed in child");
    }
}
