//! `fkfix orphans`: the rows that break keys. Read-only.

use std::io::{Seek as _, Write as _};

use anyhow::{Context as _, Result};
use rusqlite::Connection;

use crate::cli::{Format, Orphans, RowsFormat};
use crate::failure::{Failure, Status};
use crate::migrations::Migrations;
use crate::report::orphans::{Dependents, Orphan, OrphansReport, TableOrphans, UnusableKey};
use crate::report::output::Output;
use crate::report::value;
use crate::sqlite::keys::label_of;
use crate::sqlite::lists::Removal;
use crate::sqlite::reading;
use crate::sqlite::survey::{self, Survey};
use crate::sqlite::value::Value;

/// Runs the verb.
pub fn run(arguments: &Orphans, output: &mut Output) -> Result<Status> {
    let migrations = super::migrations(&arguments.set)?;
    let location = &arguments.database.location;
    let timeout = arguments.database.wait.lock_timeout;
    let looked = reading::read(location, timeout, |database| {
        look(arguments, &migrations, database)
    })?;
    for warning in &looked.warnings {
        output.warning(warning);
    }
    match looked.list {
        List::Csv(mut rows) => output.copy(&mut rows)?,
        List::Report(report, format) => output.result(&report, format)?,
    }
    Ok(looked.status)
}

/// What a look at the rows gave.
struct Looked {
    warnings: Vec<String>,
    status: Status,
    list: List,
}

/// The rows, in the form that was asked for.
enum List {
    Report(OrphansReport, Format),
    Csv(Spool),
}

fn look(arguments: &Orphans, migrations: &Migrations, database: &Connection) -> Result<Looked> {
    let location = &arguments.database.location;
    let survey = survey::survey(database, migrations, arguments.table.as_deref())?;
    let mut warnings = Vec::new();
    for (key, reason) in &survey.unusable {
        warnings.push(format!("{} was not looked at: {reason}", label_of(key)));
    }
    let removals = survey.found.removals.iter();
    let orphaned: Vec<_> = removals.filter(|removal| removal.orphans > 0).collect();
    let status = if orphaned.is_empty() {
        Status::Done
    } else {
        Status::No
    };
    let format = match arguments.format {
        RowsFormat::Csv => {
            return Ok(Looked {
                warnings,
                status,
                list: List::Csv(csv(database, &orphaned)?),
            });
        }
        RowsFormat::Text => Format::Text,
        RowsFormat::Json => Format::Json,
    };
    let mut report = OrphansReport {
        database: location.to_string(),
        orphans: orphaned.iter().map(|removal| removal.orphans).sum(),
        keys: Vec::new(),
        tables: Vec::new(),
        dependents: dependents(&survey),
        unusable: survey.unusable.iter().map(UnusableKey::new).collect(),
    };
    for removal in orphaned {
        let table = table(database, &survey, removal, arguments.limit)?;
        report.tables.push(table);
    }
    report.keys = survey.keys.into_iter().map(Into::into).collect();
    Ok(Looked {
        warnings,
        status,
        list: List::Report(report, format),
    })
}

fn table(
    database: &Connection,
    survey: &Survey,
    removal: &Removal,
    limit: usize,
) -> Result<TableOrphans> {
    let table = &removal.table;
    let keys = survey
        .keys
        .iter()
        .filter(|key| key.rows > 0 && key.new.key.child == table.name);
    let mut telling: Vec<String> = table
        .row_key
        .columns()
        .iter()
        .map(ToString::to_string)
        .collect();
    let (mut columns, mut times) = (Vec::new(), Vec::new());
    for key in keys {
        columns.extend(key.new.key.columns.iter().cloned());
        times.extend(key.span.as_ref().map(|span| span.column.clone()));
    }
    telling.extend(columns.into_iter().chain(times));
    let mut sample = Vec::new();
    survey::each_orphan(database, removal, Some(limit), |row| {
        let mut values = row.into_iter();
        sample.push(Orphan {
            rowid: values.next().unwrap_or(Value::Null),
            breaks: values.next().unwrap_or(Value::Null),
            values: values.collect(),
        });
        Ok(())
    })?;
    Ok(TableOrphans {
        table: table.name.clone(),
        orphans: removal.orphans,
        break_several: removal.break_several,
        rows: removal.of,
        columns: table
            .columns
            .iter()
            .map(|column| column.name.clone())
            .collect(),
        sample,
        telling,
    })
}

fn dependents(survey: &Survey) -> Vec<Dependents> {
    let mut dependents = Vec::new();
    for removal in &survey.found.removals {
        let along = removal.reasons.iter().filter(|reason| !reason.breaks);
        dependents.extend(along.map(|reason| Dependents {
            table: removal.table.name.clone(),
            key: reason.key.clone(),
            rows: reason.rows,
            go_along: true,
        }));
    }
    dependents.extend(survey.found.blocked.iter().map(|blocked| Dependents {
        table: blocked.key.child.clone(),
        key: label_of(&blocked.key),
        rows: blocked.rows,
        go_along: false,
    }));
    dependents
}

/// Rows that wait until it is certain that all of them are of one state of the database: in
/// memory, or where they are many in a file without a name.
type Spool = tempfile::SpooledTempFile;

const IN_MEMORY: usize = 1 << 20;

/// One table's orphans, whole: there is one header.
fn csv(database: &Connection, orphaned: &[&Removal]) -> Result<Spool> {
    let attempt = "could not keep the rows in the temporary folder";
    let mut spool = Spool::new(IN_MEMORY);
    let removal = match orphaned {
        [] => return Ok(spool),
        [removal] => removal,
        [_, _, ..] => {
            let tables: Vec<_> = orphaned.iter().map(|it| it.table.name.as_str()).collect();
            return Err(Failure::impossible(format!(
                "several tables have orphans, and a CSV file has one header: {}",
                tables.join(", ")
            ))
            .hint("choose one with --table")
            .into());
        }
    };
    let names = removal
        .table
        .columns
        .iter()
        .map(|column| column.name.as_str());
    let header = ["fkfix_rowid", "fkfix_constraints"]
        .into_iter()
        .chain(names);
    let header: Vec<_> = header
        .map(|name| value::csv_text(name.as_bytes()))
        .collect();
    spool
        .write_all(&value::csv_line(&header))
        .context(attempt)?;
    survey::each_orphan(database, removal, None, |row| {
        let fields: Vec<_> = row.iter().map(value::csv).collect();
        spool.write_all(&value::csv_line(&fields)).context(attempt)
    })?;
    spool.rewind().context(attempt)?;
    Ok(spool)
}
