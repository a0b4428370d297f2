//! What the search for keys that were meant asks of SQLite: its tables, and what their columns hold.

mod values;

use std::cell::RefCell;
use std::collections::HashMap;

use anyhow::{Result, anyhow};
use rusqlite::Connection;
use rusqlite::types::ValueRef;

use crate::discover::catalog::{Catalog, ParentKey, Subject};
use crate::discover::facts::{Look, Rows, Seen};
use crate::discover::table;
use crate::discover::{self, Candidate};
use crate::sqlite::apply::history;
use crate::sqlite::file::errors;
use crate::sqlite::schema::foreign_key::{self, Action, ForeignKey, NamedKey};
use crate::sqlite::schema::scratch;
use crate::sqlite::schema::{self, Affinity, Table};
use crate::sqlite::text::ddl::{quote, same_name};
use values::unless_lacking;

/// Every key that was perhaps meant and that `connection` does not declare, or only to a table that is
/// gone: tables in the order of the schema, the keys of each by its columns. At most one for the same
/// columns.
pub fn candidates(connection: &Connection) -> Result<Vec<Candidate>> {
    let (rows, catalog) = read(connection)?;
    discover::candidates(&rows, &catalog)
}

/// The ordinary tables, in the order of the schema, fkfix's own left out, and what their rows hold.
fn read(connection: &Connection) -> Result<(OfConnection<'_>, Catalog)> {
    let own = history::own_tables(connection)?;
    let (mut subjects, mut tables) = (Vec::new(), HashMap::new());
    for name in schema::ordinary_tables(connection)? {
        if own.iter().any(|it| same_name(it, &name)) {
            continue;
        }
        let table = Table::read(connection, &name)?;
        subjects.push(Subject::new(
            (&table).into(),
            schema::primary_key(connection, &name)?,
            schema::unique_keys(connection, &name)?,
        ));
        tables.insert(table.name.clone(), table);
    }
    let rows = OfConnection {
        connection,
        tables,
        obstacles: RefCell::default(),
    };
    let catalog = Catalog::new(subjects, foreign_key::declared_keys(connection)?);
    Ok((rows, catalog.with_lost(lost(connection)?)))
}

/// The declared keys whose parent is nothing that the schema has.
fn lost(connection: &Connection) -> Result<Vec<NamedKey>> {
    let mut lost = Vec::new();
    for key in foreign_key::declared(connection)? {
        if schema::kind_of(connection, &key.key.parent)?.is_none() {
            lost.push(key);
        }
    }
    Ok(lost)
}

/// What `key`, whose parent table is gone, was to be, as far as the names of tables tell.
pub fn meant(connection: &Connection, key: &ForeignKey) -> Result<Option<ForeignKey>> {
    let (rows, catalog) = read(connection)?;
    let found = discover::lost::meant(&rows, &catalog, key)?;
    Ok(found.map(|found| found.key))
}

impl From<&Table> for table::Table {
    fn from(table: &Table) -> Self {
        let columns = table.columns.iter().map(|it| table::Column {
            name: it.name.clone(),
            affinity: match it.affinity {
                Affinity::Text => table::Affinity::Text,
                Affinity::Numeric => table::Affinity::Numeric,
                Affinity::Blob => table::Affinity::Blob,
            },
            declared_type: it.declared_type.clone(),
            not_null: it.not_null,
            is_no_key: it.generated,
        });
        table::Table {
            name: table.name.clone(),
            bare: table.name.clone(),
            columns: columns.collect(),
        }
    }
}

/// A table and columns of it.
type Place = (String, Vec<String>);

/// The rows that a connection sees.
struct OfConnection<'c> {
    connection: &'c Connection,
    tables: HashMap<String, Table>,
    /// What is known of parent keys already.
    obstacles: RefCell<HashMap<Place, Option<String>>>,
}

impl OfConnection<'_> {
    fn table(&self, name: &str) -> Result<&Table> {
        let table = self.tables.get(name);
        table.ok_or_else(|| anyhow!("there is no table {name}"))
    }
}

