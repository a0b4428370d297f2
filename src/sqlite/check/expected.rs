//! The keys that the migrations ask for.

use anyhow::Result;

use crate::migrations::{Migration, Migrations};
use crate::sqlite::ddl::same_name;
use crate::sqlite::history::State;
use crate::sqlite::script::{self, Action, AddForeignKey};

/// A migration, as far as it is known here, and where it stands.
pub type MigrationState<'a> = (i64, Option<&'a Migration>, State);

/// A key that a migration asks for.
#[derive(Clone, Debug)]
pub struct Expected {
    /// The migration: `V1__webhook_logs_foreign_keys`.
    pub migration: String,
    /// Its number.
    pub version: i64,
    /// Whether the key must be there already.
    pub due: Due,
    /// What it asks for.
    pub request: AddForeignKey,
}

/// Whether a key must be there already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Due {
    /// Its migration is applied.
    Applied,
    /// Its migration is pending: only what would keep the key from being added is of interest.
    Pending,
    /// A dump does not tell; the key must be there.
    InDump,
}

/// The keys of migrations that stand as `states` say, in order. A key that a later applied
/// migration drops by its name is not expected any more.
pub fn read(states: &[MigrationState<'_>]) -> Result<Vec<Expected>> {
    let mut keys = Vec::new();
    for (_, migration, state) in states {
        let Some(migration) = migration else { continue };
        let due = match state {
            State::Pending => Due::Pending,
            State::Applied(_) | State::Changed(_) | State::Unknown(_) => Due::Applied,
        };
        follow(migration, due, &mut keys)?;
    }
    Ok(keys)
}

/// The keys that are there once every migration is applied.
pub fn of_all(migrations: &Migrations) -> Result<Vec<Expected>> {
    let mut keys = Vec::new();
    for migration in migrations.iter() {
        follow(migration, Due::InDump, &mut keys)?;
    }
    Ok(keys)
}

/// Brings `keys` to where they are after `migration`.
fn follow(migration: &Migration, due: Due, keys: &mut Vec<Expected>) -> Result<()> {
    for statement in script::parse(&migration.file(), migration.script())? {
        match statement.action {
            Action::AddForeignKey(request) => keys.push(Expected {
                migration: migration.up.to_string(),
                version: migration.up.version(),
                due,
                request,
            }),
            Action::DropConstraint {
                table, constraint, ..
            } if due != Due::Pending => keys.retain(|key| {
                let name = key.request.name.as_deref().unwrap_or_default();
                !(same_name(&key.request.table, &table) && same_name(name, &constraint))
            }),
            Action::DropConstraint { .. } | Action::Other(_) => {}
        }
    }
    Ok(())
}
