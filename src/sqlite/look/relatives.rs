//! The parents that a row refers to, and the children that refer to it.

use anyhow::{Context as _, Result};
use rusqlite::Connection;

use crate::model::relatives::{Children, Parent, Reference, Row};
use crate::model::value::Value;
use crate::sqlite::keys::conditions;
use crate::sqlite::look::row;
use crate::sqlite::orphans::lists;
use crate::sqlite::orphans::lists::Removal;
use crate::sqlite::schema::Table;
use crate::sqlite::schema::foreign_key::{ForeignKey, NamedKey};
use crate::sqlite::text::ddl::{quote_list, same_name};

/// Where each key of `row` leads. The row stands in the first round of the list of `asked`.
pub fn references(
    connection: &Connection,
    asked: &Removal,
    row: &Row,
    declared: &[NamedKey],
) -> Result<Vec<Reference>> {
    let table = &asked.table;
    let own = declared
        .iter()
        .filter(|own| same_name(&own.key.child, &table.name));
    let mut own: Vec<_> = own.collect();
    // SQLite lists keys from the last to the first; people read them in the order of columns.
    own.sort_by_key(|own| {
        let first = own.key.columns.first();
        let mut columns = table.columns.iter();
        columns.position(|column| first.is_some_and(|name| same_name(name, &column.name)))
    });
    let reference = |named: &NamedKey| {
        let key = &named.key;
        let values = key.columns.iter().filter_map(|name| row.value(name));
        let values: Vec<_> = values.cloned().collect();
        Ok(Reference {
            parent: parent_of(connection, asked, key, &values)?,
            named: named.clone(),
            values,
        })
    };
    own.into_iter().map(reference).collect()
}

fn parent_of(
    connection: &Connection,
    asked: &Removal,
    key: &ForeignKey,
    values: &[Value],
) -> Result<Parent> {
    if values.contains(&Value::Null) {
        return Ok(Parent::None);
    }
    let parent = match Table::read(connection, &key.parent) {
        Ok(parent) => parent,
        Err(error) => {
            return Ok(Parent::Unusable(crate::sqlite::file::errors::message(
                &error,
            )));
        }
    };
    if let Some(reason) = mismatch(&parent, key) {
        return Ok(Parent::Unusable(reason));
    }
    let listed = lists::from_listed("w", asked);
    let found_by = |(from, has_key): (String, String)| {
        let from = format!("{listed} CROSS JOIN {from} ON {has_key} WHERE l.round = 0 LIMIT 1");
        row::read(connection, &parent, &from, "p")
    };
    let mut rows = found_by(conditions::parent_of(&parent, key, "w"))?;
    if let (true, Some(index)) = (rows.is_empty(), parent.key_index(&key.parent_columns)) {
        let by_row = (parent.scanned("p"), conditions::equals_parent(key));
        if !found_by(by_row)?.is_empty() {
            return Err(parent.damaged(index).into());
        }
    }
    Ok(rows.pop().map_or(Parent::Missing, Parent::Row))
}

/// The rows that refer to the row in the first round of the list of `asked`, by key; at most
/// `limit` of each whole, in the order of their own key.
pub fn children(
    connection: &Connection,
    asked: &Removal,
    declared: &[NamedKey],
    limit: usize,
) -> Result<Vec<Children>> {
    let parent = &asked.table;
    let parents = format!("{} AND l.round = 0", lists::from_listed("p", asked));
    let mut children = Vec::new();
    for named in declared {
        let key = &named.key;
        if !same_name(&key.parent, &parent.name) || mismatch(parent, key).is_some() {
            continue;
        }
        let child = Table::read(connection, &key.child)?;
        let from = format!(
            "FROM {} WHERE {}",
            child.scanned("w"),
            conditions::refers_to(&child, parent, key, &parents)
        );
        let total = connection
            .query_row(&format!("SELECT count(*) {from}"), [], |row| row.get(0))
            .with_context(|| format!("could not count the rows of {}", child.name))?;
        let order = match child.row_key.columns().as_slice() {
            [] => String::new(),
            columns => format!(" ORDER BY {}", quote_list("w.", columns.iter().copied())),
        };
        children.push(Children {
            rows: row::read(
                connection,
                &child,
                &format!("{from}{order} LIMIT {limit}"),
                "w",
            )?,
            named: named.clone(),
            total,
        });
    }
    Ok(children)
}

/// Why the columns of `key` can't be compared with those of `parent`, if they can't.
#[must_use]
pub fn mismatch(parent: &Table, key: &ForeignKey) -> Option<String> {
    if key.columns.len() != key.parent_columns.len() {
        return Some(format!(
            "the primary key of {} has not as many columns as the key",
            parent.name
        ));
    }
    let missing = |name: &&String| parent.column(name).is_none();
    let column = key.parent_columns.iter().find(missing)?;
    Some(format!("{} has no column {column}", parent.name))
}
