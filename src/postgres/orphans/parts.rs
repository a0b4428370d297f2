//! A row of a partition is a row of the whole too: a key of one of them, or to one of them, is about
//! the same row, which PostgreSQL deletes, and cascades from, whichever table it was found in.

use std::collections::{BTreeMap, BTreeSet};

use crate::postgres::catalog::Kind;
use crate::postgres::orphans::found::Found;
use crate::postgres::schema::Schema;
use crate::postgres::schema::rows::RowId;

/// Which tables hold the rows of each partitioned table.
#[derive(Debug)]
pub struct Parts(BTreeMap<u32, BTreeSet<u32>>);

impl Parts {
    /// Those of `schema`.
    #[must_use]
    pub fn of(schema: &Schema) -> Self {
        let wholes = schema.tables.iter();
        let wholes = wholes.filter(|it| it.kind == Kind::Partitioned);
        let leaves = wholes.map(|it| {
            let leaves = schema.leaves(it);
            (it.oid, leaves.iter().map(|leaf| leaf.oid).collect())
        });
        Parts(leaves.collect())
    }

    /// Whether two tables have rows in common: one is the other, or a partition of it.
    #[must_use]
    pub fn share(&self, one: u32, other: u32) -> bool {
        match (self.0.get(&one), self.0.get(&other)) {
            _ if one == other => true,
            (Some(ones), Some(others)) => !ones.is_disjoint(others),
            (Some(ones), None) => ones.contains(&other),
            (None, Some(others)) => others.contains(&one),
            (None, None) => false,
        }
    }

    /// Those of the `rows` of the table `of` that are rows of `table` too, by its names for them.
    #[must_use]
    pub fn as_rows_of(&self, table: u32, of: u32, rows: &[RowId]) -> Vec<RowId> {
        let leaves = self.0.get(&table);
        let same = rows.iter().filter_map(|row| {
            let leaf = row.leaf(of);
            match leaves {
                _ if table == of => Some(row.clone()),
                Some(leaves) => leaves.contains(&leaf).then(|| row.named(Some(leaf))),
                None => (leaf == table).then(|| row.named(None)),
            }
        });
        same.collect()
    }

    /// The rows of `table` that leave, whichever table they were found in.
    #[must_use]
    pub fn leaving(&self, found: &Found, table: u32) -> Vec<RowId> {
        let kin = found.tables.iter();
        let kin = kin.filter(|it| self.share(it.table.oid, table));
        let rows = kin.flat_map(|it| {
            let rows: Vec<_> = it.leaving().collect();
            self.as_rows_of(table, it.table.oid, &rows)
        });
        rows.collect()
    }

    /// Whether `row` of `table` was found as a row of another table.
    #[must_use]
    pub fn is_found_elsewhere(&self, found: &Found, table: u32, row: &RowId) -> bool {
        self.elsewhere(found, table, row).is_some()
    }

    /// Where `row` of `table` was found as a row of another table: the place of that table, and the
    /// row by its name.
    #[must_use]
    pub fn elsewhere(&self, found: &Found, table: u32, row: &RowId) -> Option<(usize, RowId)> {
        let others = found.tables.iter().enumerate();
        let mut kin =
            others.filter(|(_, it)| it.table.oid != table && self.share(it.table.oid, table));
        kin.find_map(|(place, it)| {
            let same = self.as_rows_of(it.table.oid, table, std::slice::from_ref(row));
            let mut same = same.into_iter();
            let row = same.find(|row| it.rows.contains_key(row))?;
            Some((place, row))
        })
    }
}
