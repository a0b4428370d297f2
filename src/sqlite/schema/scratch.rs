//! An empty database in memory that has SQLite itself answer what a definition means, before
//! the real one is touched: no second parser that could disagree with SQLite's.

use anyhow::{Context as _, Result};
use rusqlite::Connection;

use crate::failure::Failure;
use crate::sqlite::file::guard;
use crate::sqlite::schema::foreign_key::{self, ForeignKey};
use crate::sqlite::schema::snapshot;
use crate::sqlite::schema::snapshot::free_name;
use crate::sqlite::schema::{self, Table};
use crate::sqlite::text::constraints;
use crate::sqlite::text::ddl::{self, quote, same_name};

/// An empty database. It compares no text, so any collation that a definition names will do.
fn open() -> Result<Connection> {
    let scratch = open_strict()?;
    scratch.collation_needed(|scratch, name| {
        scratch.create_collation(name, |left: &str, right: &str| left.cmp(right))
    })?;
    Ok(scratch)
}

/// An empty database in memory, in which definitions may come in any order, as in a stock shell: a
/// view or a key may name a table that comes later or never.
pub fn in_memory() -> Result<Connection> {
    let scratch = Connection::open_in_memory().context("could not open a database in memory")?;
    scratch.execute_batch("PRAGMA foreign_keys = OFF; PRAGMA legacy_alter_table = ON")?;
    Ok(scratch)
}

/// One that knows no more collations than the real one's connection.
fn open_strict() -> Result<Connection> {
    let scratch = in_memory()?;
    guard::harden(&scratch)?;
    Ok(scratch)
}

/// Whether this SQLite can make `table`: it may lack a collation.
pub fn makes(table: &Table) -> Result<bool> {
    Ok(open_strict()?.execute_batch(&table.sql).is_ok())
}

/// Has SQLite read `constraint`, a `FOREIGN KEY` table constraint for `child`.
///
/// The parent columns are empty where the constraint leaves them to the parent's primary key.
pub fn read_constraint(child: &Table, constraint: &str) -> Result<ForeignKey> {
    let scratch = open()?;
    create(&scratch, child, &child.sql)?;
    let before = foreign_key::declared_keys(&scratch)?.len();
    let scratch = open()?;
    let edited = constraints::add_constraints(&child.sql, &[constraint])?;
    scratch.execute_batch(&edited).map_err(|error| {
        let reason = reason(&error);
        Failure::impossible(format!(
            "SQLite does not accept {constraint} in {}: {reason}",
            child.name
        ))
        .hint("correct the statement in the migration; the columns it names must exist")
    })?;
    let mut keys = foreign_key::declared_keys(&scratch)?;
    let columns = Table::read(&scratch, &child.name)?.columns.len();
    if keys.len() != before + 1 || columns != child.columns.len() {
        return Err(Failure::impossible(format!(
            "{constraint} is not one foreign key, as SQLite reads it"
        ))
        .hint("write one FOREIGN KEY clause in each ADD CONSTRAINT")
        .into());
    }
    // SQLite lists a table's keys from the last declared to the first, and ours stands last.
    Ok(keys.swap_remove(0))
}

/// The foreign keys of the table that `create_table` makes, from the last in its text to the first.
pub fn keys_of(create_table: &str) -> Result<Vec<ForeignKey>> {
    let scratch = open()?;
    scratch.execute_batch(create_table)?;
    foreign_key::declared_keys(&scratch)
}

/// The message of SQLite alone, without the text of the statement.
fn reason(error: &rusqlite::Error) -> String {
    match error {
        rusqlite::Error::SqliteFailure(_, Some(message)) => message.clone(),
        rusqlite::Error::SqlInputError { msg, .. } => msg.clone(),
        other => other.to_string(),
    }
}

/// As [`is_parent_key`], in favour of a definition that needs a function of the application's
/// own, which can't be judged here.
#[must_use]
pub fn has_parent_key(parent: &Table, key: &ForeignKey) -> bool {
    is_parent_key(parent, key).unwrap_or_else(|error| {
        tracing::debug!("{error:#}");
        true
    })
}

/// Whether SQLite takes the parent columns of `key` as a parent key: PRIMARY KEY or UNIQUE,
/// whole and of the columns' own collation
/// (<https://www.sqlite.org/foreignkeys.html#fk_indexes>).
pub fn is_parent_key(parent: &Table, key: &ForeignKey) -> Result<bool> {
    // Where a key names no parent columns and the parent has no primary key, there are none.
    if key.parent_columns.len() != key.columns.len() {
        return Ok(false);
    }
    let scratch = open()?;
    create(&scratch, parent, &parent.sql)?;
    for index in &parent.indexes {
        // An index that this SQLite can't make (a collation of the application's own) can't
        // be one that it would use.
        let _ = scratch.execute_batch(&index.sql);
    }
    let columns: Vec<_> = key.columns.iter().map(String::as_str).collect();
    let columns = ddl::quote_list("", columns);
    let parent_columns = ddl::quote_list("", key.parent_columns.iter().map(String::as_str));
    let child = quote(&free_name(&snapshot::taken_names(&scratch)?, "fkfix_child"));
    scratch.execute_batch(&format!(
        "CREATE TABLE {child} ({columns}, FOREIGN KEY ({columns}) REFERENCES {} ({parent_columns}))",
        quote(&parent.name)
    ))?;
    // The check of an empty table finds no row, but fails where it finds no parent key.
    let checked = scratch.execute_batch(&format!("PRAGMA foreign_key_check({child})"));
    Ok(checked.is_ok())
}

/// What SQLite makes of the definition that a rebuild would give a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rehearsal {
    /// `INSERT INTO new SELECT * FROM old` copies whole records instead of row by row (the
    /// transfer optimisation of `insert.c` in SQLite's source).
    pub transfers: bool,
    /// What keeps the table from being set aside and made again.
    pub obstacle: Option<Obstacle>,
}

