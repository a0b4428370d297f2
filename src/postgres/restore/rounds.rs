//! Rows come back batch by batch and round by round; those that refer to one another in a circle,
//! of which none can be the first, by one statement.

use anyhow::{Context as _, Result};
use postgres::Transaction;
use postgres::types::{ToSql, Type};

use super::put_back::is_about_a_row;
use super::waiting::{Kind, Put, Return, numbers};
use crate::failure::Failure;
use crate::model::kept::Cause;
use crate::policy::{Manner, Triggers};
use crate::postgres::catalog::Table;
use crate::postgres::keys;
use crate::postgres::leave::triggers::without_triggers;
use crate::postgres::restore::forgotten::is_one_of;
use crate::postgres::schema::Schema;
use crate::text;

/// Rows that come back in one transaction: of one archive, or a circle of several.
pub struct Batch<'a> {
    returns: &'a [Return],
    /// The rows of each archive, by its place in `returns`.
    parts: Vec<(usize, Vec<i64>)>,
    is_circle: bool,
}

/// Puts rows back until no more can: a row may wait for its parent from another archive. `put_back`
/// gives what became of each part of a batch; none where the run has come to its end elsewhere.
pub fn rounds(
    returns: &mut [Return],
    mut put_back: impl FnMut(&Batch<'_>) -> Result<Option<Vec<Put>>>,
    manner: &Manner,
) -> Result<bool> {
    let restored = |returns: &[Return]| -> i64 { returns.iter().map(Return::restored).sum() };
    loop {
        let before = restored(returns);
        for place in 0..returns.len() {
            let waiting = returns.get(place).map(|it| it.batches(manner.batch));
            for ids in waiting.into_iter().flatten() {
                if !put(returns, vec![(place, ids)], false, &mut put_back)? {
                    return Ok(false);
                }
            }
        }
        if restored(returns) == before {
            let circle = lacking_parents(returns);
            if circle.is_empty() {
                return Ok(true);
            }
            if !put(returns, circle, true, &mut put_back)? {
                return Ok(false);
            }
            if restored(returns) == before {
                return Ok(true);
            }
        }
        let waiting: usize = returns.iter_mut().map(Return::again).sum();
        if waiting == 0 {
            return Ok(true);
        }
    }
}

fn put(
    returns: &mut [Return],
    parts: Vec<(usize, Vec<i64>)>,
    is_circle: bool,
    put_back: &mut impl FnMut(&Batch<'_>) -> Result<Option<Vec<Put>>>,
) -> Result<bool> {
    let batch = Batch {
        returns,
        parts,
        is_circle,
    };
    let Some(puts) = put_back(&batch)? else {
        return Ok(false);
    };
    for ((place, ids), put) in batch.parts.into_iter().zip(puts) {
        if let Some(back) = returns.get_mut(place) {
            back.done(&ids, put);
        }
    }
    Ok(true)
}

/// The rows that are kept because they lack a parent, which may wait for them in turn.
fn lacking_parents(returns: &[Return]) -> Vec<(usize, Vec<i64>)> {
    let left = returns.iter().enumerate();
    let left = left.filter(|(_, back)| back.kind == Kind::Left);
    let lacking = left.map(|(place, back)| {
        let kept = back.kept.iter();
        let lacking = kept.filter(|(_, cause)| matches!(cause, Cause::BreakKeys(_)));
        (place, lacking.map(|(id, _)| *id).collect::<Vec<_>>())
    });
    lacking.filter(|(_, ids)| !ids.is_empty()).collect()
}

/// A part of a circle: rows of an archive that go back to a table.
struct Part<'a> {
    back: &'a Return,
    table: &'a Table,
    ids: Vec<i64>,
}

impl Batch<'_> {
    /// The tables that rows go back to, as SQL writes them.
    #[must_use]
    pub fn targets(&self) -> Vec<String> {
        let backs = self.parts.iter().filter_map(|it| self.returns.get(it.0));
        backs.filter_map(Return::target).collect()
    }

    /// Puts back what can be; what became of each part.
    pub fn put_back(
        &self,
        transaction: &mut Transaction,
        schema: &Schema,
        triggers: Triggers,
    ) -> Result<Vec<Put>> {
        if self.is_circle {
            return self.put_together(transaction, schema, triggers);
        }
        let parts = self.parts.iter();
        let parts = parts.filter_map(|(place, ids)| Some((self.returns.get(*place)?, ids)));
        parts
            .map(|(back, ids)| back.put_back(transaction, schema, ids, triggers))
            .collect()
    }

    /// PostgreSQL looks at keys when a statement has ended: so all parts come back by one.
    fn put_together(
        &self,
        transaction: &mut Transaction,
        schema: &Schema,
        triggers: Triggers,
    ) -> Result<Vec<Put>> {
        let parts = self.circle(transaction, schema)?;
        let are_back = !parts.is_empty()
            && schema.as_the_user(transaction, |transaction| {
                let tables = parts.iter().map(|it| (it.table, it.back.event()));
                without_triggers(transaction, &tables.collect::<Vec<_>>(), triggers, |it| {
                    insert(it, &parts)
                })
            })?;
        let puts = self.parts.iter().map(|(place, ids)| {
            let back = self.returns.get(*place);
            let mut of_archive = parts.iter().filter(|_| are_back);
            let come = of_archive
                .find(|it| back.is_some_and(|back| std::ptr::eq(back, it.back)))
                .map_or(&[][..], |it| &it.ids);
            let stay = ids.iter().filter(|id| !come.contains(id));
            let kept = stay.filter_map(|id| Some((*id, back?.kept.get(id)?.clone())));
            Ok(Put {
                rows: i64::try_from(come.len())?,
                kept: kept.collect(),
            })
        });
        puts.collect()
    }

    /// Those that have all their parents in the tables or among themselves.
    fn circle(&self, transaction: &mut Transaction, schema: &Schema) -> Result<Vec<Part<'_>>> {
        let mut parts = Vec::new();
        for (place, ids) in &self.parts {
            let back = self.returns.get(*place);
            let is_there = |it: &&Return| schema.by_oid(it.archive.table.oid).is_some();
            let Some(back) = back.filter(is_there) else {
                continue;
            };
            let Some(table) = &back.table else { continue };
            let archive = &back.archive.table;
            let lock = if archive.spread.is_none() {
                " FOR UPDATE"
            } else {
                // Citus locks no rows in several shards at once.
                let name = &archive.name;
                transaction
                    .batch_execute(&format!("LOCK TABLE {name} IN SHARE ROW EXCLUSIVE MODE"))?;
                ""
            };
            let query = format!(
                "SELECT a.fkfix_id FROM {} AS a WHERE {} ORDER BY a.fkfix_id{lock}",
                archive.name,
                is_one_of("a", 1)
            );
            let ids = numbers(transaction, &query, &[(ids, Type::INT8_ARRAY)])?;
            let now = schema.by_oid(table.oid).unwrap_or(table);
            let keys = keys::holding(transaction, schema, now, &[])?;
            parts.push((Part { back, table, ids }, keys));
        }
        loop {
            let mut lacking = Vec::new();
            for (part, keys) in &parts {
                let coming = parts.iter().map(|(it, _)| (it.back, it.ids.as_slice()));
                let coming: Vec<_> = coming.collect();
                let lacks = part.back.lacking(transaction, keys, &coming, &part.ids)?;
                lacking.push(lacks.into_iter().map(|(id, _)| id).collect::<Vec<_>>());
            }
            if lacking.iter().all(Vec::is_empty) {
                break;
            }
            for ((part, _), lacks) in parts.iter_mut().zip(lacking) {
                part.ids.retain(|id| !lacks.contains(id));
            }
        }
        let parts = parts.into_iter().map(|(part, _)| part);
        Ok(parts.filter(|it| !it.ids.is_empty()).collect())
    }
}

