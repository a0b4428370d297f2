//! Where every migration stands.

use std::fmt::Write as _;

use unicode_width::UnicodeWidthStr as _;

use super::formats::Report;
use crate::outcome::enforce::TriggerName;
use crate::outcome::status::{MigrationStatus, State, StatusReport, UnderWay};
use crate::standing::Resolved;
use crate::text::{Lines, printable, rows};

impl UnderWay {
    /// Indented lines: the keys, and how it can go on.
    fn write(&self, text: &mut Lines, indent: usize) {
        let margin = " ".repeat(indent);
        for key in &self.keys {
            let state = match key.state {
                "valid" => "valid",
                "not-valid" => "enforced for new rows, not yet valid",
                _ => "not there",
            };
            let _ = writeln!(text, "{margin}{} of {}: {state}", key.constraint, key.table);
        }
        let moved = rows(self.archived);
        let ways = if self.direction == "up" {
            "go on with fkfix up, revert with fkfix down"
        } else {
            "go on with fkfix down"
        };
        let _ = writeln!(text, "{margin}{moved} archived; {ways}");
    }
}

impl Report for StatusReport {
    fn text(&self, _: Option<u16>) -> Lines {
        let label = |it: &MigrationStatus| {
            let label = format!("V{} {}", it.version, it.name);
            printable(&label).into_owned()
        };
        let labels = self.migrations.iter().map(|it| label(it).width());
        let widest = labels.max().unwrap_or_default();
        let mut text = Lines::default();
        for migration in &self.migrations {
            let state = match migration.state {
                State::Pending if migration.late => {
                    "pending, older than the newest applied: fkfix up --allow-missing applies it"
                }
                State::Pending => "pending",
                State::Applied => "applied",
                State::Adopted => "adopted: the keys were there already",
                State::Changed => "changed since it was applied",
                State::Other => "another was applied under this number",
                State::Unknown => "unknown here, applied by another program",
                State::UnderWay => "under way",
            };
            let label = label(migration);
            let padding = " ".repeat(widest.saturating_sub(label.width()));
            let when = migration.applied_on.as_ref();
            let when = when.map_or(String::new(), |when| format!(", {when}"));
            let other = migration.applied_as.as_ref();
            let other = other.map_or(String::new(), |name| format!(": {}", printable(name)));
            if let Some(under_way) = &migration.under_way {
                let (since, step) = (&under_way.since, under_way.step);
                let _ = writeln!(text, "{label}{padding}  {state} since {since}: {step}");
                under_way.write(&mut text, widest + 2);
                continue;
            }
            let marked = migration
                .resolved
                .as_ref()
                .map_or(String::new(), Resolved::shown);
            let _ = writeln!(text, "{label}{padding}  {state}{other}{when}{marked}");
        }
        for archive in &self.archives {
            let _ = writeln!(
                text,
                "{} holds {} of {}",
                archive.archive,
                rows(archive.rows),
                archive.table
            );
        }
        for TriggerName { trigger, table } in &self.enforcement {
            let _ = writeln!(text, "{trigger} on {table} carries out a key");
        }
        text
    }
}
