//! The script for another runner has rows forget their key as `up` does, and cleans declared keys; what
//! it leaves, the other verbs go on from.

use std::fs;

use pretty_assertions::assert_eq;
use rusqlite::Connection;

use crate::other_runners;
use crate::support::{Database, binary, finish};

fn notes() -> Database {
    Database::of(
        "CREATE TABLE team (id INTEGER PRIMARY KEY);
         CREATE TABLE person (id INTEGER PRIMARY KEY, team_id INTEGER, name TEXT);
         CREATE TABLE badge (person_id INTEGER REFERENCES person ON DELETE SET NULL, n);
         INSERT INTO team VALUES (1), (2);
         INSERT INTO person VALUES (1, 1, 'a'), (2, 9, 'b'), (3, 9, 'c'), (4, NULL, 'd'), (5, 8, 'e');
         INSERT INTO badge VALUES (1, 1), (2, 2), (NULL, 3);",
    )
    .with_migration(
        "V1__keys",
        "ALTER TABLE person ADD CONSTRAINT fk FOREIGN KEY (team_id) REFERENCES team (id) ON DELETE SET NULL;",
        "ALTER TABLE person DROP CONSTRAINT fk;",
    )
}

/// Runs `script` in a transaction, on a connection that acts on foreign keys or does not.
fn run(database: &Database, script: &str, enforcing: bool) -> rusqlite::Result<()> {
    let connection: Connection = if enforcing {
        database.open_enforcing()
    } else {
        database.open()
    };
    other_runners::run(&connection, script)
}

fn script(database: &Database, words: &str) -> String {
    let (verb, rest) = words.split_once(' ').unwrap();
    let words = format!("{verb} --dry-run --format sql --for {rest}");
    database.fkfix(&words).status(0).stdout
}

fn people(database: &Database) -> Vec<String> {
    database.rows("SELECT id, team_id, name FROM person ORDER BY id")
}

const FORGOTTEN: [&str; 5] = [
    "1|1|'a'",
    "2|NULL|'b'",
    "3|NULL|'c'",
    "4|NULL|'d'",
    "5|NULL|'e'",
];

#[test]
fn a_row_stays_and_the_archive_remembers_it_as_up_does() {
    for enforcing in [false, true] {
        for words in ["up transaction", "up transaction --orphans set-null"] {
            let (database, by_up) = (notes(), notes());
            let before = database.picture();
            run(&database, &script(&database, words), enforcing).unwrap();
            by_up.fkfix("up").status(0);
            assert_eq!(people(&database), FORGOTTEN);
            let (found, wanted) = (database.picture(), by_up.picture());
            assert_eq!(
                found.definition("person_orphans"),
                wanted.definition("person_orphans")
            );
            let archived = "SELECT fkfix_rowid, fkfix_constraints, fkfix_version, fkfix_run, fkfix_kept, id, team_id, name FROM person_orphans";
            assert_eq!(database.rows(archived), by_up.rows(archived));
            database.fkfix("status").status(0).says("applied");
            database.fkfix("check").status(0);
            database
                .fkfix("orphans --archived")
                .status(0)
                .says("key set     3\n");
            database.down();
            assert_eq!(database.picture().in_any_order(), before.in_any_order());
        }
    }
}

#[test]
fn the_way_back_gives_the_key_back_where_the_row_is_unchanged() {
    for enforcing in [false, true] {
        let database = notes();
        let before = database.picture();
        run(&database, &script(&database, "up transaction"), enforcing).unwrap();
        let back = script(&database, "down transaction");
        let whole = database.copy();
        run(&whole, &back, enforcing).unwrap();
        assert_eq!(whole.rows("SELECT count(*) FROM person_orphans"), ["0"]);
        whole.execute("DROP TABLE person_orphans; DROP TABLE fkfix_schema_history");
        assert_eq!(whole.picture().in_any_order(), before.in_any_order());
        // One has found another team since, one is gone; what else has changed of a row is its own.
        database.execute(
            "UPDATE person SET team_id = 2 WHERE id = 2; UPDATE person SET name = 'C' WHERE id = 3; DELETE FROM person WHERE id = 5",
        );
        run(&database, &back, enforcing).unwrap();
        assert_eq!(
            people(&database),
            ["1|1|'a'", "2|2|'b'", "3|9|'C'", "4|NULL|'d'"]
        );
        assert_eq!(
            database.rows("SELECT id, team_id FROM person_orphans ORDER BY id"),
            ["2|9", "5|8"]
        );
    }
}

