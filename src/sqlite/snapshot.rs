//! What a schema holds, to be compared before and after a change.

use anyhow::{Context as _, Result};
use rusqlite::Connection;

/// Every object of the main schema as (type, name, table, text), in a fixed order.
pub type Snapshot = Vec<(String, String, String, Option<String>)>;

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
