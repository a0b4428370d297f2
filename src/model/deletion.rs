//! What the deletion of a row would do to others.

use serde::ser::{Serialize, SerializeMap as _, Serializer};

use crate::model::key::ForeignKey;
use crate::text::rows;

/// What happens to other rows when those that are listed are deleted.
#[derive(Clone, Debug, Default)]
pub struct Deletion {
    /// Rows that are deleted too, each counted once, by table.
    pub taken: Vec<Taken>,
    /// Rows whose key is set to NULL or to its default, by key.
    pub changed: Vec<Changed>,
    /// Why the deletion would fail, if it would.
    pub refusals: Vec<Refusal>,
}

/// In a document, with whether it would fail, or may.
impl Serialize for Deletion {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("refused", &!self.refusals.is_empty())?;
        map.serialize_entry("deleted", &self.taken)?;
        map.serialize_entry("changed", &self.changed)?;
        map.serialize_entry("refusals", &self.refusals)?;
        map.end()
    }
}

/// Rows of one table that are deleted by cascade.
#[derive(Clone, Debug, serde::Serialize)]
pub struct Taken {
    /// The table.
    pub table: String,
    /// How many.
    pub rows: i64,
    /// The keys by which they go.
    pub by: Vec<String>,
}

/// Rows that stay and are changed.
#[derive(Clone, Debug)]
pub struct Changed {
    /// The key whose action changes them.
    pub key: ForeignKey,
    /// How many.
    pub rows: i64,
}

/// In a document, with the action in the place of what else the key says.
impl Serialize for Changed {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("table", &self.key.child)?;
        map.serialize_entry("key", &self.key.place())?;
        map.serialize_entry("action", &self.key.on_delete)?;
        map.serialize_entry("rows", &self.rows)?;
        map.end()
    }
}

/// Why a deletion fails.
#[derive(Clone, Debug)]
pub struct Refusal {
    /// The key that refuses.
    pub key: ForeignKey,
    /// How many rows stand in the way, where it is rows.
    pub rows: i64,
    /// What keeps it.
    pub reason: Reason,
}

/// In a document, with the reason in words.
impl Serialize for Refusal {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("table", &self.key.child)?;
        map.serialize_entry("key", &self.key.place())?;
        map.serialize_entry("rows", &self.rows)?;
        map.serialize_entry("reason", &self.words())?;
        map.serialize_entry("certain", &self.is_certain())?;
        map.end()
    }
}

impl Refusal {
    /// Whether it is so for sure; otherwise it depends on which key acts first.
    #[must_use]
    pub fn is_certain(&self) -> bool {
        self.reason != Reason::RefersAndGoes
    }

    /// Why the deletion fails, for people.
    #[must_use]
    pub fn words(&self) -> String {
        let (key, number) = (&self.key, self.rows);
        let (child, parent, label) = (&key.child, &key.parent, key.place());
        let action = key.on_delete.words();
        let of = format!("{} of {child}", rows(number));
        let (refer, their, they) = match number {
            1 => ("refers", "its", "it goes"),
            _ => ("refer", "their", "they go"),
        };
        match &self.reason {
            Reason::Refers => {
                format!("{of} would be left without {their} parent by {label} on delete {action}")
            }
            Reason::RefersAndGoes => format!(
                "{of} {refer} to rows that go by {label} on delete {action}, which fails unless {they} first by another key"
            ),
            Reason::NotNull(column) => {
                format!(
                    "{of} can't have NULL in {column}, which {label} on delete {action} would set"
                )
            }
            Reason::NoDefaultParent => {
                format!(
                    "the default that {of} would get by {label} on delete {action} has no parent"
                )
            }
            Reason::NoParentKey => format!(
                "{label} refers to {parent} ({}), which is neither PRIMARY KEY nor UNIQUE: no row of {parent} can be deleted",
                key.parent_columns.join(", ")
            ),
        }
    }
}

/// What keeps a row from being deleted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reason {
    /// The rows refer to it and stay: `RESTRICT` or `NO ACTION`.
    Refers,
    /// The rows go along by another key. This one's action fails unless they go first, and which
    /// is first is the database's to choose.
    RefersAndGoes,
    /// The action would set this column to NULL, which its definition forbids.
    NotNull(String),
    /// The action would set the key to a default that has no parent.
    NoDefaultParent,
    /// The parent's columns are neither PRIMARY KEY nor UNIQUE: each deletion fails.
    NoParentKey,
}
