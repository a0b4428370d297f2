//! `fkfix_schema_history`: which migrations a database has had. refinery's table, under a name
//! of our own so that an application's own refinery is not disturbed, and with one more column:
//! the keys that were there before, which the way back must leave.

use anyhow::{Context as _, Result};
use rusqlite::{Connection, Row};
use time::format_description::well_known::Rfc3339;
use time::{Duration, OffsetDateTime};

use crate::failure::Failure;
use crate::migrations::{Migration, Migrations, Origin};
use crate::sqlite::apply::asked::parts;
use crate::sqlite::archive;
use crate::sqlite::rebuild::steps::Step;
use crate::sqlite::schema;
use crate::sqlite::text::ddl::literal;
use crate::standing::Resolved;
use crate::standing::{AdoptedKey, Applied};

/// The table's name.
pub const TABLE: &str = "fkfix_schema_history";

/// The statement that makes the table where it is missing.
pub const CREATE: &str = "CREATE TABLE IF NOT EXISTS fkfix_schema_history (version INTEGER PRIMARY KEY, name TEXT, applied_on TEXT, checksum TEXT, adopted TEXT)";

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
    let resolved = if has_resolved(connection)? {
        "h.resolved"
    } else {
        "NULL"
    };
    let mut statement = connection.prepare(&format!(
        "SELECT h.version, h.name, h.applied_on, h.checksum, h.adopted, {resolved} FROM main.fkfix_schema_history AS h ORDER BY h.version",
    ))?;
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
    let (adopted, resolved): (Option<String>, Option<String>) = (row.get(4)?, row.get(5)?);
    Ok(Applied {
        version,
        name: row.get(1)?,
        at: OffsetDateTime::parse(&applied_on, &Rfc3339).with_context(in_row)?,
        checksum: checksum.parse().with_context(in_row)?,
        adopted: match adopted {
            Some(keys) => serde_json::from_str(&keys).with_context(in_row)?,
            None => Vec::new(),
        },
        resolved: resolved
            .map(|text| serde_json::from_str(&text))
            .transpose()
            .with_context(in_row)?,
    })
}

/// Whether the table has the column that says which migrations were marked: it comes with the first.
fn has_resolved(connection: &Connection) -> rusqlite::Result<bool> {
    connection.query_row(
        "SELECT count(*) > 0 FROM pragma_table_info('fkfix_schema_history', 'main') WHERE name = 'resolved'",
        [],
        |row| row.get(0),
    )
}

/// Notes that the row of `migration` was marked, and gives it the name and the checksum that the
/// migration has now; makes the row where there is none.
pub fn mark(connection: &Connection, migration: &Migration, resolved: &Resolved) -> Result<()> {
    let doing = || format!("could not write {TABLE}");
    let up = &migration.up;
    connection.execute_batch(CREATE).with_context(doing)?;
    if !read(connection)?
        .iter()
        .any(|row| row.version == up.version())
    {
        connection
            .execute_batch(&record_sql(migration, &[])?)
            .with_context(doing)?;
    }
    if !has_resolved(connection)? {
        let add = format!("ALTER TABLE main.{TABLE} ADD COLUMN resolved TEXT");
        connection.execute_batch(&add).with_context(doing)?;
    }
    connection
        .execute(
            "UPDATE main.fkfix_schema_history SET name = ?2, checksum = ?3, resolved = ?4 WHERE version = ?1",
            (
                up.version(),
                up.name(),
                up.checksum().to_string(),
                serde_json::to_string(resolved)?,
            ),
        )
        .with_context(doing)?;
    Ok(())
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

/// Sees to it that what was applied after `before` has a later time, whatever the clock says:
/// by that [`to_take_back`](crate::standing::to_take_back) knows the order.
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
