//! The keys that migrations ask for already.

use anyhow::Result;
use rusqlite::Connection;

use super::parts;
use crate::migrations::Migrations;
use crate::sqlite::schema::Table;
use crate::sqlite::schema::foreign_key::ForeignKey;
use crate::sqlite::schema::scratch;

/// The keys that `migrations` add to tables that are there now. One that can't be read as the
/// tables are now, because an earlier migration is to change them, is left out.
pub fn keys(connection: &Connection, migrations: &Migrations) -> Result<Vec<ForeignKey>> {
    let mut keys = Vec::new();
    for migration in migrations.iter() {
        for request in parts::requests(migration)? {
            let key = Table::read(connection, &request.table)
                .and_then(|table| scratch::read_constraint(&table, &request.constraint));
            keys.extend(key);
        }
    }
    Ok(keys)
}
