//! What a migration does to tables and their rows, done or planned.

use std::fmt::Write as _;

use crate::outcome::change::{
    AppliedMigration, ByKey, ChildTable, ForgottenKeys, RemovedRows, RestoredRows,
    TakenBackMigration,
};
use crate::text::{Lines, Mark, count, listing, plural, rows};

/// Whether something is done, or would be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tense {
    /// It is done.
    Done,
    /// A run would do it.
    Planned,
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
            let _ = writeln!(text, "    {}", key.named.text());
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
                key.named.text()
            );
        }
        text
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
