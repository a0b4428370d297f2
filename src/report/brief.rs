//! What each report says of one database of several, in a line.

use super::check::{CheckReport, SnapshotReport};
use super::discover::DiscoverReport;
use super::formats::Brief;
use super::new::NewReport;
use crate::outcome::archived::ArchivedReport;
use crate::outcome::change::{ForgottenKeys, RemovedRows, RestoredRows};
use crate::outcome::clean::{CleanReport, PurgeReport, RestoreReport};
use crate::outcome::enforce::EnforceReport;
use crate::outcome::migrations::{DownReport, UpReport};
use crate::outcome::orphans::OrphansReport;
use crate::outcome::show::ShowReport;
use crate::outcome::status::{State, StatusReport};
use crate::text::{listing, plural, rows};

impl Brief for UpReport {
    fn brief(&self) -> String {
        if let Some(refused) = &self.refused {
            return format!("would be refused: {refused}");
        }
        if self.none_apply {
            return "nothing to do: no migration applies".to_owned();
        }
        if self.migrations.is_empty() {
            return "nothing to do".to_owned();
        }
        let changes: Vec<_> = self.migrations.iter().map(|it| &it.change).collect();
        let versions = changes.iter().map(|it| it.version);
        let tables = changes.iter().flat_map(|it| &it.tables);
        let keys = tables.map(|table| table.added.len()).sum();
        let mut parts = vec![number(keys, "foreign key")];
        parts.extend(removed(changes.iter().flat_map(|it| &it.removed)));
        parts.extend(set_null(changes.iter().flat_map(|it| &it.set_null)));
        told(self.dry_run, ["applied", "would apply"], versions, &parts)
    }
}

fn removed<'a>(all: impl Iterator<Item = &'a RemovedRows>) -> Option<String> {
    let left: i64 = all.map(|it| it.rows).sum();
    (left > 0).then(|| format!("{} leaving", rows(left)))
}

fn set_null<'a>(all: impl Iterator<Item = &'a ForgottenKeys>) -> Option<String> {
    let kept: i64 = all.map(|it| it.rows).sum();
    (kept > 0).then(|| format!("{} without their key", rows(kept)))
}

impl Brief for DownReport {
    fn brief(&self) -> String {
        if self.migrations.is_empty() {
            return "nothing to do".to_owned();
        }
        let changes: Vec<_> = self.migrations.iter().map(|it| &it.change).collect();
        let versions = changes.iter().map(|it| it.version);
        let parts = back(changes.iter().flat_map(|it| &it.restored));
        told(self.dry_run, ["reverted", "would revert"], versions, &parts)
    }
}

/// Rows that are back, and those that stay in an archive.
fn back<'a>(restored: impl Iterator<Item = &'a RestoredRows>) -> Vec<String> {
    let (mut back, mut kept) = (0, 0);
    for it in restored {
        back += it.rows;
        kept += it.kept;
    }
    let back = (back > 0).then(|| format!("{} back", rows(back)));
    let kept = (kept > 0).then(|| format!("{} still archived", rows(kept)));
    back.into_iter().chain(kept).collect()
}

fn told(
    dry_run: bool,
    [done, planned]: [&str; 2],
    versions: impl Iterator<Item = i64>,
    parts: &[String],
) -> String {
    let verb = if dry_run { planned } else { done };
    let versions: Vec<_> = versions.map(|version| format!("V{version}")).collect();
    let versions = listing(&versions);
    if parts.is_empty() {
        return format!("{verb} {versions}");
    }
    format!("{verb} {versions}: {}", parts.join(", "))
}

fn number(number: usize, noun: &str) -> String {
    plural(i64::try_from(number).unwrap_or(i64::MAX), noun)
}

