//! What a run would refuse its dry run refuses in the same words, and what can't be taken back is said
//! before it is done.

use pretty_assertions::assert_eq;

use crate::support::Database;

/// `child` with a declared key, and a full-text index of its published rows over what they compute of it.
fn with_an_index_of_what_is_computed(of_orphan: i64) -> Database {
    Database::of(&format!(
        "CREATE TABLE parent (id TEXT PRIMARY KEY); INSERT INTO parent VALUES ('plum');
         CREATE TABLE child (id INTEGER PRIMARY KEY, p TEXT REFERENCES parent ON DELETE SET NULL, t AS (p || ' jam'), published INTEGER);
         INSERT INTO child (id, p, published) VALUES (1, 'plum', 1), (2, 'pear', {of_orphan}), (3, 'plum', 0);
         CREATE VIRTUAL TABLE search USING fts5 (t, content=child, content_rowid=id);
         INSERT INTO search (rowid, t) SELECT id, t FROM child WHERE published;"
    ))
}

fn found(database: &Database, word: &str) -> Vec<String> {
    database.rows(&format!(
        "SELECT rowid FROM search WHERE search MATCH '{word}'"
    ))
}

#[test]
fn a_key_by_which_a_full_text_index_of_some_rows_knows_one_is_not_forgotten() {
    let database = with_an_index_of_what_is_computed(1);
    for arguments in ["clean --dry-run", "clean"] {
        let refused = database.fkfix(arguments).status(2);
        let message = "1 row of child would forget a key, and the full-text index search, which holds some rows alone, knows one of them by it";
        assert!(refused.stderr.contains(message), "{}", refused.stderr);
    }
    // Whole rows it can follow, as the hint says.
    let before = database.rows("SELECT * FROM child");
    database.fkfix("clean --orphans archive").status(0);
    assert_eq!(found(&database, "pear"), [""; 0]);
    database.execute("INSERT INTO parent VALUES ('pear')");
    database.fkfix("restore").status(0);
    assert_eq!(database.rows("SELECT * FROM child"), before);
    assert_eq!(found(&database, "pear"), ["2"]);
}

#[test]
fn a_full_text_index_that_does_not_hold_the_row_is_no_obstacle_until_it_does() {
    for learns in [false, true] {
        let database = with_an_index_of_what_is_computed(0);
        let before = database.rows("SELECT * FROM child");
        database.fkfix("clean").status(0);
        assert_eq!(database.rows("SELECT p FROM child WHERE id = 2"), ["NULL"]);
        database.execute("INSERT INTO parent VALUES ('pear')");
        if learns {
            database.execute("INSERT INTO search (rowid, t) SELECT id, t FROM child WHERE id = 2");
            let message =
                "the full-text index search holds some rows alone, and among them such a row";
            for arguments in ["restore --dry-run", "restore"] {
                let refused = database.fkfix(arguments).status(2);
                assert!(refused.stderr.contains(message), "{}", refused.stderr);
            }
            // As the hint says.
            database.execute("DROP TABLE search");
        }
        database.fkfix("restore").status(0);
        assert_eq!(database.rows("SELECT * FROM child"), before);
    }
}

#[test]
fn the_content_of_a_full_text_index_is_known_however_its_name_is_quoted() {
    for (table, content) in [
        ("\"x'00'\"", "'x''00'''"),
        ("\"a\"\"b\"", "\"a\"\"b\""),
        ("[a b]", "'A B'"),
    ] {
        let database = Database::of(&format!(
            "CREATE TABLE parent (id TEXT PRIMARY KEY);
             CREATE TABLE {table} (id INTEGER PRIMARY KEY, p TEXT);
             INSERT INTO {table} VALUES (1, NULL), (2, 'pear');
             CREATE VIRTUAL TABLE search USING fts5 (p, content={content}, content_rowid=id);
             INSERT INTO search (rowid, p) SELECT id, p FROM {table} WHERE p = 'pear';"
        ))
        .with_migration(
            "V1__keys",
            &format!("ALTER TABLE {table} ADD CONSTRAINT fk FOREIGN KEY (p) REFERENCES parent (id) ON DELETE SET NULL;"),
            &format!("ALTER TABLE {table} DROP CONSTRAINT fk;"),
        );
        let before = database.rows(&format!("SELECT * FROM {table}"));
        database.fkfix("up --max-orphans 100%").status(0);
        assert_eq!(found(&database, "pear"), [""; 0], "{table}");
        database.down();
        assert_eq!(database.rows(&format!("SELECT * FROM {table}")), before);
        assert_eq!(found(&database, "pear"), ["2"], "{table}");
    }
}

