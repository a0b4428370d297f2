//! A table as `sqlite_schema` and the pragmas tell it. Reads, and decides nothing.

pub mod column;
pub mod index;
pub mod row_counts;
pub(super) mod source;
pub mod values;

use anyhow::{Context as _, Result};
use rusqlite::{Connection, OptionalExtension as _, Row};
use std::borrow::Cow;

use crate::failure::Failure;
use crate::sqlite::text::ddl::same_name;
use column::{Affinity, Column};
use index::Index;

/// An ordinary table of the main database.
#[derive(Clone, Debug)]
pub struct Table {
    /// Its name, spelt as the schema spells it.
    pub name: String,
    /// The stored text of its `CREATE TABLE`.
    pub sql: String,
    /// Declared STRICT.
    pub strict: bool,
    /// Its columns in order, generated ones included.
    pub columns: Vec<Column>,
    /// What tells one row from another.
    pub row_key: RowKey,
    /// The columns that stand first in one of its indexes, or are the rowid.
    pub index_leads: Vec<String>,
    /// Its indexes that have a text of their own (not those that constraints make).
    pub indexes: Vec<SchemaObject>,
    /// Its own name, or that of an index or a trigger of it, whose text is not UTF-8 and so reads
    /// otherwise here than it stands in the database.
    pub inexact: Option<String>,
    /// All its indexes, as the pragmas tell them.
    pub index_list: Vec<Index>,
    /// The triggers on it.
    pub triggers: Vec<SchemaObject>,
}

/// An index or a trigger, by name and stored text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SchemaObject {
    /// Its name.
    pub name: String,
    /// The statement that makes it.
    pub sql: String,
}

/// What tells one row of a table from another (<https://www.sqlite.org/rowidtable.html>).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RowKey {
    /// An `INTEGER PRIMARY KEY` column, which is the rowid.
    Alias(String),
    /// The implicit rowid, under a name that no column has taken.
    Implicit(&'static str),
    /// The primary key of a `WITHOUT ROWID` table.
    PrimaryKey(Vec<String>),
    /// A rowid table whose columns have taken all three names of the rowid.
    Hidden,
}

impl RowKey {
    /// The columns to compare, empty where rows cannot be told apart.
    #[must_use]
    pub fn columns(&self) -> Vec<&str> {
        match self {
            RowKey::Alias(name) => vec![name],
            RowKey::Implicit(name) => vec![name],
            RowKey::PrimaryKey(names) => names.iter().map(String::as_str).collect(),
            RowKey::Hidden => Vec::new(),
        }
    }

    /// The column that holds the rowid, where there is one.
    #[must_use]
    pub fn rowid(&self) -> Option<&str> {
        match self {
            RowKey::Alias(name) => Some(name),
            RowKey::Implicit(name) => Some(name),
            RowKey::PrimaryKey(_) | RowKey::Hidden => None,
        }
    }
}

impl Table {
    /// Reads the table `name` of the main database; a missing one, a view and a virtual table
    /// are errors that say so.
    pub fn read(connection: &Connection, name: &str) -> Result<Table> {
        let (name, without_rowid, strict) = ordinary_table(connection, name)?;
        let (sql, is_exact) = connection
            .query_row(
                "SELECT sql FROM main.sqlite_schema WHERE type = 'table' AND name = ?1",
                [&name],
                |row| text(row, 0),
            )
            .with_context(|| format!("could not read the definition of {name}"))?;
        let (columns, primary_key) = columns(connection, &name, strict)?;
        let row_key = if without_rowid {
            RowKey::PrimaryKey(primary_key)
        } else {
            rowid_of(connection, &name, &columns, primary_key)?
        };
        let index_list = index::indexes(connection, &name, &columns)?;
        let mut inexact = (!is_exact).then(|| name.clone());
        let indexes = objects_on(connection, &name, "index", &mut inexact)?;
        let triggers = objects_on(connection, &name, "trigger", &mut inexact)?;
        Ok(Table {
            index_leads: index_leads(&index_list, &row_key),
            index_list,
            indexes,
            triggers,
            inexact,
            name,
            sql,
            strict,
            columns,
            row_key,
        })
    }

    /// Fails where the text of the table, or of an index or a trigger of it, can't be written again
    /// as it is.
    pub fn must_be_exact(&self) -> Result<()> {
        let Some(object) = &self.inexact else {
            return Ok(());
        };
        Err(Failure::impossible(format!(
            "the definition of {object} holds bytes that are not UTF-8, and would not come back as they are"
        ))
        .hint("write the definition again in UTF-8; a comment in another encoding is enough")
        .into())
    }

    /// The column called `name`.
    #[must_use]
    pub fn column(&self, name: &str) -> Option<&Column> {
        self.columns
            .iter()
            .find(|column| same_name(&column.name, name))
    }

    /// The columns that a row is made of: all but the generated ones.
    pub fn stored_columns(&self) -> impl Iterator<Item = &str> {
        self.columns
            .iter()
            .filter(|column| !column.generated)
            .map(|column| column.name.as_str())
    }
}

