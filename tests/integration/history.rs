//! What the history says is believed, and a history that can't be right stops the run.

use pretty_assertions::assert_eq;

use crate::support::{Database, KEY};

fn family() -> Database {
    Database::family("CREATE TABLE child (parent_id INTEGER); INSERT INTO child VALUES (1)")
}

#[test]
fn up_twice_does_nothing_the_second_time() {
    let database = family();
    database.up();
    let before = database.files();
    database
        .fkfix("up")
        .status(0)
        .stdout("nothing to do: app.db has every migration\n")
        .stderr("");
    assert!(database.files() == before);
}

#[test]
fn it_tells_what_was_applied_and_when() {
    let database = family();
    let started: String = database.value("SELECT strftime('%Y-%m-%dT%H:%M:%SZ', 'now')");
    database.up();
    let ended: String = database.value("SELECT strftime('%Y-%m-%dT%H:%M:%SZ', 'now')");
    assert_eq!(
        database.rows("SELECT version, name, adopted FROM fkfix_schema_history"),
        ["1|'keys'|NULL"]
    );
    let status = database.fkfix("status --format json").status(0).json();
    let when = status["migrations"][0]["applied_on"].as_str().unwrap();
    assert!(
        (started.as_str()..=ended.as_str()).contains(&when),
        "{when}"
    );
}

#[test]
fn a_file_that_has_changed_since_stops_up_and_down() {
    for name in ["V1__keys.sql", "V1__other_name.sql"] {
        let database = family();
        database.up();
        let text = if name == "V1__keys.sql" {
            "-- changed"
        } else {
            ""
        };
        std::fs::remove_file(database.migration("V1__keys.sql")).unwrap();
        std::fs::remove_file(database.migration("V1__keys.down.sql")).unwrap();
        database.write_migration(name, &format!("ALTER TABLE child ADD {KEY};{text}"));
        database.write_migration(
            &name.replace(".sql", ".down.sql"),
            "ALTER TABLE child DROP CONSTRAINT fk;",
        );
        for verb in ["up", "down"] {
            let message = if name == "V1__keys.sql" {
                "V1__keys has changed since it was applied"
            } else {
                "V1__keys was applied to this database from another folder: here V1 is V1__other_name"
            };
            database.refuses(verb, 2, message);
        }
        let before = database.files();
        database
            .fkfix("status")
            .status(0)
            .says(if name == "V1__keys.sql" {
                "changed since it was applied"
            } else {
                "another was applied under this number: keys"
            });
        assert!(database.files() == before);
    }
}

#[test]
fn a_migration_that_is_not_known_here_stops_up_and_down() {
    let database = family();
    database.up();
    database.execute("INSERT INTO fkfix_schema_history SELECT 2, 'newer', applied_on, '77', NULL FROM fkfix_schema_history");
    for verb in ["up", "down", "down --to 0"] {
        database.refuses(
            verb,
            2,
            "V2__newer was applied to this database and is not known here",
        );
    }
    let status = database.fkfix("status").status(0);
    status
        .says("V1 keys   applied")
        .says("V2 newer  unknown here");
}

#[test]
fn a_migration_older_than_the_newest_applied_stops_up() {
    let database = family().with_migration("V3__late", "CREATE TABLE late (x)", "DROP TABLE late");
    database.up();
    database.write_migration("V2__between.sql", "CREATE TABLE between_ (x)");
    database.refuses(
        "up",
        2,
        "migration 2 is pending, but a later one is applied already",
    );
    database
        .fkfix("status")
        .status(0)
        .says("V2 between  pending");
}

#[test]
fn garbage_in_any_column_is_one_clear_error() {
    for (column, value) in [
        ("name", "NULL"),
        ("name", "x'ff'"),
        ("applied_on", "'yesterday'"),
        ("applied_on", "NULL"),
        ("applied_on", "5"),
        ("checksum", "'abc'"),
        ("checksum", "NULL"),
        ("checksum", "'-1'"),
        ("checksum", "'99999999999999999999999'"),
        ("adopted", "'{'"),
        ("adopted", "'[{\"table\": 1}]'"),
        ("adopted", "x'00'"),
    ] {
        let database = family();
        database.up();
        database.execute(&format!(
            "UPDATE fkfix_schema_history SET {column} = {value}"
        ));
        for verb in ["up", "down", "status"] {
            let run = database.refuses(verb, 2, "the history in fkfix_schema_history is damaged");
            assert_eq!(
                run.stderr.lines().count(),
                2,
                "{column} {value}: {}",
                run.stderr
            );
        }
    }
}

#[test]
fn a_table_of_the_history_s_name_that_is_none_is_an_error() {
    for table in [
        "CREATE TABLE fkfix_schema_history (x)",
        "CREATE TABLE FKFIX_Schema_History (version, name, applied_on, checksum)",
        "CREATE VIRTUAL TABLE fkfix_schema_history USING fts5 (x)",
    ] {
        let database = family().with(table);
        for verb in ["up", "down", "status"] {
            database.refuses(verb, 2, "the history in fkfix_schema_history is damaged");
        }
    }
    family()
        .with("CREATE VIEW fkfix_schema_history AS SELECT 1")
        .refuses("up", 2, "fkfix_schema_history");
    family()
        .with("CREATE INDEX fkfix_schema_history ON child (parent_id)")
        .refuses("up", 2, "fkfix_schema_history");
}

#[test]
fn the_history_that_the_application_keeps_with_refinery_is_not_touched() {
    let database = family().with(
        "CREATE TABLE refinery_schema_history (version INT4 PRIMARY KEY, name VARCHAR(255), applied_on VARCHAR(255), checksum VARCHAR(255));
         INSERT INTO refinery_schema_history VALUES (1, 'initial', '2025-01-01T00:00:00Z', '1'), (7, 'x', 'garbage', 'y');",
    );
    assert_eq!(database.goes_up_and_down(), 0);
}

#[test]
fn without_its_history_a_database_is_adopted() {
    let database = family();
    database.up();
    database.execute("DROP TABLE fkfix_schema_history");
    database.up().says("child had this key already");
}
