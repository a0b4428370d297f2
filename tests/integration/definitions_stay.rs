//! A definition keeps its text, to the byte, but for the key.

use pretty_assertions::assert_eq;

use crate::nothing_else_changes::keeps;
use crate::support::{Database, KEY};

#[test]
fn double_quoted_strings_in_old_definitions() {
    keeps(
        1,
        "CREATE TABLE child (id INTEGER PRIMARY KEY, parent_id INTEGER, state TEXT DEFAULT \"new\" CHECK (state IN (\"new\", \"old\")));
         CREATE INDEX i_new ON child (parent_id) WHERE state = \"new\";
         INSERT INTO child VALUES (1, 1, 'new'), (2, 9, 'old');",
    );
}

#[test]
fn names_that_have_to_be_quoted() {
    let up = "ALTER TABLE \"we\"\"ird [t]\" ADD CONSTRAINT 'the \"key\"' FOREIGN KEY ([order by], `gr``oup`) REFERENCES \"par'ent\" (\"a b\", \"select\") ON DELETE CASCADE";
    let down = "ALTER TABLE \"WE\"\"IRD [t]\" DROP CONSTRAINT \"the \"\"KEY\"\"\"";
    let database = Database::of(
        "CREATE TABLE \"par'ent\" (\"select\" INTEGER, \"a b\" TEXT, PRIMARY KEY (\"a b\", \"select\"));
         CREATE TABLE \"we\"\"ird [t]\" ([a;b] PRIMARY KEY, 'order by' TEXT, \"gr`oup\" INTEGER, \"w\", p, l, a, k1, round, reasons) /* ) */;
         CREATE INDEX [i;1] ON \"we\"\"ird [t]\" (`a;b`, 'order by');
         INSERT INTO \"par'ent\" VALUES (1, 'x');
         INSERT INTO \"we\"\"ird [t]\" VALUES ('a', 'x', 1, 1, 2, 3, 4, 5, 6, 7), ('b', 'x', 2, 1, 2, 3, 4, 5, 6, 7), (3, NULL, 2, 1, 2, 3, 4, 5, 6, 7);",
    )
    .with_migration("V1__odd_names", up, down);
    let before = database.picture();
    database.up();
    let constraint = up.split_once("ADD ").unwrap().1;
    let archived = database
        .picture()
        .must_be_with_keys(&before, "we\"ird [t]", &[constraint]);
    assert_eq!(archived, 1);
    database.down();
    assert_eq!(database.picture(), before);
}

#[test]
fn comments_and_white_space_of_the_definition() {
    for end in [
        ")",
        "\n)",
        " -- )\n)",
        "/* ) */ )",
        "\r\n\t)",
        "\n);-- the end",
    ] {
        keeps(
            1,
            &format!(
                "CREATE  TABLE main.child(id INTEGER PRIMARY KEY,parent_id INTEGER CHECK (parent_id <> ')'){end}
; INSERT INTO child VALUES (1, 1), (2, 9);"
            ),
        );
    }
    keeps(
        1,
        "CREATE TABLE source (parent_id INTEGER, t TEXT); INSERT INTO source VALUES (1, 'a'), (9, 'b');
         CREATE TABLE child AS SELECT * FROM source;",
    );
    keeps(
        1,
        "CREATE TABLE first (id INTEGER PRIMARY KEY, parent_id INTEGER); INSERT INTO first VALUES (1, 1), (2, 9);
         ALTER TABLE first RENAME TO child; ALTER TABLE child ADD COLUMN late TEXT NOT NULL DEFAULT 'x'; ALTER TABLE child DROP COLUMN late;
         ALTER TABLE child ADD COLUMN later",
    );
}

#[test]
fn a_key_without_a_name_is_added_as_it_is_written() {
    let constraint = "foreign key(parent_id)references parent on update set null";
    let database = Database::of(
        "CREATE TABLE parent (id INTEGER PRIMARY KEY); INSERT INTO parent VALUES (1);
         CREATE TABLE child (parent_id); INSERT INTO child VALUES (1), (NULL)",
    );
    database.write_migration("V1__x.sql", &format!("alter table child add {constraint}"));
    let before = database.picture();
    database.up();
    database
        .picture()
        .must_be_with_keys(&before, "child", &[constraint]);
    database.refuses("down", 2, "has no down script");
}

#[test]
fn the_text_of_the_key_is_the_only_difference_in_the_definition() {
    let database = Database::family(
        "CREATE TABLE child (\n  id INTEGER PRIMARY KEY,\n  parent_id INTEGER -- why\n) STRICT",
    );
    database.up();
    assert_eq!(
        database.picture().definition("child"),
        format!(
            "CREATE TABLE child (\n  id INTEGER PRIMARY KEY,\n  parent_id INTEGER -- why\n, {KEY}) STRICT"
        )
    );
}

#[test]
fn a_view_that_can_not_be_read_again_beside_a_renamed_table() {
    for more in ["", "CREATE INDEX i ON child (parent_id);"] {
        let database = Database::family(&format!(
            "CREATE TABLE child (id INTEGER PRIMARY KEY, parent_id INTEGER); {more} INSERT INTO child VALUES (1, 1), (2, 9);
             CREATE VIEW v AS SELECT (WITH x (a) AS (SELECT * FROM child) VALUES (RIGHT)) IN ();"
        ));
        database.fkfix("up --dry-run").status(0);
        assert_eq!(database.goes_up_and_down(), 1);
    }
}
