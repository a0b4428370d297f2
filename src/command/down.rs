//! `fkfix down`: take the newest applied migration back.

use anyhow::Result;

use crate::cli::{ChangeFormat, Down};
use crate::failure::Status;
use crate::report::change::DownReport;
use crate::report::output::Output;
use crate::report::plan::{DownPlan, PlannedReturn};
use crate::sqlite::apply::down::{self, Order};
use crate::sqlite::apply::history;
use crate::sqlite::enforce;
use crate::sqlite::file::connection;
use crate::sqlite::file::reading;
use crate::sqlite::write::shell;

const STALE_TRIGGERS: &str = "triggers of fkfix enforce still carry out keys that are gone; run fkfix enforce to remove these";

/// Runs the verb.
pub fn run(arguments: &Down, output: &mut Output) -> Result<Status> {
    super::check_format(arguments.format, &arguments.change)?;
    let migrations = super::migrations(&arguments.set, output)?;
    if let Some(to) = arguments.to.filter(|to| *to != 0) {
        migrations.must_have(to)?;
    }
    let order = Order {
        migrations: &migrations,
        leave_orphans: arguments.leave_orphans,
    };
    if arguments.change.dry_run {
        return dry_run(arguments, order, output);
    }
    take_back(arguments, order, output)
}

fn take_back(arguments: &Down, order: Order<'_>, output: &mut Output) -> Result<Status> {
    let (location, to) = (&arguments.database.location, arguments.to);
    let mut report = DownReport {
        database: location.to_string(),
        to,
        backup: None,
        taken_back: Vec::new(),
    };
    let mut stale = 0;
    let mut database = connection::open(location, arguments.database.wait.for_a_file())?;
    if !history::to_take_back(order.migrations, &history::read(&database)?, to)?.is_empty() {
        let transaction = connection::begin(&mut database, location)?;
        // Another run may have been faster than the lock.
        let applied = history::to_take_back(order.migrations, &history::read(&transaction)?, to)?;
        if !applied.is_empty() {
            let backup = arguments.change.backup.as_ref();
            report.backup = super::back_up(location, backup)?;
        }
        let done = down::down(&transaction, order, &applied)?;
        stale = enforce::differences(&transaction)?.map_or(0, |found| found.stale.len());
        connection::commit(transaction, location)?;
        report.taken_back = done.iter().map(Into::into).collect();
    }
    if report.taken_back.is_empty() {
        output.result(&report, arguments.format.into())?;
        return Ok(Status::Done);
    }
    let versions = report
        .taken_back
        .iter()
        .map(|it| format!("V{}", it.version));
    let done = super::versions("reverted", versions);
    let status = output.outcome(&report, arguments.format.into(), &done);
    if stale > 0 {
        output.hint(STALE_TRIGGERS);
    }
    Ok(status)
}

fn dry_run(arguments: &Down, order: Order<'_>, output: &mut Output) -> Result<Status> {
    let location = &arguments.database.location;
    let timeout = arguments.database.wait.for_a_file();
    let planned = reading::read(location, timeout, |database| {
        let applied = history::read(database)?;
        let applied = history::to_take_back(order.migrations, &applied, arguments.to)?;
        down::dry_run(database, order, &applied)
    })?;
    if arguments.format == ChangeFormat::Sql {
        if !planned.is_empty() {
            output.write(&shell::down(&planned)?)?;
        }
        return Ok(Status::Done);
    }
    let report = DownPlan {
        database: location.to_string(),
        to: arguments.to,
        dry_run: true,
        migrations: planned.iter().map(PlannedReturn::new).collect(),
    };
    output.result(&report, arguments.format.into())?;
    Ok(Status::Done)
}
