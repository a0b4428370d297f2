//! What follows when somebody says where a migration stands, and nothing is run.

use anyhow::Result;

use super::{Applied, Resolved};
use crate::failure::Failure;
use crate::migrations::{Migration, Migrations};

/// How a migration is to be marked.
#[derive(Clone, Debug)]
pub struct Order<'a> {
    /// Where it may be found.
    pub migrations: &'a Migrations,
    /// Its number.
    pub version: i64,
    /// It counts as applied from now on; otherwise as reverted.
    pub as_applied: bool,
    /// Why.
    pub reason: Option<&'a str>,
    /// Only say what would be done.
    pub dry_run: bool,
}

/// What that does to the history.
#[derive(Debug)]
pub enum Change<'m> {
    /// It stands so already.
    Nothing,
    /// The migration gets a row.
    Record(&'m Migration),
    /// Its row gets the name and the checksum of the migration as it is now.
    Amend(&'m Migration),
    /// Its row goes.
    Forget,
}

impl<'a> Order<'a> {
    /// What is to be done in a history that has `applied`.
    pub fn change(&self, applied: &[Applied]) -> Result<Change<'a>> {
        let row = applied.iter().find(|row| row.version == self.version);
        if !self.as_applied {
            if row.is_some() {
                return Ok(Change::Forget);
            }
            self.migrations.must_have(self.version)?;
            return Ok(Change::Nothing);
        }
        self.migrations.must_have(self.version)?;
        let Some(migration) = self.migrations.get(self.version) else {
            return Ok(Change::Nothing);
        };
        migration.must_be_clear()?;
        Ok(match row {
            None => Change::Record(migration),
            Some(row) if migration.is(&row.name, row.checksum) => Change::Nothing,
            Some(_) => Change::Amend(migration),
        })
    }

    /// What is written beside a row that is marked at `now`, which is RFC 3339.
    #[must_use]
    pub fn resolved(&self, now: String) -> Resolved {
        Resolved {
            at: now,
            reason: self.reason.map(str::to_owned),
        }
    }

    /// The name of the migration in `applied`, or in its file.
    #[must_use]
    pub fn name(&self, applied: &[Applied]) -> String {
        let known = self.migrations.get(self.version);
        let known = known.map(|it| it.up.name().to_owned());
        let row = applied.iter().find(|row| row.version == self.version);
        let row = row.map(|row| row.name.clone());
        let (first, second) = if self.as_applied {
            (known, row)
        } else {
            (row, known)
        };
        first.or(second).unwrap_or_default()
    }

    /// Fails where the migration is under way in the version `under_way`.
    pub fn must_not_be_under_way(&self, under_way: Option<i64>) -> Result<()> {
        match under_way {
            Some(version) if version == self.version => Err(Failure::impossible(format!(
                "V{version} is under way, so it is neither applied nor reverted"
            ))
            .hint("go on with fkfix up, or revert it with fkfix down")
            .into()),
            _ => Ok(()),
        }
    }
}
