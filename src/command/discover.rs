//! `fkfix discover`: find keys that were meant but never declared. Reads the database only;
//! with `--write` it writes a migration.

use std::path::Path;

use anyhow::Result;

use super::context;
use crate::cli::{DEFAULT_FOLDER, Discover};
use crate::discover::Discovered;
use crate::engine::key_script::Scripts;
use crate::failure::Status;
use crate::migrations::{self, Numbering};
use crate::model::asked::Sought;
use crate::report::discover::DiscoverReport;
use crate::report::new::NewReport;
use crate::report::output::Output;
use crate::text;

/// Runs the verb.
pub fn run(arguments: &Discover, output: &mut Output) -> Result<Status> {
    let location = arguments.database.location()?;
    let folder = folder(arguments)?;
    let sought = sought(arguments, folder);
    let found = context::open(&arguments.database)?.discover(sought)?;
    tell(arguments, found, folder, location.to_string(), output)
}

/// The folder of the migrations, where there is one or is to be.
pub fn folder(arguments: &Discover) -> Result<Option<&Path>> {
    let default = Path::new(DEFAULT_FOLDER);
    Ok(match &arguments.folder {
        Some(folder) => Some(folder.as_path()),
        None if arguments.write.is_some() || migrations::holds_any(default)? => Some(default),
        None => None,
    })
}

/// Which keys are wanted, where `folder` has the migrations.
pub fn sought<'a>(arguments: &Discover, folder: Option<&'a Path>) -> Sought<'a> {
    Sought {
        min_confidence: arguments.min_confidence,
        folder,
        with_scripts: arguments.write.is_some(),
        with_indexes: arguments.with_indexes,
    }
}

/// Tells what was `found` in the database called `name`, and writes the migration that is asked for.
pub fn tell(
    arguments: &Discover,
    found: Discovered,
    folder: Option<&Path>,
    name: String,
    output: &mut Output,
) -> Result<Status> {
    for warning in &found.warnings {
        output.warning(warning);
    }
    if arguments.write.is_some() {
        for obstacle in &found.obstacles {
            output.warning(&format!("left out of the migration: {obstacle}"));
        }
    }
    let written = match (found.scripts, &arguments.write, folder) {
        (Some(scripts), Some(name), Some(folder)) => Some(write(
            &scripts,
            folder,
            name,
            arguments.number.numbering(),
            output,
        )?),
        _ => None,
    };
    let report = DiscoverReport {
        database: name,
        min_confidence: arguments.min_confidence,
        keys: found.keys,
        less_sure: found.less_sure,
        in_migrations: found.in_migrations,
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
        output.hint(&context::try_hint(
            Some(arguments.database.location()?),
            folder,
        ));
    } else if !report.keys.is_empty() {
        output.hint(
            "--write makes a migration of them; fkfix new NAME --add KEY of those you choose",
        );
    }
    Ok(status)
}

/// Writes the migration.
fn write(
    scripts: &Scripts,
    folder: &Path,
    name: &str,
    numbering: Numbering,
    output: &mut Output,
) -> Result<NewReport> {
    let [up, down] = migrations::write_next(folder, name, numbering, scripts)?;
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
