//! The rows that leave and those that forget keys: what must hold for them, and the steps that
//! archive, change and delete them.

use anyhow::Result;

use super::planner::Planner;
use crate::failure::Failure;
use crate::policy::Policy;
use crate::sqlite::archive;
use crate::sqlite::orphans::confirm;
use crate::sqlite::orphans::lists::{Removal, from_kept};
use crate::sqlite::rebuild::compare;
use crate::sqlite::rebuild::fidelity;
use crate::sqlite::rebuild::full_text;
use crate::sqlite::rebuild::{self, Rebuild};
use crate::sqlite::schema::snapshot;
use crate::text;

impl Planner<'_> {
    /// Rows that leave a table leave its indexes, all of them; those that forget a key change there.
    pub(super) fn must_keep_indexes(&self) -> Result<()> {
        for removal in self.found.touched() {
            let table = &removal.table;
            table.must_be_exact()?;
            if let Some((index, reason)) = table.unkept_index() {
                return Err(Failure::impossible(format!(
                    "{} would leave {}, and this SQLite can't keep its index {index}: {reason}",
                    text::rows(removal.touched()), table.name
                ))
                .hint(if table.indexes.iter().any(|it| it.name == index) {
                    format!("drop the index {index} first and let the application make it again, or give those rows a parent")
                } else {
                    "give those rows a parent first, or delete them by the application, which has what it takes".to_owned()
                })
                .into());
            }
        }
        Ok(())
    }

    /// Nobody can insert into a table whose AUTOINCREMENT has no counter: SQLite says "malformed"
    /// (`autoIncBegin` in its `insert.c`).
    pub(super) fn must_take_rows_back(&self) -> Result<()> {
        for removal in self.found.leaving() {
            let table = &removal.table;
            if self.lacks_counter(table)? {
                return Err(Failure::impossible(format!(
                    "{} would leave {} and could not come back: it counts its rowids by AUTOINCREMENT, and the table sqlite_sequence is missing",
                    text::rows(removal.rows),
                    table.name
                ))
                .hint("SQLite makes sqlite_sequence anew with: CREATE TABLE x (id INTEGER PRIMARY KEY AUTOINCREMENT); DROP TABLE x")
                .into());
            }
        }
        Ok(())
    }

    /// Archives the rows that leave and those that forget keys, has these forget them, and deletes
    /// the others whose tables are not copied.
    pub(super) fn move_rows_out(
        &mut self,
        rebuilds: &[Rebuild<'_>],
        version: Option<i64>,
        policy: &Policy,
    ) -> Result<()> {
        let mut comparisons = Vec::new();
        for removal in self.found.touched() {
            let own = rebuilds
                .iter()
                .find(|it| it.table.name == removal.table.name);
            let built_anew = own.is_some_and(|it| it.way.inserts_rows());
            if !built_anew || removal.kept > 0 {
                confirm::confirm_indexed(self.connection, removal)?;
            }
            if policy.orphans.keeps() {
                if let Some(misfit) = fidelity::of_leaving_rows(self.connection, removal)? {
                    return Err(misfit.not_brought_back().into());
                }
                let storing = archive::store(self.connection, removal, version)?;
                self.steps.extend(storing.steps);
                comparisons.extend(storing.comparison);
            } else if removal.kept > 0 {
                let taken = snapshot::taken_names(self.connection)?;
                let aside = format!("fkfix_before_{}", comparisons.len() + 1);
                let aside = snapshot::free_name(&taken, &aside);
                let (keep, compare) = compare::compared_aside(removal, &aside);
                self.steps.push(keep);
                comparisons.extend(compare);
            }
            if removal.kept > 0 {
                self.must_leave_indexes_as_they_are(removal)?;
                if let Some(misfit) = fidelity::of_forgetting_rows(self.connection, removal)? {
                    return Err(misfit.not_updated().into());
                }
            }
        }
        for removal in self.found.leaving() {
            let indexes = full_text::Indexes::of(self.connection, &removal.table)?;
            let taken_out = indexes.take_out(removal);
            self.must_be_tried |= !taken_out.is_empty();
            self.steps.extend(taken_out);
        }
        for removal in self.found.touched().filter(|it| it.kept > 0) {
            self.steps.extend(rebuild::drop_triggers(&removal.table));
            self.steps.push(rebuild::forget(removal).scattered());
            self.steps.extend(rebuild::create_triggers(&removal.table));
        }
        self.steps.extend(comparisons);
        for removal in self.found.leaving() {
            let name = &removal.table.name;
            let copied = |it: &&Rebuild<'_>| it.table.name == *name && it.way.copies();
            if rebuilds.iter().find(copied).is_none() {
                self.steps.extend(rebuild::drop_triggers(&removal.table));
                let indexes = removal.table.indexes.len();
                self.steps
                    .push(rebuild::delete(removal, indexes).scattered());
                self.steps.extend(rebuild::create_triggers(&removal.table));
            }
        }
        Ok(())
    }

    /// A full-text index that holds some rows alone can't be built anew, and would go on knowing a row by
    /// the key that it forgets.
    fn must_leave_indexes_as_they_are(&self, removal: &Removal) -> Result<()> {
        let table = &removal.table;
        let indexes = full_text::Indexes::of(self.connection, table)?;
        let kept = from_kept("w", removal);
        for index in indexes.knowing_some_rows_by(table, &removal.set_columns()) {
            if index.holds_one(self.connection, &kept)? {
                return Err(Failure::impossible(format!(
                    "{} of {} would forget a key, and the full-text index {}, which holds some rows alone, knows one of them by it",
                    text::rows(removal.kept), table.name, index.name
                ))
                .hint(format!(
                    "drop {} and create it again afterwards, or have the rows leave: --orphans archive",
                    index.name
                ))
                .into());
            }
        }
        Ok(())
    }
}
