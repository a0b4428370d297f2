//! How long a plan will take on this machine, from a short sample.
//!
//! The dry run has done the search already, which the real run does again to find orphans, and
//! once more to see that none is left. What copying costs is found out by copying some rows of
//! the table into a table of the same definition in the temporary folder, and building its indexes.

#![allow(clippy::cast_precision_loss)] // a table has fewer than 2^52 rows

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use rusqlite::Connection;

use crate::sqlite::apply::plan::{KeyPlan, TablePlan};
use crate::sqlite::file::reading;
use crate::sqlite::rebuild::Way;
use crate::sqlite::schema::Table;
use crate::sqlite::text::ddl::{literal, quote, quote_list};

/// What any run takes, in seconds.
const AT_LEAST: f64 = 0.01;

/// Rows that are copied as a sample.
const SAMPLE: i64 = 20_000;

/// A table of fewer is copied in no time, and a sample of it would take longer.
const FEW: i64 = 1_000;

/// Of a table with fewer rows nobody sees a bar.
const WORTH_A_SAMPLE: i64 = 100_000;

/// Estimates the time that the steps of `plan` take, from the database that is about to be changed.
///
/// None where that is not worth a sample, or one can't be had.
pub fn of_steps(connection: &Connection, plan: &KeyPlan) -> Option<Duration> {
    if plan.tables.iter().all(|table| table.rows < WORTH_A_SAMPLE) {
        return None;
    }
    let mut seconds = AT_LEAST;
    for table in &plan.tables {
        seconds += seconds_for(connection, plan, table)
            .inspect_err(|error| tracing::debug!("no estimate: {error:#}"))
            .ok()?;
    }
    Duration::try_from_secs_f64(seconds).ok()
}

/// Estimates the time that carrying `plans` out in the database that `connection` reads takes.
///
/// None where a table can't be sampled.
pub fn estimate<'p>(
    connection: &Connection,
    plans: impl Iterator<Item = &'p KeyPlan>,
) -> Option<Duration> {
    let mut seconds = AT_LEAST;
    for plan in plans {
        let search = plan.found.took.as_secs_f64();
        seconds += search;
        for table in &plan.tables {
            seconds += search * share_that_stays(plan, table) / plan.tables.len() as f64;
            seconds += seconds_for(connection, plan, table)
                .inspect_err(|error| tracing::debug!("no estimate: {error:#}"))
                .ok()?;
        }
    }
    Duration::try_from_secs_f64(seconds).ok()
}

/// The part of the rows in which the search for orphans is made once more, to see that none is left.
fn share_that_stays(plan: &KeyPlan, planned: &TablePlan) -> f64 {
    let leaving = plan.found.removal(&planned.name).map_or(0, |it| it.rows);
    (planned.rows - leaving) as f64 / planned.rows.max(1) as f64
}

fn seconds_for(connection: &Connection, plan: &KeyPlan, planned: &TablePlan) -> Result<f64> {
    let (Some(way), Some(definition)) = (planned.way, &planned.definition) else {
        return Ok(0.0);
    };
    if planned.rows < FEW {
        return Ok(0.0);
    }
    let table = Table::read(connection, &planned.name)?;
    let sample = sample(connection, &table, definition, planned.rows)?;
    let leaving = plan.found.removal(&planned.name).map_or(0, |it| it.rows);
    let staying = planned.rows - leaving;
    let (for_staying, for_leaving) = cost(way, sample);
    let log = if reading::is_in_wal_mode(connection).unwrap_or(false) {
        with_a_log(way)
    } else {
        1.0
    };
    Ok(log * (for_staying * staying as f64 + for_leaving * leaving as f64))
}

/// What a row that stays and one that leaves cost, in seconds. Measured: see `bench/README.md`.
fn cost(way: Way, Sample { row, entries }: Sample) -> (f64, f64) {
    match way {
        Way::Edit => (0.0, 18.0 * row + 23.0 * entries),
        Way::TransferRecords => (0.45 * row + 1.2 * entries, 8.0 * row),
        Way::Rows => (row + 1.2 * entries, 3.3 * row),
        Way::TwoCopies => (2.0 * row + 1.2 * entries, 3.3 * row),
    }
}

/// How many times as long it takes where all goes to a log first, and from there into the file.
fn with_a_log(way: Way) -> f64 {
    match way {
        Way::Edit => 1.5,
        Way::TransferRecords => 2.4,
        Way::Rows => 2.0,
        Way::TwoCopies => 3.0,
    }
}

/// What a row costs, in seconds.
#[derive(Clone, Copy, Debug)]
struct Sample {
    /// To copy it by itself into a table without indexes.
    row: f64,
    /// Its entries in all indexes, when these are built anew.
    entries: f64,
}

/// Copies up to [`SAMPLE`] rows, then builds the indexes over them.
fn sample(connection: &Connection, table: &Table, definition: &str, rows: i64) -> Result<Sample> {
    let folder = tempfile::Builder::new().prefix("fkfix-").tempdir();
    let folder = folder.context("could not make a temporary folder")?;
    let sample = Connection::open(folder.path().join("sample.db"))?;
    sample.execute_batch(&format!(
        "PRAGMA foreign_keys = OFF; PRAGMA ignore_check_constraints = ON; ATTACH {} AS source; {definition}",
        literal(&reading::uri_again(connection)?)
    ))?;
    let columns = quote_list("", table.stored_columns());
    let since = Instant::now();
    sample.execute_batch(&format!(
        "INSERT OR IGNORE INTO main.{0} ({columns}) SELECT {columns} FROM source.{0} LIMIT {SAMPLE}",
        quote(&table.name)
    ))?;
    let row = since.elapsed();
    let since = Instant::now();
    for index in &table.indexes {
        sample.execute_batch(&index.sql)?;
    }
    let entries = since.elapsed();
    let rows = rows.clamp(1, SAMPLE) as f64;
    Ok(Sample {
        row: row.as_secs_f64() / rows,
        entries: entries.as_secs_f64() / rows,
    })
}

#[cfg(test)]
#[path = "timing_tests.rs"]
mod tests;
