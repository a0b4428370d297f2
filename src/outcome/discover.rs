//! A key that was perhaps meant.

use serde::Serialize;

use crate::model::column_values::ColumnValues;
use crate::model::key::Action;

/// A key that was perhaps meant.
#[derive(Debug, Serialize)]
pub struct DiscoveredKey {
    /// The child table.
    pub table: String,
    /// Its columns.
    pub columns: Vec<String>,
    /// The parent table.
    pub parent: String,
    /// Its columns.
    pub parent_columns: Vec<String>,
    /// The suggested action.
    pub on_delete: Action,
    /// Why this one.
    pub action_reason: String,
    /// The key as `fkfix new --add` takes it.
    pub add: String,
    /// How sure it is, in percent.
    pub confidence: u8,
    /// Why it seems to be meant.
    pub evidence: Vec<String>,
    /// What its columns hold.
    #[serde(flatten)]
    pub values: ColumnValues,
    /// What must be done before the key can be added.
    pub obstacle: Option<String>,
    /// The keys on the same columns, to a table that is gone, in whose place it comes.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub replaces: Vec<String>,
}