impl Rows for OfConnection<'_> {
    fn look(
        &self,
        child: &Subject,
        parent: &Subject,
        key: &ForeignKey,
        to: &ParentKey,
    ) -> Result<Look> {
        let (child, parent) = (
            self.table(&child.table.name)?,
            self.table(&parent.table.name)?,
        );
        values::look(self.connection, child, parent, key, to)
    }

    fn some(
        &self,
        subject: &Subject,
        rows: i64,
        each: &mut dyn FnMut(usize, Seen<'_>),
    ) -> Result<bool> {
        let table = self.table(&subject.table.name)?;
        Ok(unless_lacking(some(self.connection, table, rows, each))?.is_some())
    }

    fn values(
        &self,
        subject: &Subject,
        column: &str,
        most: usize,
        each: &mut dyn FnMut(Seen<'_>),
    ) -> Result<bool> {
        let table = self.table(&subject.table.name)?;
        let query = format!(
            "SELECT {0} FROM {1} LIMIT {most}",
            quote(column),
            table.source("t")
        );
        let seen = self.connection.prepare(&query).and_then(|mut statement| {
            let mut rows = statement.query([])?;
            while let Some(row) = rows.next()? {
                each(row.get_ref(0)?.into());
            }
            Ok(())
        });
        Ok(unless_lacking(seen.map_err(Into::into))?.is_some())
    }

    fn texts(&self, subject: &Subject, column: &table::Column) -> Result<Option<Vec<String>>> {
        let query = format!(
            "SELECT DISTINCT {0} FROM (SELECT {0} FROM {1} LIMIT 10000) WHERE typeof({0}) = 'text' LIMIT 50",
            quote(&column.name),
            self.table(&subject.table.name)?.source("t")
        );
        let Ok(mut statement) = self.connection.prepare(&query) else {
            return Ok(None);
        };
        let texts = statement.query_map([], |row| row.get::<_, String>(0))?;
        Ok(Some(texts.filter_map(Result::ok).collect()))
    }

    fn obstacle(&self, key: &ForeignKey) -> Result<Option<String>> {
        let place = (key.parent.clone(), key.parent_columns.clone());
        if let Some(known) = self.obstacles.borrow().get(&place) {
            return Ok(known.clone());
        }
        let obstacle = obstacle(self.table(&key.parent)?, &key.parent_columns);
        self.obstacles.borrow_mut().insert(place, obstacle.clone());
        Ok(obstacle)
    }
}

impl<'v> From<ValueRef<'v>> for Seen<'v> {
    fn from(value: ValueRef<'v>) -> Self {
        match value {
            ValueRef::Null => Seen::Null,
            ValueRef::Integer(number) => Seen::Integer(number),
            ValueRef::Real(number) => Seen::Real(number),
            ValueRef::Text(text) => Seen::Text(text),
            ValueRef::Blob(bytes) => Seen::Bytes(bytes),
        }
    }
}

fn some(
    connection: &Connection,
    table: &Table,
    rows: i64,
    each: &mut dyn FnMut(usize, Seen<'_>),
) -> Result<()> {
    let wanted = table.columns.iter().enumerate();
    let wanted: Vec<_> = wanted.filter(|(_, column)| !column.generated).collect();
    let names = wanted.iter().map(|(_, column)| column.name.as_str());
    let names: Vec<&str> = names.collect();
    // A long text is no key, and is not read.
    let list: Vec<String> = names
        .iter()
        .map(|name| {
            format!(
                "CASE WHEN octet_length({0}) <= 800 THEN {0} END",
                quote(name)
            )
        })
        .collect();
    let (source, _) = values::rows_of(connection, table, &names, rows)?;
    let mut statement = connection.prepare(&format!("SELECT {} FROM {source}", list.join(", ")))?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        for (at, (place, _)) in wanted.iter().enumerate() {
            each(*place, row.get_ref(at)?.into());
        }
    }
    Ok(())
}

/// Why SQLite could not take `columns` as a parent key, if it could not.
fn obstacle(table: &Table, columns: &[String]) -> Option<String> {
    let to_itself = ForeignKey {
        child: table.name.clone(),
        columns: columns.to_vec(),
        parent: table.name.clone(),
        parent_columns: columns.to_vec(),
        on_delete: Action::NoAction,
        on_update: Action::NoAction,
    };
    match scratch::is_parent_key(table, &to_itself) {
        Ok(true) => None,
        Ok(false) => Some(format!(
            "{} ({}) is neither PRIMARY KEY nor UNIQUE",
            table.name,
            columns.join(", ")
        )),
        Err(error) => Some(errors::message(&error)),
    }
}
