//! The door of the archives: what they hold, what goes back where its parents exist again, and how
//! old rows go for good.

use std::time::Duration;

use anyhow::Result;
use postgres::Transaction;
use postgres::types::Type;

use crate::failure::Failure;
use crate::outcome::archived::{ArchivedReport, ArchivedRows, must_be_as_asked, no_archive};
use crate::outcome::clean::{PurgeReport, PurgedRows, RestoreReport};
use crate::policy::{Manner, Mode};
use crate::postgres::catalog::Name;
use crate::postgres::database::Database;
use crate::postgres::database::own::Own;
use crate::postgres::leave::archive::{self, Archive, KEPT};
use crate::postgres::restore::{self, Return, Whose};
use crate::postgres::schema::Schema;
use crate::postgres::schema::rows::{self, SMALL};
use crate::postgres::session::{go_on_unless_interrupted, pause};

/// The archives, of `only` this table where it is given. That it has none is an error.
fn archives(schema: &Schema, only: Option<&str>) -> Result<Vec<Archive>> {
    let mut archives = archive::all(schema);
    if let Some(only) = only {
        let name = table_of(schema, only);
        archives.retain(|it| Some(&it.of) == name.as_ref());
        if archives.is_empty() {
            return Err(no_archive(only).into());
        }
    }
    Ok(archives)
}

/// The table that a user means; it may be gone, and its archive not.
fn table_of(schema: &Schema, only: &str) -> Option<Name> {
    let archives = archive::all(schema);
    let found = schema.named(only).ok().map(|it| it.name.clone());
    found.or_else(|| {
        let mut names = archives.into_iter().map(|it| it.of);
        names.find(|name| schema.shown(name) == only || name.table == only)
    })
}

/// A migration that is under way has rows in the archives that are its own to deal with.
pub fn must_not_be_under_way(transaction: &mut Transaction, own: &Own) -> Result<()> {
    match own.progress(transaction)? {
        None => Ok(()),
        Some(progress) => Err(Failure::impossible(format!(
            "V{}__{} is under way",
            progress.version, progress.name
        ))
        .hint("fkfix up goes on with it, fkfix down takes it back")
        .into()),
    }
}

impl Database {
    /// What the archives hold, of `only` this table where it is given.
    pub fn archived(&mut self, only: Option<&str>) -> Result<ArchivedReport> {
        let database = self.name.clone();
        self.look(|transaction, schema, _| {
            let mut archived = Vec::new();
            for archive in archives(schema, only)? {
                let stayed = if archive.has_kept {
                    format!("a.{KEPT} IS NOT NULL")
                } else {
                    "false".to_owned()
                };
                let query = format!(
                    "SELECT a.fkfix_constraints, a.fkfix_version, to_char(a.fkfix_archived_at AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"'), {stayed}, count(*)
                     FROM {} AS a GROUP BY 1, 2, 3, 4 ORDER BY 3, 2, 1, 4",
                    archive.table.name
                );
                for row in transaction.query_typed(&query, &[])? {
                    archived.push(ArchivedRows {
                        table: schema.shown(&archive.of),
                        archive: schema.shown(&archive.table.name),
                        keys: row.try_get(0)?,
                        version: row.try_get(1)?,
                        archived_at: row.try_get(2)?,
                        stayed: row.try_get(3)?,
                        rows: row.try_get(4)?,
                    });
                }
            }
            Ok(ArchivedReport {
                database: database.clone(),
                archived,
            })
        })
    }

    /// Puts archived rows back where that breaks no key, of `only` this table where it is given.
    pub fn restore(&mut self, only: Option<&str>, manner: &Manner) -> Result<RestoreReport> {
        let (name, mut returns) = self.look(|transaction, schema, own| {
            must_not_be_under_way(transaction, own)?;
            let (name, returns) = to_restore(transaction, schema, only)?;
            for back in &returns {
                back.may_come(manner.triggers)?;
            }
            Ok((name, returns))
        })?;
        let rows: usize = returns.iter().map(Return::waiting).sum();
        let is_small = i64::try_from(rows)? < SMALL / 10;
        if manner.mode == Mode::Transaction || (manner.mode == Mode::Auto && is_small) {
            let tables: Vec<_> = returns.iter().filter_map(Return::target).collect();
            returns = self.change(&tables, |transaction, schema, own| {
                must_not_be_under_way(transaction, own)?;
                let whose = Whose::All;
                let mut returns = restore::returns(transaction, schema, whose, name.as_ref(), &[])?;
                restore::rounds(
                    &mut returns,
                    |batch| {
                        let put = batch.put_back(transaction, schema, manner.triggers)?;
                        Ok(Some(put))
                    },
                    manner,
                )?;
                restore::drop_empty(transaction, schema)?;
                Ok(returns)
            })?;
        } else {
            restore::rounds(
                &mut returns,
                |batch| {
                    go_on_unless_interrupted()?;
                    let put = self.change(&batch.targets(), |transaction, schema, own| {
                        must_not_be_under_way(transaction, own)?;
                        batch.put_back(transaction, schema, manner.triggers)
                    })?;
                    pause(manner.pause)?;
                    Ok(Some(put))
                },
                manner,
            )?;
            self.change(&[], |transaction, schema, own| {
                must_not_be_under_way(transaction, own)?;
                restore::drop_empty(transaction, schema)
            })?;
        }
        Ok(self.restored(&returns, false))
    }

