//! `<table>_orphans`: rows that left a table, kept whole, and how they come back.
//!
//! Every column has the name it has in the table and no type, so that SQLite stores each value
//! in the storage class it comes in (<https://www.sqlite.org/datatype3.html>). Four columns of
//! fkfix's own stand before them.

use anyhow::{Context as _, Result};
use rusqlite::{Connection, OptionalExtension as _};

use super::bulk::{self, Aside};
use super::conditions;
use super::ddl::{literal, quote, quote_list, same_name};
use super::fidelity::{self, all_of};
use super::full_text;
use super::history;
use super::lists::Removal;
use super::places;
use super::rebuild;
use super::row_counts;
use super::schema::{self, RowKey, Table};
use super::snapshot;
use super::steps::Step;
use crate::failure::Failure;

const SUFFIX: &str = "_orphans";

/// With fewer rows to put back, or with a smaller share of the table's, its indexes stay.
const MANY_ROWS: i64 = 1000;
const LARGE_SHARE: i64 = 5;

/// About as many instructions of SQLite's virtual machine, for the table and for each index.
const WORK_PER_RESTORED_ROW: usize = 10;

/// The columns that stand before those of the table.
const OWN_COLUMNS: [&str; 4] = [
    "fkfix_rowid",
    "fkfix_constraints",
    "fkfix_version",
    "fkfix_archived_at",
];

/// The column that notes which full-text indexes held a row. It is there where the table has any.
const FULL_TEXT: &str = "fkfix_full_text";

