//! Follows what leaves: the rows that depend on it leave too, forget their keys, or can do neither.

use std::collections::BTreeSet;
use std::rc::Rc;

use anyhow::Result;
use postgres::Transaction;
use postgres::types::Type;

use super::found::{Found, Why};
use super::lock::for_update;
use super::search::Search;
use crate::policy::Wish;
use crate::postgres::catalog::Table;
use crate::postgres::keys::{self, Key};
use crate::postgres::schema::rows::{self, RowId, source};

/// How many rows are looked up at once.
const AT_ONCE: usize = 20_000;

impl Search {
    /// Adds to `found` all that hangs on its rows that leave, by keys that let these go; locks what
    /// it adds where it is to be changed.
    pub fn follow(
        &self,
        transaction: &mut Transaction,
        found: &mut Found,
        locks: bool,
    ) -> Result<()> {
        let mut news = found.leaving();
        loop {
            while let Some((parent, rows)) = news.pop() {
                let links = self.links.iter().enumerate();
                let links = links.filter(|(_, link)| {
                    link.dependents != Wish::Block && self.parts.share(link.key.parent.oid, parent)
                });
                for (place, link) in links {
                    let child = &link.key.child;
                    let why = Why {
                        along: Some(place),
                        ..Why::default()
                    };
                    let why = link.found(link.dependents, why);
                    let (mut left, mut unknown) = (Vec::new(), Vec::new());
                    let rows = self.parts.as_rows_of(link.key.parent.oid, parent, &rows);
                    for row in hanging(transaction, &link.key, &rows, locks)? {
                        if self.parts.is_found_elsewhere(found, child.oid, &row) {
                            continue;
                        }
                        if !found.has(child.oid, &row) {
                            unknown.push(row.clone());
                        }
                        if found.add(child, &link.key.child_shown, &row, why) {
                            left.push(row);
                        }
                    }
                    if locks {
                        left.extend(self.note_broken(transaction, found, child, &unknown)?);
                    }
                    if !left.is_empty() {
                        news.push((child.oid, left));
                    }
                }
            }
            news = self.demote(transaction, found)?;
            if news.is_empty() {
                return Ok(());
            }
        }
    }

    /// Has the rows leave that are to stay and forget keys, and can't: a CHECK forbids it, or the
    /// default has no parent that stays. Gives them.
    fn demote(
        &self,
        transaction: &mut Transaction,
        found: &mut Found,
    ) -> Result<Vec<(u32, Vec<RowId>)>> {
        let mut news = Vec::new();
        let tables = found.tables.iter();
        let tables: Vec<_> = tables
            .map(|it| (Rc::clone(&it.table), it.shown.clone(), it.staying()))
            .collect();
        for (table, shown, groups) in tables {
            let oid = table.oid;
            for (marks, rows) in groups {
                let forbidden = self.forbidden(transaction, &table, marks, &rows)?;
                let lost = self.without_default(transaction, found, &table, marks, &rows)?;
                for (rows, why) in [
                    (forbidden, "a CHECK forbids it"),
                    (lost, "the default has no parent"),
                ] {
                    let mut left = Vec::new();
                    let leaves = Why {
                        leaves: true,
                        along: self.forgotten(oid, marks).map(|(place, _)| place).next(),
                        ..Why::default()
                    };
                    for row in rows {
                        if found.add(&table, &shown, &row, leaves) {
                            left.push(row);
                        }
                    }
                    if !left.is_empty() {
                        let places = self.forgotten(oid, marks).map(|(place, _)| (place, why));
                        found.whys.extend(places);
                        news.push((oid, left));
                    }
                }
            }
        }
        Ok(news)
    }

    /// The rows of a table as they become, under the name `c`; parameter 1 says which.
    fn as_they_become(&self, table: &Table, marks: u64) -> String {
        let assigned = self.assigned(table.oid, marks);
        let columns = table.columns.iter().map(|column| {
            let name = crate::postgres::catalog::quoted(&column.name);
            match assigned.iter().find(|it| it.column == column.name) {
                Some(set) => format!("{} AS {name}", set.value()),
                None => format!("c.{name}"),
            }
        });
        format!(
            "(SELECT {} AS fkfix_place, {} FROM {} AS c WHERE {}) AS c",
            rows::place(table, "c"),
            columns.collect::<Vec<_>>().join(", "),
            source(table),
            rows::are(table, "c", 1)
        )
    }

