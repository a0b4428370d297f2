//! That a migration was marked, and nothing was run.

use std::fmt::Write as _;

use super::formats::{Brief, Report};
use crate::outcome::resolve::ResolveReport;
use crate::text::Lines;

impl ResolveReport {
    fn line(&self) -> String {
        let (version, name, marked) = (self.version, &self.name, self.marked);
        match (self.changed, self.dry_run) {
            (false, _) if marked == "applied" => {
                format!("nothing to do: V{version} {name} is applied")
            }
            (false, _) => format!("nothing to do: V{version} {name} is not applied"),
            (true, true) => format!("would mark V{version} {name} as {marked}, and run nothing"),
            (true, false) => format!("marked V{version} {name} as {marked}; nothing was run"),
        }
    }
}

impl Report for ResolveReport {
    fn text(&self, _: Option<u16>) -> Lines {
        let mut text = Lines::default();
        if self.dry_run {
            let _ = writeln!(text, "dry run: {} is not changed", self.database);
        }
        let _ = writeln!(text, "{}", self.line());
        if let Some(reason) = self.reason.as_ref().filter(|_| self.changed) {
            let _ = writeln!(text, "  {reason}");
        }
        text
    }
}

impl Brief for ResolveReport {
    fn brief(&self) -> String {
        self.line()
    }
}
