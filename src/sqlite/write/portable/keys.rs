//! Adds the keys of a migration: what may leave leaves, and each table that gets keys is made again.

use anyhow::Result;

use super::leaving::{self, Leaving};
use super::pin;
use super::script::Script;
use super::swap;
use crate::policy::{OrphanAction, Policy};
use crate::sqlite::keys::{self, TableKeys, conditions};
use crate::sqlite::orphans::lists::Removal;
use crate::sqlite::schema::foreign_key::{self, NamedKey};
use crate::sqlite::schema::scratch;
use crate::sqlite::schema::{self, Table};
use crate::sqlite::text::constraints;
use crate::sqlite::text::ddl::{quote, same_name};
use crate::sqlite::text::statement::AddForeignKey;
use crate::standing::AdoptedKey;

/// Writes what adds the keys that `requests` ask for, in the name of migration `version`; gives
/// those that are there already.
pub fn add(
    script: &mut Script<'_>,
    requests: &[AddForeignKey],
    version: i64,
    policy: &Policy,
) -> Result<Vec<AdoptedKey>> {
    let schema = script.schema();
    let declared = foreign_key::declared(schema)?;
    let targets = keys::resolve(schema, &declared, requests)?;
    let leaving = Leaving::of(
        schema,
        &targets,
        &declared,
        policy.orphans,
        &mut script.numbers.lists,
    )?;
    let changed = targets.iter().filter(|target| !target.added.is_empty());
    let changed: Vec<_> = changed.collect();
    let remade: Vec<_> = changed.iter().map(|it| it.table.name.as_str()).collect();
    let mut around: Vec<_> = leaving.tables().map(|it| it.name.as_str()).collect();
    for target in &targets {
        around.extend(target.asked_for().map(|new| new.key.parent.as_str()));
    }
    pin::tables(script, &remade, &around)?;
    // The only table that is made again is made without them.
    let alone = match remade.as_slice() {
        [only] => leaving.list_alone(only),
        _ => None,
    };
    move_rows(script, &leaving, &targets, Some(version), policy, alone)?;
    for target in &changed {
        swap::table(script, &target.table, &definition(target)?, alone)?;
    }
    finish(script, &leaving, &targets, policy)?;
    Ok(adopted(&targets))
}

/// Writes what deals with the orphans of the keys of `targets`, which are declared.
pub fn clean(
    script: &mut Script<'_>,
    targets: &[TableKeys],
    declared: &[NamedKey],
    policy: &Policy,
) -> Result<()> {
    let schema = script.schema();
    let numbers = &mut script.numbers.lists;
    let leaving = Leaving::of(schema, targets, declared, policy.orphans, numbers)?;
    let mut around: Vec<_> = leaving.tables().map(|it| it.name.as_str()).collect();
    for target in targets {
        around.extend(target.asked_for().map(|it| it.key.parent.as_str()));
    }
    pin::tables(script, &[], &around)?;
    move_rows(script, &leaving, targets, None, policy, None)?;
    finish(script, &leaving, targets, policy)
}

/// Writes what finds the rows that leave or forget a key, holds that `policy` allows it, and carries
/// it out, but for the rows of the list `alone`, whose table is made again without them.
fn move_rows(
    script: &mut Script<'_>,
    leaving: &Leaving,
    targets: &[TableKeys],
    version: Option<i64>,
    policy: &Policy,
    alone: Option<&Removal>,
) -> Result<()> {
    leaving.list_rows(script)?;
    leaving.must_be_allowed(script, targets, policy)?;
    if policy.orphans == OrphanAction::Refuse {
        return Ok(());
    }
    if policy.orphans.keeps() {
        leaving.archive(script, version)?;
    }
    leaving.forget(script)?;
    leaving.delete(script, alone)
}

fn finish(
    script: &mut Script<'_>,
    leaving: &Leaving,
    targets: &[TableKeys],
    policy: &Policy,
) -> Result<()> {
    if policy.orphans != OrphanAction::Refuse {
        leaving.refresh(script)?;
    }
    for target in targets {
        no_orphans(script, target, leaving)?;
    }
    leaving.drop_lists(script)
}

/// The text of the table with its new keys; fails where these could not be taken out again.
fn definition(target: &TableKeys) -> Result<String> {
    let TableKeys { table, added, .. } = target;
    table.must_be_exact()?;
    let constraints: Vec<_> = added.iter().map(|key| key.constraint.as_str()).collect();
    let definition = constraints::add_constraints(&table.sql, &constraints)?;
    let names: Vec<_> = added.iter().filter_map(|key| key.name.as_deref()).collect();
    if names.len() == added.len() {
        scratch::rehearse(table, &definition, &names)?;
    }
    Ok(definition)
}

fn no_orphans(script: &mut Script<'_>, target: &TableKeys, leaving: &Leaving) -> Result<()> {
    for new in target.asked_for() {
        let parent = Table::read(script.schema(), &new.key.parent)?;
        let broken = conditions::orphaned(&parent, &new.key);
        script.promise(
            &format!("no row breaks {}", leaving.label(&new.key)),
            &format!(
                "NOT EXISTS (SELECT 1 FROM main.{} AS w WHERE {broken})",
                quote(&target.table.name)
            ),
        )?;
    }
    Ok(())
}

fn adopted(targets: &[TableKeys]) -> Vec<AdoptedKey> {
    let adopted = targets.iter().flat_map(|target| {
        let adopted = target.adopted.iter();
        adopted.map(|key| AdoptedKey::found(target.table.name.clone(), key.name.clone()))
    });
    adopted.collect()
}

/// A table whose rows may have left, or forgotten a key.
pub struct Left {
    /// The table.
    pub table: Table,
    /// The columns of its keys that can change.
    pub columns: Vec<String>,
}

/// The tables in which rows may have left, or forgotten a key, by the keys that `requests` ask for
/// and that are there.
pub fn tables_left(script: &mut Script<'_>, requests: &[AddForeignKey]) -> Result<Vec<Left>> {
    let connection = script.schema();
    let declared = foreign_key::declared(connection)?;
    let targets = keys::resolve(connection, &declared, requests)?;
    let asked = targets.iter().flat_map(TableKeys::asked_for);
    let keys: Vec<_> = asked.map(|new| &new.key).collect();
    let keys = || {
        keys.iter()
            .copied()
            .chain(declared.iter().map(|it| &it.key))
    };
    let mut left = Vec::new();
    for table in leaving::tables(connection, &targets, &declared)? {
        let own = keys().filter(|key| same_name(&key.child, &table.name));
        let mut columns: Vec<_> = own.flat_map(|key| key.columns.clone()).collect();
        let primary_key = schema::primary_key(connection, &table.name)?;
        let is_fixed = |name: &str| {
            let is_generated = table.column(name).is_none_or(|it| it.generated);
            is_generated || primary_key.iter().any(|it| same_name(it, name))
        };
        columns.retain(|name| !is_fixed(name));
        columns.sort_unstable();
        columns.dedup();
        left.push(Left { table, columns });
    }
    Ok(left)
}
