//! What a migration does to tables and their rows, done or planned.

use std::fmt::Write as _;
use std::slice;

use serde::Serialize;

use super::key::Key;
use crate::model::kept::{Cause, Kept};
use crate::text::{Lines, Mark, count, listing, plural, rows};

/// Whether something is done, or would be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tense {
    /// It is done.
    Done,
    /// A run would do it.
    Planned,
}

/// One migration and what it did.
#[derive(Debug, Serialize)]
pub struct AppliedMigration {
    /// Its number.
    pub version: i64,
    /// Its name.
    pub name: String,
    /// The child tables.
    pub tables: Vec<ChildTable>,
    /// The rows that left.
    pub removed: Vec<RemovedRows>,
    /// The rows that stayed and forgot a key.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub set_null: Vec<ForgottenKeys>,
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
    /// Why they left, where their key does not say so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub because: Option<String>,
}

/// Rows of a table that stayed and forgot a key: it became NULL, or its default.
#[derive(Debug, Serialize)]
pub struct ForgottenKeys {
    /// The table.
    pub table: String,
    /// How many rows, each counted once.
    pub rows: i64,
    /// Where they are kept as they were, if they are.
    pub archive: Option<String>,
    /// The columns that were set.
    pub columns: Vec<String>,
    /// Some were set to their default, which is not NULL.
    pub to_default: bool,
    /// How many by each key; a row that forgets two keys counts for both.
    pub by_key: Vec<ByKey>,
}

impl AppliedMigration {
    /// Indented lines: the tables, and the rows that left or, where it is only planned, will.
    pub fn details(&self, tense: Tense) -> Lines {
        let mut text = Lines::default();
        for table in &self.tables {
            text.append(&table.text(tense));
        }
        for removed in &self.removed {
            text.append(&removed.text(tense));
        }
        for forgotten in &self.set_null {
            text.append(&forgotten.text(tense));
        }
        text
    }
}

impl ForgottenKeys {
    /// Indented lines.
    pub fn text(&self, tense: Tense) -> Lines {
        let (kept, table, columns) = (rows(self.rows), &self.table, listing(&self.columns));
        let value = if self.to_default {
            "NULL or its default"
        } else {
            "NULL"
        };
        let remembers = match (&self.archive, tense) {
            (Some(archive), Tense::Done) => format!("{archive} remembers what it was"),
            (Some(archive), Tense::Planned) => format!("{archive} would remember what it was"),
            (None, _) => "what it was is not kept".to_owned(),
        };
        let stay = match tense {
            Tense::Done => "kept",
            Tense::Planned => "would stay",
        };
        let what = format!(" of {table} {stay} with {columns} set to {value}; {remembers}");
        let mut text = Lines::default();
        text.marked("  ", Mark::Warning, &kept, &what);
        by_key_text(&mut text, &self.by_key, "lose their parent by");
        text
    }
}

fn by_key_text(text: &mut Lines, by_key: &[ByKey], along: &str) {
    for by_key in by_key {
        let verb = match (by_key.orphans, by_key.rows) {
            (true, 1) => "breaks",
            (true, _) => "break",
            (false, 1) if along == "go along by" => "goes along by",
            (false, 1) if along == "lose their parent by" => "loses its parent by",
            (false, _) => along,
        };
        let _ = writeln!(text, "    {} {verb} {}", rows(by_key.rows), by_key.key);
    }
}

impl RemovedRows {
    /// Indented lines.
    pub fn text(&self, tense: Tense) -> Lines {
        let (leaving, table) = (rows(self.rows), &self.table);
        let what = match (&self.archive, tense) {
            (Some(archive), Tense::Done) => format!(" moved from {table} to {archive}"),
            (Some(archive), Tense::Planned) => format!(" of {table} would move to {archive}"),
            (None, Tense::Done) => format!(" deleted from {table}"),
            (None, Tense::Planned) => format!(" of {table} would have to go"),
        };
        let mut text = Lines::default();
        text.marked("  ", Mark::Warning, &leaving, &what);
        by_key_text(&mut text, &self.by_key, "go along by");
        if self.break_several > 0 {
            let several = rows(self.break_several);
            let breaks = if self.break_several == 1 {
                "breaks"
            } else {
                "break"
            };
            let _ = writeln!(text, "    {several} of these {breaks} more than one key");
        }
        for by_key in &self.by_key {
            if let Some(because) = &by_key.because {
                let _ = writeln!(text, "    {}: {because}", by_key.key);
            }
        }
        text
    }
}

impl ChildTable {
    fn text(&self, tense: Tense) -> Lines {
        let mut text = Lines::default();
        let name = &self.table;
        if !self.added.is_empty() {
            let keys = i64::try_from(self.added.len()).unwrap_or(i64::MAX);
            let keys = plural(keys, "foreign key");
            let after = rows(self.rows_after);
            let _ = if tense == Tense::Planned {
                writeln!(
                    text,
                    "  would add {keys} to {name} (keeps {after} of {})",
                    count(self.rows_before)
                )
            } else {
                writeln!(text, "  added {keys} to {name} ({after})")
            };
        }
        for key in &self.added {
            let _ = writeln!(text, "    {}", key.text());
        }
        for key in &self.adopted {
            let had = if tense == Tense::Planned {
                "has"
            } else {
                "had"
            };
            let called = key.called.as_ref();
            let called = called.map_or(String::new(), |called| format!(", called {called}"));
            let _ = writeln!(
                text,
                "  {name} {had} this key already: {}{called}",
                key.text()
            );
        }
        text
    }
}

