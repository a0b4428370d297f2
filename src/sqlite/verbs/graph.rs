//! `fkfix graph`: the tables and their keys.

use anyhow::Result;

use super::Database;
use crate::migrations::Migrations;
use crate::model::diagram::{Diagram, NotDrawn};
use crate::sqlite::discover::{self, DEFAULT_CONFIDENCE};
use crate::sqlite::file::reading;

/// What a picture is to show beside the keys that are declared or pending.
#[derive(Clone, Copy, Debug)]
pub struct Shown {
    /// The tables of fkfix.
    pub own_tables: bool,
    /// Keys that were meant and never declared.
    pub discovered: bool,
}

impl Database {
    /// The tables and keys, with those that `migrations` have pending, and what could not be drawn.
    pub fn diagram(
        &self,
        migrations: &Migrations,
        shown: Shown,
    ) -> Result<(Diagram, Vec<NotDrawn>)> {
        reading::read(&self.location, self.lock_timeout, |connection| {
            let mut diagram = Diagram::read(connection, shown.own_tables)?;
            let not_drawn = diagram.add_pending(connection, migrations)?;
            if shown.discovered {
                let candidates = discover::candidates(connection)?.into_iter();
                for found in candidates.filter(|it| it.confidence >= DEFAULT_CONFIDENCE) {
                    diagram.add_discovered(connection, found.key, found.confidence)?;
                }
            }
            Ok((diagram, not_drawn))
        })
    }
}
