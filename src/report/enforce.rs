//! What `enforce` did, or would do.

use std::fmt::Write as _;

use serde::Serialize;

use super::output::Report;
use crate::model::key::Action;
use crate::text::{Lines, plural};

/// What `fkfix enforce` did.
#[derive(Debug, Serialize)]
pub struct EnforceReport {
    /// The file.
    pub database: String,
    /// Nothing was changed; this is what would be.
    pub dry_run: bool,
    /// The triggers were to be removed.
    pub remove: bool,
    /// A child without a parent is refused.
    pub strict: bool,
    /// The copy that was taken first.
    pub backup: Option<String>,
    /// The declared keys and what carries them out; none where the triggers were removed.
    pub keys: Vec<EnforcedKey>,
    /// Triggers that came.
    pub created: Vec<TriggerName>,
    /// Triggers that went; one that is in both lists was replaced.
    pub dropped: Vec<TriggerName>,
    /// How many triggers of fkfix there are now.
    pub triggers: usize,
}

/// A declared key and what carries it out.
#[derive(Debug, Serialize)]
pub struct EnforcedKey {
    /// The child table.
    pub table: String,
    /// The child's columns.
    pub columns: Vec<String>,
    /// The parent table.
    pub parent: String,
    /// The parent's columns.
    pub parent_columns: Vec<String>,
    /// What happens to the child when the parent is deleted.
    pub on_delete: Action,
    /// What happens to the child when the parent's key changes.
    pub on_update: Action,
    /// The triggers that carry it out; none where no trigger can.
    pub triggers: Vec<String>,
    /// What they do otherwise than SQLite's own keys, and why.
    pub limits: Vec<String>,
}

/// A trigger and its table.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct TriggerName {
    /// The trigger.
    pub trigger: String,
    /// The table that it is on.
    pub table: String,
}

impl EnforcedKey {
    /// `table(columns)`
    #[must_use]
    pub fn place(&self) -> String {
        format!("{}({})", self.table, self.columns.join(", "))
    }
}

impl EnforceReport {
    /// That nothing is to be done on `database`.
    #[must_use]
    pub fn nothing(database: &str) -> Self {
        EnforceReport {
            database: database.to_owned(),
            dry_run: false,
            remove: false,
            strict: false,
            backup: None,
            keys: Vec::new(),
            created: Vec::new(),
            dropped: Vec::new(),
            triggers: 0,
        }
    }

    /// Whether there is nothing to do.
    #[must_use]
    pub fn changes_nothing(&self) -> bool {
        self.created.is_empty() && self.dropped.is_empty()
    }

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
