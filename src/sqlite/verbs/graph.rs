//! `fkfix graph`: the tables and their keys.

use anyhow::Result;
use rusqlite::Connection;

use super::Database;
use crate::discover::DEFAULT_CONFIDENCE;
use crate::failure::Failure;
use crate::migrations::{Migrations, Origin};
use crate::model::asked::Shown;
use crate::model::diagram::{Diagram, NotDrawn};
use crate::model::key::ForeignKey;
use crate::sqlite::apply::history;
use crate::sqlite::check::rows;
use crate::sqlite::discover;
use crate::sqlite::file::reading;
use crate::sqlite::look::survey;
use crate::sqlite::schema::Table;

impl Database {
    /// The tables and keys, with those that `migrations` have pending, and what could not be drawn.
    pub fn diagram(
        &self,
        migrations: &Migrations,
        shown: Shown<'_>,
    ) -> Result<(Diagram, Vec<NotDrawn>)> {
        reading::read(&self.location, self.lock_timeout, |connection| {
            let mut diagram = Diagram::read(connection, shown.own_tables)?;
            let mut not_drawn = diagram.add_pending(connection, migrations)?;
            if migrations.origin() == Origin::BuiltIn {
                // It is for tables that most databases don't have.
                not_drawn.clear();
            }
            if shown.discovered {
                let candidates = discover::candidates(connection)?.into_iter();
                for found in candidates.filter(|it| it.confidence >= DEFAULT_CONFIDENCE) {
                    diagram.add_discovered(connection, found.key, found.confidence)?;
                }
            }
            if let Some((table, depth)) = shown.around {
                let Some(center) = diagram.position(table) else {
                    // That tells why, unless it is one of fkfix's own.
                    Table::read(connection, table)?;
                    return Err(is_left_out(table).into());
                };
                diagram.keep_around(center, depth);
            }
            if shown.only_orphans {
                not_drawn.extend(count_orphans(connection, migrations, &mut diagram)?);
                diagram.keep_orphaned();
            }
            Ok((diagram, not_drawn))
        })
    }
}

/// Counts the rows that break each key of `diagram`, as `fkfix orphans` does. Keys that could not be
/// looked at are given back.
fn count_orphans(
    connection: &Connection,
    migrations: &Migrations,
    diagram: &mut Diagram,
) -> Result<Vec<NotDrawn>> {
    let applicable = history::applicable(connection, migrations)?;
    let survey = survey::survey(connection, applicable, None, Some(0))?;
    let (mut counted, mut not_drawn) = (Vec::new(), Vec::new());
    for relation in &mut diagram.relations {
        let is_it = |key: &ForeignKey| key.same_definition(&relation.named.key);
        if let Some(key) = survey.keys.iter().find(|it| is_it(&it.named.key)) {
            relation.orphans = Some(key.rows);
        } else if let Some((key, reason)) = survey.unusable.iter().find(|(key, _)| is_it(key)) {
            not_drawn.push(NotDrawn {
                key: key.place(),
                reason: reason.clone(),
            });
        } else {
            counted.push(relation);
        }
    }
    let keys: Vec<_> = counted
        .iter()
        .map(|relation| relation.named.key.clone())
        .collect();
    for (key, orphans) in rows::numbers(connection, keys.iter().collect())? {
        for relation in counted.iter_mut().filter(|it| it.named.key == *key) {
            relation.orphans = Some(orphans);
        }
    }
    Ok(not_drawn)
}

fn is_left_out(table: &str) -> Failure {
    Failure::impossible(format!(
        "{table} is one of fkfix's own tables, which are left out"
    ))
    .hint("add --all")
}
