//! What adding keys will do to a database, as data: found out before anything is written.

mod checks;
mod key_plan;
mod moving_out;
mod rebuilds;

use anyhow::Result;
use rusqlite::Connection;

pub use key_plan::{KeyPlan, TablePlan};

use crate::policy::Policy;
use crate::sqlite::apply::unfired;
use crate::sqlite::file::guard;
use crate::sqlite::keys::{self, NewKey, TableKeys};
use crate::sqlite::orphans::{self, Found};
use crate::sqlite::rebuild::full_text;
use crate::sqlite::rebuild::steps::Step;
use crate::sqlite::rebuild::{self, Rebuild};
use crate::sqlite::schema::Table;
use crate::sqlite::schema::foreign_key::{self, NamedKey};
use crate::sqlite::schema::row_counts::RowCounts;
use crate::sqlite::schema::snapshot::{self, Snapshot};
use crate::sqlite::text::ddl::{self, same_name};
use crate::sqlite::text::statement::AddForeignKey;

/// Plans to add the keys that `requests` ask for, in the name of migration `version`.
///
/// Reads the database; writes only the temporary lists of the rows that will leave.
pub fn add_keys(
    connection: &Connection,
    requests: &[AddForeignKey],
    version: i64,
    policy: &Policy,
) -> Result<KeyPlan> {
    let declared = foreign_key::declared(connection)?;
    let targets = keys::resolve(connection, &declared, requests)?;
    plan(connection, &targets, &declared, Some(version), policy)
}

/// Plans to add the keys of `targets` that are to be added, and to deal with the orphans of all,
/// in the name of migration `version`, if it is for one.
pub fn plan(
    connection: &Connection,
    targets: &[TableKeys],
    declared: &[NamedKey],
    version: Option<i64>,
    policy: &Policy,
) -> Result<KeyPlan> {
    // A dry run has it so already.
    guard::with_limited_values(connection, || {
        plan_within(connection, targets, declared, version, policy)
    })
}

fn plan_within(
    connection: &Connection,
    targets: &[TableKeys],
    declared: &[NamedKey],
    version: Option<i64>,
    policy: &Policy,
) -> Result<KeyPlan> {
    let schema_before = snapshot::take(connection)?;
    let counts = RowCounts::new(connection);
    let found = orphans::find(connection, targets, declared, &counts, policy.orphans)?;
    let mut planner = Planner {
        connection,
        counts: &counts,
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

struct Planner<'a> {
    connection: &'a Connection,
    counts: &'a RowCounts<'a>,
    schema: Snapshot,
    found: &'a Found,
    steps: Vec<Step>,
    must_be_tried: bool,
}

impl Planner<'_> {
    fn lacks_counter(&self, table: &Table) -> Result<bool> {
        let counts = ddl::counts_rowids(&table.sql)?;
        let names = snapshot::taken_names(self.connection)?;
        Ok(counts && !names.iter().any(|it| it == "sqlite_sequence"))
    }

    fn tables(&self, targets: &[TableKeys], rebuilds: &[Rebuild<'_>]) -> Result<Vec<TablePlan>> {
        let mut tables = Vec::new();
        for keys in targets {
            let name = &keys.table.name;
            let rebuild = rebuilds.iter().find(|it| it.table.name == *name);
            tables.push(TablePlan {
                rows: self.counts.of(name)?,
                name: name.clone(),
                added: keys.added.clone(),
                adopted: keys.adopted.clone(),
                way: rebuild.map(|it| it.way),
                because: rebuild.and_then(|it| it.because.clone()),
                definition: rebuild.map(|it| it.definition.clone()),
            });
        }
        Ok(tables)
    }

    fn warnings(&self, targets: &[TableKeys]) -> Result<Vec<String>> {
        let mut warnings = Vec::new();
        for keys in targets {
            for new in &keys.added {
                let parent = Table::read(self.connection, &new.key.parent)?;
                warnings.extend(keys::warnings(&keys.table, &parent, &new.key));
            }
        }
        for removal in self.found.touched() {
            let indexes = full_text::Indexes::of(self.connection, &removal.table)?;
            warnings.extend(unfired::warnings(removal, &indexes));
        }
        Ok(warnings)
    }
}

/// The keys that are added, each with its child table.
fn asked_for(targets: &[TableKeys]) -> impl Iterator<Item = (&Table, &NewKey)> {
    let keys = targets.iter();
    keys.flat_map(|keys| keys.asked_for().map(|new| (&keys.table, new)))
}

#[cfg(test)]
mod tests;
