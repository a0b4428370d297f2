//! What goes back and what stays in the archive, run by run and key by key, and what is said of it.

use pretty_assertions::assert_eq;
use serde_json::json;

use crate::support::{Database, KEY};

pub fn family() -> Database {
    Database::family(
        "CREATE TABLE child (id INTEGER PRIMARY KEY, parent_id INTEGER, t TEXT);
         INSERT INTO child VALUES (1, 1, 'a'), (2, 8, 'b'), (3, 9, 'c');",
    )
}

/// Runs `down`, after a dry run that must have said and left the same.
#[track_caller]
pub fn down(database: &Database, arguments: &str) -> serde_json::Value {
    let files = database.files();
    let dry_run = format!("down {arguments} --dry-run --format json");
    let planned = database.fkfix(&dry_run).status(0).json();
    assert!(database.files() == files, "a file has changed");
    let script = database.fkfix(&format!("down {arguments} --dry-run --format sql"));
    let by_script = database.copy();
    by_script.execute(&script.status(0).stdout.replace("\n.bail on\n", "\n"));
    let done = database
        .fkfix(&format!("down {arguments} --format json"))
        .status(0)
        .json();
    let (planned, done) = (&planned["migrations"], &done["migrations"]);
    let parts = |of: &serde_json::Value| {
        let each = of.as_array().unwrap().iter();
        each.map(|it| (it["version"].clone(), it["restored"].clone()))
            .collect::<Vec<_>>()
    };
    assert_eq!(parts(planned), parts(done));
    assert_eq!(by_script.picture(), database.picture());
    let broken = "SELECT count(*) FROM pragma_integrity_check WHERE integrity_check <> 'ok'";
    assert_eq!(database.value::<i64>(broken), 0);
    done.clone()
}

/// What `down` must say of one archive.
pub fn restored(table: &str, rows: i64, kept: i64) -> serde_json::Value {
    json!({"table": table, "archive": format!("{table}_orphans"), "rows": rows, "kept": kept})
}

/// Takes the archive back to what versions made that told no runs apart.
fn without_runs(database: &Database, archive: &str) {
    database.execute(&format!("ALTER TABLE {archive} DROP COLUMN fkfix_run"));
}

/// Two migrations over one table: `fk` to `parent`, then `fk2` to `second`.
pub fn two_migrations() -> Database {
    let key = |name: &str, column: &str, parent: &str| {
        (
            format!(
                "ALTER TABLE child ADD CONSTRAINT {name} FOREIGN KEY ({column}) REFERENCES {parent} (id)"
            ),
            format!("ALTER TABLE child DROP CONSTRAINT {name}"),
        )
    };
    let (first, second) = (key("fk", "parent_id", "parent"), key("fk2", "b", "second"));
    Database::of(
        "CREATE TABLE parent (id INTEGER PRIMARY KEY); INSERT INTO parent VALUES (1);
         CREATE TABLE second (id INTEGER PRIMARY KEY); INSERT INTO second VALUES (1);
         CREATE TABLE child (id INTEGER PRIMARY KEY, parent_id INTEGER, b INTEGER);
         INSERT INTO child VALUES (1, 1, 1), (2, 9, 1), (3, 1, 9);",
    )
    .with_migration("V1__a", &first.0, &first.1)
    .with_migration("V2__b", &second.0, &second.1)
}

#[test]
fn the_row_that_was_there_last_comes_back_and_older_ones_are_reported() {
    for marked in [true, false] {
        let database = family();
        database.up();
        database.fkfix("down --leave-orphans").status(0);
        database.execute("INSERT INTO child VALUES (2, 7, 'newer')");
        database.up();
        let runs = "SELECT fkfix_rowid, fkfix_run, t FROM child_orphans ORDER BY 2, 1";
        assert_eq!(database.rows(runs), ["2|1|'b'", "3|1|'c'", "2|2|'newer'"]);
        if !marked {
            without_runs(&database, "child_orphans");
        }
        let done = down(&database, "");
        let mut expected = restored("child", 2, 1);
        expected["kept_because"] =
            json!([{"rows": 1, "cause": "taken", "columns": ["id"], "keys": []}]);
        assert_eq!(done[0]["restored"], json!([expected]));
        assert_eq!(
            database.rows("SELECT * FROM child"),
            ["1|1|'a'", "2|7|'newer'", "3|9|'c'"]
        );
        assert_eq!(database.rows("SELECT t FROM child_orphans"), ["'b'"]);
    }
}

