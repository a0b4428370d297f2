//! Carries migrations out: refinery's traits over one open transaction.
//!
//! refinery runs the scripts that are pending, one after the other, and writes its history; its
//! own driver would commit the two apart. Here both go into the transaction that the caller holds
//! open. Which scripts are pending is for [`standing::pending`] to say: refinery would pass over
//! one that came late, and knows one checksum where ours is any of several.

use std::collections::VecDeque;

use anyhow::{Context as _, Result, anyhow};
use refinery::{Migration as Script, Runner};
use refinery_core::traits::sync::{Migrate, Query, Transaction};
use rusqlite::Connection;

use crate::failure::Failure;
use crate::migrations::{Migration, Migrations};
use crate::policy::{OrphanAction, Policy};
use crate::progress;
use crate::sqlite::apply::history;
use crate::sqlite::apply::parts::{Part, parts, statement};
use crate::sqlite::apply::plan::{self, KeyPlan};
use crate::sqlite::apply::promised::{OwnKey, Promised};
use crate::sqlite::apply::space;
use crate::sqlite::apply::timing;
use crate::sqlite::apply::unnamed::{self, Dropped};
use crate::sqlite::file::backup::{self, TemporaryCopy};
use crate::sqlite::keys::NewKey;
use crate::sqlite::rebuild::steps::{self, Step};
use crate::sqlite::schema::foreign_key::{self, ForeignKey};
use crate::sqlite::schema::{self, Table, child_index};
use crate::sqlite::text::script;
use crate::sqlite::text::statement::AddForeignKey;
use crate::standing::{self, AdoptedKey, Applied};
use crate::text;

/// What is to be applied, and what may become of orphans.
#[derive(Clone, Copy, Debug)]
pub struct Order<'a> {
    /// The set that the pending migrations come from.
    pub migrations: &'a Migrations,
    /// The version to stop at.
    pub to: Option<i64>,
    /// Apply those too that are older than the newest applied one.
    pub allow_missing: bool,
    /// What the user allows.
    pub policy: &'a Policy,
    /// Fail where the disk seems to have no room for it.
    pub check_space: bool,
}

impl Order<'_> {
    /// The versions that are pending where `applied` are.
    pub fn pending(&self, applied: &[Applied]) -> Result<Vec<i64>> {
        standing::pending(self.migrations, applied, self.to, self.allow_missing)
    }
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
    /// What its files lack.
    pub lacking: Vec<String>,
    /// Keys that it dropped.
    pub dropped: Vec<AdoptedKey>,
    /// Which deletions will read whole tables; only a dry run looks.
    pub unindexed: Vec<String>,
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
        let of_keys = self.plans().flat_map(|plan| &plan.warnings);
        self.lacking.iter().chain(of_keys).chain(&self.unindexed)
    }

    /// Looks which of the keys that it adds no index of its child serves, in a database as it
    /// leaves it.
    fn find_unindexed(&mut self, connection: &Connection) -> Result<()> {
        let mut found = Vec::new();
        for planned in self.plans().flat_map(|plan| &plan.tables) {
            // A later statement may have dropped it.
            if !schema::table_exists(connection, &planned.name)? {
                continue;
            }
            let table = Table::read(connection, &planned.name)?;
            for NewKey { key, .. } in &planned.added {
                if !child_index::serves(connection, &table, key)? {
                    found.push(format!(
                        "deleting a row of {} will scan {}: no index starts with ({})",
                        key.parent,
                        table.name,
                        key.columns.join(", ")
                    ));
                }
            }
        }
        self.unindexed = found;
        Ok(())
    }

    /// The keys that were there already.
    #[must_use]
    pub fn adopted(&self) -> Vec<AdoptedKey> {
        let tables = self.plans().flat_map(|plan| &plan.tables);
        tables
            .flat_map(|table| {
                let adopted = table.adopted.iter();
                adopted.map(|key| AdoptedKey::found(table.name.clone(), key.name.clone()))
            })
            .chain(self.dropped.iter().cloned())
            .collect()
    }
}

