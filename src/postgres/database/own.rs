//! fkfix's own tables: the history, refinery's, and the progress of a migration that is under way.

use anyhow::{Context as _, Result};
use postgres::Transaction;
use postgres::types::Type;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::failure::Failure;
use crate::postgres::catalog::{Name, quoted};
use crate::postgres::schema::Schema;
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

    pub(super) fn is_there(&self, transaction: &mut Transaction, table: &str) -> Result<bool> {
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

/// Has those of `parents` locked first that this role may lock, as SQL writes them.
pub fn lock_first(transaction: &mut Transaction, parents: &[String], mode: &str) -> Result<()> {
    for parent in parents {
        let name = parent.trim_start_matches("ONLY ");
        let may = transaction.query_typed_one(
            "SELECT pg_catalog.has_table_privilege($1::text, 'UPDATE, DELETE, TRUNCATE')",
            &[(&name, Type::TEXT)],
        )?;
        if may.try_get(0)? {
            transaction.batch_execute(&format!("LOCK TABLE {parent} IN {mode} MODE"))?;
        }
    }
    Ok(())
}

pub(super) fn adopted(text: Option<String>) -> Result<Vec<AdoptedKey>> {
    Ok(text
        .map(|it| serde_json::from_str(&it))
        .transpose()?
        .unwrap_or_default())
}
