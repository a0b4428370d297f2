//! What reverting a migration and applying it again did, or would do.

use super::formats::{Brief, Report};
use crate::outcome::redo::RedoReport;
use crate::text::Lines;

impl RedoReport {
    /// What is done and can't be undone by a report that gets lost; none where nothing was changed.
    #[must_use]
    pub fn done(&self) -> Option<String> {
        let migration = self
            .down
            .migrations
            .first()
            .filter(|_| !self.down.dry_run)?;
        let version = migration.change.version;
        Some(format!("V{version} was reverted and applied again"))
    }
}

impl Report for RedoReport {
    fn text(&self, width: Option<u16>) -> Lines {
        let mut text = self.down.text(width);
        if !self.down.migrations.is_empty() {
            text.append(&self.up.text(width));
        }
        text
    }
}

impl Brief for RedoReport {
    fn brief(&self) -> String {
        if self.down.migrations.is_empty() {
            return self.down.brief();
        }
        format!("{}; {}", self.down.brief(), self.up.brief())
    }
}
