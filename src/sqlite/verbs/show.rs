//! `fkfix show`: a row, its parents, its children, and what hangs on it.

use anyhow::Result;
use rusqlite::Connection;

use super::Database;
use crate::model::asked::Asked;
use crate::outcome::show::ShowReport;
use crate::sqlite::file::reading;
use crate::sqlite::look::{deletion, relatives, row};
use crate::sqlite::orphans;
use crate::sqlite::schema::Table;
use crate::sqlite::schema::foreign_key;

impl Database {
    /// The row that is `asked` for, with its parents, its children, and what deleting it would take
    /// along.
    pub fn show(&self, asked: Asked<'_>) -> Result<ShowReport> {
        reading::read(&self.location, self.lock_timeout, |connection| {
            let mut report = look(connection, asked)?;
            report.database = self.name();
            Ok(report)
        })
    }
}

fn look(database: &Connection, asked: Asked<'_>) -> Result<ShowReport> {
    let table = Table::read(database, asked.table)?;
    let row = row::find(database, &table, asked.key, asked.by_rowid)?;
    let declared = foreign_key::distinct(foreign_key::declared(database)?);
    let found = orphans::hanging_on(database, &table, &row.condition, &declared)?;
    let mut report = ShowReport::new(&table.name, row.key, row.row.clone());
    if let Some(list) = found.removal(&table.name) {
        report.parents = relatives::references(database, list, &row.row, &declared)?;
        report.children = relatives::children(database, list, &declared, asked.limit)?;
    }
    report.deletion = deletion::foresee(database, &found, &declared)?;
    Ok(report)
}
