//! How much room a plan needs on the disk, and how much there is.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use indicatif::HumanBytes;
use rusqlite::Connection;

use crate::failure::Failure;
use crate::outcome::migrations::Space;
use crate::sqlite::apply::plan::KeyPlan;
use crate::sqlite::file::paths;
use crate::sqlite::file::reading;
use crate::sqlite::orphans::lists::Removal;
use crate::sqlite::rebuild::steps::SCATTERED_CACHE;

/// What any change needs: the history, a page of each index, the head of a journal.
const AT_LEAST: u64 = 64 * 1024;

/// What fkfix adds to each row that it archives: names of keys, a time.
const BYTES_PER_ARCHIVED_ROW: u64 = 100;

/// The most that SQLite's cache holds. In WAL mode it saves the pages that were changed before a
/// statement in the statement's journal, when it has to let go of them.
const CACHE: u64 = SCATTERED_CACHE * 1024;

impl Space {
    /// Fails where the plan does not fit.
    pub fn must_suffice(&self) -> Result<(), Failure> {
        let together = if self.shared {
            self.needed_in_temporary_folder
        } else {
            0
        };
        let short = |what: &str, needed: u64, free: u64, hint: &str| {
            let (needed, free) = (HumanBytes(needed), HumanBytes(free));
            Err(Failure::impossible(format!(
                "not enough room {what}: about {needed} are needed and {free} are free"
            ))
            .hint(hint))
        };
        if self.needed + together > self.free {
            return short(
                "on the disk of the database",
                self.needed + together,
                self.free,
                "free some; --no-space-check tries all the same and loses nothing if it fails",
            );
        }
        if self.needed_in_temporary_folder > self.free_in_temporary_folder {
            return short(
                "in the temporary folder",
                self.needed_in_temporary_folder,
                self.free_in_temporary_folder,
                "free some, or name another folder with TMPDIR; --no-space-check tries all the same and loses nothing if it fails",
            );
        }
        Ok(())
    }
}

/// Fails where there is not enough room for `plan`.
///
/// To know the size of a table SQLite has to read all of it. So the size of the whole file is
/// looked at first, which is known: where there is room for that, there is for the plan.
pub fn must_suffice(connection: &Connection, plan: &KeyPlan) -> Result<()> {
    let most = at_most(connection, plan)?;
    if most.must_suffice().is_ok() {
        return Ok(());
    }
    Ok(estimate(connection, [plan])?.must_suffice()?)
}

/// A bound for what [`estimate`] would say.
fn at_most(connection: &Connection, plan: &KeyPlan) -> Result<Space> {
    let pragma = |name| connection.pragma_query_value::<i64, _>(None, name, |row| row.get(0));
    let pages = pragma("page_count")?.unsigned_abs();
    let file = pages.saturating_mul(pragma("page_size")?.unsigned_abs());
    let archived: u64 = plan.touched().map(archived).sum();
    let mut space = free(connection)?;
    space.needed = 2 * (3 * file + archived);
    space.needed_in_temporary_folder = 2 * file + archived + CACHE;
    Ok(space)
}

/// Estimates from the size of the tables that `plans` change.
///
/// A copy appends the new table, and its pages that are new need no journal. Indexes that are
/// built anew find the pages of the old table free, and journal what stood there: the same
/// room, in another file. Rows that leave a table where they stand have their pages, and those
/// of each index, journalled.
pub fn estimate<'p>(
    connection: &Connection,
    plans: impl IntoIterator<Item = &'p KeyPlan>,
) -> Result<Space> {
    let mut space = free(connection)?;
    let mut sizes = HashMap::new();
    let mut size_of = |table: &str| -> Result<Size> {
        if let Some(known) = sizes.get(table) {
            return Ok(*known);
        }
        let size = size_of(connection, table)?;
        sizes.insert(table.to_owned(), size);
        Ok(size)
    };
    let page_size: i64 = connection.pragma_query_value(None, "page_size", |row| row.get(0))?;
    let mut bytes = AT_LEAST;
    for plan in plans {
        let copied = |name: &str| {
            let way = plan.tables.iter().find(|table| table.name == name);
            way.and_then(|table| table.way).filter(|way| way.copies())
        };
        for table in &plan.tables {
            if copied(&table.name).is_none() {
                continue;
            }
            let size = size_of(&table.name)?;
            bytes += size.all;
            // The sorted runs, and the larger ones that they are merged into.
            space.needed_in_temporary_folder += 2 * size.largest_index;
        }
        for removal in plan.touched() {
            let size = size_of(&removal.table.name)?;
            bytes += share(size.table, removal) + archived(removal);
            space.needed_in_temporary_folder += archived(removal);
            if copied(&removal.table.name).is_none() {
                let places = removal.touched().unsigned_abs() * (1 + size.indexes);
                bytes += size
                    .all
                    .min(places.saturating_mul(page_size.unsigned_abs()));
            }
        }
    }
    // There everything is written to the log first, so it takes its room twice
    // (<https://www.sqlite.org/wal.html>).
    if reading::is_in_wal_mode(connection)? {
        space.needed_in_temporary_folder += CACHE.min(bytes);
        bytes *= 2;
    }
    space.needed = bytes;
    Ok(space)
}

