//! `fkfix show`: a row, its parents, its children, and what hangs on it. Read-only.

use anyhow::Result;
use rusqlite::Connection;

use crate::cli::Show;
use crate::failure::Status;
use crate::report::output::Output;
use crate::report::show::ShowReport;
use crate::sqlite::file::reading;
use crate::sqlite::look::deletion;
use crate::sqlite::look::relatives;
use crate::sqlite::look::row;
use crate::sqlite::orphans;
use crate::sqlite::schema::Table;
use crate::sqlite::schema::foreign_key;

/// Runs the verb.
pub fn run(arguments: &Show, output: &mut Output) -> Result<Status> {
    let location = &arguments.database.location;
    let report = reading::read(location, arguments.database.wait.for_a_file(), |database| {
        look(arguments, database)
    })?;
    output.result(&report, arguments.format)?;
    Ok(Status::Done)
}

fn look(arguments: &Show, database: &Connection) -> Result<ShowReport> {
    let location = &arguments.database.location;
    let table = Table::read(database, &arguments.table)?;
    let asked = row::find(database, &table, &arguments.key, arguments.rowid)?;
    let declared = foreign_key::distinct(foreign_key::declared(database)?);
    let found = orphans::hanging_on(database, &table, &asked.condition, &declared)?;
    let mut report = ShowReport::new(location.to_string(), &table.name, &asked);
    if let Some(list) = found.removal(&table.name) {
        report.add_parents(relatives::references(
            database, list, &asked.row, &declared,
        )?);
        report.add_children(relatives::children(
            database,
            list,
            &declared,
            arguments.limit,
        )?);
    }
    report.deletion = deletion::foresee(database, &found, &declared)?.into();
    Ok(report)
}
