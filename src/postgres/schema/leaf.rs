//! The tables that hold the rows: a plain table does so itself, a partitioned one by its partitions.

use std::rc::Rc;

use crate::postgres::catalog::{Kind, Table};
use crate::postgres::schema::Schema;

impl Schema {
    /// The tables that hold the rows of `table`, at any depth.
    #[must_use]
    pub fn leaves(&self, table: &Rc<Table>) -> Vec<Rc<Table>> {
        let mut family = self.family(table);
        family.retain(|it| it.kind != Kind::Partitioned);
        family
    }

    /// The tables that have rows of `table`: its family, and those that it is a partition of.
    #[must_use]
    pub fn kin(&self, table: &Rc<Table>) -> Vec<Rc<Table>> {
        let mut kin = self.family(table);
        let wholes = self.tables.iter().filter(|it| it.oid != table.oid);
        let wholes = wholes.filter(|it| self.family(it).iter().any(|part| part.oid == table.oid));
        kin.extend(wholes.cloned());
        kin
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
}
