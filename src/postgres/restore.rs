//! Puts archived rows back. The server judges which of them may: what it refuses is tried again
//! in halves, until the row is known that can't go back, and why.

use std::collections::BTreeMap;
use std::rc::Rc;

use anyhow::{Context as _, Result};
use postgres::Transaction;
use postgres::error::{DbError, SqlState};
use postgres::types::Type;

use super::archive::{self, Archive};
use super::carry::{self, Event};
use super::catalog::{Table, quoted};
use super::keys::{self, list};
use super::preflight;
use super::schema::Schema;
use crate::failure::Failure;
use crate::model::kept::{Cause, Kept};
use crate::model::key::{ForeignKey, NamedKey};
use crate::policy::Triggers;
use crate::report::change::{KeptRows, RestoredRows};
use crate::text;

/// The rows of one archive that a migration has put there.
pub struct Return {
    /// The archive.
    pub archive: Archive,
    /// The table that they came from, if it is still there.
    table: Option<Rc<Table>>,
    shown: String,
    archive_shown: String,
    /// Rows that may go back, by their number in the archive.
    waiting: Vec<i64>,
    /// Rows that stay for good, and why.
    kept: BTreeMap<i64, Cause>,
    /// Rows that are back.
    restored: i64,
}

/// What the migration `version` has archived.
pub fn returns(
    transaction: &mut Transaction,
    schema: &Schema,
    version: i64,
) -> Result<Vec<Return>> {
    let mut returns = Vec::new();
    for archive in archive::all(schema) {
        let query = format!(
            "SELECT fkfix_id FROM {} WHERE fkfix_version = $1 ORDER BY fkfix_id",
            archive.table.name
        );
        let rows = transaction.query_typed(&query, &[(&version, Type::INT8)])?;
        let ids = rows
            .iter()
            .map(|row| Ok(row.try_get(0)?))
            .collect::<Result<Vec<i64>>>()?;
        if ids.is_empty() {
            continue;
        }
        let mut back = Return {
            table: schema.get(&archive.of).cloned(),
            shown: schema.shown(&archive.of),
            archive_shown: schema.shown(&archive.table.name),
            archive,
            waiting: ids,
            kept: BTreeMap::new(),
            restored: 0,
        };
        back.sort_out(transaction)?;
        returns.push(back);
    }
    Ok(returns)
}

impl Return {
    /// Finds what can't go back whatever the server says.
    fn sort_out(&mut self, transaction: &mut Transaction) -> Result<()> {
        let Some(table) = self.table.clone() else {
            for id in std::mem::take(&mut self.waiting) {
                self.kept.insert(id, Cause::TableGone);
            }
            return Ok(());
        };
        for column in self
            .archive
            .table
            .columns
            .iter()
            .skip(archive::OWN_COLUMNS.len())
        {
            match table.columns.iter().find(|it| it.name == column.name) {
                Some(now) if now.type_name != column.type_name => {
                    return Err(Failure::impossible(format!(
                        "{}.{} is {} now, and its archived rows hold {}",
                        self.shown, column.name, now.type_name, column.type_name
                    ))
                    .hint(format!(
                        "ALTER TABLE {} ALTER COLUMN {} TYPE {}, or keep the rows in the archive with --leave-orphans",
                        self.archive.table.name, quoted(&column.name), now.type_name
                    ))
                    .into());
                }
                Some(_) => {}
                None => {
                    let query = format!(
                        "SELECT fkfix_id FROM {} WHERE {} IS NOT NULL",
                        self.archive.table.name,
                        quoted(&column.name)
                    );
                    for row in transaction.query_typed(&query, &[])? {
                        let id: i64 = row.try_get(0)?;
                        if self.waiting.contains(&id) {
                            self.kept.insert(id, Cause::ColumnGone(column.name.clone()));
                        }
                    }
                }
            }
        }
        self.waiting.retain(|id| !self.kept.contains_key(id));
        Ok(())
    }

    /// Whether triggers on the table allow rows to come back.
    pub fn may_come(&self, triggers: Triggers) -> Result<()> {
        match &self.table {
            Some(table) if !self.waiting.is_empty() => {
                preflight::must_fire(table, &self.shown, Event::Insert, triggers)
            }
            _ => Ok(()),
        }
    }

    /// The table that its rows go back to, as SQL writes it.
    #[must_use]
    pub fn target(&self) -> Option<String> {
        self.table.as_ref().map(|table| table.name.to_string())
    }

    /// The rows that wait, in batches.
    #[must_use]
    pub fn batches(&self, size: usize) -> Vec<Vec<i64>> {
        self.waiting
            .chunks(size.max(1))
            .map(<[i64]>::to_vec)
            .collect()
    }

    /// Puts `ids` back; gives those that stay, and why.
    pub fn put_back(
        &self,
        transaction: &mut Transaction,
        schema: &Schema,
        ids: &[i64],
        triggers: Triggers,
    ) -> Result<Vec<(i64, Cause)>> {
        let Some(table) = &self.table else {
            return Ok(Vec::new());
        };
        schema.as_the_user(transaction, |transaction| {
            self.put_parts_back(transaction, schema, table, ids, triggers)
        })
    }

