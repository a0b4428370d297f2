//! `fkfix clean`: the orphans of keys that are declared already.

use anyhow::Result;

use crate::cli::{ChangeFormat, Clean};
use crate::failure::Status;
use crate::policy::{Method, Policy};
use crate::report::output::Output;

/// Runs the verb.
pub fn run(arguments: &Clean, output: &mut Output) -> Result<Status> {
    super::check_format(arguments.format, &arguments.change)?;
    let policy = Policy {
        orphans: arguments.orphans,
        max_orphans: arguments.max_orphans,
        method: Method::Fastest,
    };
    let database = super::open(&arguments.database)?;
    let (only, format) = (arguments.table.as_deref(), arguments.format.into());
    let as_script = arguments.format == ChangeFormat::Sql;
    let cleaned = if arguments.change.dry_run {
        database.plan_clean(only, &policy, as_script)?
    } else {
        database.clean(only, &policy, arguments.change.backup.as_ref())?
    };
    let report = &cleaned.report;
    let mut status = Status::Done;
    if as_script {
        output.write(&cleaned.script.unwrap_or_default())?;
    } else if report.dry_run || report.steps.is_empty() {
        output.result(report, format)?;
    } else {
        let done = format!("the declared keys of {} were cleaned", report.database);
        status = output.outcome(report, format, &done);
    }
    for warning in &cleaned.warnings {
        output.warning(warning);
    }
    Ok(match &cleaned.refusal {
        Some(refusal) => {
            output.refusal(refusal);
            refusal.status()
        }
        None => status,
    })
}