/// One migration and what taking it back did.
#[derive(Debug, Serialize)]
pub struct TakenBackMigration {
    /// Its number.
    pub version: i64,
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
    /// How many of these were there already, just as they were archived.
    #[serde(skip_serializing_if = "is_zero")]
    pub there_already: i64,
    /// Rows that could not go back and stay in the archive.
    pub kept: i64,
    /// Why, each of them counted once.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub kept_because: Vec<KeptRows>,
}

/// Rows that stay in an archive for one reason.
#[derive(Debug, Serialize)]
pub struct KeptRows {
    /// How many.
    pub rows: i64,
    /// The reason: `breaks_key`, `taken`, `not_null`, `converted`, `changed`, `row_gone`,
    /// `column_gone` or `table_gone`.
    pub cause: &'static str,
    /// The columns that are taken, must not be NULL, or are gone.
    pub columns: Vec<String>,
    /// The keys that they would break.
    pub keys: Vec<Key>,
    /// The reason for people.
    #[serde(skip)]
    pub text: String,
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde hands over a reference"
)]
pub(super) fn is_zero(rows: &i64) -> bool {
    *rows == 0
}

impl KeptRows {
    /// `kept`, which left `table`.
    #[must_use]
    pub fn new(kept: &Kept, table: &str) -> Self {
        let (cause, columns, keys) = match &kept.cause {
            Cause::TableGone => ("table_gone", &[][..], &[][..]),
            Cause::ColumnGone(name) => ("column_gone", slice::from_ref(name), &[][..]),
            Cause::Taken(names) => ("taken", names.as_slice(), &[][..]),
            Cause::NotNull(name) => ("not_null", slice::from_ref(name), &[][..]),
            Cause::Converted => ("converted", &[][..], &[][..]),
            Cause::Changed(names) => ("changed", names.as_slice(), &[][..]),
            Cause::RowGone => ("row_gone", &[][..], &[][..]),
            Cause::BreakKeys(keys) => ("breaks_key", &[][..], keys.as_slice()),
        };
        let keys = keys
            .iter()
            .map(|it| Key::new(&it.key, it.constraint.clone()));
        let keys: Vec<_> = keys.collect();
        let names = listing(columns);
        let text = match &kept.cause {
            Cause::TableGone => format!("the table {table} is gone"),
            Cause::ColumnGone(name) => format!("the column {name} of {table} is gone"),
            Cause::Taken(_) if columns.is_empty() => {
                format!("a unique index of {table} has another row in their place")
            }
            Cause::Taken(_) if columns.len() == 1 => format!("{names} is taken in {table}"),
            Cause::Taken(_) => format!("{names} are taken in {table}"),
            Cause::NotNull(name) => format!("{name} may not be NULL in {table}"),
            Cause::Converted => format!("{table} would store a value of theirs as another"),
            Cause::Changed(_) => format!("{names} of {table} changed since"),
            Cause::RowGone if kept.rows == 1 => format!("its row is gone from {table}"),
            Cause::RowGone => format!("their rows are gone from {table}"),
            Cause::BreakKeys(_) => {
                let it = if kept.rows == 1 {
                    "it breaks"
                } else {
                    "they break"
                };
                let stay = if keys.len() == 1 { "stays" } else { "stay" };
                let keys: Vec<_> = keys.iter().map(Key::text).collect();
                format!("{it} {}, which {stay}", listing(&keys))
            }
        };
        KeptRows {
            rows: kept.rows,
            cause,
            columns: columns.to_vec(),
            keys,
            text,
        }
    }
}

impl TakenBackMigration {
    /// Indented lines: the rows that came back or, where it is only planned, will.
    pub fn details(&self, tense: Tense) -> Lines {
        let mut text = Lines::default();
        for restored in &self.restored {
            text.append(&restored.text(tense));
        }
        if !self.left.is_empty() {
            let _ = writeln!(text, "  left as they were before: {}", listing(&self.left));
        }
        text
    }
}

impl RestoredRows {
    /// Indented lines.
    pub fn text(&self, tense: Tense) -> Lines {
        let RestoredRows { table, archive, .. } = self;
        let back = rows(self.rows);
        let mut text = Lines::of(&match tense {
            Tense::Planned => format!("  {back} of {archive} would move back to {table}"),
            Tense::Done => format!("  {back} moved from {archive} back to {table}"),
        });
        if self.there_already > 0 {
            let there = rows(self.there_already);
            let were = if self.there_already == 1 {
                "was"
            } else {
                "were"
            };
            let _ = writeln!(text, "    {there} of these {were} there already");
        }
        let kept = rows(self.kept);
        match self.kept_because.as_slice() {
            [] => {}
            [only] => {
                let _ = writeln!(text, "  {kept} kept in {archive}: {}", only.text);
            }
            several => {
                let _ = writeln!(text, "  {kept} kept in {archive}");
                for some in several {
                    let _ = writeln!(text, "    {}: {}", rows(some.rows), some.text);
                }
            }
        }
        text
    }
}
