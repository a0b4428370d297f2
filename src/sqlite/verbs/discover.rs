//! `fkfix discover`: keys that were meant and never declared.

use std::path::Path;

use anyhow::Result;
use rusqlite::Connection;

use super::Database;
use crate::migrations::Migrations;
use crate::model::asked::Sought;
use crate::report::discover::DiscoveredKey;
use crate::sqlite::apply::requested;
use crate::sqlite::discover::{self, Candidate};
use crate::sqlite::file::reading;
use crate::sqlite::keys::key_script::{self, Scripts};
use crate::sqlite::text::notation;

/// The keys that were found.
#[derive(Debug)]
pub struct Discovered {
    /// Those that are sure enough.
    pub keys: Vec<DiscoveredKey>,
    /// How many are less sure.
    pub less_sure: usize,
    /// How many the migrations ask for already.
    pub in_migrations: usize,
    /// Why some of them can't be added.
    pub obstacles: Vec<String>,
    /// What adds the others, where it is asked for and SQLite can take one.
    pub scripts: Option<Scripts>,
}

impl Database {
    /// Keys that were meant and never declared.
    pub fn discover(&self, sought: Sought<'_>) -> Result<Discovered> {
        reading::read(&self.location, self.lock_timeout, |connection| {
            look(connection, sought)
        })
    }
}

fn look(database: &Connection, sought: Sought<'_>) -> Result<Discovered> {
    let all = discover::candidates(database)?;
    let (new, in_migrations) = without_asked_for(database, sought.folder, all)?;
    let is_sure = |candidate: &Candidate| candidate.confidence >= sought.min_confidence;
    let (sure, less_sure): (Vec<_>, Vec<_>) = new.into_iter().partition(is_sure);
    let possible = sure.iter().filter(|it| it.obstacle.is_none());
    let keys: Vec<_> = possible.map(|it| it.key.clone()).collect();
    let scripts = if sought.with_scripts && !keys.is_empty() {
        Some(key_script::checked(database, &keys)?)
    } else {
        None
    };
    Ok(Discovered {
        obstacles: sure.iter().filter_map(|it| it.obstacle.clone()).collect(),
        keys: sure.into_iter().map(Into::into).collect(),
        less_sure: less_sure.len(),
        in_migrations,
        scripts,
    })
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
        }
    }
}

/// Leaves out the keys that the migrations of `folder` ask for; gives the number of those too.
fn without_asked_for(
    database: &Connection,
    folder: Option<&Path>,
    candidates: Vec<Candidate>,
) -> Result<(Vec<Candidate>, usize)> {
    let Some(folder) = folder.filter(|folder| folder.exists()) else {
        return Ok((candidates, 0));
    };
    let migrations = Migrations::in_folder_if_any(folder)?;
    let asked_for = requested::keys(database, &migrations)?;
    let before = candidates.len();
    let mut candidates = candidates;
    candidates.retain(|it| !asked_for.iter().any(|key| key.same_columns(&it.key)));
    let left_out = before - candidates.len();
    Ok((candidates, left_out))
}