    /// Those of `rows` that would break a CHECK.
    fn forbidden(
        &self,
        transaction: &mut Transaction,
        table: &Table,
        marks: u64,
        rows: &[RowId],
    ) -> Result<Vec<RowId>> {
        let assigned = self.assigned(table.oid, marks);
        let columns: Vec<_> = assigned.iter().map(|it| it.column.as_str()).collect();
        let checks = transaction.query_typed(
            "SELECT pg_get_expr(k.conbin, k.conrelid) FROM pg_constraint k
             WHERE k.conrelid = $1 AND k.contype = 'c' AND EXISTS (
                 SELECT FROM pg_attribute a WHERE a.attrelid = k.conrelid AND a.attnum = ANY (k.conkey)
                 AND a.attname = ANY ($2::text[]))",
            &[(&table.oid, Type::OID), (&columns, Type::TEXT_ARRAY)],
        )?;
        if checks.is_empty() {
            return Ok(Vec::new());
        }
        let broken = checks
            .iter()
            .map(|row| Ok(format!("NOT ({})", row.try_get::<_, &str>(0)?)))
            .collect::<Result<Vec<_>>>()?;
        let query = format!(
            "SELECT c.fkfix_place FROM {} WHERE {}",
            self.as_they_become(table, marks),
            broken.join(" OR ")
        );
        let texts = rows::texts(rows.iter().cloned());
        rows::read(transaction, &query, &[(&texts, Type::TEXT_ARRAY)])
    }

    /// Those of `rows` that would break a key by their defaults: of a parent that is not there, or
    /// that leaves.
    fn without_default(
        &self,
        transaction: &mut Transaction,
        found: &Found,
        table: &Table,
        marks: u64,
        rows: &[RowId],
    ) -> Result<Vec<RowId>> {
        let assigned = self.assigned(table.oid, marks);
        let has_default = |name: &String| {
            let mut assigned = assigned.iter();
            assigned.any(|it| it.default.is_some() && it.column == *name)
        };
        let texts = rows::texts(rows.iter().cloned());
        let mut lost = BTreeSet::new();
        let of_table = self.links.iter().map(|it| &it.key);
        for key in of_table.filter(|key| key.child.oid == table.oid) {
            if !key.key.columns.iter().any(has_default) {
                continue;
            }
            let leave = rows::texts(self.parts.leaving(found, key.parent.oid));
            // One that is an orphan itself leaves with a later batch.
            let stays = self.asked_links().filter(|(_, link)| {
                self.parts.share(link.key.child.oid, key.parent.oid)
                    && link.found(link.orphans, Why::default()).leaves
            });
            let stays = stays.map(|(_, link)| format!(" AND NOT ({})", link.key.orphaned("q")));
            let query = format!(
                "SELECT c.fkfix_place FROM {} WHERE {} AND NOT EXISTS (SELECT FROM {} AS q WHERE {} AND NOT {}{})",
                self.as_they_become(table, marks),
                key.refers("c"),
                source(&key.parent),
                key.joined("c", "q"),
                rows::are(&key.parent, "q", 2),
                stays.collect::<String>()
            );
            lost.extend(rows::read(
                transaction,
                &query,
                &[(&texts, Type::TEXT_ARRAY), (&leave, Type::TEXT_ARRAY)],
            )?);
        }
        Ok(lost.into_iter().collect())
    }
}

/// FROM and WHERE of the rows `c` that refer by `key` to rows of the array that is parameter 1.
fn refers_to_some(key: &Key) -> String {
    format!(
        "FROM {} AS c WHERE {} AND EXISTS (SELECT FROM {} AS p WHERE {} AND {})",
        source(&key.child),
        key.refers("c"),
        source(&key.parent),
        rows::are(&key.parent, "p", 1),
        key.joined("c", "p")
    )
}

/// The rows that refer by `key` to `rows` of its parent.
pub(super) fn hanging(
    transaction: &mut Transaction,
    key: &Key,
    rows: &[RowId],
    locks: bool,
) -> Result<Vec<RowId>> {
    let mut hanging = Vec::new();
    for some in rows.chunks(AT_ONCE) {
        let lock = if locks { for_update(&key.child) } else { "" };
        let query = format!(
            "SELECT {} {}{lock}",
            rows::place(&key.child, "c"),
            refers_to_some(key)
        );
        let texts = rows::texts(some.iter().cloned());
        let parameters = [(
            &texts as &(dyn postgres::types::ToSql + Sync),
            Type::TEXT_ARRAY,
        )];
        if let Some(nameless) = keys::spread::nameless(&key.child, &key.child_shown) {
            let query = format!("SELECT count(*) {}", refers_to_some(key));
            if rows::count(transaction, &query, &parameters)? > 0 {
                return Err(nameless.into());
            }
            continue;
        }
        hanging.extend(rows::read(transaction, &query, &parameters)?);
    }
    Ok(hanging)
}
