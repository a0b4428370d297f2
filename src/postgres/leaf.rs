//! The tables that hold the rows: a plain table does so itself, a partitioned one by its partitions.

use std::rc::Rc;

use super::catalog::{Kind, Table};
use super::schema::Schema;

/// A table that holds rows.
#[derive(Clone, Debug)]
pub struct Leaf {
    /// The table.
    pub table: Rc<Table>,
    /// The partitioned table that it is a part of, at any depth; else itself. Rows leave for the
    /// archive of this one, and come back through it.
    pub whole: Rc<Table>,
}

impl Schema {
    /// The tables that hold the rows of `table`, at any depth.
    #[must_use]
    pub fn leaves(&self, table: &Rc<Table>) -> Vec<Leaf> {
        let whole = self.whole(table);
        let leaves = self.family(table).into_iter();
        let leaves = leaves.filter(|it| it.kind != Kind::Partitioned);
        leaves
            .map(|table| Leaf {
                table,
                whole: Rc::clone(&whole),
            })
            .collect()
    }

    /// The table, its partitions, and theirs.
    #[must_use]
    pub fn family(&self, table: &Rc<Table>) -> Vec<Rc<Table>> {
        let mut family = vec![Rc::clone(table)];
        if table.kind == Kind::Partitioned {
            let parts = table.inherited_by.iter().filter_map(|name| self.get(name));
            family.extend(parts.flat_map(|part| self.family(part)));
        }
        family
    }

    /// The partitioned table that `table` is a part of, at any depth; else itself.
    #[must_use]
    pub fn whole(&self, table: &Rc<Table>) -> Rc<Table> {
        let parent = table.inherits.first().filter(|_| table.is_partition);
        match parent.and_then(|name| self.get(name)) {
            Some(parent) => self.whole(parent),
            None => Rc::clone(table),
        }
    }
}
