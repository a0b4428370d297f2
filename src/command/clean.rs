//! `fkfix clean`: the orphans of keys that are declared already.

use anyhow::Result;

use super::context;
use crate::cli::{ChangeFormat, Clean};
use crate::failure::Status;
use crate::outcome::clean::Cleaned;
use crate::policy::{Method, Policy};
use crate::report::output::Output;

/// Runs the verb.
pub fn run(arguments: &Clean, output: &mut Output) -> Result<Status> {
    context::check_format(arguments.format, &arguments.change)?;
    super::schema::check_target(&arguments.database, arguments.format)?;
    let policy = policy(arguments);
    if let Some(file) = &arguments.database.schema {
        return super::schema::clean(arguments, file, &policy, output);
    }
    let database = context::open(&arguments.database.database())?;
    let only = arguments.table.as_deref();
    let as_script = arguments.format == ChangeFormat::Sql;
    let cleaned = if arguments.change.dry_run {
        let target = as_script.then_some(arguments.database.target);
        database.plan_clean(only, &policy, target)?
    } else {
        database.clean(only, &policy, arguments.change.backup.as_ref())?
    };
    tell(cleaned, arguments.format, output)
}

/// What is allowed.
pub(super) fn policy(arguments: &Clean) -> Policy {
    Policy {
        orphans: arguments.orphans,
        max_orphans: arguments.max_orphans,
        method: Method::Fastest,
    }
}

/// Tells what was done, or would be.
pub(super) fn tell(cleaned: Cleaned, format: ChangeFormat, output: &mut Output) -> Result<Status> {
    let report = &cleaned.report;
    let mut status = Status::Done;
    if format == ChangeFormat::Sql {
        output.write(&cleaned.script.unwrap_or_default())?;
    } else if report.dry_run || report.steps.is_empty() {
        output.result(report, format.into())?;
    } else {
        let done = format!("the declared keys of {} were cleaned", report.database);
        status = output.outcome(report, format.into(), &done);
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
