//! A full-text index loses the rows that leave, gets back those that it held, and nothing else.

use pretty_assertions::assert_eq;

use crate::support::Database;

/// The rows of `index` that hold `word`.
fn found(database: &Database, index: &str, word: &str) -> Vec<String> {
    database.rows(&format!(
        "SELECT rowid FROM {index} WHERE {index} MATCH '{word}' ORDER BY 1"
    ))
}

/// `child` with two indexes that hold its published rows, 1, 2 and 4, one that holds all rows, and
/// one that holds none; 2 and 3 are orphans.
fn published(key: &str, rowid: &str, options: &str) -> Database {
    let database = Database::family(&format!(
        "CREATE TABLE child ({key}, parent_id INTEGER, t TEXT, published INTEGER) {options};
         INSERT INTO child ({rowid}, parent_id, t, published) VALUES (1, 1, 'apple', 1), (2, 9, 'apple pear', 1), (3, 9, 'apple', 0), (4, 2, 'apple', 1), (5, 2, 'apple', 0);"
    ));
    for name in ["some", "every", "none_"] {
        database.execute(&format!(
            "CREATE VIRTUAL TABLE {name} USING fts5 (t, published UNINDEXED, content='child', content_rowid='{rowid}')"
        ));
    }
    let published = format!("SELECT {rowid}, t, published FROM child WHERE published");
    database.execute(&format!(
        "INSERT INTO some (rowid, t, published) {published}; INSERT INTO every (every) VALUES ('rebuild');
         CREATE TRIGGER went AFTER DELETE ON child WHEN old.published BEGIN INSERT INTO some (some, rowid, t, published) VALUES ('delete', old.{rowid}, old.t, old.published); END;"
    ));
    if options.is_empty() {
        let published = format!("SELECT {rowid}, t FROM child WHERE published");
        database.execute(&format!(
            "CREATE VIRTUAL TABLE old_some USING fts4 (content='child', t); INSERT INTO old_some (docid, t) {published};"
        ));
    } else {
        database.execute("CREATE VIRTUAL TABLE old_some USING fts5 (t); INSERT INTO old_some (rowid, t) VALUES (1, 'apple'), (4, 'apple')");
    }
    database
}

const SHAPES: [(&str, &str, &str); 3] = [
    ("id INTEGER PRIMARY KEY", "id", ""),
    ("id TEXT", "rowid", ""),
    ("id INTEGER PRIMARY KEY", "id", "WITHOUT ROWID"),
];

#[test]
fn an_index_that_holds_some_rows_holds_those_of_them_that_are_there() {
    for (key, rowid, options) in SHAPES {
        let database = published(key, rowid, options);
        let before = ["some", "every", "none_", "old_some"].map(|it| found(&database, it, "apple"));
        database.up();
        assert_eq!(found(&database, "some", "apple"), ["1", "4"]);
        assert_eq!(found(&database, "some", "pear"), [""; 0]);
        assert_eq!(found(&database, "every", "apple"), ["1", "4", "5"]);
        assert_eq!(found(&database, "none_", "apple"), [""; 0]);
        assert_eq!(found(&database, "old_some", "apple"), ["1", "4"]);
        database.execute("INSERT INTO every (every, rank) VALUES ('integrity-check', 1)");
        database.execute(&format!("DELETE FROM child WHERE {rowid} = 4"));
        assert_eq!(found(&database, "some", "apple"), ["1"]);
        let again = format!(
            "INSERT INTO child ({rowid}, parent_id, t, published) VALUES (4, 2, 'apple', 1); INSERT INTO some (rowid, t, published) VALUES (4, 'apple', 1)"
        );
        database.execute(&again);
        database.down();
        let after = ["some", "every", "none_", "old_some"].map(|it| found(&database, it, "apple"));
        assert_eq!(after, before, "{key}");
        database.execute(
            "INSERT INTO every (every, rank) VALUES ('integrity-check', 1);
             INSERT INTO some (some, rank) VALUES ('integrity-check', 0)",
        );
    }
}

