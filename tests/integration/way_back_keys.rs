//! A row goes back where no key stays that it breaks, with the rows that it needs.

use pretty_assertions::assert_eq;
use serde_json::json;

use crate::support::{Database, KEY};
use crate::way_back::{down, family, restored, two_migrations};

#[test]
fn a_row_goes_back_only_where_no_key_stays_that_it_breaks() {
    let database = family();
    database.up();
    // Another tool declares the same key under its own name.
    database.execute(&format!(
        "DROP TABLE child; CREATE TABLE child (id INTEGER PRIMARY KEY, parent_id INTEGER, t TEXT, {});
         INSERT INTO child VALUES (1, 1, 'a');",
        KEY.replace("CONSTRAINT fk", "CONSTRAINT theirs")
    ));
    database.refuses(
        "down --leave-orphans --dry-run",
        2,
        "no such constraint: fk",
    );
    database.refuses("down --leave-orphans", 2, "no such constraint: fk");
    database.execute("DROP TABLE fkfix_schema_history");
    database.up().says("had this key already");
    let text = database.copy().down().stdout;
    assert_eq!(
        text,
        "\
reverted V1 keys
  0 rows moved from child_orphans back to child
  2 rows kept in child_orphans: they break theirs (parent_id) references parent (id) on delete cascade, which stays
  left as they were before: child.fk
"
    );
    let before = database.picture();
    let done = down(&database, "");
    assert_eq!(
        done[0]["restored"],
        json!([{
            "table": "child", "archive": "child_orphans", "rows": 0, "kept": 2,
            "kept_because": [{
                "rows": 2, "cause": "breaks_key", "columns": [],
                "keys": [{
                    "constraint": "theirs", "columns": ["parent_id"], "parent": "parent", "parent_columns": ["id"],
                    "on_delete": "CASCADE", "on_update": "NO ACTION"
                }]
            }]
        }])
    );
    let after = database.picture();
    assert_eq!(after.tables["child"], before.tables["child"]);
    assert_eq!(
        after.tables["child_orphans"],
        before.tables["child_orphans"]
    );
}

#[test]
fn of_several_keys_each_that_stays_is_named() {
    let database = Database::family(
        "CREATE TABLE other (a, b, PRIMARY KEY (a, b)); INSERT INTO other VALUES (1, 'x');
         CREATE TABLE child (id INTEGER PRIMARY KEY, parent_id INTEGER, a, b, up INTEGER);
         INSERT INTO child VALUES (1, 9, NULL, 'y', NULL), (2, 9, 1, 'x', 2), (3, 9, 2, 'x', NULL), (4, 9, 2, 'x', 77), (5, 9, 1, 'x', 77);",
    );
    database.up();
    database.execute("DELETE FROM parent WHERE id = 2");
    // Declared later, by another tool, without a name and in the columns' own definitions too.
    database.execute(
        "PRAGMA writable_schema = ON;
         UPDATE sqlite_schema SET sql = replace(sql, ', CONSTRAINT fk', ', FOREIGN KEY (a, b) REFERENCES other, CONSTRAINT up_key FOREIGN KEY (up) REFERENCES child (id), CONSTRAINT fk') WHERE name = 'child';",
    );
    let text = database.copy().down().stdout;
    assert_eq!(
        text,
        "\
reverted V1 keys
  2 rows moved from child_orphans back to child
  3 rows kept in child_orphans
    1 row: it breaks up_key (up) references child (id), which stays
    1 row: it breaks up_key (up) references child (id) and (a, b) references other (a, b), which stay
    1 row: it breaks (a, b) references other (a, b), which stays
"
    );
    down(&database, "");
    assert_eq!(database.rows("SELECT id, up FROM child"), ["1|NULL", "2|2"]);
    assert_eq!(
        database.rows("SELECT * FROM pragma_foreign_key_check"),
        [""; 0]
    );
}