#[test]
fn what_follows_by_set_null_forgets_too() {
    let database = Database::of(
        "CREATE TABLE badge (person_id INTEGER REFERENCES person ON DELETE SET NULL, n);
         CREATE TABLE team (id INTEGER PRIMARY KEY);
         CREATE TABLE person (id INTEGER PRIMARY KEY, team_id INTEGER, boss INTEGER REFERENCES person ON DELETE CASCADE);
         INSERT INTO team VALUES (1);
         INSERT INTO person VALUES (1, 1, NULL), (2, 9, NULL), (3, 1, 2), (4, 8, NULL), (5, 7, NULL);
         INSERT INTO badge VALUES (1, 1), (2, 2), (3, 3);",
    )
    .with_migration(
        "V1__keys",
        "ALTER TABLE person ADD CONSTRAINT fk FOREIGN KEY (team_id) REFERENCES team (id) ON DELETE CASCADE;",
        "ALTER TABLE person DROP CONSTRAINT fk;",
    );
    // More would leave than have no team: as up says.
    let refused = database.fkfix("up").status(1);
    let schema = database.home.parent().unwrap().join("schema.sql");
    fs::write(&schema, schema_of(&database)).unwrap();
    let bold = from_schema(&database, &schema, "up transaction");
    let before = database.picture();
    for enforcing in [false, true] {
        run(&database, &bold, enforcing).unwrap_err();
        assert_eq!(database.picture(), before, "{}", refused.stderr);
    }
    let allowed = from_schema(&database, &schema, "up transaction --max-orphans 80%");
    for enforcing in [false, true] {
        let copy = database.copy();
        run(&copy, &allowed, enforcing).unwrap();
        assert_eq!(copy.rows("SELECT id FROM person"), ["1"]);
        assert_eq!(
            copy.rows("SELECT person_id, n FROM badge ORDER BY n"),
            ["1|1", "NULL|2", "NULL|3"]
        );
        copy.down();
        assert_eq!(copy.picture().in_any_order(), before.clone().in_any_order());
    }
}

fn schema_of(database: &Database) -> String {
    database
        .value("SELECT group_concat(sql || ';', char(10)) FROM sqlite_schema WHERE sql IS NOT NULL")
}

fn from_schema(database: &Database, schema: &std::path::Path, words: &str) -> String {
    let (verb, rest) = words.split_once(' ').unwrap();
    let mut command = binary();
    command.args([verb, "--dry-run", "--format", "sql", "--for"]);
    command.args(rest.split(' ')).arg("--schema").arg(schema);
    if verb != "clean" {
        command.arg("--migrations").arg(database.migration("."));
    }
    command.env_remove("DATABASE_URL");
    finish(&mut command, &database.path).status(0).stdout
}

fn declared() -> Database {
    Database::of(
        "CREATE TABLE team (id INTEGER PRIMARY KEY);
         CREATE TABLE person (id INTEGER PRIMARY KEY, team_id INTEGER REFERENCES team ON DELETE CASCADE, lead INTEGER REFERENCES team ON DELETE SET NULL);
         INSERT INTO team VALUES (1);",
    )
    .with("PRAGMA foreign_keys = OFF; INSERT INTO person VALUES (1, 1, 1), (2, 9, 1), (3, 1, 9), (4, NULL, NULL);")
}

#[test]
fn declared_keys_are_cleaned_by_a_script() {
    for enforcing in [false, true] {
        let (database, by_clean) = (declared(), declared());
        run(
            &database,
            &script(&database, "clean transaction"),
            enforcing,
        )
        .unwrap();
        by_clean.fkfix("clean").status(0);
        let archived = "SELECT fkfix_rowid, fkfix_constraints, fkfix_version, fkfix_run, fkfix_kept, id, team_id, lead FROM person_orphans ORDER BY id";
        for query in ["SELECT * FROM person", archived] {
            assert_eq!(database.rows(query), by_clean.rows(query));
        }
        database.execute("INSERT INTO team VALUES (9)");
        database
            .fkfix("restore")
            .status(0)
            .says("2 rows moved from person_orphans back to person");
        assert_eq!(
            database.rows("SELECT * FROM person"),
            ["1|1|1", "2|9|1", "3|1|9", "4|NULL|NULL"]
        );
    }
}

