//! `fkfix check`: is the schema as it should be? Read-only, but for `--update`.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result};

use super::context;
use crate::cli::{Abroad, Check, CheckFormat, Format, the_one};
#[cfg(feature = "postgres")]
use crate::engine::server::dump;
use crate::engine::{self, CheckOrder};
use crate::failure::{Failure, Status};
use crate::location::Location;
#[cfg(feature = "postgres")]
use crate::migrations::Migrations;
use crate::report::check::{CheckReport, SnapshotReport};
use crate::report::output::Output;
use crate::report::snapshot;

/// Runs the verb.
pub fn run(arguments: &Check, output: &mut Output) -> Result<Status> {
    let migrations = context::migrations(&arguments.set, output)?;
    let subject = Subject::of(arguments)?;
    #[cfg(feature = "postgres")]
    if let Subject::Dump(name, text) = &subject
        && dump::is_one(text)
    {
        must_be_at_home(arguments)?;
        return check_dump(arguments, name, text, &migrations, output);
    }
    #[cfg(not(feature = "postgres"))]
    if let Subject::Dump(name, text) = &subject
        && text.contains("-- PostgreSQL database dump")
    {
        return Err(Failure::impossible(format!(
            "{name} is a dump of PostgreSQL, which this binary was built without"
        ))
        .hint("take one that has the feature postgres")
        .into());
    }
    if let (true, Some(file)) = (arguments.update, &arguments.snapshot) {
        return update(&subject, file, arguments, output);
    }
    let with_schema = arguments.snapshot.is_some();
    let found = match &subject {
        Subject::Dump(name, text) => engine::check_dump(name, text, &migrations, with_schema)?,
        Subject::Database(location) => {
            let wanted = CheckOrder {
                schema: with_schema,
                integrity: arguments.integrity,
            };
            engine::open(location, arguments.wait.for_a_file()).check(&migrations, wanted)?
        }
    };
    context::note_if(found.none_applies, output);
    let mut findings = found.value.findings;
    if arguments.abroad == Some(Abroad::Postgres) {
        findings.extend(match &subject {
            Subject::Dump(name, text) => engine::check_dump_for_postgres(name, text, &migrations)?,
            Subject::Database(location) => engine::open(location, arguments.wait.for_a_file())
                .check_for_postgres(&migrations)?,
        });
    }
    if let (Some(file), Some(schema)) = (&arguments.snapshot, &found.value.schema) {
        findings.extend(snapshot::difference(file, &read_snapshot(file)?, schema));
    }
    let mut report = CheckReport::new(subject.name(), findings, &arguments.ignore);
    report.strict = arguments.strict;
    tell(&report, arguments.format, output)
}

/// Checks the dump `text` of PostgreSQL, which messages call `name`
#[cfg(feature = "postgres")]
fn check_dump(
    arguments: &Check,
    name: &str,
    text: &str,
    migrations: &Migrations,
    output: &mut Output,
) -> Result<Status> {
    if arguments.snapshot.is_some() {
        return Err(Failure::impossible(
            "a snapshot is of what the server says of its schema, and pg_dump says it otherwise",
        )
        .hint("compare the database itself: --database with --snapshot")
        .into());
    }
    let (findings, none_apply) = dump::check(name, text, migrations)?;
    context::note_if(none_apply, output);
    let mut report = CheckReport::new(name.to_owned(), findings, &arguments.ignore);
    report.strict = arguments.strict;
    tell(&report, arguments.format, output)
}

/// Fails where a database of PostgreSQL is asked for what PostgreSQL would refuse.
#[cfg(feature = "postgres")]
pub(super) fn must_be_at_home(arguments: &Check) -> Result<()> {
    if arguments.abroad.is_none() {
        return Ok(());
    }
    Err(
        Failure::impossible("--for tells of a database of SQLite, and this is one of PostgreSQL")
            .hint("leave it out: all that is found here is of PostgreSQL")
            .into(),
    )
}

/// Writes `report`; gives the status that it stands for.
pub fn tell(report: &CheckReport, format: CheckFormat, output: &mut Output) -> Result<Status> {
    match format {
        CheckFormat::Text => output.result(report, Format::Text)?,
        CheckFormat::Json => output.result(report, Format::Json)?,
        CheckFormat::Github => output.write(&report.github(output.is_keeping()))?,
    }
    Ok(report.status())
}

/// What is checked.
enum Subject<'a> {
    Database(&'a Location),
    /// A dump, by its name and text.
    Dump(String, String),
}

impl<'a> Subject<'a> {
    fn of(arguments: &'a Check) -> Result<Self> {
        match &arguments.schema {
            Some(file) => {
                let (name, text) = context::dump(file)?;
                Ok(Subject::Dump(name, text))
            }
            None => Ok(Subject::Database(the_one(&arguments.named)?)),
        }
    }

    fn name(&self) -> String {
        match self {
            Subject::Database(location) => location.to_string(),
            Subject::Dump(name, _) => name.clone(),
        }
    }
}

pub(super) fn read_snapshot(file: &Path) -> Result<String> {
    match fs::read_to_string(file) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Err(Failure::impossible(
            format!("there is no snapshot {}", file.display()),
        )
        .hint("write it with --update, and commit it")
        .into()),
        other => other.with_context(|| format!("could not read {}", file.display())),
    }
}

fn update(
    subject: &Subject<'_>,
    file: &Path,
    arguments: &Check,
    output: &mut Output,
) -> Result<Status> {
    let schema = match subject {
        Subject::Dump(name, text) => engine::schema_of_dump(name, text)?,
        Subject::Database(location) => {
            engine::open(location, arguments.wait.for_a_file()).schema()?
        }
    };
    write_snapshot(subject.name(), file, &schema, arguments, output)
}

/// Writes `schema`, which is that of `checked`, to `file`.
pub(super) fn write_snapshot(
    checked: String,
    file: &Path,
    schema: &str,
    arguments: &Check,
    output: &mut Output,
) -> Result<Status> {
    let text = snapshot::with_header(schema);
    fs::write(file, text).with_context(|| format!("could not write {}", file.display()))?;
    let report = SnapshotReport {
        checked,
        snapshot: file.display().to_string(),
    };
    let format = match arguments.format {
        CheckFormat::Json => Format::Json,
        CheckFormat::Text | CheckFormat::Github => Format::Text,
    };
    let done = format!("{} was written", report.snapshot);
    Ok(output.outcome(&report, format, &done))
}
