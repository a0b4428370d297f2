//! Puts rows back; what the server refuses is halved until the rows are found that it is about.

use anyhow::Result;
use postgres::Transaction;
use postgres::error::{DbError, SqlState};
use postgres::types::Type;

use super::waiting::{Kind, Put, Return, numbers};
use crate::failure::Failure;
use crate::model::kept::Cause;
use crate::model::key::NamedKey;
use crate::policy::Triggers;
use crate::postgres::catalog::{Table, list};
use crate::postgres::keys::{self};
use crate::postgres::leave::archive::{self};
use crate::postgres::leave::triggers::{self};
use crate::postgres::restore::forgotten::{self, is_one_of};
use crate::postgres::schema::Schema;
use crate::text;

impl Return {
    /// Puts those of `ids` back that are still in the archive.
    pub fn put_back(
        &self,
        transaction: &mut Transaction,
        schema: &Schema,
        ids: &[i64],
        triggers: Triggers,
    ) -> Result<Put> {
        let mut put = Put::default();
        let is_there = schema.by_oid(self.archive.table.oid).is_some();
        let Some(table) = self.table.as_ref().filter(|_| is_there) else {
            return Ok(put);
        };
        let now = schema.by_oid(table.oid).unwrap_or(table);
        let keys = keys::holding(transaction, schema, now, &[])?;
        let query = format!(
            "SELECT a.fkfix_id FROM {} AS a WHERE {} ORDER BY a.fkfix_id",
            self.archive.table.name,
            is_one_of("a", 1)
        );
        let mut rest = numbers(transaction, &query, &[(&ids, Type::INT8_ARRAY)])?;
        while !rest.is_empty() {
            let mut some = std::mem::take(&mut rest);
            let mut update = None;
            if self.kind == Kind::Forgot {
                let forgotten = forgotten::Forgotten::of(
                    transaction,
                    &self.archive,
                    table,
                    &self.shown,
                    &some,
                )?;
                (some, rest) = forgotten.lock(transaction, &some)?;
                update = Some(forgotten);
            }
            loop {
                let together = [(self, some.as_slice())];
                let coming = match self.kind {
                    Kind::Left => together.as_slice(),
                    Kind::Forgot => &[],
                };
                let lacking = self.lacking(transaction, &keys, coming, &some)?;
                if lacking.is_empty() {
                    break;
                }
                some.retain(|id| lacking.iter().all(|(it, _)| it != id));
                put.kept.extend(lacking);
            }
            let refused = schema.as_the_user(transaction, |transaction| {
                self.put_parts_back(transaction, table, update.as_ref(), &some, triggers)
            })?;
            put.rows += i64::try_from(some.len() - refused.len())?;
            for (id, error) in refused {
                put.kept.push((id, self.cause(schema, table, &error)?));
            }
        }
        Ok(put)
    }

    fn put_parts_back(
        &self,
        transaction: &mut Transaction,
        table: &Table,
        forgotten: Option<&forgotten::Forgotten>,
        ids: &[i64],
        triggers: Triggers,
    ) -> Result<Vec<(i64, postgres::Error)>> {
        let mut refused = Vec::new();
        triggers::without_triggers(
            transaction,
            &[(table, self.event())],
            triggers,
            |transaction| {
                let mut parts = vec![ids.to_vec()];
                while let Some(part) = parts.pop() {
                    if part.is_empty() {
                        continue;
                    }
                    let sql = match forgotten {
                        Some(forgotten) => forgotten.set_back(),
                        None => self.insert_sql(table),
                    };
                    let Some(error) = self.try_part(transaction, &sql, &part)? else {
                        continue;
                    };
                    if let [only] = part.as_slice() {
                        refused.push((*only, error));
                    } else {
                        let (left, right) = part.split_at(part.len() / 2);
                        parts.extend([left.to_vec(), right.to_vec()]);
                    }
                }
                Ok(())
            },
        )?;
        Ok(refused)
    }