/// Why a table can't be set aside and made again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Obstacle {
    /// It can't be renamed: its definition, or an index's, has its name before a column's, or some
    /// index in the schema needs a collation that this SQLite lacks.
    Rename,
    /// This SQLite can't make it: it lacks a collation.
    Make,
    /// It counts its rowids, and the table of the counters is missing: to make it would make that.
    Counter,
}

/// Whether SQLite renames `table` beside the views and triggers that there are: it reads all of
/// them again, and some that it took once it does not take then.
pub fn renames_beside_others(connection: &Connection, table: &str) -> Result<bool> {
    let mut statement = connection.prepare_cached(
        "SELECT sql FROM main.sqlite_schema WHERE type IN ('table', 'view', 'trigger') AND sql IS NOT NULL ORDER BY rowid",
    )?;
    let any = "SELECT EXISTS (SELECT 1 FROM main.sqlite_schema WHERE type IN ('view', 'trigger'))";
    if !connection.query_row(any, [], |row| row.get::<_, bool>(0))? {
        return Ok(true);
    }
    let scratch = open()?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        // What can't be made here, such as a virtual table, keeps no table from its new name.
        let _ = scratch.execute_batch(&schema::text(row, 0)?.0);
    }
    let names = snapshot::taken_names(&scratch)?;
    if !names.iter().any(|name| same_name(name, table)) {
        return Ok(true);
    }
    let old = free_name(&names, "fkfix_old");
    let rename = format!("ALTER TABLE main.{} RENAME TO {old}", quote(table));
    Ok(scratch.execute_batch(&rename).is_ok())
}

/// Builds `table` anew as `edited`, empty, and takes the `added` constraints away again.
///
/// Fails where SQLite would not give back the old text to the byte.
pub fn rehearse(table: &Table, edited: &str, added: &[&str]) -> Result<Rehearsal> {
    let scratch = open()?;
    create(&scratch, table, &table.sql)?;
    // An index that this SQLite can't make is found out when it is to be made for real.
    for index in &table.indexes {
        let _ = scratch.execute_batch(&index.sql);
    }
    let old = free_name(&snapshot::taken_names(&scratch)?, "fkfix_old");
    let set_aside = format!("ALTER TABLE {} RENAME TO {old}", quote(&table.name));
    let renames = scratch.execute_batch(&set_aside).is_ok();
    if !renames {
        scratch.execute_batch(&format!("DROP TABLE {}", quote(&table.name)))?;
    }
    scratch.execute_batch(edited)?;
    let transfers = renames && transfers(&scratch, table, &old)?;
    let rehearsal = Rehearsal {
        obstacle: if makes(table)? {
            (!renames).then_some(Obstacle::Rename)
        } else {
            Some(Obstacle::Make)
        },
        transfers,
    };
    for constraint in added.iter().rev() {
        let drop = format!(
            "ALTER TABLE {} DROP CONSTRAINT {}",
            quote(&table.name),
            quote(constraint)
        );
        if let Err(error) = scratch.execute_batch(&drop) {
            let now = Table::read(&scratch, &table.name)?.sql;
            let left = constraints::without_named_key(&now, constraint)?.ok_or_else(|| {
                let reason = reason(&error);
                Failure::impossible(format!("SQLite could not take {constraint} back: {reason}"))
                    .hint("a key that can't be dropped again is not added")
            })?;
            scratch.execute_batch(&format!("DROP TABLE {};\n{left}", quote(&table.name)))?;
        }
    }
    let back = Table::read(&scratch, &table.name)?.sql;
    if !added.is_empty() && back != table.sql {
        return Err(Failure::impossible(format!(
            "the rollback from the new definition of {} would not be exact, so nothing is changed",
            table.name
        ))
        .hint("please report this with the output of: sqlite3 FILE '.schema'")
        .into());
    }
    Ok(rehearsal)
}

/// The text of `table` once SQLite itself has dropped `constraint`; none where it fails, as it does
/// for a key that says SET DEFAULT or NOT DEFERRABLE.
pub fn without(table: &Table, constraint: &str) -> Result<Option<String>> {
    let scratch = open()?;
    create(&scratch, table, &table.sql)?;
    let drop = format!(
        "ALTER TABLE {} DROP CONSTRAINT {}",
        quote(&table.name),
        quote(constraint)
    );
    if scratch.execute_batch(&drop).is_err() {
        return Ok(None);
    }
    Ok(Some(Table::read(&scratch, &table.name)?.sql))
}

/// Whether SQLite's plan for the copy from the table called `old` moves whole records.
fn transfers(scratch: &Connection, table: &Table, old: &str) -> Result<bool> {
    let copy = format!(
        "INSERT INTO main.{} SELECT * FROM main.{old}",
        quote(&table.name)
    );
    let Ok(mut explain) = scratch.prepare(&format!("EXPLAIN {copy}")) else {
        // A table with generated columns takes `SELECT *` only where the transfer fires.
        return Ok(false);
    };
    let opcodes = explain.query_map([], |row| row.get::<_, String>(1))?;
    let opcodes = opcodes.collect::<Result<Vec<_>, _>>()?;
    Ok(opcodes.iter().any(|opcode| opcode == "RowCell"))
}

fn create(scratch: &Connection, table: &Table, sql: &str) -> Result<()> {
    scratch.execute_batch(sql).map_err(|error| {
        Failure::impossible(format!(
            "this SQLite can't make the table {} as it is defined: {}",
            table.name,
            reason(&error)
        ))
        .hint("the definition uses a function or a setting of the application's own, which fkfix does not have")
        .into()
    })
}
