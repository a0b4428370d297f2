//! The splice of a key into a stored `CREATE TABLE`, with SQLite as the oracle: what SQLite
//! accepts as a table it accepts with the key, the list of keys gains exactly that one, and
//! SQLite's own DROP CONSTRAINT gives back the text to the byte.

#![no_main]

use fkfix::sqlite::text::{constraints, ddl};
use libfuzzer_sys::fuzz_target;
use rusqlite::Connection;
use rusqlite::limits::Limit;

const NAME: &str = "fk_of_the_fuzzer";

fuzz_target!(|create: &str| {
    // No text panics it, SQL or not.
    let _ =
        constraints::add_constraints(create, &["CONSTRAINT x FOREIGN KEY (a) REFERENCES p (id)"]);
    let _ = constraints::constraint_names(create);
    let _ = constraints::foreign_key_names(create);
    let Some((table, stored)) = table_of(create) else {
        return;
    };
    let connection = database();
    connection
        .execute_batch(&stored)
        .unwrap_or_else(|error| panic!("{stored:?}: {error}"));
    let before = keys(&connection, &table);
    let Some(column) = column_of(&connection, &table) else {
        return;
    };
    let names = constraints::constraint_names(&stored).expect("SQLite has read it");
    if names.iter().any(|name| ddl::same_name(name, NAME)) {
        return;
    }
    let constraint = format!(
        "CONSTRAINT {NAME} FOREIGN KEY ({}) REFERENCES p (id) ON DELETE CASCADE",
        ddl::quote(&column)
    );
    let edited = constraints::add_constraints(&stored, &[&constraint]).expect("SQLite has read it");
    let connection = database();
    connection
        .execute_batch(&edited)
        .unwrap_or_else(|error| panic!("{edited:?} is refused: {error}"));
    let after = keys(&connection, &table);
    assert_eq!(after.len(), before.len() + 1, "{edited:?}");
    assert_eq!(after[0], format!("p.{column}.id.CASCADE"), "{edited:?}");
    assert_eq!(after[1..], before, "{edited:?}");
    let drop = format!("ALTER TABLE {} DROP CONSTRAINT {NAME}", ddl::quote(&table));
    connection
        .execute_batch(&drop)
        .unwrap_or_else(|error| panic!("{edited:?} can't be taken back: {error}"));
    assert_eq!(
        text_of(&connection, &table).as_deref(),
        Some(stored.as_str())
    );
});

fn database() -> Connection {
    let connection = Connection::open_in_memory().expect("a database");
    connection
        .set_limit(Limit::SQLITE_LIMIT_LENGTH, 100_000)
        .expect("a limit");
    connection
        .execute_batch("PRAGMA foreign_keys = OFF")
        .expect("a pragma");
    connection
}

/// The name and the stored text of the one ordinary table that `create` makes, where SQLite
/// makes one.
fn table_of(create: &str) -> Option<(String, String)> {
    let start = create.trim_start();
    if !start.get(..6)?.eq_ignore_ascii_case("create") {
        return None;
    }
    let connection = database();
    let mut statement = connection.prepare(create).ok()?;
    statement.raw_execute().ok()?;
    drop(statement);
    let (name, sql): (String, String) = connection
        .query_row(
            "SELECT m.name, m.sql FROM sqlite_schema AS m, pragma_table_list AS l
             WHERE m.type = 'table' AND m.sql IS NOT NULL AND l.name = m.name AND l.type = 'table'
               AND l.schema = 'main' AND m.name NOT LIKE 'sqlite_%' AND (SELECT count(*) FROM sqlite_schema WHERE type IN ('table', 'view', 'trigger') AND name NOT LIKE 'sqlite_%') = 1",
            [],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )
        .ok()?;
    Some((name, sql))
}

fn column_of(connection: &Connection, table: &str) -> Option<String> {
    let query = "SELECT name FROM pragma_table_xinfo(?1) LIMIT 1";
    connection.query_row(query, [table], |row| row.get(0)).ok()
}

fn keys(connection: &Connection, table: &str) -> Vec<String> {
    let query = "SELECT \"table\" || '.' || \"from\" || '.' || coalesce(\"to\", '') || '.' || on_delete FROM pragma_foreign_key_list(?1) ORDER BY id, seq";
    let mut statement = connection.prepare(query).expect("a query");
    let keys = statement
        .query_map([table], |row| row.get(0))
        .expect("keys");
    keys.collect::<Result<_, _>>().expect("keys")
}

fn text_of(connection: &Connection, table: &str) -> Option<String> {
    let query = "SELECT sql FROM sqlite_schema WHERE type = 'table' AND name = ?1";
    connection.query_row(query, [table], |row| row.get(0)).ok()
}