#[test]
fn an_index_that_holds_nothing_stays_empty_where_all_rows_come_and_go() {
    let database = Database::family(
        "CREATE TABLE child (id INTEGER PRIMARY KEY, parent_id INTEGER, t TEXT); INSERT INTO child VALUES (1, 9, 'apple');
         CREATE VIRTUAL TABLE none_ USING fts5 (t, content='child', content_rowid='id');
         CREATE VIRTUAL TABLE every USING fts5 (t, content='child', content_rowid='id');
         INSERT INTO every (every) VALUES ('rebuild');",
    );
    database.up();
    database.down();
    assert_eq!(found(&database, "none_", "apple"), [""; 0]);
    assert_eq!(found(&database, "every", "apple"), ["1"]);
}

#[test]
fn rows_that_are_deleted_leave_the_index_as_well() {
    let (key, rowid, options) = SHAPES[0];
    let database = published(key, rowid, options);
    database.fkfix("up --orphans delete").status(0);
    assert_eq!(found(&database, "some", "apple"), ["1", "4"]);
    assert_eq!(found(&database, "old_some", "apple"), ["1", "4"]);
}

#[test]
fn an_index_that_came_later_gets_rows_where_it_holds_all() {
    let (key, rowid, options) = SHAPES[0];
    let database = published(key, rowid, options);
    database.up();
    database.execute(
        "CREATE VIRTUAL TABLE late USING fts5 (t, content='child', content_rowid='id'); INSERT INTO late (late) VALUES ('rebuild');
         CREATE VIRTUAL TABLE later USING fts5 (t, content='child', content_rowid='id'); INSERT INTO later (rowid, t) VALUES (1, 'apple');",
    );
    database.down();
    assert_eq!(found(&database, "late", "apple"), ["1", "2", "3", "4", "5"]);
    assert_eq!(found(&database, "later", "apple"), ["1"]);
}

#[test]
fn a_row_that_the_index_holds_again_is_not_put_in_twice() {
    let (key, rowid, options) = SHAPES[0];
    let database = published(key, rowid, options);
    database.up();
    database.execute(
        "INSERT INTO child VALUES (2, 2, 'plum', 1); INSERT INTO some (rowid, t, published) VALUES (2, 'plum', 1)",
    );
    database.down();
    assert_eq!(found(&database, "some", "plum"), ["2"]);
    assert_eq!(found(&database, "some", "pear"), [""; 0]);
    database.execute("INSERT INTO some (some, rank) VALUES ('integrity-check', 0)");
}

/// `child`, which loses a row, with the table `sql` around it.
fn with(sql: &str) -> Database {
    Database::family(&format!(
        "CREATE TABLE child (id INTEGER PRIMARY KEY, parent_id INTEGER, t TEXT);
         INSERT INTO child VALUES (1, 1, 'apple'), (2, 9, 'apple pear'); {sql}"
    ))
}

#[test]
fn an_index_that_can_not_follow_is_refused_by_dry_run_and_run_alike() {
    for (sql, message) in [
        (
            "CREATE VIEW words AS SELECT id, upper(t) AS t FROM child;
             CREATE VIRTUAL TABLE search USING fts5 (t, content=words, content_rowid=id); INSERT INTO search (rowid, t) VALUES (1, 'APPLE');",
            "the full-text index search does not hold exactly the rows of the view words, so it can't follow the rows of child",
        ),
        (
            "CREATE VIRTUAL TABLE search USING fts5 (t, content=child, content_rowid=id, columnsize=0); INSERT INTO search (rowid, t) VALUES (1, 'apple');",
            "the full-text index search does not tell which rows it holds, and its content loses or gets rows",
        ),
    ] {
        let database = with(sql);
        database.refuses("up --dry-run", 2, message);
        database.refuses("up", 2, message);
    }
}

#[test]
fn a_tokenizer_that_fkfix_lacks_stands_in_the_way_only_where_rows_leave() {
    let database = with(
        "CREATE VIRTUAL TABLE search USING fts5 (t, content=child, content_rowid=id); INSERT INTO search (search) VALUES ('rebuild');
         PRAGMA writable_schema = ON;
         UPDATE sqlite_schema SET sql = replace(sql, 'content_rowid=id', 'content_rowid=id, tokenize=''own''') WHERE name = 'search';",
    );
    let message = "could not open the full-text index search: no such tokenizer: own";
    database.refuses("up --dry-run", 2, message);
    database.refuses("up", 2, message);
    database.execute("UPDATE child SET parent_id = 2 WHERE id = 2");
    database.up();
    database.down();
}
