//! After `enforce`, every connection acts on the declared keys, whatever its pragma says.

use pretty_assertions::assert_eq;
use rusqlite::Connection;

use crate::enforce::{enforce, two_keys};
use crate::support::Database;

/// Chains as long as these would need a trigger to fire within itself.
#[test]
fn a_chain_through_one_table_or_several_goes_whole() {
    let database = Database::of(
        "CREATE TABLE node (id INTEGER PRIMARY KEY, up INTEGER REFERENCES node ON DELETE CASCADE);
         CREATE INDEX node_up ON node (up);
         WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5000)
         INSERT INTO node SELECT i, nullif(i - 1, 0) FROM n;
         CREATE TABLE \"one \"\"table\" (k TEXT COLLATE NOCASE, b, other INTEGER REFERENCES fkfix_reached ON DELETE CASCADE, PRIMARY KEY (b, k)) WITHOUT ROWID;
         CREATE TABLE fkfix_reached (t INTEGER PRIMARY KEY, \"the b\", \"the k\", FOREIGN KEY (\"the b\", \"the k\") REFERENCES \"one \"\"table\" ON DELETE CASCADE);
         WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100)
         INSERT INTO \"one \"\"table\" SELECT 'K' || i, 'b', nullif(i - 1, 0) FROM n;
         INSERT INTO fkfix_reached SELECT substr(k, 2), b, lower(k) FROM \"one \"\"table\";
         INSERT INTO \"one \"\"table\" VALUES ('stays', 'b', NULL);
         CREATE INDEX next ON \"one \"\"table\" (other); CREATE INDEX back ON fkfix_reached (\"the b\", \"the k\");",
    );
    enforce(&database, "");
    // Where triggers fire within themselves, SQLite stops at a depth of 1,000.
    for (recursive, first) in [("OFF", 200), ("ON", 4900)] {
        let copy = database.copy();
        copy.execute(&format!("PRAGMA recursive_triggers = {recursive}; DELETE FROM node WHERE id = {first}; DELETE FROM \"one \"\"table\" WHERE k = 'k1';"));
        let left = first - 1;
        assert_eq!(
            copy.rows("SELECT count(*), max(id) FROM node"),
            [format!("{left}|{left}")]
        );
        assert_eq!(copy.rows("SELECT k FROM \"one \"\"table\""), ["'stays'"]);
        assert_eq!(copy.rows("SELECT count(*) FROM fkfix_reached"), ["0"]);
    }
}

#[test]
fn they_work_on_a_connection_on_its_guard_and_under_another_name() {
    let database = two_keys();
    enforce(&database, "--strict");
    let connection = Connection::open_in_memory().unwrap();
    connection
        .execute_batch(&format!(
            "PRAGMA foreign_keys = OFF; PRAGMA trusted_schema = OFF; ATTACH '{}' AS it;
             CREATE TEMP TABLE child (id, owner_id); CREATE TABLE owner (id);
             DELETE FROM it.owner WHERE id = 1",
            database.path.display()
        ))
        .unwrap();
    let error = connection.execute("INSERT INTO it.child (owner_id) VALUES (9)", []);
    assert!(error.is_err());
    drop(connection);
    assert_eq!(
        database.rows("SELECT * FROM child"),
        ["1|1|NULL", "2|2|2", "3|9|NULL"]
    );
}

#[test]
fn an_update_that_is_ignored_or_kept_back_leaves_no_orphan() {
    let database = Database::of(
        "CREATE TABLE parent (id INTEGER PRIMARY KEY); INSERT INTO parent VALUES (1), (2);
         CREATE TABLE child (a INTEGER NOT NULL REFERENCES parent ON DELETE CASCADE ON UPDATE SET NULL); INSERT INTO child VALUES (1), (2);
         CREATE TRIGGER keep BEFORE DELETE ON child WHEN OLD.a = 2 BEGIN SELECT RAISE(IGNORE); END;",
    );
    enforce(&database, "");
    let connection = database.open();
    for statement in [
        "UPDATE OR IGNORE parent SET id = 3 WHERE id = 1",
        "DELETE FROM parent WHERE id = 2",
    ] {
        let error = connection.execute(statement, []).unwrap_err().to_string();
        assert!(
            error.starts_with("FOREIGN KEY constraint failed: child (a)"),
            "{error}"
        );
    }
    assert_eq!(database.rows("SELECT * FROM child"), ["1", "2"]);
}

