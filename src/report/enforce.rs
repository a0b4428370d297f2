//! What `enforce` did, or would do.

use std::fmt::Write as _;

use super::formats::Report;
use crate::outcome::enforce::{EnforceReport, TriggerName};
use crate::text::{Lines, plural};

impl EnforceReport {
    /// `2 foreign keys of app.db are carried out on every connection by 4 triggers`.
    fn summary(&self, planned: bool) -> String {
        let number = |number: usize| i64::try_from(number).unwrap_or(i64::MAX);
        let enforced = self.keys.iter().filter(|key| !key.triggers.is_empty());
        let enforced = number(enforced.count());
        let is = match (planned, enforced) {
            (true, _) => "would be",
            (false, 1) => "is",
            (false, _) => "are",
        };
        format!(
            "{} of {} {is} carried out on every connection by {}",
            plural(enforced, "foreign key"),
            self.database,
            plural(number(self.triggers), "trigger")
        )
    }

    fn nothing_to_do(&self) -> Lines {
        let database = &self.database;
        Lines::of(&if self.remove {
            format!("nothing to do: {database} has no trigger of fkfix enforce")
        } else if self.keys.is_empty() {
            format!("nothing to do: {database} declares no foreign key")
        } else if self.triggers == 0 {
            format!("nothing to do: {database} declares no foreign key that triggers can carry out")
        } else {
            format!("nothing to do: {}", self.summary(false))
        })
    }
}

impl Report for EnforceReport {
    fn text(&self, _: Option<u16>) -> Lines {
        if self.changes_nothing() {
            return self.nothing_to_do();
        }
        let mut text = Lines::default();
        if let Some(backup) = &self.backup {
            let _ = writeln!(text, "backup written to {backup}");
        }
        let mut line = |verb: &str, TriggerName { trigger, table }: &TriggerName| {
            let verb = if self.dry_run {
                format!("would {verb}")
            } else if verb == "drop" {
                "dropped".to_owned()
            } else {
                format!("{verb}d")
            };
            let _ = writeln!(text, "{verb} {trigger} on {table}");
        };
        for trigger in &self.dropped {
            if !self.created.contains(trigger) {
                line("drop", trigger);
            }
        }
        for trigger in &self.created {
            let verb = if self.dropped.contains(trigger) {
                "replace"
            } else {
                "create"
            };
            line(verb, trigger);
        }
        if self.triggers > 0 {
            let _ = writeln!(text, "{}", self.summary(self.dry_run));
        }
        text
    }
}
