//! Values that do not fit their columns are kept as they are, or a run is refused before it
//! writes.

use pretty_assertions::assert_eq;
use rusqlite::config::DbConfig;

use crate::support::Database;

/// Values that some type would convert.
const VALUES: &str = "(1, '5' || char(0) || ' secret'), (2, 5), (3, '5'), (4, 5.0), (5, x'35'), (6, NULL), (7, 1.5), (8, ' 7 '), (9, '1e3'), (10, 'text'), (11, -0.0), (12, 1e300), (13, 9223372036854775807), (14, 9e18), (15, CAST(x'35ff' AS TEXT))";

const TYPES: [&str; 14] = [
    "INTEGER",
    "REAL",
    "NUMERIC",
    "DATETIME",
    "BOOLEAN",
    "DECIMAL(10, 2)",
    "TEXT",
    "VARCHAR(9)",
    "BLOB",
    "FLOAT",
    "",
    "INTEGER NOT NULL",
    "TEXT NOT NULL DEFAULT 'a'",
    "ANY",
];

/// `child` whose column `v` has come by another type since its rows were stored.
fn edited(table: &str, declared: &str) -> Database {
    let options = if table.contains("PRIMARY KEY (id)") {
        "WITHOUT ROWID"
    } else {
        ""
    };
    let database = Database::family(&format!(
        "CREATE TABLE child ({}) {options}; INSERT INTO child (id, v) VALUES {VALUES};",
        table.replace("TYPE", "")
    ));
    let definition = format!(
        "CREATE TABLE child ({}) {options}",
        table.replace("TYPE", declared)
    );
    edit(&database, definition.trim_end());
    database
}

fn edit(database: &Database, definition: &str) {
    let connection = database.open();
    connection
        .set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, false)
        .unwrap();
    connection
        .execute_batch("PRAGMA writable_schema = ON")
        .unwrap();
    connection
        .execute(
            "UPDATE sqlite_schema SET sql = ?1 WHERE name = 'child'",
            [definition],
        )
        .unwrap();
}

const TABLES: [&str; 4] = [
    "id INTEGER PRIMARY KEY, v TYPE, parent_id INTEGER",
    "id INTEGER, v TYPE, parent_id INTEGER",
    "id INTEGER, v TYPE, parent_id INTEGER, g AS (id + 1)",
    "id INTEGER, v TYPE, parent_id INTEGER, PRIMARY KEY (id)",
];

fn documented() -> bool {
    crate::UP_OPTIONS.contains(&"--documented")
}

#[test]
fn rows_that_stay_are_kept_as_they_are_or_the_run_is_refused() {
    for table in TABLES {
        for declared in TYPES {
            let database = edited(table, declared);
            let dry_run = database.fkfix(&format!("up --dry-run {}", crate::UP_OPTIONS.join(" ")));
            if dry_run.status == Some(2) {
                assert!(documented(), "{table} {declared}: {dry_run:#?}");
                database.refuses("up", 2, "child can't be copied row by row");
            } else {
                assert_eq!(database.goes_up_and_down(), 0, "{table} {declared}");
            }
        }
    }
}

#[test]
fn a_row_that_leaves_comes_back_as_it_is_or_the_run_is_refused() {
    let mut refused = 0;
    for table in [TABLES[0], TABLES[3]] {
        for declared in ["INTEGER", "REAL", "DATETIME", "TEXT NOT NULL", ""] {
            for row in [1, 2, 3, 4, 6, 7] {
                let database = edited(table, declared);
                database.execute(&format!(
                    "UPDATE child SET parent_id = 1 + 8 * (id = {row})"
                ));
                let dry_run = database.fkfix("up --dry-run");
                if dry_run.status == Some(2) {
                    refused += 1;
                    database.refuses("up", 2, " in v, which ");
                } else {
                    assert_eq!(database.goes_up_and_down(), 1, "{table} {declared} {row}");
                }
            }
        }
    }
    assert_eq!(refused, 2 * (3 + 2 + 3 + 4));
}
