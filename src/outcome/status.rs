//! Where every migration stands.

use anyhow::Result;
use serde::Serialize;

use crate::migrations::{Migration, Migrations};
use crate::outcome::enforce::TriggerName;
use crate::standing::Resolved;
use crate::standing::{self, Applied};

/// What `fkfix status` found.
#[derive(Debug, Serialize)]
pub struct StatusReport {
    /// The file.
    pub database: String,
    /// The migrations, from the lowest version.
    pub migrations: Vec<MigrationStatus>,
    /// The archives and how many rows they hold.
    pub archives: Vec<ArchiveStatus>,
    /// The triggers of `fkfix enforce`.
    pub enforcement: Vec<TriggerName>,
}

/// Where one migration stands.
#[derive(Debug, Serialize)]
pub struct MigrationStatus {
    /// Its number.
    pub version: i64,
    /// Its name.
    pub name: String,
    /// Its state.
    pub state: State,
    /// It is pending, and older than the newest applied one.
    pub late: bool,
    /// The name under which its number was applied, where that is another.
    pub applied_as: Option<String>,
    /// When it was applied, in UTC, as RFC 3339; none while it is pending.
    pub applied_on: Option<String>,
    /// That it was marked so and not run, and why.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resolved: Option<Resolved>,
    /// How far it is, while it is under way.
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    pub under_way: Option<UnderWay>,
}

/// How far a migration is that is under way.
#[derive(Debug, Serialize)]
pub struct UnderWay {
    /// Since when, in UTC, as RFC 3339.
    pub since: String,
    /// What is done next.
    pub step: &'static str,
    /// `up` or `down`.
    pub direction: &'static str,
    /// Rows that are archived.
    pub archived: i64,
    /// Its keys.
    pub keys: Vec<KeyProgress>,
}

/// Where a key of a migration that is under way stands.
#[derive(Debug, Serialize)]
pub struct KeyProgress {
    /// The child table.
    pub table: String,
    /// Its name.
    pub constraint: String,
    /// `valid`, `not-valid` or `missing`.
    pub state: &'static str,
}

/// A state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// Not yet applied.
    Pending,
    /// Applied.
    Applied,
    /// Recorded as applied, with every key found there already.
    Adopted,
    /// Applied, and its file has changed since.
    Changed,
    /// Another was applied under its number.
    Other,
    /// Applied, and this program does not have it.
    Unknown,
    /// Begun by `up` or `down`, and not ended.
    #[serde(rename = "under-way")]
    UnderWay,
}

/// An archive.
#[derive(Debug, Serialize)]
pub struct ArchiveStatus {
    /// Its name.
    pub archive: String,
    /// The table its rows come from.
    pub table: String,
    /// How many rows it holds.
    pub rows: i64,
}

impl MigrationStatus {
    /// Where every migration stands in a database that has had `applied`: those of `migrations`,
    /// and those that only its history knows. `count_keys` tells how many keys one asks for.
    pub fn all(
        migrations: &Migrations,
        applied: &[Applied],
        count_keys: impl Fn(&Migration) -> Result<usize>,
    ) -> Result<Vec<Self>> {
        let late = standing::late(migrations, applied);
        let states = standing::states(migrations, applied).into_iter();
        let statuses = states.map(|(version, migration, found)| {
            let keys = migration.map_or(Ok(0), &count_keys)?;
            let late = late.iter().any(|it| it.up.version() == version);
            Ok(Self::new(version, migration, found, keys, late))
        });
        statuses.collect()
    }

    fn new(
        version: i64,
        migration: Option<&Migration>,
        found: standing::State,
        keys: usize,
        late: bool,
    ) -> Self {
        use standing::State as Found;
        let (state, row) = match found {
            Found::Pending => (State::Pending, None),
            Found::Changed(row) if migration.is_some_and(|it| it.up.name() != row.name) => {
                (State::Other, Some(row))
            }
            Found::Changed(row) => (State::Changed, Some(row)),
            Found::Unknown(row) => (State::Unknown, Some(row)),
            Found::Applied(row)
                if keys > 0
                    && row.adopted.iter().filter(|it| it.index.is_none()).count() == keys =>
            {
                (State::Adopted, Some(row))
            }
            Found::Applied(row) => (State::Applied, Some(row)),
        };
        let applied_name = row.as_ref().map(|row| row.name.clone());
        let name = match migration {
            Some(migration) => migration.up.name().to_owned(),
            None => applied_name.clone().unwrap_or_default(),
        };
        MigrationStatus {
            version,
            applied_as: applied_name.filter(|it| *it != name),
            name,
            state,
            late,
            applied_on: row.as_ref().map(Applied::when),
            resolved: row.and_then(|row| row.resolved),
            under_way: None,
        }
    }
}
