//! What fkfix asks of a database: one method a verb, values in and out, no SQL.
//!
//! [`Database`] is a file of SQLite; `server` has what PostgreSQL does of the same verbs.

use std::time::Duration;

use crate::location::Location;

pub use crate::sqlite::apply::down::Order as DownOrder;
pub use crate::sqlite::apply::up::Order as UpOrder;
pub use crate::sqlite::keys::key_script;
pub use crate::sqlite::look::sample;
pub use crate::sqlite::verbs::{
    CheckOrder, Database, Enforcement, Spent, check_dump, check_dump_for_postgres, clean_of_dump,
    down_of_dump, dump_scripts, schema_of_dump, up_of_dump,
};
pub use crate::standing::resolve::Order as ResolveOrder;

/// The database at `location`, which is waited for as long as `lock_timeout` where others are at work.
#[must_use]
pub fn open(location: &Location, lock_timeout: Duration) -> Database {
    Database {
        location: location.clone(),
        lock_timeout,
    }
}

/// A database that a server of PostgreSQL has.
#[cfg(feature = "postgres")]
pub mod server {
    pub use crate::postgres::Database;
    pub use crate::postgres::apply::down::Order as DownOrder;
    pub use crate::postgres::apply::order::Order as UpOrder;
    pub use crate::postgres::check::dump;
    pub use crate::postgres::session::Wait;
    pub use crate::postgres::verbs::clean::Order as CleanOrder;
}
