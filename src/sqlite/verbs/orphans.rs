//! `fkfix orphans`: the rows that break keys.

use std::io::{Seek as _, Write as _};
use std::mem;

use anyhow::{Context as _, Result};
use rusqlite::Connection;

use super::{Applicable, Database};
use crate::failure::Failure;
use crate::migrations::Migrations;
use crate::model::key::ForeignKey;
use crate::model::value::Value;
use crate::outcome;
use crate::outcome::orphans::{Orphan, OrphansReport, TableOrphans, UnusableKey};
use crate::outcome::value;
use crate::sqlite::apply::history;
use crate::sqlite::look::survey::{self, Survey, SurveyedTable};
use crate::standing;

/// The orphans, and what could not be looked at.
#[derive(Debug)]
pub struct Orphans<T> {
    /// The orphans.
    pub found: T,
    /// Whether there is any.
    pub any: bool,
    /// Keys that could not be looked at, and why.
    pub warnings: Vec<String>,
}

impl<T> Orphans<T> {
    fn new(survey: &Survey, late: Vec<String>, found: T) -> Self {
        let unusable = survey.unusable.iter();
        let warning = |(key, reason): &(ForeignKey, String)| {
            format!("{} was not looked at: {reason}", key.place())
        };
        Orphans {
            found,
            any: !survey.tables.is_empty(),
            warnings: late.into_iter().chain(unusable.map(warning)).collect(),
        }
    }
}

impl Database {
    /// The rows that break the keys which the database declares or `migrations` have pending; of
    /// the table `only` where it is given, and of each table the first `limit` as a sample.
    pub fn orphans(
        &self,
        migrations: &Migrations,
        only: Option<&str>,
        limit: usize,
    ) -> Result<Applicable<Orphans<OrphansReport>>> {
        self.read(migrations, |connection, applicable| {
            let mut survey = survey::survey(connection, applicable, only, Some(limit))?;
            let mut report = report(connection, &mut survey, limit)?;
            report.database = self.name();
            Ok(Orphans::new(&survey, late(connection, applicable)?, report))
        })
    }

    /// The same rows, whole, as CSV.
    pub fn orphans_csv(
        &self,
        migrations: &Migrations,
        only: Option<&str>,
    ) -> Result<Applicable<Orphans<Spool>>> {
        self.read(migrations, |connection, applicable| {
            let survey = survey::survey(connection, applicable, only, None)?;
            let rows = csv(connection, &survey)?;
            Ok(Orphans::new(&survey, late(connection, applicable)?, rows))
        })
    }
}

/// What is to be said of migrations that arrived late.
fn late(connection: &Connection, migrations: &Migrations) -> Result<Vec<String>> {
    let late = standing::late(migrations, &history::read(connection)?);
    let told = late.into_iter().map(|late| {
        format!(
            "{} is looked at too, though it is older than the newest applied one: fkfix up applies it only with --allow-missing",
            late.up
        )
    });
    Ok(told.collect())
}

fn report(database: &Connection, survey: &mut Survey, limit: usize) -> Result<OrphansReport> {
    let mut report = OrphansReport {
        database: String::new(),
        orphans: survey.tables.iter().map(|table| table.orphans).sum(),
        keys: Vec::new(),
        tables: Vec::new(),
        dependents: mem::take(&mut survey.dependents),
        unusable: survey.unusable.iter().map(UnusableKey::new).collect(),
    };
    for surveyed in &survey.tables {
        let table = table(database, survey, surveyed, limit)?;
        report.tables.push(table);
    }
    report.keys = mem::take(&mut survey.keys);
    Ok(report)
}

fn table(
    database: &Connection,
    survey: &Survey,
    surveyed: &SurveyedTable,
    limit: usize,
) -> Result<TableOrphans> {
    let table = &surveyed.table;
    let keys = survey
        .keys
        .iter()
        .filter(|key| key.rows > 0 && key.place == surveyed.place);
    let mut telling: Vec<String> = table
        .row_key
        .columns()
        .iter()
        .map(ToString::to_string)
        .collect();
    let (mut columns, mut times) = (Vec::new(), Vec::new());
    for key in keys {
        columns.extend(key.named.key.columns.iter().cloned());
        times.extend(key.span.as_ref().map(|span| span.column.clone()));
    }
    telling.extend(columns.into_iter().chain(times));
    let sample = survey.sample(database, surveyed, limit)?.into_iter();
    let sample = sample.map(|row| {
        let mut values = row.into_iter();
        Orphan {
            rowid: values.next().unwrap_or(Value::Null),
            breaks: values.next().unwrap_or(Value::Null),
            values: values.collect(),
        }
    });
    Ok(TableOrphans {
        table: table.name.clone(),
        place: surveyed.place,
        orphans: surveyed.orphans,
        break_several: surveyed.break_several,
        rows: surveyed.of,
        columns: table
            .columns
            .iter()
            .map(|column| column.name.clone())
            .collect(),
        sample: sample.collect(),
        telling,
    })
}

/// Rows for a CSV file, which wait until it is certain that all of them are of one state of the database: in
/// memory, or where they are many in a file without a name.
pub type Spool = tempfile::SpooledTempFile;

const IN_MEMORY: usize = 1 << 20;

/// One table's orphans, whole: there is one header.
fn csv(database: &Connection, survey: &Survey) -> Result<Spool> {
    let attempt = "could not keep the rows in the temporary folder";
    let mut spool = Spool::new(IN_MEMORY);
    let Some(first) = survey.tables.first() else {
        return Ok(spool);
    };
    let names = |surveyed: &SurveyedTable| -> Vec<String> {
        let columns = surveyed.table.columns.iter();
        columns.map(|column| column.name.clone()).collect()
    };
    let header = names(first);
    let mut tables: Vec<_> = survey
        .tables
        .iter()
        .map(|it| it.table.name.as_str())
        .collect();
    tables.dedup();
    if tables.len() > 1 {
        return Err(outcome::orphans::several_tables(&tables.join(", ")).into());
    }
    if survey
        .tables
        .iter()
        .any(|surveyed| names(surveyed) != header)
    {
        return Err(Failure::impossible(format!(
            "{} has orphans before and after the pending migrations change its columns, and a CSV file has one header",
            first.table.name
        ))
        .hint("take --format json, or apply the migrations one after the other with fkfix up --to")
        .into());
    }
    let own = ["fkfix_rowid", "fkfix_constraints"].into_iter();
    let header: Vec<_> = own
        .chain(header.iter().map(String::as_str))
        .map(|name| value::csv_text(name.as_bytes()))
        .collect();
    spool
        .write_all(&value::csv_line(&header))
        .context(attempt)?;
    for surveyed in &survey.tables {
        survey.each_orphan(database, surveyed, |row| {
            let fields: Vec<_> = row.iter().map(value::csv).collect();
            spool.write_all(&value::csv_line(&fields)).context(attempt)
        })?;
    }
    spool.rewind().context(attempt)?;
    Ok(spool)
}
