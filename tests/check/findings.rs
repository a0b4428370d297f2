//! Migrations and keys that are not as they should be: a database that is sound, spoilt in that
//! one way.

use crate::database::{Database, FIXTURES, Fixture, text};

const PENDING: &str = "migration-pending V1__webhook_logs_foreign_keys";
const UP: &str = include_str!("../../migrations/V1__webhook_logs_foreign_keys.sql");
const DOWN: &str = include_str!("../../migrations/V1__webhook_logs_foreign_keys.down.sql");
const EVENT_KEY: &str = "CONSTRAINT fk_webhook_logs_event FOREIGN KEY (event_id) REFERENCES events (id) ON DELETE CASCADE";

/// What is found in a fixture after `up`: it works, and some of it costs something.
fn known(fixture: Fixture) -> &'static [&'static str] {
    match fixture.name {
        "app-migrated" => &["archive-not-empty webhook_logs_orphans"],
        "app-orm" => &[
            "no-child-index events (camera_id)",
            "no-child-index notifications (rule_id)",
            "no-child-index notifications (event_id)",
        ],
        _ => &[
            "no-child-index webhook_logs (alert_rule_id)",
            "no-child-index log_notes (log_id)",
        ],
    }
}

/// Runs `spoil` on each fixture after `up`; `expected` must be found that was not before, and
/// decide the exit status.
pub fn spoilt(expected: &str, status: i32, spoil: impl Fn(&Database, Fixture)) {
    for fixture in FIXTURES {
        let database = Database::up(fixture);
        assert!(!database.check(&[]).found().contains(&expected.to_owned()) || status == 0);
        spoil(&database, fixture);
        let checked = database.check(&[]);
        let found = checked.found();
        assert!(
            found.iter().any(|it| it == expected),
            "{}: {found:#?}",
            fixture.name
        );
        assert_eq!(checked.status, status, "{}: {found:#?}", fixture.name);
        assert_eq!(database.check(&["--strict"]).status, 1, "{}", fixture.name);
        let code = expected.split(' ').next().unwrap();
        let rest = database.check(&["--ignore", code]).found();
        assert!(
            !rest.iter().any(|it| it.starts_with(&format!("{code} "))),
            "{rest:?}"
        );
        for finding in checked.findings() {
            assert_ne!(finding["message"], "", "{finding}");
            assert_ne!(finding["hint"], "", "{finding}");
        }
    }
}

#[test]
fn before_up_the_migration_is_pending_and_its_keys_are_not_listed_again() {
    for fixture in FIXTURES {
        let checked = Database::of(fixture).check(&[]);
        let of_keys = known(fixture)
            .iter()
            .filter(|it| !it.starts_with("archive"));
        let mut expected = vec![PENDING];
        expected.extend(of_keys);
        // The keys that are declared come before those that a migration asks for.
        expected.sort_by_key(|it| it.contains("index webhook_logs"));
        assert_eq!(checked.found(), expected);
        assert_eq!(checked.status, 1);
    }
}

#[test]
fn after_up_only_warnings_are_left() {
    for fixture in FIXTURES {
        let database = Database::up(fixture);
        let checked = database.check(&[]);
        assert_eq!(checked.found(), known(fixture));
        assert_eq!(checked.status, 0);
        assert_eq!(database.check(&["--strict"]).status, 1);
    }
}

#[test]
fn nothing_is_written() {
    for fixture in FIXTURES {
        let database = Database::up(fixture);
        let before = std::fs::read(database.path()).unwrap();
        database.check(&[]);
        assert_eq!(std::fs::read(database.path()).unwrap(), before);
        assert_eq!(
            std::fs::read_dir(database.folder.path()).unwrap().count(),
            1
        );
    }
}

/// A folder of migrations beside the database.
fn folder(database: &Database, files: &[(&str, &str)]) -> String {
    let mut path = database.folder.path().join("migrations");
    for (name, script) in files {
        path = database.file(&format!("migrations/{name}"), script);
        path.pop();
    }
    path.to_str().unwrap().to_owned()
}

#[test]
fn a_migration_that_has_changed() {
    spoilt(
        "migration-changed V1__webhook_logs_foreign_keys",
        1,
        |database, _| {
            database.run("UPDATE fkfix_schema_history SET checksum = '1'");
        },
    );
}

#[test]
fn a_migration_that_is_not_known_here() {
    spoilt("migration-unknown V7__of_the_future", 1, |database, _| {
        database.run("INSERT INTO fkfix_schema_history SELECT 7, 'of_the_future', applied_on, checksum, adopted FROM fkfix_schema_history");
    });
}

#[test]
fn a_migration_that_comes_too_late() {
    let database = Database::of(FIXTURES[0]);
    let set = folder(
        &database,
        &[("V2__keys.sql", UP), ("V2__keys.down.sql", DOWN)],
    );
    database.fkfix_up(&["--migrations", &set]);
    folder(
        &database,
        &[
            ("V1__early.sql", "SELECT 1"),
            ("V1__early.down.sql", "SELECT 1"),
        ],
    );
    let checked = database.check(&["--migrations", &set]);
    let finding = "migration-pending V1__early";
    assert_eq!(
        checked.found(),
        [finding, "archive-not-empty webhook_logs_orphans"]
    );
    assert!(
        checked
            .hint(finding)
            .starts_with("a later one is applied already")
    );
}

