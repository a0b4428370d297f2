//! What was found, as it is told.

use anyhow::Result;

use super::Candidate;
use crate::migrations::draft::Scripts;
use crate::model::asked::Sought;
use crate::model::key::ForeignKey;
use crate::notation;
use crate::outcome::discover::DiscoveredKey;

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