/// A trigger that was there before undoes the statement; one that came later, the transaction. Neither
/// makes `check` call the triggers stale.
#[test]
fn a_trigger_that_keeps_a_child_leaves_no_orphan_whenever_it_was_made() {
    let family = |action: &str| {
        Database::of(&format!(
            "CREATE TABLE parent (id INTEGER PRIMARY KEY); INSERT INTO parent VALUES (1), (2);
             CREATE TABLE child (a INTEGER REFERENCES parent ON DELETE {action}); INSERT INTO child VALUES (1), (2), (2);
             CREATE INDEX child_a ON child (a);"
        ))
    };
    let keep = |event: &str| {
        format!(
            "CREATE TRIGGER keep BEFORE {event} ON child WHEN OLD.rowid = 3 BEGIN SELECT RAISE(IGNORE); END"
        )
    };
    for (action, event) in [("CASCADE", "DELETE"), ("SET NULL", "UPDATE")] {
        for is_there_before in [true, false] {
            let mut database = family(action);
            if is_there_before {
                database = database.with(&keep(event));
            }
            enforce(&database, "");
            if !is_there_before {
                database.execute(&keep(event));
            }
            let connection = database.open();
            let all = "BEGIN; INSERT INTO parent VALUES (3); DELETE FROM parent WHERE id = 2";
            let error = connection.execute_batch(all).unwrap_err().to_string();
            assert!(
                error.starts_with("FOREIGN KEY constraint failed: child (a)"),
                "{error}"
            );
            assert_eq!(connection.is_autocommit(), !is_there_before, "{action}");
            if is_there_before {
                connection.execute_batch("COMMIT").unwrap();
            }
            assert_eq!(database.rows("SELECT * FROM child"), ["1", "2", "2"]);
            let parents = database.rows("SELECT * FROM parent");
            assert_eq!(parents.len(), 2 + usize::from(is_there_before), "{action}");
            database.fkfix("check").status(0);
        }
    }
}

/// The child 1 has the parent 1 and not '1', to which it is equal in the condition of an action.
/// SQLite's own key refuses to take its parent for the other.
#[test]
fn a_child_of_another_parent_is_not_taken_along() {
    for (action, statement) in [
        ("ON DELETE CASCADE", "DELETE FROM parent WHERE id = 2"),
        ("ON DELETE SET NULL", "DELETE FROM parent WHERE id = 2"),
        (
            "ON UPDATE CASCADE",
            "UPDATE parent SET key = 'x' WHERE id = 2",
        ),
        (
            "ON UPDATE SET NULL",
            "UPDATE parent SET key = 'x' WHERE id = 2",
        ),
    ] {
        let database = Database::of(&format!(
            "CREATE TABLE parent (id INTEGER PRIMARY KEY, key UNIQUE); INSERT INTO parent VALUES (1, 1), (2, '1'), (3, 3);
             CREATE TABLE child (a INTEGER REFERENCES parent (key) {action}); INSERT INTO child VALUES (1), (3);"
        ));
        let by_sqlite = database.copy();
        enforce(&database, "");
        for connection in [by_sqlite.open_enforcing(), database.open()] {
            let error = connection.execute(statement, []).unwrap_err().to_string();
            assert!(
                error.starts_with("FOREIGN KEY constraint failed"),
                "{error}"
            );
            let of_their_own = statement.replace("id = 2", "id = 3");
            connection.execute(&of_their_own, []).unwrap();
        }
        assert_eq!(
            database.rows("SELECT *, typeof(key) FROM parent"),
            by_sqlite.rows("SELECT *, typeof(key) FROM parent")
        );
        let children = database.rows("SELECT a FROM child");
        assert_eq!(children, by_sqlite.rows("SELECT a FROM child"), "{action}");
        assert_eq!(children[0], "1");
    }
}

