//! `fkfix enforce`: carry out the declared keys on every connection.

use anyhow::Result;
use rusqlite::Connection;

use crate::cli::{ChangeFormat, Enforce};
use crate::failure::Status;
use crate::report::enforce::EnforceReport;
use crate::report::output::Output;
use crate::sqlite::enforce::{self, Plan};
use crate::sqlite::file::connection;
use crate::sqlite::file::reading;
use crate::sqlite::rebuild::steps;
use crate::sqlite::write::shell;

/// Runs the verb.
pub fn run(arguments: &Enforce, output: &mut Output) -> Result<Status> {
    super::check_format(arguments.format, &arguments.change)?;
    let location = &arguments.database.location;
    let mut report = EnforceReport::new(location.to_string(), arguments);
    let plan = if arguments.change.dry_run {
        let timeout = arguments.database.wait.for_a_file();
        reading::read(location, timeout, |database| plan(database, arguments))?
    } else {
        carry_out(arguments, &mut report)?
    };
    let mut status = Status::Done;
    if arguments.format == ChangeFormat::Sql {
        if !plan.is_empty() {
            output.write(&shell::enforce(&plan.steps)?)?;
        }
    } else {
        report.add(&plan);
        if plan.is_empty() || arguments.change.dry_run {
            output.result(&report, arguments.format.into())?;
        } else {
            let done = format!("the triggers of {location} were changed");
            status = output.outcome(&report, arguments.format.into(), &done);
        }
    }
    for key in &plan.keys {
        for limit in &key.limits {
            output.warning(&format!("{} {limit}", key.key.place()));
        }
    }
    Ok(status)
}

fn plan(database: &Connection, arguments: &Enforce) -> Result<Plan> {
    if arguments.remove {
        enforce::removal(database)
    } else {
        enforce::plan(database, arguments.strict)
    }
}

fn carry_out(arguments: &Enforce, report: &mut EnforceReport) -> Result<Plan> {
    let location = &arguments.database.location;
    let mut database = connection::open(location, arguments.database.wait.for_a_file())?;
    let without_lock = plan(&database, arguments)?;
    if without_lock.is_empty() {
        return Ok(without_lock);
    }
    let transaction = connection::begin(&mut database, location)?;
    // Another run may have been faster than the lock.
    let plan = plan(&transaction, arguments)?;
    if !plan.is_empty() {
        report.backup = super::back_up(location, arguments.change.backup.as_ref())?;
        steps::carry_out(&transaction, &plan.steps)?;
        plan.verify_schema(&transaction)?;
    }
    connection::commit(transaction, location)?;
    Ok(plan)
}
