//! `fkfix check`: is the schema as it should be? Read-only, but for `--update`.

use std::fs;
use std::io::Read as _;
use std::path::Path;

use anyhow::{Context as _, Result};
use rusqlite::Connection;

use crate::cli::{Check, CheckFormat, Format};
use crate::failure::{Failure, Status};
use crate::report::check::{CheckReport, SnapshotReport};
use crate::report::output::Output;
use crate::report::snapshot;
use crate::sqlite::dump::Dump;
use crate::sqlite::{check, connection, normal};

/// Runs the verb.
pub fn run(arguments: &Check, output: &mut Output) -> Result<Status> {
    let migrations = super::migrations(&arguments.set, output)?;
    let subject = Subject::open(arguments)?;
    let migrations = super::applicable(migrations, subject.connection(), output)?;
    if let (Some(file), true) = (&arguments.snapshot, arguments.update) {
        return update(&subject, file, arguments.format, output);
    }
    let mut findings = match &subject.schema {
        Schema::Database(database) => check::database(database, &migrations)?,
        Schema::Dump(dump) => check::dump(dump, &migrations)?,
    };
    if let Some(file) = &arguments.snapshot {
        let committed = read_snapshot(file)?;
        let found = normal::schema(subject.connection())?;
        findings.extend(snapshot::difference(file, &committed, &found));
    }
    let mut report = CheckReport::new(subject.name, findings, &arguments.ignore);
    report.strict = arguments.strict;
    match arguments.format {
        CheckFormat::Text => output.result(&report, Format::Text)?,
        CheckFormat::Json => output.result(&report, Format::Json)?,
        CheckFormat::Github => output.write(&report.github())?,
    }
    Ok(report.status())
}

/// What is checked.
struct Subject {
    /// The path of the database or of the dump.
    name: String,
    schema: Schema,
}

enum Schema {
    Database(Connection),
    Dump(Dump),
}

impl Subject {
    fn open(arguments: &Check) -> Result<Self> {
        match (&arguments.schema, &arguments.location) {
            (Some(file), _) => {
                let name = if file == Path::new("-") {
                    "stdin".to_owned()
                } else {
                    file.display().to_string()
                };
                let dump = Dump::load(&name, &read_dump(file)?)?;
                Ok(Subject {
                    name,
                    schema: Schema::Dump(dump),
                })
            }
            (None, Some(location)) => Ok(Subject {
                name: location.to_string(),
                schema: Schema::Database(connection::open_read_only(location)?),
            }),
            (None, None) => {
                Err(Failure::impossible("neither --database nor --schema is given").into())
            }
        }
    }

    fn connection(&self) -> &Connection {
        match &self.schema {
            Schema::Database(connection) => connection,
            Schema::Dump(dump) => &dump.connection,
        }
    }
}

fn read_dump(file: &Path) -> Result<String> {
    let mut text = String::new();
    let read = if file == Path::new("-") {
        std::io::stdin().read_to_string(&mut text)
    } else {
        fs::File::open(file).and_then(|mut file| file.read_to_string(&mut text))
    };
    match read {
        Ok(_) => Ok(text),
        Err(error) if error.kind() == std::io::ErrorKind::InvalidData => Err(Failure::impossible(
            format!("{} is not a text in UTF-8", file.display()),
        )
        .hint("--schema takes a dump; a database is checked with --database")
        .into()),
        Err(error) => Err(error).with_context(|| format!("could not read {}", file.display())),
    }
}

fn read_snapshot(file: &Path) -> Result<String> {
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
    subject: &Subject,
    file: &Path,
    format: CheckFormat,
    output: &mut Output,
) -> Result<Status> {
    let text = snapshot::with_header(&normal::schema(subject.connection())?);
    fs::write(file, text).with_context(|| format!("could not write {}", file.display()))?;
    let report = SnapshotReport {
        checked: subject.name.clone(),
        snapshot: file.display().to_string(),
    };
    let format = match format {
        CheckFormat::Json => Format::Json,
        CheckFormat::Text | CheckFormat::Github => Format::Text,
    };
    let done = format!("{} was written", report.snapshot);
    Ok(output.outcome(&report, format, &done))
}
