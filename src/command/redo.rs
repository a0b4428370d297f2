//! `fkfix redo`: revert the newest applied migration and apply it again.

use anyhow::Result;

use super::context;
use crate::cli::Redo;
use crate::engine::UpOrder;
use crate::failure::Status;
use crate::policy::{Method, Policy};
use crate::report::output::Output;

/// Runs the verb.
pub fn run(arguments: &Redo, output: &mut Output) -> Result<Status> {
    let migrations = context::migrations(&arguments.set, output)?;
    let policy = Policy {
        orphans: arguments.orphans,
        max_orphans: arguments.max_orphans,
        method: Method::Fastest,
    };
    let order = UpOrder {
        migrations: &migrations,
        to: None,
        allow_missing: true,
        policy: &policy,
        check_space: true,
    };
    let database = context::open(&arguments.database)?;
    let redone = if arguments.change.dry_run {
        database.plan_redo(order)?
    } else {
        database.redo(order, arguments.change.backup.as_ref())?
    };
    let (report, mut status) = (&redone.report, Status::Done);
    if let Some(done) = report.done() {
        status = output.outcome(report, arguments.format, &done);
    } else {
        output.result(report, arguments.format)?;
    }
    for warning in &redone.warnings {
        output.warning(warning);
    }
    Ok(match &redone.refusal {
        Some(refusal) => {
            output.refusal(refusal);
            refusal.status()
        }
        None => status,
    })
}
