//! Under any conflict clause of the statement that changes a parent, the triggers of `enforce`
//! leave no orphan and give no child away: what could come out otherwise is refused before.

use pretty_assertions::assert_eq;

use crate::enforce::enforce;
use crate::support::Database;

/// `parent` (1, 2), and `child` as `columns` declare it, with the key `a` to them.
fn family(columns: &str, action: &str) -> Database {
    let database = Database::of(&format!(
        "CREATE TABLE parent (id INTEGER PRIMARY KEY); INSERT INTO parent VALUES (1), (2), (3);
         CREATE TABLE child ({columns}, FOREIGN KEY (a) REFERENCES parent (id) {action});
         INSERT INTO child (a) VALUES (1), (2);"
    ));
    enforce(&database, "");
    database
}

const CLAUSES: [&str; 6] = [
    "",
    "OR ABORT",
    "OR FAIL",
    "OR REPLACE",
    "OR IGNORE",
    "OR ROLLBACK",
];

/// Every form of `statement`, in which `{}` is the conflict clause, fails and changes nothing.
fn is_refused(database: &Database, statement: &str, because: &str) {
    let everything = "SELECT 'p', id FROM parent UNION ALL SELECT 'c', a FROM child";
    let before = database.rows(everything);
    for clause in CLAUSES {
        let statement = statement.replace("{}", clause);
        for recursive in ["OFF", "ON"] {
            let connection = database.open();
            connection
                .pragma_update(None, "recursive_triggers", recursive)
                .unwrap();
            let error = connection.execute(&statement, []).unwrap_err().to_string();
            assert!(error.contains(because), "{statement}: {error}");
            assert_eq!(database.rows(everything), before, "{statement}");
        }
    }
}

#[test]
fn a_key_that_must_not_become_null_is_refused_before_anything_changes() {
    for column in [
        "a INTEGER NOT NULL",
        "a INTEGER NOT NULL DEFAULT 2",
        "a INTEGER NOT NULL ON CONFLICT REPLACE DEFAULT 2",
        "a INTEGER NOT NULL ON CONFLICT FAIL",
    ] {
        let database = family(column, "ON DELETE SET NULL ON UPDATE SET NULL");
        is_refused(
            &database,
            "UPDATE {} parent SET id = id + 10",
            "must not become NULL",
        );
        is_refused(
            &database,
            "UPDATE {} parent SET id = 10 WHERE id = 1",
            "must not become NULL",
        );
    }
    let database = Database::of(
        "CREATE TABLE parent (id INTEGER PRIMARY KEY); INSERT INTO parent VALUES (1), (2);
         CREATE TABLE child (a INTEGER, b, PRIMARY KEY (a, b), FOREIGN KEY (a) REFERENCES parent (id) ON UPDATE SET NULL) WITHOUT ROWID;
         INSERT INTO child VALUES (1, 1), (2, 2);",
    );
    enforce(&database, "");
    is_refused(
        &database,
        "UPDATE {} parent SET id = id + 10",
        "must not become NULL",
    );
}

#[test]
fn a_key_that_must_stay_unique_is_refused_before_anything_changes() {
    // The default is taken, as the value of another child.
    for column in [
        "a INTEGER UNIQUE DEFAULT 2",
        "a INTEGER UNIQUE ON CONFLICT REPLACE DEFAULT 2",
        "a INTEGER PRIMARY KEY DEFAULT 2",
    ] {
        let database = family(column, "ON DELETE SET DEFAULT ON UPDATE SET DEFAULT");
        is_refused(
            &database,
            "UPDATE {} parent SET id = 10 WHERE id = 1",
            "must stay UNIQUE",
        );
    }
    // Two children get the same value at once.
    let database = family(
        "n INTEGER DEFAULT 5, a INTEGER DEFAULT 3, UNIQUE (a, n)",
        "ON UPDATE SET DEFAULT",
    );
    database.execute("INSERT INTO child VALUES (6, 1)");
    let connection = database.open();
    connection
        .execute("UPDATE OR REPLACE parent SET id = 10 WHERE id = 1", [])
        .unwrap();
    assert_eq!(
        database.rows("SELECT a, n FROM child ORDER BY a, n"),
        ["2|5", "3|5", "3|6"]
    );
    is_refused(
        &database,
        "UPDATE {} parent SET id = 11 WHERE id = 2",
        "must stay UNIQUE",
    );
}

