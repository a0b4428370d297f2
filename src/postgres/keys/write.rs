//! A key in the statements that add and validate it.

use std::fmt::Write as _;
use std::rc::Rc;

use super::{Key, action};
use crate::postgres::catalog::{self, ForeignKey, Kind, Match, Table, list, quoted};
use crate::postgres::schema::Schema;

impl Key {
    /// Whether it is added by partitions: PostgreSQL takes no key of a partitioned table NOT VALID
    /// before 18. One that all partitions have, validated, the whole takes over at once.
    #[must_use]
    pub fn is_by_parts(&self, schema: &Schema) -> bool {
        self.child.kind == Kind::Partitioned && schema.version < 180_000 && self.there.is_none()
    }

    /// The statements, each with its table, that add what is not there yet of the key and look at
    /// no row.
    #[must_use]
    pub fn adding(&self, schema: &Schema) -> Vec<(Rc<Table>, String)> {
        let child = schema.by_oid(self.child.oid).unwrap_or(&self.child);
        if self.there.is_some() || self.of(child).is_some() {
            return Vec::new();
        }
        let tables = if self.is_by_parts(schema) {
            schema.leaves(child)
        } else {
            vec![Rc::clone(child)]
        };
        let tables = tables.into_iter().filter(|it| self.of(it).is_none());
        tables
            .map(|it| (Rc::clone(&it), self.add_to(&it) + " NOT VALID"))
            .collect()
    }

    /// The statements, each with its table, that have the key hold for all rows; it is added, so
    /// far as [`Key::adding`] goes.
    #[must_use]
    pub fn validating(&self, schema: &Schema) -> Vec<(Rc<Table>, String)> {
        if self.there.as_ref().is_some_and(|there| there.is_validated) {
            return Vec::new();
        }
        let child = schema.by_oid(self.child.oid).unwrap_or(&self.child);
        let validate = |table: Rc<Table>| {
            let sql = self.validate_sql_of(&table);
            (table, sql)
        };
        if !self.is_by_parts(schema) || self.of(child).is_some() {
            return vec![validate(Rc::clone(child))];
        }
        let is_open = |it: &Rc<Table>| !self.of(it).is_some_and(|key| key.is_validated);
        let leaves = schema.leaves(child).into_iter().filter(is_open);
        let whole = (Rc::clone(child), self.add_to(child));
        leaves.map(validate).chain([whole]).collect()
    }

    /// The key of this name that `table` has.
    fn of<'t>(&self, table: &'t Table) -> Option<&'t ForeignKey> {
        let mut keys = table.foreign_keys.iter();
        keys.find(|it| it.name == self.key.name)
    }

    /// The tables that adding it locks, as SQL writes them.
    #[must_use]
    pub fn tables(&self, schema: &Schema) -> Vec<String> {
        let mut tables = schema.family(&self.child);
        tables.extend(schema.family(&self.parent));
        tables.iter().map(|it| it.name.to_string()).collect()
    }

    /// `ALTER TABLE … ADD CONSTRAINT … NOT VALID`
    #[must_use]
    pub fn add_sql(&self) -> String {
        self.add_to(&self.child) + " NOT VALID"
    }

    fn add_to(&self, table: &Table) -> String {
        let key = &self.key;
        let mut sql = format!(
            "ALTER TABLE {} ADD CONSTRAINT {} FOREIGN KEY ({}) REFERENCES {} ({})",
            table.name,
            quoted(&key.name),
            list(&key.columns),
            key.parent,
            list(&key.parent_columns)
        );
        if key.matches == Match::Full {
            sql.push_str(" MATCH FULL");
        }
        let set = if key.on_delete_columns.is_empty() {
            String::new()
        } else {
            format!(" ({})", list(&key.on_delete_columns))
        };
        for (event, taken, set) in [
            ("DELETE", key.on_delete, set.as_str()),
            ("UPDATE", key.on_update, ""),
        ] {
            if taken != catalog::Action::NoAction {
                let _ = write!(sql, " ON {event} {}{set}", action(taken).sql());
            }
        }
        if key.is_deferrable {
            sql.push_str(" DEFERRABLE");
        }
        if key.is_deferred {
            sql.push_str(" INITIALLY DEFERRED");
        }
        sql
    }

    /// `ALTER TABLE … VALIDATE CONSTRAINT …`
    #[must_use]
    pub fn validate_sql(&self) -> String {
        self.validate_sql_of(&self.child)
    }

    fn validate_sql_of(&self, table: &Table) -> String {
        let name = self
            .there
            .as_ref()
            .map_or(&self.key.name, |there| &there.name);
        format!(
            "ALTER TABLE {} VALIDATE CONSTRAINT {}",
            table.name,
            quoted(name)
        )
    }
}
