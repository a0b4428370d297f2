//! `fkfix new`: the scripts that add keys, held against the database.

use anyhow::Result;

use super::Database;
use crate::model::key::ForeignKey;
use crate::sqlite::file::reading;
use crate::sqlite::keys::key_script::{self, Scripts};

impl Database {
    /// Scripts that add `keys` and take them back, each checked against the database.
    pub fn scripts(&self, keys: &[ForeignKey]) -> Result<Scripts> {
        reading::read(&self.location, self.lock_timeout, |connection| {
            key_script::checked(connection, keys)
        })
    }
}
