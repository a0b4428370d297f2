//! What the archives hold, for the one who decides what happens to it, and how old rows go for good.

use std::time::Duration;

use anyhow::Result;
use rusqlite::Connection;

use super::table::{self, Archive, KEPT};
use crate::outcome::archived::{ArchivedRows, no_archive};
use crate::outcome::clean::PurgedRows;
use crate::sqlite::rebuild::steps::Step;
use crate::sqlite::schema::row_counts;
use crate::sqlite::text::ddl::{quote, same_name};

/// The archives, of `only` this table where it is given. That it has none is an error.
fn archives(connection: &Connection, only: Option<&str>) -> Result<Vec<Archive>> {
    let mut archives = table::all(connection)?;
    if let Some(only) = only {
        archives.retain(|it| same_name(&it.table, only));
        if archives.is_empty() {
            return Err(no_archive(only).into());
        }
    }
    Ok(archives)
}

/// Fails where `only` is given and has no archive.
pub fn must_have(connection: &Connection, only: Option<&str>) -> Result<()> {
    archives(connection, only).map(drop)
}

/// What the archives hold, of `only` this table where it is given.
pub fn groups(connection: &Connection, only: Option<&str>) -> Result<Vec<ArchivedRows>> {
    let mut groups = Vec::new();
    for archive in archives(connection, only)? {
        let stayed = if archive.has_kept {
            format!("a.{KEPT} IS NOT NULL")
        } else {
            "0".to_owned()
        };
        let query = format!(
            "SELECT ifnull(a.fkfix_constraints, ''), a.fkfix_version, ifnull(a.fkfix_archived_at, ''), {stayed}, count(*) FROM main.{} AS a GROUP BY 1, 2, 3, 4 ORDER BY 3, 2, 1, 4",
            quote(&archive.name)
        );
        let mut statement = connection.prepare(&query)?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            groups.push(ArchivedRows {
                archive: archive.name.clone(),
                table: archive.table.clone(),
                keys: row.get(0)?,
                version: row.get(1)?,
                archived_at: row.get(2)?,
                stayed: row.get(3)?,
                rows: row.get(4)?,
            });
        }
    }
    Ok(groups)
}

/// Old rows of one archive.
#[derive(Debug)]
pub struct Purge {
    /// How many there are, and of which archive.
    pub purged: PurgedRows,
    /// The step that deletes them.
    pub step: Step,
}

/// Plans to delete what is archived for longer than `age`, of `only` this table where it is given.
pub fn purge(connection: &Connection, only: Option<&str>, age: Duration) -> Result<Vec<Purge>> {
    let before: String = connection.query_row(
        "SELECT strftime('%Y-%m-%dT%H:%M:%SZ', 'now', '-' || ?1 || ' seconds')",
        [i64::try_from(age.as_secs()).unwrap_or(i64::MAX)],
        |row| {
            row.get::<_, Option<String>>(0)
                .map(Option::unwrap_or_default)
        },
    )?;
    let mut purges = Vec::new();
    for archive in archives(connection, only)? {
        let old = format!("a.fkfix_archived_at <= '{before}'");
        let query = format!(
            "SELECT count(*) FROM main.{} AS a WHERE {old}",
            quote(&archive.name)
        );
        let rows: i64 = connection.query_row(&query, [], |row| row.get(0))?;
        let left = row_counts::count_rows(connection, &archive.name)? - rows;
        if rows > 0 {
            purges.push(Purge {
                step: Step::Discard {
                    title: format!("delete old rows of {}", archive.name),
                    table: archive.name.clone(),
                    rows: old,
                    rows_left: left,
                },
                purged: PurgedRows {
                    archive: archive.name,
                    table: archive.table,
                    rows,
                    left,
                },
            });
        }
    }
    Ok(purges)
}
