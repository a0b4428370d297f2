//! fkfix's own tables: the history, refinery's, and the progress of a migration that is under way.

use std::fmt;

use anyhow::{Context as _, Result, anyhow};
use postgres::Transaction;
use postgres::types::Type;
use refinery::{Migration as Script, Runner, Target};
use refinery_core::traits::sync::{Migrate, Query, Transaction as RefineryTransaction};
use time::format_description::well_known::Rfc3339;
use time::{Duration, OffsetDateTime};

use crate::failure::Failure;
use crate::migrations::Migration;
use crate::postgres::catalog::{Name, quoted};
use crate::postgres::schema::Schema;
use crate::standing::resolve::Resolved;
use crate::standing::{AdoptedKey, Applied};

/// The table of the history, refinery's.
pub const HISTORY: &str = "fkfix_schema_history";

/// The table with a row while a migration is under way.
pub const PROGRESS: &str = "fkfix_progress";

/// Taken first in every transaction that changes something, until its end: two runs of fkfix take
/// turns. It is the transaction's, so that a pooler can't lose it.
const TURN: &str = "SELECT pg_catalog.pg_advisory_xact_lock(7020381264801953140)";

/// The schema that fkfix's own tables lie in, or will.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Own {
    schema: String,
}

/// How far a migration is that is under way.
#[derive(Clone, Debug)]
pub struct Progress {
    /// The migration's number.
    pub version: i64,
    /// Whether its keys are being added, or dropped.
    pub direction: Direction,
    /// Its name …
    pub name: String,
    /// … and refinery's checksum of its text.
    pub checksum: u64,
    /// What is done next.
    pub step: Stage,
    /// When it began, in UTC.
    pub started_on: OffsetDateTime,
    /// The keys that were there before it, which stay.
    pub adopted: Vec<AdoptedKey>,
    /// Rows that it has archived.
    pub archived: i64,
}

/// The way that a migration goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// `up`
    Up,
    /// `down`
    Down,
}

/// What is done next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Indexes are made that the children lack.
    Indexing,
    /// Keys are added NOT VALID: from then on no row can come to break them.
    Closing,
    /// Rows that break them are moved out.
    Archiving,
    /// The keys are validated.
    Validating,
    /// On the way back: keys are dropped.
    Opening,
    /// Rows come back.
    Restoring,
}

impl Stage {
    const ALL: [(Stage, &'static str); 6] = [
        (Stage::Indexing, "indexing"),
        (Stage::Closing, "closing"),
        (Stage::Archiving, "archiving"),
        (Stage::Validating, "validating"),
        (Stage::Opening, "opening"),
        (Stage::Restoring, "restoring"),
    ];

    /// As the table and `status` have it.
    #[must_use]
    pub fn name(self) -> &'static str {
        let found = Stage::ALL.iter().find(|(stage, _)| *stage == self);
        found.map_or("", |(_, name)| name)
    }
}

impl Direction {
    fn name(self) -> &'static str {
        match self {
            Direction::Up => "up",
            Direction::Down => "down",
        }
    }
}

impl Own {
    /// Where they are, or will be: in `wanted`; else where a history is on the user's path; else
    /// in the first schema of the path that can be written.
    pub fn find(
        transaction: &mut Transaction,
        schema: &Schema,
        wanted: Option<&str>,
    ) -> Result<Self> {
        if let Some(wanted) = wanted {
            let there = transaction.query_typed(
                "SELECT FROM pg_catalog.pg_namespace WHERE nspname = $1",
                &[(&wanted, Type::TEXT)],
            )?;
            if there.is_empty() {
                return Err(Failure::impossible(format!("there is no schema {wanted}"))
                    .hint(format!("make it: CREATE SCHEMA {}", quoted(wanted)))
                    .into());
            }
            return Ok(Own {
                schema: wanted.to_owned(),
            });
        }
        let has_history = |it: &&String| {
            let name = Name {
                schema: (*it).clone(),
                table: HISTORY.to_owned(),
            };
            schema.get(&name).is_some()
        };
        if let Some(found) = schema.path.iter().find(has_history) {
            return Ok(Own {
                schema: found.clone(),
            });
        }
        let writable = transaction.query_typed(
            "SELECT p.name FROM unnest($1::text[]) WITH ORDINALITY AS p (name, place)
             JOIN pg_namespace n ON n.nspname = p.name
             ORDER BY NOT has_schema_privilege(n.oid, 'CREATE'), p.place LIMIT 1",
            &[(&schema.path, Type::TEXT_ARRAY)],
        )?;
        let first = writable.first().map(|row| row.try_get(0)).transpose()?;
        let schema = first.ok_or_else(|| {
            Failure::impossible(
                "no schema of the search path exists, so there is no place for fkfix's history",
            )
            .hint("name one with --own-schema")
        })?;
        Ok(Own { schema })
    }

