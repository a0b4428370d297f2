//! Locks rows that break keys, and looks again at what they break.

use std::rc::Rc;

use anyhow::Result;
use postgres::Transaction;
use postgres::types::Type;

use super::found::{Found, Why};
use super::search::Search;
use crate::postgres::catalog::Table;
use crate::postgres::keys::Key;
use crate::postgres::schema::rows::{self, RowId, source};

impl Search {
    /// Locks those of `rows` of `table` that break a key; then, in a second statement, looks at
    /// them again, and adds to `found` what they are. READ COMMITTED re-reads a row that it waited
    /// for, but not the other side of the anti join, so one statement would take rows that were
    /// repaired meanwhile.
    pub fn lock(
        &self,
        transaction: &mut Transaction,
        found: &mut Found,
        table: &Rc<Table>,
        rows: &[RowId],
    ) -> Result<()> {
        let of_table = self.asked.iter().filter(|key| key.child.oid == table.oid);
        let broken: Vec<_> = of_table
            .map(|key| format!("({})", key.orphaned("c")))
            .collect();
        let texts = rows::texts(rows.iter().cloned());
        self.lock_spread(transaction, table)?;
        let query = format!(
            "SELECT {} FROM {} AS c WHERE {} AND ({}){}",
            rows::place(table, "c"),
            source(table),
            rows::are(table, "c", 1),
            broken.join(" OR "),
            for_update(table)
        );
        let locked = rows::read(transaction, &query, &[(&texts, Type::TEXT_ARRAY)])?;
        self.note_broken(transaction, found, table, &locked)?;
        Ok(())
    }

    /// Locks `table`, and all whose rows may follow those that leave it, where Citus spreads it: it
    /// locks no rows in several shards at once. Others read on.
    fn lock_spread(&self, transaction: &mut Transaction, table: &Rc<Table>) -> Result<()> {
        if table.spread.is_none() {
            return Ok(());
        }
        let mut tables = vec![Rc::clone(table)];
        let mut at = 0;
        while let Some(parent) = tables.get(at).map(|it| it.oid) {
            for key in self.links().filter(|key| key.parent.oid == parent) {
                if !tables.iter().any(|it| it.oid == key.child.oid) {
                    tables.push(Rc::clone(&key.child));
                }
            }
            at += 1;
        }
        let names: Vec<_> = tables.iter().map(|it| it.name.to_string()).collect();
        let names = names.join(", ");
        Ok(
            transaction
                .batch_execute(&format!("LOCK TABLE {names} IN SHARE ROW EXCLUSIVE MODE"))?,
        )
    }

    /// Adds to `found` which keys the `rows` of `table` break; gives those that leave since now.
    pub(super) fn note_broken(
        &self,
        transaction: &mut Transaction,
        found: &mut Found,
        table: &Rc<Table>,
        rows: &[RowId],
    ) -> Result<Vec<RowId>> {
        let mut left = Vec::new();
        if rows.is_empty() {
            return Ok(left);
        }
        let texts = rows::texts(rows.iter().cloned());
        for (_, link) in self.asked_links() {
            let key = &link.key;
            if key.child.oid != table.oid {
                continue;
            }
            let query = broken_among(key);
            let why = Why {
                breaks: link.mark,
                ..Why::default()
            };
            let why = link.found(link.orphans, why);
            for row in rows::read(transaction, &query, &[(&texts, Type::TEXT_ARRAY)])? {
                if found.add(table, &key.child_shown, &row, why) {
                    left.push(row);
                }
            }
        }
        left.extend(self.note_broken_elsewhere(transaction, found, table, rows)?);
        Ok(left)
    }

    /// Adds to `found` which keys of other tables the `rows` of `table` break, as rows of those
    /// tables; gives those that leave since now.
    fn note_broken_elsewhere(
        &self,
        transaction: &mut Transaction,
        found: &mut Found,
        table: &Rc<Table>,
        rows: &[RowId],
    ) -> Result<Vec<RowId>> {
        let mut left = Vec::new();
        for (place, link) in self.asked_links() {
            let (key, child) = (&link.key, &link.key.child);
            if child.oid == table.oid || !self.parts.share(child.oid, table.oid) {
                continue;
            }
            let same = self.parts.as_rows_of(child.oid, table.oid, rows);
            let query = broken_among(key);
            let texts = rows::texts(same);
            for row in rows::read(transaction, &query, &[(&texts, Type::TEXT_ARRAY)])? {
                let own = self
                    .parts
                    .as_rows_of(table.oid, child.oid, std::slice::from_ref(&row));
                let stays = |row: &RowId| {
                    let found = found.of(table.oid).and_then(|it| it.rows.get(row));
                    found.is_some_and(|why| !why.leaves)
                };
                let stayed: Vec<_> = own.into_iter().filter(stays).collect();
                self.note_elsewhere(found, place, &row);
                let leaves = |row: &RowId| {
                    let found = found.of(table.oid).and_then(|it| it.rows.get(row));
                    found.is_some_and(|why| why.leaves)
                };
                left.extend(stayed.into_iter().filter(leaves));
            }
        }
        Ok(left)
    }
}

/// What locks the rows `c` that a query finds; those of tables that are locked whole need it not.
pub(super) fn for_update(table: &Table) -> &'static str {
    match table.spread {
        None => " FOR UPDATE OF c",
        Some(_) => "",
    }
}

/// The query for those rows that break `key`; the rows to ask about are parameter 1.
fn broken_among(key: &Key) -> String {
    let child = &key.child;
    format!(
        "SELECT {} FROM {} AS c WHERE {} AND {}",
        rows::place(child, "c"),
        source(child),
        rows::are(child, "c", 1),
        key.orphaned("c")
    )
}