/// `parent`, then `child` and `note`, each of which hangs on the one before; `note` by a key
/// that the migration does not touch. Rows 2 and 3 of `child` refer to each other.
fn chain() -> Database {
    Database::family(
        "CREATE TABLE child (id INTEGER PRIMARY KEY, parent_id INTEGER, peer INTEGER REFERENCES child ON DELETE CASCADE, t UNIQUE);
         CREATE TABLE a_note (id INTEGER PRIMARY KEY, child INTEGER REFERENCES child ON DELETE CASCADE);
         CREATE TABLE z_note (id INTEGER PRIMARY KEY, note INTEGER REFERENCES a_note ON DELETE CASCADE);
         INSERT INTO child VALUES (1, 1, NULL, 'a'), (2, 9, 3, 'b'), (3, 9, 2, 'c'), (4, NULL, 3, 'd');
         INSERT INTO a_note VALUES (10, 1), (20, 2), (30, 4);
         INSERT INTO z_note VALUES (100, 10), (200, 20), (300, 30);",
    )
}

#[test]
fn rows_that_need_each_other_come_back_together() {
    let database = chain();
    assert_eq!(database.goes_up_and_down(), 7);
    let before = database.picture();
    database.up();
    down(&database, "");
    assert_eq!(database.picture(), before);
}

#[test]
fn a_row_whose_parent_can_not_come_back_stays_with_it() {
    let database = chain();
    database.up();
    database.execute("INSERT INTO child VALUES (50, 1, NULL, 'c')");
    let copy = database.copy();
    down(&database, "");
    assert_eq!(database.rows("SELECT id FROM child"), ["1", "50"]);
    assert_eq!(database.rows("SELECT id FROM z_note"), ["100"]);
    assert_eq!(
        copy.down().stdout,
        "\
reverted V1 keys
  0 rows moved from a_note_orphans back to a_note
  2 rows kept in a_note_orphans: they break (child) references child (id) on delete cascade, which stays
  0 rows moved from child_orphans back to child
  3 rows kept in child_orphans
    1 row: t is taken in child
    2 rows: they break (peer) references child (id) on delete cascade, which stays
  0 rows moved from z_note_orphans back to z_note
  2 rows kept in z_note_orphans: they break (note) references a_note (id) on delete cascade, which stays
"
    );
    assert_eq!(copy.picture(), database.picture());
}

#[test]
fn what_a_later_migration_archived_waits_for_the_key_of_an_earlier_one() {
    let database = two_migrations();
    database.fkfix("up --to 1").status(0);
    // It breaks both keys, and comes by a connection that does not enforce the first.
    database.execute("INSERT INTO child VALUES (4, 9, 9)");
    database.up();
    let (at_once, one_by_one) = (database.copy(), database);
    let done = down(&at_once, "--to 0");
    assert_eq!(done[0]["restored"][0]["rows"], json!(1));
    assert_eq!(done[0]["restored"][0]["kept"], json!(1));
    assert_eq!(done[1]["restored"], json!([restored("child", 2, 0)]));
    one_by_one.down().stdout(
        "\
reverted V2 b
  1 row moved from child_orphans back to child
  1 row kept in child_orphans: it breaks fk (parent_id) references parent (id), which stays
",
    );
    down(&one_by_one, "");
    for database in [at_once, one_by_one] {
        assert_eq!(
            database.rows("SELECT * FROM child"),
            ["1|1|1", "2|9|1", "3|1|9", "4|9|9"]
        );
        let names =
            "SELECT name FROM sqlite_schema WHERE name LIKE 'fkfix%' OR name LIKE '%orphans'";
        assert_eq!(database.rows(names), [""; 0]);
    }
}

#[test]
fn two_migrations_whose_rows_share_an_id_come_back_newest_first() {
    let database = two_migrations();
    database.fkfix("up --to 1").status(0);
    database.execute("INSERT INTO child VALUES (2, 1, 8)");
    database.up();
    let done = down(&database, "--to 0");
    assert_eq!(done[1]["restored"][0]["kept"], json!(1));
    assert_eq!(
        database.rows("SELECT * FROM child"),
        ["1|1|1", "2|1|8", "3|1|9"]
    );
    assert_eq!(
        database.rows("SELECT id, parent_id FROM child_orphans"),
        ["2|9"]
    );
}

#[test]
fn a_live_row_that_equals_an_archived_one_is_left_alone() {
    let database = chain();
    database.up();
    // Row 4 is there again, and breaks the key that stays; so it did before.
    database.execute("INSERT INTO child VALUES (4, NULL, 3, 'd'), (50, 1, NULL, 'c')");
    let done = down(&database, "");
    assert_eq!(done[0]["restored"][1]["there_already"], json!(1));
    let ids = "SELECT id FROM child ORDER BY id";
    assert_eq!(database.rows(ids), ["1", "4", "50"]);
}