#[test]
fn the_script_that_cleans_serves_copies_and_schemas_and_keeps_to_its_limits() {
    let database = declared();
    let sound = database.copy();
    sound.execute("DELETE FROM person WHERE id IN (2, 3)");
    let by_database = script(&database, "clean transaction");
    // It has nothing to clean, and the file is the same.
    assert_eq!(script(&sound, "clean transaction"), by_database);
    let before = sound.picture();
    run(&sound, &by_database, true).unwrap();
    assert_eq!(sound.rows("SELECT count(*) FROM person_orphans"), ["0"]);
    sound.execute("DROP TABLE person_orphans");
    assert_eq!(sound.picture(), before);
    let schema = database.home.parent().unwrap().join("schema.sql");
    fs::write(&schema, schema_of(&database)).unwrap();
    assert_eq!(
        from_schema(&database, &schema, "clean transaction"),
        by_database
    );
    for (options, goes) in [
        ("--orphans refuse", false),
        ("--max-orphans 1", false),
        ("--max-orphans 49%", false),
        ("--max-orphans 50%", true),
        ("--orphans delete", true),
    ] {
        let copy = database.copy();
        let before = copy.picture();
        let script = from_schema(&database, &schema, &format!("clean transaction {options}"));
        assert_eq!(run(&copy, &script, true).is_ok(), goes, "{options}");
        if !goes {
            assert_eq!(copy.picture(), before, "{options}");
        }
    }
    // What is known of this database is said at once.
    database
        .fkfix("clean --dry-run --format sql --for d1 --orphans refuse")
        .status(1)
        .stdout("");
    let none = Database::of("CREATE TABLE t (a)");
    none.fkfix("clean --dry-run --format sql --for d1")
        .status(0)
        .stdout("");
    database.refuses(
        "clean --for d1",
        2,
        "--for goes with --dry-run --format sql",
    );
    for (target, mark) in [("dbmate", "-- migrate:down"), ("goose", "-- +goose Down")] {
        let script = script(&database, &format!("clean {target}"));
        let (_, down) = script.split_once(mark).unwrap();
        assert!(down.trim().lines().all(|it| it.starts_with("--")), "{down}");
    }
}

#[test]
fn a_table_for_a_trial_that_is_left_is_told() {
    let database = declared();
    database.execute("CREATE TABLE fkfix_trial (a); CREATE TABLE fkfix_defaults_3 (a)");
    let report = database.fkfix("check").status(0).stdout;
    for name in ["fkfix_trial", "fkfix_defaults_3"] {
        assert!(
            report.contains(&format!("leftover-table] {name}")),
            "{report}"
        );
    }
}

#[test]
fn a_key_without_a_name_is_dropped_and_put_back() {
    let sql = "CREATE TABLE team (id INTEGER PRIMARY KEY);
         CREATE TABLE person (id INTEGER PRIMARY KEY, team_id INTEGER REFERENCES team (id), n);
         INSERT INTO team VALUES (1); INSERT INTO person VALUES (1, 1, 'a'), (2, NULL, x'00');";
    for enforcing in [false, true] {
        let database = Database::of(sql).with_migration(
            "V1__keys",
            "ALTER TABLE person DROP CONSTRAINT person_team_id_fkey;\nALTER TABLE person ADD CONSTRAINT fk FOREIGN KEY (team_id) REFERENCES team (id) ON DELETE CASCADE;",
            "ALTER TABLE person DROP CONSTRAINT fk;\nALTER TABLE person ADD CONSTRAINT person_team_id_fkey FOREIGN KEY (team_id) REFERENCES team (id);",
        );
        let (by_up, before) = (database.copy(), database.picture());
        by_up.up();
        run(&database, &script(&database, "up transaction"), enforcing).unwrap();
        let (found, wanted) = (database.picture(), by_up.picture());
        assert_eq!(found.definition("person"), wanted.definition("person"));
        let adopted = "SELECT adopted FROM fkfix_schema_history";
        assert_eq!(database.rows(adopted), by_up.rows(adopted));
        run(&database, &script(&database, "down transaction"), enforcing).unwrap();
        database.execute("DROP TABLE fkfix_schema_history");
        assert_eq!(database.picture().in_any_order(), before.in_any_order());
    }
}

#[test]
fn the_counter_of_a_table_stays_where_rows_come_back() {
    let database = Database::of(
        "CREATE TABLE team (id INTEGER PRIMARY KEY);
         CREATE TABLE person (id INTEGER PRIMARY KEY AUTOINCREMENT, team_id INTEGER);
         INSERT INTO team VALUES (1); INSERT INTO person VALUES (1, 1), (2, 9); DELETE FROM sqlite_sequence;",
    )
    .with_migration(
        "V1__keys",
        "ALTER TABLE person ADD CONSTRAINT fk FOREIGN KEY (team_id) REFERENCES team (id) ON DELETE CASCADE;",
        "ALTER TABLE person DROP CONSTRAINT fk;",
    );
    let before = database.picture();
    run(&database, &script(&database, "up transaction"), true).unwrap();
    assert_eq!(database.rows("SELECT * FROM sqlite_sequence"), [""; 0]);
    run(&database, &script(&database, "down transaction"), true).unwrap();
    database.execute("DROP TABLE fkfix_schema_history");
    assert_eq!(database.picture().in_any_order(), before.in_any_order());
}