/// Whether the server took them; a place that is taken keeps the whole circle in the archives.
fn insert(transaction: &mut Transaction, parts: &[Part<'_>]) -> Result<bool> {
    let (mut clauses, mut counts) = (Vec::new(), Vec::new());
    let mut parameters: Vec<(&(dyn ToSql + Sync), Type)> = Vec::new();
    for (at, part) in parts.iter().enumerate() {
        parameters.push((&part.ids, Type::INT8_ARRAY));
        clauses.push(part.back.moving_sql(part.table, at));
        counts.push(format!(
            "(SELECT pg_catalog.count(*) FROM back{at}), (SELECT pg_catalog.count(*) FROM put{at})"
        ));
    }
    let sql = format!("WITH {} SELECT {}", clauses.join(",\n"), counts.join(", "));
    let mut attempt = transaction.transaction()?;
    let row = match attempt.query_typed_one(&sql, &parameters) {
        Ok(row) => row,
        Err(error) if is_about_a_row(&error) => {
            attempt.rollback()?;
            return Ok(false);
        }
        Err(error) => {
            return Err(error).context("could not put rows back that refer to one another");
        }
    };
    for (at, part) in parts.iter().enumerate() {
        let all = i64::try_from(part.ids.len())?;
        let (back, put): (i64, i64) = (row.try_get(2 * at)?, row.try_get(2 * at + 1)?);
        if back != all || put != all {
            return Err(Failure::impossible(format!(
                "{} should have come back to {}, and {} did: a trigger keeps rows out; everything is rolled back",
                text::rows(all), part.back.shown, text::count(put)
            ))
            .hint("--triggers skip sets the triggers aside, --leave-orphans keeps the rows in the archive")
            .into());
        }
    }
    attempt.commit()?;
    Ok(true)
}
