//! What the search asks of an engine: its tables, and what their columns hold.

use anyhow::Result;

use super::catalog::{ParentKey, Subject};
use crate::model::column_values::ColumnValues;
use crate::model::key::{ForeignKey, same_name};

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

/// What the values say for or against a key.
#[derive(Clone, Copy, Debug, Default)]
pub struct Look {
    /// How many there are, and how many have a parent.
    pub values: ColumnValues,
    /// All are whole numbers, which fit into every table.
    pub are_integers: bool,
    /// The parent holds no row.
    pub parent_is_empty: bool,
    /// The values could not be looked at.
    pub failed: bool,
}

/// A value that was seen.
#[derive(Clone, Copy, Debug)]
pub enum Seen<'v> {
    /// NULL
    Null,
    /// A whole number.
    Integer(i64),
    /// A floating-point number.
    Real(f64),
    /// Text, which may be a number.
    Text(&'v [u8]),
    /// Anything else.
    Bytes(&'v [u8]),
}

/// What an engine looks up.
pub trait Rows {
    /// Counts what the columns of `key` hold, from `child` to the key `to` of `parent`.
    fn look(
        &self,
        child: &Subject,
        parent: &Subject,
        key: &ForeignKey,
        to: &ParentKey,
    ) -> Result<Look>;

    /// Hands the values of some `rows` of a table to `each`, with the places of their columns; of
    /// columns that are no key none. Whether it could be looked at.
    fn some(
        &self,
        table: &Subject,
        rows: i64,
        each: &mut dyn FnMut(usize, Seen<'_>),
    ) -> Result<bool>;

    /// Hands the first `most` values of a column to `each`. Whether it could be looked at.
    fn values(
        &self,
        table: &Subject,
        column: &str,
        most: usize,
        each: &mut dyn FnMut(Seen<'_>),
    ) -> Result<bool>;

    /// Some distinct texts of a column; none where it can't be looked at.
    fn texts(&self, table: &Subject, column: &Column) -> Result<Option<Vec<String>>>;

    /// Why the database could not take `key`, if it could not.
    fn obstacle(&self, key: &ForeignKey) -> Result<Option<String>>;
}