#[test]
fn a_migration_without_a_way_back() {
    let database = Database::of(FIXTURES[0]);
    let set = folder(&database, &[("V1__keys.sql", UP)]);
    let checked = database.check(&["--migrations", &set]);
    let finding = "down-script-missing V1__keys";
    assert_eq!(checked.found(), ["migration-pending V1__keys", finding]);
    assert_eq!(checked.hint(finding), "write V1__keys.down.sql beside it");
}

#[test]
fn a_missing_key() {
    let finding = "key-missing webhook_logs (event_id)";
    spoilt(finding, 1, |database, _| {
        database.redefine(&format!(", {EVENT_KEY}"), "");
    });
}

#[test]
fn the_hint_about_a_missing_key_brings_it_back() {
    for fixture in FIXTURES {
        let database = Database::up(fixture);
        database.redefine(&format!(", {EVENT_KEY}"), "");
        let hint = "DELETE FROM fkfix_schema_history WHERE version = 1";
        let checked = database.check(&[]);
        assert!(
            checked
                .hint("key-missing webhook_logs (event_id)")
                .contains(hint)
        );
        database.run(hint);
        database.fkfix_up(&[]);
        assert_eq!(database.check(&[]).found(), known(fixture));
    }
}

#[test]
fn a_key_that_is_there_twice() {
    let finding = "key-twice webhook_logs (event_id)";
    spoilt(finding, 1, |database, _| {
        let twice =
            format!("{EVENT_KEY}, FOREIGN KEY(event_id) REFERENCES events (id) ON DELETE CASCADE");
        database.redefine(EVENT_KEY, &twice);
        assert_eq!(
            database.check(&[]).message(finding),
            "webhook_logs declares 2 times (event_id) references events (id) on delete cascade"
        );
    });
}

#[test]
fn a_key_with_another_action() {
    let finding = "key-differs webhook_logs (event_id)";
    spoilt(finding, 1, |database, _| {
        database.redefine(EVENT_KEY, &EVENT_KEY.replace("CASCADE", "SET NULL"));
        let checked = database.check(&[]);
        assert_eq!(
            checked.message(finding),
            "the key is (event_id) references events (id) on delete set null, and V1__webhook_logs_foreign_keys asks for (event_id) references events (id) on delete cascade"
        );
        assert!(
            !checked
                .found()
                .iter()
                .any(|it| it.starts_with("key-missing"))
        );
    });
}

#[test]
fn a_key_with_another_parent_beside_the_right_one() {
    spoilt("key-differs webhook_logs (event_id)", 1, |database, _| {
        let both = format!("{EVENT_KEY}, FOREIGN KEY (event_id) REFERENCES alert_rules");
        database.redefine(EVENT_KEY, &both);
    });
}

#[test]
fn a_pending_key_that_is_there_otherwise() {
    let database = Database::of(FIXTURES[0]);
    database.redefine(
        "PRIMARY KEY (id)",
        "PRIMARY KEY (id), FOREIGN KEY (event_id) REFERENCES events",
    );
    let found = database.check(&[]).found();
    assert_eq!(found[..2], [PENDING, "key-differs webhook_logs (event_id)"]);
}

#[test]
fn a_child_table_that_is_missing() {
    let finding = "table-missing webhook_logs";
    spoilt(finding, 1, |database, _| {
        database.run("DROP TABLE webhook_logs");
    });
    spoilt(finding, 1, |database, _| {
        database.run("DROP TABLE webhook_logs; CREATE VIEW webhook_logs AS SELECT 1 AS id, 2 AS alert_rule_id, 3 AS event_id");
        assert_eq!(
            database.check(&[]).message(finding),
            "webhook_logs is a view, and V1__webhook_logs_foreign_keys adds keys to a table"
        );
    });
}

#[test]
fn a_key_that_cannot_be() {
    let finding = "key-impossible webhook_logs";
    spoilt(finding, 1, |database, _| {
        database.run("DROP TABLE webhook_logs; CREATE TABLE webhook_logs (id INTEGER PRIMARY KEY, alert_rule_id)");
        let message = database.check(&[]).message(finding).to_owned();
        assert!(
            message.ends_with("unknown column \"event_id\" in foreign key definition"),
            "{message}"
        );
    });
}

#[test]
fn a_schema_that_is_not_that_of_its_snapshot() {
    for fixture in FIXTURES {
        let database = Database::up(fixture);
        let snapshot = database.folder.path().join("schema.sql");
        let options = ["--snapshot", text(&snapshot)];
        database.check(&[options[0], options[1], "--update"]);
        assert_eq!(database.check(&options).found(), known(fixture));
        database.run("CREATE INDEX one_more ON webhook_logs (id)");
        let checked = database.check(&options);
        assert_eq!(checked.status, 1);
        let diff = checked.findings().last().unwrap()["diff"].as_str().unwrap();
        assert!(
            diff.contains("\n+CREATE INDEX one_more ON webhook_logs(id);\n"),
            "{diff}"
        );
    }
}

#[test]
fn a_key_that_a_later_migration_drops_is_not_expected() {
    let database = Database::of(FIXTURES[1]);
    let set = folder(
        &database,
        &[
            ("V1__keys.sql", UP),
            ("V1__keys.down.sql", DOWN),
            (
                "V2__less.sql",
                "ALTER TABLE webhook_logs DROP CONSTRAINT fk_webhook_logs_event",
            ),
            ("V2__less.down.sql", "SELECT 1"),
        ],
    );
    database.fkfix_up(&["--migrations", &set]);
    assert_eq!(
        database.check(&["--migrations", &set]).found(),
        known(FIXTURES[1])
    );
}
