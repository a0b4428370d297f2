//! What an administrator wants to know of the orphans before anything is done about them.

use anyhow::{Context as _, Result};
use rusqlite::{Connection, OptionalExtension as _};

use super::conditions;
use super::ddl::{quote, quote_list, same_name};
use super::driver;
use super::foreign_key::{self, ForeignKey};
use super::history::{self, State};
use super::keys::{self, NewKey, TableKeys};
use super::lists::Removal;
use super::orphans::{self, Found};
use super::row_counts::RowCounts;
use super::schema::{Column, RowKey, Table};
use super::script::AddForeignKey;
use super::value::Value;
use crate::migrations::Migrations;

/// How many dead parents are shown for each key.
const MOST_FREQUENT: usize = 5;

/// The orphans of a database.
#[derive(Debug)]
pub struct Survey {
    /// Every key that was looked at.
    pub keys: Vec<SurveyedKey>,
    /// The rows, by table.
    pub found: Found,
    /// Declared keys that could not be looked at, and why.
    pub unusable: Vec<(ForeignKey, String)>,
}

/// A key and the rows that break it.
#[derive(Debug)]
pub struct SurveyedKey {
    /// The key.
    pub new: NewKey,
    /// A migration asks for it; otherwise the database declares it.
    pub pending: bool,
    /// How many rows break it.
    pub rows: i64,
    /// How many distinct parents they refer to.
    pub dead_parents: i64,
    /// The dead parents that most rows refer to, with the number of rows.
    pub most_frequent: Vec<(Vec<Value>, i64)>,
    /// The oldest and the newest of the rows, where a column tells the time.
    pub span: Option<Span>,
}

/// From when to when.
#[derive(Debug)]
pub struct Span {
    /// The column that tells.
    pub column: String,
    /// The least value.
    pub oldest: Value,
    /// The greatest value.
    pub newest: Value,
}

/// Searches for the orphans of every key that the database declares or that `migrations` have
/// pending; of `only` this table where it is given.
pub fn survey(
    connection: &Connection,
    migrations: &Migrations,
    only: Option<&str>,
) -> Result<Survey> {
    let declared = foreign_key::declared_keys(connection)?;
    let mut targets = pending_keys(connection, migrations, &declared)?;
    let asked_for: Vec<_> = targets
        .iter()
        .flat_map(|keys| &keys.added)
        .cloned()
        .collect();
    let unusable = add_declared(connection, &declared, &mut targets)?;
    if let Some(only) = only {
        let only = Table::read(connection, only)?.name;
        targets.retain(|keys| same_name(&keys.table.name, &only));
    }
    let found = orphans::find(connection, &targets, &declared, &RowCounts::new(connection))?;
    let mut keys = Vec::new();
    for target in &targets {
        for new in &target.added {
            let pending = asked_for.iter().any(|it| it.key.same_definition(&new.key));
            let key = look_at(connection, &found, target, new, pending)
                .with_context(|| format!("could not look at the orphans of {}", new.label()))?;
            keys.push(key);
        }
    }
    Ok(Survey {
        keys,
        found,
        unusable,
    })
}

/// The keys that pending migrations ask for and the database lacks.
fn pending_keys(
    connection: &Connection,
    migrations: &Migrations,
    declared: &[ForeignKey],
) -> Result<Vec<TableKeys>> {
    let requests = pending_requests(connection, migrations)?;
    keys::resolve(connection, declared, &requests)
}

/// The keys that pending migrations ask for, in order.
pub fn pending_requests(
    connection: &Connection,
    migrations: &Migrations,
) -> Result<Vec<AddForeignKey>> {
    let applied = history::read(connection)?;
    let mut requests = Vec::new();
    for (_, migration, state) in history::states(migrations, &applied) {
        let (Some(migration), State::Pending) = (migration, state) else {
            continue;
        };
        requests.extend(driver::requests(migration)?);
    }
    Ok(requests)
}

/// Adds the declared keys to `targets`; those that can't be searched are given back.
fn add_declared(
    connection: &Connection,
    declared: &[ForeignKey],
    targets: &mut Vec<TableKeys>,
) -> Result<Vec<(ForeignKey, String)>> {
    let mut unusable = Vec::new();
    for key in foreign_key::distinct(declared) {
        if let Err(error) = Table::read(connection, &key.parent) {
            unusable.push((key.clone(), format!("{error:#}")));
            continue;
        }
        let table = Table::read(connection, &key.child)?;
        let new = NewKey {
            name: key.name_in(&table.sql)?,
            constraint: String::new(),
            key: key.clone(),
        };
        let of_table = |keys: &&mut TableKeys| same_name(&keys.table.name, &table.name);
        match targets.iter_mut().find(of_table) {
            Some(keys) => keys.added.push(new),
            None => targets.push(TableKeys {
                table,
                added: vec![new],
                adopted: Vec::new(),
            }),
        }
    }
    Ok(unusable)
}

