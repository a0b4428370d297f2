//! `fkfix clean`: the orphans of keys that are declared already.

use anyhow::Result;
use rusqlite::Connection;

use crate::cli::{ChangeFormat, Clean};
use crate::failure::Status;
use crate::policy::{Method, Policy};
use crate::report::clean::CleanReport;
use crate::report::output::Output;
use crate::sqlite::apply::clean::{self, Cleaning};
use crate::sqlite::file::{connection, reading};
use crate::sqlite::write::shell;

/// Runs the verb.
pub fn run(arguments: &Clean, output: &mut Output) -> Result<Status> {
    super::check_format(arguments.format, &arguments.change)?;
    let policy = Policy {
        orphans: arguments.orphans,
        max_orphans: arguments.max_orphans,
        method: Method::Fastest,
    };
    if arguments.change.dry_run {
        return dry_run(arguments, &policy, output);
    }
    let location = &arguments.database.location;
    let mut database = connection::open(location, arguments.database.wait.lock_timeout)?;
    let transaction = connection::begin(&mut database, location)?;
    let cleaning = plan(&transaction, arguments, &policy)?;
    if let Some(refusal) = cleaning.plan.refusal(&policy) {
        return Err(refusal.into());
    }
    let mut report = CleanReport::new(location.to_string(), &cleaning, &policy, false);
    if cleaning.plan.steps.is_empty() {
        drop(transaction);
        output.result(&report, arguments.format.into())?;
        warn(&cleaning, output);
        return Ok(Status::Done);
    }
    report.backup = super::back_up(location, arguments.change.backup.as_ref())?;
    clean::carry_out(&transaction, &cleaning)?;
    connection::commit(transaction, location)?;
    let done = format!("the declared keys of {location} were cleaned");
    let status = output.outcome(&report, arguments.format.into(), &done);
    warn(&cleaning, output);
    Ok(status)
}

fn plan(database: &Connection, arguments: &Clean, policy: &Policy) -> Result<Cleaning> {
    clean::plan(database, arguments.table.as_deref(), policy)
}

fn dry_run(arguments: &Clean, policy: &Policy, output: &mut Output) -> Result<Status> {
    let location = &arguments.database.location;
    let timeout = arguments.database.wait.lock_timeout;
    let cleaning = reading::read(location, timeout, |database| {
        plan(database, arguments, policy)
    })?;
    let refusal = cleaning.plan.refusal(policy);
    if arguments.format == ChangeFormat::Sql {
        if refusal.is_none() && !cleaning.plan.steps.is_empty() {
            output.write(&shell::clean(&cleaning.plan)?)?;
        }
    } else {
        let mut report = CleanReport::new(location.to_string(), &cleaning, policy, true);
        report.refused = refusal.as_ref().map(ToString::to_string);
        output.result(&report, arguments.format.into())?;
    }
    warn(&cleaning, output);
    Ok(refusal.map_or(Status::Done, |refusal| {
        output.refusal(&refusal);
        refusal.status()
    }))
}

fn warn(cleaning: &Cleaning, output: &mut Output) {
    for (key, reason) in &cleaning.unusable {
        output.warning(&format!("{} was not looked at: {reason}", key.place()));
    }
    for warning in &cleaning.plan.warnings {
        output.warning(warning);
    }
}