/// What docs/enforce.md says of rows that REPLACE removes.
#[test]
fn rows_that_replace_removes_fire_no_trigger_unless_triggers_are_recursive() {
    let database = Database::of(
        "CREATE TABLE parent (id INTEGER PRIMARY KEY, mail UNIQUE); INSERT INTO parent VALUES (1, 'a'), (2, 'b');
         CREATE TABLE child (a INTEGER REFERENCES parent ON DELETE CASCADE); INSERT INTO child VALUES (1), (2);",
    );
    enforce(&database, "");
    let replace = |pragma: &str, id: i64| {
        let copy = database.copy();
        copy.execute(&format!(
            "PRAGMA {pragma} = ON; INSERT OR REPLACE INTO parent VALUES ({id}, 'a')"
        ));
        copy.rows("SELECT * FROM child")
    };
    for id in [1, 7] {
        assert_eq!(replace("user_version", id), ["1", "2"]);
        assert_eq!(replace("recursive_triggers", id), ["2"]);
        assert_eq!(replace("foreign_keys", id), ["2"]);
    }
}

#[test]
fn a_child_table_that_is_gone_leaves_triggers_that_a_further_run_removes() {
    let database = Database::of(
        "CREATE TABLE parent (id INTEGER PRIMARY KEY); INSERT INTO parent VALUES (1);
         CREATE TABLE child (a INTEGER REFERENCES parent ON DELETE CASCADE);",
    );
    enforce(&database, "--strict");
    database.execute("DROP TABLE child");
    let delete = "DELETE FROM parent";
    database.open().execute(delete, []).unwrap_err();
    database
        .fkfix("check")
        .status(1)
        .says("error[enforcement-stale] parent");
    database.fkfix("enforce").status(0).stderr("").stdout(
        "\
dropped fkfix_enforce_child_1_delete on parent
dropped fkfix_enforce_child_1_update on parent
",
    );
    database.execute(delete);
}

#[test]
fn a_child_that_another_cascade_takes_away_does_not_keep_its_parent() {
    let database = Database::of(
        "CREATE TABLE tenant (id INTEGER PRIMARY KEY); INSERT INTO tenant VALUES (1), (2);
         CREATE TABLE project (id INTEGER PRIMARY KEY, tenant INTEGER REFERENCES tenant ON DELETE CASCADE);
         CREATE TABLE task (id INTEGER PRIMARY KEY, project INTEGER REFERENCES project ON DELETE CASCADE, person INTEGER REFERENCES person);
         CREATE TABLE person (id INTEGER PRIMARY KEY, tenant INTEGER REFERENCES tenant ON DELETE CASCADE);
         INSERT INTO project VALUES (1, 1), (2, 2); INSERT INTO person VALUES (1, 1), (2, 2); INSERT INTO task VALUES (1, 1, 1), (2, 2, 2);",
    );
    enforce(&database, "--strict");
    let connection = database.open();
    connection
        .execute("DELETE FROM person WHERE id = 1", [])
        .unwrap_err();
    connection
        .execute("DELETE FROM tenant WHERE id = 1", [])
        .unwrap();
    assert_eq!(database.rows("SELECT * FROM task"), ["2|2|2"]);
    assert_eq!(database.rows("SELECT * FROM person"), ["2|2"]);
}

#[test]
fn a_change_that_would_lead_back_to_its_own_key_is_refused_unless_the_pragma_is_on() {
    let database = Database::of(
        "CREATE TABLE node (tenant INTEGER, id INTEGER, up INTEGER, PRIMARY KEY (tenant, id),
           FOREIGN KEY (tenant, up) REFERENCES node (tenant, id) ON UPDATE CASCADE);
         INSERT INTO node VALUES (1, 1, NULL), (1, 2, 1), (1, 3, 2);",
    );
    let warned = database.fkfix("enforce").status(0);
    assert!(
        warned.stderr.starts_with("warning: node(tenant, up) refuses to change the key of a parent that has children instead of ON UPDATE CASCADE: the change would lead back to the same key\n"),
        "{}",
        warned.stderr
    );
    let change = "UPDATE node SET tenant = 2 WHERE id = 1";
    for recursive in ["OFF", "ON"] {
        let connection = database.open();
        connection
            .pragma_update(None, "recursive_triggers", recursive)
            .unwrap();
        connection.execute(change, []).unwrap_err();
    }
    database.open_enforcing().execute(change, []).unwrap();
    assert_eq!(
        database.rows("SELECT * FROM node ORDER BY id"),
        ["2|1|NULL", "2|2|1", "2|3|2"]
    );
}