/// An archive that exists.
#[derive(Clone, Debug)]
pub struct Archive {
    /// Its name.
    pub name: String,
    /// The table its rows come from.
    pub table: String,
    columns: Vec<String>,
    /// It has the column [`FULL_TEXT`].
    notes_full_text: bool,
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
            "SELECT name FROM main.sqlite_schema WHERE name = ?1 COLLATE NOCASE",
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

/// The names of fkfix's own tables: its archives, and its history, whether it is there or not.
pub fn own_tables(connection: &Connection) -> Result<Vec<String>> {
    let archives = all(connection)?.into_iter().map(|archive| archive.name);
    Ok(archives.chain([history::TABLE.to_owned()]).collect())
}

fn read(connection: &Connection, name: &str) -> Result<Option<Archive>> {
    let mut statement = connection
        .prepare_cached("SELECT name FROM pragma_table_xinfo WHERE arg = ?1 AND schema = 'main'")?;
    let columns = statement.query_map([name], |row| row.get(0))?;
    let mut columns = columns.collect::<Result<Vec<String>, _>>()?;
    let own = columns.len() > OWN_COLUMNS.len()
        && OWN_COLUMNS
            .iter()
            .zip(&columns)
            .all(|(own, found)| own == found);
    if !own {
        return Ok(None);
    }
    let at = name.len().saturating_sub(SUFFIX.len());
    let mut columns = columns.split_off(OWN_COLUMNS.len());
    let all = columns.len();
    columns.retain(|column| column != FULL_TEXT);
    Ok(name.get(..at).map(|table| Archive {
        name: name.to_owned(),
        table: table.to_owned(),
        notes_full_text: columns.len() < all,
        columns,
    }))
}

/// The steps that copy the rows of `removal` into the archive of their table.
pub fn store(connection: &Connection, removal: &Removal, version: i32) -> Result<Vec<Step>> {
    let table = &removal.table;
    let names: Vec<_> = table
        .columns
        .iter()
        .map(|column| column.name.as_str())
        .collect();
    let indexes = full_text::Indexes::of(connection, table)?;
    let archive = of(connection, &table.name)?;
    let name = archive
        .as_ref()
        .map_or_else(|| name_of(&table.name), |archive| archive.name.clone());
    let mut steps = Vec::new();
    let is_taken = |name: &&str| names.iter().any(|it| same_name(it, name));
    let mut own = ["rowid", "_rowid_", "oid"].into_iter();
    let number = own.find(|it| !is_taken(it)).unwrap_or("fkfix_rowid");
    let before = match &archive {
        None => {
            steps.push(Step::run(
                format!("create {name}"),
                format!(
                    "CREATE TABLE {} (fkfix_rowid INTEGER, fkfix_constraints TEXT, fkfix_version INTEGER, fkfix_archived_at TEXT, {}{})",
                    quote(&name),
                    if indexes.is_empty() { "" } else { "fkfix_full_text TEXT, " },
                    quote_list("", names.iter().copied())
                ),
            ));
            0
        }
        Some(archive) => {
            let missing = names.iter().filter(|name| !archive.has(name));
            let note = (!indexes.is_empty() && !archive.notes_full_text).then_some(&FULL_TEXT);
            let missing = missing.chain(note);
            steps.extend(missing.map(|column| {
                Step::run(
                    format!("add the column {column} to {name}"),
                    format!("ALTER TABLE {} ADD COLUMN {}", quote(&name), quote(column)),
                )
            }));
            let newest = format!("SELECT ifnull(max({number}), 0) FROM main.{}", quote(&name));
            connection.query_row(&newest, [], |row| row.get::<_, i64>(0))?
        }
    };
    steps.push(Step::run(
        format!("copy {} rows into {name}", removal.rows),
        copy_sql(removal, &name, &names, version, &indexes),
    ));
    let columns: Vec<_> = table.stored_columns().collect();
    steps.push(Step::Expect {
        what: format!("{name} holds every row that leaves {}", table.name),
        query: format!(
            "SELECT count(*) FROM main.{} AS a CROSS JOIN main.{} AS w WHERE a.{number} > {before} AND {}",
            quote(&name),
            quote(&table.name),
            same_row(table, &columns)
        ),
        value: removal.rows,
        by_row: None,
    });
    Ok(steps)
}

fn copy_sql(
    removal: &Removal,
    archive: &str,
    names: &[&str],
    version: i32,
    indexes: &full_text::Indexes,
) -> String {
    let table = &removal.table;
    let (note, noted) = if indexes.is_empty() {
        (String::new(), String::new())
    } else {
        (format!("{FULL_TEXT}, "), format!("{}, ", indexes.holding()))
    };
    let rowid = table
        .row_key
        .rowid()
        .map_or_else(|| "NULL".to_owned(), |name| format!("w.{}", quote(name)));
    format!(
        "INSERT INTO main.{} ({}, {note}{})\nSELECT {rowid}, l.reasons, {version}, strftime('%Y-%m-%dT%H:%M:%SZ', 'now'), {noted}{}\n{}",
        quote(archive),
        OWN_COLUMNS.join(", "),
        quote_list("", names.iter().copied()),
        quote_list("w.", names.iter().copied()),
        conditions::from_listed("w", removal),
    )
}

/// The rows of one archive that a migration put there, and what can become of them.
#[derive(Clone, Debug)]
pub struct Restore {
    /// The archive.
    pub archive: Archive,
    /// How many rows it holds of this migration.
    pub rows: i64,
    /// How many of them will stay, as far as rowids, primary keys and unique columns tell.
    pub kept: i64,
    /// Puts them back, as far as their table is still there.
    pub steps: Vec<Step>,
}

/// Plans to put back what the migration `version` archived.
pub fn restore(connection: &Connection, version: i32) -> Result<Vec<Restore>> {
    let mut restores = Vec::new();
    for archive in all(connection)? {
        let count = format!(
            "SELECT count(*) FROM main.{} WHERE fkfix_version = {version}",
            quote(&archive.name)
        );
        let rows: i64 = connection.query_row(&count, [], |row| row.get(0))?;
        if rows == 0 {
            continue;
        }
        let (kept, steps) = if schema::table_exists(connection, &archive.table)? {
            let table = Table::read(connection, &archive.table)
                .with_context(|| format!("could not put back the rows of {}", archive.name))?;
            let kept = archive.count_kept(connection, &table, version)?;
            let others = row_counts::count_rows(connection, &archive.name)? - rows;
            (
                kept,
                archive.restore_steps(connection, &table, version, rows, others + kept)?,
            )
        } else {
            (rows, Vec::new())
        };
        restores.push(Restore {
            archive,
            rows,
            kept,
            steps,
        });
    }
    Ok(restores)
}

impl Archive {
    fn has(&self, column: &str) -> bool {
        self.columns.iter().any(|name| same_name(name, column))
    }

