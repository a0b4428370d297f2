//! `fkfix discover`: find keys that were meant but never declared. Reads the database only;
//! with `--write` it writes a migration.

use std::path::Path;

use anyhow::Result;
use rusqlite::Connection;

use crate::cli::{DEFAULT_FOLDER, Discover};
use crate::failure::Status;
use crate::migrations::{self, Migrations};
use crate::report::discover::DiscoverReport;
use crate::report::new::NewReport;
use crate::report::output::Output;
use crate::sqlite::discover::{self, Candidate, requested};
use crate::sqlite::file::reading;
use crate::sqlite::keys::key_script::{self, Scripts};
use crate::text;

/// Runs the verb.
pub fn run(arguments: &Discover, output: &mut Output) -> Result<Status> {
    let location = &arguments.database.location;
    let default = Path::new(DEFAULT_FOLDER);
    let folder = match &arguments.folder {
        Some(folder) => Some(folder.as_path()),
        None if arguments.write.is_some() || migrations::holds_any(default)? => Some(default),
        None => None,
    };
    let timeout = arguments.database.wait.for_a_file();
    let Found {
        sure,
        less_sure,
        in_migrations,
        scripts,
    } = reading::read(location, timeout, |database| {
        look(arguments, folder, database)
    })?;
    if arguments.write.is_some() {
        for obstacle in sure.iter().filter_map(|it| it.obstacle.as_ref()) {
            output.warning(&format!("left out of the migration: {obstacle}"));
        }
    }
    let written = match (scripts, &arguments.write, folder) {
        (Some(scripts), Some(name), Some(folder)) => Some(write(&scripts, folder, name, output)?),
        _ => None,
    };
    let report = DiscoverReport {
        database: location.to_string(),
        min_confidence: arguments.min_confidence,
        keys: sure.into_iter().map(Into::into).collect(),
        less_sure,
        in_migrations,
        written,
    };
    let mut status = Status::Done;
    if let Some(written) = &report.written {
        let done = format!("{} was written", written.up);
        status = output.outcome(&report, arguments.format, &done);
    } else {
        output.result(&report, arguments.format)?;
    }
    remark(&report, output);
    if let (Some(_), Some(folder)) = (&report.written, folder) {
        output.hint(&super::try_hint(Some(location), folder));
    } else if !report.keys.is_empty() {
        output.hint(
            "--write makes a migration of them; fkfix new NAME --add KEY of those you choose",
        );
    }
    Ok(status)
}

/// What a look at a database gave.
struct Found {
    sure: Vec<Candidate>,
    /// How many are less sure.
    less_sure: usize,
    in_migrations: usize,
    /// What adds those that are sure, where it is asked for and SQLite can take one.
    scripts: Option<Scripts>,
}

fn look(arguments: &Discover, folder: Option<&Path>, database: &Connection) -> Result<Found> {
    let all = discover::candidates(database)?;
    let (new, in_migrations) = without_asked_for(database, folder, all)?;
    let is_sure = |candidate: &Candidate| candidate.confidence >= arguments.min_confidence;
    let (sure, less_sure): (Vec<_>, Vec<_>) = new.into_iter().partition(is_sure);
    let possible = sure.iter().filter(|it| it.obstacle.is_none());
    let keys: Vec<_> = possible.map(|it| it.key.clone()).collect();
    let scripts = if arguments.write.is_some() && !keys.is_empty() {
        Some(key_script::checked(database, &keys)?)
    } else {
        None
    };
    Ok(Found {
        sure,
        less_sure: less_sure.len(),
        in_migrations,
        scripts,
    })
}

/// Leaves out the keys that the migrations of `folder` ask for; gives the number of those too.
fn without_asked_for(
    database: &Connection,
    folder: Option<&Path>,
    candidates: Vec<Candidate>,
) -> Result<(Vec<Candidate>, usize)> {
    let Some(folder) = folder.filter(|folder| folder.exists()) else {
        return Ok((candidates, 0));
    };
    let migrations = Migrations::in_folder_if_any(folder)?;
    let asked_for = requested::keys(database, &migrations)?;
    let before = candidates.len();
    let mut candidates = candidates;
    candidates.retain(|it| !asked_for.iter().any(|key| key.same_columns(&it.key)));
    let left_out = before - candidates.len();
    Ok((candidates, left_out))
}

/// Writes the migration.
fn write(scripts: &Scripts, folder: &Path, name: &str, output: &mut Output) -> Result<NewReport> {
    let [up, down] = migrations::write_next(folder, name, &scripts.up, &scripts.down)?;
    for warning in &scripts.warnings {
        output.warning(warning);
    }
    Ok(NewReport::new(&up, &down))
}

/// Says on stderr what the list does not show.
fn remark(report: &DiscoverReport, output: &mut Output) {
    if report.in_migrations > 0 {
        output.note(&format!(
            "{} left out, which the migrations ask for already",
            keys(report.in_migrations)
        ));
    }
    if !report.keys.is_empty() {
        return;
    }
    if report.less_sure == 0 {
        output.note("no key was found that is not declared");
        return;
    }
    let least = report.min_confidence;
    output.note(&format!("no key was found at {least}% confidence or more"));
    let less_sure = keys(report.less_sure);
    output.hint(&format!("--min-confidence 0 shows {less_sure} less sure"));
}

fn keys(number: usize) -> String {
    text::plural(i64::try_from(number).unwrap_or(i64::MAX), "key")
}
