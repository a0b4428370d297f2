//! A row with the parents that it refers to and the children that refer to it.

use crate::model::key::ForeignKey;
use crate::model::value::Value;

/// A row of a table.
#[derive(Clone, Debug)]
pub struct Row {
    /// The names of its columns, generated ones included.
    pub columns: Vec<String>,
    /// Its values, in the order of the columns.
    pub values: Vec<Value>,
}

impl Row {
    /// The value of the column `name`.
    #[must_use]
    pub fn value(&self, name: &str) -> Option<&Value> {
        let at = self
            .columns
            .iter()
            .position(|column| column.eq_ignore_ascii_case(name))?;
        self.values.get(at)
    }
}

/// A key of a row, and where it leads.
#[derive(Clone, Debug)]
pub struct Reference {
    /// The key.
    pub key: ForeignKey,
    /// Its name, if it has one.
    pub name: Option<String>,
    /// The values of its columns in the row.
    pub values: Vec<Value>,
    /// What they lead to.
    pub parent: Parent,
}

/// Where a key leads.
#[derive(Clone, Debug)]
pub enum Parent {
    /// Nowhere: one of the key's columns is NULL.
    None,
    /// To this row.
    Row(Row),
    /// To a row that is not there.
    Missing,
    /// To a table that could not be looked in, and why.
    Unusable(String),
}

/// The rows that refer to a row by one key.
#[derive(Clone, Debug)]
pub struct Children {
    /// The key.
    pub key: ForeignKey,
    /// Its name, if it has one.
    pub name: Option<String>,
    /// How many there are.
    pub total: i64,
    /// The first of them.
    pub rows: Vec<Row>,
}
