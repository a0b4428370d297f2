//! `<table>_orphans`: rows that left a table, kept whole.
//!
//! Every column has the name it has in the table and no type, so that SQLite stores each value
//! in the storage class it comes in (<https://www.sqlite.org/datatype3.html>). Columns of fkfix's
//! own stand before them.

use anyhow::Result;
use rusqlite::{Connection, OptionalExtension as _};

use crate::failure::Failure;
use crate::sqlite::rebuild::compare::{self, all_of};
use crate::sqlite::schema::{self, RowKey, Table};
use crate::sqlite::text::ddl::{quote, same_name};

const SUFFIX: &str = "_orphans";

/// The columns that stand before those of the table.
pub(super) const OWN_COLUMNS: [&str; 4] = [
    "fkfix_rowid",
    "fkfix_constraints",
    "fkfix_version",
    "fkfix_archived_at",
];

/// Tells the runs of `up` apart: from 1, and greater than any that is in an archive. It stands
/// behind the other own columns, at the end of an archive that was made without it, or nowhere.
pub(super) const RUN: &str = "fkfix_run";

/// The column that notes which full-text indexes held a row. It is there where the table has any.
pub(super) const FULL_TEXT: &str = "fkfix_full_text";

/// The column that tells what a row that stayed forgot: a JSON object of its columns and the
/// literals, as `quote()` writes them, that were put there. NULL for a row that left. It is there
/// where a row has stayed.
pub const KEPT: &str = "fkfix_kept";

/// An archive that exists.
#[derive(Clone, Debug)]
pub struct Archive {
    /// Its name.
    pub name: String,
    /// The table its rows come from.
    pub table: String,
    pub(super) columns: Vec<String>,
    /// How many columns it has, with those of fkfix's own.
    pub(super) width: usize,
    pub(super) has_runs: bool,
    /// It has the column [`FULL_TEXT`].
    pub(super) notes_full_text: bool,
    /// It has the column [`KEPT`].
    pub has_kept: bool,
}

/// The name of the archive of `table`.
#[must_use]
pub fn name_of(table: &str) -> String {
    format!("{table}{SUFFIX}")
}

/// The archive of `table`, if there is one. A table of that name that is not an archive of
/// fkfix is an error.
pub fn of(connection: &Connection, table: &str) -> Result<Option<Archive>> {
    let name = name_of(table);
    let taken = connection
        .query_row(
            "SELECT name FROM main.sqlite_schema WHERE type <> 'trigger' AND name = ?1 COLLATE NOCASE",
            [&name],
            |row| row.get::<_, String>(0),
        )
        .optional()?;
    let Some(name) = taken else { return Ok(None) };
    match read(connection, &name)? {
        Some(archive) => Ok(Some(archive)),
        None => Err(Failure::impossible(format!(
            "{name} exists already and is not an archive that fkfix made"
        ))
        .hint(format!(
            "rename {name}, or run with --orphans delete to keep no archive"
        ))
        .into()),
    }
}

/// Every archive in the database.
pub fn all(connection: &Connection) -> Result<Vec<Archive>> {
    let mut statement = connection.prepare(
        "SELECT name FROM main.sqlite_schema WHERE type = 'table' AND name LIKE '%\\_orphans' ESCAPE '\\' ORDER BY name",
    )?;
    let names = statement.query_map([], |row| row.get::<_, String>(0))?;
    let mut archives = Vec::new();
    for name in names {
        archives.extend(read(connection, &name?)?);
    }
    Ok(archives)
}

