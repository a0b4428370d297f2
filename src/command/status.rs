//! `fkfix status`: where every migration stands. Read-only.

use anyhow::Result;
use rusqlite::Connection;

use crate::cli;
use crate::failure::Status;
use crate::migrations::{Migration, Migrations};
use crate::report::enforce::TriggerName;
use crate::report::output::Output;
use crate::report::status::{ArchiveStatus, MigrationStatus, State, StatusReport};
use crate::sqlite::apply::history;
use crate::sqlite::apply::history::{Applied, State as Found};
use crate::sqlite::apply::parts;
use crate::sqlite::archive;
use crate::sqlite::enforce;
use crate::sqlite::schema::row_counts;

/// Runs the verb.
pub fn run(arguments: &cli::Status, output: &mut Output) -> Result<Status> {
    let migrations = super::migrations(&arguments.set, output)?;
    let report = super::read(&arguments.database, &migrations, output, |database, set| {
        look(arguments, set, database)
    })?;
    output.result(&report, arguments.format)?;
    Ok(Status::Done)
}

fn look(
    arguments: &cli::Status,
    migrations: &Migrations,
    database: &Connection,
) -> Result<StatusReport> {
    let location = &arguments.database.location;
    let applied = history::read(database)?;
    let mut report = StatusReport {
        database: location.to_string(),
        migrations: Vec::new(),
        archives: Vec::new(),
        enforcement: Vec::new(),
    };
    for (version, migration, found) in history::states(migrations, &applied) {
        report
            .migrations
            .push(status_of(version, migration, found)?);
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
    Ok(MigrationStatus {
        version,
        name,
        state,
        applied_on: row.as_ref().map(Applied::when),
        under_way: None,
    })
}
