//! What can not go back, as far as it can be seen before it is tried.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use anyhow::Result;
use postgres::Transaction;
use postgres::types::{ToSql, Type};

use super::waiting::{Kind, Return, numbers};
use crate::failure::Failure;
use crate::model::kept::Cause;
use crate::model::key::NamedKey;
use crate::postgres::catalog::quoted;
use crate::postgres::keys::{self, Key};
use crate::postgres::restore::forgotten::{self, is_one_of};
use crate::postgres::schema::Schema;

/// Rows of an archive that come back.
pub(super) type Coming<'a> = (&'a Return, &'a [i64]);

/// Finds the rows that lack a parent, and will: one that is neither there nor comes back too.
pub(super) fn foresee(
    transaction: &mut Transaction,
    schema: &Schema,
    returns: &mut [Return],
    without: &[(u32, String)],
) -> Result<()> {
    let mut keys = Vec::new();
    for back in returns.iter() {
        keys.push(match &back.table {
            Some(table) => keys::holding(transaction, schema, table, without)?,
            None => Vec::new(),
        });
    }
    // Those that forgot are nobody's parents.
    for kind in [Kind::Left, Kind::Forgot] {
        loop {
            let left = returns.iter().filter(|it| it.kind == Kind::Left);
            let coming: Vec<Coming<'_>> = left.map(|it| (it, it.waiting.as_slice())).collect();
            let mut lacking = Vec::new();
            for (back, keys) in returns.iter().zip(&keys) {
                lacking.push(if back.kind == kind {
                    back.lacking(transaction, keys, &coming, &back.waiting)?
                } else {
                    Vec::new()
                });
            }
            let mut any = false;
            for (back, lacking) in returns.iter_mut().zip(lacking) {
                any |= !lacking.is_empty();
                back.keep(lacking);
            }
            if !any {
                break;
            }
        }
    }
    Ok(())
}

impl Return {
    /// Finds what can't go back whatever the server says.
    pub(super) fn sort_out(&mut self, transaction: &mut Transaction) -> Result<()> {
        let Some(table) = self.table.clone() else {
            for id in std::mem::take(&mut self.waiting) {
                self.kept.insert(id, Cause::TableGone);
            }
            return Ok(());
        };
        let archive = self.archive.clone();
        for column in archive.columns() {
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
                    let has_value = match self.kind {
                        Kind::Left => format!("a.{} IS NOT NULL", quoted(&column.name)),
                        Kind::Forgot => forgotten::forgot(&column.name),
                    };
                    let gone = self.those(transaction, &has_value)?;
                    let cause = |id| (id, Cause::ColumnGone(column.name.clone()));
                    self.keep(gone.into_iter().map(cause).collect());
                }
            }
        }
        Ok(())
    }

    /// The numbers of the waiting rows `a` of the archive that meet `condition`.
    fn those(&self, transaction: &mut Transaction, condition: &str) -> Result<Vec<i64>> {
        let query = format!(
            "SELECT a.fkfix_id FROM {} AS a WHERE {} AND {condition}",
            self.archive.table.name,
            is_one_of("a", 1)
        );
        numbers(transaction, &query, &[(&self.waiting, Type::INT8_ARRAY)])
    }

    /// Finds what is in the way that only the server tells for certain: for a dry run.
    pub fn foresee_places(&mut self, transaction: &mut Transaction) -> Result<()> {
        let Some(table) = self.table.clone().filter(|_| self.kind == Kind::Left) else {
            return Ok(());
        };
        let filled = table.columns.iter().filter(|it| it.not_null);
        for column in filled.filter(|it| it.generated.is_none()) {
            if self.archive.has(&column.name) {
                let ids =
                    self.those(transaction, &format!("a.{} IS NULL", quoted(&column.name)))?;
                let cause = |id| (id, Cause::NotNull(column.name.clone()));
                self.keep(ids.into_iter().map(cause).collect());
            }
        }
        for index in table
            .indexes
            .iter()
            .filter(|it| it.is_unique && !it.is_partial)
        {
            let columns: Vec<_> = index.columns.iter().flatten().cloned().collect();
            if columns.len() < index.columns.len() || !columns.iter().all(|it| self.archive.has(it))
            {
                continue;
            }
            let same = columns.iter().map(|name| {
                let name = quoted(name);
                format!("w.{name}::text = a.{name}::text")
            });
            let taken = format!(
                "EXISTS (SELECT FROM ONLY {} AS w WHERE {}{})",
                table.name,
                same.collect::<Vec<_>>().join(" AND "),
                table.same_shard("w", "a")
            );
            let ids = self.those(transaction, &taken)?;
            let cause = |id| (id, Cause::Taken(columns.clone()));
            self.keep(ids.into_iter().map(cause).collect());
        }
        Ok(())
    }

    /// Those of `ids` that can't go back as things are, and why: what they forgot is something else
    /// now, or they lack a parent, which is neither there nor among `coming`.
    pub(super) fn lacking(
        &self,
        transaction: &mut Transaction,
        keys: &[Key],
        coming: &[Coming<'_>],
        ids: &[i64],
    ) -> Result<Vec<(i64, Cause)>> {
        let mut causes: BTreeMap<i64, Cause> = BTreeMap::new();
        let Some(table) = self.table.as_ref().filter(|_| !ids.is_empty()) else {
            return Ok(Vec::new());
        };
        let mut from = format!(
            "{} AS c WHERE {}",
            self.archive.table.name,
            is_one_of("c", 1)
        );
        let mut broken = keys.iter().collect::<Vec<_>>();
        if self.kind == Kind::Forgot {
            let forgotten =
                forgotten::Forgotten::of(transaction, &self.archive, table, &self.shown, ids)?;
            let own = coming
                .iter()
                .find(|(it, _)| it.archive.of == self.archive.of);
            let own = own.map_or(&[][..], |(_, ids)| ids);
            causes.extend(forgotten.changed(transaction, ids, own)?);
            broken.retain(|key| key.key.columns.iter().any(|it| forgotten.sets(it)));
            from = format!("({}) AS c WHERE true", forgotten.as_they_were());
        } else {
            broken.retain(|key| key.key.columns.iter().all(|it| self.archive.has(it)));
        }
        let mut lack: BTreeMap<i64, Vec<NamedKey>> = BTreeMap::new();
        for key in broken {
            let of_parent = |(back, _): &&Coming<'_>| {
                let mut columns = key.key.parent_columns.iter();
                back.kin.contains(&key.parent.name) && columns.all(|name| back.archive.has(name))
            };
            let mut comes = String::new();
            let mut parameters: Vec<(&(dyn ToSql + Sync), Type)> = vec![(&ids, Type::INT8_ARRAY)];
            for (parent, rows) in coming.iter().filter(of_parent) {
                parameters.push((rows, Type::INT8_ARRAY));
                let _ = write!(
                    comes,
                    " AND NOT EXISTS (SELECT FROM {} AS q WHERE {} AND {})",
                    parent.archive.table.name,
                    is_one_of("q", parameters.len()),
                    key.joined("c", "q")
                );
            }
            let query = format!(
                "SELECT c.fkfix_id FROM {from} AND {}{comes}",
                key.orphaned("c")
            );
            for id in numbers(transaction, &query, &parameters)? {
                lack.entry(id).or_default().push(key.named());
            }
        }
        for (id, keys) in lack {
            causes.entry(id).or_insert(Cause::BreakKeys(keys));
        }
        Ok(causes.into_iter().collect())
    }
}
