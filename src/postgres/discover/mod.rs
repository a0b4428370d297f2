//! `fkfix discover`: keys that were meant and never declared. What judges knows no engine; here is
//! what it asks of PostgreSQL.

mod draft;
mod values;

use std::cell::RefCell;
use std::collections::HashMap;
use std::path::Path;
use std::rc::Rc;

use anyhow::Result;
use postgres::Transaction;
use postgres::types::Type;

use crate::discover::catalog::{Catalog, Subject};
use crate::discover::table::{self, Affinity};
use crate::discover::{self, Candidate, Discovered};
use crate::migrations::Migrations;
use crate::migrations::draft::Wanted;
use crate::model::asked::Sought;
use crate::model::key::ForeignKey;
use crate::postgres::catalog::{self, Kind, Table};
use crate::postgres::database::Database;
use crate::postgres::keys;
use crate::postgres::leave::archive::is_own;
use crate::postgres::leave::preflight;
use crate::postgres::schema::Schema;
use crate::postgres::text::expected;
use crate::text;
use values::OfServer;

impl Database {
    /// Keys that were meant and never declared.
    pub fn discover(&mut self, sought: Sought<'_>) -> Result<Discovered> {
        self.look(|transaction, schema, _| {
            let (all, unseen) = candidates(transaction, schema)?;
            let (new, in_migrations) = without_asked_for(schema, sought.folder, all)?;
            let mut found = Discovered::of(new, in_migrations, sought, |keys| {
                let with_indexes = sought.with_indexes;
                draft::checked(transaction, schema, Wanted { keys, with_indexes })
            })?;
            if !unseen.is_empty() {
                found.warnings.push(format!(
                    "this role may not read all rows of {}: no key from or to them is looked for",
                    text::listing(&unseen)
                ));
            }
            Ok(found)
        })
    }
}

/// Every key that was perhaps meant and that the database does not declare, and the tables that the
/// role may not read whole; where it may read none of them that is an error.
pub fn candidates(
    transaction: &mut Transaction,
    schema: &Schema,
) -> Result<(Vec<Candidate>, Vec<String>)> {
    let mut subjects = Vec::new();
    let mut tables = HashMap::new();
    let mut unseen = Vec::new();
    for table in &schema.tables {
        let is_table = matches!(table.kind, Kind::Table | Kind::Partitioned);
        if !is_table || table.is_partition || is_own(schema, table) {
            continue;
        }
        if !may_see(transaction, table)? {
            unseen.push(table);
            continue;
        }
        let kinds = kinds(transaction, table)?;
        subjects.push(subject(schema, table, &kinds));
        tables.insert(schema.shown(&table.name), Rc::clone(table));
    }
    if let (Some(table), true) = (unseen.first(), tables.is_empty()) {
        preflight::table_must_be_seen(transaction, table, &schema.shown(&table.name))?;
    }
    let declared = declared(schema);
    let rows = OfServer {
        transaction: RefCell::new(transaction),
        schema,
        tables,
    };
    let unseen = unseen.iter().map(|it| schema.shown(&it.name)).collect();
    Ok((
        discover::candidates(&rows, &Catalog::new(subjects, declared))?,
        unseen,
    ))
}

/// Whether the role may read the table, whole.
fn may_see(transaction: &mut Transaction, table: &Table) -> Result<bool> {
    let row = transaction.query_typed_one(
        "SELECT has_table_privilege($1, 'SELECT') AND NOT row_security_active($1)",
        &[(&table.oid, Type::OID)],
    )?;
    Ok(row.try_get(0)?)
}

fn declared(schema: &Schema) -> Vec<ForeignKey> {
    let keys = schema.tables.iter().flat_map(|child| {
        let keys = child.foreign_keys.iter().filter(|key| !key.is_inherited);
        keys.map(|key| keys::told(schema, child, key))
    });
    keys.collect()
}

