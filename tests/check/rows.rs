//! Rows and tables that should not be there: a database that is sound, spoilt in one way.

use crate::database::{Database, FIXTURES, text, told};
use crate::findings::spoilt;

#[test]
fn orphans_that_have_come_since() {
    let finding = "orphans webhook_logs (event_id)";
    spoilt(finding, 1, |database, _| {
        database.run("DELETE FROM events WHERE id IN (SELECT event_id FROM webhook_logs WHERE event_id IS NOT NULL LIMIT 1)");
        let orphans =
            database.number("SELECT count(*) FROM pragma_foreign_key_check('webhook_logs')");
        assert!(orphans > 0);
        let checked = database.check(&[]);
        let rows = if orphans == 1 {
            "1 row of webhook_logs breaks".to_owned()
        } else {
            format!("{orphans} rows of webhook_logs break")
        };
        assert_eq!(
            checked.message(finding),
            format!("{rows} the key (event_id) references events (id) on delete cascade")
        );
        assert!(checked.hint(finding).contains("PRAGMA foreign_keys = ON"));
    });
}

#[test]
fn orphans_of_a_key_that_no_migration_asks_for() {
    let finding = "orphans-elsewhere notes (log_id)";
    spoilt(finding, 0, |database, _| {
        database.run(
            "CREATE TABLE notes (log_id INTEGER UNIQUE REFERENCES webhook_logs (id));
             INSERT INTO notes VALUES (1), (NULL), (999999), (999998)",
        );
        assert_eq!(
            database.check(&[]).message(finding),
            "2 rows of notes break the key (log_id) references webhook_logs (id)"
        );
    });
}

#[test]
fn the_orphans_of_each_key_are_counted_apart() {
    let database = Database::up(FIXTURES[1]);
    database.run(
        "CREATE TABLE p (id INTEGER PRIMARY KEY); INSERT INTO p VALUES (1);
         CREATE TABLE c (a INTEGER REFERENCES p, b INTEGER REFERENCES p, i INTEGER REFERENCES p, d TEXT REFERENCES p);
         CREATE INDEX c_i ON c (i);
         INSERT INTO c VALUES (1, 2, 2, '1'), (1, 2, 1, '2'), (2, 2, 3, NULL), (NULL, 1, 4, '01')",
    );
    let checked = database.check(&[]);
    for (column, rows) in [
        ("a", "1 row of c breaks"),
        ("b", "3 rows of c break"),
        ("i", "3 rows of c break"),
        ("d", "1 row of c breaks"),
    ] {
        assert_eq!(
            checked.message(&format!("orphans-elsewhere c ({column})")),
            format!("{rows} the key ({column}) references p (id)")
        );
    }
    let found = database.number("SELECT count(*) FROM pragma_foreign_key_check('c')");
    assert_eq!(found, 1 + 3 + 3 + 1);
}

#[test]
fn the_hint_about_orphans_moves_them_out() {
    let finding = "orphans webhook_logs (event_id)".to_owned();
    for fixture in FIXTURES {
        let database = Database::up(fixture);
        database.run("DELETE FROM events WHERE id IN (SELECT event_id FROM webhook_logs WHERE event_id IS NOT NULL LIMIT 1)");
        assert!(database.check(&[]).found().contains(&finding));
        let path = database.path();
        assert_eq!(told(&["down", "-d", text(&path)]).0, 0);
        database.fkfix_up(&[]);
        assert!(!database.check(&[]).found().contains(&finding));
    }
}

#[test]
fn what_a_broken_run_of_another_tool_left() {
    for table in [
        "_alembic_tmp_webhook_logs",
        "webhook_logs_new",
        "new__webhook_logs",
    ] {
        spoilt(&format!("leftover-table {table}"), 0, |database, _| {
            database.run(&format!(
                "CREATE TABLE {table} (id, event_id REFERENCES gone (id))"
            ));
            let found = database.check(&[]).found();
            assert!(
                !found.iter().any(|it| it.starts_with("parent-missing")),
                "{found:?}"
            );
        });
    }
}

#[test]
fn an_archive_that_holds_rows() {
    let finding = "archive-not-empty webhook_logs_orphans";
    for fixture in FIXTURES {
        let database = Database::of(fixture);
        database.run("DELETE FROM events WHERE id IN (SELECT event_id FROM webhook_logs WHERE event_id IS NOT NULL LIMIT 1)");
        database.fkfix_up(&[]);
        let checked = database.check(&[]);
        let rows = database.number("SELECT count(*) FROM webhook_logs_orphans");
        let rows = if rows == 1 {
            "1 row".to_owned()
        } else {
            format!("{rows} rows")
        };
        assert_eq!(
            checked.message(finding),
            format!("webhook_logs_orphans holds {rows} that left webhook_logs")
        );
        assert_eq!(checked.status, 0);
        database.run("DELETE FROM webhook_logs_orphans");
        assert!(!database.check(&[]).found().contains(&finding.to_owned()));
    }
}

#[test]
fn an_archive_of_rows_that_stayed_does_not_say_that_they_left() {
    let finding = "archive-not-empty c_orphans";
    let database = Database::empty();
    database.run(
        "CREATE TABLE p (id INTEGER PRIMARY KEY);
         CREATE TABLE c (id INTEGER PRIMARY KEY, a INTEGER REFERENCES p (id) ON DELETE SET NULL, b INTEGER REFERENCES p (id) ON DELETE CASCADE);
         INSERT INTO p VALUES (1); INSERT INTO c VALUES (1, 9, 1), (2, 1, 1);",
    );
    database.fkfix_clean();
    assert_eq!(
        database.check(&[]).message(finding),
        "c_orphans holds the earlier keys of 1 row that stayed in c"
    );
    database.run("INSERT INTO c VALUES (3, 1, 8), (4, 1, 8)");
    database.fkfix_clean();
    assert_eq!(
        database.check(&[]).message(finding),
        "c_orphans holds 2 rows that left c, and the earlier keys of 1 row that stayed"
    );
}
