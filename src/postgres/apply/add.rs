//! Adds the keys of one migration in one transaction, and tells what became of its tables.

use anyhow::{Context as _, Result};
use postgres::Transaction;

use super::order::Order;
use crate::failure::Failure;
use crate::migrations::Migration;
use crate::model::key::NamedKey;
use crate::outcome::change::{AppliedMigration, ChildTable};
use crate::outcome::key::Key as KeyReport;
use crate::postgres::apply::indexes::make_indexes;
use crate::postgres::keys::{self, Key};
use crate::postgres::leave::mover::Mover;
use crate::postgres::leave::preflight;
use crate::postgres::leave::tally::Tally;
use crate::postgres::orphans::{Found, Search};
use crate::postgres::schema::rows::count_rows;
use crate::postgres::schema::{CATALOG_PATH, Schema};
use crate::postgres::text::parts::{self, Part};
use crate::postgres::text::script::Request;
use crate::standing::AdoptedKey;

pub(super) fn apply_one(
    transaction: &mut Transaction,
    first: &Schema,
    migration: &Migration,
    order: Order<'_>,
    made: &mut Vec<AdoptedKey>,
) -> Result<AppliedMigration> {
    let mut change = AppliedMigration {
        version: migration.up.version(),
        name: migration.up.name().to_owned(),
        tables: Vec::new(),
        set_null: Vec::new(),
        removed: Vec::new(),
    };
    for part in parts::parts(migration)? {
        first.leave(transaction)?;
        match part {
            Part::Statement(line, sql) => {
                let doing = || format!("could not run {}:{line}", migration.file());
                transaction.batch_execute(&sql).with_context(doing)?;
            }
            Part::Keys(requests) => {
                let schema = Schema::read(transaction, first.version)?;
                if order.manner.child_index {
                    made.extend(make_indexes(transaction, &schema, &requests)?);
                }
                add_keys(transaction, &schema, &requests, &mut change, order)?;
            }
        }
        // Whatever the statement has set.
        transaction.batch_execute(CATALOG_PATH)?;
    }
    Ok(change)
}

fn add_keys(
    transaction: &mut Transaction,
    schema: &Schema,
    requests: &[Request],
    change: &mut AppliedMigration,
    order: Order<'_>,
) -> Result<()> {
    let keys = keys::resolve(transaction, schema, requests)?;
    preflight::must_see(transaction, &keys)?;
    preflight::may_add(transaction, &keys)?;
    keys::must_be_of_the_whole(schema, &keys)?;
    let tables = children(transaction, &keys)?;
    for key in &keys {
        for (_, sql) in key.adding(schema) {
            schema.run_all(transaction, &[sql]).with_context(|| {
                format!("could not add {} to {}", key.key.name, key.child_shown)
            })?;
        }
    }
    let policy = order.policy.orphans;
    let search = Search::new(transaction, schema, keys, policy)?;
    let mut found = search.orphans(transaction)?;
    search.follow(transaction, &mut found, false)?;
    if let Some(refusal) = judge(transaction, schema, &search, &found, order)? {
        return Err(refusal.into());
    }
    let mut mover = Mover::new(Some(change.version), order.manner);
    mover.move_all(transaction, schema, &search)?;
    for key in &search.asked {
        validate(transaction, schema, key)?;
    }
    finish(&mut change.tables, &tables, &search.asked, &mover.tally);
    change.removed.extend(mover.tally.removed(policy));
    change.set_null.extend(mover.tally.set_null(policy));
    Ok(())
}

/// Validates a key, where it is not valid yet.
pub fn validate(transaction: &mut Transaction, schema: &Schema, key: &Key) -> Result<()> {
    let doing = || format!("could not validate {} of {}", key.key.name, key.child_shown);
    let statements = key.validating(schema).into_iter().map(|it| it.1);
    schema
        .run_all(transaction, &statements.collect::<Vec<_>>())
        .with_context(doing)
}

/// Why the rows of `found` may not leave: what the user can't allow is an error.
pub fn judge(
    transaction: &mut Transaction,
    schema: &Schema,
    search: &Search,
    found: &Found,
    order: Order<'_>,
) -> Result<Option<Failure>> {
    let refusal = preflight::refusal(transaction, search, found, order.policy)?;
    if refusal.is_none() {
        preflight::may_leave(schema, found, order.policy.orphans, order.manner.triggers)?;
    }
    Ok(refusal)
}

/// The child tables of `keys` with their rows, in the order of the script.
pub fn children(transaction: &mut Transaction, keys: &[Key]) -> Result<Vec<ChildTable>> {
    let mut tables: Vec<ChildTable> = Vec::new();
    for key in keys {
        if tables.iter().any(|it| it.table == key.child_shown) {
            continue;
        }
        let rows = count_rows(transaction, &key.child)?;
        tables.push(ChildTable {
            table: key.child_shown.clone(),
            rows_before: rows,
            rows_after: rows,
            added: Vec::new(),
            adopted: Vec::new(),
        });
    }
    Ok(tables)
}

/// Adds to the report what became of `tables`.
pub fn finish(report: &mut Vec<ChildTable>, tables: &[ChildTable], keys: &[Key], tally: &Tally) {
    for table in tables {
        let of = |adopted: bool| {
            let keys = keys.iter().filter(|key| key.child_shown == table.table);
            let keys = keys.filter(move |key| key.there.is_some() == adopted);
            keys.map(key_report).collect()
        };
        report.push(ChildTable {
            table: table.table.clone(),
            rows_before: table.rows_before,
            rows_after: table.rows_before - tally.of(&table.table),
            added: of(false),
            adopted: of(true),
        });
    }
}

fn key_report(key: &Key) -> KeyReport {
    let name = key.key.name.clone();
    let there = key.there.as_ref().map(|there| there.name.clone());
    KeyReport {
        called: there.filter(|there| *there != name),
        named: NamedKey {
            constraint: Some(name),
            key: key.model(),
        },
    }
}

/// The keys of a report that were there already.
pub fn adopted(change: &AppliedMigration) -> Vec<AdoptedKey> {
    let keys = change.tables.iter().flat_map(|table| {
        let found =
            |key: &KeyReport| AdoptedKey::found(table.table.clone(), key.named.constraint.clone());
        table.adopted.iter().map(found)
    });
    keys.collect()
}
