//! A connection as libpq's users ask for it.
//!
//! The `postgres` crate knows neither `verify-full`, nor the variables `PG…`, `.pgpass` and the
//! service file; its maintainer wants them outside of it
//! (<https://github.com/rust-postgres/rust-postgres/issues/988>). They are here.

mod environment;
mod hosts;
mod open;
mod parameters;
mod passfile;
mod refusal;
mod secret;
mod service;
mod string;
mod target;
mod tls;

use anyhow::Result;

pub use environment::Environment;
pub use open::{Connection, OLDEST};
pub use string::is_postgres;
pub use target::Target;

/// Connects to what `text` and the environment name: to the first of the servers that answers.
pub fn open(text: &str, environment: &Environment) -> Result<Connection> {
    open::open(&Target::resolve(text, environment)?)
}
