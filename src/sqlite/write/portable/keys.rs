//! Adds the keys of a migration: what may leave leaves, and each table that gets keys is made again.

use anyhow::Result;

use super::leaving::{self, Leaving};
use super::pin;
use super::script::Script;
use super::swap;
use crate::policy::{OrphanAction, Policy};
use crate::sqlite::keys::{self, TableKeys, conditions};
use crate::sqlite::rebuild;
use crate::sqlite::schema::Table;
use crate::sqlite::schema::foreign_key;
use crate::sqlite::schema::scratch;
use crate::sqlite::text::ddl::{self, quote};
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
    leaving.list(script)?;
    leaving.must_be_allowed(script, &targets, policy)?;
    // The only table that is made again is made without them.
    let alone = match remade.as_slice() {
        [only] => leaving.list_of(only),
        _ => None,
    };
    if policy.orphans != OrphanAction::Refuse {
        if policy.orphans.keeps() {
            leaving.archive(script, version)?;
        }
        leaving.delete(script, alone)?;
    }
    for target in &changed {
        swap::table(script, &target.table, &definition(target)?, alone)?;
    }
    if policy.orphans != OrphanAction::Refuse {
        leaving.refresh(script)?;
    }
    for target in &targets {
        no_orphans(script, target, &leaving)?;
    }
    leaving.drop_lists(script)?;
    Ok(adopted(&targets))
}

/// The text of the table with its new keys; fails where these could not be taken out again.
fn definition(target: &TableKeys) -> Result<String> {
    let TableKeys { table, added, .. } = target;
    table.must_be_exact()?;
    let constraints: Vec<_> = added.iter().map(|key| key.constraint.as_str()).collect();
    let definition = ddl::add_constraints(&table.sql, &constraints)?;
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

/// Takes the triggers off `table`, so that nothing fires when its rows leave, come or are held.
pub fn triggers_aside(script: &mut Script<'_>, table: &Table) -> Result<()> {
    script.steps(&rebuild::drop_triggers(table))
}

/// Makes them again.
pub fn triggers_back(script: &mut Script<'_>, table: &Table) -> Result<()> {
    script.steps(&rebuild::create_triggers(table))
}

/// The tables in which rows may have left by the keys that `requests` ask for and that are there.
pub fn tables_left(script: &mut Script<'_>, requests: &[AddForeignKey]) -> Result<Vec<Table>> {
    let schema = script.schema();
    let declared = foreign_key::declared(schema)?;
    let targets = keys::resolve(schema, &declared, requests)?;
    leaving::tables(schema, &targets, &declared)
}
