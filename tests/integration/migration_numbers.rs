//! A migration is known by its number, and the order in which they were applied is kept.

use pretty_assertions::assert_eq;

use crate::migration_files::{DROP, add, bare};
use crate::support::Database;

#[test]
fn a_name_that_is_nearly_one_of_a_migration_is_not_passed_over() {
    for name in [
        "V2__keys.SQL",
        "20260101_keys.sql",
        "V1.1__keys.sql",
        "V2__keys.up.sql",
        "._V1__keys.sql",
        "V99999999999999999999__keys.sql",
    ] {
        let database = bare().with_migration("V1__keys", &add(), DROP);
        database.write_migration(name, "SELECT 1");
        database.refuses("up", 2, &format!("{name} can't be a migration"));
    }
}

#[test]
fn time_stamps_are_versions() {
    let database = bare()
        .with_migration("V20261127130000__keys", &add(), DROP)
        .with_migration(
            "V20261127130001__more",
            "CREATE TABLE made (x)",
            "DROP TABLE made",
        );
    let before = database.picture();
    database
        .fkfix("up --to 20261127130000")
        .status(0)
        .says("applied V20261127130000 keys");
    let status = database.fkfix("status --format json").status(0).json();
    assert_eq!(status["migrations"][0]["version"], 20_261_127_130_000_i64);
    assert_eq!(status["migrations"][1]["state"], "pending");
    assert_eq!(
        database.rows("SELECT fkfix_version FROM child_orphans"),
        ["20261127130000"]
    );
    let up = database.fkfix("up --format json").status(0).json();
    assert_eq!(up["migrations"][0]["version"], 20_261_127_130_001_i64);
    database.fkfix("down --to 0").status(0);
    assert_eq!(database.picture(), before);
}

#[test]
fn one_that_came_late_is_applied_where_it_is_allowed() {
    let made = |database: Database, version: u32| {
        let (up, down) = (
            format!("CREATE TABLE t{version} (x)"),
            format!("DROP TABLE t{version}"),
        );
        database.with_migration(&format!("V{version}__make"), &up, &down)
    };
    let database = made(made(bare(), 1), 3);
    let before = database.picture();
    database.up();
    let database = made(made(database, 2), 4);
    let message = "migration 2 is pending, but a later one is applied already";
    for verb in ["up", "up --dry-run"] {
        let run = database.refuses(verb, 2, message);
        run.remarks("hint: --allow-missing applies it now");
    }
    let planned = database.fkfix("up --dry-run --allow-missing").status(0);
    planned
        .says("would apply V2 make")
        .says("would apply V4 make");
    database
        .fkfix("up --allow-missing")
        .status(0)
        .stdout("applied V2 make\napplied V4 make\n");
    database.fkfix("up").status(0).says("nothing to do");
    // The last applied first: 4, 2, 3, 1.
    database.refuses(
        "down --to 2",
        2,
        "V2__make is not above V2, but was applied after one that is",
    );
    for version in [4, 2, 3, 1] {
        database
            .fkfix("down --dry-run")
            .status(0)
            .says(&format!("would revert V{version} make"));
        database
            .fkfix("down")
            .status(0)
            .stdout(&format!("reverted V{version} make\n"));
    }
    assert_eq!(database.picture(), before);
}

/// The order is told by time, so a clock that goes back must not change it.
#[test]
fn a_clock_that_went_back_does_not_change_the_order() {
    let database = bare()
        .with_migration("V1__a", "CREATE TABLE a (x)", "DROP TABLE a")
        .with_migration("V3__c", "CREATE TABLE c (x)", "DROP TABLE c");
    database.fkfix("up --to 1").status(0);
    database.execute("UPDATE fkfix_schema_history SET applied_on = '2999-01-01T00:00:00Z'");
    database.up();
    database.write_migration("V2__b.sql", "CREATE TABLE b (x)");
    database.write_migration("V2__b.down.sql", "DROP TABLE b");
    database.fkfix("up --allow-missing").status(0);
    for name in ["V2 b", "V3 c", "V1 a"] {
        database.down().stdout(&format!("reverted {name}\n"));
    }
}
