//! The parents of keys and the indexes on them: a database that is sound, spoilt in one way.

use crate::database::{Database, FIXTURES};
use crate::findings::spoilt;

#[test]
fn a_parent_table_that_is_missing() {
    let finding = "parent-missing webhook_logs (event_id)";
    spoilt(finding, 1, |database, _| {
        database.run("DROP TABLE events");
        assert_eq!(
            database.check(&[]).message(finding),
            "the key (event_id) references events (id) on delete cascade has no parent: there is no table events"
        );
    });
    spoilt(finding, 1, |database, _| {
        database.run("DROP TABLE events; CREATE TABLE events (number INTEGER PRIMARY KEY)");
        assert!(
            database
                .check(&[])
                .message(finding)
                .ends_with("events has no column id")
        );
    });
}

/// Makes `events` anew with `id` defined so.
fn redefine_events(database: &Database, id: &str) {
    database.run(&format!(
        "CREATE TABLE e ({id}); INSERT INTO e SELECT id FROM events; DROP TABLE events; ALTER TABLE e RENAME TO events"
    ));
}

#[test]
fn a_parent_key_that_is_not_unique() {
    let finding = "parent-key-not-unique webhook_logs (event_id)";
    spoilt(finding, 1, |database, fixture| {
        redefine_events(database, &format!("id {}", fixture.id_type));
        assert_eq!(
            database.check(&[]).message(finding),
            "the key (event_id) references events (id) on delete cascade needs a parent key, and events (id) is neither PRIMARY KEY nor UNIQUE"
        );
        database.run("CREATE UNIQUE INDEX part ON events (id) WHERE id <> 1");
        assert!(database.check(&[]).found().contains(&finding.to_owned()));
        let hint = database.check(&[]).hint(finding).to_owned();
        let (remedy, _) = hint.split_once(';').unwrap();
        let copy = Database::up(fixture);
        redefine_events(&copy, &format!("id {}", fixture.id_type));
        copy.run(remedy);
        assert!(!copy.check(&[]).found().contains(&finding.to_owned()));
    });
}

#[test]
fn a_parent_key_of_another_number_of_columns() {
    let finding = "parent-key-not-unique c (a)";
    let database = Database::up(FIXTURES[1]);
    database
        .run("CREATE TABLE p (x, y, PRIMARY KEY (x, y)); CREATE TABLE c (a UNIQUE REFERENCES p)");
    let checked = database.check(&[]);
    assert_eq!(
        checked.message(finding),
        "the key (a) references p (x, y) has 1 columns, and the primary key of p has 2"
    );
    assert_eq!(checked.status, 1);
}

#[test]
fn affinities_that_differ() {
    spoilt(
        "affinity-differs webhook_logs (event_id)",
        0,
        |database, _| {
            redefine_events(database, "id BLOB PRIMARY KEY");
        },
    );
}

#[test]
fn collations_that_differ() {
    spoilt(
        "collation-differs webhook_logs (event_id)",
        0,
        |database, fixture| {
            redefine_events(
                database,
                &format!("id {} COLLATE NOCASE PRIMARY KEY", fixture.id_type),
            );
        },
    );
}

#[test]
fn a_child_key_without_an_index() {
    let finding = "no-child-index webhook_logs (alert_rule_id)";
    spoilt(finding, 0, |database, _| {
        database.run(
            "DROP INDEX IF EXISTS idx_webhook_logs_alert_rule; DROP INDEX IF EXISTS ix_webhook_logs_alert_rule_id;
             DROP INDEX IF EXISTS idx_webhook_logs_rule_event",
        );
        let checked = database.check(&[]);
        assert_eq!(
            checked.message(finding),
            "no index of webhook_logs starts with (alert_rule_id), so each delete in alert_rules scans webhook_logs"
        );
        let copy = Database {
            folder: tempfile::tempdir().unwrap(),
        };
        std::fs::copy(database.path(), copy.path()).unwrap();
        copy.run(checked.hint(finding));
        assert!(!copy.check(&[]).found().contains(&finding.to_owned()));
    });
}

#[test]
fn which_indexes_serve_a_key() {
    let finding = "no-child-index c (a, b)".to_owned();
    for (index, serves) in [
        ("c (a, b)", true),
        ("c (b, a)", true),
        ("c (a, b, x)", true),
        ("c (a, b) WHERE a IS NOT NULL", true),
        ("c (a, b) WHERE \"b\" NOTNULL", true),
        ("c (a, b) WHERE x IS NOT NULL", false),
        ("c (a, b) WHERE a IS NOT NULL AND x = 1", false),
        ("c (a, x, b)", false),
        ("c (a)", false),
        ("c (a, lower(b))", false),
        ("c (a COLLATE NOCASE, b)", false),
    ] {
        let database = Database::up(FIXTURES[1]);
        database.run(&format!(
            "CREATE TABLE p (x TEXT, y TEXT, PRIMARY KEY (x, y));
             CREATE TABLE c (a TEXT, b TEXT, x, FOREIGN KEY (a, b) REFERENCES p);
             CREATE INDEX i ON {index}"
        ));
        assert_eq!(
            !database.check(&[]).found().contains(&finding),
            serves,
            "{index}"
        );
    }
}

#[test]
fn a_rowid_needs_no_index() {
    let database = Database::up(FIXTURES[1]);
    database.run("CREATE TABLE c (id INTEGER PRIMARY KEY REFERENCES p); CREATE TABLE p (id INTEGER PRIMARY KEY)");
    let found = database.check(&[]).found();
    assert!(!found.iter().any(|it| it.contains(" c (")), "{found:?}");
}
