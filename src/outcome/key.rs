//! A foreign key, as every document has it.

use std::fmt::Write as _;
use std::ops::Deref;

use serde::Serialize;

use crate::model::key::{Action, ForeignKey};

/// A key of a table that the document has named already.
#[derive(Debug, Serialize)]
pub struct Key {
    /// Its name, if it has one.
    pub constraint: Option<String>,
    /// The child's columns.
    pub columns: Vec<String>,
    /// The parent table.
    pub parent: String,
    /// The parent's columns.
    pub parent_columns: Vec<String>,
    /// What happens to the child when the parent is deleted.
    pub on_delete: Action,
    /// What happens to the child when the parent's key changes.
    pub on_update: Action,
    /// What the schema calls it, where that is another name than `constraint`.
    #[serde(skip)]
    pub called: Option<String>,
}

/// A key with its table.
#[derive(Debug, Serialize)]
pub struct TableKey {
    /// The child table.
    pub table: String,
    /// The key.
    #[serde(flatten)]
    key: Key,
}

impl Key {
    /// `key`, which is called `name`.
    #[must_use]
    pub fn new(key: &ForeignKey, name: Option<String>) -> Self {
        Key {
            constraint: name,
            columns: key.columns.clone(),
            parent: key.parent.clone(),
            parent_columns: key.parent_columns.clone(),
            on_delete: key.on_delete,
            on_update: key.on_update,
            called: None,
        }
    }

    /// `name (columns) references parent (columns) on delete cascade`
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = String::new();
        if let Some(name) = &self.constraint {
            let _ = write!(text, "{name} ");
        }
        let _ = write!(
            text,
            "({}) references {} ({})",
            self.columns.join(", "),
            self.parent,
            self.parent_columns.join(", ")
        );
        for (event, action) in [("delete", self.on_delete), ("update", self.on_update)] {
            if action != Action::NoAction {
                let _ = write!(text, " on {event} {}", action.words());
            }
        }
        text
    }
}

impl TableKey {
    /// `key`, which is called `name`.
    #[must_use]
    pub fn new(key: &ForeignKey, name: Option<String>) -> Self {
        TableKey {
            table: key.child.clone(),
            key: Key::new(key, name),
        }
    }

    /// `table(columns)`
    pub fn place(&self) -> String {
        format!("{}({})", self.table, self.columns.join(", "))
    }
}

impl Deref for TableKey {
    type Target = Key;

    fn deref(&self) -> &Key {
        &self.key
    }
}
