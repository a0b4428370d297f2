//! The tables of a database and the keys between them, for a picture.

use crate::model::key::ForeignKey;

/// Tables and keys.
#[derive(Clone, Debug, Default)]
pub struct Diagram {
    /// The tables in the order of the schema, then parents that are not there.
    pub entities: Vec<Entity>,
    /// The keys: declared, pending, discovered.
    pub relations: Vec<Relation>,
}

/// A table.
#[derive(Clone, Debug)]
pub struct Entity {
    /// Its name.
    pub name: String,
    /// Its columns in order; none where there is no such table.
    pub columns: Vec<Attribute>,
    /// Its primary key, in its order.
    pub primary_key: Vec<String>,
    /// Whether there is such a table; otherwise a key only names it.
    pub exists: bool,
}

/// A column.
#[derive(Clone, Debug)]
pub struct Attribute {
    /// Its name.
    pub name: String,
    /// Its type as declared; may be empty.
    pub declared_type: String,
    /// It takes no NULL.
    pub not_null: bool,
}

/// A key between two tables of a [`Diagram`].
#[derive(Clone, Debug)]
pub struct Relation {
    /// The key.
    pub key: ForeignKey,
    /// Its name, if it has one.
    pub name: Option<String>,
    /// Whether it is there, asked for, or found.
    pub state: State,
    /// At most one row of the child refers to each row of the parent.
    pub unique: bool,
    /// A row of the child may refer to none.
    pub optional: bool,
    /// The place of the child among the tables.
    pub child: usize,
    /// The place of the parent.
    pub parent: usize,
}

/// Whether a key is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum State {
    /// The database declares it.
    Declared,
    /// A migration that is not applied yet asks for it.
    Pending,
    /// It was perhaps meant: how sure that is, in percent.
    Discovered(u8),
}

/// A key that is not drawn, and why.
#[derive(Clone, Debug)]
pub struct NotDrawn {
    /// The key, by its name or its columns.
    pub key: String,
    /// Why.
    pub reason: String,
}
