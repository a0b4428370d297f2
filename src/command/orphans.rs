//! `fkfix orphans`: the rows that break keys. Read-only.

use anyhow::Result;

use super::context;
use crate::cli::{Format, Orphans, RowsFormat};
use crate::failure::Status;
use crate::outcome::archived::ArchivedReport;
use crate::report::output::Output;

/// Runs the verb.
pub fn run(arguments: &Orphans, output: &mut Output) -> Result<Status> {
    if arguments.archived {
        return archived(arguments, output);
    }
    let migrations = context::migrations(&arguments.set, output)?;
    let database = context::open(&arguments.database)?;
    let table = arguments.table.as_deref();
    let (any, warnings) = match arguments.format {
        RowsFormat::Csv => {
            let mut looked = database.orphans_csv(&migrations, table)?;
            context::note_if(looked.none_applies, output);
            output.copy(&mut looked.value.found)?;
            (looked.value.any, looked.value.warnings)
        }
        RowsFormat::Text | RowsFormat::Json => {
            let looked = database.orphans(&migrations, table, arguments.limit)?;
            context::note_if(looked.none_applies, output);
            let format = match arguments.format {
                RowsFormat::Json => Format::Json,
                RowsFormat::Text | RowsFormat::Csv => Format::Text,
            };
            output.result(&looked.value.found, format)?;
            (looked.value.any, looked.value.warnings)
        }
    };
    for warning in &warnings {
        output.warning(warning);
    }
    Ok(if any { Status::No } else { Status::Done })
}

/// What the archives hold.
fn archived(arguments: &Orphans, output: &mut Output) -> Result<Status> {
    let report = context::open(&arguments.database)?.archived(arguments.table.as_deref())?;
    tell_archived(&report, arguments.format, output)
}

/// Tells what the archives hold.
pub(super) fn tell_archived(
    report: &ArchivedReport,
    format: RowsFormat,
    output: &mut Output,
) -> Result<Status> {
    match format {
        RowsFormat::Text => output.result(report, Format::Text)?,
        RowsFormat::Json => output.result(report, Format::Json)?,
        RowsFormat::Csv => output.copy(&mut report.csv().as_slice())?,
    }
    Ok(Status::Done)
}
