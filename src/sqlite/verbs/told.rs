//! What was done, as the values that are reported.

use crate::model::key::NamedKey;
use crate::outcome::change::{AppliedMigration, ByKey, ChildTable, ForgottenKeys, RemovedRows};
use crate::outcome::key::Key;
use crate::policy::{self, OrphanAction, Policy};
use crate::sqlite::apply::plan::{KeyPlan, TablePlan};
use crate::sqlite::apply::up::Outcome;
use crate::sqlite::archive;
use crate::sqlite::keys::NewKey;
use crate::sqlite::orphans::Found;
use crate::sqlite::orphans::lists::{Reason, Removal};

impl From<&NewKey> for Key {
    fn from(new: &NewKey) -> Self {
        let there = new.there.as_ref();
        let called = there.and_then(|there| there.constraint.clone());
        Key {
            called: called.filter(|name| new.name.as_ref() != Some(name)),
            named: NamedKey {
                constraint: new.name.clone(),
                key: new.key.clone(),
            },
        }
    }
}

impl AppliedMigration {
    /// What `outcome` did under `policy`.
    pub fn new(outcome: &Outcome<'_>, policy: &Policy) -> Self {
        AppliedMigration {
            version: outcome.migration.up.version(),
            name: outcome.migration.up.name().to_owned(),
            tables: outcome.plans().flat_map(ChildTable::of).collect(),
            removed: outcome
                .plans()
                .flat_map(|plan| {
                    let removals = plan.removals();
                    removals.map(|removal| RemovedRows::new(&plan.found, removal, policy))
                })
                .collect(),
            set_null: outcome
                .plans()
                .flat_map(|plan| {
                    let touched = plan.touched().filter(|it| it.kept > 0);
                    touched.map(|removal| ForgottenKeys::new(&plan.found, removal, policy))
                })
                .collect(),
        }
    }
}

impl ForgottenKeys {
    /// Of the rows of `removal` those that stay, which are among those `found`, under `policy`.
    pub fn new(found: &Found, removal: &Removal, policy: &Policy) -> Self {
        let by_key = removal.reasons.iter().filter(|reason| reason.kept > 0);
        let by_key = by_key.map(|reason| ByKey {
            key: found.label(reason.key).to_owned(),
            rows: reason.kept,
            orphans: reason.breaks,
            because: None,
        });
        let columns = removal.set_columns().into_iter();
        ForgottenKeys {
            table: removal.table.name.clone(),
            rows: removal.kept,
            archive: archive_of(removal, policy),
            columns: columns.map(str::to_owned).collect(),
            to_default: removal.forgets.iter().any(|it| it.defaults.is_some()),
            by_key: by_key.collect(),
        }
    }
}

impl ChildTable {
    /// Those of `plan`.
    fn of(plan: &KeyPlan) -> impl Iterator<Item = ChildTable> {
        plan.tables.iter().map(|table| {
            let TablePlan {
                name,
                rows,
                added,
                adopted,
                ..
            } = table;
            let leaving = plan.found.removal(name).map_or(0, |removal| removal.rows);
            ChildTable {
                table: name.clone(),
                rows_before: *rows,
                rows_after: rows - leaving,
                added: added.iter().map(Into::into).collect(),
                adopted: adopted.iter().map(Into::into).collect(),
            }
        })
    }
}

impl RemovedRows {
    /// What happens to the rows of `removal`, which are among those `found`, under `policy`.
    pub fn new(found: &Found, removal: &Removal, policy: &Policy) -> Self {
        let left = removal.reasons.iter().filter(|it| it.rows > it.kept);
        let by_key = left.map(|reason| ByKey {
            key: found.label(reason.key).to_owned(),
            rows: reason.rows - reason.kept,
            orphans: reason.breaks,
            because: because(found, reason, policy),
        });
        RemovedRows {
            table: removal.table.name.clone(),
            rows: removal.rows,
            break_several: removal.break_several,
            archive: archive_of(removal, policy),
            by_key: by_key.collect(),
        }
    }
}

fn archive_of(removal: &Removal, policy: &Policy) -> Option<String> {
    let keeps = policy.orphans.keeps() && policy.orphans != OrphanAction::Refuse;
    keeps.then(|| archive::name_of(&removal.table.name))
}

/// Why rows leave that break `key`, or refer by it to others, where it does not say that they do.
fn because(found: &Found, reason: &Reason, policy: &Policy) -> Option<String> {
    if let Some(why) = &reason.why {
        return Some(why.clone());
    }
    let on_delete = found.key(reason.key)?.on_delete;
    policy::because(policy.orphans, on_delete).filter(|_| reason.breaks)
}
