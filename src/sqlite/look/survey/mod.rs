//! What an administrator wants to know of the orphans before anything is done about them.

use anyhow::{Context as _, Result};
use rusqlite::Connection;

use crate::migrations::Migrations;
use crate::model::key::KeyId;
use crate::outcome::orphans::{Dependents, KeyOrphans};
use crate::policy::OrphanAction;
use crate::sqlite::apply::asked::parts;
use crate::sqlite::apply::{history, up};
use crate::sqlite::keys::{self, NewKey, TableKeys};
use crate::sqlite::orphans::{self, Found};
use crate::sqlite::schema::Table;
use crate::sqlite::schema::foreign_key::{self, ForeignKey, NamedKey};
use crate::sqlite::schema::row_counts::RowCounts;
use crate::sqlite::text::ddl::same_name;
use crate::sqlite::text::statement::AddForeignKey;
use crate::standing::{self, State};
use surveyed::Source;

mod counted;
mod of_key;
mod rows;
mod surveyed;

pub use surveyed::{Survey, SurveyedTable};

/// Searches for the orphans of every key that the database declares or that `migrations` have
/// pending; of `only` this table where it is given.
///
/// What is pending is seen as `up` would: where a script does more than add keys, or several are
/// pending, they are carried out on a copy, and the rows are those that each key meets there.
/// Of each table no more orphans than `most` can be read afterwards; all, where none is given.
pub fn survey(
    connection: &Connection,
    migrations: &Migrations,
    only: Option<&str>,
    most: Option<usize>,
) -> Result<Survey> {
    let mut survey = Survey::default();
    let pending = standing::pending(migrations, &history::read(connection)?, None, true)?;
    if let Some(requests) = up::keys_alone(migrations, &pending)? {
        if let Some(only) = only {
            Table::read(connection, only)?;
        }
        let looked = survey.look(connection, &requests, only, most);
        match pending.first().and_then(|it| migrations.get(*it)) {
            Some(migration) => {
                looked.with_context(|| format!("could not apply {}", migration.up))?;
            }
            None => {
                looked?;
            }
        }
        return Ok(survey);
    }
    let copy = up::rehearse_deleting(connection, migrations, &mut |copy, requests| {
        let found = survey.look(copy, requests, only, None)?;
        survey.keep_rows(copy, &found)
    })?;
    if survey.places == 0 {
        // No script adds a key, so the declared ones have not been looked at.
        survey.look(&copy.connection, &[], only, None)?;
    }
    if let Some(only) = only {
        Table::read(&copy.connection, only)?;
    }
    survey.copy = Some(copy);
    Ok(survey)
}

impl Survey {
    /// Looks at the keys that `requests` ask for, the first time with those that the database
    /// declares.
    pub(super) fn look(
        &mut self,
        connection: &Connection,
        requests: &[AddForeignKey],
        only: Option<&str>,
        most: Option<usize>,
    ) -> Result<Found> {
        let declared = foreign_key::declared(connection)?;
        let mut targets = keys::resolve(connection, &declared, requests)?;
        if self.places == 0 {
            self.unusable = watch(connection, &declared, &mut targets)?;
        }
        targets.retain(|keys| only.is_none_or(|only| same_name(&keys.table.name, only)));
        if let Some(most) = most
            && self.count_alone(connection, &targets, &declared, most)?
        {
            return Ok(Found::default());
        }
        let counts = RowCounts::new(connection);
        let found = orphans::find(
            connection,
            &targets,
            &declared,
            &counts,
            OrphanAction::Follow,
        )?;
        let first = self.keys.len();
        for target in &targets {
            for new in target.searched() {
                let id = KeyId(self.keys.len() - first);
                let label = found.label(id).to_owned();
                let mut key = KeyOrphans {
                    named: new.named(),
                    label: label.clone(),
                    place: self.places,
                    pending: new.there.is_none(),
                    rows: 0,
                    dead_parents: 0,
                    most_frequent: Vec::new(),
                    span: None,
                    other_spelling: 0,
                };
                key.look(connection, &found, &target.table, id)
                    .with_context(|| format!("could not look at the orphans of {label}"))?;
                self.keys.push(key);
            }
            if let Some(removal) = found.removal(&target.table.name)
                && removal.orphans > 0
            {
                self.tables.push(SurveyedTable {
                    table: removal.table.clone(),
                    place: self.places,
                    orphans: removal.orphans,
                    break_several: removal.break_several,
                    of: removal.of,
                    source: Source::of(removal),
                });
            }
            self.places += 1;
        }
        self.add_dependents(&found);
        Ok(found)
    }

    /// Files what refers to rows that leave.
    fn add_dependents(&mut self, found: &Found) {
        for removal in &found.removals {
            let follow = removal.reasons.iter().filter(|reason| !reason.breaks);
            self.dependents.extend(follow.map(|reason| Dependents {
                table: removal.table.name.clone(),
                key: found.label(reason.key).to_owned(),
                rows: reason.rows,
                go_along: true,
            }));
        }
        let blocked = found.blocked.iter();
        self.dependents.extend(blocked.map(|blocked| Dependents {
            table: blocked.key.child.clone(),
            key: found.label(blocked.id).to_owned(),
            rows: blocked.rows,
            go_along: false,
        }));
    }
}

/// The keys that pending migrations ask for, in order.
pub fn pending_requests(
    connection: &Connection,
    migrations: &Migrations,
) -> Result<Vec<AddForeignKey>> {
    let applied = history::read(connection)?;
    let mut requests = Vec::new();
    for (_, migration, state) in standing::states(migrations, &applied) {
        let (Some(migration), State::Pending) = (migration, state) else {
            continue;
        };
        migration.must_be_clear()?;
        requests.extend(parts::requests(migration)?);
    }
    Ok(requests)
}

/// Adds the declared keys that nobody asks for to `targets`; those that can't be searched are given
/// back.
fn watch(
    connection: &Connection,
    declared: &[NamedKey],
    targets: &mut Vec<TableKeys>,
) -> Result<Vec<(ForeignKey, String)>> {
    let mut unusable = Vec::new();
    for there in foreign_key::distinct(declared.iter().cloned()) {
        let key = &there.key;
        let asked_for = targets.iter().flat_map(TableKeys::asked_for);
        if asked_for
            .map(|new| &new.key)
            .any(|it| it.same_definition(key))
        {
            continue;
        }
        if let Err(error) = Table::read(connection, &key.parent) {
            unusable.push((key.clone(), crate::sqlite::file::errors::message(&error)));
            continue;
        }
        let new = NewKey::declared(&there);
        let of_table = |keys: &&mut TableKeys| same_name(&keys.table.name, &key.child);
        if let Some(keys) = targets.iter_mut().find(of_table) {
            keys.watched.push(new);
        } else {
            let mut keys = TableKeys::none_of(Table::read(connection, &key.child)?);
            keys.watched.push(new);
            targets.push(keys);
        }
    }
    Ok(unusable)
}
