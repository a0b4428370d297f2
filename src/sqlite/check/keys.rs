//! The keys: are those there that should be, once each, and are they sound?

use anyhow::Result;
use rusqlite::{Connection, OptionalExtension as _};

use super::expected::{Due, Expected};
use super::indexes;
use crate::model::finding::{Code, Finding};
use crate::sqlite::discover;
use crate::sqlite::file::errors;
use crate::sqlite::keys::parent_key::remedy;
use crate::sqlite::keys::unnamed;
use crate::sqlite::keys::{affinity_warning, collation_warning};
use crate::sqlite::schema::foreign_key::{self, ForeignKey, NamedKey};
use crate::sqlite::schema::scratch;
use crate::sqlite::schema::{self, Table};

/// A key that a migration asks for, as SQLite understands it.
#[derive(Clone, Debug)]
pub struct Wanted<'a> {
    /// Who asks for it.
    pub expected: &'a Expected,
    /// What it means.
    pub key: ForeignKey,
}

/// Has SQLite read the keys that are expected; those that it can't are findings.
pub fn resolve<'a>(
    connection: &Connection,
    expected: &'a [Expected],
) -> Result<(Vec<Wanted<'a>>, Vec<Finding>)> {
    let mut wanted: Vec<Wanted<'a>> = Vec::new();
    let mut findings: Vec<Finding> = Vec::new();
    for expected in expected {
        let name = &expected.request.table;
        if expected.dropped && kind_of(connection, name)?.is_none() {
            continue;
        }
        match resolve_one(connection, expected)? {
            Ok(key) if wanted.iter().any(|it| it.key.same_definition(&key)) => {}
            Ok(key) => wanted.push(Wanted { expected, key }),
            Err(finding) if findings.contains(&finding) => {}
            Err(finding) => findings.push(finding),
        }
    }
    Ok((wanted, findings))
}

fn resolve_one(
    connection: &Connection,
    expected: &Expected,
) -> Result<Result<ForeignKey, Finding>> {
    let Expected {
        migration, request, ..
    } = expected;
    let name = &request.table;
    match kind_of(connection, name)?.as_deref() {
        Some("table") => {}
        None => {
            let message = format!("there is no table {name}, to which {migration} adds keys");
            return Ok(Err(Finding::of_table(Code::TableMissing, name, message)
                .hint("check that this is the right database")));
        }
        Some(kind) => {
            let message = format!("{name} is a {kind}, and {migration} adds keys to a table");
            return Ok(Err(Finding::of_table(Code::TableMissing, name, message)
                .hint("name the table that holds the rows in the migration")));
        }
    }
    let child = Table::read(connection, name)?;
    match scratch::read_constraint(&child, &request.constraint) {
        Ok(mut key) => {
            if key.parent_columns.is_empty() {
                key.parent_columns = schema::primary_key(connection, &key.parent)?;
            }
            Ok(Ok(key))
        }
        Err(error) => {
            let hint = errors::hint_for(&error).unwrap_or_default();
            let finding =
                Finding::of_table(Code::KeyImpossible, &child.name, errors::message(&error));
            Ok(Err(finding.hint(hint)))
        }
    }
}

/// `table`, `view`, `virtual` or `shadow`; none where the schema has no such name.
fn kind_of(connection: &Connection, name: &str) -> Result<Option<String>> {
    let query = "SELECT type FROM pragma_table_list WHERE arg = ?1 AND schema = 'main'";
    Ok(connection
        .query_row(query, [name], |row| row.get(0))
        .optional()?)
}

