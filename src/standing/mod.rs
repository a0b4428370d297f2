//! Where migrations stand: what a database has had, held against what there is. Every engine
//! keeps a list of its own; what follows from one is the same.

use anyhow::Result;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::failure::Failure;
use crate::migrations::{Migration, Migrations};
use crate::model::key::same_name;

pub mod findings;
pub mod resolve;

/// A migration by its number, as far as it is known here, and where it stands.
pub type MigrationState<'a> = (i64, Option<&'a Migration>, State);

/// A migration that the database has had.
#[derive(Clone, Debug)]
pub struct Applied {
    /// Its number.
    pub version: i64,
    /// Its name.
    pub name: String,
    /// When, in UTC.
    pub at: OffsetDateTime,
    /// refinery's checksum over version, name and text.
    pub checksum: u64,
    /// The keys that were there already and were left alone.
    pub adopted: Vec<AdoptedKey>,
    /// It was marked so, and not run.
    pub resolved: Option<Resolved>,
}

impl Applied {
    /// As if `migration` had been applied, long ago, to a database that had none of its keys.
    #[must_use]
    pub fn as_if(migration: &Migration) -> Self {
        Applied {
            version: migration.up.version(),
            name: migration.up.name().to_owned(),
            at: OffsetDateTime::UNIX_EPOCH,
            checksum: migration.up.checksum(),
            adopted: Vec::new(),
            resolved: None,
        }
    }

    /// When it was applied, to the second: `2026-11-24T06:40:12Z`.
    #[must_use]
    pub fn when(&self) -> String {
        let whole = self.at.replace_nanosecond(0).unwrap_or(self.at);
        whole.format(&Rfc3339).unwrap_or_else(|_| whole.to_string())
    }

    /// Whether the key that it calls `constraint` was in `table` before, and so stays.
    #[must_use]
    pub fn has_adopted(&self, table: &str, constraint: &str) -> bool {
        self.adopted.iter().any(|key| {
            let name = key.constraint.as_deref().unwrap_or_default();
            key.dropped.is_none() && same_name(&key.table, table) && same_name(name, constraint)
        })
    }

    /// The definitions of `table` before and after each key was dropped that the migration calls
    /// `constraint`.
    pub fn dropped(
        &self,
        table: &str,
        constraint: &str,
    ) -> impl Iterator<Item = &(String, String)> {
        dropped(&self.adopted, table, constraint)
    }
}

/// As [`Applied::dropped`], among the keys `adopted`.
pub fn dropped<'a>(
    adopted: &'a [AdoptedKey],
    table: &str,
    constraint: &str,
) -> impl Iterator<Item = &'a (String, String)> {
    adopted.iter().filter_map(move |key| {
        let name = key.constraint.as_deref().unwrap_or_default();
        let is_it = same_name(&key.table, table) && same_name(name, constraint);
        key.dropped.as_ref().filter(|_| is_it)
    })
}

/// That a migration was marked, kept beside it in the history.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resolved {
    /// When, in UTC, as RFC 3339.
    pub at: String,
    /// Why, in the user's words.
    pub reason: Option<String>,
}

impl Resolved {
    /// `, by fkfix resolve: renamed a comment`
    #[must_use]
    pub fn shown(&self) -> String {
        let reason = self.reason.as_ref();
        let reason = reason.map_or(String::new(), |reason| format!(": {reason}"));
        format!(", by fkfix resolve{reason}")
    }
}

/// A key that a migration asked for and found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AdoptedKey {
    /// The child table.
    pub table: String,
    /// The name that the migration gives the key, if any.
    pub constraint: Option<String>,
    /// It was not found but dropped: the definition of the table before and after.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dropped: Option<(String, String)>,
    /// It is no key, but an index that the migration made, and takes back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub index: Option<MadeIndex>,
}

/// An index that a migration made for a key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MadeIndex {
    /// Its name.
    pub name: String,
    /// The columns that it is by.
    pub columns: Vec<String>,
}

impl AdoptedKey {
    /// One that was found in `table`.
    #[must_use]
    pub fn found(table: String, constraint: Option<String>) -> Self {
        AdoptedKey {
            table,
            constraint,
            dropped: None,
            index: None,
        }
    }

    /// `table.constraint`.
    #[must_use]
    pub fn shown(&self) -> String {
        let constraint = self.constraint.as_deref().unwrap_or_default();
        format!("{}.{constraint}", self.table)
    }
}

/// Where a migration stands in a database.
#[derive(Clone, Debug)]
pub enum State {
    /// Not yet applied.
    Pending,
    /// Applied as it is written here.
    Applied(Applied),
    /// Applied, and the file has changed since.
    Changed(Applied),
    /// Applied by another program: this one does not have it.
    Unknown(Applied),
}

