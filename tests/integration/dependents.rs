//! Rows that hang on orphans go with them by their own key's action, or nothing goes.

use pretty_assertions::assert_eq;

use crate::support::{Database, KEY};

/// `child` 2 and 3 have no parent; `sql` makes what hangs on them.
fn family(sql: &str) -> Database {
    Database::family(
        "CREATE TABLE child (id INTEGER PRIMARY KEY, parent_id INTEGER, code TEXT UNIQUE);
         INSERT INTO child VALUES (1, 1, 'a'), (2, 8, 'b'), (3, 9, 'c'), (4, NULL, 'd');",
    )
    .with(sql)
}

#[test]
fn cascades_are_archived_table_by_table_and_come_back() {
    let database = family(
        "CREATE TABLE note (id INTEGER PRIMARY KEY, child_id INTEGER REFERENCES child ON DELETE CASCADE, t TEXT);
         CREATE TABLE tag (note_id INTEGER REFERENCES note (id) ON DELETE CASCADE, code TEXT COLLATE NOCASE REFERENCES child (code) ON DELETE cascade);
         INSERT INTO note VALUES (10, 1, 'stays'), (20, 2, 'goes'), (21, 2, 'goes'), (30, NULL, 'stays');
         INSERT INTO tag VALUES (10, 'a'), (20, 'a'), (30, 'c'), (21, 'c'), (NULL, 'C'), (99, NULL);
         CREATE TABLE seen (t); CREATE TRIGGER note_gone AFTER DELETE ON note BEGIN INSERT INTO seen VALUES (old.id); END;
         CREATE TRIGGER tag_gone AFTER DELETE ON tag BEGIN INSERT INTO seen VALUES (old.rowid); END;
         CREATE TRIGGER note_came AFTER INSERT ON note BEGIN INSERT INTO seen VALUES (new.id); END;",
    );
    let before = database.picture();
    database.up().stdout(
        "\
applied V1 keys
  added 1 foreign key to child (2 rows)
    fk (parent_id) references parent (id) on delete cascade
  2 rows moved from child to child_orphans
    2 rows break fk
  2 rows moved from note to note_orphans
    2 rows go along by note(child_id)
  3 rows moved from tag to tag_orphans
    2 rows go along by tag(code)
    1 row goes along by tag(note_id)
",
    );
    assert_eq!(
        database
            .picture()
            .must_be_with_keys(&before, "child", &[KEY]),
        7
    );
    assert_eq!(database.rows("SELECT id FROM note"), ["10", "30"]);
    assert_eq!(
        database.rows("SELECT fkfix_rowid, fkfix_constraints FROM tag_orphans ORDER BY 1"),
        ["2|'tag(note_id)'", "3|'tag(code)'", "4|'tag(code)'"]
    );
    database.down();
    assert_eq!(database.picture(), before);
}

#[test]
fn what_sqlite_would_cascade_to_is_what_goes() {
    let sql = "CREATE TABLE note (id INTEGER PRIMARY KEY, code TEXT COLLATE NOCASE REFERENCES child (code) ON DELETE CASCADE);
         INSERT INTO note (code) VALUES ('b'), ('B'), ('b '), ('a'), (NULL), (x'62');";
    let twin = family(sql);
    twin.open_enforcing()
        .execute("DELETE FROM child WHERE id IN (2, 3)", [])
        .unwrap();
    let database = family(sql);
    database.up();
    assert_eq!(
        database.rows("SELECT * FROM note"),
        twin.rows("SELECT * FROM note")
    );
}

#[test]
fn keys_that_do_not_let_a_row_go_stop_the_run() {
    for action in ["", "ON DELETE RESTRICT", "ON DELETE NO ACTION"] {
        let sql = format!(
            "CREATE TABLE note (id INTEGER PRIMARY KEY, child_id INTEGER DEFAULT 1 REFERENCES child (id) {action});
             INSERT INTO note VALUES (1, 1), (2, 2), (3, 3);"
        );
        for arguments in [
            "up",
            "up --orphans delete",
            "up --orphans refuse",
            "up --max-orphans 100%",
        ] {
            let run = family(&sql).refuses(arguments, 1, "2 rows of note refer to rows of child");
            run.remarks("note (child_id) references child (id)".trim_start_matches("note "));
        }
        // They stand in no one's way where they refer to rows that stay.
        family(&sql)
            .with("DELETE FROM note WHERE id > 1")
            .goes_up_and_down();
    }
}

#[test]
fn a_row_that_goes_anyway_does_not_stop_the_run() {
    let database = family(
        "CREATE TABLE note (id INTEGER PRIMARY KEY, child_id INTEGER REFERENCES child ON DELETE CASCADE, also INTEGER REFERENCES child ON DELETE RESTRICT);
         INSERT INTO note VALUES (1, 2, 3), (2, 3, 3), (3, 1, 1);",
    );
    assert_eq!(database.goes_up_and_down(), 4);
}

#[test]
fn a_limit_counts_the_rows_of_each_table() {
    let notes = "CREATE TABLE note (id INTEGER PRIMARY KEY, child_id INTEGER REFERENCES child ON DELETE CASCADE);
         INSERT INTO note (child_id) VALUES (2), (2), (2), (3);";
    family(notes).refuses("up --max-orphans 3", 1, "4 of 4 rows would leave note");
    family(notes).refuses(
        "up --orphans refuse",
        1,
        "6 rows break the new keys or depend on one that does",
    );
    let database = family(notes);
    database
        .fkfix("up --orphans delete --max-orphans 4")
        .status(0)
        .says("4 rows deleted from note");
    assert_eq!(database.value::<i64>("SELECT count(*) FROM note"), 0);
}

