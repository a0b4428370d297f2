//! What a schema holds, to be compared before and after a change.

use anyhow::{Context as _, Result};
use rusqlite::{Connection, OptionalExtension as _};

use crate::failure::Failure;
use crate::sqlite::text::ddl::same_name;

/// Every object of the main schema as (type, name, table, text), in a fixed order.
pub type Snapshot = Vec<(String, String, String, Option<String>)>;

/// Fails where two tables or indexes lie in the same pages: what is done to one happens to both.
pub fn must_be_apart(connection: &Connection) -> Result<()> {
    let query = "SELECT group_concat(name, ' and ') FROM main.sqlite_schema WHERE rootpage > 0 GROUP BY rootpage HAVING count(*) > 1 LIMIT 1";
    let names: Option<String> = connection
        .query_row(query, [], |row| row.get(0))
        .optional()?;
    match names {
        None => Ok(()),
        Some(names) => Err(Failure::impossible(format!(
            "the database is damaged: {names} lie in the same pages"
        ))
        .hint("see what PRAGMA integrity_check says of it, and go on with a backup")
        .into()),
    }
}

/// What the main schema holds now.
pub fn take(connection: &Connection) -> Result<Snapshot> {
    let mut statement = connection.prepare_cached(
        "SELECT type, name, tbl_name, sql FROM main.sqlite_schema ORDER BY type, name, tbl_name",
    )?;
    let rows = statement.query_map([], |row| {
        let sql = row.get_ref(3)?.as_bytes_or_null()?;
        Ok((row.get(0)?, row.get(1)?, row.get(2)?, sql.map(text)))
    })?;
    rows.collect::<Result<_, _>>()
        .context("could not read the schema")
}

/// The text as it is, or with a character for each byte where it is not UTF-8: a comment may be in
/// any encoding, and what is compared must not be lost.
fn text(bytes: &[u8]) -> String {
    let each_byte = || bytes.iter().copied().map(char::from).collect();
    std::str::from_utf8(bytes).map_or_else(|_| each_byte(), str::to_owned)
}

/// The names of all objects, and those for which SQLite keeps a counter or a statistic.
///
/// A table may be gone and such a row be left: whoever takes its name takes the row, and DROP
/// TABLE deletes it.
pub fn taken_names(connection: &Connection) -> Result<Vec<String>> {
    let schema = take(connection)?.into_iter();
    let mut names: Vec<_> = schema.map(|(_, name, ..)| name).collect();
    for (table, column) in [
        ("sqlite_sequence", "name"),
        ("sqlite_stat1", "tbl"),
        ("sqlite_stat3", "tbl"),
        ("sqlite_stat4", "tbl"),
        ("sqlite_stat1", "idx"),
        ("sqlite_stat3", "idx"),
        ("sqlite_stat4", "idx"),
    ] {
        if !names.iter().any(|name| name == table) {
            continue;
        }
        let query = format!(
            "SELECT DISTINCT {column} FROM main.{table} WHERE typeof({column}) = 'text' AND {column} LIKE 'fkfix%'"
        );
        let mut statement = connection.prepare(&query)?;
        let found = statement.query_map([], |row| row.get::<_, String>(0))?;
        for name in found {
            names.push(name?);
        }
    }
    Ok(names)
}

/// The objects in which two schemas differ, as `table logs`, in order.
#[must_use]
pub fn differences(expected: &Snapshot, found: &Snapshot) -> Vec<String> {
    let lost = expected.iter().filter(|object| !found.contains(object));
    let changed = lost.chain(found.iter().filter(|object| !expected.contains(object)));
    let mut names: Vec<_> = changed
        .map(|(kind, name, ..)| format!("{kind} {name}"))
        .collect();
    names.sort_unstable();
    names.dedup();
    names
}

/// `wanted`, with a number behind it where it is one of the names `taken`.
#[must_use]
pub fn free_name(taken: &[String], wanted: &str) -> String {
    let mut name = wanted.to_owned();
    for number in 2.. {
        if !taken.iter().any(|it| same_name(it, &name)) {
            break;
        }
        name = format!("{wanted}_{number}");
    }
    name
}
