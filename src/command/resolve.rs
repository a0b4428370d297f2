//! `fkfix resolve`: mark a migration as applied or reverted, without running it.

use anyhow::Result;

use super::context;
use crate::cli::Resolve;
use crate::engine::ResolveOrder;
use crate::failure::Status;
use crate::migrations::Migrations;
use crate::outcome::resolve::ResolveReport;
use crate::report::output::Output;

/// Runs the verb.
pub fn run(arguments: &Resolve, output: &mut Output) -> Result<Status> {
    let migrations = context::migrations(&arguments.set, output)?;
    let database = context::open(&arguments.database)?;
    let report = database.resolve(&order(arguments, &migrations))?;
    tell(arguments, &report, output)
}

/// What is to be marked.
pub fn order<'a>(arguments: &'a Resolve, migrations: &'a Migrations) -> ResolveOrder<'a> {
    ResolveOrder {
        migrations,
        version: arguments.version,
        as_applied: arguments.applied,
        reason: arguments.reason.as_deref(),
        dry_run: arguments.dry_run,
    }
}

/// Writes `report`.
pub fn tell(arguments: &Resolve, report: &ResolveReport, output: &mut Output) -> Result<Status> {
    let mut status = Status::Done;
    if report.changed && !report.dry_run {
        let done = format!("V{} was marked as {}", report.version, report.marked);
        status = output.outcome(report, arguments.format, &done);
    } else {
        output.result(report, arguments.format)?;
    }
    for warning in &report.warnings {
        output.warning(warning);
    }
    if report.changed && arguments.reverted && report.reason.is_some() {
        output.note("the reason stands in this report alone: the history keeps nothing of a migration that is reverted");
    }
    Ok(status)
}
