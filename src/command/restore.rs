//! `fkfix restore`: archived rows back where they belong, or old ones away for good.

use std::io::{self, BufRead as _, IsTerminal as _, Write as _};

use anyhow::{Context as _, Result};

use super::context;
use crate::cli::Restore;
use crate::failure::{Failure, Status};
use crate::outcome::clean::PurgeReport;
use crate::report::output::Output;
use crate::text::{printable, rows};

/// Runs the verb.
pub fn run(arguments: &Restore, output: &mut Output) -> Result<Status> {
    if arguments.purge {
        return purge(arguments, output);
    }
    let database = context::open(&arguments.database)?;
    let only = arguments.table.as_deref();
    let (report, warnings) = if arguments.dry_run {
        database.plan_restore(only)?
    } else {
        database.restore(only, arguments.backup.as_ref())?
    };
    let mut status = Status::Done;
    if report.dry_run {
        output.result(&report, arguments.format)?;
    } else {
        let done = format!("the archived rows of {} were put back", report.database);
        status = output.outcome(&report, arguments.format, &done);
    }
    for warning in &warnings {
        output.warning(warning);
    }
    Ok(status)
}

fn purge(arguments: &Restore, output: &mut Output) -> Result<Status> {
    let database = context::open(&arguments.database)?;
    let (only, age) = (
        arguments.table.as_deref(),
        arguments.older_than.unwrap_or_default(),
    );
    let mut report = database.plan_purge(only, age)?;
    if arguments.dry_run || report.purged.is_empty() {
        report.dry_run = arguments.dry_run;
        output.result(&report, arguments.format)?;
        return Ok(Status::Done);
    }
    let mut most = None;
    if !arguments.yes {
        most = Some(confirm(&report)?);
    }
    let report = database.purge(only, age, most, arguments.backup.as_ref())?;
    let done = format!("old archived rows of {} were deleted", report.database);
    Ok(output.outcome(&report, arguments.format, &done))
}

/// Asks on a terminal; elsewhere nobody could answer. Gives the number of rows that it asked about.
pub(super) fn confirm(report: &PurgeReport) -> Result<i64> {
    let all: i64 = report.purged.iter().map(|it| it.rows).sum();
    if !(io::stdin().is_terminal() && io::stderr().is_terminal()) {
        return Err(Failure::impossible(format!(
            "{} would be deleted for good, and nobody is there to confirm it",
            rows(all)
        ))
        .hint("--yes deletes them without a question; --dry-run shows which")
        .into());
    }
    let each = report.purged.iter();
    let each: Vec<_> = each
        .map(|it| format!("{} of {}", rows(it.rows), it.archive))
        .collect();
    let mut stderr = io::stderr().lock();
    let question = each.join(", ");
    write!(stderr, "delete {} for good? [y/N] ", printable(&question)).context("could not ask")?;
    stderr.flush().context("could not ask")?;
    let mut answer = String::new();
    let read = io::stdin().lock().read_line(&mut answer);
    read.context("could not read the answer")?;
    if matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes") {
        return Ok(all);
    }
    Err(Failure::impossible("nothing was deleted")
        .hint("answer y, or run it with --yes")
        .into())
}
