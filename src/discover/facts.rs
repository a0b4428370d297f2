//! What the search asks of an engine: what the columns of its tables hold.

use anyhow::Result;

use super::catalog::{ParentKey, Subject};
use super::table::Column;
use crate::model::column_values::ColumnValues;
use crate::model::key::ForeignKey;

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