/// The name as stored, WITHOUT ROWID, STRICT.
fn ordinary_table(connection: &Connection, name: &str) -> Result<(String, bool, bool)> {
    let found = connection
        .query_row(
            "SELECT name, type, wr, strict FROM pragma_table_list WHERE arg = ?1 AND schema = 'main'",
            [name],
            |row| {
                Ok((
                    (row.get(0)?, row.get(2)?, row.get(3)?),
                    row.get::<_, String>(1)?,
                ))
            },
        )
        .optional()
        .with_context(|| format!("could not read the definition of {name}"))?;
    match found {
        None => Err(Failure::impossible(format!("there is no table {name}"))
            .hint(hint_for_missing(connection, name)?)
            .into()),
        Some((table, kind)) if kind == "table" && !name.starts_with("sqlite_") => Ok(table),
        Some((_, kind)) => {
            let kind = if kind == "table" { "system" } else { &kind };
            Err(Failure::impossible(format!(
                "{name} is a {kind}{}, and a foreign key needs an ordinary table",
                if kind == "view" { "" } else { " table" }
            ))
            .hint("name the table that holds the rows")
            .into())
        }
    }
}

/// The names that `name` may be a slip for, or where to look.
fn hint_for_missing(connection: &Connection, name: &str) -> Result<String> {
    let mut statement = connection.prepare_cached(
        "SELECT name FROM main.sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY name",
    )?;
    let names = statement.query_map([], |row| row.get::<_, String>(0))?;
    let names = names.collect::<Result<Vec<_>, _>>()?;
    let wanted = name.to_lowercase();
    let is_near = |other: &&String| strsim::jaro_winkler(&wanted, &other.to_lowercase()) > 0.85;
    let near: Vec<_> = names.iter().filter(is_near).map(String::as_str).collect();
    Ok(if near.is_empty() {
        "check that this is the right database; sqlite3 FILE .tables lists what it holds".to_owned()
    } else {
        format!(
            "there is {}; or is this the wrong database?",
            near.join(", ")
        )
    })
}

/// The columns, and the names of those in the primary key in its order.
fn columns(
    connection: &Connection,
    table: &str,
    strict: bool,
) -> Result<(Vec<Column>, Vec<String>)> {
    let mut statement = connection.prepare_cached(
        "SELECT name, type, hidden, pk, \"notnull\", dflt_value FROM pragma_table_xinfo WHERE arg = ?1 AND schema = 'main'",
    )?;
    let mut rows = statement.query([table])?;
    let (mut columns, mut primary_key) = (Vec::new(), Vec::new());
    while let Some(row) = rows.next()? {
        let (name, declared_type): (String, String) = (row.get(0)?, row.get(1)?);
        let (hidden, place): (u8, u32) = (row.get(2)?, row.get(3)?);
        let metadata = connection.column_metadata(Some("main"), table, name.as_str())?;
        let collation = metadata.1.map_or_else(
            || "BINARY".to_owned(),
            |name| name.to_string_lossy().into_owned(),
        );
        if place > 0 {
            primary_key.push((place, name.clone()));
        }
        columns.push(Column {
            affinity: Affinity::of(&declared_type, strict),
            declared_type,
            collation,
            not_null: row.get(4)?,
            default: row.get(5)?,
            // 2 is a virtual generated column, 3 a stored one.
            generated: hidden == 2 || hidden == 3,
            name,
        });
    }
    primary_key.sort_unstable();
    Ok((
        columns,
        primary_key.into_iter().map(|(_, name)| name).collect(),
    ))
}

/// `INTEGER PRIMARY KEY` is the rowid, `INTEGER PRIMARY KEY DESC` is not, nor is any other
/// primary key: all of those have an index of origin `pk`.
fn rowid_of(
    connection: &Connection,
    table: &str,
    columns: &[Column],
    primary_key: Vec<String>,
) -> Result<RowKey> {
    let indexed: bool = connection.query_row(
        "SELECT EXISTS (SELECT 1 FROM pragma_index_list WHERE arg = ?1 AND schema = 'main' AND origin = 'pk')",
        [table],
        |row| row.get(0),
    )?;
    if !indexed && let Some(alias) = primary_key.into_iter().next() {
        return Ok(RowKey::Alias(alias));
    }
    let free = ["rowid", "_rowid_", "oid"]
        .into_iter()
        .find(|name| !columns.iter().any(|column| same_name(&column.name, name)));
    Ok(free.map_or(RowKey::Hidden, RowKey::Implicit))
}

/// The columns that stand first in a whole index and are compared there as in the table. A table
/// with an index that this SQLite could not have kept is read without any.
fn index_leads(indexes: &[Index], row_key: &RowKey) -> Vec<String> {
    let all_kept = indexes.iter().all(|index| index.unkept.is_none());
    let leads = indexes.iter().filter(|_| all_kept);
    let alias = match row_key {
        RowKey::Alias(name) => Some(name.clone()),
        _ => None,
    };
    alias
        .into_iter()
        .chain(leads.filter_map(|index| index.lead.clone()))
        .collect()
}

