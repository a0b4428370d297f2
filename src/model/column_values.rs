//! What the columns of a key hold.

use serde::Serialize;

/// What the columns of a key hold, as far as it was looked at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ColumnValues {
    /// How many rows were looked at.
    pub rows: i64,
    /// The rows are a sample; otherwise they are all that there are.
    pub sampled: bool,
    /// How many of them have a NULL in the key.
    pub nulls: i64,
    /// How many distinct keys without a NULL they have.
    pub distinct: i64,
    /// How many of those have a parent.
    pub with_parent: i64,
    /// How many rows refer to a parent that is not there.
    pub orphans: i64,
}

impl ColumnValues {
    /// The share of distinct keys that have a parent, from 0 to 1; none where there is no key.
    #[must_use]
    #[allow(clippy::cast_precision_loss)] // a table has fewer than 2^52 rows
    pub fn share(&self) -> Option<f64> {
        (self.distinct > 0).then(|| self.with_parent as f64 / self.distinct as f64)
    }
}
