//! `fkfix new`: the scripts that add keys, held against the database.

use anyhow::Result;

use super::Database;
use crate::model::key::ForeignKey;
use crate::sqlite::file::reading;
use crate::sqlite::keys::key_script::{self, Scripts};
use crate::sqlite::schema::dump::Dump;

impl Database {
    /// Scripts that add `keys` and take them back, each checked against the database.
    pub fn scripts(&self, keys: &[ForeignKey]) -> Result<Scripts> {
        reading::read(&self.location, self.lock_timeout, |connection| {
            key_script::checked(connection, keys)
        })
    }
}

/// The scripts for `keys`, each of which a database with the schema of the dump `text` must be able
/// to take; `name` is the dump's in messages.
pub fn dump_scripts(name: &str, text: &str, keys: &[ForeignKey]) -> Result<Scripts> {
    let dump = Dump::load(name, text)?;
    key_script::checked(&dump.connection, keys)
}
