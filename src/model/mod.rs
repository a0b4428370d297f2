//! What every engine speaks: values, and no SQL that only one engine knows.

pub mod asked;
pub mod column_values;
pub mod deletion;
pub mod diagram;
pub mod finding;
pub mod kept;
pub mod key;
pub mod relatives;
pub mod value;
