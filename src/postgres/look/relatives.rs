//! The parents that a row refers to, and the children that refer to it.

use std::rc::Rc;

use anyhow::Result;
use postgres::Transaction;
use postgres::types::Type;

use crate::model::key::NamedKey;
use crate::model::relatives::{Children, Parent, Reference, Row};
use crate::model::value::Value;
use crate::postgres::catalog::{self, Table, quoted};
use crate::postgres::keys::{self, Key};
use crate::postgres::leave::preflight;
use crate::postgres::look::row;
use crate::postgres::schema::Schema;
use crate::postgres::schema::rows::{self, RowId, source};

/// The table of a row, and those that it is a partition of: their keys are the row's too.
pub fn with_roots(schema: &Schema, table: &Rc<Table>) -> Vec<Rc<Table>> {
    let mut tables = vec![Rc::clone(table)];
    while let Some(last) = tables.last().filter(|it| it.is_partition) {
        let root = last.inherits.first().and_then(|it| schema.get(it));
        match root {
            Some(root) if !tables.iter().any(|it| it.oid == root.oid) => {
                tables.push(Rc::clone(root));
            }
            _ => break,
        }
    }
    tables
}

/// Where each key of the row leads that lies at `place` of the first of `tables`.
pub fn references(
    transaction: &mut Transaction,
    schema: &Schema,
    tables: &[Rc<Table>],
    place: &RowId,
    row: &Row,
) -> Result<Vec<Reference>> {
    let Some(table) = tables.first() else {
        return Ok(Vec::new());
    };
    let mut own: Vec<_> = tables
        .iter()
        .flat_map(|it| it.foreign_keys.iter().map(move |key| (it, key)))
        .filter(|(_, key)| !key.is_inherited)
        .collect();
    own.sort_by_key(|(_, key)| {
        let columns = table.columns.iter().map(|it| &it.name);
        columns
            .clone()
            .position(|it| key.columns.first() == Some(it))
    });
    let mut references = Vec::new();
    for (child, key) in own {
        let value = |name: &String| row.value(name).cloned().unwrap_or(Value::Null);
        let values: Vec<_> = key.columns.iter().map(value).collect();
        let parent = match keys::declared(transaction, schema, child, key)? {
            _ if key.is_temporal => {
                Parent::Unusable("keys with PERIOD are not supported".to_owned())
            }
            Some(declared) => parent_of(transaction, &declared, table, place, &values)?,
            None => Parent::Unusable("the columns can't be compared".to_owned()),
        };
        references.push(Reference {
            named: NamedKey {
                constraint: Some(key.name.clone()),
                key: keys::told(schema, child, key),
            },
            values,
            parent,
        });
    }
    Ok(references)
}

fn parent_of(
    transaction: &mut Transaction,
    key: &Key,
    table: &Table,
    place: &RowId,
    values: &[Value],
) -> Result<Parent> {
    let (nulls, all) = (
        values.iter().filter(|it| **it == Value::Null).count(),
        values.len(),
    );
    let refers_to_nothing = match key.key.matches {
        catalog::Match::Simple => nulls > 0,
        catalog::Match::Full => nulls == all,
    };
    if refers_to_nothing {
        return Ok(Parent::None);
    }
    preflight::table_must_be_seen(transaction, &key.parent, &key.parent_shown)?;
    let from = format!(
        "{} AS w JOIN {} AS c ON {} WHERE {} LIMIT 1",
        source(&key.parent),
        source(table),
        key.joined("c", "w"),
        rows::is(table, "c", place)
    );
    let found = row::places(transaction, &key.parent, &from)?;
    Ok(found
        .into_iter()
        .next()
        .map_or(Parent::Missing, |(_, row)| Parent::Row(row)))
}

/// The rows that refer to the row at `place` of the first of `tables`, by key; at most `limit` of
/// each whole, in the order of their own key.
pub fn children(
    transaction: &mut Transaction,
    schema: &Schema,
    tables: &[Rc<Table>],
    place: &RowId,
    limit: usize,
) -> Result<Vec<Children>> {
    let Some(table) = tables.first() else {
        return Ok(Vec::new());
    };
    let mut children = Vec::new();
    for child in &schema.tables {
        for key in &child.foreign_keys {
            let leads_here = tables.iter().any(|it| it.name == key.parent);
            if !leads_here || key.is_inherited || key.is_temporal {
                continue;
            }
            let Some(key) = keys::declared(transaction, schema, child, key)? else {
                continue;
            };
            preflight::table_must_be_seen(transaction, child, &key.child_shown)?;
            let condition = format!(
                "{} AND EXISTS (SELECT FROM {} AS p WHERE {} AND {})",
                key.refers("w"),
                source(table),
                rows::is(table, "p", place),
                key.joined("w", "p")
            );
            let from = format!("{} AS w WHERE {condition}", source(child));
            let total = rows::count(
                transaction,
                &format!("SELECT count(*) FROM {from}"),
                &[] as &[(&(dyn postgres::types::ToSql + Sync), Type)],
            )?;
            let primary = child.indexes.iter().find(|it| it.is_primary);
            let order = primary
                .into_iter()
                .flat_map(|it| it.columns.iter().flatten());
            let mut order: Vec<_> = order.map(|it| format!("w.{}", quoted(it))).collect();
            order.push("w.ctid".to_owned());
            let from = format!("{from} ORDER BY {} LIMIT {limit}", order.join(", "));
            let found = row::places(transaction, child, &from)?;
            children.push(Children {
                named: key.named(),
                total,
                rows: found.into_iter().map(|(_, row)| row).collect(),
            });
        }
    }
    Ok(children)
}
