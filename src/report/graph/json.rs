//! The tables and keys as a document.

use serde::Serialize;

use crate::model::diagram::{Diagram, Relation, State};
use crate::outcome::key::TableKey;

/// The tables and keys.
#[derive(Debug, Serialize)]
pub struct GraphReport {
    /// The file.
    pub database: String,
    /// The tables, then parents that are not there.
    pub tables: Vec<TableReport>,
    /// The keys: declared, pending, discovered.
    pub keys: Vec<KeyReport>,
}

/// A table.
#[derive(Debug, Serialize)]
pub struct TableReport {
    /// Its name.
    pub name: String,
    /// Whether there is such a table.
    pub exists: bool,
    /// Its primary key.
    pub primary_key: Vec<String>,
    /// Its columns.
    pub columns: Vec<ColumnReport>,
}

/// A column.
#[derive(Debug, Serialize)]
pub struct ColumnReport {
    /// Its name.
    pub name: String,
    /// Its type as declared.
    pub r#type: String,
    /// It takes no NULL.
    pub not_null: bool,
}

/// A key.
#[derive(Debug, Serialize)]
pub struct KeyReport {
    /// The key.
    #[serde(flatten)]
    pub key: TableKey,
    /// `declared`, `pending` or `discovered`.
    pub state: &'static str,
    /// How sure a discovered key is, in percent.
    pub confidence: Option<u8>,
    /// At most one child refers to each parent.
    pub unique: bool,
    /// A child may refer to no parent.
    pub optional: bool,
    /// How many rows break it, where they were counted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub orphans: Option<i64>,
}

impl GraphReport {
    /// The document of `diagram`.
    pub fn new(database: String, diagram: &Diagram) -> Self {
        let tables = diagram.entities.iter().map(|entity| TableReport {
            name: entity.name.clone(),
            exists: entity.exists,
            primary_key: entity.primary_key.clone(),
            columns: entity
                .columns
                .iter()
                .map(|column| ColumnReport {
                    name: column.name.clone(),
                    r#type: column.declared_type.clone(),
                    not_null: column.not_null,
                })
                .collect(),
        });
        GraphReport {
            database,
            tables: tables.collect(),
            keys: diagram.relations.iter().map(KeyReport::new).collect(),
        }
    }
}

impl KeyReport {
    fn new(relation: &Relation) -> Self {
        let (state, confidence) = match relation.state {
            State::Declared => ("declared", None),
            State::Pending => ("pending", None),
            State::Discovered(confidence) => ("discovered", Some(confidence)),
        };
        KeyReport {
            key: TableKey::new(&relation.key, relation.name.clone()),
            state,
            confidence,
            unique: relation.unique,
            optional: relation.optional,
            orphans: relation.orphans,
        }
    }
}
