//! Carries migrations out: refinery's traits over one open transaction.
//!
//! refinery decides which scripts run and writes its history; its own driver would commit the
//! two apart. Here both go into the transaction that the caller holds open.

use std::collections::VecDeque;

use anyhow::{Context as _, Result, anyhow};
use refinery::{Migration as Script, Runner, Target};
use refinery_core::traits::sync::{Migrate, Query, Transaction};
use rusqlite::Connection;

use super::backup;
use super::history::{self, AdoptedKey, Applied};
use super::plan::{self, KeyPlan};
use super::script::{self, Action, AddForeignKey, Statement};
use super::space;
use super::steps::{self, Step};
use crate::failure::Failure;
use crate::migrations::{Migration, Migrations};
use crate::policy::Policy;

/// What is to be applied, and what may become of orphans.
#[derive(Clone, Copy, Debug)]
pub struct Order<'a> {
    /// The set that the pending migrations come from.
    pub migrations: &'a Migrations,
    /// The version to stop at.
    pub to: Option<i32>,
    /// What the user allows.
    pub policy: &'a Policy,
    /// Fail where the disk seems to have no room for it.
    pub check_space: bool,
}

/// What one migration did, or would do.
#[derive(Debug)]
pub struct Outcome<'a> {
    /// The migration.
    pub migration: &'a Migration,
    /// Its parts, in the order of the script.
    pub parts: Vec<Done>,
    /// Why it may not be applied; only a rehearsal gets that far.
    pub refusal: Option<Failure>,
}

/// A part of a script that is done.
#[derive(Debug)]
pub enum Done {
    /// A statement that SQLite runs itself.
    Statement(Step),
    /// Keys, by their plan.
    Keys(Box<KeyPlan>),
}

impl Outcome<'_> {
    /// The plans, in the order of the script.
    pub fn plans(&self) -> impl Iterator<Item = &KeyPlan> {
        self.parts.iter().filter_map(|part| match part {
            Done::Keys(plan) => Some(plan.as_ref()),
            Done::Statement(_) => None,
        })
    }

    /// What SQLite accepted and what will cost something.
    pub fn warnings(&self) -> impl Iterator<Item = &String> {
        self.plans().flat_map(|plan| &plan.warnings)
    }

    /// The keys that were there already.
    #[must_use]
    pub fn adopted(&self) -> Vec<AdoptedKey> {
        let tables = self.plans().flat_map(|plan| &plan.tables);
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

/// Applies the pending migrations. `transaction` must be open, with foreign keys off; the
/// caller commits or rolls back.
pub fn up<'a>(transaction: &Connection, order: Order<'a>) -> Result<Vec<Outcome<'a>>> {
    run(transaction, order, false)
}

/// What [`up`] would do to the database that `connection` only reads.
///
/// Where the plan depends on what the script does before, the migrations are carried out on a
/// copy in the temporary folder.
pub fn dry_run<'a>(
    connection: &Connection,
    order: Order<'a>,
    pending: &[i32],
) -> Result<Vec<Outcome<'a>>> {
    if let [version] = pending
        && let Some(migration) = order.migrations.get(*version)
        && let [Part::Keys(requests)] = parts(migration)?.as_slice()
    {
        let plan = plan::add_keys(connection, requests, *version, order.policy)
            .with_context(|| format!("could not apply {}", migration.up))?;
        let refusal = plan.refusal(order.policy);
        let parts = vec![Done::Keys(Box::new(plan))];
        return Ok(vec![Outcome {
            migration,
            parts,
            refusal,
        }]);
    }
    rehearse(connection, order)
}

fn rehearse<'a>(connection: &Connection, order: Order<'a>) -> Result<Vec<Outcome<'a>>> {
    let copy = backup::temporary(connection)?;
    let outcomes = run(&copy.connection, order, true)?;
    // Nothing of an outcome refers to the copy, which goes here.
    Ok(outcomes)
}

