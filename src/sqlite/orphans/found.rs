//! What a search found: the rows that leave or forget keys, and what keeps some from it.

use std::time::Duration;

use anyhow::Result;
use rusqlite::Connection;

use crate::model::key::KeyId;
use crate::sqlite::keys::NewKey;
use crate::sqlite::orphans::lists::{self, Removal};
use crate::sqlite::schema::foreign_key::{ForeignKey, NamedKey};
use crate::sqlite::text::ddl::quote;

/// Rows that refer to a row that would leave, by a key that does not let it go.
#[derive(Clone, Debug)]
pub struct Blocked {
    /// The key, among those of the search.
    pub id: KeyId,
    /// What it says.
    pub key: ForeignKey,
    /// How many rows refer so.
    pub rows: i64,
}

/// What a search found.
#[derive(Debug, Default)]
pub struct Found {
    /// What people call each key of the search.
    pub labels: Vec<String>,
    /// The keys of the search, as they are numbered.
    pub keys: Vec<NamedKey>,
    /// The statements that made the lists, in order: run again, they make the same lists.
    pub statements: Vec<String>,
    /// The rows that leave, by table.
    pub removals: Vec<Removal>,
    /// Why some of them can't leave.
    pub blocked: Vec<Blocked>,
    /// Keys that are broken while their parent table holds no row at all.
    pub empty_parents: Vec<NewKey>,
    /// Further temporary tables, with the table that each is about.
    pub others: Vec<(String, String)>,
    /// How long the search took.
    pub took: Duration,
}

impl Found {
    /// What people call the key `id`.
    #[must_use]
    pub fn label(&self, id: KeyId) -> &str {
        self.labels.get(id.0).map_or("", String::as_str)
    }

    /// What the key `id` says.
    #[must_use]
    pub fn key(&self, id: KeyId) -> Option<&ForeignKey> {
        self.keys.get(id.0).map(|named| &named.key)
    }

    /// Drops the temporary tables of the search.
    pub fn drop_lists(&self, connection: &Connection) -> Result<()> {
        let lists = self.removals.iter().map(|removal| &removal.list);
        for list in lists.chain(self.others.iter().map(|(_, other)| other)) {
            connection.execute_batch(&format!("DROP TABLE temp.{}", quote(list)))?;
        }
        Ok(())
    }

    /// The rows that leave `table`, if any do.
    #[must_use]
    pub fn removal(&self, table: &str) -> Option<&Removal> {
        lists::find(&self.removals, table)
    }

    /// The removals that have rows which leave.
    pub fn leaving(&self) -> impl Iterator<Item = &Removal> {
        self.removals.iter().filter(|removal| removal.rows > 0)
    }

    /// The removals that have rows, be it that they leave or that they forget keys.
    pub fn touched(&self) -> impl Iterator<Item = &Removal> {
        let removals = self.removals.iter();
        removals.filter(|removal| removal.touched() > 0)
    }
}