#[test]
fn a_unique_key_that_follows_its_parent_is_not_refused() {
    for clause in CLAUSES {
        let database = family("a INTEGER UNIQUE", "ON UPDATE CASCADE ON DELETE SET NULL");
        let connection = database.open();
        let update = format!("UPDATE {clause} parent SET id = id + 10 WHERE id < 3");
        connection.execute(&update, []).unwrap();
        connection
            .execute("DELETE FROM parent WHERE id = 11", [])
            .unwrap();
        assert_eq!(database.rows("SELECT a FROM child"), ["NULL", "12"]);
    }
}

/// With `recursive_triggers` ON, the trigger on DELETE fires for a row that REPLACE removes.
#[test]
fn replace_of_a_parent_gives_no_child_away() {
    for column in ["a INTEGER NOT NULL DEFAULT 2", "a INTEGER UNIQUE DEFAULT 2"] {
        let action = if column.contains("UNIQUE") {
            "ON DELETE SET DEFAULT"
        } else {
            "ON DELETE SET NULL"
        };
        let database = family(column, action);
        let connection = database.open();
        connection
            .pragma_update(None, "recursive_triggers", "ON")
            .unwrap();
        connection
            .execute("INSERT OR REPLACE INTO parent VALUES (1)", [])
            .unwrap_err();
        assert_eq!(database.rows("SELECT a FROM child"), ["1", "2"]);
    }
}

#[test]
fn a_check_of_the_child_is_told_since_no_trigger_foresees_it() {
    let database = Database::of(
        "CREATE TABLE parent (id INTEGER PRIMARY KEY);
         CREATE TABLE child (a INTEGER CHECK (a < 10) REFERENCES parent ON UPDATE CASCADE);",
    );
    database.fkfix("enforce").status(0).stderr(
        "warning: child(a) changes rows of child, which has a CHECK: UPDATE OR FAIL and UPDATE OR REPLACE of a parent may stop half way or change other rows there, which no trigger can foresee\n",
    );
}

/// SQLite fires the newest trigger first, and RAISE(IGNORE) keeps the others from firing.
#[test]
fn a_newer_trigger_that_ignores_what_follows_is_found_and_overtaken() {
    let database = family("a INTEGER", "ON DELETE CASCADE");
    let delete = "DELETE FROM parent WHERE id = 1";
    database.execute(
        "CREATE TRIGGER before_it BEFORE DELETE ON parent WHEN OLD.id = 2 BEGIN SELECT RAISE(IGNORE); END",
    );
    let options = "--ignore no-child-index --ignore migration-pending --ignore table-missing";
    database.fkfix(&format!("check {options}")).status(0);
    database
        .execute("CREATE TRIGGER newer AFTER DELETE ON parent BEGIN SELECT raise ( ignore ); END");
    let copy = database.copy();
    copy.execute(delete);
    assert_eq!(
        copy.rows("SELECT a FROM child"),
        ["1", "2"],
        "is it still so?"
    );
    database
        .fkfix(&format!("check {options}"))
        .status(1)
        .says("error[enforcement-stale] parent\n  trigger newer is newer than fkfix_enforce_child_1_delete and so fires first, and its RAISE(IGNORE) keeps that one from firing\n");
    enforce(&database, "");
    database.fkfix(&format!("check {options}")).status(0);
    database.execute(delete);
    assert_eq!(database.rows("SELECT a FROM child"), ["2"]);
}
