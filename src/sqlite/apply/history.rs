//! `fkfix_schema_history`: which migrations a database has had. refinery's table, under a name
//! of our own so that an application's own refinery is not disturbed, and with one more column:
//! the keys that were there before, which the way back must leave.

use anyhow::{Context as _, Result};
use rusqlite::{Connection, Row};
use serde::{Deserialize, Serialize};
use time::format_description::well_known::Rfc3339;
use time::{Duration, OffsetDateTime};

use crate::failure::Failure;
use crate::migrations::{Migration, Migrations, Origin};
use crate::sqlite::apply::parts;
use crate::sqlite::archive;
use crate::sqlite::rebuild::steps::Step;
use crate::sqlite::schema;
use crate::sqlite::text::ddl::{literal, same_name};

/// The table's name.
pub const TABLE: &str = "fkfix_schema_history";

/// The statement that makes the table where it is missing.
pub const CREATE: &str = "CREATE TABLE IF NOT EXISTS fkfix_schema_history (version INTEGER PRIMARY KEY, name TEXT, applied_on TEXT, checksum TEXT, adopted TEXT)";

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

    /// The definition of `table` before and after the key was dropped that had no name and that the
    /// migration calls `constraint`, if it was.
    #[must_use]
    pub fn dropped(&self, table: &str, constraint: &str) -> Option<&(String, String)> {
        let mut dropped = self.adopted.iter().filter(|key| {
            let name = key.constraint.as_deref().unwrap_or_default();
            same_name(&key.table, table) && same_name(name, constraint)
        });
        dropped.find_map(|key| key.dropped.as_ref())
    }
}

/// A key that a migration asked for and found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AdoptedKey {
    /// The child table.
    pub table: String,
    /// The name that the migration gives the key, if any.
    pub constraint: Option<String>,
    /// It was not found but dropped, and it had no name: the definition of the table before and
    /// after.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dropped: Option<(String, String)>,
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

/// The names of fkfix's own tables: its archives, and its history, whether it is there or not.
pub fn own_tables(connection: &Connection) -> Result<Vec<String>> {
    let archives = archive::all(connection)?
        .into_iter()
        .map(|archive| archive.name);
    Ok(archives.chain([TABLE.to_owned()]).collect())
}

/// The migrations applied to the database, from the lowest version; none where it has no
/// history. A history that can't be read is an error.
pub fn read(connection: &Connection) -> Result<Vec<Applied>> {
    match schema::kind_of(connection, TABLE)?.as_deref() {
        None => return Ok(Vec::new()),
        Some("table") => {}
        Some(other) => {
            return Err(Failure::impossible(format!(
                "there is {other} {TABLE}, and fkfix needs that name for its history"
            ))
            .hint(format!("rename the {other} {TABLE}"))
            .into());
        }
    }
    read_rows(connection).map_err(|error| {
        let why = crate::sqlite::file::errors::message(&error);
        Failure::impossible(format!("the history in {TABLE} is damaged: {why}"))
            .hint(format!("repair the table, or drop it and run fkfix up: keys that are there already are adopted; see: SELECT * FROM {TABLE}"))
            .into()
    })
}

fn read_rows(connection: &Connection) -> Result<Vec<Applied>> {
    let mut statement = connection.prepare(
        "SELECT h.version, h.name, h.applied_on, h.checksum, h.adopted FROM main.fkfix_schema_history AS h ORDER BY h.version",
    )?;
    let mut rows = statement.query([])?;
    let mut applied = Vec::new();
    while let Some(row) = rows.next()? {
        applied.push(read_row(row)?);
    }
    Ok(applied)
}

fn read_row(row: &Row<'_>) -> Result<Applied> {
    let version = row.get(0)?;
    let in_row = || format!("version {version}");
    let (applied_on, checksum): (String, String) = (row.get(2)?, row.get(3)?);
    let adopted: Option<String> = row.get(4)?;
    Ok(Applied {
        version,
        name: row.get(1)?,
        at: OffsetDateTime::parse(&applied_on, &Rfc3339).with_context(in_row)?,
        checksum: checksum.parse().with_context(in_row)?,
        adopted: match adopted {
            Some(keys) => serde_json::from_str(&keys).with_context(in_row)?,
            None => Vec::new(),
        },
    })
}

