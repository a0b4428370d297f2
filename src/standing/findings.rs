//! What a check says of where migrations stand.

use super::{MigrationState, State};
use crate::migrations::Migration;
use crate::model::finding::{Code, Finding};

/// Looks at every migration's state and at its way back.
pub fn check(states: &[MigrationState<'_>]) -> Vec<Finding> {
    let applied = |(version, _, state): &MigrationState<'_>| {
        (!matches!(state, State::Pending)).then_some(*version)
    };
    let newest = states.iter().filter_map(applied).max();
    let mut findings: Vec<_> = states
        .iter()
        .filter_map(|(version, migration, state)| {
            let is_late = newest.is_some_and(|newest| *version < newest);
            of_state(*migration, state, is_late)
        })
        .collect();
    let known = states.iter().filter_map(|(_, migration, _)| *migration);
    findings.extend(without_way_back(known));
    findings
}

fn of_state(migration: Option<&Migration>, state: &State, is_late: bool) -> Option<Finding> {
    match (state, migration) {
        (State::Pending, Some(migration)) => {
            let hint = if is_late {
                "a later one is applied already: fkfix up --allow-missing applies it, or give it a higher number"
            } else {
                "look with fkfix up --dry-run, then run fkfix up"
            };
            let name = migration.up.to_string();
            let message = format!("{name} is not applied");
            Some(Finding::new(Code::MigrationPending, name, message).hint(hint))
        }
        (State::Changed(row), Some(other)) if other.up.name() != row.name => {
            let name = format!("V{}__{}", row.version, row.name);
            let message = format!(
                "{name} was applied on {} from another folder: here V{} is {}",
                row.when(),
                row.version,
                other.up
            );
            let hint = format!("name the folder that holds {name}.sql with --migrations");
            Some(Finding::new(Code::MigrationChanged, name, message).hint(hint))
        }
        (State::Changed(row), _) => {
            let name = format!("V{}__{}", row.version, row.name);
            let message = format!("{name} has changed since it was applied on {}", row.when());
            let hint = format!(
                "restore the file as it was, and write what is new as a migration of its own; where the change makes no difference, fkfix resolve V{} --applied",
                row.version
            );
            Some(Finding::new(Code::MigrationChanged, name, message).hint(hint))
        }
        (State::Unknown(row), _) => {
            let name = format!("V{}__{}", row.version, row.name);
            let message = format!("{name} was applied on {} and is not known here", row.when());
            Some(Finding::new(Code::MigrationUnknown, name, message).hint(
                "run the version of fkfix that applied it, or name its folder with --migrations",
            ))
        }
        (State::Pending | State::Applied(_), _) => None,
    }
}

/// Those of `migrations` that have no down script.
pub fn without_way_back<'a>(migrations: impl Iterator<Item = &'a Migration>) -> Vec<Finding> {
    migrations
        .filter(|migration| migration.down.is_none())
        .map(|migration| {
            let name = migration.up.to_string();
            let message = format!("{name} has no down script, so fkfix down can't take it back");
            Finding::new(Code::DownScriptMissing, name, message)
                .hint(format!("write {} beside it", migration.down_file()))
        })
        .collect()
}
