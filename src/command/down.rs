//! `fkfix down`: take the newest applied migration back.

use anyhow::Result;

use super::context;
use crate::cli::{ChangeFormat, Down};
use crate::engine::DownOrder;
use crate::failure::Status;
use crate::report::output::Output;

const STALE_TRIGGERS: &str = "triggers of fkfix enforce still carry out keys that are gone; run fkfix enforce to remove these";

/// Runs the verb.
pub fn run(arguments: &Down, output: &mut Output) -> Result<Status> {
    context::check_format(arguments.format, &arguments.change)?;
    super::schema::check_target(&arguments.database, arguments.format)?;
    let migrations = context::migrations(&arguments.set, output)?;
    if let Some(to) = arguments.to.filter(|to| *to != 0) {
        migrations.must_have(to)?;
    }
    let order = DownOrder {
        migrations: &migrations,
        leave_orphans: arguments.leave_orphans,
    };
    if let Some(file) = &arguments.database.schema {
        return super::schema::down(arguments, file, order, output);
    }
    if arguments.change.dry_run {
        return dry_run(arguments, order, output);
    }
    revert(arguments, order, output)
}

fn revert(arguments: &Down, order: DownOrder<'_>, output: &mut Output) -> Result<Status> {
    let database = context::open(&arguments.database.database())?;
    let done = database.down(order, arguments.to, arguments.change.backup.as_ref())?;
    let (report, format) = (&done.report, arguments.format.into());
    if report.migrations.is_empty() {
        output.result(report, format)?;
        return Ok(Status::Done);
    }
    let versions = report.migrations.iter();
    let versions = versions.map(|it| format!("V{}", it.change.version));
    let status = output.outcome(report, format, &context::versions("reverted", versions));
    for warning in &done.warnings {
        output.warning(warning);
    }
    if done.stale_triggers {
        output.hint(STALE_TRIGGERS);
    }
    Ok(status)
}

fn dry_run(arguments: &Down, order: DownOrder<'_>, output: &mut Output) -> Result<Status> {
    let as_script = arguments.format == ChangeFormat::Sql;
    let database = context::open(&arguments.database.database())?;
    let planned = database.plan_down(
        order,
        arguments.to,
        as_script.then_some(arguments.database.target),
    )?;
    if as_script {
        output.write(&planned.script.unwrap_or_default())?;
        return Ok(Status::Done);
    }
    output.result(&planned.report, arguments.format.into())?;
    for warning in &planned.warnings {
        output.warning(warning);
    }
    Ok(Status::Done)
}