fn archived(removal: &Removal) -> u64 {
    BYTES_PER_ARCHIVED_ROW * removal.touched().unsigned_abs()
}

/// What is free, with nothing needed.
fn free(connection: &Connection) -> Result<Space> {
    let file = paths::open_file(connection)?;
    let folder = file.parent().unwrap_or(Path::new("."));
    let temporary = temporary_folder();
    let free_in = |folder: &Path| {
        fs4::available_space(folder)
            .with_context(|| format!("could not see how much is free in {}", folder.display()))
    };
    Ok(Space {
        needed: 0,
        free: free_in(folder)?,
        needed_in_temporary_folder: 0,
        free_in_temporary_folder: free_in(&temporary)?,
        shared: is_one_file_system(folder, &temporary),
    })
}

#[cfg(unix)]
fn is_one_file_system(left: &Path, right: &Path) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    let device = |path: &Path| path.metadata().ok().map(|it| it.dev());
    device(left) == device(right)
}

#[cfg(not(unix))]
fn is_one_file_system(left: &Path, right: &Path) -> bool {
    left.components().next() == right.components().next()
}

/// Where SQLite makes its temporary files
/// (<https://www.sqlite.org/tempfiles.html#temporary_file_storage_locations>).
fn temporary_folder() -> PathBuf {
    if !cfg!(unix) {
        return std::env::temp_dir();
    }
    let named = ["SQLITE_TMPDIR", "TMPDIR"]
        .into_iter()
        .filter_map(std::env::var_os);
    let usual = ["/var/tmp", "/usr/tmp", "/tmp"].into_iter().map(Into::into);
    let mut folders = named.chain(usual).map(PathBuf::from);
    let found = folders.find(|folder| folder.is_dir());
    found.unwrap_or_else(|| PathBuf::from("."))
}

/// What a table takes in the file, in bytes.
#[derive(Clone, Copy)]
struct Size {
    /// With its indexes.
    all: u64,
    /// Without them.
    table: u64,
    largest_index: u64,
    /// How many there are.
    indexes: u64,
}

fn size_of(connection: &Connection, table: &str) -> Result<Size> {
    let mut statement = connection.prepare_cached(
        "SELECT m.type, s.pgsize FROM main.sqlite_schema AS m, dbstat AS s
         WHERE m.tbl_name = ?1 COLLATE NOCASE AND s.name = m.name AND s.schema = 'main' AND s.aggregate = TRUE",
    )?;
    let mut rows = statement.query([table])?;
    let mut size = Size {
        all: 0,
        table: 0,
        largest_index: 0,
        indexes: 0,
    };
    while let Some(row) = rows.next()? {
        let (kind, bytes): (String, i64) = (row.get(0)?, row.get(1)?);
        let bytes = bytes.unsigned_abs();
        size.all += bytes;
        if kind == "index" {
            size.largest_index = bytes.max(size.largest_index);
            size.indexes += 1;
        } else {
            size.table += bytes;
        }
    }
    Ok(size)
}

fn share(size: u64, removal: &Removal) -> u64 {
    let (rows, of) = (removal.touched().unsigned_abs(), removal.of.unsigned_abs());
    let share = u128::from(size) * u128::from(rows) / u128::from(of.max(1));
    u64::try_from(share).unwrap_or(u64::MAX)
}

#[cfg(test)]
#[path = "space_tests.rs"]
mod tests;
