//! What has come into the tables since, and what still waits outside.

use anyhow::{Context as _, Result};
use rusqlite::Connection;

use super::Schema;
use super::finding::{Code, Finding};
use super::keys::{self, Wanted, object_of};
use crate::report::text::{count, rows};
use crate::sqlite::archive;
use crate::sqlite::conditions::broken;
use crate::sqlite::ddl::quote;
use crate::sqlite::schema::{self, ForeignKey};

/// Counts the rows that break a declared key. They have come after the key did, by a
/// connection on which SQLite did not enforce it.
pub fn orphans(connection: &Connection, schema: &Schema<'_>) -> Result<Vec<Finding>> {
    let mut findings = Vec::new();
    let declared: Vec<_> = schema.declared.iter().collect();
    for key in keys::distinct(&declared) {
        let number = count_orphans(connection, key)?.unwrap_or_default();
        if number > 0 {
            let is_ours = |wanted: &Wanted<'_>| wanted.key.same_definition(key);
            findings.push(finding(key, number, schema.wanted.iter().any(is_ours)));
        }
    }
    Ok(findings)
}

/// The number of rows that break `key`; none where the key has no parent key to look in.
fn count_orphans(connection: &Connection, key: &ForeignKey) -> Result<Option<i64>> {
    let (child, parent) = match keys::ends(connection, key)? {
        Ok(ends) if keys::has_parent_key(&ends.1, key) => ends,
        _ => return Ok(None),
    };
    let query = format!(
        "SELECT count(*) FROM main.{} AS w WHERE {}",
        quote(&child.name),
        broken(&child, &parent, key)
    );
    let number = connection
        .query_row(&query, [], |row| row.get(0))
        .with_context(|| format!("could not count the orphans of {}", child.name))?;
    Ok(Some(number))
}

fn finding(key: &ForeignKey, number: i64, is_ours: bool) -> Finding {
    let (code, hint) = if is_ours {
        (
            Code::Orphans,
            "some connection writes without PRAGMA foreign_keys = ON: find it; fkfix orphans lists the rows, and fkfix down and up move them to the archive",
        )
    } else {
        (
            Code::OrphansElsewhere,
            "some connection writes, or wrote, without PRAGMA foreign_keys = ON: give these rows a parent, or delete them",
        )
    };
    let breaks = if number == 1 { "breaks" } else { "break" };
    let message = format!("{} of {} {breaks} the key {key}", rows(number), key.child);
    Finding::new(code, object_of(key), message).hint(hint)
}

/// The archives that hold rows.
pub fn archives(connection: &Connection) -> Result<Vec<Finding>> {
    let mut findings = Vec::new();
    for archive in archive::all(connection)? {
        let number = schema::count_rows(connection, &archive.name)?;
        if number > 0 {
            let message = format!(
                "{} holds {} that left {}",
                archive.name,
                rows(number),
                archive.table
            );
            let hint = format!(
                "look at them; once none of the {} is needed: DROP TABLE {}",
                count(number),
                quote(&archive.name)
            );
            findings.push(Finding::new(Code::ArchiveNotEmpty, archive.name, message).hint(hint));
        }
    }
    Ok(findings)
}
