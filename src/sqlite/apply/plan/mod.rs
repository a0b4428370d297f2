//! What adding keys will do to a database, as data: found out before anything is written.

mod checks;
mod key_plan;
mod moving_out;
mod planner;
mod rebuilds;

use anyhow::Result;
use rusqlite::Connection;

pub use key_plan::{KeyPlan, TablePlan};

use crate::policy::Policy;
use crate::sqlite::file::connection::pages::Walk;
use crate::sqlite::file::guard;
use crate::sqlite::keys::{self, TableKeys};
use crate::sqlite::orphans;
use crate::sqlite::rebuild;
use crate::sqlite::schema::foreign_key::{self, NamedKey};
use crate::sqlite::schema::row_counts::RowCounts;
use crate::sqlite::schema::snapshot;
use crate::sqlite::text::ddl::same_name;
use crate::sqlite::text::statement::AddForeignKey;
use planner::Planner;

/// Plans to add the keys that `requests` ask for, in the name of migration `version`.
///
/// Reads the database; writes only the temporary lists of the rows that will leave. The `walk` through
/// its pages is over at the end.
pub fn add_keys(
    connection: &Connection,
    requests: &[AddForeignKey],
    version: i64,
    policy: &Policy,
    walk: Option<Walk>,
) -> Result<KeyPlan> {
    let declared = foreign_key::declared(connection)?;
    let targets = keys::resolve(connection, &declared, requests)?;
    plan(connection, &targets, &declared, Some(version), policy, walk)
}

/// Plans to add the keys of `targets` that are to be added, and to deal with the orphans of all,
/// in the name of migration `version`, if it is for one.
pub fn plan(
    connection: &Connection,
    targets: &[TableKeys],
    declared: &[NamedKey],
    version: Option<i64>,
    policy: &Policy,
    walk: Option<Walk>,
) -> Result<KeyPlan> {
    // A dry run has it so already.
    guard::with_limited_values(connection, || {
        let counts = RowCounts::of_walk(connection, walk);
        plan_within(connection, &counts, targets, declared, version, policy)
    })
}

fn plan_within(
    connection: &Connection,
    counts: &RowCounts<'_>,
    targets: &[TableKeys],
    declared: &[NamedKey],
    version: Option<i64>,
    policy: &Policy,
) -> Result<KeyPlan> {
    let schema_before = snapshot::take(connection)?;
    let found = orphans::find(connection, targets, declared, counts, policy.orphans);
    // Pages of two users explain whatever else went wrong.
    counts.end_walk()?;
    let found = found?;
    let mut planner = Planner {
        connection,
        counts,
        schema: schema_before,
        found: &found,
        steps: Vec::new(),
        must_be_tried: false,
    };
    planner.must_keep_indexes()?;
    planner.must_take_rows_back()?;
    let rebuilds = planner.rebuilds(targets, policy.method)?;
    planner.must_agree_with_indexes(targets, &rebuilds)?;
    let places = planner.places(&rebuilds, policy.method)?;
    planner.move_rows_out(&rebuilds, version, policy)?;
    planner.rebuild(&rebuilds)?;
    planner.steps.extend(places);
    let tables = planner.tables(targets, &rebuilds)?;
    let mut around: Vec<_> = rebuilds.iter().map(|it| it.table.name.clone()).collect();
    let refers = |named: &&NamedKey| {
        rebuilds
            .iter()
            .any(|it| same_name(&it.table.name, &named.key.parent))
    };
    around.extend(
        declared
            .iter()
            .filter(refers)
            .map(|it| it.key.child.clone()),
    );
    drop(rebuilds);
    let passing_name = snapshot::free_name(&snapshot::taken_names(connection)?, rebuild::OLD);
    planner.check(targets, declared, &tables)?;
    let warnings = planner.warnings(targets)?;
    let Planner {
        schema: schema_after,
        steps,
        must_be_tried,
        ..
    } = planner;
    Ok(KeyPlan {
        tables,
        found,
        warnings,
        steps,
        schema_after,
        passing_name,
        around,
        must_be_tried,
    })
}

#[cfg(test)]
mod tests;
