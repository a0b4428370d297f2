//! What `up` and `down` did.

use std::fmt::Write as _;

use serde::Serialize;

use super::key::Key;
use super::output::Report;
use super::text::{Lines, count, listing, plural, rows};
use crate::policy::{OrphanAction, Policy};
use crate::sqlite::archive;
use crate::sqlite::back::TakenBack;
use crate::sqlite::driver::Outcome;
use crate::sqlite::lists::Removal;
use crate::sqlite::plan::{KeyPlan, TablePlan};

/// What `fkfix up` did.
#[derive(Debug, Serialize)]
pub struct UpReport {
    /// The file.
    pub database: String,
    /// The version at which to stop, if one was given.
    pub to: Option<i32>,
    /// The copy that was taken first.
    pub backup: Option<String>,
    /// The migrations that were applied, in order; none where nothing was pending.
    pub applied: Vec<AppliedMigration>,
}

/// One migration and what it did.
#[derive(Debug, Serialize)]
pub struct AppliedMigration {
    /// Its number.
    pub version: i32,
    /// Its name.
    pub name: String,
    /// The child tables.
    pub tables: Vec<ChildTable>,
    /// The rows that left.
    pub removed: Vec<RemovedRows>,
}

/// A child table and its keys.
#[derive(Debug, Serialize)]
pub struct ChildTable {
    /// Its name.
    pub table: String,
    /// Rows before.
    pub rows_before: i64,
    /// Rows after.
    pub rows_after: i64,
    /// Keys that it got.
    pub added: Vec<Key>,
    /// Keys that it had already.
    pub adopted: Vec<Key>,
}

/// Rows that left a table.
#[derive(Debug, Serialize)]
pub struct RemovedRows {
    /// The table.
    pub table: String,
    /// How many rows, each counted once.
    pub rows: i64,
    /// How many of them break more than one key.
    pub break_several: i64,
    /// Where they are kept, if they are.
    pub archive: Option<String>,
    /// How many by each key; a row that breaks two keys counts for both.
    pub by_key: Vec<ByKey>,
}

/// The rows that left because of one key.
#[derive(Debug, Serialize)]
pub struct ByKey {
    /// The key.
    pub key: String,
    /// How many rows.
    pub rows: i64,
    /// They break the key; otherwise they went along with the parent that they refer to.
    pub orphans: bool,
}

impl AppliedMigration {
    /// What `outcome` did under `policy`.
    pub fn new(outcome: &Outcome<'_>, policy: &Policy) -> Self {
        AppliedMigration {
            version: outcome.migration.up.version(),
            name: outcome.migration.up.name().to_owned(),
            tables: outcome.plans().flat_map(ChildTable::of).collect(),
            removed: outcome
                .plans()
                .flat_map(KeyPlan::removals)
                .map(|removal| RemovedRows::new(removal, policy))
                .collect(),
        }
    }
}

impl AppliedMigration {
    /// Indented lines: the tables, and the rows that left or, where it is only `planned`, will.
    pub fn details(&self, planned: bool) -> Lines {
        let mut text = Lines::default();
        for table in &self.tables {
            text.append(&table.text(planned));
        }
        for removed in &self.removed {
            text.append(&removed.text(planned));
        }
        text
    }
}

impl ChildTable {
    fn of(plan: &KeyPlan) -> impl Iterator<Item = ChildTable> {
        plan.tables.iter().map(|table| {
            let TablePlan {
                name,
                rows,
                added,
                adopted,
                ..
            } = table;
            let leaving = plan.found.removal(name).map_or(0, |removal| removal.rows);
            ChildTable {
                table: name.clone(),
                rows_before: *rows,
                rows_after: rows - leaving,
                added: added.iter().map(Into::into).collect(),
                adopted: adopted.iter().map(Into::into).collect(),
            }
        })
    }
}

impl RemovedRows {
    /// What becomes of the rows of `removal` under `policy`.
    pub fn new(removal: &Removal, policy: &Policy) -> Self {
        let by_key = removal.reasons.iter().map(|reason| ByKey {
            key: reason.key.clone(),
            rows: reason.rows,
            orphans: reason.breaks,
        });
        RemovedRows {
            table: removal.table.name.clone(),
            rows: removal.rows,
            break_several: removal.break_several,
            archive: (policy.orphans == OrphanAction::Archive)
                .then(|| archive::name_of(&removal.table.name)),
            by_key: by_key.collect(),
        }
    }

    fn text(&self, planned: bool) -> Lines {
        let (leaving, table) = (rows(self.rows), &self.table);
        let mut text = Lines::of(&match (&self.archive, planned) {
            (Some(archive), false) => format!("  {leaving} moved from {table} to {archive}"),
            (Some(archive), true) => format!("  {leaving} of {table} would move to {archive}"),
            (None, false) => format!("  {leaving} deleted from {table}"),
            (None, true) => format!("  {leaving} of {table} would have to go"),
        });
        for by_key in &self.by_key {
            let verb = match (by_key.orphans, by_key.rows) {
                (true, 1) => "breaks",
                (true, _) => "break",
                (false, 1) => "goes along by",
                (false, _) => "go along by",
            };
            let _ = writeln!(text, "    {} {verb} {}", rows(by_key.rows), by_key.key);
        }
        if self.break_several > 0 {
            let several = rows(self.break_several);
            let breaks = if self.break_several == 1 {
                "breaks"
            } else {
                "break"
            };
            let _ = writeln!(text, "    {several} of these {breaks} more than one key");
        }
        text
    }
}