    /// A table of fkfix, as SQL writes it.
    #[must_use]
    pub fn table(&self, name: &str) -> String {
        format!("{}.{}", quoted(&self.schema), quoted(name))
    }

    fn is_there(&self, transaction: &mut Transaction, table: &str) -> Result<bool> {
        let name = self.table(table);
        let kind = transaction.query_typed_opt(
            "SELECT relkind::text FROM pg_class WHERE oid = to_regclass($1)",
            &[(&name, Type::TEXT)],
        )?;
        match kind
            .map(|row| row.try_get::<_, String>(0))
            .transpose()?
            .as_deref()
        {
            None => Ok(false),
            Some("r") => Ok(true),
            Some(_) => Err(Failure::impossible(format!(
                "{name} is no table, and fkfix needs that name"
            ))
            .hint("rename it, or name another schema with --own-schema")
            .into()),
        }
    }

    /// The migrations applied, from the lowest version; none where there is no history.
    pub fn history(&self, transaction: &mut Transaction) -> Result<Vec<Applied>> {
        if !self.is_there(transaction, HISTORY)? {
            return Ok(Vec::new());
        }
        let table = self.table(HISTORY);
        let rows = transaction.query_typed(
            &format!("SELECT version::int8, name::text, applied_on::text, checksum::text, adopted::text, to_jsonb(h) ->> 'resolved' FROM {table} AS h ORDER BY version"),
            &[],
        )?;
        let read = |row: &postgres::Row| -> Result<Applied> {
            let version = row.try_get(0)?;
            let in_row = || format!("version {version}");
            let (at, checksum): (String, String) = (row.try_get(2)?, row.try_get(3)?);
            Ok(Applied {
                version,
                name: row.try_get(1)?,
                at: OffsetDateTime::parse(&at, &Rfc3339).with_context(in_row)?,
                checksum: checksum.parse().with_context(in_row)?,
                adopted: adopted(row.try_get(4)?).with_context(in_row)?,
                resolved: row
                    .try_get::<_, Option<String>>(5)?
                    .map(|text| serde_json::from_str(&text))
                    .transpose()
                    .with_context(in_row)?,
            })
        };
        let applied = rows.iter().map(read).collect::<Result<Vec<_>>>();
        applied.map_err(|error| {
            Failure::impossible(format!("the history in {table} is damaged: {error:#}"))
                .hint(format!("repair the table, or drop it and run fkfix up: keys that are there already are adopted; see: SELECT * FROM {table}"))
                .into()
        })
    }

    /// The migration that is under way, if one is.
    pub fn progress(&self, transaction: &mut Transaction) -> Result<Option<Progress>> {
        if !self.is_there(transaction, PROGRESS)? {
            return Ok(None);
        }
        let row = transaction.query_typed_opt(
            &format!(
                "SELECT version::int8, direction, name, checksum, step, started_on, adopted, archived::int8 FROM {}",
                self.table(PROGRESS)
            ),
            &[],
        )?;
        row.map(|row| read_progress(&row)).transpose()
    }

    /// Writes that the migration of `progress` begins.
    pub fn begin(&self, transaction: &mut Transaction, progress: &Progress) -> Result<()> {
        let table = self.table(PROGRESS);
        transaction.batch_execute(&format!(
            "CREATE TABLE IF NOT EXISTS {table} (version BIGINT PRIMARY KEY, direction TEXT NOT NULL, name TEXT NOT NULL, checksum TEXT NOT NULL, step TEXT NOT NULL, started_on TEXT NOT NULL, adopted TEXT, archived BIGINT NOT NULL)"
        ))?;
        let adopted = serde_json::to_string(&progress.adopted)?;
        let started = progress.started_on.format(&Rfc3339)?;
        transaction.query_typed(
            &format!("INSERT INTO {table} VALUES ($1, $2, $3, $4, $5, $6, $7, $8)"),
            &[
                (&progress.version, Type::INT8),
                (&progress.direction.name(), Type::TEXT),
                (&progress.name, Type::TEXT),
                (&progress.checksum.to_string(), Type::TEXT),
                (&progress.step.name(), Type::TEXT),
                (&started, Type::TEXT),
                (&adopted, Type::TEXT),
                (&progress.archived, Type::INT8),
            ],
        )?;
        Ok(())
    }

