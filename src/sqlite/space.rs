//! How much room a plan needs on the disk, and how much there is.

use std::path::Path;

use anyhow::Result;
use rusqlite::Connection;

use super::driver::Outcome;
use super::lists::Removal;
use super::location::Location;
use super::rebuild::Way;

/// Room on the disk, in bytes.
#[derive(Clone, Copy, Debug)]
pub struct Space {
    /// What the plan needs beside the database at its peak, over what is there now.
    pub needed: u64,
    /// What is free there.
    pub free: u64,
    /// What sorting and the lists of leaving rows need in the temporary folder.
    pub needed_for_sorting: u64,
    /// What is free there.
    pub free_for_sorting: u64,
}

/// Estimates from the size of the tables that `outcomes` would rebuild.
///
/// A rebuild appends the new table, and its pages that are new need no journal. In WAL mode
/// they are written to the log first, so they take their room twice
/// (<https://www.sqlite.org/wal.html>).
pub fn estimate(
    connection: &Connection,
    location: &Location,
    outcomes: &[Outcome<'_>],
) -> Result<Space> {
    let (mut needed, mut sorting) = (0, 0);
    for plan in outcomes.iter().flat_map(Outcome::plans) {
        for table in plan
            .tables
            .iter()
            .filter(|table| table.way.is_some_and(Way::copies))
        {
            let (all, largest_index) = size_of(connection, &table.name)?;
            needed += all;
            sorting += largest_index;
        }
        for removal in plan.removals() {
            let (all, _) = size_of(connection, &removal.table.name)?;
            needed += share(all, removal);
            sorting += 16 * removal.rows.unsigned_abs();
        }
    }
    let journal_mode: String =
        connection.pragma_query_value(None, "journal_mode", |row| row.get(0))?;
    if journal_mode == "wal" {
        needed *= 2;
    }
    let folder = location.path().parent().unwrap_or(Path::new("/"));
    Ok(Space {
        needed,
        free: fs4::available_space(folder)?,
        needed_for_sorting: sorting,
        free_for_sorting: fs4::available_space(std::env::temp_dir())?,
    })
}

/// The bytes of a table with its indexes, and those of the largest index.
fn size_of(connection: &Connection, table: &str) -> Result<(u64, u64)> {
    let mut statement = connection.prepare_cached(
        "SELECT m.type, s.pgsize FROM main.sqlite_schema AS m, dbstat AS s
         WHERE m.tbl_name = ?1 COLLATE NOCASE AND s.name = m.name AND s.schema = 'main' AND s.aggregate = TRUE",
    )?;
    let mut rows = statement.query([table])?;
    let (mut all, mut largest) = (0, 0);
    while let Some(row) = rows.next()? {
        let (kind, size): (String, i64) = (row.get(0)?, row.get(1)?);
        let size = size.unsigned_abs();
        all += size;
        if kind == "index" {
            largest = size.max(largest);
        }
    }
    Ok((all, largest))
}

fn share(size: u64, removal: &Removal) -> u64 {
    let (rows, of) = (removal.rows.unsigned_abs(), removal.of.unsigned_abs());
    let share = u128::from(size) * u128::from(rows) / u128::from(of.max(1));
    u64::try_from(share).unwrap_or(u64::MAX)
}
