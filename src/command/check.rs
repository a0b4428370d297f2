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
use crate::sqlite::apply::history;
use crate::sqlite::check::{self, Finding};
use crate::sqlite::file::reading;
use crate::sqlite::schema::dump::Dump;
use crate::sqlite::schema::normal;

/// Runs the verb.
pub fn run(arguments: &Check, output: &mut Output) -> Result<Status> {
    let migrations = super::migrations(&arguments.set, output)?;
    let (name, looked) = match (&arguments.schema, &arguments.location) {
        (Some(file), _) => {
            let name = if file == Path::new("-") {
                "stdin".to_owned()
            } else {
                file.display().to_string()
            };
            let dump = Dump::load(&name, &read_dump(file)?)?;
            let applicable = history::applicable(&dump.connection, &migrations)?;
            super::note_if_none(applicable, output);
            let findings = |_: &_| check::dump(&dump, applicable);
            let looked = look(arguments, &dump.connection, findings)?;
            (name, looked)
        }
        (None, Some(location)) => {
            let timeout = arguments.wait.for_a_file();
            let (applicable, looked) = reading::read(location, timeout, |database| {
                let applicable = history::applicable(database, &migrations)?;
                let looked = look(arguments, database, |it| check::database(it, applicable))?;
                Ok((applicable, looked))
            })?;
            super::note_if_none(applicable, output);
            (location.to_string(), looked)
        }
        (None, None) => {
            return Err(Failure::impossible("neither --database nor --schema is given").into());
        }
    };
    let findings = match (looked, &arguments.snapshot) {
        (Looked::Schema(schema), Some(file)) => {
            return update(name, &schema, file, arguments.format, output);
        }
        (Looked::Schema(_), None) => Vec::new(),
        (Looked::Findings(findings), _) => findings,
    };
    let mut report = CheckReport::new(name, findings, &arguments.ignore);
    report.strict = arguments.strict;
    match arguments.format {
        CheckFormat::Text => output.result(&report, Format::Text)?,
        CheckFormat::Json => output.result(&report, Format::Json)?,
        CheckFormat::Github => output.write(&report.github())?,
    }
    Ok(report.status())
}

/// What a look at a database or a dump gave.
enum Looked {
    Findings(Vec<Finding>),
    /// The whole schema, in normal form, for a snapshot.
    Schema(String),
}

fn look(
    arguments: &Check,
    schema: &Connection,
    findings: impl Fn(&Connection) -> Result<Vec<Finding>>,
) -> Result<Looked> {
    if arguments.update {
        return Ok(Looked::Schema(normal::schema(
            schema,
            &history::own_tables(schema)?,
        )?));
    }
    let mut findings = findings(schema)?;
    if let Some(file) = &arguments.snapshot {
        let committed = read_snapshot(file)?;
        let found = normal::schema(schema, &history::own_tables(schema)?)?;
        findings.extend(snapshot::difference(file, &committed, &found));
    }
    Ok(Looked::Findings(findings))
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
    checked: String,
    schema: &str,
    file: &Path,
    format: CheckFormat,
    output: &mut Output,
) -> Result<Status> {
    let text = snapshot::with_header(schema);
    fs::write(file, text).with_context(|| format!("could not write {}", file.display()))?;
    let report = SnapshotReport {
        checked,
        snapshot: file.display().to_string(),
    };
    let format = match format {
        CheckFormat::Json => Format::Json,
        CheckFormat::Text | CheckFormat::Github => Format::Text,
    };
    let done = format!("{} was written", report.snapshot);
    Ok(output.outcome(&report, format, &done))
}