    /// Writes what is done next, and how many rows more are archived.
    pub fn go_on(
        &self,
        transaction: &mut Transaction,
        direction: Direction,
        step: Stage,
        archived: i64,
    ) -> Result<()> {
        transaction.query_typed(
            &format!(
                "UPDATE {} SET direction = $1, step = $2, archived = archived + $3",
                self.table(PROGRESS)
            ),
            &[
                (&direction.name(), Type::TEXT),
                (&step.name(), Type::TEXT),
                (&archived, Type::INT8),
            ],
        )?;
        Ok(())
    }

    /// Forgets the progress: the migration is applied, or reverted.
    pub fn end(&self, transaction: &mut Transaction) -> Result<()> {
        Ok(transaction.batch_execute(&format!("DROP TABLE {}", self.table(PROGRESS)))?)
    }

    /// Writes that `migration` is applied, by refinery, and which keys it found there already.
    /// `before` is what was applied until now: by its time the new one comes last.
    pub fn record(
        &self,
        transaction: &mut Transaction,
        migration: &Migration,
        adopted: &[AdoptedKey],
        before: &[Applied],
    ) -> Result<()> {
        let table = self.table(HISTORY);
        let mut driver = Driver {
            transaction,
            failure: None,
        };
        let mut runner = Runner::new(std::slice::from_ref(&migration.up)).set_target(Target::Fake);
        runner.set_migration_table_name(&table);
        if let Err(error) = runner.run(&mut driver) {
            // refinery keeps only the text of what the driver reports.
            let error = driver.failure.unwrap_or_else(|| anyhow!(error));
            return Err(error.context(format!("could not write {table}")));
        }
        if !adopted.is_empty() {
            let adopted = serde_json::to_string(adopted)?;
            transaction.query_typed(
                &format!("UPDATE {table} SET adopted = $1 WHERE version = $2"),
                &[
                    (&adopted, Type::TEXT),
                    (&migration.up.version(), Type::INT8),
                ],
            )?;
        }
        if let Some(newest) = before.iter().map(|row| row.at).max() {
            let at = OffsetDateTime::now_utc().max(newest + Duration::NANOSECOND);
            transaction.query_typed(
                &format!("UPDATE {table} SET applied_on = $1 WHERE version = $2"),
                &[
                    (&at.format(&Rfc3339)?, Type::TEXT),
                    (&migration.up.version(), Type::INT8),
                ],
            )?;
        }
        Ok(())
    }

    /// Notes that the row of `migration` was marked, and gives it the name and the checksum that the
    /// migration has now. The column is there only where it was needed.
    pub fn note_resolved(
        &self,
        transaction: &mut Transaction,
        migration: &Migration,
        resolved: &Resolved,
    ) -> Result<()> {
        let table = self.table(HISTORY);
        transaction.batch_execute(&format!(
            "ALTER TABLE {table} ADD COLUMN IF NOT EXISTS resolved TEXT"
        ))?;
        let (up, resolved) = (&migration.up, serde_json::to_string(resolved)?);
        transaction.query_typed(
            &format!(
                "UPDATE {table} SET name = $1, checksum = $2, resolved = $3 WHERE version = $4"
            ),
            &[
                (&up.name(), Type::TEXT),
                (&up.checksum().to_string(), Type::TEXT),
                (&resolved, Type::TEXT),
                (&up.version(), Type::INT8),
            ],
        )?;
        Ok(())
    }

    /// Writes that `version` is not applied any more; the history goes when nothing is.
    pub fn forget(&self, transaction: &mut Transaction, version: i64) -> Result<()> {
        let table = self.table(HISTORY);
        transaction.query_typed(
            &format!("DELETE FROM {table} WHERE version = $1"),
            &[(&version, Type::INT8)],
        )?;
        let left = transaction.query_typed(&format!("SELECT FROM {table} LIMIT 1"), &[])?;
        if left.is_empty() {
            transaction.batch_execute(&format!("DROP TABLE {table}"))?;
        }
        Ok(())
    }
}

/// The statement that makes the history where it is missing.
#[must_use]
pub fn create_history(table: &str) -> String {
    format!(
        "CREATE TABLE IF NOT EXISTS {table} (version BIGINT PRIMARY KEY, name TEXT, applied_on TEXT, checksum TEXT, adopted TEXT)"
    )
}

