//! The keys that a database declares, and what is compared as if it were a key.

use std::rc::Rc;

use anyhow::Result;
use postgres::Transaction;

use super::{Key, action, spread};
use crate::model::key::{self as model};
use crate::postgres::catalog::{ForeignKey, Table};
use crate::postgres::schema::Schema;
use crate::postgres::schema::compare::pairs;

/// A key that the database declares.
pub fn declared(
    transaction: &mut Transaction,
    schema: &Schema,
    child: &Rc<Table>,
    key: &ForeignKey,
) -> Result<Option<Key>> {
    let Some(parent) = schema.get(&key.parent) else {
        return Ok(None);
    };
    if spread::is_beyond(child, parent) {
        return Ok(None);
    }
    let Ok(pairs) = pairs(transaction, child, parent, key)? else {
        return Ok(None);
    };
    Ok(Some(Key {
        child: Rc::clone(child),
        parent: Rc::clone(parent),
        key: key.clone(),
        pairs,
        there: Some(key.clone()),
        child_shown: schema.shown(&child.name),
        parent_shown: schema.shown(&parent.name),
    }))
}

/// What `key` of `child` says, for reports.
#[must_use]
pub fn told(schema: &Schema, child: &Table, key: &ForeignKey) -> model::ForeignKey {
    model::ForeignKey {
        child: schema.shown(&child.name),
        columns: key.columns.clone(),
        parent: schema.shown(&key.parent),
        parent_columns: key.parent_columns.clone(),
        on_delete: action(key.on_delete),
        on_update: action(key.on_update),
    }
}

/// A key that the database declares; or why its orphans can't be looked for.
pub fn usable(
    transaction: &mut Transaction,
    schema: &Schema,
    child: &Rc<Table>,
    key: &ForeignKey,
) -> Result<Result<Key, String>> {
    if key.is_temporal {
        return Ok(Err("keys with PERIOD are not supported".to_owned()));
    }
    let parent = schema.get(&key.parent);
    if parent.is_some_and(|parent| spread::is_beyond(child, parent)) {
        return Ok(Err(
            "Citus does not hold to a key of a local table to a distributed one".to_owned(),
        ));
    }
    if let Some(nameless) = spread::nameless(child, &schema.shown(&child.name)) {
        return Ok(Err(nameless.to_string()));
    }
    let found = declared(transaction, schema, child, key)?;
    Ok(found.ok_or_else(|| "its columns can't be compared".to_owned()))
}

/// The keys of `table` that hold: those by whose parents its rows may be kept out. Those of
/// `without`, which are named by the table and their name, are about to go.
pub fn holding(
    transaction: &mut Transaction,
    schema: &Schema,
    table: &Rc<Table>,
    without: &[(u32, String)],
) -> Result<Vec<Key>> {
    let mut keys = Vec::new();
    for key in &table.foreign_keys {
        let goes = without
            .iter()
            .any(|(oid, name)| *oid == table.oid && *name == key.name);
        if !goes && key.is_enforced && !key.is_temporal {
            keys.extend(declared(transaction, schema, table, key)?);
        }
    }
    Ok(keys)
}

/// How a row of `archive` finds the row of `table` that it was: by `columns`, as if they were a
/// key between the two. None where they can't be compared.
pub fn between(
    transaction: &mut Transaction,
    archive: &Rc<Table>,
    table: &Rc<Table>,
    columns: &[String],
) -> Result<Option<Key>> {
    let key = ForeignKey::to_compare(columns, &table.name, columns);
    let Ok(pairs) = pairs(transaction, archive, table, &key)? else {
        return Ok(None);
    };
    Ok(Some(Key {
        child: Rc::clone(archive),
        parent: Rc::clone(table),
        key,
        pairs,
        there: None,
        child_shown: String::new(),
        parent_shown: String::new(),
    }))
}