    /// Insert what fits, then delete from the archive exactly the rows that are now in the
    /// table, value by value: a row that could not go back stays.
    fn restore_steps(
        &self,
        connection: &Connection,
        table: &Table,
        version: i32,
        rows: i64,
        rows_left: i64,
    ) -> Result<Vec<Step>> {
        let mut steps = rebuild::drop_triggers(table);
        let there = row_counts::count_rows(connection, &table.name)?;
        let aside = if rows > MANY_ROWS && rows > there / LARGE_SHARE {
            bulk::set_indexes_aside(connection, table, there + rows)?
        } else {
            Aside::default()
        };
        let changed = !table.triggers.is_empty() || !aside.before.is_empty();
        let tables: &[&str] = if changed { &[&table.name] } else { &[] };
        let places = places::keep(connection, tables)?;
        steps.extend(aside.before);
        let columns: Vec<_> = table
            .stored_columns()
            .filter(|name| self.has(name))
            .collect();
        let mut targets: Vec<_> = columns.iter().map(|name| quote(name)).collect();
        let mut sources: Vec<_> = columns
            .iter()
            .map(|name| format!("a.{}", quote(name)))
            .collect();
        if let RowKey::Implicit(rowid) = table.row_key {
            targets.insert(0, rowid.to_owned());
            sources.insert(0, "a.fkfix_rowid".to_owned());
        }
        let from = format!(
            "main.{} AS a WHERE {}",
            quote(&self.name),
            self.fits(table, version)
        );
        let (set_aside, put_back) = counter(connection, table)?;
        let insert = format!(
            "{set_aside}PRAGMA ignore_check_constraints = ON;\nINSERT OR IGNORE INTO main.{} ({})\nSELECT {} FROM {from} ORDER BY a.rowid;\nPRAGMA ignore_check_constraints = OFF{put_back}",
            quote(&table.name),
            targets.join(", "),
            sources.join(", "),
        );
        let title = format!("put the rows of {} back into {}", self.name, table.name);
        let work = WORK_PER_RESTORED_ROW * (1 + table.indexes.len());
        steps.push(Step::run(title, insert).over(rows, work).scattered());
        let indexes = full_text::Indexes::of(connection, table)?;
        let back = format!(
            "FROM main.{} AS a CROSS JOIN main.{} AS w WHERE {} AND {}",
            quote(&self.name),
            quote(&table.name),
            self.fits(table, version),
            same_row(table, &columns)
        );
        let noted = self.notes_full_text.then_some(FULL_TEXT);
        steps.extend(indexes.put_back(connection, &table.name, &back, noted)?);
        steps.push(Step::Discard {
            title: format!("take what is back out of {}", self.name),
            table: self.name.clone(),
            rows: format!(
                "{} AND EXISTS (SELECT 1 FROM main.{} AS w WHERE {})",
                self.fits(table, version),
                quote(&table.name),
                same_row(table, &columns),
            ),
            rows_left,
        });
        steps.extend(aside.after);
        steps.extend(rebuild::create_triggers(table));
        steps.extend(places);
        steps.extend(indexes.refresh());
        Ok(steps)
    }

