//! What an administrator wants to know of the orphans before anything is done about them.

use anyhow::{Context as _, Result};
use rusqlite::Connection;

use crate::migrations::Migrations;
use crate::model::key::KeyId;
use crate::outcome::orphans::{Dependents, KeyOrphans};
use crate::policy::OrphanAction;
use crate::sqlite::apply::asked::parts;
use crate::sqlite::apply::{history, up};
use crate::sqlite::file::backup::TemporaryCopy;
use crate::sqlite::keys::{self, NewKey, TableKeys};
use crate::sqlite::orphans::lists::{self, Removal};
use crate::sqlite::orphans::{self, Found};
use crate::sqlite::schema::foreign_key::{self, ForeignKey, NamedKey};
use crate::sqlite::schema::row_counts::RowCounts;
use crate::sqlite::schema::{RowKey, Table};
use crate::sqlite::text::ddl::{quote, same_name};
use crate::sqlite::text::statement::AddForeignKey;
use crate::standing::{self, State};

/// The orphans of a database.
#[derive(Default)]
pub struct Survey {
    /// Every key that was looked at.
    pub keys: Vec<KeyOrphans>,
    /// The tables that have orphans. A table to which several migrations add keys may stand here
    /// once for each, since rows that leave by the first are gone when the second comes.
    pub tables: Vec<SurveyedTable>,
    /// Rows that refer to orphans which leave.
    pub dependents: Vec<Dependents>,
    /// Declared keys that could not be looked at, and why.
    pub unusable: Vec<(ForeignKey, String)>,
    /// How many tables were looked at.
    pub(super) places: usize,
    /// Of how many of `tables` the rows are kept apart.
    pub(super) kept: usize,
    /// Where the migrations were rehearsed, if they were; the rows are read from there.
    pub(super) copy: Option<TemporaryCopy>,
}

/// A table and its orphans.
#[derive(Debug)]
pub struct SurveyedTable {
    /// The table, as it was when they were looked for.
    pub table: Table,
    /// Its place among the tables that were looked at.
    pub place: usize,
    /// How many rows break a key, each counted once.
    pub orphans: i64,
    /// How many of these break more than one.
    pub break_several: i64,
    /// How many rows the table has in all.
    pub of: i64,
    /// Where the orphans are read from.
    pub(super) source: Source,
}

/// Where the orphans of one table are read from, as rows `w`.
#[derive(Debug)]
pub(super) struct Source {
    /// The rowid where there is one, as an expression.
    pub(super) rowid: String,
    /// The keys that the row breaks, as an expression.
    pub(super) reasons: String,
    /// FROM and all behind it.
    pub(super) from: String,
}

impl Source {
    /// A query for the orphans: rowid, reasons and `columns`.
    pub(super) fn query(&self, columns: &str) -> String {
        let Source {
            rowid,
            reasons,
            from,
        } = self;
        format!("SELECT {rowid}, {reasons}, {columns} {from}")
    }
}

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
                    source: source_of(removal),
                });
            }
            self.places += 1;
        }
        self.add_dependents(&found);
        Ok(found)
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

/// Where the orphans in the list of `removal` are read from.
pub(super) fn source_of(removal: &Removal) -> Source {
    let table = &removal.table;
    let rowid = match &table.row_key {
        RowKey::Alias(name) => format!("w.{}", quote(name)),
        RowKey::Implicit(name) => format!("w.{name}"),
        RowKey::PrimaryKey(_) | RowKey::Hidden => "NULL".to_owned(),
    };
    let key: Vec<_> = (1..=table.row_key.columns().len())
        .map(|at| format!("l.k{at}"))
        .collect();
    Source {
        rowid,
        reasons: "l.reasons".to_owned(),
        from: format!(
            "{} AND l.breaks > 0 ORDER BY {}",
            lists::from_listed("w", removal),
            key.join(", ")
        ),
    }
}

impl Survey {
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
