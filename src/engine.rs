//! What fkfix asks of a database: one method a verb, values in and out, no SQL.
//!
//! There is one engine so far, and so no trait: whoever adds the second writes it by copying the
//! signatures of [`Database`].

use std::time::Duration;

use crate::location::Location;

pub use crate::sqlite::apply::down::Order as DownOrder;
pub use crate::sqlite::apply::up::Order as UpOrder;
pub use crate::sqlite::keys::key_script;
pub use crate::sqlite::look::sample;
pub use crate::sqlite::verbs::{
    Applicable, Applied, Asked, Checked, Database, Discovered, DownPlanned, Enforcement, Orphans,
    Reverted, Shown, Sought, UpPlanned, check_dump, down_of_dump, dump_scripts, schema_of_dump,
    up_of_dump,
};

/// The database at `location`, which is waited for as long as `lock_timeout` where others are at work.
#[must_use]
pub fn open(location: &Location, lock_timeout: Duration) -> Database {
    Database {
        location: location.clone(),
        lock_timeout,
    }
}
