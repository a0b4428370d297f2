//! `restore`: archived rows back where they belong, or old ones away for good; and what the
//! archives hold.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Result;
use rusqlite::Connection;

use super::Database;
use crate::outcome::archived::{ArchivedReport, must_be_as_asked};
use crate::outcome::clean::{PurgeReport, RestoreReport};
use crate::sqlite::apply::down::{self, TakenBack};
use crate::sqlite::archive::door::{self, Purge};
use crate::sqlite::file::connection::{self, pages};
use crate::sqlite::file::{backup, reading};
use crate::sqlite::rebuild::steps;

impl Database {
    /// Puts archived rows back, of `only` this table where it is given; a copy goes to `backup`
    /// first. Gives what must be looked after by hand, too.
    pub fn restore(
        &self,
        only: Option<&str>,
        backup: Option<&PathBuf>,
    ) -> Result<(RestoreReport, Vec<String>)> {
        let location = &self.location;
        let mut database = connection::open(location, self.lock_timeout)?;
        let transaction = connection::begin(&mut database, location)?;
        door::must_have(&transaction, only)?;
        let backup = self.back_up(backup)?;
        let back = down::restore(&transaction, only)?;
        connection::commit(transaction, location)?;
        Ok(self.restored(back, backup, false))
    }

    /// What [`restore`](Self::restore) would do.
    pub fn plan_restore(&self, only: Option<&str>) -> Result<(RestoreReport, Vec<String>)> {
        let back = reading::read(&self.location, self.lock_timeout, |database| {
            pages::must_be_free(database, &self.location)?;
            door::must_have(database, only)?;
            down::restore(&backup::temporary(database)?.connection, only)
        })?;
        Ok(self.restored(back, None, true))
    }

    fn restored(
        &self,
        back: TakenBack,
        backup: Option<String>,
        dry_run: bool,
    ) -> (RestoreReport, Vec<String>) {
        let report = RestoreReport {
            database: self.name(),
            dry_run,
            backup,
            restored: back.change.restored,
        };
        (report, back.warnings)
    }

    /// What is archived for longer than `age`, of `only` this table where it is given.
    pub fn plan_purge(&self, only: Option<&str>, age: Duration) -> Result<PurgeReport> {
        let find = |database: &Connection| {
            pages::must_be_free(database, &self.location)?;
            door::purge(database, only, age)
        };
        let found = reading::read(&self.location, self.lock_timeout, find)?;
        Ok(self.purged(found, None, true))
    }

    /// Deletes it for good, at most `most` rows where that is given; a copy goes to `backup` first.
    pub fn purge(
        &self,
        only: Option<&str>,
        age: Duration,
        most: Option<i64>,
        backup: Option<&PathBuf>,
    ) -> Result<PurgeReport> {
        let location = &self.location;
        let mut database = connection::open(location, self.lock_timeout)?;
        let transaction = connection::begin(&mut database, location)?;
        let found = door::purge(&transaction, only, age)?;
        let all: i64 = found.iter().map(|it| it.purged.rows).sum();
        must_be_as_asked(all, most)?;
        let backup = self.back_up(backup)?;
        for purge in &found {
            steps::carry_out(&transaction, std::slice::from_ref(&purge.step))?;
        }
        connection::commit(transaction, location)?;
        Ok(self.purged(found, backup, false))
    }

    fn purged(&self, found: Vec<Purge>, backup: Option<String>, dry_run: bool) -> PurgeReport {
        PurgeReport {
            database: self.name(),
            dry_run,
            backup,
            purged: found.into_iter().map(|it| it.purged).collect(),
        }
    }

    /// What the archives hold, of `only` this table where it is given.
    pub fn archived(&self, only: Option<&str>) -> Result<ArchivedReport> {
        let find = |database: &Connection| door::groups(database, only);
        let archived = reading::read(&self.location, self.lock_timeout, find)?;
        Ok(ArchivedReport {
            database: self.name(),
            archived,
        })
    }
}
