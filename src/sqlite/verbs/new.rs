//! `fkfix new`: the scripts that add keys, held against the database.

use anyhow::Result;

use super::Database;
use crate::sqlite::file::reading;
use crate::sqlite::keys::key_script::{self, Scripts, Wanted};
use crate::sqlite::schema::dump::Dump;

impl Database {
    /// Scripts that add what is `wanted` and take it back, each key checked against the database.
    pub fn scripts(&self, wanted: Wanted<'_>) -> Result<Scripts> {
        reading::read(&self.location, self.lock_timeout, |connection| {
            key_script::checked(connection, wanted)
        })
    }
}

/// The scripts for what is `wanted`, each key of which a database with the schema of the dump `text` must be able
/// to take; `name` is the dump's in messages.
pub fn dump_scripts(name: &str, text: &str, wanted: Wanted<'_>) -> Result<Scripts> {
    let dump = Dump::load(name, text)?;
    key_script::checked(&dump.connection, wanted)
}
