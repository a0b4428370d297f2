//! `fkfix status`: where every migration stands.

use anyhow::Result;
use rusqlite::Connection;

use super::{Applicable, Database};
use crate::migrations::Migrations;
use crate::outcome::enforce::TriggerName;
use crate::outcome::status::{ArchiveStatus, MigrationStatus, StatusReport};
use crate::sqlite::apply::asked::parts;
use crate::sqlite::apply::history;
use crate::sqlite::archive;
use crate::sqlite::enforce;
use crate::sqlite::schema::row_counts;

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
    let mut report =
        StatusReport {
            database: String::new(),
            migrations: MigrationStatus::all(migrations, &applied, |it| {
                Ok(parts::requests(it)?.len())
            })?,
            archives: Vec::new(),
            enforcement: Vec::new(),
        };
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
