//! Archived rows that stay in their archive.

use crate::model::key::NamedKey;

/// Rows that stay in an archive, for the same reason.
#[derive(Clone, Debug)]
pub struct Kept {
    /// How many.
    pub rows: i64,
    /// Why.
    pub cause: Cause,
}

/// Why rows stay in an archive.
#[derive(Clone, Debug)]
pub enum Cause {
    /// The table is gone.
    TableGone,
    /// They have a value for a column that is gone.
    ColumnGone(String),
    /// Their value of these columns, the rowid among them, is another row's now. None are named
    /// where an index over expressions, or over some rows, keeps them out.
    Taken(Vec<String>),
    /// They have no value for a column that must have one.
    NotNull(String),
    /// The table would convert a value of theirs.
    Converted,
    /// The row that stayed and forgot a key has other values in these columns since.
    Changed(Vec<String>),
    /// The row that stayed and forgot a key is gone.
    RowGone,
    /// They break these keys, which stay.
    BreakKeys(Vec<NamedKey>),
}
