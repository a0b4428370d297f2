//! The keys that a migration asks for, held against those the database has: which must be
//! added, which are there already, and which can't be.

use anyhow::{Context as _, Result};
use rusqlite::Connection;

use super::unnamed;
use crate::failure::Failure;
use crate::sqlite::keys::parent_key;
use crate::sqlite::schema::foreign_key::{ForeignKey, NamedKey};
use crate::sqlite::schema::index;
use crate::sqlite::schema::scratch;
use crate::sqlite::schema::{self, Table};
use crate::sqlite::text::constraints;
use crate::sqlite::text::ddl::same_name;
use crate::sqlite::text::statement::AddForeignKey;

/// A foreign key that a migration asks for.
#[derive(Clone, Debug)]
pub struct NewKey {
    /// The constraint's name, if the migration gives it one.
    pub name: Option<String>,
    /// The table constraint in one line.
    pub constraint: String,
    /// What it means.
    pub key: ForeignKey,
    /// The key that is there already and says the same, if one does.
    pub there: Option<NamedKey>,
}

impl NewKey {
    /// The key as it is called in the schema, now or once it is added.
    #[must_use]
    pub fn named(&self) -> NamedKey {
        self.there.clone().unwrap_or_else(|| NamedKey {
            constraint: self.name.clone(),
            key: self.key.clone(),
        })
    }

    /// A key that is there already, and that no migration asks for.
    #[must_use]
    pub fn declared(there: &NamedKey) -> Self {
        NewKey {
            name: there.constraint.clone(),
            constraint: String::new(),
            key: there.key.clone(),
            there: Some(there.clone()),
        }
    }
}

/// The keys of one child table.
#[derive(Clone, Debug)]
pub struct TableKeys {
    /// The child table as found.
    pub table: Table,
    /// Keys that it lacks.
    pub added: Vec<NewKey>,
    /// Keys that are asked for and that it has already, under whatever name.
    pub adopted: Vec<NewKey>,
    /// Keys that it has and nobody asks for: the rows that break them are counted, and stay.
    pub watched: Vec<NewKey>,
}

impl TableKeys {
    /// No key of `table`.
    #[must_use]
    pub fn none_of(table: Table) -> Self {
        TableKeys {
            table,
            added: Vec::new(),
            adopted: Vec::new(),
            watched: Vec::new(),
        }
    }

    /// The keys that are asked for, each once, however often it is: no row may break them.
    pub fn asked_for(&self) -> impl Iterator<Item = &NewKey> {
        let adopted = self.adopted.iter().enumerate();
        let adopted = adopted.filter(|(place, new)| {
            let before = self.adopted.iter().take(*place);
            let mut before = self.added.iter().chain(before);
            !before.any(|it| it.key.same_definition(&new.key))
        });
        self.added.iter().chain(adopted.map(|(_, new)| new))
    }

    /// All keys whose orphans are looked for, in the order in which a search numbers them.
    pub fn searched(&self) -> impl Iterator<Item = &NewKey> {
        self.asked_for().chain(&self.watched)
    }
}

/// Resolves `requests` against the database, by child table in the order of the script.
pub fn resolve(
    connection: &Connection,
    declared: &[NamedKey],
    requests: &[AddForeignKey],
) -> Result<Vec<TableKeys>> {
    let mut tables: Vec<TableKeys> = Vec::new();
    for request in requests {
        must_be_the_users(&request.table)?;
        let seen = |keys: &TableKeys| same_name(&keys.table.name, &request.table);
        if !tables.iter().any(seen) {
            let table = Table::read(connection, &request.table)?;
            tables.push(TableKeys::none_of(table));
        }
    }
    for keys in &mut tables {
        let name = keys.table.name.clone();
        for request in requests.iter().filter(|it| same_name(&it.table, &name)) {
            let label = request.name.as_deref().unwrap_or("a foreign key");
            resolve_one(connection, declared, keys, request)
                .with_context(|| format!("could not add {label} to {name}"))?;
        }
    }
    Ok(tables)
}

/// Tables that belong to what hosts or copies the database, and what that is.
const OTHERS: [(&str, &str); 3] = [
    ("_litestream_", "Litestream"),
    ("_cf_", "Cloudflare D1"),
    ("libsql_", "libSQL"),
];

/// Fails where `table` is not the user's: its owner makes, changes and empties it as it likes.
fn must_be_the_users(table: &str) -> Result<(), Failure> {
    let lower = table.to_ascii_lowercase();
    match OTHERS.iter().find(|(prefix, _)| lower.starts_with(prefix)) {
        None => Ok(()),
        Some((_, owner)) => Err(Failure::impossible(format!(
            "{table} is a table of {owner}, and no key of the application's belongs there"
        ))
        .hint("take the key out of the migration")),
    }
}

fn resolve_one(
    connection: &Connection,
    declared: &[NamedKey],
    keys: &mut TableKeys,
    request: &AddForeignKey,
) -> Result<()> {
    let mut key = scratch::read_constraint(&keys.table, &request.constraint)?;
    must_be_the_users(&key.parent)?;
    let parent = Table::read(connection, &key.parent)
        .with_context(|| format!("its parent table {} can't be used", key.parent))?;
    if key.parent_columns.is_empty() {
        key.parent_columns = schema::primary_key(connection, &parent.name)?;
    }
    let mut new = NewKey {
        name: request.name.clone(),
        constraint: request.constraint.clone(),
        key,
        there: None,
    };
    let asked_before = keys.added.iter().map(NewKey::named);
    let mut existing: Vec<_> = declared
        .iter()
        .cloned()
        .chain(asked_before)
        .filter(|existing| existing.key.same_columns(&new.key))
        .collect();
    if let Some(other) = existing
        .iter()
        .find(|existing| !existing.key.same_definition(&new.key))
    {
        return Err(different_key(other, &new).into());
    }
    if existing.is_empty() {
        check_name(&keys.table, keys.added.iter(), &new)?;
        check_parent_key(connection, &parent, &new)?;
        check_collations(connection, &keys.table, &parent, &new.key)?;
        keys.added.push(new);
    } else {
        new.there = Some(existing.swap_remove(0));
        check_parent_key(connection, &parent, &new)?;
        check_collations(connection, &keys.table, &parent, &new.key)?;
        keys.adopted.push(new);
    }
    Ok(())
}

