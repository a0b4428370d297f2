//! The keys that a migration asks for, held against those that the database has.

use std::rc::Rc;

use anyhow::{Context as _, Result};
use postgres::Transaction;

use super::key::same_definition;
use super::refused::{check_name, check_tables, different, must_have_columns};
use super::{Key, same_columns, spread};
use crate::failure::Failure;
use crate::postgres::catalog::{self, ForeignKey, Name, Table, list, quoted};
use crate::postgres::schema::Schema;
use crate::postgres::schema::compare::pairs;
use crate::postgres::text::script::Request;

/// The keys that `requests` ask for, in order; what can't be is refused by name.
pub fn resolve(
    transaction: &mut Transaction,
    schema: &Schema,
    requests: &[Request],
) -> Result<Vec<Key>> {
    let mut keys: Vec<Key> = Vec::new();
    for request in requests {
        let label = request.constraint();
        let key = resolve_one(transaction, schema, request, &keys)
            .with_context(|| format!("could not add {label} to {}", request.table.shown()))?;
        keys.push(key);
    }
    Ok(keys)
}

/// The key that `request` asks for, by itself.
pub fn resolve_alone(
    transaction: &mut Transaction,
    schema: &Schema,
    request: &Request,
) -> Result<Key> {
    resolve_one(transaction, schema, request, &[])
}

fn resolve_one(
    transaction: &mut Transaction,
    schema: &Schema,
    request: &Request,
    before: &[Key],
) -> Result<Key> {
    let child = schema.table(&request.table)?;
    let parent = schema.table(&request.parent)?;
    let (child_shown, parent_shown) = (schema.shown(&child.name), schema.shown(&parent.name));
    let key = asked(request, parent, &parent_shown)?;
    must_have_columns(schema, child, parent, &key)?;
    let mut same: Vec<_> = child
        .foreign_keys
        .iter()
        .chain(
            before
                .iter()
                .filter(|it| it.child.oid == child.oid)
                .map(|it| &it.key),
        )
        .filter(|there| same_columns(there, &key))
        .collect();
    if let Some(other) = same.iter().find(|there| !same_definition(there, &key)) {
        return Err(different(&child_shown, other, &key).into());
    }
    // One that is valid already is the one that is meant, where there are several.
    same.sort_by_key(|there| !there.is_validated);
    let there = same.first().map(|there| (*there).clone());
    if let Some(there) = there.as_ref().filter(|there| !there.is_enforced) {
        return Err(Failure::impossible(format!(
            "{} has this key already as {}, which is NOT ENFORCED",
            child_shown, there.name
        ))
        .hint(format!(
            "ALTER TABLE {} ALTER CONSTRAINT {} ENFORCED, or drop it",
            child.name,
            quoted(&there.name)
        ))
        .into());
    }
    if there.is_none() {
        check_name(child, &child_shown, before, &key)?;
        check_tables(schema, child, parent, &child_shown, &parent_shown)?;
    }
    if let Some(obstacle) = spread::obstacle(child, parent, &key, (&child_shown, &parent_shown)) {
        return Err(obstacle.into());
    }
    let pairs = pairs(transaction, child, parent, &key)?;
    let pairs = pairs.map_err(|misfit| misfit.told(child, &child_shown, &parent_shown))?;
    let clash = pairs.iter().find(|it| it.collations_clash);
    if let Some(pair) = clash.filter(|_| there.is_none() && schema.version >= 180_000) {
        let collation = pair.collation.clone().unwrap_or_default();
        return Err(Failure::impossible(format!(
            "{child_shown}.{} and {parent_shown}.{} have different collations, and one of them takes several spellings for one value",
            pair.child, pair.parent
        ))
        .hint(format!(
            "PostgreSQL 18 allows no key between them; ALTER TABLE {} ALTER COLUMN {} TYPE text COLLATE {collation} makes them one",
            child.name,
            quoted(&pair.child)
        ))
        .into());
    }
    Ok(Key {
        child: Rc::clone(child),
        parent: Rc::clone(parent),
        key,
        pairs,
        there,
        child_shown,
        parent_shown,
    })
}

/// What `request` says, with the parent's columns filled in.
pub fn asked(request: &Request, parent: &Table, parent_shown: &str) -> Result<ForeignKey> {
    let mut parent_columns = request.parent_columns.clone();
    if parent_columns.is_empty() {
        let primary = parent.indexes.iter().find(|index| index.is_primary);
        let names = primary
            .into_iter()
            .flat_map(|it| it.columns.iter().flatten().cloned());
        parent_columns = names.collect();
        if parent_columns.is_empty() {
            return Err(Failure::impossible(format!(
                "the key names no columns of {parent_shown}, which has no primary key"
            ))
            .hint(format!("write REFERENCES {parent_shown} (<column>)"))
            .into());
        }
    }
    if parent_columns.len() != request.columns.len() {
        return Err(Failure::impossible(format!(
            "the key has {} columns, and names {} of {parent_shown}",
            request.columns.len(),
            parent_columns.len()
        ))
        .hint("name as many columns of the parent as of the child")
        .into());
    }
    let name = request.constraint();
    if name.len() > 63 {
        return Err(Failure::impossible(format!(
            "the name {name} has {} bytes, and PostgreSQL would cut it to 63",
            name.len()
        ))
        .hint("give the key a shorter name in the migration and its down script")
        .into());
    }
    let mut columns: Vec<_> = parent_columns.clone();
    columns.sort();
    let is_key = |index: &catalog::Index| {
        let mut names: Vec<_> = index.columns.iter().flatten().cloned().collect();
        names.sort();
        names == columns
    };
    let has_all = columns
        .iter()
        .all(|name| parent.columns.iter().any(|it| it.name == *name));
    if has_all && !parent.parent_keys().any(is_key) {
        return Err(Failure::impossible(format!(
            "{parent_shown} ({}) is neither PRIMARY KEY nor UNIQUE",
            parent_columns.join(", ")
        ))
        .hint(format!(
            "ALTER TABLE {} ADD UNIQUE ({}); a partial, an invalid or a deferrable one does not count",
            parent.name,
            list(&parent_columns)
        ))
        .into());
    }
    Ok(ForeignKey {
        name,
        ..of_request(request, &parent.name, &parent_columns)
    })
}

/// What `request` says of a key to `parent_columns` of `parent`; nobody has looked at rows yet.
#[must_use]
pub fn of_request(request: &Request, parent: &Name, parent_columns: &[String]) -> ForeignKey {
    ForeignKey {
        name: request.constraint(),
        on_delete: request.on_delete,
        on_delete_columns: request.on_delete_columns.clone(),
        on_update: request.on_update,
        matches: request.matches,
        is_deferrable: request.deferrable,
        is_deferred: request.deferred,
        ..ForeignKey::to_compare(&request.columns, parent, parent_columns)
    }
}