impl Brief for StatusReport {
    fn brief(&self) -> String {
        let states = [
            (State::UnderWay, "under way"),
            (State::Pending, "pending"),
            (State::Changed, "changed"),
            (State::Other, "of another folder"),
            (State::Unknown, "unknown"),
            (State::Adopted, "adopted"),
            (State::Applied, "applied"),
        ];
        let mut parts = Vec::new();
        for (state, word) in states {
            let those = self.migrations.iter().filter(|it| it.state == state);
            let versions: Vec<_> = those.map(|it| format!("V{}", it.version)).collect();
            match versions.as_slice() {
                [] => {}
                [first, _, _, _, .., last] => parts.push(format!("{first} to {last} {word}")),
                few => parts.push(format!("{} {word}", listing(few))),
            }
        }
        if parts.is_empty() {
            parts.push("no migration applies".to_owned());
        }
        let archived: i64 = self.archives.iter().map(|it| it.rows).sum();
        if archived > 0 {
            parts.push(format!("{} archived", rows(archived)));
        }
        parts.join(", ")
    }
}

impl Brief for OrphansReport {
    fn brief(&self) -> String {
        let keys = number(self.keys.len(), "key");
        if self.orphans == 0 {
            return format!("no orphans ({keys} checked)");
        }
        format!("{} ({keys} checked)", plural(self.orphans, "orphan"))
    }
}

impl Brief for CheckReport {
    fn brief(&self) -> String {
        self.numbers()
    }
}

impl Brief for SnapshotReport {
    fn brief(&self) -> String {
        format!("written to {}", self.snapshot)
    }
}

impl Brief for CleanReport {
    fn brief(&self) -> String {
        if let Some(refused) = &self.refused {
            return format!("would be refused: {refused}");
        }
        let parts: Vec<_> = removed(self.removed.iter())
            .into_iter()
            .chain(set_null(self.set_null.iter()))
            .collect();
        let keys = number(self.keys, "declared key");
        if parts.is_empty() {
            return format!("nothing to do: no orphans ({keys} checked)");
        }
        let verb = if self.dry_run {
            "would clean"
        } else {
            "cleaned"
        };
        format!("{verb} {keys}: {}", parts.join(", "))
    }
}

impl Brief for RestoreReport {
    fn brief(&self) -> String {
        let parts = back(self.restored.iter());
        match (parts.is_empty(), self.dry_run) {
            (true, _) => "nothing to do: no archived rows".to_owned(),
            (false, true) => format!("would restore: {}", parts.join(", ")),
            (false, false) => format!("restored: {}", parts.join(", ")),
        }
    }
}

impl Brief for PurgeReport {
    fn brief(&self) -> String {
        let gone: i64 = self.purged.iter().map(|it| it.rows).sum();
        match (gone, self.dry_run) {
            (0, _) => "nothing to do: no archived row is so old".to_owned(),
            (gone, true) => format!("would delete {} for good", rows(gone)),
            (gone, false) => format!("deleted {} for good", rows(gone)),
        }
    }
}

impl Brief for EnforceReport {
    fn brief(&self) -> String {
        if self.changes_nothing() {
            return format!("nothing to do: {}", number(self.triggers, "trigger"));
        }
        let would = if self.dry_run { "would be " } else { "" };
        let changes = [(&self.created, "created"), (&self.dropped, "dropped")];
        let changes = changes.iter().filter(|(triggers, _)| !triggers.is_empty());
        let changes = changes
            .map(|(triggers, verb)| format!("{} {would}{verb}", number(triggers.len(), "trigger")));
        changes.collect::<Vec<_>>().join(", ")
    }
}

impl Brief for ArchivedReport {
    fn brief(&self) -> String {
        let all: i64 = self.archived.iter().map(|it| it.rows).sum();
        match all {
            0 => "no archived rows".to_owned(),
            all => format!("{} archived", rows(all)),
        }
    }
}

impl Brief for DiscoverReport {
    fn brief(&self) -> String {
        let less_sure = match self.less_sure {
            0 => String::new(),
            keys => format!(", {keys} less sure"),
        };
        format!("{}{less_sure}", number(self.keys.len(), "key"))
    }
}

impl Brief for NewReport {
    fn brief(&self) -> String {
        self.up.clone()
    }
}

impl Brief for ShowReport {
    fn brief(&self) -> String {
        String::new()
    }
}
