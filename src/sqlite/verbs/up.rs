//! `fkfix up`: applies pending migrations.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::Result;
use rusqlite::Connection;

use super::{Applicable, Database};
use crate::explain;
use crate::failure::{Failure, Status};
use crate::outcome::migrations::{UpMigration, UpReport};
use crate::sqlite::apply::down;
use crate::sqlite::apply::estimate::space;
use crate::sqlite::apply::estimate::timing;
use crate::sqlite::apply::history;
use crate::sqlite::apply::plan::KeyPlan;
use crate::sqlite::apply::up::{self, Order, Outcome};
use crate::sqlite::file::connection::{self, pages::Walk};
use crate::sqlite::file::reading;
use crate::sqlite::orphans::confirm;
use crate::sqlite::schema::dump::Dump;
use crate::sqlite::write::portable;
use crate::sqlite::write::shell;
use crate::target::Target;

/// What `up` did.
#[derive(Debug)]
pub struct Applied {
    /// What there is to tell.
    pub report: UpReport,
    /// What SQLite accepted and what will cost something.
    pub warnings: Vec<String>,
    /// What it took; none where there was nothing to do.
    pub spent: Option<Spent>,
}

/// What a change took of time and room.
#[derive(Clone, Copy, Debug)]
pub struct Spent {
    /// From the lock to the end of COMMIT.
    pub time: Duration,
    /// The size of the database before, in bytes.
    pub before: u64,
    /// After.
    pub after: u64,
    /// How much of that holds nothing.
    pub free: u64,
}

/// What `up` would do.
#[derive(Debug)]
pub struct UpPlanned {
    /// What there is to tell.
    pub report: UpReport,
    /// What SQLite accepts and what will cost something.
    pub warnings: Vec<String>,
    /// Why it would be refused, if it would.
    pub refusal: Option<Failure>,
    /// The script that does the same elsewhere, where it is asked for and there is something to do.
    pub script: Option<String>,
}

impl Database {
    /// Applies what is pending by `order`, in one transaction; a copy goes to `backup` first.
    pub fn up(&self, order: Order<'_>, backup: Option<&PathBuf>) -> Result<Applied> {
        let location = &self.location;
        let mut applied = Applied {
            report: UpReport {
                database: self.name(),
                to: order.to,
                ..UpReport::default()
            },
            warnings: Vec::new(),
            spent: None,
        };
        let mut database = connection::open(location, self.lock_timeout)?;
        let migrations = history::applicable(&database, order.migrations)?;
        let order = Order {
            migrations,
            ..order
        };
        applied.report.none_apply = migrations.is_empty();
        if order.pending(&history::read(&database)?)?.is_empty() {
            return Ok(applied);
        }
        let (transaction, mut walk) = connection::begin_to_search(&mut database, location)?;
        // Another run may have been faster than the lock.
        if order.pending(&history::read(&transaction)?)?.is_empty() {
            return Ok(applied);
        }
        let since = Instant::now();
        let (before, _) = size(&transaction)?;
        if backup.is_some() {
            walk.wait()?;
        }
        applied.report.backup = self.back_up(backup)?;
        let outcomes = up::up(&transaction, order, Some(walk))
            .inspect_err(|error| discard_after_refusal(error, backup))?;
        for outcome in &outcomes {
            let done = UpMigration::new(outcome, order.policy);
            applied.report.migrations.push(done);
            applied.warnings.extend(outcome.warnings().cloned());
        }
        let (after, free) = size(&transaction)?;
        connection::commit(transaction, location)?;
        applied.spent = Some(Spent {
            time: since.elapsed(),
            before,
            after,
            free,
        });
        Ok(applied)
    }

    /// What [`up`](Self::up) would do; with the script that does the same for `target`.
    pub fn plan_up(&self, order: Order<'_>, target: Option<Target>) -> Result<UpPlanned> {
        reading::read(&self.location, self.lock_timeout, |connection| {
            let migrations = history::applicable(connection, order.migrations)?;
            let order = Order {
                migrations,
                ..order
            };
            self.plan(connection, order, target)
        })
    }