    fn insert_sql(&self, table: &Table) -> String {
        format!(
            "WITH {} SELECT (SELECT pg_catalog.count(*) FROM back0), (SELECT pg_catalog.count(*) FROM put0)",
            self.moving_sql(table, 0)
        )
    }

    /// The parts `back` and `put` of a statement that moves the rows of the parameter behind `at`,
    /// each with that number behind its name.
    pub(super) fn moving_sql(&self, table: &Table, at: usize) -> String {
        let columns = list(&archive::returning(&self.archive, table));
        format!(
            "back{at} AS (DELETE FROM {} AS a WHERE {} RETURNING a.*),
             put{at} AS (INSERT INTO {} ({columns}) OVERRIDING SYSTEM VALUE SELECT {columns} FROM back{at} ORDER BY fkfix_id RETURNING 1)",
            self.archive.table.name,
            is_one_of("a", at + 1),
            table.name
        )
    }

    /// Moves `ids` by one statement, which counts them twice; gives what the server refused.
    fn try_part(
        &self,
        transaction: &mut Transaction,
        sql: &str,
        ids: &[i64],
    ) -> Result<Option<postgres::Error>> {
        let mut attempt = transaction.transaction()?;
        let row = match attempt.query_typed_one(sql, &[(&ids, Type::INT8_ARRAY)]) {
            Ok(row) => row,
            Err(error) if is_about_a_row(&error) => {
                attempt.rollback()?;
                return Ok(Some(error));
            }
            Err(error) => {
                let doing = format!("could not put rows back into {}", self.shown);
                return Err(anyhow::Error::new(error).context(doing));
            }
        };
        let (back, put): (i64, i64) = (row.try_get(0)?, row.try_get(1)?);
        let all = i64::try_from(ids.len())?;
        if put != all || back != all {
            return Err(Failure::impossible(format!(
                "{} should have come back to {}, and {} did: a trigger keeps rows out; everything is rolled back",
                text::rows(all), self.shown, text::count(put)
            ))
            .hint("--triggers skip sets the triggers aside, --leave-orphans keeps the rows in the archive")
            .into());
        }
        attempt.commit()?;
        Ok(None)
    }

    fn cause(&self, schema: &Schema, table: &Table, error: &postgres::Error) -> Result<Cause> {
        let told = error.as_db_error();
        let constraint = told.and_then(DbError::constraint).unwrap_or_default();
        let code = error.code();
        if code == Some(&SqlState::FOREIGN_KEY_VIOLATION) {
            let key = table.foreign_keys.iter().find(|key| key.name == constraint);
            let named = key.map(|key| NamedKey {
                constraint: Some(key.name.clone()),
                key: keys::told(schema, table, key),
            });
            return Ok(Cause::BreakKeys(named.into_iter().collect()));
        }
        if code == Some(&SqlState::UNIQUE_VIOLATION) || code == Some(&SqlState::EXCLUSION_VIOLATION)
        {
            let index = table.indexes.iter().find(|index| index.name == constraint);
            let columns = index
                .into_iter()
                .flat_map(|it| it.columns.iter().flatten().cloned());
            return Ok(Cause::Taken(columns.collect()));
        }
        if code == Some(&SqlState::NOT_NULL_VIOLATION) {
            let column = told.and_then(DbError::column).unwrap_or_default();
            return Ok(Cause::NotNull(column.to_owned()));
        }
        let message = told.map_or_else(|| error.to_string(), |it| it.message().to_owned());
        Err(Failure::impossible(format!(
            "rows of {} can't go back to {}: {message}",
            self.archive_shown, self.shown
        ))
        .hint(
            "drop what keeps them out, or keep the rows in the archive: fkfix down --leave-orphans",
        )
        .into())
    }
}

/// Whether the server refused because of what a row holds: integrity (class 23).
pub(super) fn is_about_a_row(error: &postgres::Error) -> bool {
    error
        .code()
        .is_some_and(|code| code.code().starts_with("23"))
}
