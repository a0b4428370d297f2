//! `fkfix up`: apply pending migrations.

use anyhow::Result;

use crate::cli::Up;
use crate::failure::Status;
use crate::policy::Policy;
use crate::report::change::{AppliedMigration, UpReport};
use crate::report::output::Output;
use crate::sqlite::{connection, driver, history};

const ENFORCEMENT: &str = "SQLite acts on foreign keys only on connections that run PRAGMA foreign_keys = ON; see that the application does";

/// Runs the verb.
pub fn run(arguments: &Up, output: &mut Output) -> Result<Status> {
    let migrations = super::migrations(&arguments.set)?;
    let (location, to) = (&arguments.database.location, arguments.to);
    if let Some(to) = to {
        migrations.must_have(to)?;
    }
    let policy = Policy {
        orphans: arguments.orphans,
        max_orphans: arguments.max_orphans,
    };
    let mut report = UpReport {
        database: location.to_string(),
        to,
        backup: None,
        applied: Vec::new(),
    };
    let mut database = connection::open(location, arguments.change.lock_timeout)?;
    let mut pending = history::pending(&migrations, &history::read(&database)?, to)?;
    if !pending.is_empty() {
        let transaction = connection::begin(&mut database, location)?;
        // Another run may have been faster than the lock.
        pending = history::pending(&migrations, &history::read(&transaction)?, to)?;
        if !pending.is_empty() {
            let backup = arguments.change.backup.as_ref();
            report.backup = super::back_up(&transaction, location, backup)?;
            let outcomes = driver::up(&transaction, &migrations, to, &policy)?;
            connection::commit(transaction, location)?;
            for warning in outcomes.iter().flat_map(driver::Outcome::warnings) {
                output.warning(warning);
            }
            let applied = outcomes.iter().map(|it| AppliedMigration::new(it, &policy));
            report.applied = applied.collect();
        }
    }
    output.result(&report, arguments.format)?;
    if !pending.is_empty() {
        output.hint(ENFORCEMENT);
    }
    Ok(Status::Done)
}
