//! Full-text indexes and triggers keep telling the truth about a rebuilt table.

use pretty_assertions::assert_eq;

use crate::support::{Database, SCAN_WARNING};

#[test]
fn no_trigger_fires_on_the_way_and_all_fire_afterwards() {
    let database = Database::family(
        "CREATE TABLE child (id INTEGER PRIMARY KEY, parent_id INTEGER);
         CREATE TABLE note (id INTEGER PRIMARY KEY, child_id INTEGER REFERENCES child ON DELETE CASCADE);
         CREATE TABLE audit (what);
         INSERT INTO child VALUES (1, 1), (2, 9); INSERT INTO note VALUES (1, 1), (2, 2);",
    );
    for table in ["child", "note"] {
        for event in ["INSERT", "UPDATE", "DELETE"] {
            for time in ["BEFORE", "AFTER"] {
                database.execute(&format!(
                    "CREATE TRIGGER {table}_{time}_{event} {time} {event} ON {table} BEGIN INSERT INTO audit VALUES ('{table} {time} {event}'); END"
                ));
            }
        }
    }
    assert_eq!(database.goes_up_and_down(), 2);
    assert_eq!(database.rows("SELECT * FROM audit"), [""; 0]);
    for table in ["child", "note"] {
        database.execute(&format!("INSERT INTO {table} (id) VALUES (50); UPDATE {table} SET id = 51 WHERE id = 50; DELETE FROM {table} WHERE id = 51"));
    }
    assert_eq!(database.value::<i64>("SELECT count(*) FROM audit"), 12);
}

#[test]
fn triggers_that_would_refuse_the_work_do_not_stand_in_its_way() {
    let database = Database::family(
        "CREATE TABLE child (id INTEGER PRIMARY KEY, parent_id INTEGER);
         INSERT INTO child VALUES (1, 1), (2, 9);
         CREATE TRIGGER keep BEFORE DELETE ON child BEGIN SELECT RAISE(ABORT, 'never'); END;
         CREATE TRIGGER full BEFORE INSERT ON child BEGIN SELECT RAISE(IGNORE); END;",
    );
    assert_eq!(database.goes_up_and_down(), 1);
}

