//! What `enforce` did, or would do.

use serde::Serialize;

use crate::model::key::ForeignKey;

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
    /// Which deletions will read whole tables; only a dry run looks.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
}

/// A declared key and what carries it out.
#[derive(Debug, Serialize)]
pub struct EnforcedKey {
    /// The key.
    #[serde(flatten)]
    pub key: ForeignKey,
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
            warnings: Vec::new(),
        }
    }

    /// Whether there is nothing to do.
    #[must_use]
    pub fn changes_nothing(&self) -> bool {
        self.created.is_empty() && self.dropped.is_empty()
    }
}