    fn put_parts_back(
        &self,
        transaction: &mut Transaction,
        schema: &Schema,
        table: &Table,
        ids: &[i64],
        triggers: Triggers,
    ) -> Result<Vec<(i64, Cause)>> {
        let mut kept = Vec::new();
        carry::without_triggers(
            transaction,
            &[table],
            Event::Insert,
            triggers,
            |transaction| {
                let mut parts = vec![ids.to_vec()];
                while let Some(part) = parts.pop() {
                    let Some(refused) = self.try_part(transaction, table, &part)? else {
                        continue;
                    };
                    if let [only] = part.as_slice() {
                        kept.push((*only, self.cause(schema, table, &refused)?));
                    } else {
                        let (left, right) = part.split_at(part.len() / 2);
                        parts.extend([left.to_vec(), right.to_vec()]);
                    }
                }
                Ok(())
            },
        )?;
        Ok(kept)
    }

    /// Moves `ids` by one statement; gives what the server refused.
    fn try_part(
        &self,
        transaction: &mut Transaction,
        table: &Table,
        ids: &[i64],
    ) -> Result<Option<postgres::Error>> {
        let columns = list(&archive::returning(&self.archive, table));
        let sql = format!(
            "WITH back AS (DELETE FROM {} WHERE fkfix_id OPERATOR(pg_catalog.=) ANY ($1) RETURNING *),
             put AS (INSERT INTO {} ({columns}) OVERRIDING SYSTEM VALUE SELECT {columns} FROM back ORDER BY fkfix_id RETURNING 1)
             SELECT (SELECT pg_catalog.count(*) FROM back), (SELECT pg_catalog.count(*) FROM put)",
            self.archive.table.name, table.name
        );
        let mut attempt = transaction.transaction()?;
        let row = match attempt.query_typed_one(&sql, &[(&ids, Type::INT8_ARRAY)]) {
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
        if back != put {
            return Err(Failure::impossible(format!(
                "{} should have come back to {}, and {} did: a trigger keeps rows out; everything is rolled back",
                text::rows(back), self.shown, text::count(put)
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
                key: ForeignKey {
                    child: self.shown.clone(),
                    columns: key.columns.clone(),
                    parent: schema.shown(&key.parent),
                    parent_columns: key.parent_columns.clone(),
                    on_delete: keys::action(key.on_delete),
                    on_update: keys::action(key.on_update),
                },
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

    /// Notes what became of `ids` by a transaction that is committed, or ends with all the others.
    /// Those that wait for a parent stay in the round.
    pub fn done(&mut self, ids: &[i64], kept: Vec<(i64, Cause)>) {
        self.restored += i64::try_from(ids.len() - kept.len()).unwrap_or(0);
        self.waiting.retain(|id| !ids.contains(id));
        self.kept.extend(kept);
    }

    /// Has rows that lack a parent try again: it may have come back meanwhile. Gives how many.
    pub fn again(&mut self) -> usize {
        let lack: Vec<_> = self
            .kept
            .iter()
            .filter(|(_, cause)| matches!(cause, Cause::BreakKeys(_)))
            .map(|(id, _)| *id)
            .collect();
        for id in &lack {
            self.kept.remove(id);
        }
        self.waiting.extend(&lack);
        lack.len()
    }

    /// How many rows are back.
    #[must_use]
    pub fn restored(&self) -> i64 {
        self.restored
    }

    /// What would come back, if nothing stood in the way that only the server can tell.
    #[must_use]
    pub fn planned(&self) -> RestoredRows {
        RestoredRows {
            rows: i64::try_from(self.waiting.len()).unwrap_or(i64::MAX),
            ..self.report()
        }
    }

    /// The report.
    #[must_use]
    pub fn report(&self) -> RestoredRows {
        let mut kept: Vec<Kept> = Vec::new();
        for cause in self.kept.values() {
            let same = |it: &&mut Kept| format!("{:?}", it.cause) == format!("{cause:?}");
            match kept.iter_mut().find(same) {
                Some(known) => known.rows += 1,
                None => kept.push(Kept {
                    rows: 1,
                    cause: cause.clone(),
                }),
            }
        }
        RestoredRows {
            table: self.shown.clone(),
            archive: self.archive_shown.clone(),
            rows: self.restored,
            there_already: 0,
            kept: kept.iter().map(|it| it.rows).sum(),
            kept_because: kept
                .iter()
                .map(|it| KeptRows::new(it, &self.shown))
                .collect(),
        }
    }
}

/// Takes away the archives that are empty: also those that a run which was killed had emptied.
pub fn drop_empty(transaction: &mut Transaction, schema: &Schema) -> Result<()> {
    for archive in archive::all(schema) {
        let name = &archive.table.name;
        let left = transaction.query_typed(&format!("SELECT FROM {name} LIMIT 1"), &[])?;
        if left.is_empty() {
            schema
                .run_all(transaction, &[format!("DROP TABLE {name}")])
                .with_context(|| format!("could not drop {}", schema.shown(name)))?;
        }
    }
    Ok(())
}

/// Whether the server refused because of what a row holds: integrity (class 23).
fn is_about_a_row(error: &postgres::Error) -> bool {
    error
        .code()
        .is_some_and(|code| code.code().starts_with("23"))
}