    /// How many rows of this migration find their key taken, or have a value for which the
    /// table has no column any more.
    fn count_kept(&self, connection: &Connection, table: &Table, version: i32) -> Result<i64> {
        let mut keys = schema::unique_keys(connection, &table.name)?;
        keys.retain(|key| key.iter().all(|column| self.has(column)));
        let mut taken: Vec<_> = keys
            .iter()
            .map(|key| {
                key.iter()
                    .map(|name| format!("w.{0} = a.{0}", quote(name)))
                    .collect()
            })
            .map(|same: Vec<_>| same.join(" AND "))
            .collect();
        if let Some(rowid) = table.row_key.rowid() {
            taken.push(format!("w.{} = a.fkfix_rowid", quote(rowid)));
        }
        let taken: Vec<_> = taken
            .iter()
            .map(|same| {
                format!(
                    "EXISTS (SELECT 1 FROM main.{} AS w WHERE {same})",
                    quote(&table.name)
                )
            })
            .collect();
        let taken = if taken.is_empty() {
            "FALSE".to_owned()
        } else {
            taken.join(" OR ")
        };
        let query = format!(
            "SELECT count(*) FROM main.{} AS a WHERE a.fkfix_version = {version} AND (NOT ({}) OR {taken})",
            quote(&self.name),
            self.fits(table, version)
        );
        Ok(connection.query_row(&query, [], |row| row.get(0))?)
    }

    /// The condition that the archive's row `a` is of this migration and has no value for
    /// which the table has no column any more.
    fn fits(&self, table: &Table, version: i32) -> String {
        let gone = self
            .columns
            .iter()
            .filter(|name| table.column(name).is_none());
        let mut fits = vec![format!("a.fkfix_version = {version}")];
        fits.extend(gone.map(|name| format!("a.{} IS NULL", quote(name))));
        // A value that the table would convert stays in the archive, where it is whole.
        fits.extend(fidelity::fits(table, |name| self.has(name), "a"));
        all_of(&fits)
    }
}

/// Statements that set the AUTOINCREMENT counter of `table` aside, and that put it back, as it
/// was or was not: rows that come back are none that the counter does not know.
fn counter(connection: &Connection, table: &Table) -> Result<(String, String)> {
    let names = snapshot::taken_names(connection)?;
    let counts = table.sql.to_ascii_uppercase().contains("AUTOINCREMENT");
    if !counts || !names.iter().any(|name| name == "sqlite_sequence") {
        return Ok(Default::default());
    }
    let own = literal(&table.name);
    let aside = literal(&rebuild::free_name(&names, "fkfix_counter"));
    let rename =
        |from, to| format!("UPDATE main.sqlite_sequence SET name = {to} WHERE name = {from}");
    Ok((
        format!("{};\n", rename(&own, &aside)),
        format!(
            ";\nDELETE FROM main.sqlite_sequence WHERE name = {own};\n{}",
            rename(&aside, &own)
        ),
    ))
}

/// The condition that the table's row `w` is the archive's row `a`: same key, and every value
/// equal to the byte and of the same storage class.
fn same_row(table: &Table, columns: &[&str]) -> String {
    let mut same: Vec<_> = match &table.row_key {
        RowKey::PrimaryKey(names) => names
            .iter()
            .map(|name| format!("w.{0} = a.{0}", quote(name)))
            .collect(),
        RowKey::Alias(name) => vec![format!("w.{} = a.fkfix_rowid", quote(name))],
        RowKey::Implicit(rowid) => vec![format!("w.{rowid} = a.fkfix_rowid")],
        RowKey::Hidden => Vec::new(),
    };
    same.extend(fidelity::same_values(table, columns.iter().copied()));
    all_of(&same)
}

/// For the schema check: whether `name` is what `store` may create.
#[must_use]
pub fn is_archive_name(name: &str, tables: &[&str]) -> bool {
    tables.iter().any(|table| same_name(&name_of(table), name))
}

/// The rows that `archive` still holds of `version`.
pub fn count(connection: &Connection, archive: &Archive, version: i32) -> Result<i64> {
    if !schema::table_exists(connection, &archive.name)? {
        return Ok(0);
    }
    let query = format!(
        "SELECT count(*) FROM main.{} WHERE fkfix_version = {version}",
        quote(&archive.name)
    );
    Ok(connection.query_row(&query, [], |row| row.get(0))?)
}