/// `child` with full-text indexes over it that its own triggers keep; rows 2 and 4 are orphans.
fn searched(key: &str, rowid: &str) -> Database {
    Database::family(&format!(
        "CREATE TABLE child ({key} parent_id INTEGER, t TEXT);
         CREATE VIRTUAL TABLE search USING fts5 (t, content='child', content_rowid='{rowid}');
         CREATE VIRTUAL TABLE old_search USING fts4 (content=\"child\", t);
         CREATE TRIGGER came AFTER INSERT ON child BEGIN
           INSERT INTO search (rowid, t) VALUES (new.{rowid}, new.t); INSERT INTO old_search (docid, t) VALUES (new.{rowid}, new.t);
         END;
         CREATE TRIGGER going BEFORE DELETE ON child BEGIN
           DELETE FROM old_search WHERE docid = old.{rowid};
         END;
         CREATE TRIGGER went AFTER DELETE ON child BEGIN
           INSERT INTO search (search, rowid, t) VALUES ('delete', old.{rowid}, old.t);
         END;
         INSERT INTO child ({rowid}, parent_id, t) VALUES (1, 1, 'apple'), (2, 9, 'pear'), (30, 2, 'apple pear'), (4, 9, 'apple'), (50, NULL, 'plum');"
    ))
}

#[track_caller]
fn finds(database: &Database, word: &str, rows: &[&str]) {
    for index in ["search", "old_search"] {
        let query = format!("SELECT rowid, t FROM {index} WHERE {index} MATCH '{word}' ORDER BY 1");
        assert_eq!(database.rows(&query), rows, "{index}");
    }
    database.execute("INSERT INTO search (search, rank) VALUES ('integrity-check', 1)");
}

#[test]
fn a_full_text_index_over_the_table_itself_answers_rightly() {
    for (key, rowid) in [("id INTEGER PRIMARY KEY,", "id"), ("", "rowid")] {
        let database = searched(key, rowid);
        finds(
            &database,
            "apple",
            &["1|'apple'", "4|'apple'", "30|'apple pear'"],
        );
        database.up();
        finds(&database, "apple", &["1|'apple'", "30|'apple pear'"]);
        finds(&database, "pear", &["30|'apple pear'"]);
        database.execute("DELETE FROM child WHERE t = 'plum'");
        finds(&database, "plum", &[]);
        database.execute(&format!(
            "INSERT INTO child ({rowid}, parent_id, t) VALUES (50, NULL, 'plum')"
        ));
        finds(&database, "plum", &["50|'plum'"]);
        database.down();
        finds(
            &database,
            "apple",
            &["1|'apple'", "4|'apple'", "30|'apple pear'"],
        );
        finds(&database, "pear", &["2|'pear'", "30|'apple pear'"]);
    }
}

#[test]
fn a_full_text_index_over_a_dependent_table_answers_rightly() {
    let database = Database::family(
        "CREATE TABLE child (id INTEGER PRIMARY KEY, parent_id INTEGER); INSERT INTO child VALUES (1, 1), (2, 9);
         CREATE TABLE note (id INTEGER PRIMARY KEY, child_id INTEGER REFERENCES child ON DELETE CASCADE, t TEXT);
         CREATE VIRTUAL TABLE search USING fts5 (t, content=note, content_rowid=id);
         INSERT INTO note VALUES (10, 1, 'apple'), (20, 2, 'pear'); INSERT INTO search (search) VALUES ('rebuild');",
    );
    let check = "INSERT INTO search (search, rank) VALUES ('integrity-check', 1)";
    let pears = "SELECT rowid, t FROM search WHERE search MATCH 'pear'";
    database.up();
    database.execute(check);
    assert_eq!(database.rows(pears), [""; 0]);
    database.down();
    database.execute(check);
    assert_eq!(database.rows(pears), ["20|'pear'"]);
}

#[test]
fn a_full_text_index_that_has_its_own_content_is_left_alone() {
    let database = Database::family(
        "CREATE TABLE child (id INTEGER PRIMARY KEY, parent_id INTEGER); INSERT INTO child VALUES (1, 1), (2, 9);
         CREATE VIRTUAL TABLE own USING fts5 (t); INSERT INTO own (rowid, t) VALUES (2, 'kept');
         CREATE VIRTUAL TABLE nothing_ USING fts5 (t, content=''); INSERT INTO nothing_ (rowid, t) VALUES (2, 'kept');
         CREATE VIRTUAL TABLE box USING rtree (id, x, y); INSERT INTO box VALUES (1, 2, 3);",
    );
    assert_eq!(database.goes_up_and_down(), 1);
    for index in ["own", "nothing_"] {
        assert_eq!(
            database.rows(&format!(
                "SELECT rowid FROM {index} WHERE {index} MATCH 'kept'"
            )),
            ["2"]
        );
    }
}

#[test]
fn a_full_text_index_over_a_view_of_the_table_answers_rightly() {
    let database = Database::family(
        "CREATE TABLE child (id INTEGER PRIMARY KEY, parent_id INTEGER, t TEXT);
         INSERT INTO child VALUES (1, 1, 'apple'), (2, 9, 'apple pear');
         CREATE VIEW words AS SELECT id, upper(t) AS t FROM \"child\";
         CREATE VIRTUAL TABLE search USING fts5 (t, content=words, content_rowid=id);
         INSERT INTO search (search) VALUES ('rebuild');",
    );
    let query = "SELECT rowid FROM search WHERE search MATCH 'apple' ORDER BY 1";
    assert_eq!(database.rows(query), ["1", "2"]);
    database.up();
    assert_eq!(database.rows(query), ["1"]);
    database.down();
    assert_eq!(database.rows(query), ["1", "2"]);
}

#[test]
fn triggers_that_do_not_fire_for_rows_that_leave_are_named() {
    let database = Database::family(
        "CREATE TABLE child (id INTEGER PRIMARY KEY, parent_id INTEGER, t TEXT); INSERT INTO child VALUES (1, 1, 'a'), (2, 9, 'b'), (3, 9, 'c');
         CREATE TABLE counter (n); INSERT INTO counter VALUES (3);
         CREATE VIRTUAL TABLE search USING fts5 (t, content='child', content_rowid='id'); INSERT INTO search (search) VALUES ('rebuild');
         CREATE TRIGGER searched AFTER DELETE ON child BEGIN INSERT INTO search (search, rowid, t) VALUES ('delete', old.id, old.t); END;
         CREATE TRIGGER counted AFTER DELETE ON child BEGIN UPDATE counter SET n = n - 1; END;
         CREATE TRIGGER \"delete\" DELETE ON child WHEN old.t > 'b' BEGIN
           INSERT INTO counter SELECT old.id; -- noted
           DELETE FROM counter WHERE n = old.id;
         END;
         CREATE TRIGGER other AFTER UPDATE ON child BEGIN DELETE FROM counter; END;",
    );
    let warning = "warning: 2 rows leave child without its trigger counted (AFTER DELETE), so what it keeps in step must be looked after by hand; for each row it would run: UPDATE counter SET n = n - 1
warning: 2 rows leave child without its trigger delete (BEFORE DELETE), so what it keeps in step must be looked after by hand; for each row it would run: WHEN old.t > 'b' BEGIN INSERT INTO counter SELECT old.id; -- noted DELETE FROM counter WHERE n = old.id
";
    database
        .fkfix("up --dry-run")
        .status(0)
        .stderr(&format!("{warning}{SCAN_WARNING}"))
        .says("would apply");
    let run = database.up();
    assert!(run.stderr.starts_with(warning), "{run:#?}");
    assert_eq!(database.rows("SELECT n FROM counter"), ["3"]);
}

#[test]
fn triggers_that_do_not_fire_for_rows_that_come_back_are_named() {
    let database = Database::family(
        "CREATE TABLE child (id INTEGER PRIMARY KEY, parent_id INTEGER, t TEXT); INSERT INTO child VALUES (1, 1, 'a'), (2, 9, 'b');
         CREATE TABLE counter (n); INSERT INTO counter VALUES (2);
         CREATE VIRTUAL TABLE search USING fts5 (t, content='child', content_rowid='id'); INSERT INTO search (search) VALUES ('rebuild');
         CREATE TRIGGER searched AFTER INSERT ON child BEGIN INSERT INTO search (rowid, t) VALUES (new.id, new.t); END;
         CREATE TRIGGER counted AFTER INSERT ON child BEGIN UPDATE counter SET n = n + 1; END;
         CREATE TRIGGER other AFTER UPDATE ON child BEGIN DELETE FROM counter; END;",
    );
    let before = database.picture();
    database.up();
    let warning = "warning: 1 row comes back to child without its trigger counted (AFTER INSERT), so what it keeps in step must be looked after by hand; for each row it would run: UPDATE counter SET n = n + 1\n";
    database.fkfix("down --dry-run").status(0).stderr(warning);
    database
        .copy()
        .fkfix("down --leave-orphans")
        .status(0)
        .stderr("");
    database.fkfix("down").status(0).stderr(warning);
    assert_eq!(database.picture(), before);
}
