//! `fkfix enforce`: carry out the declared keys on every connection.

use anyhow::Result;

use super::context;
use crate::cli::{ChangeFormat, Enforce};
use crate::engine::Enforcement;
use crate::failure::Status;
use crate::report::output::Output;

/// Runs the verb.
pub fn run(arguments: &Enforce, output: &mut Output) -> Result<Status> {
    context::check_format(arguments.format, &arguments.change)?;
    let database = context::open(&arguments.database)?;
    let wanted = Enforcement {
        remove: arguments.remove,
        strict: arguments.strict,
        backup: arguments.change.backup.as_ref(),
    };
    let (report, script) = if arguments.change.dry_run {
        database.plan_enforce(wanted)?
    } else {
        (database.enforce(wanted)?, None)
    };
    let mut status = Status::Done;
    if arguments.format == ChangeFormat::Sql {
        output.write(&script.unwrap_or_default())?;
    } else if report.dry_run || report.changes_nothing() {
        output.result(&report, arguments.format.into())?;
    } else {
        let done = format!("the triggers of {} were changed", report.database);
        status = output.outcome(&report, arguments.format.into(), &done);
    }
    for key in &report.keys {
        for limit in &key.limits {
            output.warning(&format!("{} {limit}", key.key.place()));
        }
    }
    for warning in &report.warnings {
        output.warning(warning);
    }
    Ok(status)
}
