//! Carries migrations out: refinery's traits over one open transaction, and the way back.
//!
//! refinery decides which scripts run and writes its history; its own driver would commit the
//! two apart. Here both go into the transaction that the caller holds open.

use std::collections::VecDeque;

use anyhow::{Context as _, Result, anyhow};
use refinery::{Migration as Script, Runner, Target};
use refinery_core::traits::sync::{Migrate, Query, Transaction};
use rusqlite::Connection;

use super::archive;
use super::ddl::same_name;
use super::history::{self, AdoptedKey, Applied};
use super::plan::{self, KeyPlan};
use super::script::{self, Action, AddForeignKey, Statement};
use super::steps::{self, Step};
use crate::migrations::{Migration, Migrations};
use crate::policy::Policy;

/// What one migration did.
#[derive(Debug)]
pub struct Outcome {
    /// Its number.
    pub version: i32,
    /// Its name.
    pub name: String,
    /// The plans that were carried out, in the order of the script.
    pub plans: Vec<KeyPlan>,
}

/// Applies the pending migrations up to `to`. `transaction` must be open, with foreign keys
/// off; the caller commits or rolls back.
pub fn up(
    transaction: &Connection,
    migrations: &Migrations,
    to: Option<i32>,
    policy: &Policy,
) -> Result<Vec<Outcome>> {
    let scripts: Vec<_> = migrations
        .iter()
        .map(|migration| migration.up.clone())
        .collect();
    let mut runner = Runner::new(&scripts).set_target(to.map_or(Target::Latest, Target::Version));
    runner.set_migration_table_name(history::TABLE);
    let pending = history::pending(migrations, &history::read(transaction)?, to)?;
    let mut driver = Driver {
        transaction,
        pending: pending
            .iter()
            .filter_map(|it| migrations.get(*it))
            .collect(),
        policy,
        outcomes: Vec::new(),
        failure: None,
    };
    if let Err(error) = runner.run(&mut driver) {
        // refinery keeps only the text of what the driver reports.
        return Err(driver.failure.unwrap_or_else(|| anyhow!(error)));
    }
    for outcome in &driver.outcomes {
        let adopted = outcome.adopted();
        if !adopted.is_empty() {
            history::note_adopted(transaction, outcome.version, &adopted)?;
        }
    }
    Ok(driver.outcomes)
}

impl Outcome {
    /// What SQLite accepted and what will cost something.
    pub fn warnings(&self) -> impl Iterator<Item = &String> {
        self.plans.iter().flat_map(|plan| &plan.warnings)
    }

    fn adopted(&self) -> Vec<AdoptedKey> {
        let tables = self.plans.iter().flat_map(|plan| &plan.tables);
        tables
            .flat_map(|table| {
                table.adopted.iter().map(|key| AdoptedKey {
                    table: table.name.clone(),
                    constraint: key.name.clone(),
                })
            })
            .collect()
    }
}

struct Driver<'a> {
    transaction: &'a Connection,
    /// What is still to run, in order. Two migrations may have the same text.
    pending: VecDeque<&'a Migration>,
    policy: &'a Policy,
    outcomes: Vec<Outcome>,
    failure: Option<anyhow::Error>,
}

/// Stands for the error that the driver keeps.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Reported(String);

impl Driver<'_> {
    fn run(&mut self, query: &str) -> Result<()> {
        let next = self.pending.front().copied();
        match next.filter(|next| next.script() == query) {
            Some(migration) => {
                self.pending.pop_front();
                let outcome = apply(self.transaction, migration, self.policy)
                    .with_context(|| format!("could not apply {}", migration.up))?;
                self.outcomes.push(outcome);
            }
            None => self
                .transaction
                .execute_batch(query)
                .with_context(|| format!("could not write {}", history::TABLE))?,
        }
        Ok(())
    }

    fn report<T>(&mut self, result: Result<T>) -> Result<T, Reported> {
        result.map_err(|error| {
            let reported = Reported(format!("{error:#}"));
            self.failure = Some(error);
            reported
        })
    }
}

impl Transaction for Driver<'_> {
    type Error = Reported;

    fn execute<'a, T: Iterator<Item = &'a str>>(&mut self, queries: T) -> Result<usize, Reported> {
        let mut count = 0;
        for query in queries {
            let result = self.run(query);
            self.report(result)?;
            count += 1;
        }
        Ok(count)
    }
}

impl Query<Vec<Script>> for Driver<'_> {
    fn query(&mut self, _: &str) -> Result<Vec<Script>, Reported> {
        let applied = history::read(self.transaction);
        let script = |row: Applied| Script::applied(row.version, row.name, row.at, row.checksum);
        let applied = self.report(applied)?;
        Ok(applied.into_iter().map(script).collect())
    }
}

impl Migrate for Driver<'_> {
    fn assert_migrations_table_query(_: &str) -> String {
        history::CREATE.to_owned()
    }
}

/// A part of a script: keys that are added together, or a statement that SQLite runs itself.
#[derive(Debug)]
pub enum Part {
    /// Keys asked for one after the other, so that each table is rebuilt once.
    Keys(Vec<AddForeignKey>),
    /// A statement with the line it stands in.
    Statement(usize, String),
}