/// Holds the `wanted` keys against those that are `declared`.
pub fn presence(declared: &[&ForeignKey], wanted: &[Wanted<'_>]) -> Vec<Finding> {
    let mut findings: Vec<_> = wanted
        .iter()
        .flat_map(|wanted| presence_of(declared, wanted))
        .collect();
    for key in foreign_key::distinct(declared.iter().copied()) {
        let times = declared.iter().filter(|it| it.same_definition(key)).count();
        if times > 1 {
            findings.push(twice(key, times));
        }
    }
    findings
}

fn presence_of(declared: &[&ForeignKey], wanted: &Wanted<'_>) -> Vec<Finding> {
    let Wanted { expected, key } = wanted;
    let migration = &expected.migration;
    let on_same_columns = declared.iter().filter(|it| it.same_columns(key));
    let (same, others): (Vec<_>, Vec<_>) = on_same_columns.partition(|it| it.same_definition(key));
    if same.is_empty() && others.is_empty() && expected.due != Due::Pending {
        let message = format!("{} has no key {key}, for which {migration} asks", key.child);
        return vec![Finding::of_key(Code::KeyMissing, key, message).hint(add_hint(expected))];
    }
    let differs = |other: &&&ForeignKey| {
        let message = format!("the key is {other}, and {migration} asks for {key}");
        Finding::of_key(Code::KeyDiffers, key, message).hint(
            "drop the one that is wrong (ALTER TABLE … DROP CONSTRAINT, in SQLite from 3.53 on), or write a migration that says what is right",
        )
    };
    others.iter().map(differs).collect()
}

fn add_hint(expected: &Expected) -> String {
    if expected.due == Due::InDump {
        return "run fkfix up on the database that was dumped, and dump it again".to_owned();
    }
    format!(
        "another tool has rebuilt the table without it; to add it again: DELETE FROM {} WHERE version = {}, then fkfix up --allow-missing, which leaves alone what is there",
        crate::sqlite::apply::history::TABLE,
        expected.version
    )
}

fn twice(key: &ForeignKey, times: usize) -> Finding {
    let message = format!("{} declares {times} times {key}", key.child);
    Finding::of_key(Code::KeyTwice, key, message).hint(
        "a second tool has added it: take one of the two back, by the tool's own way or by ALTER TABLE … DROP CONSTRAINT (SQLite from 3.53 on)",
    )
}

/// Looks at what each key needs, and at what it costs.
pub fn soundness(connection: &Connection, keys: &[&ForeignKey]) -> Result<Vec<Finding>> {
    let mut findings = Vec::new();
    for key in foreign_key::distinct(keys.iter().copied()) {
        match ends(connection, key)? {
            Err(finding) => findings.push(finding),
            Ok((child, parent)) => {
                findings.extend(parent_key(connection, &parent, key)?);
                findings.extend(costs(&child, &parent, key));
                findings.extend(indexes::missing(connection, &child, key)?);
            }
        }
    }
    Ok(findings)
}

/// The child and the parent table of `key`, or why there is no such parent.
pub fn ends(connection: &Connection, key: &ForeignKey) -> Result<Result<(Table, Table), Finding>> {
    let missing = |message: String| {
        Ok(Err(Finding::of_key(Code::ParentMissing, key, message)
            .hint("with foreign_keys = ON, each write to the child fails: make the table or the column, or drop the key")))
    };
    match kind_of(connection, &key.parent)?.as_deref() {
        Some("table") => {}
        None => {
            let message = format!(
                "the key {key} has no parent: there is no table {}",
                key.parent
            );
            let hint = lost_hint(connection, key)?;
            let finding = Finding::of_key(Code::ParentMissing, key, message);
            return Ok(Err(finding.hint(hint)));
        }
        Some(kind) => {
            return missing(format!(
                "the key {key} has no parent: {} is a {kind}",
                key.parent
            ));
        }
    }
    let parent = Table::read(connection, &key.parent)?;
    if let Some(column) = key
        .parent_columns
        .iter()
        .find(|name| parent.column(name).is_none())
    {
        return missing(format!(
            "the key {key} has no parent: {} has no column {column}",
            parent.name
        ));
    }
    Ok(Ok((Table::read(connection, &key.child)?, parent)))
}

/// What to do about a key whose parent table is gone.
fn lost_hint(connection: &Connection, key: &ForeignKey) -> Result<String> {
    let named = foreign_key::declared(connection)?;
    let named = named.into_iter().find(|it| it.key.same_definition(key));
    let named = named.unwrap_or_else(|| NamedKey {
        constraint: None,
        key: key.clone(),
    });
    let drop = unnamed::drop_statement(&named);
    Ok(match discover::meant(connection, key)? {
        Some(meant) => format!(
            "with foreign_keys = ON, each write to the child fails; fkfix discover --write -d DATABASE writes the migration that has it refer to {}",
            meant.parent
        ),
        None => format!(
            "with foreign_keys = ON, each write to the child fails: make the table again, or drop the key by a migration with the line: {drop}"
        ),
    })
}

fn parent_key(
    connection: &Connection,
    parent: &Table,
    key: &ForeignKey,
) -> Result<Option<Finding>> {
    if scratch::has_parent_key(parent, key) {
        return Ok(None);
    }
    let columns = &key.parent_columns;
    let named = columns.join(", ");
    let (message, hint) = if columns.len() == key.columns.len() {
        (
            format!(
                "the key {key} needs a parent key, and {} ({named}) is neither PRIMARY KEY nor UNIQUE",
                parent.name
            ),
            remedy(connection, parent, columns, "")?,
        )
    } else {
        (
            format!(
                "the key {key} has {} columns, and the primary key of {} has {}",
                key.columns.len(),
                parent.name,
                columns.len()
            ),
            "name the parent's columns in REFERENCES, as many as the key has".to_owned(),
        )
    };
    Ok(Some(
        Finding::of_key(Code::ParentKeyNotUnique, key, message).hint(hint),
    ))
}

fn costs(child: &Table, parent: &Table, key: &ForeignKey) -> Vec<Finding> {
    let mut findings = Vec::new();
    for pair in key.pairs() {
        if let Some(message) = affinity_warning(child, parent, pair) {
            let finding = Finding::of_key(Code::AffinityDiffers, key, message);
            findings.push(finding.hint("give both columns the same type"));
        }
        if let Some(message) = collation_warning(child, parent, pair) {
            let finding = Finding::of_key(Code::CollationDiffers, key, message);
            findings.push(finding.hint("give both columns the same COLLATE"));
        }
    }
    findings
}
