//! A foreign key: what it says, what it is called, and which of several it is.

use std::borrow::Borrow;
use std::fmt;

use serde::ser::{Serialize, SerializeMap, Serializer};

/// What happens to a child whose parent is deleted, or changes its key
/// (<https://www.sqlite.org/foreignkeys.html#fk_actions>).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub enum Action {
    /// Nothing; the statement fails where the child is left without a parent.
    #[default]
    #[serde(rename = "NO ACTION")]
    NoAction,
    /// The statement fails at once.
    #[serde(rename = "RESTRICT")]
    Restrict,
    /// The child goes, or changes, with its parent.
    #[serde(rename = "CASCADE")]
    Cascade,
    /// The child's key becomes NULL.
    #[serde(rename = "SET NULL")]
    SetNull,
    /// The child's key becomes its default.
    #[serde(rename = "SET DEFAULT")]
    SetDefault,
}

impl Action {
    /// Every action.
    pub const ALL: [Action; 5] = [
        Action::NoAction,
        Action::Restrict,
        Action::Cascade,
        Action::SetNull,
        Action::SetDefault,
    ];

    /// The action as SQL has it: `SET NULL`.
    #[must_use]
    pub fn sql(self) -> &'static str {
        match self {
            Action::NoAction => "NO ACTION",
            Action::Restrict => "RESTRICT",
            Action::Cascade => "CASCADE",
            Action::SetNull => "SET NULL",
            Action::SetDefault => "SET DEFAULT",
        }
    }

    /// The action in a sentence: `set null`.
    #[must_use]
    pub fn words(self) -> String {
        self.sql().to_ascii_lowercase()
    }

    /// The action that `sql` names, in capitals.
    #[must_use]
    pub fn from_sql(sql: &str) -> Option<Self> {
        Action::ALL.into_iter().find(|action| action.sql() == sql)
    }

    /// Whether it changes the child's key, to NULL or to its default.
    #[must_use]
    pub fn sets(self) -> bool {
        matches!(self, Action::SetNull | Action::SetDefault)
    }
}

/// A foreign key: which columns of the child refer to which of the parent, and what happens
/// to the child when the parent goes.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct ForeignKey {
    /// The child table.
    #[serde(rename = "table")]
    pub child: String,
    /// The child's columns.
    pub columns: Vec<String>,
    /// The parent table, as the constraint names it.
    pub parent: String,
    /// The parent's columns, in the order of `columns`; the parent's primary key where the
    /// constraint names none.
    pub parent_columns: Vec<String>,
    /// The action of `ON DELETE`.
    pub on_delete: Action,
    /// The action of `ON UPDATE`.
    pub on_update: Action,
}

/// A foreign key and the name of its constraint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamedKey {
    /// The constraint's name, if it has one. Two constraints may have the same.
    pub constraint: Option<String>,
    /// What it says.
    pub key: ForeignKey,
}

/// Which key of a run: its place among them. A name does not tell, since keys may share one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyId(pub usize);

impl ForeignKey {
    /// Whether both relate the same child columns, in whatever order they are written.
    #[must_use]
    pub fn same_columns(&self, other: &ForeignKey) -> bool {
        same_name(&self.child, &other.child)
            && self.columns.len() == other.columns.len()
            && self.columns.iter().all(|column| {
                other
                    .columns
                    .iter()
                    .any(|candidate| same_name(candidate, column))
            })
    }

    /// Whether both say the same: columns, parent, parent columns and actions.
    #[must_use]
    pub fn same_definition(&self, other: &ForeignKey) -> bool {
        self.same_columns(other)
            && same_name(&self.parent, &other.parent)
            && self.on_delete == other.on_delete
            && self.on_update == other.on_update
            && self.pairs().all(|(column, parent_column)| {
                other.pairs().any(|(other_column, other_parent)| {
                    same_name(column, other_column) && same_name(parent_column, other_parent)
                })
            })
    }

    /// Each child column with the parent column it refers to.
    pub fn pairs(&self) -> impl Iterator<Item = (&str, &str)> {
        self.columns
            .iter()
            .map(String::as_str)
            .zip(self.parent_columns.iter().map(String::as_str))
    }

    /// What people call a key without a name: `child(column)`.
    #[must_use]
    pub fn place(&self) -> String {
        format!("{}({})", self.child, self.columns.join(", "))
    }
}

impl fmt::Display for ForeignKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (columns, parent) = (self.columns.join(", "), &self.parent);
        write!(f, "({columns}) references {parent}")?;
        write!(f, " ({})", self.parent_columns.join(", "))?;
        for (event, action) in [("delete", self.on_delete), ("update", self.on_update)] {
            if action != Action::NoAction {
                write!(f, " on {event} {}", action.words())?;
            }
        }
        Ok(())
    }
}

impl NamedKey {
    /// What people call it: its name, or its columns where it has none.
    #[must_use]
    pub fn label(&self) -> String {
        self.constraint.clone().unwrap_or_else(|| self.key.place())
    }

    /// `name (columns) references parent (columns) on delete cascade`
    #[must_use]
    pub fn text(&self) -> String {
        match &self.constraint {
            Some(name) => format!("{name} {}", self.key),
            None => self.key.to_string(),
        }
    }

    /// The members of the object that it is in a document which has named the table already.
    pub fn serialize_within_table<M: SerializeMap>(&self, map: &mut M) -> Result<(), M::Error> {
        let key = &self.key;
        map.serialize_entry("constraint", &self.constraint)?;
        map.serialize_entry("columns", &key.columns)?;
        map.serialize_entry("parent", &key.parent)?;
        map.serialize_entry("parent_columns", &key.parent_columns)?;
        map.serialize_entry("on_delete", &key.on_delete)?;
        map.serialize_entry("on_update", &key.on_update)
    }

    /// What people call it where its label is another key's too: the label with all that the key
    /// says.
    fn full_label(&self) -> String {
        let name = self.constraint.as_ref().unwrap_or(&self.key.child);
        format!("{name} {}", self.key)
    }
}

impl Serialize for NamedKey {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("table", &self.key.child)?;
        self.serialize_within_table(&mut map)?;
        map.end()
    }
}

impl Borrow<ForeignKey> for NamedKey {
    fn borrow(&self) -> &ForeignKey {
        &self.key
    }
}

/// What people call each of `keys`: no two keys of a table by the same words, unless they say the
/// same.
#[must_use]
pub fn labels(keys: &[NamedKey]) -> Vec<String> {
    let is_shared = |key: &NamedKey| {
        let (child, label) = (&key.key.child, key.label());
        let same =
            |it: &&NamedKey| same_name(&it.key.child, child) && same_name(&it.label(), &label);
        keys.iter().filter(same).count() > 1
    };
    let label = |key: &NamedKey| {
        if is_shared(key) {
            key.full_label()
        } else {
            key.label()
        }
    };
    keys.iter().map(label).collect()
}

/// Names fold the case of ASCII letters alone, as SQLite compares them.
#[must_use]
pub fn same_name(left: &str, right: &str) -> bool {
    left.eq_ignore_ascii_case(right)
}
