//! `status`: where every migration stands. Nothing is written.

use anyhow::Result;
use postgres::Transaction;

use crate::migrations::Migrations;
use crate::outcome::status::{
    ArchiveStatus, KeyProgress, MigrationStatus, State, StatusReport, UnderWay,
};
use crate::postgres::database::progress::{Direction, Progress};
use crate::postgres::database::{Database, applicable};
use crate::postgres::keys;
use crate::postgres::leave::archive;
use crate::postgres::schema::Schema;
use crate::postgres::text::parts;
use crate::standing::Applied;

impl Database {
    /// Where every migration stands; and whether none applies to this database.
    pub fn status(&mut self, migrations: &Migrations) -> Result<(StatusReport, bool)> {
        let name = self.name.clone();
        self.look(|transaction, schema, own| {
            let applied = own.history(transaction)?;
            let progress = own.progress(transaction)?;
            let migrations = applicable(schema, migrations, &applied)?;
            let mut report = StatusReport {
                database: name.clone(),
                migrations: MigrationStatus::all(migrations, &applied, |it| {
                    Ok(parts::requests(it)?.len())
                })?,
                archives: Vec::new(),
                enforcement: Vec::new(),
            };
            if let Some(progress) = &progress {
                add_progress(transaction, schema, migrations, progress, &mut report)?;
            }
            for archive in archive::all(schema) {
                report.archives.push(ArchiveStatus {
                    rows: archive::count(transaction, &archive, None)?,
                    archive: schema.shown(&archive.table.name),
                    table: schema.shown(&archive.of),
                });
            }
            Ok((report, migrations.is_empty() && progress.is_none()))
        })
    }
}

fn add_progress(
    transaction: &mut Transaction,
    schema: &Schema,
    migrations: &Migrations,
    progress: &Progress,
    report: &mut StatusReport,
) -> Result<()> {
    let mut keys = Vec::new();
    if let Some(migration) = migrations.get(progress.version) {
        let requests = parts::requests(migration)?;
        for key in keys::resolve(transaction, schema, &requests).unwrap_or_default() {
            keys.push(KeyProgress {
                table: key.child_shown.clone(),
                constraint: key.key.name.clone(),
                state: match &key.there {
                    Some(there) if there.is_validated => "valid",
                    Some(_) => "not-valid",
                    None if key.adding(schema).is_empty() => "not-valid",
                    None => "missing",
                },
            });
        }
    }
    let row = Applied {
        version: progress.version,
        name: progress.name.clone(),
        at: progress.started_on,
        checksum: progress.checksum,
        adopted: Vec::new(),
        resolved: None,
    };
    let status = MigrationStatus {
        version: progress.version,
        name: progress.name.clone(),
        state: State::UnderWay,
        late: false,
        applied_as: None,
        applied_on: None,
        resolved: None,
        under_way: Some(UnderWay {
            since: row.when(),
            step: progress.step.name(),
            direction: match progress.direction {
                Direction::Up => "up",
                Direction::Down => "down",
            },
            archived: progress.archived,
            keys,
        }),
    };
    match report
        .migrations
        .iter_mut()
        .find(|it| it.version == progress.version)
    {
        Some(known) => *known = status,
        None => report.migrations.push(status),
    }
    Ok(())
}