/// The column lists that `table` keeps unique as a whole, by index; those over expressions
/// left out.
pub fn unique_keys(connection: &Connection, table: &str) -> Result<Vec<Vec<String>>> {
    let mut statement = connection.prepare_cached(
        "SELECT i.name, x.name FROM pragma_index_list AS i, pragma_index_xinfo AS x
         WHERE i.arg = ?1 AND i.schema = 'main' AND i.\"unique\" AND NOT i.partial
           AND x.arg = i.name AND x.schema = 'main' AND x.\"key\"
         ORDER BY i.seq, x.seqno",
    )?;
    let rows = statement.query_map([table], |row| {
        Ok((row.get::<_, String>(0)?, row.get::<_, Option<String>>(1)?))
    })?;
    let mut keys: Vec<(String, Option<Vec<String>>)> = Vec::new();
    for row in rows {
        let (index, column) = row?;
        if keys.last().is_none_or(|(last, _)| *last != index) {
            keys.push((index, Some(Vec::new())));
        }
        if let Some((_, key)) = keys.last_mut() {
            *key = key.take().zip(column).map(|(mut columns, column)| {
                columns.push(column);
                columns
            });
        }
    }
    Ok(keys
        .into_iter()
        .filter_map(|(_, columns)| columns)
        .collect())
}

/// Text of the schema, and whether it is what stands there to the byte: a comment may be in any
/// encoding.
pub fn text(row: &Row<'_>, at: usize) -> rusqlite::Result<(String, bool)> {
    let bytes = row.get_ref(at)?.as_bytes()?;
    let text = String::from_utf8_lossy(bytes);
    Ok((text.to_string(), matches!(text, Cow::Borrowed(_))))
}

/// The objects of a `kind`; the first of them that can't be read exactly is noted.
fn objects_on(
    connection: &Connection,
    table: &str,
    kind: &str,
    inexact: &mut Option<String>,
) -> Result<Vec<SchemaObject>> {
    let mut statement = connection.prepare_cached(
        "SELECT name, sql FROM main.sqlite_schema
         WHERE tbl_name = ?1 COLLATE NOCASE AND type = ?2 AND sql IS NOT NULL ORDER BY rowid",
    )?;
    let objects = statement.query_map([table, kind], |row| {
        let (sql, is_exact) = text(row, 1)?;
        let name = row.get(0)?;
        Ok((SchemaObject { name, sql }, is_exact))
    })?;
    let objects = objects.collect::<Result<Vec<_>, _>>()?;
    let first = objects.iter().find(|(_, is_exact)| !is_exact);
    *inexact = inexact
        .take()
        .or(first.map(|(object, _)| object.name.clone()));
    Ok(objects.into_iter().map(|(object, _)| object).collect())
}

/// The primary key of `table`, empty where it has none or where there is no such table.
pub fn primary_key(connection: &Connection, table: &str) -> Result<Vec<String>> {
    let mut statement = connection.prepare_cached(
        "SELECT name FROM pragma_table_xinfo WHERE arg = ?1 AND schema = 'main' AND pk > 0 ORDER BY pk",
    )?;
    let names = statement.query_map([table], |row| row.get(0))?;
    Ok(names.collect::<Result<_, _>>()?)
}

/// The names of the ordinary tables of the main database, in the order of the schema: no view,
/// no virtual table and what lies inside of one, none of SQLite's own.
pub fn ordinary_tables(connection: &Connection) -> Result<Vec<String>> {
    let mut statement = connection.prepare(
        "SELECT l.name FROM pragma_table_list AS l JOIN main.sqlite_schema AS s ON s.type = 'table' AND s.name = l.name
         WHERE l.schema = 'main' AND l.type = 'table' AND l.name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY s.rowid",
    )?;
    let names = statement.query_map([], |row| row.get(0))?;
    names
        .collect::<Result<_, _>>()
        .context("could not read the names of the tables")
}

/// Whether the main database has a table called `name`.
pub fn table_exists(connection: &Connection, name: &str) -> Result<bool> {
    let found = connection.query_row(
        "SELECT EXISTS (SELECT 1 FROM main.sqlite_schema WHERE type = 'table' AND name = ?1 COLLATE NOCASE)",
        [name],
        |row| row.get(0),
    )?;
    Ok(found)
}

/// Whether `name` is a `table`, an `index` or a `view` of the main database; these share their
/// names. None where it is neither.
pub fn kind_of(connection: &Connection, name: &str) -> Result<Option<String>> {
    let kind = connection
        .query_row(
            "SELECT type FROM main.sqlite_schema WHERE type <> 'trigger' AND name = ?1 COLLATE NOCASE",
            [name],
            |row| row.get(0),
        )
        .optional()?;
    Ok(kind)
}
