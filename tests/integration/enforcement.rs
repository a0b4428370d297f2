//! After `up`, SQLite enforces the keys where the application asks it to.

use pretty_assertions::assert_eq;
use rusqlite::Connection;

use crate::support::Database;

fn count(connection: &Connection, query: &str) -> i64 {
    connection
        .query_row(&format!("SELECT count(*) FROM {query}"), [], |row| {
            row.get(0)
        })
        .unwrap()
}

fn log(rule: &str, event: &str) -> String {
    format!(
        "INSERT INTO webhook_logs (alert_rule_id, event_id, url, status_code, response_time_ms, retry_count, success, created_at)
         VALUES ('{rule}', '{event}', 'https://hooks.example.com/new', 200, 5, 0, 1, '2026-01-01 00:00:00')"
    )
}

#[test]
fn deleting_a_rule_or_an_event_deletes_its_logs_and_no_others() {
    for (name, rule, event) in [
        ("app-orm", "r1", "e2"),
        (
            "app-migrated",
            "a0000000-0000-4000-8000-000000000003",
            "e0000000-0000-4000-8000-000000000007",
        ),
    ] {
        let database = Database::fixture(name);
        database.up();
        let connection = database.open_enforcing();
        let mut left = count(&connection, "webhook_logs");
        for (table, column, id) in [
            ("events", "event_id", event),
            ("alert_rules", "alert_rule_id", rule),
        ] {
            let logs = count(
                &connection,
                &format!("webhook_logs WHERE {column} = '{id}'"),
            );
            assert!(logs > 0, "{name} has no log of {id}");
            connection
                .execute(&format!("DELETE FROM {table} WHERE id = '{id}'"), [])
                .unwrap();
            left -= logs;
            assert_eq!(count(&connection, "webhook_logs"), left, "{name}, {id}");
            assert_eq!(
                count(
                    &connection,
                    &format!("webhook_logs WHERE {column} = '{id}'")
                ),
                0
            );
        }
    }
}

#[test]
fn a_log_of_an_event_that_is_not_there_is_refused_and_a_good_one_is_written() {
    let database = Database::fixture("app-orm");
    database.up();
    let connection = database.open_enforcing();
    for (rule, event) in [("r1", "nobody"), ("nobody", "e1")] {
        let error = connection
            .execute(&log(rule, event), [])
            .unwrap_err()
            .to_string();
        assert_eq!(error, "FOREIGN KEY constraint failed");
    }
    connection.execute(&log("r1", "e1"), []).unwrap();
    assert_eq!(count(&connection, "webhook_logs"), 4);
}

#[test]
fn where_keys_are_off_logging_goes_on_as_before() {
    let database = Database::fixture("app-orm");
    database.up();
    let connection = database.open();
    connection.execute(&log("nobody", "nothing"), []).unwrap();
    connection.execute("DELETE FROM events", []).unwrap();
    assert_eq!(count(&connection, "webhook_logs"), 4);
    assert_eq!(
        count(&connection, "pragma_foreign_key_check('webhook_logs')"),
        5
    );
    drop(connection);
    // What came since is no concern of the way back.
    database.down();
    assert_eq!(
        database.value::<i64>("SELECT count(*) FROM webhook_logs"),
        4
    );
}

#[test]
fn after_down_nothing_acts_any_more() {
    let database = Database::fixture("app-orm");
    database.up();
    database.down();
    let connection = database.open_enforcing();
    connection.execute(&log("nobody", "nothing"), []).unwrap();
    connection.execute("DELETE FROM alert_rules", []).unwrap();
    assert_eq!(count(&connection, "webhook_logs"), 4);
}

#[test]
fn a_cascade_fires_the_triggers_of_the_table_and_goes_on_to_its_children() {
    let database = Database::fixture("nasty");
    database.up();
    let connection = database.open_enforcing();
    connection
        .execute("DELETE FROM alert_rules WHERE id = 1", [])
        .unwrap();
    assert_eq!(
        database.rows("SELECT id FROM webhook_logs ORDER BY 1"),
        ["3", "7"]
    );
    assert_eq!(
        database.rows("SELECT * FROM audit ORDER BY log_id"),
        ["'delete'|1", "'delete'|2"]
    );
    assert_eq!(database.rows("SELECT * FROM log_notes"), [""; 0]);
}

#[test]
fn a_connection_that_was_open_before_sees_the_keys() {
    for mode in ["DELETE", "WAL"] {
        let database = Database::fixture("app-orm").with(&format!("PRAGMA journal_mode = {mode}"));
        let connection = database.open_enforcing();
        let mut insert = connection.prepare(&log("nobody", "nothing")).unwrap();
        assert_eq!(count(&connection, "webhook_logs"), 3);
        database.up();
        insert.execute([]).unwrap_err();
        database.down();
        insert.execute([]).unwrap();
    }
}

#[test]
fn every_action_of_a_new_key_is_sqlite_s_own() {
    for (action, left) in [
        ("ON DELETE SET NULL", &["1|NULL", "2|2"][..]),
        ("ON UPDATE SET NULL ON DELETE RESTRICT", &["1|1", "2|2"]),
        ("ON DELETE CASCADE ON UPDATE CASCADE", &["2|2"]),
        ("ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED", &["2|2"]),
    ] {
        let database = Database::family(
            "CREATE TABLE child (id INTEGER PRIMARY KEY, parent_id INTEGER DEFAULT 2); INSERT INTO child VALUES (1, 1), (2, 2)",
        )
        .with_migration(
            "V1__keys",
            &format!("ALTER TABLE child ADD CONSTRAINT fk FOREIGN KEY (parent_id) REFERENCES parent (id) {action}"),
            "ALTER TABLE child DROP CONSTRAINT fk",
        );
        let before = database.picture();
        database.up();
        let deleted = database
            .open_enforcing()
            .execute("DELETE FROM parent WHERE id = 1", []);
        assert_eq!(deleted.is_err(), action.contains("RESTRICT"), "{action}");
        assert_eq!(database.rows("SELECT * FROM child"), left, "{action}");
        database.down();
        assert_eq!(database.picture().schema, before.schema);
    }
}

#[test]
fn a_key_that_sqlite_can_not_drop_again_is_dropped_all_the_same() {
    for (name, down) in [
        ("CONSTRAINT fk", "ALTER TABLE child DROP CONSTRAINT fk"),
        ("", "ALTER TABLE child DROP CONSTRAINT child_parent_id_fkey"),
    ] {
        let database = Database::family(
            "CREATE TABLE child (parent_id INTEGER DEFAULT 2 /* , */ ); INSERT INTO child VALUES (1), (7);",
        )
        .with_migration(
            "V1__keys",
            &format!("ALTER TABLE child ADD {name} FOREIGN KEY (parent_id) REFERENCES parent (id) ON UPDATE CASCADE ON DELETE SET DEFAULT"),
            down,
        );
        let before = database.picture();
        database
            .up()
            .says("1 row of child kept with parent_id set to NULL or its default");
        assert_eq!(database.rows("SELECT * FROM child"), ["1", "2"]);
        let after = database.picture();
        database.down();
        assert_eq!(database.picture(), before);
        database.up();
        assert_eq!(database.picture().schema, after.schema);
        database
            .open_enforcing()
            .execute("DELETE FROM parent WHERE id = 1", [])
            .unwrap();
        assert_eq!(database.rows("SELECT * FROM child"), ["2", "2"]);
    }
}