/// Applies the pending migrations. `transaction` must be open, with foreign keys off; the
/// caller commits or rolls back.
pub fn up<'a>(transaction: &Connection, order: Order<'a>) -> Result<Vec<Outcome<'a>>> {
    run(transaction, order, None)
}

/// What [`up`] would do to the database that `connection` only reads.
///
/// Where the plan depends on what the script does before, the migrations are carried out on a
/// copy in the temporary folder.
pub fn dry_run<'a>(
    connection: &Connection,
    order: Order<'a>,
    pending: &[i64],
) -> Result<Vec<Outcome<'a>>> {
    if let ([version], Some(requests)) = (pending, keys_alone(order.migrations, pending)?)
        && let Some(migration) = order.migrations.get(*version)
    {
        let plan = plan::add_keys(connection, &requests, *version, order.policy)
            .with_context(|| format!("could not apply {}", migration.up))?;
        let refusal = plan.refusal(order.policy);
        let parts = vec![Done::Keys(Box::new(plan))];
        let mut outcome = Outcome {
            migration,
            parts,
            refusal,
            lacking: lacking(migration, false),
            dropped: Vec::new(),
            unindexed: Vec::new(),
        };
        outcome.find_unindexed(connection)?;
        return Ok(vec![outcome]);
    }
    let copy = backup::temporary(connection)?;
    let rehearsal = Rehearsal {
        look: &mut |_, _| Ok(()),
    };
    let mut outcomes = run(&copy.connection, order, Some(rehearsal))?;
    for outcome in &mut outcomes {
        outcome.find_unindexed(&copy.connection)?;
    }
    // Nothing of an outcome refers to the copy, which goes here.
    Ok(outcomes)
}

/// The keys that the `pending` migrations ask for, where a plan for them can be made from the
/// database as it is: none is pending, or a single one that does nothing else.
pub fn keys_alone(migrations: &Migrations, pending: &[i64]) -> Result<Option<Vec<AddForeignKey>>> {
    let [version] = pending else {
        return Ok(pending.is_empty().then(Vec::new));
    };
    let Some(migration) = migrations.get(*version) else {
        return Ok(None);
    };
    Ok(match parts(migration)?.as_mut_slice() {
        [Part::Keys(requests)] => Some(std::mem::take(requests)),
        _ => None,
    })
}

/// Looks at a copy when keys are about to be added to it.
type Look<'l> = &'l mut dyn FnMut(&Connection, &[AddForeignKey]) -> Result<()>;

/// A run on a copy, which goes on where a real one is refused.
struct Rehearsal<'l> {
    look: Look<'l>,
}

/// Applies all that is pending to a copy of the database, and gives the copy. Before keys are added,
/// `look` sees the copy as they find it. The rows that break them are deleted there: an archive is
/// of no use.
pub fn rehearse_deleting(
    connection: &Connection,
    migrations: &Migrations,
    look: Look<'_>,
) -> Result<TemporaryCopy> {
    let policy = Policy {
        orphans: OrphanAction::Rehearse,
        ..Policy::REFUSE
    };
    let order = Order {
        migrations,
        to: None,
        allow_missing: true,
        policy: &policy,
        check_space: false,
    };
    let copy = backup::temporary(connection)?;
    run(&copy.connection, order, Some(Rehearsal { look }))?;
    Ok(copy)
}

