//! `fkfix new`: the scripts that add keys, held against the database.

use anyhow::Result;
use postgres::Transaction;
use postgres::types::Type;

use crate::failure::Failure;
use crate::migrations::draft::{self, Draft, NewIndex, Scripts, Wanted};
use crate::model::key::{Action, ForeignKey};
use crate::postgres::catalog::{Name, Table};
use crate::postgres::database::Database;
use crate::postgres::keys::{self, Key};
use crate::postgres::schema::Schema;
use crate::postgres::text::script::{self, Asks};

impl Database {
    /// Scripts that add what is `wanted` and take it back, each key checked against the database.
    pub fn scripts(&mut self, wanted: Wanted<'_>) -> Result<Scripts> {
        self.look(|transaction, schema, _| checked(transaction, schema, wanted))
    }
}

/// The scripts for what is `wanted`, each key of which the database must be able to take.
pub fn checked(
    transaction: &mut Transaction,
    schema: &Schema,
    wanted: Wanted<'_>,
) -> Result<Scripts> {
    let bare = wanted
        .keys
        .iter()
        .map(|key| bare(schema, key))
        .collect::<Result<Vec<_>>>()?;
    let mut drafts = Vec::new();
    for (key, child, parent) in &bare {
        drafts.push(Draft {
            key,
            child: written(schema, &child.name),
            parent: written(schema, &parent.name),
            taken: constraints(transaction, child)?,
            index: if wanted.with_indexes && !child.has_index_on(&key.columns) {
                Some(new_index(transaction, schema, child)?)
            } else {
                None
            },
        });
    }
    let mut scripts = draft::write(&drafts, &[]);
    let mut requests = Vec::new();
    for statement in script::parse("the new migration", &scripts.up)? {
        if let Asks::Key(request) = statement.asks {
            requests.push(*request);
        }
    }
    for key in keys::resolve(transaction, schema, &requests)? {
        if key.there.is_some() {
            return Err(Failure::impossible(format!(
                "{} has the key {} already, or is to get it twice",
                key.child_shown,
                key.model()
            ))
            .hint("leave it out; fkfix check -d DATABASE looks at the keys that are declared")
            .into());
        }
        scripts.warnings.extend(set_null_warning(&key));
    }
    Ok(scripts)
}

/// The key with the names of its tables alone, and the tables.
fn bare<'s>(schema: &'s Schema, key: &ForeignKey) -> Result<(ForeignKey, &'s Table, &'s Table)> {
    let (child, parent) = (schema.named(&key.child)?, schema.named(&key.parent)?);
    let key = ForeignKey {
        child: child.name.table.clone(),
        parent: parent.name.table.clone(),
        ..key.clone()
    };
    Ok((key, child, parent))
}

/// As a script names it: with its schema where the name alone means another table, or none.
fn written(schema: &Schema, name: &Name) -> String {
    let table = draft::plain(&name.table);
    if schema.shown(name) == name.table {
        table
    } else {
        format!("{}.{table}", draft::plain(&name.schema))
    }
}

/// An index of `child` goes into its schema, where relations share their names.
fn new_index(transaction: &mut Transaction, schema: &Schema, child: &Table) -> Result<NewIndex> {
    let rows = transaction.query_typed(
        "SELECT c.relname::text FROM pg_catalog.pg_class AS c
         JOIN pg_catalog.pg_class AS t ON t.relnamespace = c.relnamespace WHERE t.oid = $1",
        &[(&child.oid, Type::OID)],
    )?;
    let names = rows.iter().map(|row| Ok(row.try_get(0)?));
    let written = written(schema, &child.name);
    let table = draft::plain(&child.name.table);
    Ok(NewIndex {
        schema: written.strip_suffix(&table).unwrap_or_default().to_owned(),
        taken: names.collect::<Result<_>>()?,
    })
}

/// The names of all its constraints, CHECKs among them.
fn constraints(transaction: &mut Transaction, table: &Table) -> Result<Vec<String>> {
    let rows = transaction.query_typed(
        "SELECT conname::text FROM pg_catalog.pg_constraint WHERE conrelid = $1",
        &[(&table.oid, Type::OID)],
    )?;
    let names = rows.iter().map(|row| Ok(row.try_get(0)?));
    names.collect()
}

fn set_null_warning(key: &Key) -> Option<String> {
    let model = key.model();
    let columns = &key.child.columns;
    let is_required = |name: &&String| columns.iter().any(|it| it.name == **name && it.not_null);
    let required = key.key.columns.iter().find(is_required)?;
    let sets_null = [model.on_delete, model.on_update].contains(&Action::SetNull);
    sets_null.then(|| {
        format!(
            "{}.{required} is NOT NULL, so that SET NULL can only fail, and keep the parent from going",
            key.child_shown
        )
    })
}
