//! Moves rows out of their tables: into the archive, or for good.

use anyhow::{Context as _, Result};
use postgres::Transaction;
use postgres::types::{ToSql, Type};

use super::archive;
use super::catalog::{Enabled, Table, Trigger, quoted};
use super::keys::{list, source};
use super::rows;
use super::search::{Found, Leaving, Search};
use super::session::Again;
use crate::failure::Failure;
use crate::policy::{OrphanAction, Triggers};
use crate::report::change::{ByKey, RemovedRows};
use crate::text;

/// What happens to a row of a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// It leaves.
    Delete,
    /// It comes back.
    Insert,
}

/// The triggers of `table` that fire when rows leave, or come back.
pub fn triggers(table: &Table, event: Event) -> impl Iterator<Item = &Trigger> {
    table.triggers.iter().filter(move |trigger| {
        let fires = match event {
            Event::Delete => trigger.on_delete,
            Event::Insert => trigger.on_insert,
        };
        fires && matches!(trigger.enabled, Enabled::Origin | Enabled::Always)
    })
}

/// The statements that set triggers aside, and those that make them as they were: `ENABLE TRIGGER
/// USER` would make a plain one of what was ENABLE ALWAYS.
#[must_use]
pub fn aside(table: &Table, event: Event) -> (Vec<String>, Vec<String>) {
    let alter = |trigger: &Trigger, how: &str| {
        format!(
            "ALTER TABLE {} {how} TRIGGER {}",
            table.name,
            quoted(&trigger.name)
        )
    };
    triggers(table, event)
        .map(|trigger| {
            let enable = match trigger.enabled {
                Enabled::Always => "ENABLE ALWAYS",
                _ => "ENABLE",
            };
            (alter(trigger, "DISABLE"), alter(trigger, enable))
        })
        .unzip()
}

/// Runs `work` with the triggers of `tables` set aside, where that is asked for.
pub fn without_triggers<T>(
    transaction: &mut Transaction,
    tables: &[&Table],
    event: Event,
    policy: Triggers,
    work: impl FnOnce(&mut Transaction) -> Result<T>,
) -> Result<T> {
    let (mut before, mut after) = (Vec::new(), Vec::new());
    if policy == Triggers::Skip {
        for table in tables {
            let (disable, enable) = aside(table, event);
            before.extend(disable);
            after.extend(enable);
        }
    }
    for statement in &before {
        transaction.batch_execute(statement)?;
    }
    let value = work(transaction)?;
    for statement in &after {
        transaction.batch_execute(statement)?;
    }
    Ok(value)
}

/// Moves the rows of `found`, which are locked. All leave by one statement, so that no key finds
/// a row without its parent in between.
pub fn carry_out(
    transaction: &mut Transaction,
    search: &Search,
    found: &Found,
    version: i64,
    policy: OrphanAction,
    triggers: Triggers,
) -> Result<()> {
    if found.tables.is_empty() {
        return Ok(());
    }
    let tables: Vec<&Table> = found.tables.iter().map(|it| it.table.as_ref()).collect();
    without_triggers(
        transaction,
        &tables,
        Event::Delete,
        triggers,
        |transaction| delete(transaction, search, found, version, policy),
    )
}

fn delete(
    transaction: &mut Transaction,
    search: &Search,
    found: &Found,
    version: i64,
    policy: OrphanAction,
) -> Result<()> {
    let keeps = policy.keeps();
    let mut parts = Vec::new();
    let mut counts = Vec::new();
    let mut arrays: Vec<Vec<String>> = Vec::new();
    for (at, leaving) in found.tables.iter().enumerate() {
        arrays.push(rows::texts(leaving.rows.keys().copied()));
        parts.push(leaving_sql(leaving, at, arrays.len()));
        counts.push(format!("(SELECT pg_catalog.count(*) FROM gone{at})"));
        if keeps {
            arrays.push(leaving.rows.values().map(|why| search.names(why)).collect());
            parts.push(keeping_sql(leaving, at, arrays.len() - 1, version));
            counts.push(format!("(SELECT pg_catalog.count(*) FROM kept{at})"));
        }
    }
    let sql = format!("WITH {} SELECT {}", parts.join(",\n"), counts.join(", "));
    let parameters: Vec<(&(dyn ToSql + Sync), Type)> = arrays
        .iter()
        .map(|it| (it as &(dyn ToSql + Sync), Type::TEXT_ARRAY))
        .collect();
    let names: Vec<_> = found.tables.iter().map(|it| it.shown.as_str()).collect();
    let row = transaction
        .query_typed_one(&sql, &parameters)
        .with_context(|| format!("could not move rows out of {}", text::listing(&names)))?;
    let width = if keeps { 2 } else { 1 };
    for (at, leaving) in found.tables.iter().enumerate() {
        for place in 0..width {
            let moved: i64 = row.try_get(at * width + place)?;
            if moved != leaving.count() {
                return Err(not_all(transaction, leaving, moved)?);
            }
        }
    }
    Ok(())
}