fn look_at(
    connection: &Connection,
    found: &Found,
    target: &TableKeys,
    new: &NewKey,
    pending: bool,
) -> Result<SurveyedKey> {
    let label = new.label();
    let listed = found.removal(&target.table.name).and_then(|removal| {
        let mut reasons = removal.reasons.iter();
        Some((removal, reasons.find(|reason| reason.key == label)?))
    });
    let mut key = SurveyedKey {
        new: new.clone(),
        pending,
        rows: 0,
        dead_parents: 0,
        most_frequent: Vec::new(),
        span: None,
    };
    let Some((removal, reason)) = listed else {
        return Ok(key);
    };
    let child = &target.table;
    let parent = Table::read(connection, &new.key.parent)?;
    let orphaned = conditions::orphaned(&parent, &new.key);
    // Over an index, without a look at the rows; or else by the list of them.
    let orphans = if let Some(dead_keys) = found.dead_keys(&new.key) {
        format!("FROM {} WHERE {}", child.source("w"), dead_keys.has_one())
    } else {
        let listed = conditions::from_listed("w", removal);
        let broken = match reason.mark {
            0 => orphaned.clone(),
            mark => format!("l.marks & {mark}"),
        };
        format!("{listed} AND l.round = 0 AND {broken}")
    };
    key.count(connection, &orphans)?;
    if let Some(column) = time_column(child) {
        let many = key.rows > removal.of / MANY;
        key.span = if many && child.index_leads.iter().any(|lead| lead == column) {
            span_by_index(connection, child, column, &orphaned)?
        } else {
            span(connection, column, &orphans)?
        };
    }
    Ok(key)
}

/// With more orphans than this part of the rows, one is soon met from either end of an index.
const MANY: i64 = 20;

impl SurveyedKey {
    /// Counts `orphans`, which is FROM and WHERE of them, by the parent that they lack.
    fn count(&mut self, connection: &Connection, orphans: &str) -> Result<()> {
        let columns = quote_list("w.", self.new.key.columns.iter().map(String::as_str));
        let width = self.new.key.columns.len();
        let mut groups = connection.prepare(&format!(
            "SELECT count(*), {columns} {orphans} GROUP BY {columns} ORDER BY {columns}"
        ))?;
        let mut groups = groups.query([])?;
        while let Some(group) = groups.next()? {
            let rows: i64 = group.get(0)?;
            self.rows += rows;
            self.dead_parents += 1;
            let frequent = &mut self.most_frequent;
            let place = frequent.partition_point(|(_, more)| *more >= rows);
            if place < MOST_FREQUENT {
                let values = (1..=width).map(|at| group.get_ref(at).map(Value::from));
                frequent.insert(place, (values.collect::<rusqlite::Result<_>>()?, rows));
                frequent.truncate(MOST_FREQUENT);
            }
        }
        Ok(())
    }
}

fn span(connection: &Connection, column: &str, orphans: &str) -> Result<Option<Span>> {
    let name = quote(column);
    let query = format!("SELECT min(w.{name}), max(w.{name}) {orphans}");
    let span = connection.query_row(&query, [], |row| {
        Ok(Span {
            column: column.to_owned(),
            oldest: row.get_ref(0)?.into(),
            newest: row.get_ref(1)?.into(),
        })
    })?;
    Ok(Some(span))
}

/// Goes along the index of `column` from either end until it meets an orphan.
fn span_by_index(
    connection: &Connection,
    table: &Table,
    column: &str,
    orphaned: &str,
) -> Result<Option<Span>> {
    let (table, name) = (table.source("w"), quote(column));
    let end = |order: &str| {
        let query = format!(
            "SELECT w.{name} FROM {table} WHERE w.{name} IS NOT NULL AND {orphaned} ORDER BY w.{name} {order} LIMIT 1"
        );
        let value = connection.query_row(&query, [], |row| row.get_ref(0).map(Value::from));
        value.optional()
    };
    Ok(end("ASC")?.zip(end("DESC")?).map(|(oldest, newest)| Span {
        column: column.to_owned(),
        oldest,
        newest,
    }))
}

/// The column that evidently tells when a row was made: a date by type, best by name too.
fn time_column(table: &Table) -> Option<&str> {
    let is_time = |column: &&Column| {
        let declared = column.declared_type.to_ascii_uppercase();
        let name = column.name.to_ascii_lowercase();
        declared.contains("DATE")
            || declared.contains("TIME")
            || name.ends_with("_at")
            || ["created", "timestamp", "date", "time"].contains(&name.as_str())
    };
    let mut times: Vec<_> = table.columns.iter().filter(is_time).collect();
    times.sort_by_key(|column| !column.name.to_ascii_lowercase().starts_with("creat"));
    times.first().map(|column| column.name.as_str())
}

/// Hands the orphans of one table to `each`, whole: the rowid where there is one, the keys
/// they break, and every column. At most `limit` of them.
pub fn each_orphan(
    connection: &Connection,
    removal: &Removal,
    limit: Option<usize>,
    mut each: impl FnMut(Vec<Value>) -> Result<()>,
) -> Result<()> {
    let table = &removal.table;
    let rowid = match &table.row_key {
        RowKey::Alias(name) => format!("w.{}", quote(name)),
        RowKey::Implicit(name) => format!("w.{name}"),
        RowKey::PrimaryKey(_) | RowKey::Hidden => "NULL".to_owned(),
    };
    let columns = quote_list(
        "w.",
        table.columns.iter().map(|column| column.name.as_str()),
    );
    let key: Vec<_> = (1..=table.row_key.columns().len())
        .map(|at| format!("l.k{at}"))
        .collect();
    let limit = limit.map_or(String::new(), |limit| format!(" LIMIT {limit}"));
    let mut statement = connection.prepare(&format!(
        "SELECT {rowid}, l.reasons, {columns} {} AND l.round = 0 ORDER BY {}{limit}",
        conditions::from_listed("w", removal),
        key.join(", ")
    ))?;
    let width = statement.column_count();
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let values = (0..width)
            .map(|at| row.get_ref(at).map(Value::from))
            .collect::<rusqlite::Result<_>>()?;
        each(values)?;
    }
    Ok(())
}