fn different_key(other: &NamedKey, wanted: &NewKey) -> Failure {
    let existing = &other.key;
    Failure::impossible(format!(
        "{} has another key on the same columns",
        existing.child
    ))
    .detail(format!("there is   {existing}"))
    .detail(format!("wanted is  {}", wanted.key))
    .hint(format!(
        "drop the one that is wrong, or change the migration so that both agree; this line before it drops the one that is there: {}",
        unnamed::drop_statement(other)
    ))
}

/// A second constraint of the same name could not be told from the first by DROP CONSTRAINT.
fn check_name<'a>(
    table: &Table,
    added: impl Iterator<Item = &'a NewKey>,
    new: &NewKey,
) -> Result<()> {
    let Some(name) = &new.name else { return Ok(()) };
    let mut taken = constraints::constraint_names(&table.sql)?;
    taken.extend(added.filter_map(|key| key.name.clone()));
    if taken.iter().any(|other| same_name(other, name)) {
        return Err(Failure::impossible(format!(
            "{} has another constraint called {name}",
            table.name
        ))
        .hint("give the new key a name of its own in the migration and its down script")
        .into());
    }
    Ok(())
}

fn check_parent_key(connection: &Connection, parent: &Table, new: &NewKey) -> Result<()> {
    let key = &new.key;
    let columns = key.parent_columns.join(", ");
    if let Some(missing) = key
        .parent_columns
        .iter()
        .find(|name| parent.column(name).is_none())
    {
        return Err(
            Failure::impossible(format!("{} has no column {missing}", parent.name))
                .hint("name the parent's key column in REFERENCES")
                .into(),
        );
    }
    if key.parent_columns.len() != key.columns.len() {
        return Err(Failure::impossible(format!(
            "the key has {} columns and its parent key {} ({columns}) has {}",
            key.columns.len(),
            parent.name,
            key.parent_columns.len()
        ))
        .hint("name the parent's columns in REFERENCES, as many as the key has")
        .into());
    }
    // What is there already is left, unless it is sure that it can't work.
    let is_parent_key = match new.there {
        None => scratch::is_parent_key(parent, key)?,
        Some(_) => scratch::has_parent_key(parent, key),
    };
    if !is_parent_key {
        return Err(Failure::impossible(format!(
            "{} ({columns}) is neither PRIMARY KEY nor UNIQUE",
            parent.name
        ))
        .hint(parent_key::remedy(
            connection,
            parent,
            &key.parent_columns,
            "first run: ",
        )?)
        .into());
    }
    Ok(())
}

/// Keys can't be held against each other where it takes a collation of the application's own.
fn check_collations(
    connection: &Connection,
    child: &Table,
    parent: &Table,
    key: &ForeignKey,
) -> Result<()> {
    let own = key.columns.iter().map(|name| (child, name));
    let parents = key.parent_columns.iter().map(|name| (parent, name));
    for (table, name) in own.chain(parents) {
        let Some(column) = table.column(name) else {
            continue;
        };
        if !index::knows_collation(connection, &column.collation) {
            return Err(Failure::impossible(format!(
                "{}.{name} is compared by the collation {}, which fkfix does not have",
                table.name, column.collation
            ))
            .hint("a key needs columns whose collation SQLite itself has: BINARY, NOCASE or RTRIM")
            .into());
        }
    }
    Ok(())
}

/// Warnings about a key that SQLite accepts and that will cost something.
#[must_use]
pub fn warnings(child: &Table, parent: &Table, key: &ForeignKey) -> Vec<String> {
    let pairs = key.pairs();
    pairs
        .flat_map(|pair| {
            let affinity = affinity_warning(child, parent, pair);
            affinity
                .into_iter()
                .chain(collation_warning(child, parent, pair))
        })
        .collect()
}

/// What it costs that the columns of `pair`, child's and parent's, differ in affinity.
#[must_use]
pub fn affinity_warning(child: &Table, parent: &Table, pair: (&str, &str)) -> Option<String> {
    let (column, parent_column) = pair;
    let (left, right) = (child.column(column)?, parent.column(parent_column)?);
    (left.affinity != right.affinity).then(|| {
        format!(
            "{}.{column} has affinity {} and {}.{parent_column} {}: an index on {column} can't serve this key, so each delete of a parent scans {}",
            child.name, left.affinity, parent.name, right.affinity, child.name
        )
    })
}

/// What it costs that the columns of `pair`, child's and parent's, differ in collation.
#[must_use]
pub fn collation_warning(child: &Table, parent: &Table, pair: (&str, &str)) -> Option<String> {
    let (column, parent_column) = pair;
    let (left, right) = (child.column(column)?, parent.column(parent_column)?);
    (!same_name(&left.collation, &right.collation)).then(|| {
        format!(
            "{}.{column} has collation {} and {}.{parent_column} {}: the key compares by {}, so an index on {column} can't serve it",
            child.name, left.collation, parent.name, right.collation, right.collation
        )
    })
}
