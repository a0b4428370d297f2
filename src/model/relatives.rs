//! A row with the parents that it refers to and the children that refer to it.

use serde::ser::{Serialize, SerializeMap as _, Serializer};

use crate::model::key::NamedKey;
use crate::model::value::Value;

/// A row of a table.
#[derive(Clone, Debug)]
pub struct Row {
    /// The names of its columns, generated ones included.
    pub columns: Vec<String>,
    /// Its values, in the order of the columns.
    pub values: Vec<Value>,
}

/// In a document, an object of its columns.
impl Serialize for Row {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.columns.iter().zip(&self.values))
    }
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
#[derive(Clone, Debug, serde::Serialize)]
pub struct Reference {
    /// The key.
    #[serde(flatten)]
    pub named: NamedKey,
    /// The values of its columns in the row.
    pub values: Vec<Value>,
    /// What they lead to.
    #[serde(flatten)]
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

/// In a document, a state with the row or the reason that it has.
impl Serialize for Parent {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (state, row, reason) = match self {
            Parent::None => ("null", None, None),
            Parent::Row(row) => ("found", Some(row), None),
            Parent::Missing => ("orphan", None, None),
            Parent::Unusable(reason) => ("unusable", None, Some(reason)),
        };
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("state", state)?;
        map.serialize_entry("row", &row)?;
        map.serialize_entry("reason", &reason)?;
        map.end()
    }
}

/// The rows that refer to a row by one key.
#[derive(Clone, Debug, serde::Serialize)]
pub struct Children {
    /// The key.
    #[serde(flatten)]
    pub named: NamedKey,
    /// How many there are.
    pub total: i64,
    /// The first of them.
    pub rows: Vec<Row>,
}
