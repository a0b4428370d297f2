//! `fkfix status`: where every migration stands.

use anyhow::Result;
use rusqlite::Connection;

use super::{Applicable, Database};
use crate::migrations::{Migration, Migrations};
use crate::report::enforce::TriggerName;
use crate::report::status::{ArchiveStatus, MigrationStatus, State, StatusReport};
use crate::sqlite::apply::history;
use crate::sqlite::apply::parts;
use crate::sqlite::archive;
use crate::sqlite::enforce;
use crate::sqlite::schema::row_counts;
use crate::standing::{self, Applied, State as Found};

impl Database {
    /// Where each of `migrations` stands, and what fkfix has in the database.
    pub fn status(&self, migrations: &Migrations) -> Result<Applicable<StatusReport>> {
        self.read(migrations, |connection, applicable| {
            let mut report = look(connection, applicable)?;
            report.database = self.name();
            Ok(report)
        })
    }
}

fn look(database: &Connection, migrations: &Migrations) -> Result<StatusReport> {
    let applied = history::read(database)?;
    let mut report = StatusReport {
        database: String::new(),
        migrations: Vec::new(),
        archives: Vec::new(),
        enforcement: Vec::new(),
    };
    let late = standing::late(migrations, &applied);
    for (version, migration, found) in standing::states(migrations, &applied) {
        let mut status = status_of(version, migration, found)?;
        status.late = late.iter().any(|it| it.up.version() == version);
        report.migrations.push(status);
    }
    for archive in archive::all(database)? {
        report.archives.push(ArchiveStatus {
            rows: row_counts::count_rows(database, &archive.name)?,
            archive: archive.name,
            table: archive.table,
        });
    }
    let triggers = enforce::installed(database)?;
    report.enforcement = triggers.iter().map(TriggerName::new).collect();
    Ok(report)
}

fn status_of(version: i64, migration: Option<&Migration>, found: Found) -> Result<MigrationStatus> {
    let (state, row) = match found {
        Found::Pending => (State::Pending, None),
        Found::Changed(row) if migration.is_some_and(|it| it.up.name() != row.name) => {
            (State::Other, Some(row))
        }
        Found::Changed(row) => (State::Changed, Some(row)),
        Found::Unknown(row) => (State::Unknown, Some(row)),
        Found::Applied(row) => {
            let keys = migration.map_or(Ok(Vec::new()), parts::requests)?.len();
            let adopted = keys > 0 && row.adopted.len() == keys;
            let state = if adopted {
                State::Adopted
            } else {
                State::Applied
            };
            (state, Some(row))
        }
    };
    let name = match (migration, &row) {
        (Some(migration), _) => migration.up.name().to_owned(),
        (None, row) => row.as_ref().map(|row| row.name.clone()).unwrap_or_default(),
    };
    let applied_as = row.as_ref().map(|row| &row.name);
    Ok(MigrationStatus {
        version,
        applied_as: applied_as.filter(|it| **it != name).cloned(),
        name,
        state,
        late: false,
        applied_on: row.as_ref().map(Applied::when),
        under_way: None,
    })
}
