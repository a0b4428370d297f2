//! How long a plan will take on this machine, from a short sample.
//!
//! The dry run has done the search already, which the real run does again to find orphans, and
//! once more to see that none is left. What copying costs is found out by copying some rows of
//! the table into a table of the same definition in the temporary folder.

#![allow(clippy::cast_precision_loss)] // a table has fewer than 2^52 rows

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use rusqlite::Connection;

use super::connection;
use super::ddl::{literal, quote, quote_list};
use super::driver::Outcome;
use super::location::Location;
use super::plan::{KeyPlan, TablePlan};
use super::rebuild::Way;
use super::schema::Table;
use super::space;

/// Rows that are copied as a sample.
const SAMPLE: i64 = 20_000;

/// How many times as long it takes where all goes to a log first, and from there into the file.
/// Measured: see `bench/README.md`.
const WITH_A_LOG: f64 = 2.2;

/// Estimates the time that applying `outcomes` to the database at `location` takes.
///
/// `connection` reads that database. None where a table can't be sampled.
pub fn estimate(
    connection: &Connection,
    location: &Location,
    outcomes: &[Outcome<'_>],
) -> Option<Duration> {
    let log = match space::is_in_wal_mode(connection) {
        Ok(true) => WITH_A_LOG,
        _ => 1.0,
    };
    let mut seconds = 0.0;
    for plan in outcomes.iter().flat_map(Outcome::plans) {
        let search = plan.found.took.as_secs_f64();
        seconds += search;
        for table in &plan.tables {
            seconds += search * share_that_stays(plan, table) / plan.tables.len() as f64;
            let copying = seconds_for(connection, location, plan, table)
                .inspect_err(|error| tracing::debug!("no estimate: {error:#}"))
                .ok()?;
            seconds += log * copying;
        }
    }
    Duration::try_from_secs_f64(seconds).ok()
}

/// The part of the rows in which the search for orphans is made once more, to see that none is left.
fn share_that_stays(plan: &KeyPlan, planned: &TablePlan) -> f64 {
    let leaving = plan.found.removal(&planned.name).map_or(0, |it| it.rows);
    (planned.rows - leaving) as f64 / planned.rows.max(1) as f64
}

fn seconds_for(
    connection: &Connection,
    location: &Location,
    plan: &KeyPlan,
    planned: &TablePlan,
) -> Result<f64> {
    let (Some(way), Some(definition)) = (planned.way, &planned.definition) else {
        return Ok(0.0);
    };
    let table = Table::read(connection, &planned.name)?;
    let rows = planned.rows.min(SAMPLE);
    if rows == 0 {
        return Ok(0.0);
    }
    let per_row = sample(location, &table, definition)?.as_secs_f64() / rows as f64;
    let leaving = plan.found.removal(&planned.name).map_or(0, |it| it.rows);
    let staying = planned.rows - leaving;
    let (for_staying, for_leaving) = shares(way);
    Ok(per_row * (for_staying * staying as f64 + for_leaving * leaving as f64))
}

/// What a row that stays and one that leaves cost, in terms of one that is copied by itself
/// into a table with its indexes in place. Measured: see `bench/README.md`.
fn shares(way: Way) -> (f64, f64) {
    match way {
        Way::Edit => (0.0, 16.0),
        Way::Transfer => (0.2, 8.0),
        Way::TransferRecords => (0.7, 2.0),
        Way::Rows => (0.9, 0.35),
    }
}

/// The time it takes to copy up to [`SAMPLE`] rows.
fn sample(location: &Location, table: &Table, definition: &str) -> Result<Duration> {
    let folder = tempfile::Builder::new().prefix("fkfix-").tempdir();
    let folder = folder.context("could not make a temporary folder")?;
    let sample = Connection::open(folder.path().join("sample.db"))?;
    sample.execute_batch(&format!(
        "PRAGMA foreign_keys = OFF; PRAGMA ignore_check_constraints = ON; ATTACH {} AS source; {definition}",
        literal(&connection::read_only_uri(location)?)
    ))?;
    for index in &table.indexes {
        sample.execute_batch(&index.sql)?;
    }
    let columns = quote_list("", table.stored_columns());
    let since = Instant::now();
    sample.execute_batch(&format!(
        "INSERT OR IGNORE INTO main.{0} ({columns}) SELECT {columns} FROM source.{0} LIMIT {SAMPLE}",
        quote(&table.name)
    ))?;
    Ok(since.elapsed())
}
