//! A row among its relatives, and what deleting it would do.

use serde::Serialize;

use crate::failure::Failure;
use crate::model::deletion::Deletion;
use crate::model::relatives::{Children, Reference, Row};

/// What `fkfix show` found.
#[derive(Debug, Serialize)]
pub struct ShowReport {
    /// The file.
    pub database: String,
    /// The table.
    pub table: String,
    /// The columns by which the row was asked for.
    pub key: Vec<String>,
    /// The row, by column.
    pub row: Row,
    /// The rows that it refers to.
    pub parents: Vec<Reference>,
    /// The rows that refer to it, by key.
    pub children: Vec<Children>,
    /// What deleting it would do.
    pub deletion: Deletion,
}

/// That `given` values do not make the `key` of `table`.
#[must_use]
pub fn wrong_number(table: &str, key: &[String], given: usize) -> Failure {
    let takes = match key.len() {
        1 => "1 value".to_owned(),
        number => format!("{number} values"),
    };
    let key = key.join(", ");
    Failure::impossible(format!(
        "the key of {table} is ({key}): it takes {takes}, not {given}"
    ))
    .hint("give one value for each column of the key, in this order")
}

impl ShowReport {
    /// The row that was asked for, with none of its relatives yet.
    pub fn new(table: &str, key: Vec<String>, row: Row) -> Self {
        ShowReport {
            database: String::new(),
            table: table.to_owned(),
            key,
            row,
            parents: Vec::new(),
            children: Vec::new(),
            deletion: Deletion::default(),
        }
    }
}
