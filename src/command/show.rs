//! `fkfix show`: a row, its parents, its children, and what hangs on it. Read-only.

use anyhow::Result;

use super::context;
use crate::cli::Show;
use crate::failure::Status;
use crate::model::asked::Asked;
use crate::report::output::Output;

/// Runs the verb.
pub fn run(arguments: &Show, output: &mut Output) -> Result<Status> {
    let report = context::open(&arguments.database)?.show(asked(arguments))?;
    output.result(&report, arguments.format)?;
    Ok(Status::Done)
}

/// The row that is asked for.
pub fn asked(arguments: &Show) -> Asked<'_> {
    Asked {
        table: &arguments.table,
        key: &arguments.key,
        by_rowid: arguments.rowid,
        limit: arguments.limit,
    }
}