/// Waits until no other run of fkfix changes anything here, and keeps the others waiting until
/// the transaction ends.
pub fn take_turn(transaction: &mut Transaction) -> Result<()> {
    transaction.query_typed(TURN, &[])?;
    // What is deferred would stand in the way of ALTER TABLE.
    transaction.batch_execute("SET CONSTRAINTS ALL IMMEDIATE")?;
    Ok(())
}

/// Waits behind whoever vacuums one of `tables`, by a lock that hinders no reader and no writer,
/// and for longer than `deadlock_timeout`: then autovacuum yields, and not before
/// (`ProcSleep` in proc.c). One try at a lock that writers wait for is shorter than that.
pub fn have_vacuum_yield(
    transaction: &mut Transaction,
    tables: &[String],
    lock_timeout: std::time::Duration,
) -> Result<()> {
    let vacuumed = transaction.query_typed(
        "SELECT DISTINCT t.name, (SELECT setting FROM pg_catalog.pg_settings WHERE name = 'deadlock_timeout')
         FROM pg_catalog.pg_locks l JOIN pg_catalog.unnest($1::text[]) AS t (name) ON l.relation = pg_catalog.to_regclass(t.name)
         WHERE l.granted AND l.mode = 'ShareUpdateExclusiveLock' AND l.pid <> pg_catalog.pg_backend_pid()
           AND pg_catalog.has_table_privilege(t.name, 'UPDATE, DELETE, TRUNCATE')",
        &[(&tables, Type::TEXT_ARRAY)],
    )?;
    for row in &vacuumed {
        let (table, deadlock): (String, String) = (row.try_get(0)?, row.try_get(1)?);
        let wait = deadlock.parse::<u64>().unwrap_or(1000) + 1000;
        transaction.batch_execute(&format!(
            "SET LOCAL lock_timeout = {wait}; LOCK TABLE ONLY {table} IN SHARE UPDATE EXCLUSIVE MODE; SET LOCAL lock_timeout = {}",
            lock_timeout.as_millis().max(1)
        ))?;
    }
    Ok(())
}

fn adopted(text: Option<String>) -> Result<Vec<AdoptedKey>> {
    Ok(text
        .map(|it| serde_json::from_str(&it))
        .transpose()?
        .unwrap_or_default())
}

fn read_progress(row: &postgres::Row) -> Result<Progress> {
    let (direction, checksum, step, at): (String, String, String, String) = (
        row.try_get(1)?,
        row.try_get(3)?,
        row.try_get(4)?,
        row.try_get(5)?,
    );
    let found = Stage::ALL.iter().find(|(_, name)| *name == step);
    let (step, _) = found.ok_or_else(|| anyhow!("{PROGRESS} holds the step {step}"))?;
    Ok(Progress {
        version: row.try_get(0)?,
        direction: if direction == "down" {
            Direction::Down
        } else {
            Direction::Up
        },
        name: row.try_get(2)?,
        checksum: checksum.parse()?,
        step: *step,
        started_on: OffsetDateTime::parse(&at, &Rfc3339)?,
        adopted: adopted(row.try_get(6)?)?,
        archived: row.try_get(7)?,
    })
}

/// refinery over our open transaction: it writes its history there.
struct Driver<'a, 't> {
    transaction: &'a mut Transaction<'t>,
    failure: Option<anyhow::Error>,
}

/// Stands for the error that the driver keeps.
#[derive(Debug)]
struct Reported;

impl fmt::Display for Reported {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the statement failed")
    }
}

impl std::error::Error for Reported {}

impl RefineryTransaction for Driver<'_, '_> {
    type Error = Reported;

    fn execute<'a, T: Iterator<Item = &'a str>>(&mut self, queries: T) -> Result<usize, Reported> {
        let mut count = 0;
        for query in queries {
            if let Err(error) = self.transaction.batch_execute(query) {
                self.failure = Some(error.into());
                return Err(Reported);
            }
            count += 1;
        }
        Ok(count)
    }
}

impl Query<Vec<Script>> for Driver<'_, '_> {
    /// None: refinery gets the one alone that is pending.
    fn query(&mut self, _: &str) -> Result<Vec<Script>, Reported> {
        Ok(Vec::new())
    }
}

impl Migrate for Driver<'_, '_> {
    fn assert_migrations_table_query(table: &str) -> String {
        create_history(table)
    }
}
