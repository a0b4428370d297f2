//! `fkfix orphans`: the rows that break keys. Read-only.

use std::io::{Seek as _, Write as _};

use anyhow::{Context as _, Result};
use rusqlite::Connection;

use crate::cli::{Format, Orphans, RowsFormat};
use crate::failure::{Failure, Status};
use crate::migrations::Migrations;
use crate::model::value::Value;
use crate::report::orphans::{Orphan, OrphansReport, TableOrphans, UnusableKey};
use crate::report::output::Output;
use crate::report::value;
use crate::sqlite::look::survey::{self, Survey, SurveyedTable};

/// Runs the verb.
pub fn run(arguments: &Orphans, output: &mut Output) -> Result<Status> {
    let migrations = super::migrations(&arguments.set, output)?;
    let looked = super::read(&arguments.database, &migrations, output, |database, set| {
        look(arguments, set, database)
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
        warnings.push(format!("{} was not looked at: {reason}", key.place()));
    }
    let status = if survey.tables.is_empty() {
        Status::Done
    } else {
        Status::No
    };
    let format = match arguments.format {
        RowsFormat::Csv => {
            return Ok(Looked {
                warnings,
                status,
                list: List::Csv(csv(database, &survey)?),
            });
        }
        RowsFormat::Text => Format::Text,
        RowsFormat::Json => Format::Json,
    };
    let mut report = OrphansReport {
        database: location.to_string(),
        orphans: survey.tables.iter().map(|table| table.orphans).sum(),
        keys: Vec::new(),
        tables: Vec::new(),
        dependents: survey.dependents.iter().map(Into::into).collect(),
        unusable: survey.unusable.iter().map(UnusableKey::new).collect(),
    };
    for surveyed in &survey.tables {
        let table = table(database, &survey, surveyed, arguments.limit)?;
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
    surveyed: &SurveyedTable,
    limit: usize,
) -> Result<TableOrphans> {
    let table = &surveyed.table;
    let keys = survey
        .keys
        .iter()
        .filter(|key| key.rows > 0 && key.place == surveyed.place);
    let mut telling: Vec<String> = table
        .row_key
        .columns()
        .iter()
        .map(ToString::to_string)
        .collect();
    let (mut columns, mut times) = (Vec::new(), Vec::new());
    for key in keys {
        columns.extend(key.named.key.columns.iter().cloned());
        times.extend(key.span.as_ref().map(|span| span.column.clone()));
    }
    telling.extend(columns.into_iter().chain(times));
    let sample = survey.sample(database, surveyed, limit)?.into_iter();
    let sample = sample.map(|row| {
        let mut values = row.into_iter();
        Orphan {
            rowid: values.next().unwrap_or(Value::Null),
            breaks: values.next().unwrap_or(Value::Null),
            values: values.collect(),
        }
    });
    Ok(TableOrphans {
        table: table.name.clone(),
        place: surveyed.place,
        orphans: surveyed.orphans,
        break_several: surveyed.break_several,
        rows: surveyed.of,
        columns: table
            .columns
            .iter()
            .map(|column| column.name.clone())
            .collect(),
        sample: sample.collect(),
        telling,
    })
}

/// Rows for a CSV file, which wait until it is certain that all of them are of one state of the database: in
/// memory, or where they are many in a file without a name.
type Spool = tempfile::SpooledTempFile;

const IN_MEMORY: usize = 1 << 20;

/// One table's orphans, whole: there is one header.
fn csv(database: &Connection, survey: &Survey) -> Result<Spool> {
    let attempt = "could not keep the rows in the temporary folder";
    let mut spool = Spool::new(IN_MEMORY);
    let Some(first) = survey.tables.first() else {
        return Ok(spool);
    };
    let names = |surveyed: &SurveyedTable| -> Vec<String> {
        let columns = surveyed.table.columns.iter();
        columns.map(|column| column.name.clone()).collect()
    };
    let header = names(first);
    let mut tables: Vec<_> = survey
        .tables
        .iter()
        .map(|it| it.table.name.as_str())
        .collect();
    tables.dedup();
    if tables.len() > 1 {
        return Err(Failure::impossible(format!(
            "several tables have orphans, and a CSV file has one header: {}",
            tables.join(", ")
        ))
        .hint("choose one with --table")
        .into());
    }
    if survey
        .tables
        .iter()
        .any(|surveyed| names(surveyed) != header)
    {
        return Err(Failure::impossible(format!(
            "{} has orphans before and after the pending migrations change its columns, and a CSV file has one header",
            first.table.name
        ))
        .hint("take --format json, or apply the migrations one after the other with fkfix up --to")
        .into());
    }
    let own = ["fkfix_rowid", "fkfix_constraints"].into_iter();
    let header: Vec<_> = own
        .chain(header.iter().map(String::as_str))
        .map(|name| value::csv_text(name.as_bytes()))
        .collect();
    spool
        .write_all(&value::csv_line(&header))
        .context(attempt)?;
    for surveyed in &survey.tables {
        survey.each_orphan(database, surveyed, |row| {
            let fields: Vec<_> = row.iter().map(value::csv).collect();
            spool.write_all(&value::csv_line(&fields)).context(attempt)
        })?;
    }
    spool.rewind().context(attempt)?;
    Ok(spool)
}