impl Report for UpReport {
    fn text(&self, _: Option<u16>) -> Lines {
        if self.applied.is_empty() {
            let until = self.to.map_or(String::new(), |to| format!(" up to V{to}"));
            return Lines::of(&format!(
                "nothing to do: {} has every migration{until}",
                self.database
            ));
        }
        let mut text = Lines::default();
        if let Some(backup) = &self.backup {
            let _ = writeln!(text, "backup written to {backup}");
        }
        for migration in &self.applied {
            let _ = writeln!(text, "applied V{} {}", migration.version, migration.name);
            text.append(&migration.details(false));
        }
        text
    }
}

impl ChildTable {
    fn text(&self, planned: bool) -> Lines {
        let mut text = Lines::default();
        let name = &self.table;
        if !self.added.is_empty() {
            let keys = i64::try_from(self.added.len()).unwrap_or(i64::MAX);
            let keys = plural(keys, "foreign key");
            let after = rows(self.rows_after);
            let _ = if planned {
                writeln!(
                    text,
                    "  {name} gets {keys} and keeps {after} of {}",
                    count(self.rows_before)
                )
            } else {
                writeln!(text, "  {name} has {keys} more and {after}")
            };
        }
        for key in &self.added {
            let _ = writeln!(text, "    {}", key.text());
        }
        for key in &self.adopted {
            let had = if planned { "has" } else { "had" };
            let _ = writeln!(text, "  {name} {had} this key already: {}", key.text());
        }
        text
    }
}

/// What `fkfix down` did.
#[derive(Debug, Serialize)]
pub struct DownReport {
    /// The file.
    pub database: String,
    /// The version above which to take all back, if one was given.
    pub to: Option<i32>,
    /// The copy that was taken first.
    pub backup: Option<String>,
    /// The migrations that were taken back, newest first.
    pub taken_back: Vec<TakenBackMigration>,
}

/// One migration and what taking it back did.
#[derive(Debug, Serialize)]
pub struct TakenBackMigration {
    /// Its number.
    pub version: i32,
    /// Its name.
    pub name: String,
    /// Keys that were there before the migration and so stay, as `table.constraint`.
    pub left: Vec<String>,
    /// Rows that came back.
    pub restored: Vec<RestoredRows>,
}

/// Rows that came back from an archive.
#[derive(Debug, Serialize)]
pub struct RestoredRows {
    /// The table.
    pub table: String,
    /// The archive.
    pub archive: String,
    /// Rows that are in the table again.
    pub rows: i64,
    /// Rows that could not go back and stay in the archive.
    pub kept: i64,
}

impl From<&TakenBack> for TakenBackMigration {
    fn from(done: &TakenBack) -> Self {
        TakenBackMigration {
            version: done.version,
            name: done.name.clone(),
            left: done
                .left
                .iter()
                .map(|key| {
                    format!(
                        "{}.{}",
                        key.table,
                        key.constraint.as_deref().unwrap_or_default()
                    )
                })
                .collect(),
            restored: done
                .restored
                .iter()
                .map(|restored| RestoredRows {
                    table: restored.table.clone(),
                    archive: restored.archive.clone(),
                    rows: restored.rows,
                    kept: restored.kept,
                })
                .collect(),
        }
    }
}

impl Report for DownReport {
    fn text(&self, _: Option<u16>) -> Lines {
        if self.taken_back.is_empty() {
            let above = match self.to {
                None | Some(0) => String::new(),
                Some(to) => format!(" above V{to}"),
            };
            return Lines::of(&format!(
                "nothing to do: no migration{above} is applied to {}",
                self.database
            ));
        }
        let mut text = Lines::default();
        if let Some(backup) = &self.backup {
            let _ = writeln!(text, "backup written to {backup}");
        }
        for migration in &self.taken_back {
            let _ = writeln!(text, "took back V{} {}", migration.version, migration.name);
            text.append(&migration.details(false));
        }
        text
    }
}

impl TakenBackMigration {
    /// Indented lines: the rows that came back or, where it is only `planned`, will.
    pub fn details(&self, planned: bool) -> Lines {
        let mut text = Lines::default();
        for restored in &self.restored {
            let RestoredRows { table, archive, .. } = restored;
            let back = rows(restored.rows);
            let _ = if planned {
                writeln!(text, "  {back} of {archive} would move back to {table}")
            } else {
                writeln!(text, "  {back} moved from {archive} back to {table}")
            };
            if restored.kept > 0 {
                let kept = rows(restored.kept);
                let _ = writeln!(
                    text,
                    "  {kept} kept in {archive}: the key in {table} is taken, or the table or a column is gone"
                );
            }
        }
        if !self.left.is_empty() {
            let _ = writeln!(text, "  left as they were before: {}", listing(&self.left));
        }
        text
    }
}