pub(super) fn read(connection: &Connection, name: &str) -> Result<Option<Archive>> {
    let mut statement = connection.prepare_cached(
        "SELECT name, type FROM pragma_table_xinfo WHERE arg = ?1 AND schema = 'main'",
    )?;
    let columns = statement.query_map([name], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let mut columns = columns.collect::<Result<Vec<(String, String)>, _>>()?;
    let own = columns.len() > OWN_COLUMNS.len()
        && OWN_COLUMNS
            .iter()
            .zip(&columns)
            .all(|(own, (found, _))| own == found);
    if !own {
        return Ok(None);
    }
    let width = columns.len();
    let mut columns = columns.split_off(OWN_COLUMNS.len());
    // A column of the table that is called so has no type here.
    let mut take_out = |own: &str| {
        let place = columns
            .iter()
            .position(|(name, kind)| name == own && !kind.is_empty());
        place.map(|place| columns.remove(place)).is_some()
    };
    let (has_runs, notes_full_text) = (take_out(RUN), take_out(FULL_TEXT));
    let has_kept = take_out(KEPT);
    let at = name.len().saturating_sub(SUFFIX.len());
    Ok(name.get(..at).map(|table| Archive {
        name: name.to_owned(),
        table: table.to_owned(),
        columns: columns.into_iter().map(|(name, _)| name).collect(),
        width,
        has_runs,
        notes_full_text,
        has_kept,
    }))
}

impl Archive {
    /// Whether it keeps values of the column.
    pub fn has(&self, column: &str) -> bool {
        self.columns.iter().any(|name| same_name(name, column))
    }

    /// How many of its rows tell what a row that stayed was before it forgot a key.
    pub fn count_stayed(&self, connection: &Connection) -> Result<i64> {
        if !self.has_kept {
            return Ok(0);
        }
        let archive = quote(&self.name);
        let query = format!("SELECT count({KEPT}) FROM main.{archive}");
        Ok(connection.query_row(&query, [], |row| row.get(0))?)
    }

    /// The columns that the table has no longer.
    pub fn gone<'a>(&'a self, table: &'a Table) -> impl Iterator<Item = &'a str> {
        let columns = self.columns.iter().map(String::as_str);
        columns.filter(|name| table.column(name).is_none())
    }

    /// The archive's own rowid, under a name that no column has taken, if there is one.
    pub(super) fn rowid(&self) -> Option<&'static str> {
        let mut names = ["rowid", "_rowid_", "oid"].into_iter();
        names.find(|name| !self.has(name))
    }
}

/// The number for a run: one more than any archive has.
pub(super) fn next_run(connection: &Connection) -> Result<i64> {
    let mut last = 0;
    for archive in all(connection)?.iter().filter(|archive| archive.has_runs) {
        let query = format!("SELECT max({RUN}) FROM main.{}", quote(&archive.name));
        let run: Option<i64> = connection.query_row(&query, [], |row| row.get(0))?;
        last = last.max(run.unwrap_or(0));
    }
    Ok(last.saturating_add(1))
}

/// For the schema check: whether `name` is what `store` may create.
#[must_use]
pub fn is_archive_name(name: &str, tables: &[&str]) -> bool {
    tables.iter().any(|table| same_name(&name_of(table), name))
}

/// How many rows `archive` holds that are `whose`.
pub fn count(connection: &Connection, archive: &Archive, whose: Whose) -> Result<i64> {
    if !schema::table_exists(connection, &archive.name)? {
        return Ok(0);
    }
    let query = format!(
        "SELECT count(*) FROM main.{} AS a WHERE {}",
        quote(&archive.name),
        is_of("a", whose)
    );
    Ok(connection.query_row(&query, [], |row| row.get(0))?)
}

/// Which rows of an archive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whose {
    /// Those that left with this migration or a later one.
    Since(i64),
    /// All.
    All,
}

/// The condition that the archive's row `alias` is one of those that are `whose`.
pub(super) fn is_of(alias: &str, whose: Whose) -> String {
    match whose {
        Whose::Since(version) => format!("{alias}.fkfix_version >= {version}"),
        Whose::All => "TRUE".to_owned(),
    }
}

/// The condition that the table's row `w` has the key of the archive's row `a`.
pub fn same_key(table: &Table) -> String {
    let same: Vec<_> = match &table.row_key {
        RowKey::PrimaryKey(names) => names
            .iter()
            .map(|name| format!("w.{0} = a.{0}", quote(name)))
            .collect(),
        RowKey::Alias(name) => vec![format!("w.{} = a.fkfix_rowid", quote(name))],
        RowKey::Implicit(rowid) => vec![format!("w.{rowid} = a.fkfix_rowid")],
        RowKey::Hidden => vec!["TRUE".to_owned()],
    };
    same.join(" AND ")
}

/// The condition that the table's row `w` is the archive's row `a`: same key, and every value
/// equal to the byte and of the same storage class.
pub fn same_row(table: &Table, columns: &[&str]) -> String {
    let mut same = vec![same_key(table)];
    same.extend(compare::same_values(table, columns.iter().copied()));
    all_of(&same)
}