/// `child`, of which a full-text index holds the orphan alone, as the text `5`; its column makes 5.0 of
/// that since its type was edited.
fn with_an_edited_type() -> Database {
    Database::family(
        "CREATE TABLE child (id INTEGER PRIMARY KEY, parent_id INTEGER, t BLOB);
         INSERT INTO child VALUES (1, 1, 5), (2, 9, 5);
         CREATE VIRTUAL TABLE search USING fts5 (t, content=child, content_rowid=id);
         INSERT INTO search (rowid, t) SELECT id, t FROM child WHERE id = 2;
         PRAGMA writable_schema = ON;
         UPDATE sqlite_schema SET sql = replace(sql, 't BLOB', 't REAL') WHERE name = 'child';",
    )
}

#[test]
fn a_full_text_index_that_does_not_hold_what_its_rows_say_is_found_before() {
    let database = with_an_edited_type();
    let message = "could not take the rows that leave out of the full-text index search: database disk image is malformed";
    for arguments in [
        "up --dry-run",
        "up",
        "up --dry-run --orphans delete",
        "up --orphans delete",
    ] {
        let refused = database.fkfix(arguments).status(2);
        assert!(refused.stderr.contains(message), "{}", refused.stderr);
        assert!(
            refused
                .stderr
                .contains("hint: a full-text index does not hold what its rows say"),
            "{}",
            refused.stderr
        );
    }
    // As the hint says.
    database.execute("DROP TABLE search");
    database.goes_up_and_down();
}

#[test]
fn what_is_cleaned_is_found_before_as_well() {
    let database = Database::of(
        "CREATE TABLE p (id INTEGER PRIMARY KEY);
         CREATE TABLE child (id INTEGER PRIMARY KEY, pid INTEGER REFERENCES p ON DELETE CASCADE, t BLOB);
         INSERT INTO child VALUES (1, NULL, 5), (2, 9, 5);
         CREATE VIRTUAL TABLE search USING fts5 (t, content=child, content_rowid=id);
         INSERT INTO search (rowid, t) SELECT id, t FROM child WHERE id = 2;
         PRAGMA writable_schema = ON;
         UPDATE sqlite_schema SET sql = replace(sql, 't BLOB', 't REAL') WHERE name = 'child';",
    );
    for arguments in ["clean --dry-run", "clean"] {
        let refused = database
            .fkfix(&format!("{arguments} --max-orphans 100%"))
            .status(2);
        assert!(
            refused
                .stderr
                .contains("full-text index search: database disk image is malformed"),
            "{}",
            refused.stderr
        );
    }
}

#[test]
fn a_computed_value_that_no_archive_takes_is_found_before() {
    let database = Database::family(
        "CREATE TABLE child (id INTEGER PRIMARY KEY, parent_id, t AS (hex(zeroblob(5000000))));
         INSERT INTO child (id, parent_id) VALUES (1, 9), (2, 1);",
    );
    let message = "a row of child could not be archived: what its columns compute is longer than the whole database";
    for arguments in ["up --dry-run", "up"] {
        database.refuses(arguments, 2, message);
    }
    // As the hint says.
    database.execute("UPDATE child SET parent_id = 2 WHERE id = 1");
    database.goes_up_and_down();
}