#[test]
fn three_runs_come_back_newest_first_whatever_makes_two_rows_meet() {
    for definition in [
        "(id INTEGER PRIMARY KEY, parent_id INTEGER, u)",
        "(id TEXT PRIMARY KEY, parent_id INTEGER, u)",
        "(id TEXT, parent_id INTEGER, u, PRIMARY KEY (id, parent_id)) WITHOUT ROWID",
        "(id INTEGER UNIQUE, parent_id INTEGER, u)",
        "(id INTEGER, parent_id INTEGER, u); CREATE UNIQUE INDEX i ON child (abs(id))",
        "(id INTEGER, parent_id INTEGER, u); CREATE UNIQUE INDEX i ON child (id) WHERE id > 0",
    ] {
        let database = Database::family(&format!("CREATE TABLE child {definition}"));
        for run in 1..=3 {
            database.execute(&format!(
                "INSERT INTO child (id, parent_id, u) VALUES ('{run}', 90, 'own'), (7, 90, 'run {run}'), ('10{run}', 1, 'stays')"
            ));
            database.up();
            if run < 3 {
                database.fkfix("down --leave-orphans").status(0);
            }
        }
        let done = down(&database, "");
        assert_eq!(done[0]["restored"][0]["rows"], json!(4), "{definition}");
        assert_eq!(done[0]["restored"][0]["kept"], json!(2), "{definition}");
        assert_eq!(
            database.rows("SELECT u FROM child WHERE u LIKE 'run%'"),
            ["'run 3'"],
            "{definition}"
        );
        let left = "SELECT u FROM child_orphans ORDER BY u";
        assert_eq!(database.rows(left), ["'run 1'", "'run 2'"]);
    }
}

#[test]
fn an_archive_of_an_earlier_version_is_added_to() {
    let database = family();
    database.up();
    without_runs(&database, "child_orphans");
    database.fkfix("down --leave-orphans").status(0);
    database.execute("INSERT INTO child VALUES (4, 9, 'd'), (2, 7, 'newer')");
    database.up();
    assert_eq!(
        database.rows("SELECT id, fkfix_run FROM child_orphans ORDER BY t"),
        ["2|NULL", "3|NULL", "4|1", "2|1"]
    );
    let done = down(&database, "");
    assert_eq!(done[0]["restored"][0]["rows"], json!(3));
    assert_eq!(database.rows("SELECT t FROM child_orphans"), ["'b'"]);
    // And it may hold no row that it can put back.
    database.execute("DELETE FROM child WHERE id = 2");
    database.up();
    let done = down(&database, "");
    assert_eq!(done[0]["restored"], json!([restored("child", 3, 0)]));
    assert_eq!(
        database.rows("SELECT * FROM child"),
        ["1|1|'a'", "2|8|'b'", "3|9|'c'", "4|9|'d'"]
    );
}

#[test]
fn a_row_that_is_there_already_is_told_apart() {
    let database = family();
    database.up();
    database.execute("INSERT INTO child VALUES (2, 8, 'b')");
    let copy = database.copy();
    assert_eq!(
        down(&database, "")[0]["restored"],
        json!([{"table": "child", "archive": "child_orphans", "rows": 2, "there_already": 1, "kept": 0}])
    );
    copy.down().stdout(
        "\
reverted V1 keys
  2 rows moved from child_orphans back to child
    1 row of these was there already
",
    );
}

#[test]
fn values_come_back_as_they_were_with_their_storage_classes() {
    for end in ["", " WITHOUT ROWID"] {
        let database = Database::family(&format!(
            "CREATE TABLE child (id TEXT PRIMARY KEY NOT NULL, parent_id INTEGER, v, u, other TEXT DEFAULT 'x' REFERENCES parent (id)){end};
             INSERT INTO child VALUES ('a', 9, 1, 1.0, '1'), ('b', 9, x'', '', NULL), ('c', 9, x'61', 'a', NULL), ('d', 9, NULL, 9007199254740993, '1');",
        ));
        let before = database.picture();
        database.up();
        let done = down(&database, "");
        assert_eq!(done[0]["restored"], json!([restored("child", 4, 0)]));
        assert_eq!(database.picture(), before);
        // One of two comes back where the key that stays lets it.
        database.up();
        database.execute("DELETE FROM parent WHERE id = 1");
        let done = down(&database, "");
        assert_eq!(done[0]["restored"][0]["kept"], json!(2));
        assert_eq!(database.rows("SELECT id FROM child"), ["'b'", "'c'"]);
    }
}

#[test]
fn each_cause_is_told_with_its_number() {
    let database = Database::family(
        "CREATE TABLE child (id INTEGER PRIMARY KEY, parent_id INTEGER, t TEXT UNIQUE, gone TEXT, n TEXT);
         INSERT INTO child VALUES (1, 9, 'a', NULL, 1), (2, 9, 'b', 'v', 1), (3, 9, 'c', 'w', 1), (4, 9, 'd', NULL, 1), (5, 9, 'e', NULL, NULL), (6, 9, 'f', NULL, 1);",
    );
    database.up();
    database.execute(
        "ALTER TABLE child DROP COLUMN gone; INSERT INTO child VALUES (1, 1, 'x', 1), (70, 1, 'd', 1);
         PRAGMA writable_schema = ON;
         UPDATE sqlite_schema SET sql = replace(sql, 'n TEXT', 'n TEXT NOT NULL') WHERE name = 'child';",
    );
    let text = database.copy().down().stdout;
    assert_eq!(
        text,
        "\
reverted V1 keys
  1 row moved from child_orphans back to child
  5 rows kept in child_orphans
    2 rows: the column gone of child is gone
    1 row: id is taken in child
    1 row: t is taken in child
    1 row: n may not be NULL in child
"
    );
    let done = down(&database, "");
    let causes = done[0]["restored"][0]["kept_because"].as_array().unwrap();
    let causes: Vec<_> = causes
        .iter()
        .map(|it| (&it["cause"], &it["rows"]))
        .collect();
    assert_eq!(
        json!(causes),
        json!([
            ["column_gone", 2],
            ["taken", 1],
            ["taken", 1],
            ["not_null", 1]
        ])
    );
}