fn run<'a>(
    transaction: &Connection,
    order: Order<'a>,
    rehearsal: Option<Rehearsal<'_>>,
) -> Result<Vec<Outcome<'a>>> {
    let applied = history::read(transaction)?;
    let pending = order.pending(&applied)?;
    let pending: Vec<_> = pending
        .iter()
        .filter_map(|it| order.migrations.get(*it))
        .collect();
    let scripts: Vec<_> = pending.iter().map(|it| it.up.clone()).collect();
    let mut runner = Runner::new(&scripts);
    runner.set_migration_table_name(history::TABLE);
    // Every script is read before the first one runs.
    let pending = pending
        .into_iter()
        .map(|migration| Ok((migration, parts(migration)?)));
    let mut driver = Driver {
        transaction,
        pending: pending.collect::<Result<_>>()?,
        policy: order.policy,
        check_space: order.check_space && rehearsal.is_none(),
        rehearsal,
        outcomes: Vec::new(),
        failure: None,
    };
    if let Err(error) = runner.run(&mut driver) {
        // refinery keeps only the text of what the driver reports.
        return Err(driver.failure.unwrap_or_else(|| anyhow!(error)));
    }
    history::keep_order(transaction, &applied)?;
    for outcome in &driver.outcomes {
        let adopted = outcome.adopted();
        if !adopted.is_empty() {
            history::note_adopted(transaction, outcome.migration.up.version(), &adopted)?;
        }
    }
    Ok(driver.outcomes)
}

struct Driver<'a, 't, 'l> {
    transaction: &'t Connection,
    /// What is still to run, in order. Two migrations may have the same text.
    pending: VecDeque<(&'a Migration, Vec<Part>)>,
    policy: &'a Policy,
    check_space: bool,
    rehearsal: Option<Rehearsal<'l>>,
    outcomes: Vec<Outcome<'a>>,
    failure: Option<anyhow::Error>,
}

/// Stands for the error that the driver keeps.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Reported(String);

