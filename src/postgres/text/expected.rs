//! The keys that are there once migrations have run: what a later one drops or renames is not
//! expected any more, or under another name.

use anyhow::Result;

use crate::migrations::Migration;
use crate::postgres::text::alter_table::Path;
use crate::postgres::text::renaming;
use crate::postgres::text::renaming::Renaming;
use crate::postgres::text::script::{self, Asks, Request};

/// A key that a migration asks for.
#[derive(Clone, Debug)]
pub struct Expected {
    /// The migration: `V1__order_keys`.
    pub migration: String,
    /// What it asks for, by the names that the table and its columns have got since.
    pub request: Request,
}

/// The keys that are there after `migrations`, in order.
pub fn after<'m>(migrations: impl Iterator<Item = &'m Migration>) -> Result<Vec<Expected>> {
    let mut keys: Vec<Expected> = Vec::new();
    for migration in migrations {
        for statement in script::parse(&migration.file(), migration.script())? {
            match statement.asks {
                Asks::Key(request) => keys.push(Expected {
                    migration: migration.up.to_string(),
                    request: *request,
                }),
                Asks::Drop {
                    table, constraint, ..
                } => keys.retain(|key| {
                    !(same(&key.request.table, &table) && key.request.constraint() == constraint)
                }),
                Asks::Other(sql) => {
                    for renaming in renaming::renamings(&sql) {
                        follow(&mut keys, &renaming);
                    }
                }
            }
        }
    }
    Ok(keys)
}

fn follow(keys: &mut Vec<Expected>, renaming: &Renaming) {
    match renaming {
        Renaming::Dropped(table) => keys.retain(|key| !same(&key.request.table, table)),
        Renaming::Table { from, to } => {
            for request in keys.iter_mut().map(|key| &mut key.request) {
                // The name that PostgreSQL has given it stays.
                request.name = Some(request.constraint());
                for table in [&mut request.table, &mut request.parent] {
                    if same(table, from) {
                        table.table.clone_from(to);
                    }
                }
            }
        }
        Renaming::Column { table, from, to } => {
            for request in keys.iter_mut().map(|key| &mut key.request) {
                request.name = Some(request.constraint());
                for (of, columns) in [
                    (&request.table, &mut request.columns),
                    (&request.parent, &mut request.parent_columns),
                ] {
                    let renamed = columns
                        .iter_mut()
                        .filter(|it| same(of, table) && *it == from);
                    renamed.for_each(|it| it.clone_from(to));
                }
            }
        }
        Renaming::Constraint { table, from, to } => {
            for request in keys.iter_mut().map(|key| &mut key.request) {
                if same(&request.table, table) && request.constraint() == *from {
                    request.name = Some(to.clone());
                }
            }
        }
    }
}

/// Whether both mean the same table: a schema that only one of them names is taken for the other's.
fn same(one: &Path, other: &Path) -> bool {
    let is_same_schema = match (&one.schema, &other.schema) {
        (Some(one), Some(other)) => one == other,
        _ => true,
    };
    one.table == other.table && is_same_schema
}
