//! Carries migrations out: refinery's traits over one open transaction.
//!
//! refinery runs the scripts that are pending, one after the other, and writes its history; its
//! own driver would commit the two apart. Here both go into the transaction that the caller holds
//! open. Which scripts are pending is for [`standing::pending`] to say: refinery would pass over
//! one that came late, and knows one checksum where ours is any of several.

use anyhow::{Context as _, Result, anyhow};
use refinery::Runner;
use rusqlite::Connection;

use crate::migrations::Migrations;
use crate::policy::{OrphanAction, Policy};
use crate::sqlite::apply::asked::parts::{Part, parts};
use crate::sqlite::apply::history;
use crate::sqlite::apply::plan;
use crate::sqlite::file::backup::{self, TemporaryCopy};
use crate::sqlite::file::connection::pages::Walk;
use crate::sqlite::text::statement::AddForeignKey;
use crate::standing::{self, Applied};
use driver::{Driver, Look, Rehearsal, lacking};

mod driver;
mod outcome;
mod promised;

pub use outcome::{Done, Outcome};

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

/// Applies the pending migrations. `transaction` must be open, with foreign keys off; the
/// caller commits or rolls back. The `walk` through the pages is over before anything is carried out.
pub fn up<'a>(
    transaction: &Connection,
    order: Order<'a>,
    walk: Option<Walk>,
) -> Result<Vec<Outcome<'a>>> {
    run(transaction, order, walk, None)
}

/// What [`up`] would do to the database that `connection` only reads.
///
/// Where the plan depends on what the script does before, the migrations are carried out on a
/// copy in the temporary folder.
pub fn dry_run<'a>(
    connection: &Connection,
    order: Order<'a>,
    pending: &[i64],
    walk: Option<Walk>,
) -> Result<Vec<Outcome<'a>>> {
    if let ([version], Some(requests)) = (pending, keys_alone(order.migrations, pending)?)
        && let Some(migration) = order.migrations.get(*version)
    {
        let plan = plan::add_keys(connection, &requests, *version, order.policy, walk)
            .with_context(|| format!("could not apply {}", migration.up))?;
        let refusal = plan.refusal(order.policy);
        if refusal.is_none() && plan.must_be_tried {
            rehearse(connection, order)?;
        }
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
    if let Some(mut walk) = walk {
        walk.wait()?;
    }
    rehearse(connection, order)
}

/// What [`up`] does to a copy in the temporary folder.
fn rehearse<'a>(connection: &Connection, order: Order<'a>) -> Result<Vec<Outcome<'a>>> {
    let copy = backup::temporary(connection)?;
    let rehearsal = Rehearsal {
        look: &mut |_, _| Ok(()),
    };
    let mut outcomes = run(&copy.connection, order, None, Some(rehearsal))?;
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
    run(&copy.connection, order, None, Some(Rehearsal { look }))?;
    Ok(copy)
}

fn run<'a>(
    transaction: &Connection,
    order: Order<'a>,
    walk: Option<Walk>,
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
        walk,
        rehearsal,
        outcomes: Vec::new(),
        failure: None,
    };
    if let Err(error) = runner.run(&mut driver) {
        driver.end_walk()?;
        // refinery keeps only the text of what the driver reports.
        return Err(driver.failure.unwrap_or_else(|| anyhow!(error)));
    }
    driver.end_walk()?;
    history::keep_order(transaction, &applied)?;
    for outcome in &driver.outcomes {
        let adopted = outcome.adopted();
        if !adopted.is_empty() {
            history::note_adopted(transaction, outcome.migration.up.version(), &adopted)?;
        }
    }
    Ok(driver.outcomes)
}
