//! A SQLite database, as the verbs see it: one method each, values in and out.

mod check;
mod clean;
mod discover;
mod down;
mod enforce;
mod graph;
mod marking;
mod new;
mod orphans;
mod planned;
mod restore;
mod show;
mod status;
mod told;
mod up;

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Result;
use rusqlite::Connection;

pub use check::{CheckOrder, Checked, check_dump, check_dump_for_postgres, schema_of_dump};
pub use clean::clean_of_dump;
pub use down::{DownPlanned, Reverted, down_of_dump};
pub use enforce::Enforcement;
pub use marking::Redone;
pub use new::dump_scripts;
pub use orphans::Orphans;
pub use up::{Applied, Spent, UpPlanned, up_of_dump};

use crate::location::Location;
use crate::migrations::Migrations;
use crate::progress::{self, Work};
use crate::sqlite::apply::history;
use crate::sqlite::file::{backup, reading};

/// A SQLite database.
#[derive(Clone, Debug)]
pub struct Database {
    /// Where it is.
    pub location: Location,
    /// How long to wait for others.
    pub lock_timeout: Duration,
}

/// What was found with those migrations that are any business of a database.
#[derive(Debug)]
pub struct Applicable<T> {
    /// What was found.
    pub value: T,
    /// No migration is any business of it.
    pub none_applies: bool,
}

impl Database {
    /// What the reports call it.
    #[must_use]
    pub fn name(&self) -> String {
        self.location.to_string()
    }

    /// Gives what `look` makes of the database and of those of `migrations` that are any business of
    /// it.
    fn read<'m, T>(
        &self,
        migrations: &'m Migrations,
        mut look: impl FnMut(&Connection, &'m Migrations) -> Result<T>,
    ) -> Result<Applicable<T>> {
        reading::read(&self.location, self.lock_timeout, |connection| {
            let applicable = history::applicable(connection, migrations)?;
            Ok(Applicable {
                value: look(connection, applicable)?,
                none_applies: applicable.is_empty(),
            })
        })
    }

    /// Backs up to `target`, where one is wanted, and says where the copy is. The caller holds the
    /// write lock.
    fn back_up(&self, target: Option<&PathBuf>) -> Result<Option<String>> {
        let Some(target) = target else {
            return Ok(None);
        };
        progress::step(&format!("back up to {}", target.display()), Work::default());
        backup::take(&self.location, target)?;
        Ok(Some(target.display().to_string()))
    }
}