/// Cuts the script of `migration` into its parts.
pub fn parts(migration: &Migration) -> Result<Vec<Part>> {
    let mut parts: Vec<Part> = Vec::new();
    for Statement { line, action } in script::parse(&migration.file(), migration.script())? {
        match (action, parts.last_mut()) {
            (Action::AddForeignKey(key), Some(Part::Keys(keys))) => keys.push(key),
            (Action::AddForeignKey(key), _) => parts.push(Part::Keys(vec![key])),
            (Action::DropConstraint { sql, .. } | Action::Other(sql), _) => {
                parts.push(Part::Statement(line, sql));
            }
        }
    }
    Ok(parts)
}

/// How many keys `migration` asks for.
pub fn key_count(migration: &Migration) -> Result<usize> {
    let parts = parts(migration)?;
    let keys = parts.iter().map(|part| match part {
        Part::Keys(keys) => keys.len(),
        Part::Statement(..) => 0,
    });
    Ok(keys.sum())
}

fn apply(connection: &Connection, migration: &Migration, policy: &Policy) -> Result<Outcome> {
    let version = migration.up.version();
    let mut plans = Vec::new();
    for part in parts(migration)? {
        match part {
            Part::Statement(line, sql) => {
                steps::carry_out(connection, &[statement(&migration.file(), line, sql)])?;
            }
            Part::Keys(requests) => {
                let plan = plan::add_keys(connection, &requests, version, policy)?;
                if let Some(refusal) = plan.refusal(policy) {
                    return Err(refusal.into());
                }
                steps::carry_out(connection, &plan.steps)?;
                plan.verify_schema(connection)?;
                plans.push(plan);
            }
        }
    }
    Ok(Outcome {
        version,
        name: migration.up.name().to_owned(),
        plans,
    })
}

fn statement(file: &str, line: usize, sql: String) -> Step {
    Step::run(format!("run {file}:{line}"), sql)
}

/// What taking one migration back did.
#[derive(Debug)]
pub struct TakenBack {
    /// Its number.
    pub version: i32,
    /// Its name.
    pub name: String,
    /// The keys that were there before it, and so stay.
    pub left: Vec<AdoptedKey>,
    /// The rows that came back, by archive.
    pub restored: Vec<Restored>,
}

/// What came back from one archive.
#[derive(Debug)]
pub struct Restored {
    /// The archive.
    pub archive: String,
    /// The table.
    pub table: String,
    /// Rows that are in the table again.
    pub rows: i64,
    /// Rows that stay in the archive: their key is taken, or their table or column is gone.
    pub kept: i64,
}

/// Takes the migration `applied` back. `transaction` as for [`up`].
pub fn down(
    transaction: &Connection,
    migrations: &Migrations,
    applied: &Applied,
    leave_orphans: bool,
) -> Result<TakenBack> {
    let (migration, script) = migrations.down_script(applied.version)?;
    let attempt = || format!("could not take {} back", migration.up);
    let mut left = Vec::new();
    for Statement { line, action } in script::parse(&migration.down_file(), script)? {
        let sql = match action {
            Action::DropConstraint {
                table, constraint, ..
            } if applied.has_adopted(&table, &constraint) => {
                left.push(AdoptedKey {
                    table,
                    constraint: Some(constraint),
                });
                continue;
            }
            Action::DropConstraint { sql, .. } | Action::Other(sql) => sql,
            Action::AddForeignKey(key) => {
                let plan = plan::add_keys(transaction, &[key], applied.version, &Policy::REFUSE)
                    .with_context(attempt)?;
                if let Some(refusal) = plan.refusal(&Policy::REFUSE) {
                    return Err(anyhow!(refusal)).with_context(attempt);
                }
                steps::carry_out(transaction, &plan.steps).with_context(attempt)?;
                continue;
            }
        };
        steps::carry_out(transaction, &[statement(&migration.down_file(), line, sql)])
            .with_context(attempt)?;
    }
    let restored = if leave_orphans {
        Vec::new()
    } else {
        restore(transaction, applied.version).with_context(attempt)?
    };
    steps::carry_out(transaction, &history::forget(applied.version)).with_context(attempt)?;
    Ok(TakenBack {
        version: applied.version,
        name: applied.name.clone(),
        left,
        restored,
    })
}

fn restore(transaction: &Connection, version: i32) -> Result<Vec<Restored>> {
    let mut restored = Vec::new();
    for restore in archive::restore(transaction, version)? {
        steps::carry_out(transaction, &restore.steps)?;
        let kept = archive::count(transaction, &restore.archive, version)?;
        restored.push(Restored {
            rows: restore.rows - kept,
            kept,
            archive: restore.archive.name,
            table: restore.archive.table,
        });
    }
    Ok(restored)
}

impl Applied {
    fn has_adopted(&self, table: &str, constraint: &str) -> bool {
        self.adopted.iter().any(|key| {
            let name = key.constraint.as_deref();
            same_name(&key.table, table) && name.is_some_and(|name| same_name(name, constraint))
        })
    }
}