fn run<'a>(
    transaction: &Connection,
    order: Order<'a>,
    note_refusals: bool,
) -> Result<Vec<Outcome<'a>>> {
    let scripts: Vec<_> = order.migrations.iter().map(|it| it.up.clone()).collect();
    let target = order.to.map_or(Target::Latest, Target::Version);
    let mut runner = Runner::new(&scripts).set_target(target);
    runner.set_migration_table_name(history::TABLE);
    // Every script is read before the first one runs.
    let pending = history::pending(order.migrations, &history::read(transaction)?, order.to)?;
    let pending = pending.iter().filter_map(|it| order.migrations.get(*it));
    let pending = pending.map(|migration| Ok((migration, parts(migration)?)));
    let mut driver = Driver {
        transaction,
        pending: pending.collect::<Result<_>>()?,
        policy: order.policy,
        check_space: order.check_space && !note_refusals,
        note_refusals,
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
            history::note_adopted(transaction, outcome.migration.up.version(), &adopted)?;
        }
    }
    Ok(driver.outcomes)
}

struct Driver<'a, 't> {
    transaction: &'t Connection,
    /// What is still to run, in order. Two migrations may have the same text.
    pending: VecDeque<(&'a Migration, Vec<Part>)>,
    policy: &'a Policy,
    check_space: bool,
    note_refusals: bool,
    outcomes: Vec<Outcome<'a>>,
    failure: Option<anyhow::Error>,
}

/// Stands for the error that the driver keeps.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Reported(String);

impl Driver<'_, '_> {
    fn run(&mut self, query: &str) -> Result<()> {
        let is_next = self
            .pending
            .front()
            .is_some_and(|(next, _)| next.script() == query);
        let next = if is_next {
            self.pending.pop_front()
        } else {
            None
        };
        let Some((migration, parts)) = next else {
            return self
                .transaction
                .execute_batch(query)
                .with_context(|| format!("could not write {}", history::TABLE));
        };
        let mut outcome = Outcome {
            migration,
            parts: Vec::new(),
            refusal: None,
        };
        for part in parts {
            self.apply(&mut outcome, part)
                .with_context(|| format!("could not apply {}", migration.up))?;
        }
        self.outcomes.push(outcome);
        Ok(())
    }

    fn apply(&self, outcome: &mut Outcome<'_>, part: Part) -> Result<()> {
        let migration = outcome.migration;
        let done = match part {
            Part::Statement(line, sql) => {
                let step = statement(&migration.file(), line, sql);
                steps::carry_out(self.transaction, std::slice::from_ref(&step))?;
                Done::Statement(step)
            }
            Part::Keys(requests) => {
                let (version, policy) = (migration.up.version(), self.policy);
                let plan = plan::add_keys(self.transaction, &requests, version, policy)?;
                match plan.refusal(policy) {
                    Some(refusal) if self.note_refusals => {
                        outcome.refusal.get_or_insert(refusal);
                    }
                    Some(refusal) => return Err(refusal.into()),
                    None => {}
                }
                if self.check_space {
                    space::must_suffice(self.transaction, &plan)?;
                }
                steps::carry_out(self.transaction, &plan.steps)?;
                plan.verify_schema(self.transaction)?;
                Done::Keys(Box::new(plan))
            }
        };
        outcome.parts.push(done);
        Ok(())
    }

    fn report<T>(&mut self, result: Result<T>) -> Result<T, Reported> {
        result.map_err(|error| {
            let reported = Reported(crate::failure::message(&error));
            self.failure = Some(error);
            reported
        })
    }
}

impl Transaction for Driver<'_, '_> {
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

impl Query<Vec<Script>> for Driver<'_, '_> {
    fn query(&mut self, _: &str) -> Result<Vec<Script>, Reported> {
        let applied = history::read(self.transaction);
        let script = |row: Applied| Script::applied(row.version, row.name, row.at, row.checksum);
        let applied = self.report(applied)?;
        Ok(applied.into_iter().map(script).collect())
    }
}

impl Migrate for Driver<'_, '_> {
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

/// The keys that `migration` asks for, in order.
pub fn requests(migration: &Migration) -> Result<Vec<AddForeignKey>> {
    let keys = parts(migration)?.into_iter().map(|part| match part {
        Part::Keys(keys) => keys,
        Part::Statement(..) => Vec::new(),
    });
    Ok(keys.flatten().collect())
}

/// The step that runs a statement of a script.
pub fn statement(file: &str, line: usize, sql: String) -> Step {
    Step::run(format!("run {file}:{line}"), sql)
}