#[test]
fn what_the_run_refuses_the_dry_run_refuses_with_the_same_words() {
    for (change, message) in [
        ("ALTER TABLE child RENAME TO kid", "no such table: child"),
        ("DROP TABLE child", "no such table: child"),
        (
            "ALTER TABLE child DROP CONSTRAINT fk",
            "no such constraint: fk",
        ),
        (
            "DROP TABLE child; CREATE VIEW child AS SELECT 1 AS id",
            "child",
        ),
    ] {
        for arguments in ["", " --leave-orphans", " --format json", " --to 0"] {
            let database = family();
            database.up();
            database.execute(change);
            let files = database.files();
            let planned = database
                .fkfix(&format!("down{arguments} --dry-run"))
                .status(2);
            let done = database.fkfix(&format!("down{arguments}")).status(2);
            assert!(done.stderr.contains(message), "{change}: {done:#?}");
            assert_eq!((planned.stdout, planned.stderr), (done.stdout, done.stderr));
            assert!(database.files() == files, "a file has changed");
        }
    }
}

#[test]
fn a_value_of_a_column_that_is_called_as_one_of_the_archive_is_not_taken_for_it() {
    // Earlier versions knew no column fkfix_run, and archived a table's own of that name.
    let database = Database::family(
        "CREATE TABLE child (id INTEGER PRIMARY KEY, parent_id INTEGER, t); INSERT INTO child VALUES (1, 9, 'own'), (2, 9, NULL)",
    );
    database.up();
    without_runs(&database, "child_orphans");
    for table in ["child", "child_orphans"] {
        database.execute(&format!("ALTER TABLE {table} RENAME COLUMN t TO fkfix_run"));
    }
    let done = down(&database, "");
    assert_eq!(done[0]["restored"], json!([restored("child", 2, 0)]));
    assert_eq!(
        database.rows("SELECT * FROM child"),
        ["1|9|'own'", "2|9|NULL"]
    );
}

#[test]
fn a_table_whose_column_is_called_as_one_of_the_archive_is_refused_by_name() {
    for column in ["fkfix_rowid", "FKFIX_run"] {
        let database = Database::family(&format!(
            "CREATE TABLE child (id INTEGER PRIMARY KEY, parent_id INTEGER, {column}); INSERT INTO child VALUES (1, 9, 1)"
        ));
        let message = format!("child_orphans can't be made: it has a column {column} of its own");
        database
            .refuses("up", 2, &message)
            .remarks("--orphans delete");
        database.refuses("up --dry-run", 2, &message);
    }
}

#[test]
fn the_hint_about_orphans_of_a_key_names_what_moves_them() {
    // Not the newest migration's: that alone, down takes back.
    let database = two_migrations();
    database.up();
    database.execute("INSERT INTO child VALUES (5, 7, 1)");
    database.fkfix("check").status(1).says(
        "fkfix orphans lists the rows, and fkfix down --to 0 and up move them to the archive",
    );
    database.fkfix("down --to 0").status(0);
    database.up();
    assert!(!database.fkfix("check").stdout.contains("[orphans]"));
    assert_eq!(
        database.rows("SELECT id FROM child_orphans ORDER BY id"),
        ["2", "3", "5"]
    );
    // A key that was there before stays through down, and so do its orphans.
    let adopted = Database::family(&format!(
        "CREATE TABLE child (id INTEGER PRIMARY KEY, parent_id INTEGER, {KEY}); INSERT INTO child VALUES (1, 1);"
    ));
    adopted.up();
    adopted.execute("INSERT INTO child VALUES (5, 7)");
    let check = adopted.fkfix("check").status(1);
    assert!(!check.stdout.contains("move them to the archive"));
    check.says("fkfix orphans lists the rows: give them a parent, or delete them");
}

#[test]
fn a_table_without_rowids_may_call_its_columns_as_rowids_are_called() {
    let database = Database::family(
        "CREATE TABLE child (id INTEGER PRIMARY KEY, parent_id INTEGER, rowid, _rowid_, oid) WITHOUT ROWID;
         INSERT INTO child VALUES (1, 1, 'a', 'b', 'c'), (2, 9, 'd', 'e', 'f'), (3, 9, 3, NULL, 1);",
    );
    assert_eq!(database.goes_up_and_down(), 2);
    // Two runs in one archive: the row that left last comes back.
    database.up();
    database.fkfix("down --leave-orphans").status(0);
    database.execute("INSERT INTO child VALUES (2, 8, 'new', 'e', 'f')");
    database.up();
    database.down();
    assert_eq!(
        database.rows("SELECT id, rowid FROM child"),
        ["1|'a'", "2|'new'", "3|3"]
    );
}