/// What a column's base type is: category, name, and whether its values can be equal.
struct ColumnKind {
    name: String,
    category: String,
    base: String,
    has_equality: bool,
}

fn kinds(transaction: &mut Transaction, table: &Table) -> Result<Vec<ColumnKind>> {
    let rows = transaction.query_typed(
        "WITH RECURSIVE based AS (
             SELECT a.attname::text AS name, a.atttypid AS oid FROM pg_attribute a
             WHERE a.attrelid = $1 AND a.attnum > 0 AND NOT a.attisdropped
             UNION ALL
             SELECT b.name, t.typbasetype FROM based b JOIN pg_type t ON t.oid = b.oid WHERE t.typtype = 'd')
         SELECT b.name, t.typcategory::text, t.typname::text,
                EXISTS (SELECT FROM pg_opclass o JOIN pg_am m ON m.oid = o.opcmethod
                        WHERE m.amname = 'btree' AND o.opcdefault AND (o.opcintype = t.oid
                              OR EXISTS (SELECT FROM pg_cast WHERE castsource = t.oid
                                         AND casttarget = o.opcintype AND castmethod = 'b')
                              OR (t.typtype = 'e' AND o.opcintype = 'anyenum'::regtype)))
         FROM based b JOIN pg_type t ON t.oid = b.oid WHERE t.typtype <> 'd'",
        &[(&table.oid, Type::OID)],
    )?;
    rows.iter()
        .map(|row| {
            Ok(ColumnKind {
                name: row.try_get(0)?,
                category: row.try_get(1)?,
                base: row.try_get(2)?,
                has_equality: row.try_get(3)?,
            })
        })
        .collect()
}

fn subject(schema: &Schema, table: &Table, kinds: &[ColumnKind]) -> Subject {
    let columns = table.columns.iter().map(|column| {
        let kind = kinds.iter().find(|it| it.name == column.name);
        let base = kind.map_or("", |it| it.base.as_str());
        table::Column {
            name: column.name.clone(),
            affinity: match kind.map(|it| it.category.as_str()) {
                Some("S") => Affinity::Text,
                Some("N" | "D" | "T" | "B") => Affinity::Numeric,
                _ if base == "citext" => Affinity::Text,
                _ => Affinity::Other,
            },
            declared_type: column.type_name.clone(),
            not_null: column.not_null,
            is_no_key: column.generated.is_some() || !kind.is_some_and(|it| it.has_equality),
        }
    });
    let of = |index: &catalog::Index| -> Vec<String> {
        index.columns.iter().flatten().cloned().collect()
    };
    let primary = table.indexes.iter().find(|index| index.is_primary);
    let unique = table.parent_keys().filter(|index| !index.is_primary);
    Subject::new(
        table::Table {
            name: schema.shown(&table.name),
            bare: table.name.table.clone(),
            columns: columns.collect(),
        },
        primary.map(of).unwrap_or_default(),
        unique.map(of).collect(),
    )
}

/// Leaves out the keys that the migrations of `folder` ask for; gives the number of those too.
fn without_asked_for(
    schema: &Schema,
    folder: Option<&Path>,
    mut candidates: Vec<Candidate>,
) -> Result<(Vec<Candidate>, usize)> {
    let Some(folder) = folder.filter(|folder| folder.exists()) else {
        return Ok((candidates, 0));
    };
    let migrations = Migrations::in_folder_if_any(folder)?;
    let asked_for = expected::after(migrations.iter())?;
    let before = candidates.len();
    candidates.retain(|candidate| {
        !asked_for.iter().any(|it| {
            let columns = &it.request.columns;
            let child = schema.find(&it.request.table);
            child.is_some_and(|child| schema.shown(&child.name) == candidate.key.child)
                && columns.len() == candidate.key.columns.len()
                && columns
                    .iter()
                    .all(|name| candidate.key.columns.contains(name))
        })
    });
    let left_out = before - candidates.len();
    Ok((candidates, left_out))
}