/// Rows that were locked are gone only when somebody swallowed the DELETE.
fn not_all(transaction: &mut Transaction, leaving: &Leaving, moved: i64) -> Result<anyhow::Error> {
    let places = rows::texts(leaving.rows.keys().copied());
    let query = format!(
        "SELECT count(*) FROM {} AS c WHERE {}",
        source(&leaving.table),
        rows::is_one_of("c", 1)
    );
    let stay = rows::count(transaction, &query, &[(&places, Type::TEXT_ARRAY)])?;
    if stay == 0 {
        return Ok(Again.into());
    }
    Ok(Failure::impossible(format!(
        "{} of {} should have left, and {} did: a trigger keeps rows back; everything is rolled back",
        text::rows(leaving.count()),
        leaving.shown,
        text::count(moved)
    ))
    .hint("--triggers skip sets the triggers aside for each batch")
    .into())
}

fn columns(leaving: &Leaving, alias: &str) -> String {
    let names = leaving.table.columns.iter();
    let names: Vec<_> = names
        .map(|it| format!("{alias}{}", quoted(&it.name)))
        .collect();
    names.join(", ")
}

fn leaving_sql(leaving: &Leaving, at: usize, rows: usize) -> String {
    format!(
        "gone{at} AS (DELETE FROM {} AS c WHERE {} RETURNING c.ctid AS fkfix_row, {})",
        source(&leaving.table),
        rows::is_one_of("c", rows),
        columns(leaving, "c.")
    )
}

fn keeping_sql(leaving: &Leaving, at: usize, rows: usize, version: i64) -> String {
    let own: Vec<_> = archive::OWN_COLUMNS[1..]
        .iter()
        .map(|it| (*it).to_owned())
        .collect();
    format!(
        "kept{at} AS (INSERT INTO {} ({}, {}) SELECT l.reasons, {version}, pg_catalog.clock_timestamp(), {} FROM gone{at} AS g JOIN ROWS FROM (pg_catalog.unnest(${rows}::pg_catalog.text[]), pg_catalog.unnest(${}::pg_catalog.text[])) AS l (place, reasons) ON l.place::pg_catalog.tid OPERATOR(pg_catalog.=) g.fkfix_row RETURNING 1)",
        archive::name_of(&leaving.table.name),
        list(&own),
        columns(leaving, ""),
        columns(leaving, "g."),
        rows + 1
    )
}

/// What has left so far, for the report.
#[derive(Debug, Default)]
pub struct Tally(Vec<Gone>);

#[derive(Debug)]
struct Gone {
    table: String,
    archive: String,
    rows: i64,
    break_several: i64,
    reasons: Vec<ByKey>,
}

impl Tally {
    /// Adds what leaves by `found`.
    pub fn add(&mut self, search: &Search, found: &Found) {
        for leaving in &found.tables {
            let place = self.0.iter().position(|it| it.table == leaving.shown);
            let place = place.unwrap_or_else(|| {
                self.0.push(Gone {
                    table: leaving.shown.clone(),
                    archive: format!("{}_orphans", leaving.shown),
                    rows: 0,
                    break_several: 0,
                    reasons: Vec::new(),
                });
                self.0.len() - 1
            });
            let Some(gone) = self.0.get_mut(place) else {
                continue;
            };
            gone.rows += leaving.count();
            gone.break_several += leaving.break_several();
            for (label, rows, orphans) in search.reasons(leaving) {
                let mut known = gone.reasons.iter_mut();
                if let Some(known) = known.find(|it| it.key == label && it.orphans == orphans) {
                    known.rows += rows;
                    continue;
                }
                gone.reasons.push(ByKey {
                    because: search.restricts(&label).filter(|_| orphans),
                    key: label,
                    rows,
                    orphans,
                });
            }
        }
    }

    /// How many rows left `table`, by the name that people call it.
    #[must_use]
    pub fn of(&self, table: &str) -> i64 {
        self.0
            .iter()
            .filter(|it| it.table == table)
            .map(|it| it.rows)
            .sum()
    }

    /// How many rows left in all.
    #[must_use]
    pub fn rows(&self) -> i64 {
        self.0.iter().map(|it| it.rows).sum()
    }

    /// The report.
    #[must_use]
    pub fn removed(&self, policy: OrphanAction) -> Vec<RemovedRows> {
        let gone = self.0.iter().map(|gone| RemovedRows {
            table: gone.table.clone(),
            rows: gone.rows,
            break_several: gone.break_several,
            archive: (policy.keeps() && policy != OrphanAction::Refuse)
                .then(|| gone.archive.clone()),
            by_key: gone
                .reasons
                .iter()
                .map(|by_key| ByKey {
                    key: by_key.key.clone(),
                    because: by_key
                        .because
                        .clone()
                        .filter(|_| policy == OrphanAction::Follow),
                    ..*by_key
                })
                .collect(),
        });
        gone.collect()
    }
}