/// Where every migration stands: those of `migrations`, and those that only the history knows.
#[must_use]
pub fn states<'m>(
    migrations: &'m Migrations,
    applied: &[Applied],
) -> Vec<(i64, Option<&'m Migration>, State)> {
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

/// The histories of tools that name migrations as fkfix does, by tool.
const OTHERS: [(&str, &str); 2] = [
    ("refinery", "refinery_schema_history"),
    ("Flyway", "flyway_schema_history"),
];

/// Those of `migrations` that are any business of the database, where it has had none before:
/// the built-in ones are where a table is there to which they add keys. A folder that nobody has
/// named may be that of another tool, whose migrations must not run twice.
pub fn applicable<'m>(
    connection: &Connection,
    migrations: &'m Migrations,
) -> Result<&'m Migrations> {
    if migrations.origin() == Origin::Named || !read(connection)?.is_empty() {
        return Ok(migrations);
    }
    if migrations.origin() == Origin::Default {
        for (tool, table) in OTHERS {
            if schema::kind_of(connection, table)?.is_some() {
                return Err(Failure::impossible(format!("the migrations in ./migrations may be those of {tool}, of which the database has the table {table}"))
                    .hint("name the folder of fkfix's own with --migrations, even if it is this one")
                    .into());
            }
        }
        return Ok(migrations);
    }
    let mut is_here = false;
    for migration in migrations.iter() {
        for key in parts::requests(migration)? {
            is_here |= schema::kind_of(connection, &key.table)?.is_some();
        }
    }
    Ok(if is_here {
        migrations
    } else {
        Migrations::none()
    })
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
            .hint("restore the file as it was, and write what is new as a migration of its own"),
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

/// Sees to it that what was applied after `before` has a later time, whatever the clock says:
/// by that [`to_take_back`] knows the order.
pub fn keep_order(connection: &Connection, before: &[Applied]) -> Result<()> {
    let is_new = |row: &Applied| !before.iter().any(|it| it.version == row.version);
    let Some(newest) = before.iter().map(|row| row.at).max() else {
        return Ok(());
    };
    for row in read(connection)?.iter().filter(|row| is_new(row)) {
        if row.at <= newest {
            let at = (newest + Duration::NANOSECOND).format(&Rfc3339)?;
            connection
                .execute(
                    "UPDATE main.fkfix_schema_history SET applied_on = ?2 WHERE version = ?1",
                    (row.version, at),
                )
                .with_context(|| format!("could not write {TABLE}"))?;
        }
    }
    Ok(())
}

/// The statement that records `migration` as refinery does, for a script.
pub fn record_sql(migration: &Migration, adopted: &[AdoptedKey]) -> Result<String> {
    let adopted = if adopted.is_empty() {
        "NULL".to_owned()
    } else {
        literal(&serde_json::to_string(adopted)?)
    };
    let up = &migration.up;
    Ok(format!(
        "INSERT INTO main.{TABLE} (version, name, applied_on, checksum, adopted) VALUES ({}, {}, max(strftime('%Y-%m-%dT%H:%M:%fZ', 'now'), (SELECT coalesce(max(applied_on), '') FROM main.{TABLE})), '{}', {adopted})",
        up.version(),
        literal(up.name()),
        up.checksum()
    ))
}

/// Notes which keys the migration `version` found there already.
pub fn note_adopted(connection: &Connection, version: i64, keys: &[AdoptedKey]) -> Result<()> {
    connection
        .execute(
            "UPDATE main.fkfix_schema_history SET adopted = ?2 WHERE version = ?1",
            (version, serde_json::to_string(keys)?),
        )
        .with_context(|| format!("could not write {TABLE}"))?;
    Ok(())
}

/// The steps that forget the migration `version` and leave `others` applied.
#[must_use]
pub fn forget(version: i64, others: i64) -> Vec<Step> {
    vec![Step::Discard {
        title: format!("take V{version} out of {TABLE}"),
        table: TABLE.to_owned(),
        rows: format!("a.version = {version}"),
        rows_left: others,
    }]
}