/// Where every migration stands: those of `migrations`, and those that only the history knows.
#[must_use]
pub fn states<'m>(migrations: &'m Migrations, applied: &[Applied]) -> Vec<MigrationState<'m>> {
    let mut states: Vec<_> = migrations
        .iter()
        .map(|migration| {
            let up = &migration.up;
            let row = applied
                .iter()
                .find(|row| row.version == up.version())
                .cloned();
            let state = match row {
                None => State::Pending,
                Some(row) if migration.is(&row.name, row.checksum) => State::Applied(row),
                Some(row) => State::Changed(row),
            };
            (up.version(), Some(migration), state)
        })
        .collect();
    let unknown = applied
        .iter()
        .filter(|row| migrations.get(row.version).is_none());
    states.extend(unknown.map(|row| (row.version, None, State::Unknown(row.clone()))));
    states.sort_by_key(|(version, ..)| *version);
    states
}

/// Those of `migrations` that are pending and older than the newest applied one.
pub fn late<'m>(migrations: &'m Migrations, applied: &[Applied]) -> Vec<&'m Migration> {
    let is_applied = |version| applied.iter().any(|row| row.version == version);
    let newest = applied.last().map(|row| row.version);
    let late = migrations.iter().filter(|it| {
        let version = it.up.version();
        newest.is_some_and(|newest| version < newest) && !is_applied(version)
    });
    late.collect()
}

/// The versions that are pending, up to `to`; fails where the history does not fit. One that is
/// older than the newest applied one is pending only where `allow_missing` says so.
pub fn pending(
    migrations: &Migrations,
    applied: &[Applied],
    to: Option<i64>,
    allow_missing: bool,
) -> Result<Vec<i64>> {
    let newest = applied.last().map(|row| row.version);
    let mut pending = Vec::new();
    for (version, migration, state) in states(migrations, applied) {
        let late = newest.is_some_and(|newest| version < newest);
        match state {
            State::Changed(row) => return Err(changed(migrations, migration, &row)),
            State::Unknown(row) => return Err(unknown(&row)),
            State::Pending if late && !allow_missing => {
                return Err(Failure::impossible(format!(
                    "migration {version} is pending, but a later one is applied already"
                ))
                .hint("--allow-missing applies it now; or give it a higher version number, or take the later one back first")
                .into());
            }
            State::Pending if to.is_none_or(|to| version <= to) => {
                if let Some(migration) = migration {
                    migration.must_be_clear()?;
                }
                pending.push(version);
            }
            State::Pending | State::Applied(_) => {}
        }
    }
    Ok(pending)
}

/// A file of the same number and another name is no edited migration, but one of another set.
fn changed(migrations: &Migrations, migration: Option<&Migration>, row: &Applied) -> anyhow::Error {
    let was = format!("V{}__{}", row.version, row.name);
    match migration {
        Some(other) if other.up.name() != row.name => Failure::impossible(format!(
            "{was} was applied to this database from another folder: here V{} is {}",
            row.version, other.up
        ))
        .coded("migration-of-another-folder")
        .hint(migrations.elsewhere(row.version, &row.name)),
        _ => Failure::impossible(format!("{was} has changed since it was applied"))
            .coded("migration-changed")
            .hint(format!("restore the file as it was, and write what is new as a migration of its own; where the change makes no difference, fkfix resolve V{} --applied", row.version)),
    }
    .into()
}

fn unknown(row: &Applied) -> anyhow::Error {
    Failure::impossible(format!(
        "V{}__{} was applied to this database and is not known here",
        row.version, row.name
    ))
    .coded("migration-unknown")
    .hint("run the version of fkfix that applied it, or a newer one, or name its folder with --migrations")
    .into()
}

/// The versions to take back, the last applied first: that one alone, or all above `to`.
pub fn to_take_back(
    migrations: &Migrations,
    applied: &[Applied],
    to: Option<i64>,
) -> Result<Vec<Applied>> {
    let mut last_first = applied.to_vec();
    last_first.sort_by_key(|row| (row.at, row.version));
    last_first.reverse();
    let rows: Vec<_> = match to {
        None => last_first.into_iter().take(1).collect(),
        Some(to) => {
            let count = last_first.iter().filter(|row| row.version > to).count();
            let stays = last_first.iter().take(count).find(|row| row.version <= to);
            if let Some(stays) = stays {
                return Err(later(stays, to));
            }
            last_first.into_iter().take(count).collect()
        }
    };
    for row in &rows {
        match migrations.get(row.version) {
            None => return Err(unknown(row)),
            Some(known) if known.is(&row.name, row.checksum) => {}
            known => return Err(changed(migrations, known, row)),
        }
    }
    Ok(rows)
}

/// `stays` was applied after one that is to be taken back: it may rest on that.
fn later(stays: &Applied, to: i64) -> anyhow::Error {
    Failure::impossible(format!(
        "V{}__{} is not above V{to}, but was applied after one that is",
        stays.version, stays.name
    ))
    .hint("fkfix down takes them back one by one, the last applied first")
    .into()
}
