//! What another runner could not do is refused before, or stops the script with nothing changed.

use std::fs;

use pretty_assertions::assert_eq;

use crate::other_runners::{SQL, family, from_schema, run, schema_of, script};
use crate::support::Database;

#[test]
fn a_table_of_another_shape_stops_it() {
    let database = family();
    let script = script(&database, "transaction");
    for change in [
        "ALTER TABLE child ADD COLUMN more",
        "CREATE INDEX later ON child (t)",
        "CREATE TRIGGER later AFTER INSERT ON child BEGIN SELECT 1; END",
        "CREATE TABLE later (c REFERENCES child ON DELETE CASCADE); INSERT INTO later VALUES (1)",
        "CREATE TABLE later (c REFERENCES CHILD (ID) ON DELETE CASCADE); INSERT INTO later VALUES (1)",
        "DROP TRIGGER note_u",
        "ALTER TABLE parent ADD COLUMN more",
        "CREATE TABLE fkfix_stage (x)",
    ] {
        for enforcing in [false, true] {
            let other = database.copy();
            other.execute(change);
            let before = other.picture();
            let connection = if enforcing {
                other.open_enforcing()
            } else {
                other.open()
            };
            let error = run(&connection, &script).unwrap_err().to_string();
            assert!(
                error.contains("a promise does not hold")
                    || error.contains("fkfix_stage already exists"),
                "{change}: {error}"
            );
            drop(connection);
            assert_eq!(other.picture(), before, "{change}");
        }
    }
}

#[test]
fn what_the_policy_forbids_stops_it() {
    let database = family();
    for (options, goes) in [
        ("transaction --orphans refuse", false),
        ("transaction --max-orphans 1", true),
        ("transaction --max-orphans 33%", false),
        ("transaction --max-orphans 34%", true),
        ("transaction --orphans delete", true),
    ] {
        let clean = database.copy();
        let schema = clean.home.parent().unwrap().join("schema.sql");
        fs::write(&schema, schema_of(&clean)).unwrap();
        let script = from_schema(&clean, &schema, &format!("up {options}"));
        let before = clean.picture();
        assert_eq!(
            run(&clean.open_enforcing(), &script).is_ok(),
            goes,
            "{options}"
        );
        if !goes {
            assert_eq!(clean.picture(), before, "{options}");
        }
    }
    // What is known of this database is said at once, as without a target.
    let told = format!("{SQL} transaction --orphans refuse");
    let told = database.fkfix(&told).status(1).stdout("");
    assert!(
        told.stderr.contains("1 row breaks the new keys"),
        "{}",
        told.stderr
    );
    // An empty parent mostly means the wrong database.
    let script = script(&database, "transaction");
    database.execute("DELETE FROM parent");
    let before = database.picture();
    assert!(run(&database.open(), &script).is_err());
    assert_eq!(database.picture(), before);
}

#[test]
fn what_makes_no_sense_is_refused() {
    let database = family();
    database.refuses(
        "up --dry-run --for d1",
        2,
        "--for goes with --dry-run --format sql",
    );
    database.refuses(
        "up --for d1 --format sql",
        2,
        "--format sql goes with --dry-run",
    );
    database.refuses(
        "up --dry-run --format sql --schema x.sql",
        2,
        "the script for the sqlite3 shell holds numbers of rows",
    );
    database.refuses(
        "up --schema x.sql",
        2,
        "--schema goes with --dry-run --format sql",
    );
    database.up();
    database.refuses(
        "down --dry-run --format sql --for dbmate",
        2,
        "dbmate has both ways in one file",
    );
    let long = family().with(&format!("CREATE VIEW v AS SELECT 1; CREATE TRIGGER long AFTER INSERT ON child BEGIN SELECT '{}'; END;", "x".repeat(100_000)));
    long.refuses(&format!("{SQL} d1"), 2, "D1 takes no more than 100000");
    long.fkfix(&format!("{SQL} transaction")).status(0);
    let marked = family().with("DROP TABLE note; DROP TABLE child; CREATE TABLE child (id INTEGER PRIMARY KEY,\n-- migrate:down\nparent_id);");
    marked.refuses(&format!("{SQL} dbmate"), 2, "takes for a mark of its own");
    let lines = family().with("DROP TABLE note; DROP TABLE child; CREATE TABLE child (id INTEGER PRIMARY KEY,\r\nparent_id);");
    lines.refuses(&format!("{SQL} transaction"), 2, "CR LF");
    let litestream = Database::of("CREATE TABLE _litestream_seq (id INTEGER PRIMARY KEY, seq INTEGER); CREATE TABLE child (id, parent_id);")
        .with_migration("V1__keys", "ALTER TABLE child ADD CONSTRAINT fk FOREIGN KEY (parent_id) REFERENCES _litestream_seq (id);", "");
    litestream.refuses("up", 2, "_litestream_seq is a table of Litestream");
}

#[test]
fn a_replica_is_not_written_to() {
    let database = family();
    for (file, text, message) in [
        (
            ".primary",
            "node-1\n",
            "is a replica of LiteFS, and node-1 is the primary",
        ),
        (
            "app.db-info",
            "{\"hash\":1,\"version\":0,\"durable_frame_num\":3}",
            "is an embedded replica of libSQL",
        ),
        (
            "app.db-client_wal_index",
            "",
            "is an embedded replica of libSQL",
        ),
    ] {
        let place = database.home.join(file);
        fs::write(&place, text).unwrap();
        database.refuses("up", 2, message);
        database.fkfix("status").status(0);
        database.fkfix("up --dry-run").status(0);
        fs::remove_file(place).unwrap();
    }
    let other = database.home.join("app.db-info");
    fs::write(&other, "notes about the database").unwrap();
    database.up();
}
