//! Writes the history, by refinery over our open transaction.

use std::fmt;

use anyhow::{Result, anyhow};
use postgres::Transaction;
use postgres::types::Type;
use refinery::{Migration as Script, Runner, Target};
use refinery_core::traits::sync::{Migrate, Query, Transaction as RefineryTransaction};
use time::format_description::well_known::Rfc3339;
use time::{Duration, OffsetDateTime};

use super::own::{HISTORY, Own};
use crate::migrations::Migration;
use crate::standing::Resolved;
use crate::standing::{AdoptedKey, Applied};

impl Own {
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
