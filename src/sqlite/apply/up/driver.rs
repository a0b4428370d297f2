//! refinery over our open transaction: each script of a migration is run part by part.

use std::collections::VecDeque;

use anyhow::{Context as _, Result};
use refinery::Migration as Script;
use refinery_core::traits::sync::{Migrate, Query, Transaction};
use rusqlite::Connection;

use super::outcome::{Done, Outcome};
use super::promised::{OwnKey, Promised};
use crate::failure::Failure;
use crate::migrations::Migration;
use crate::policy::{OrphanAction, Policy};
use crate::progress;
use crate::sqlite::apply::asked::parts::{Part, statement};
use crate::sqlite::apply::asked::unnamed::{self, Dropped};
use crate::sqlite::apply::estimate::{space, timing};
use crate::sqlite::apply::history;
use crate::sqlite::apply::plan;
use crate::sqlite::file::connection::pages::Walk;
use crate::sqlite::rebuild::steps::{self, Step};
use crate::sqlite::schema::Table;
use crate::sqlite::schema::foreign_key::{self, ForeignKey};
use crate::sqlite::text::script;
use crate::sqlite::text::statement::AddForeignKey;
use crate::standing::AdoptedKey;
use crate::text;

/// Looks at a copy when keys are about to be added to it.
pub(super) type Look<'l> = &'l mut dyn FnMut(&Connection, &[AddForeignKey]) -> Result<()>;

/// A run on a copy, which goes on where a real one is refused.
pub(super) struct Rehearsal<'l> {
    pub(super) look: Look<'l>,
}

pub(super) struct Driver<'a, 't, 'l> {
    pub(super) transaction: &'t Connection,
    /// What is still to run, in order. Two migrations may have the same text.
    pub(super) pending: VecDeque<(&'a Migration, Vec<Part>)>,
    pub(super) policy: &'a Policy,
    pub(super) check_space: bool,
    /// Goes on until the first part of a script.
    pub(super) walk: Option<Walk>,
    pub(super) rehearsal: Option<Rehearsal<'l>>,
    pub(super) outcomes: Vec<Outcome<'a>>,
    pub(super) failure: Option<anyhow::Error>,
}

/// Stands for the error that the driver keeps.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct Reported(String);

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

    /// Before anything is written that a script asks for.
    pub(super) fn end_walk(&mut self) -> Result<()> {
        match self.walk.take() {
            Some(mut walk) => walk.wait(),
            None => Ok(()),
        }
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
                self.end_walk()?;
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
                let mut plan = plan::add_keys(
                    self.transaction,
                    &requests,
                    version,
                    policy,
                    self.walk.take(),
                )?;
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
                    plan = plan::add_keys(self.transaction, &requests, version, &all, None)?;
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
        for query in queries {
            let result = self.run(query);
            self.report(result)?;
        }
        // How many rows were changed; refinery does not ask.
        Ok(0)
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
pub(super) fn lacking(migration: &Migration, is_empty: bool) -> Vec<String> {
    migration.lacking(is_empty, |text| {
        script::parse(&migration.down_file(), text).is_ok_and(|it| it.is_empty())
    })
}
