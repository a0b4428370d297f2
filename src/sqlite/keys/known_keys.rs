//! Parent keys in memory, so that most rows of a child find their parent without a search in the
//! database.
//!
//! A value that stands among the parent's keys to the byte has a parent, whatever affinity and
//! collation say of other values. One that does not has none, if all keys are known and compare by
//! their bytes. A function of SQL tells it for as long as the search lasts, and says NULL where it
//! can't tell: then the row is looked up as ever, and the row of the parent that an index leads to
//! must have the key itself. So it does no harm that memory ends before the keys do, and statements
//! mean the same with the function and without, wherever the index of the parent is sound.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context as _, Result};
use rusqlite::Connection;
use rusqlite::functions::FunctionFlags;
use rusqlite::types::ValueRef;

use crate::sqlite::keys::conditions;
use crate::sqlite::keys::known::Known;
use crate::sqlite::schema::Table;
use crate::sqlite::schema::foreign_key::ForeignKey;
use crate::sqlite::text::ddl::quote;

/// Memory for all keys of one search, in bytes.
const MOST_BYTES: usize = 48 << 20;

/// The functions of one search. They are gone when it is dropped.
pub struct KnownKeys<'a> {
    connection: &'a Connection,
    /// Memory that is left, in bytes.
    left: usize,
    conditions: Vec<Condition>,
}

/// A condition that a row has no parent.
struct Condition {
    /// With a function.
    with: String,
    /// Without.
    without: String,
    /// The function could not tell of some row, so that an index did.
    by_index: Arc<AtomicBool>,
}

impl<'a> KnownKeys<'a> {
    /// No key is known yet.
    pub fn new(connection: &'a Connection) -> Self {
        KnownKeys {
            connection,
            left: MOST_BYTES,
            conditions: Vec::new(),
        }
    }

    fn function(number: usize) -> String {
        format!("fkfix_is_missing_{}", number + 1)
    }

    /// The condition that a child row `w` has no parent by `key`, as [`conditions::orphaned`] gives
    /// it, with a shorter way for keys that are known. Reads at most `most` keys of the parent.
    pub fn orphaned(&mut self, parent: &Table, key: &ForeignKey, most: i64) -> Result<String> {
        let without = conditions::orphaned(parent, key);
        let by_rows = conditions::orphaned_by_rows(parent, key);
        let mut pairs = key.pairs();
        let only = match (pairs.next(), pairs.next()) {
            (Some((column, parent_column)), None) => parent.column(parent_column).zip(Some(column)),
            _ => None,
        };
        let Some((parent_column, column)) = only else {
            self.conditions.push(Condition {
                with: by_rows.clone(),
                without,
                by_index: Arc::new(true.into()),
            });
            return Ok(by_rows);
        };
        let known = Known::read(self.connection, parent, parent_column, most, &mut self.left)
            .with_context(|| format!("could not read the keys of {}", parent.name))?;
        let name = Self::function(self.conditions.len());
        let by_index = Arc::new(AtomicBool::new(false));
        let asked_index = Arc::clone(&by_index);
        let flags = FunctionFlags::SQLITE_UTF8
            | FunctionFlags::SQLITE_DETERMINISTIC
            | FunctionFlags::SQLITE_DIRECTONLY;
        self.connection
            .create_scalar_function(name.as_str(), 1, flags, move |call| {
                let value = call.get_raw(0);
                let missing = known.is_missing(value);
                if missing.is_none() && value != ValueRef::Null {
                    asked_index.store(true, Ordering::Relaxed);
                }
                Ok(missing)
            })?;
        let shortened = format!("ifnull({name}(w.{}), {by_rows})", quote(column));
        self.conditions.push(Condition {
            with: shortened.clone(),
            without,
            by_index,
        });
        Ok(shortened)
    }

    /// Gives `query`, which looks for rows `w` that have no parent by `key`, the same shorter way.
    pub fn shorten_query(&mut self, query: &str, key: &ForeignKey, most: i64) -> Result<String> {
        let parent = Table::read(self.connection, &key.parent)?;
        let shortened = self.orphaned(&parent, key, most)?;
        Ok(query.replace(&conditions::orphaned(&parent, key), &shortened))
    }

    /// Has `condition`, which is one of these, read as `without` for those who do not have the functions.
    pub fn spell_out(&mut self, condition: &str, without: String) {
        let mut conditions = self.conditions.iter_mut();
        if let Some(own) = conditions.find(|it| it.with == condition) {
            own.without = without;
        }
    }

    /// Whether an index had to be asked of some row for `condition`, which is one of these.
    pub fn asked_index(&self, condition: &str) -> bool {
        let own = self.conditions.iter().find(|it| it.with == condition);
        own.is_none_or(|it| it.by_index.load(Ordering::Relaxed))
    }

    /// `sql` as it is for those who do not have the functions.
    #[must_use]
    pub fn strike_from(&self, sql: &str) -> String {
        let conditions = self.conditions.iter();
        conditions.fold(sql.to_owned(), |sql, it| sql.replace(&it.with, &it.without))
    }
}

impl Drop for KnownKeys<'_> {
    fn drop(&mut self) {
        for number in 0..self.conditions.len() {
            // It fails while a statement runs, of which there is none; then it ends with the
            // connection.
            let _ = self
                .connection
                .remove_function(Self::function(number).as_str(), 1);
        }
    }
}