impl Driver<'_, '_, '_> {
    fn run(&mut self, query: &str) -> Result<()> {
        let is_next = self
            .pending
            .front()
            .is_some_and(|(next, _)| next.up.sql() == Some(query));
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
            lacking: lacking(migration, parts.is_empty()),
            dropped: Vec::new(),
            unindexed: Vec::new(),
        };
        let mut promised = Promised::default();
        let runs = parts.iter().any(|it| matches!(it, Part::Statement(..)));
        let before = foreign_key::declared_keys(self.transaction)?;
        let at = self.outcomes.len() + 1;
        progress::stage(&migration.up.to_string(), at, at + self.pending.len());
        parts
            .into_iter()
            .try_for_each(|part| self.apply(&mut outcome, &mut promised, part))
            .and_then(|()| promised.must_stand(self.transaction, migration))
            .and_then(|()| {
                if runs {
                    self.look_at_own_keys(&mut outcome, &promised, &before)?;
                }
                Ok(())
            })
            .with_context(|| format!("could not apply {}", migration.up))?;
        self.outcomes.push(outcome);
        Ok(())
    }

    /// Rows that break a key which the script declares itself stay where they are, unless the policy
    /// forbids that: they are for `clean`.
    fn look_at_own_keys(
        &self,
        outcome: &mut Outcome<'_>,
        promised: &Promised,
        before: &[ForeignKey],
    ) -> Result<()> {
        for OwnKey { key, rows, of } in promised.own_keys(self.transaction, before)? {
            let what = format!(
                "{} of {} {} {key}, which {} declares itself",
                text::rows(rows),
                key.child,
                if rows == 1 { "breaks" } else { "break" },
                outcome.migration.file()
            );
            let limit = self.policy.max_orphans.as_ref();
            let is_allowed = self.policy.orphans != OrphanAction::Refuse
                && !limit.is_some_and(|limit| limit.is_exceeded(rows, of));
            if is_allowed {
                let remedy = "fkfix clean deals with them once it is applied";
                outcome.lacking.push(format!("{what}; {remedy}"));
                continue;
            }
            let refusal = Failure::refused(what).hint(
                "give these rows a parent in the script, or apply it without that limit and run fkfix clean",
            );
            if self.rehearsal.is_none() {
                return Err(refusal.into());
            }
            outcome.refusal.get_or_insert(refusal);
        }
        Ok(())
    }

    fn apply(
        &mut self,
        outcome: &mut Outcome<'_>,
        promised: &mut Promised,
        part: Part,
    ) -> Result<()> {
        let migration = outcome.migration;
        if matches!(part, Part::Statement(..)) {
            promised.goes_on();
        }
        let done = match part {
            Part::Statement(line, sql) => {
                let step = statement(&migration.file(), line, sql.clone());
                match unnamed::find(self.transaction, &sql)? {
                    Some(dropped) => return self.drop_key(outcome, dropped, step),
                    None => promised.follow(self.transaction, &sql, || {
                        steps::carry_out(self.transaction, std::slice::from_ref(&step))
                    })?,
                }
                Done::Statement(step)
            }
            Part::Keys(requests) => {
                let (version, policy) = (migration.up.version(), self.policy);
                if let Some(rehearsal) = &mut self.rehearsal {
                    (rehearsal.look)(self.transaction, &requests)?;
                }
                let mut plan = plan::add_keys(self.transaction, &requests, version, policy)?;
                let blocked = !plan.found.blocked.is_empty();
                match plan.refusal(policy) {
                    Some(refusal) if self.rehearsal.is_some() => {
                        outcome.refusal.get_or_insert(refusal);
                    }
                    Some(refusal) => return Err(refusal.into()),
                    None => {}
                }
                if blocked {
                    // A rehearsal goes on as if all that hangs on orphans left with them.
                    plan.found.drop_lists(self.transaction)?;
                    let all = Policy {
                        orphans: OrphanAction::Archive,
                        ..policy.clone()
                    };
                    let blocked = plan.found.blocked;
                    plan = plan::add_keys(self.transaction, &requests, version, &all)?;
                    plan.found.blocked = blocked;
                }
                if self.check_space {
                    space::must_suffice(self.transaction, &plan)?;
                }
                // It takes a moment, and nobody waits for what is done at once.
                let foretold = (progress::is_shown() && self.rehearsal.is_none())
                    .then(|| timing::of_steps(self.transaction, &plan));
                steps::carry_out_in(self.transaction, &plan.steps, foretold.flatten())?;
                plan.verify_schema(self.transaction)?;
                promised.add(&plan, policy.orphans.keeps());
                Done::Keys(Box::new(plan))
            }
        };
        outcome.parts.push(done);
        Ok(())
    }

    /// Takes a key away, by the statement `step` where SQLite can, and notes how it comes back.
    fn drop_key(&mut self, outcome: &mut Outcome<'_>, dropped: Dropped, step: Step) -> Result<()> {
        let Dropped {
            table,
            constraint,
            after,
            by_sqlite,
        } = dropped;
        let steps = if by_sqlite {
            vec![step]
        } else {
            unnamed::define(self.transaction, &table, &after, self.policy.method)?
        };
        steps::carry_out(self.transaction, &steps)?;
        let after = Table::read(self.transaction, &table.name)?.sql;
        outcome.parts.extend(steps.into_iter().map(Done::Statement));
        outcome.dropped.push(AdoptedKey {
            dropped: Some((table.sql, after)),
            ..AdoptedKey::found(table.name, Some(constraint))
        });
        Ok(())
    }

    fn report<T>(&mut self, result: Result<T>) -> Result<T, Reported> {
        result.map_err(|error| {
            let reported = Reported(crate::sqlite::file::errors::message(&error));
            self.failure = Some(error);
            reported
        })
    }
}

impl Transaction for Driver<'_, '_, '_> {
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

impl Query<Vec<Script>> for Driver<'_, '_, '_> {
    /// None: refinery gets those alone that are pending.
    fn query(&mut self, _: &str) -> Result<Vec<Script>, Reported> {
        Ok(Vec::new())
    }
}

impl Migrate for Driver<'_, '_, '_> {
    fn assert_migrations_table_query(_: &str) -> String {
        history::CREATE.to_owned()
    }
}

/// As [`Migration::lacking`].
fn lacking(migration: &Migration, is_empty: bool) -> Vec<String> {
    migration.lacking(is_empty, |text| {
        script::parse(&migration.down_file(), text).is_ok_and(|it| it.is_empty())
    })
}
