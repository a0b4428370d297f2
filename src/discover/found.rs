//! What was found, as it is told.

use anyhow::Result;

use crate::migrations::draft::Scripts;
use crate::model::asked::Sought;
use crate::model::column_values::ColumnValues;
use crate::model::key::{ForeignKey, NamedKey};
use crate::notation;
use crate::outcome::discover::DiscoveredKey;

/// A foreign key that was perhaps meant.
#[derive(Clone, Debug)]
pub struct Candidate {
    /// The key, with the actions that are suggested for it.
    pub key: ForeignKey,
    /// How sure it is that the key was meant, in percent.
    pub confidence: u8,
    /// Why, in words; the strongest reason first.
    pub evidence: Vec<String>,
    /// Why this `ON DELETE` action.
    pub action_reason: String,
    /// What the child's columns hold.
    pub values: ColumnValues,
    /// Why the database could not take the key as it is; none where it can.
    pub obstacle: Option<String>,
    /// The keys on the same columns, to a table that is gone, in whose place it comes.
    pub replaces: Vec<NamedKey>,
}

/// The keys that were found.
#[derive(Debug)]
pub struct Discovered {
    /// Those that are sure enough.
    pub keys: Vec<DiscoveredKey>,
    /// How many are less sure.
    pub less_sure: usize,
    /// What was not looked at.
    pub warnings: Vec<String>,
    /// How many the migrations ask for already.
    pub in_migrations: usize,
    /// Why some of them can't be added.
    pub obstacles: Vec<String>,
    /// What adds the others, where it is asked for and SQLite can take one.
    pub scripts: Option<Scripts>,
}

impl Discovered {
    /// Those of `new` that are as sure as is `sought`; `draft` makes the scripts that add keys.
    pub fn of(
        new: Vec<Candidate>,
        in_migrations: usize,
        sought: Sought<'_>,
        draft: impl FnOnce(&[ForeignKey]) -> Result<Scripts>,
    ) -> Result<Self> {
        let is_sure = |candidate: &Candidate| candidate.confidence >= sought.min_confidence;
        let (sure, less_sure): (Vec<_>, Vec<_>) = new.into_iter().partition(is_sure);
        let possible = sure.iter().filter(|it| it.obstacle.is_none());
        let keys: Vec<_> = possible.map(|it| it.key.clone()).collect();
        let scripts = if sought.with_scripts && !keys.is_empty() {
            Some(draft(&keys)?)
        } else {
            None
        };
        Ok(Discovered {
            obstacles: sure.iter().filter_map(|it| it.obstacle.clone()).collect(),
            keys: sure.into_iter().map(Into::into).collect(),
            less_sure: less_sure.len(),
            warnings: Vec::new(),
            in_migrations,
            scripts,
        })
    }
}

impl From<Candidate> for DiscoveredKey {
    fn from(candidate: Candidate) -> Self {
        let key = candidate.key;
        DiscoveredKey {
            add: notation::write(&key),
            table: key.child,
            columns: key.columns,
            parent: key.parent,
            parent_columns: key.parent_columns,
            on_delete: key.on_delete,
            action_reason: candidate.action_reason,
            confidence: candidate.confidence,
            evidence: candidate.evidence,
            values: candidate.values,
            obstacle: candidate.obstacle,
            replaces: candidate
                .replaces
                .iter()
                .map(|it| it.key.to_string())
                .collect(),
        }
    }
}
