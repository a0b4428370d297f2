//! `fkfix discover`: keys that were meant and never declared.

use std::path::Path;

use anyhow::Result;
use rusqlite::Connection;

use super::Database;
use crate::discover::{Candidate, Discovered};
use crate::migrations::Migrations;
use crate::model::asked::Sought;
use crate::sqlite::apply::asked::requested;
use crate::sqlite::discover;
use crate::sqlite::file::reading;
use crate::sqlite::keys::key_script::{self, Wanted};

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
    Discovered::of(new, in_migrations, sought, |keys| {
        let with_indexes = sought.with_indexes;
        key_script::checked(database, Wanted { keys, with_indexes })
    })
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
