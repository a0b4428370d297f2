//! A connection as libpq's users ask for it.
//!
//! The `postgres` crate knows neither `verify-full`, nor the variables `PG…`, `.pgpass` and the
//! service file; its maintainer wants them outside of it
//! (<https://github.com/rust-postgres/rust-postgres/issues/988>). They are here.

mod kin;
mod open;
mod refusal;
mod target;
mod tls;

use anyhow::Result;

pub use open::Connection;
pub use target::{Environment, Target, is_postgres};

/// Another connection to the server that answered, with `settings` for as long as it lasts. A
/// pooler that takes no settings gives one without.
pub fn beside(target: &Target, settings: &[(&str, String)]) -> Result<postgres::Client> {
    let with = open::open(&target.with(settings));
    let connection = match with {
        Ok(connection) => connection,
        Err(_) => open::open(target)?,
    };
    Ok(connection.client)
}

/// Connects to what `text` and the environment name: to the first of the servers that answers.
pub fn open(text: &str, environment: &Environment) -> Result<Connection> {
    open::open(&Target::resolve(text, environment)?)
}