    fn plan(
        &self,
        connection: &Connection,
        order: Order<'_>,
        target: Option<Target>,
    ) -> Result<UpPlanned> {
        let pending = order.pending(&history::read(connection)?)?;
        let mut outcomes = Vec::new();
        if !pending.is_empty() {
            let walk = Walk::begin(connection, &self.location)?;
            outcomes = up::dry_run(connection, order, &pending, Some(walk))?;
        }
        let (mut space, mut time) = (None, None);
        if !outcomes.is_empty() {
            let plans = outcomes.iter().flat_map(Outcome::plans);
            space = Some(space::estimate(connection, plans)?);
            if target.is_none() {
                time = timing::estimate(connection, outcomes.iter().flat_map(Outcome::plans));
            }
        }
        let warnings = outcomes.iter().flat_map(Outcome::warnings).cloned();
        let warnings = warnings.collect();
        let short = space.filter(|_| order.check_space);
        let short = short.and_then(|space| space.must_suffice().err());
        let planned = outcomes.iter();
        let planned = planned.map(|it| UpMigration::new(it, order.policy));
        let migrations = planned.collect();
        let refused = outcomes.iter_mut().find_map(|it| it.refusal.take());
        let refusal = refused.or(short);
        let target = target.filter(|_| refusal.is_none() && !outcomes.is_empty());
        let script = target.map(|target| script(connection, order, &outcomes, target));
        let script = script.transpose()?;
        let report = UpReport {
            database: self.name(),
            to: order.to,
            dry_run: true,
            backup: None,
            none_apply: order.migrations.is_empty(),
            migrations,
            refused: refusal.as_ref().map(ToString::to_string),
            space,
            seconds: time.map(|time| time.as_secs_f64()),
        };
        Ok(UpPlanned {
            report,
            warnings,
            refusal,
            script,
        })
    }
}

/// How large the database is, and how much of that holds nothing, in bytes.
fn size(connection: &Connection) -> Result<(u64, u64)> {
    let pragma = |name| connection.pragma_query_value::<i64, _>(None, name, |row| row.get(0));
    let page = pragma("page_size")?.unsigned_abs();
    let bytes = |pages: i64| page.saturating_mul(pages.unsigned_abs());
    Ok((
        bytes(pragma("page_count")?),
        bytes(pragma("freelist_count")?),
    ))
}

fn script(
    connection: &Connection,
    order: Order<'_>,
    outcomes: &[Outcome<'_>],
    target: Target,
) -> Result<String> {
    if target == Target::Shell {
        let plans = outcomes.iter().flat_map(Outcome::plans);
        confirm::confirm_indexes(connection, plans.flat_map(KeyPlan::keys))?;
        return shell::up(outcomes);
    }
    let pending: Vec<_> = outcomes.iter().map(|it| it.migration).collect();
    let schema = portable::schema_of(connection)?;
    portable::up(&schema, way_back(order), &pending, order.policy, target)
}

/// The script for `target` that applies what a database with the schema of the dump `text` has not
/// had, as far as that tells; `name` is the dump's in messages.
pub fn up_of_dump(
    name: &str,
    text: &str,
    order: Order<'_>,
    target: Target,
) -> Result<Applicable<Option<String>>> {
    let dump = Dump::load(name, text)?;
    let schema = &dump.connection;
    let migrations = history::applicable(schema, order.migrations)?;
    let order = Order {
        migrations,
        ..order
    };
    let wanted = migrations.iter();
    let wanted = wanted.filter(|it| order.to.is_none_or(|to| it.up.version() <= to));
    let pending = portable::not_there(schema, wanted.collect())?;
    let script = (!pending.is_empty())
        .then(|| portable::up(schema, way_back(order), &pending, order.policy, target));
    Ok(Applicable {
        value: script.transpose()?,
        none_applies: migrations.is_empty(),
    })
}

fn way_back(order: Order<'_>) -> down::Order<'_> {
    down::Order {
        migrations: order.migrations,
        leave_orphans: false,
    }
}

/// Takes the copy away where the run was refused: nothing has changed, and the next run would
/// find its place taken. After any other failure the copy stays.
pub(super) fn discard_after_refusal(error: &anyhow::Error, target: Option<&PathBuf>) {
    if let (Status::No, Some(target)) = (explain::status_of(error), target)
        && let Err(error) = std::fs::remove_file(target)
    {
        tracing::warn!("could not remove {}: {error}", target.display());
    }
}
