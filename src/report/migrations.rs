//! What `up` and `down` did, or would do: one shape for both.

use std::fmt::Write as _;
use std::time::Duration;

use indicatif::{HumanBytes, HumanDuration};

use super::change::Tense;
use super::formats::Report;
use crate::outcome::migrations::{DownReport, UpReport};
use crate::text::Lines;

impl Report for UpReport {
    fn text(&self, _: Option<u16>) -> Lines {
        if self.none_apply {
            return Lines::of(&format!(
                "nothing to do: no migration applies to {}",
                self.database
            ));
        }
        if self.migrations.is_empty() {
            let until = self.to.map_or(String::new(), |to| format!(" up to V{to}"));
            return Lines::of(&format!(
                "nothing to do: {} has every migration{until}",
                self.database
            ));
        }
        let mut text = opening(&self.database, self.dry_run, self.backup.as_deref());
        for migration in &self.migrations {
            let change = &migration.change;
            heading(
                &mut text,
                self.dry_run,
                ["applied", "would apply"],
                change.version,
                &change.name,
            );
            text.append(&change.details(tense(self.dry_run)));
            if self.dry_run {
                for way in &migration.ways {
                    let _ = writeln!(text, "  {way}");
                }
                numbered(&mut text, &migration.steps);
            }
        }
        if let Some(space) = &self.space {
            text.blank();
            let _ = writeln!(
                text,
                "disk space: about {} beside the database ({} free), {} in the temporary folder ({} free)",
                HumanBytes(space.needed),
                HumanBytes(space.free),
                HumanBytes(space.needed_in_temporary_folder),
                HumanBytes(space.free_in_temporary_folder),
            );
        }
        if let Some(seconds) = self.seconds {
            let _ = writeln!(text, "time: about {}", duration(seconds));
        }
        text
    }
}

impl Report for DownReport {
    fn text(&self, _: Option<u16>) -> Lines {
        if self.migrations.is_empty() {
            let above = self.to.filter(|to| *to != 0);
            let above = above.map_or(String::new(), |to| format!(" above V{to}"));
            return Lines::of(&format!(
                "nothing to do: no migration{above} is applied to {}",
                self.database
            ));
        }
        let mut text = opening(&self.database, self.dry_run, self.backup.as_deref());
        for migration in &self.migrations {
            let change = &migration.change;
            heading(
                &mut text,
                self.dry_run,
                ["reverted", "would revert"],
                change.version,
                &change.name,
            );
            text.append(&change.details(tense(self.dry_run)));
            if self.dry_run {
                numbered(&mut text, &migration.steps);
            }
        }
        text
    }
}

fn tense(dry_run: bool) -> Tense {
    if dry_run { Tense::Planned } else { Tense::Done }
}

/// What stands before the migrations.
fn opening(database: &str, dry_run: bool, backup: Option<&str>) -> Lines {
    let mut text = Lines::default();
    if dry_run {
        let _ = writeln!(text, "dry run: {database} is not changed");
    }
    if let Some(backup) = backup {
        let _ = writeln!(text, "backup written to {backup}");
    }
    text
}

fn heading(text: &mut Lines, dry_run: bool, verbs: [&str; 2], version: i64, name: &str) {
    let [done, planned] = verbs;
    if dry_run {
        text.blank();
    }
    let verb = if dry_run { planned } else { done };
    let _ = writeln!(text, "{verb} V{version} {name}");
}

pub(super) fn numbered(text: &mut Lines, steps: &[String]) {
    let _ = writeln!(text, "  steps");
    let width = steps.len().to_string().len();
    for (at, step) in steps.iter().enumerate() {
        let _ = writeln!(text, "    {:>width$}. {step}", at + 1);
    }
}

/// In words that promise no more than an estimate holds.
pub fn duration(seconds: f64) -> String {
    if seconds < 1.0 {
        return "a second or less".to_owned();
    }
    let whole = Duration::try_from_secs_f64(seconds.round()).unwrap_or(Duration::MAX);
    HumanDuration(whole).to_string()
}