#[test]
fn an_orphan_of_its_own_table_takes_its_descendants() {
    let key = "CONSTRAINT fk FOREIGN KEY (boss) REFERENCES person (id)";
    for index in ["", "CREATE INDEX i ON person (boss);"] {
        let database = Database::of(&format!(
            "CREATE TABLE person (id INTEGER PRIMARY KEY, boss INTEGER);
             INSERT INTO person VALUES (1, NULL), (2, 1), (3, 2), (4, 4), (5, 99), (6, 5), (7, 6), (8, 7), (9, 7), (10, 11), (11, 10), (12, 8); {index}"
        ))
        .with_migration("V1__boss", &format!("ALTER TABLE person ADD {key}"), "ALTER TABLE person DROP CONSTRAINT fk");
        let before = database.picture();
        database
            .fkfix("up --orphans archive --max-orphans 100%")
            .status(0)
            .says("6 rows moved from person to person_orphans");
        assert_eq!(
            database
                .picture()
                .must_be_with_keys(&before, "person", &[key]),
            6
        );
        assert_eq!(
            database.rows("SELECT id FROM person"),
            ["1", "2", "3", "4", "10", "11"]
        );
        database.down();
        assert_eq!(database.picture(), before);
    }
}

#[test]
fn a_chain_over_tables_that_are_parent_and_child_is_followed_to_its_end() {
    let up: Vec<_> = ["b", "c", "d"]
        .iter()
        .zip(["a", "b", "c"])
        .map(|(child, parent)| format!("ALTER TABLE {child} ADD CONSTRAINT {child}_{parent} FOREIGN KEY (up) REFERENCES {parent} (id);"))
        .collect();
    let down = "ALTER TABLE d DROP CONSTRAINT d_c; ALTER TABLE c DROP CONSTRAINT c_b; ALTER TABLE b DROP CONSTRAINT b_a;";
    let tables: Vec<_> = ["a", "b", "c", "d"]
        .iter()
        .map(|name| {
            format!("CREATE TABLE {name} (id INTEGER PRIMARY KEY, up INTEGER); INSERT INTO {name} VALUES (1, 1), (2, 2), (3, NULL);")
        })
        .collect();
    let database = Database::of(&tables.concat())
        .with("DELETE FROM a WHERE id = 2;")
        .with_migration("V1__chain", &up.concat(), down);
    let before = database.picture();
    database.fkfix("up --orphans archive").status(0);
    for child in ["b", "c", "d"] {
        assert_eq!(
            database.rows(&format!("SELECT id FROM {child}")),
            ["1", "3"]
        );
        assert_eq!(
            database.rows(&format!("SELECT fkfix_rowid FROM {child}_orphans")),
            ["2"]
        );
    }
    database.down();
    assert_eq!(database.picture(), before);
}

#[test]
fn a_circle_of_keys_ends() {
    let database = family(
        "CREATE TABLE x (id INTEGER PRIMARY KEY, child_id INTEGER REFERENCES child ON DELETE CASCADE, y_id INTEGER REFERENCES y ON DELETE CASCADE);
         CREATE TABLE y (id INTEGER PRIMARY KEY, x_id INTEGER REFERENCES x ON DELETE CASCADE);
         INSERT INTO x VALUES (1, 2, 3), (2, NULL, 1), (3, NULL, 2), (4, 1, NULL), (5, NULL, 4);
         INSERT INTO y VALUES (1, 1), (2, 2), (3, 3), (4, 4);",
    );
    assert_eq!(database.goes_up_and_down(), 2 + 3 + 3);
}

#[test]
fn rows_without_rowid_and_with_composite_keys_go_along() {
    let database = Database::of(
        "CREATE TABLE parent (id TEXT PRIMARY KEY) WITHOUT ROWID; INSERT INTO parent VALUES ('p');
         CREATE TABLE child (a TEXT COLLATE NOCASE, b INTEGER, parent_id TEXT, PRIMARY KEY (a, b)) WITHOUT ROWID;
         CREATE TABLE note (x INTEGER, y TEXT, z INTEGER, PRIMARY KEY (z, y), FOREIGN KEY (y, x) REFERENCES child ON DELETE CASCADE) WITHOUT ROWID, STRICT;
         INSERT INTO child VALUES ('k', 1, 'p'), ('k', 2, 'q'), ('l', 1, 'q'), ('m', 1, NULL);
         INSERT INTO note VALUES (1, 'k', 1), (2, 'K', 2), (1, 'L', 3), (1, 'm', 4), (2, 'nobody', 5), (NULL, 'k', 6);",
    )
    .with_key();
    assert_eq!(database.goes_up_and_down(), 4);
}

#[test]
fn a_declared_key_that_sqlite_could_not_act_on_takes_nothing_along() {
    for note in [
        "REFERENCES child (no_such_column) ON DELETE CASCADE",
        "REFERENCES child (parent_id) ON DELETE CASCADE",
        "REFERENCES nowhere ON DELETE CASCADE",
    ] {
        let database = family(&format!(
            "CREATE TABLE note (id INTEGER PRIMARY KEY, child_id INTEGER {note}); INSERT INTO note VALUES (1, 2), (2, 8);"
        ));
        assert_eq!(database.goes_up_and_down(), 2, "{note}");
    }
    let database = Database::family(
        "CREATE TABLE child (parent_id INTEGER); INSERT INTO child VALUES (1), (9);
         CREATE TABLE note (child_id INTEGER REFERENCES child ON DELETE CASCADE); INSERT INTO note VALUES (2);",
    );
    assert_eq!(database.goes_up_and_down(), 1);
}
