//! The keys that the migrations ask for.

use anyhow::Result;

use super::renamed;
use crate::migrations::{Migration, Migrations};
use crate::sqlite::apply::asked::parts::{self, Part};
use crate::sqlite::text::ddl::same_name;
use crate::sqlite::text::script::{self, Alteration};
use crate::sqlite::text::statement::{Action, AddForeignKey};
use crate::standing::{MigrationState, State};

/// A key that a migration asks for.
#[derive(Clone, Debug)]
pub struct Expected {
    /// The migration: `V1__webhook_logs_foreign_keys`.
    pub migration: String,
    /// Its number.
    pub version: i64,
    /// Whether the key must be there already.
    pub due: Due,
    /// What it asks for, by the names that the table and its columns have got since.
    pub request: AddForeignKey,
    /// A later migration drops the table, and may make another of that name.
    pub dropped: bool,
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

/// The keys of migrations that stand as `states` say, in order. What later applied migrations
/// drop by its name is not expected any more, and what they rename is expected under its new name.
///
/// Of a pending migration only the keys that it begins with: what other statements leave behind
/// for those that follow is for a dry run to tell.
pub fn read(states: &[MigrationState<'_>]) -> Result<Vec<Expected>> {
    let (mut keys, mut pending) = (Vec::new(), Vec::new());
    let mut begins_with_keys = true;
    for (_, migration, state) in states {
        let Some(migration) = migration else { continue };
        if matches!(state, State::Pending) {
            for part in parts::parts(migration)? {
                match part {
                    Part::Keys(requests) if begins_with_keys => pending.extend(
                        requests
                            .into_iter()
                            .map(|request| Expected::new(migration, Due::Pending, request)),
                    ),
                    Part::Keys(_) => {}
                    Part::Statement(..) => begins_with_keys = false,
                }
            }
        } else {
            follow(migration, Due::Applied, &mut keys)?;
        }
    }
    keys.extend(pending);
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
            Action::AddForeignKey(request) => keys.push(Expected::new(migration, due, request)),
            Action::DropConstraint {
                table, constraint, ..
            } => keys.retain(|key| {
                let name = key.request.name.as_deref().unwrap_or_default();
                !(same_name(&key.request.table, &table) && same_name(name, &constraint))
            }),
            Action::Other(sql) => {
                for key in keys.iter_mut() {
                    key.carry_along(&sql);
                }
            }
        }
    }
    Ok(())
}

impl Expected {
    fn new(migration: &Migration, due: Due, request: AddForeignKey) -> Self {
        Expected {
            migration: migration.up.to_string(),
            version: migration.up.version(),
            due,
            request,
            dropped: false,
        }
    }

    /// What `statement` has made of the key.
    fn carry_along(&mut self, statement: &str) {
        match script::alters(statement) {
            Some(Alteration::Rename) => {
                if let Some(renamed) = renamed::renamed(&self.request, statement) {
                    self.request = renamed;
                }
            }
            Some(Alteration::DropTable(table)) if same_name(&table, &self.request.table) => {
                self.dropped = true;
            }
            Some(Alteration::DropTable(_)) | None => {}
        }
    }
}
