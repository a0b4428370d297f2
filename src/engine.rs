//! What fkfix asks of a database: one method a verb, values in and out, no SQL.
//!
//! There is one engine so far, and so no trait: whoever adds the second writes it by copying the
//! signatures of [`Database`].

use std::time::Duration;

use crate::location::Location;

pub use crate::sqlite::keys::key_script;
pub use crate::sqlite::verbs::{
    Applicable, Asked, Checked, Database, Enforcement, Shown, check_dump, schema_of_dump,
};

/// The database at `location`, which is waited for as long as `lock_timeout` where others are at work.
#[must_use]
pub fn open(location: &Location, lock_timeout: Duration) -> Database {
    Database {
        location: location.clone(),
        lock_timeout,
    }
}
