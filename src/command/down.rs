//! `fkfix down`: take the newest applied migration back.

use anyhow::Result;

use crate::cli::Down;
use crate::failure::Status;
use crate::report::change::DownReport;
use crate::report::output::Output;
use crate::sqlite::{connection, driver, history};

/// Runs the verb.
pub fn run(arguments: &Down, output: &mut Output) -> Result<Status> {
    let migrations = super::migrations(&arguments.set)?;
    let (location, to) = (&arguments.database.location, arguments.to);
    if let Some(to) = to.filter(|to| *to != 0) {
        migrations.must_have(to)?;
    }
    let mut report = DownReport {
        database: location.to_string(),
        to,
        backup: None,
        taken_back: Vec::new(),
    };
    let mut database = connection::open(location, arguments.change.lock_timeout)?;
    if !history::to_take_back(&migrations, &history::read(&database)?, to)?.is_empty() {
        let transaction = connection::begin(&mut database, location)?;
        let applied = history::to_take_back(&migrations, &history::read(&transaction)?, to)?;
        if !applied.is_empty() {
            let backup = arguments.change.backup.as_ref();
            report.backup = super::back_up(&transaction, location, backup)?;
        }
        for row in &applied {
            let done = driver::down(&transaction, &migrations, row, arguments.leave_orphans)?;
            report.taken_back.push(done.into());
        }
        connection::commit(transaction, location)?;
    }
    output.result(&report, arguments.format)?;
    Ok(Status::Done)
}
