//! What a plan is made with.

use anyhow::Result;
use rusqlite::Connection;

use super::key_plan::TablePlan;
use crate::sqlite::apply::unfired;
use crate::sqlite::keys::{self, NewKey, TableKeys};
use crate::sqlite::orphans::Found;
use crate::sqlite::rebuild::Rebuild;
use crate::sqlite::rebuild::full_text;
use crate::sqlite::rebuild::steps::Step;
use crate::sqlite::schema::Table;
use crate::sqlite::schema::row_counts::RowCounts;
use crate::sqlite::schema::snapshot::{self, Snapshot};
use crate::sqlite::text::ddl;

/// What the parts of a plan are made with, and what they come to.
pub(super) struct Planner<'a> {
    pub(super) connection: &'a Connection,
    pub(super) counts: &'a RowCounts<'a>,
    pub(super) schema: Snapshot,
    pub(super) found: &'a Found,
    pub(super) steps: Vec<Step>,
    pub(super) must_be_tried: bool,
}

impl Planner<'_> {
    /// Whether making `table` again would make the table of the AUTOINCREMENT counters.
    pub(super) fn lacks_counter(&self, table: &Table) -> Result<bool> {
        let counts = ddl::counts_rowids(&table.sql)?;
        let names = snapshot::taken_names(self.connection)?;
        Ok(counts && !names.iter().any(|it| it == "sqlite_sequence"))
    }

    /// What becomes of each table of `targets`.
    pub(super) fn tables(
        &self,
        targets: &[TableKeys],
        rebuilds: &[Rebuild<'_>],
    ) -> Result<Vec<TablePlan>> {
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

    /// What SQLite accepts, and what will cost something.
    pub(super) fn warnings(&self, targets: &[TableKeys]) -> Result<Vec<String>> {
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
pub(super) fn asked_for(targets: &[TableKeys]) -> impl Iterator<Item = (&Table, &NewKey)> {
    let keys = targets.iter();
    keys.flat_map(|keys| keys.asked_for().map(|new| (&keys.table, new)))
}
