//! The tables of a database, as an engine tells them.

use crate::model::key::same_name;

/// A table.
#[derive(Clone, Debug)]
pub struct Table {
    /// Its name, as a key names it.
    pub name: String,
    /// Its name without that of a schema.
    pub bare: String,
    /// Its columns in order.
    pub columns: Vec<Column>,
}

impl Table {
    /// The column `name`.
    #[must_use]
    pub fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|it| same_name(&it.name, name))
    }
}

/// A column.
#[derive(Clone, Debug)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// How its values compare.
    pub affinity: Affinity,
    /// Its type as declared; may be empty.
    pub declared_type: String,
    /// It takes no NULL by itself.
    pub not_null: bool,
    /// It can be of no key: computed, or of a type that nothing is equal in.
    pub is_no_key: bool,
}

/// How the values of a column compare.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Affinity {
    /// As text.
    Text,
    /// As numbers.
    Numeric,
    /// Not told by the type.
    Blob,
    /// As what is neither text nor a number.
    Other,
}
