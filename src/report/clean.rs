//! What `fkfix clean` and `fkfix restore` did, or would do.

use std::fmt::Write as _;

use super::change::Tense;
use super::formats::Report;
use crate::outcome::clean::{CleanReport, PurgeReport, RestoreReport};
use crate::text::{Lines, plural, rows};

impl Report for CleanReport {
    fn text(&self, _: Option<u16>) -> Lines {
        let keys = plural(i64::try_from(self.keys).unwrap_or(i64::MAX), "declared key");
        if self.removed.is_empty() && self.set_null.is_empty() && self.validated.is_empty() {
            return Lines::of(&format!("nothing to do: no orphans ({keys} checked)"));
        }
        let (mut text, tense) = if self.dry_run {
            let text = Lines::of(&format!("dry run: {} is not changed", self.database));
            (text, Tense::Planned)
        } else {
            (Lines::default(), Tense::Done)
        };
        if let Some(backup) = &self.backup {
            let _ = writeln!(text, "backup written to {backup}");
        }
        if self.dry_run {
            text.blank();
            let _ = writeln!(text, "would clean {keys}");
        } else {
            let _ = writeln!(text, "cleaned {keys}");
        }
        for removed in &self.removed {
            text.append(&removed.text(tense));
        }
        for forgotten in &self.set_null {
            text.append(&forgotten.text(tense));
        }
        for key in self.validated.iter().filter(|_| !self.dry_run) {
            let _ = writeln!(text, "  validated {} of {}", key.constraint, key.table);
        }
        if self.dry_run {
            for way in &self.ways {
                let _ = writeln!(text, "  {way}");
            }
            super::migrations::numbered(&mut text, &self.steps);
        }
        text
    }
}

impl Report for RestoreReport {
    fn text(&self, _: Option<u16>) -> Lines {
        if self.restored.is_empty() {
            return Lines::of(&format!(
                "nothing to do: {} has no archived rows",
                self.database
            ));
        }
        let mut text = Lines::default();
        let tense = if self.dry_run {
            let _ = writeln!(text, "dry run: {} is not changed", self.database);
            text.blank();
            Tense::Planned
        } else {
            Tense::Done
        };
        if let Some(backup) = &self.backup {
            let _ = writeln!(text, "backup written to {backup}");
        }
        for restored in &self.restored {
            text.append(&restored.text(tense));
        }
        text
    }
}

impl Report for PurgeReport {
    fn text(&self, _: Option<u16>) -> Lines {
        if self.purged.is_empty() {
            return Lines::of("nothing to do: no archived row is so old");
        }
        let mut text = Lines::default();
        if self.dry_run {
            let _ = writeln!(text, "dry run: {} is not changed", self.database);
            text.blank();
        }
        if let Some(backup) = &self.backup {
            let _ = writeln!(text, "backup written to {backup}");
        }
        for purged in &self.purged {
            let (gone, archive) = (rows(purged.rows), &purged.archive);
            let left = rows(purged.left);
            let _ = if self.dry_run {
                writeln!(
                    text,
                    "  {gone} of {archive} would be deleted for good; {left} would stay"
                )
            } else {
                writeln!(
                    text,
                    "  {gone} deleted from {archive} for good; {left} left"
                )
            };
        }
        text
    }
}
