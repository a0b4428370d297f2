//! `fkfix restore`: archived rows back where they belong, or old ones away for good.

use std::io::{self, BufRead as _, IsTerminal as _, Write as _};

use anyhow::{Context as _, Result};
use rusqlite::Connection;

use crate::cli::Restore;
use crate::failure::{Failure, Status};
use crate::report::change::RestoredRows;
use crate::report::clean::{PurgeReport, PurgedRows, RestoreReport};
use crate::report::output::Output;
use crate::sqlite::apply::down::{self, Restored};
use crate::sqlite::archive::door::{self, Purge};
use crate::sqlite::file::{backup, connection, reading};
use crate::sqlite::rebuild::steps;
use crate::text::rows;

/// Runs the verb.
pub fn run(arguments: &Restore, output: &mut Output) -> Result<Status> {
    if arguments.purge {
        return purge(arguments, output);
    }
    let location = &arguments.database.location;
    let mut report = RestoreReport {
        database: location.to_string(),
        dry_run: arguments.dry_run,
        backup: None,
        restored: Vec::new(),
    };
    let put_back = |database: &Connection| -> Result<Vec<Restored>> {
        door::must_have(database, arguments.table.as_deref())?;
        down::restore(database, arguments.table.as_deref())
    };
    let timeout = arguments.database.wait.lock_timeout;
    if arguments.dry_run {
        let restored = reading::read(location, timeout, |database| {
            put_back(&backup::temporary(database)?.connection)
        })?;
        report.restored = restored.iter().map(RestoredRows::new).collect();
        output.result(&report, arguments.format)?;
        return Ok(Status::Done);
    }
    let mut database = connection::open(location, timeout)?;
    let transaction = connection::begin(&mut database, location)?;
    report.backup = super::back_up(location, arguments.backup.as_ref())?;
    let restored = put_back(&transaction)?;
    connection::commit(transaction, location)?;
    report.restored = restored.iter().map(RestoredRows::new).collect();
    let done = format!("the archived rows of {location} were put back");
    Ok(output.outcome(&report, arguments.format, &done))
}

fn purge(arguments: &Restore, output: &mut Output) -> Result<Status> {
    let location = &arguments.database.location;
    let timeout = arguments.database.wait.lock_timeout;
    let age = arguments.older_than.unwrap_or_default();
    let find = |database: &Connection| door::purge(database, arguments.table.as_deref(), age);
    let mut report = PurgeReport {
        database: location.to_string(),
        dry_run: true,
        backup: None,
        purged: reading::read(location, timeout, find)?
            .iter()
            .map(purged)
            .collect(),
    };
    if arguments.dry_run || report.purged.is_empty() {
        report.dry_run = arguments.dry_run;
        output.result(&report, arguments.format)?;
        return Ok(Status::Done);
    }
    let all: i64 = report.purged.iter().map(|it| it.rows).sum();
    if !arguments.yes {
        confirm(&report)?;
    }
    let mut database = connection::open(location, timeout)?;
    let transaction = connection::begin(&mut database, location)?;
    report.backup = super::back_up(location, arguments.backup.as_ref())?;
    let purges = find(&transaction)?;
    let found: i64 = purges.iter().map(|it| it.rows).sum();
    if !arguments.yes && found > all {
        return Err(Failure::impossible(format!(
            "{} would be deleted, and the question was about {all}",
            rows(found)
        ))
        .hint("run it again")
        .into());
    }
    for purge in &purges {
        steps::carry_out(&transaction, std::slice::from_ref(&purge.step))?;
    }
    connection::commit(transaction, location)?;
    report.dry_run = false;
    report.purged = purges.iter().map(purged).collect();
    let done = format!("old archived rows of {location} were deleted");
    Ok(output.outcome(&report, arguments.format, &done))
}

fn purged(purge: &Purge) -> PurgedRows {
    PurgedRows {
        archive: purge.archive.name.clone(),
        table: purge.archive.table.clone(),
        rows: purge.rows,
        left: purge.left,
    }
}

/// Asks on a terminal; elsewhere nobody could answer.
fn confirm(report: &PurgeReport) -> Result<()> {
    let all: i64 = report.purged.iter().map(|it| it.rows).sum();
    let names: Vec<_> = report
        .purged
        .iter()
        .map(|it| format!("{} of {}", rows(it.rows), it.archive))
        .collect();
    let refused = |why: String| Failure::impossible(why);
    if !(io::stdin().is_terminal() && io::stderr().is_terminal()) {
        return Err(refused(format!(
            "{} would be deleted for good, and nobody is there to confirm it",
            rows(all)
        ))
        .hint("--yes deletes them without a question; --dry-run shows which")
        .into());
    }
    let question = crate::text::printable(&names.join(", ")).into_owned();
    let mut stderr = io::stderr().lock();
    write!(stderr, "delete {question} for good? [y/N] ").context("could not ask")?;
    stderr.flush().context("could not ask")?;
    let mut answer = String::new();
    io::stdin()
        .lock()
        .read_line(&mut answer)
        .context("could not read the answer")?;
    if matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes") {
        return Ok(());
    }
    Err(refused("nothing was deleted".to_owned())
        .hint("answer y, or run it with --yes")
        .into())
}