    /// What [`restore`](Self::restore) would do.
    pub fn plan_restore(&mut self, only: Option<&str>, manner: &Manner) -> Result<RestoreReport> {
        let returns = self.look(|transaction, schema, own| {
            must_not_be_under_way(transaction, own)?;
            let (_, mut returns) = to_restore(transaction, schema, only)?;
            for back in &mut returns {
                back.may_come(manner.triggers)?;
                back.foresee_places(transaction)?;
            }
            Ok(returns)
        })?;
        Ok(self.restored(&returns, true))
    }

    fn restored(&self, returns: &[Return], dry_run: bool) -> RestoreReport {
        RestoreReport {
            database: self.name.clone(),
            dry_run,
            backup: None,
            restored: restore::reports(returns, dry_run),
        }
    }

    /// What is archived for longer than `age`, of `only` this table where it is given.
    pub fn plan_purge(&mut self, only: Option<&str>, age: Duration) -> Result<PurgeReport> {
        let purged = self.look(|transaction, schema, _| {
            let found = old(transaction, schema, only, age)?;
            Ok(found.into_iter().map(|(_, _, purged)| purged).collect())
        })?;
        Ok(self.purged(purged, true))
    }

    /// Deletes it for good, at most `most` rows where that is given.
    pub fn purge(
        &mut self,
        only: Option<&str>,
        age: Duration,
        most: Option<i64>,
    ) -> Result<PurgeReport> {
        let purged = self.change(&[], |transaction, schema, own| {
            must_not_be_under_way(transaction, own)?;
            let found = old(transaction, schema, only, age)?;
            let all: i64 = found.iter().map(|(.., it)| it.rows).sum();
            must_be_as_asked(all, most)?;
            let mut purged = Vec::new();
            for (archive, before, rows) in found {
                let name = &archive.table.name;
                let sql = format!(
                    "DELETE FROM {name} AS a WHERE a.fkfix_archived_at <= $1::text::timestamptz"
                );
                transaction.query_typed(&sql, &[(&before, Type::TEXT)])?;
                purged.push(rows);
            }
            restore::drop_empty(transaction, schema)?;
            Ok(purged)
        })?;
        Ok(self.purged(purged, false))
    }

    fn purged(&self, purged: Vec<PurgedRows>, dry_run: bool) -> PurgeReport {
        PurgeReport {
            database: self.name.clone(),
            dry_run,
            backup: None,
            purged,
        }
    }
}

fn to_restore(
    transaction: &mut Transaction,
    schema: &Schema,
    only: Option<&str>,
) -> Result<(Option<Name>, Vec<Return>)> {
    archives(schema, only)?;
    let name = only.and_then(|only| table_of(schema, only));
    let returns = restore::returns(transaction, schema, Whose::All, name.as_ref(), &[])?;
    Ok((name, returns))
}

/// The archives that have rows older than `age`: until when these came, and how many they are.
fn old(
    transaction: &mut Transaction,
    schema: &Schema,
    only: Option<&str>,
    age: Duration,
) -> Result<Vec<(Archive, String, PurgedRows)>> {
    let seconds = i64::try_from(age.as_secs())
        .unwrap_or(i64::MAX)
        .min(100_000_000_000);
    let before: String = transaction
        .query_typed_one(
            "SELECT (now() - $1 * interval '1 second')::text",
            &[(&seconds, Type::INT8)],
        )?
        .try_get(0)?;
    let mut found = Vec::new();
    for archive in archives(schema, only)? {
        let query = format!(
            "SELECT count(*) FROM {} AS a WHERE a.fkfix_archived_at <= $1::text::timestamptz",
            archive.table.name
        );
        let rows = rows::count(transaction, &query, &[(&before, Type::TEXT)])?;
        let left = archive::count(transaction, &archive, None)? - rows;
        if rows > 0 {
            let purged = PurgedRows {
                archive: schema.shown(&archive.table.name),
                table: schema.shown(&archive.of),
                rows,
                left,
            };
            found.push((archive, before.clone(), purged));
        }
    }
    Ok(found)
}
