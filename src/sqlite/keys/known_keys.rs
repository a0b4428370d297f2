//! Parent keys in memory, so that most rows of a child find their parent without a search in the
//! database.
//!
//! A value that stands among the parent's keys to the byte has a parent, whatever affinity and
//! collation say of other values. One that does not has none, if all keys are known and compare by
//! their bytes. A function of SQL tells it for as long as the search lasts, and says NULL where it
//! can't tell: then the row is looked up as ever, and the row of the parent that an index leads to
//! must have the key itself. So it does no harm that memory ends before the keys do, and statements
//! mean the same with the function and without, wherever the index of the parent is sound.

use std::collections::HashSet;

use anyhow::{Context as _, Result};
use rusqlite::Connection;
use rusqlite::functions::FunctionFlags;
use rusqlite::types::ValueRef;

use crate::sqlite::keys::conditions;
use crate::sqlite::schema::foreign_key::ForeignKey;
use crate::sqlite::schema::{Affinity, Column, Table};
use crate::sqlite::text::ddl::{quote, same_name};

/// Memory for all keys of one search, in bytes.
const MOST_BYTES: usize = 32 << 20;

/// What a key takes beside its own bytes: its place in the set, and what the allocator adds.
const BYTES_PER_KEY: usize = 48;

/// The functions of one search. They are gone when it is dropped.
pub struct KnownKeys<'a> {
    connection: &'a Connection,
    /// How the names of its functions begin.
    prefix: &'static str,
    /// Memory that is left, in bytes.
    left: usize,
    /// The conditions, with the functions and without.
    conditions: Vec<(String, String)>,
}

impl<'a> KnownKeys<'a> {
    /// No key is known yet.
    pub fn new(connection: &'a Connection) -> Self {
        KnownKeys::with_prefix(connection, "fkfix_is_missing")
    }

    /// The same for a search within a search, whose functions go on to be there.
    pub fn within(connection: &'a Connection) -> Self {
        KnownKeys::with_prefix(connection, "fkfix_is_missing_too")
    }

    fn with_prefix(connection: &'a Connection, prefix: &'static str) -> Self {
        KnownKeys {
            connection,
            prefix,
            left: MOST_BYTES,
            conditions: Vec::new(),
        }
    }

    fn function(&self, number: usize) -> String {
        format!("{}_{}", self.prefix, number + 1)
    }

    /// The condition that a child row `w` has no parent by `key`, as [`conditions::orphaned`] gives
    /// it, with a shorter way for keys that are known. Reads at most `most` keys of the parent.
    pub fn orphaned(&mut self, parent: &Table, key: &ForeignKey, most: i64) -> Result<String> {
        let (orphaned, by_rows) = (
            conditions::orphaned(parent, key),
            conditions::orphaned_by_rows(parent, key),
        );
        let mut pairs = key.pairs();
        let only = match (pairs.next(), pairs.next()) {
            (Some((column, parent_column)), None) => parent.column(parent_column).zip(Some(column)),
            _ => None,
        };
        let Some((parent_column, column)) = only else {
            self.conditions.push((by_rows.clone(), orphaned));
            return Ok(by_rows);
        };
        let known = Known::read(self.connection, parent, parent_column, most, &mut self.left)
            .with_context(|| format!("could not read the keys of {}", parent.name))?;
        let name = self.function(self.conditions.len());
        let flags = FunctionFlags::SQLITE_UTF8
            | FunctionFlags::SQLITE_DETERMINISTIC
            | FunctionFlags::SQLITE_DIRECTONLY;
        self.connection
            .create_scalar_function(name.as_str(), 1, flags, move |call| {
                Ok(known.is_missing(call.get_raw(0)))
            })?;
        let shortened = format!("ifnull({name}(w.{}), {by_rows})", quote(column));
        self.conditions.push((shortened.clone(), orphaned));
        Ok(shortened)
    }

    /// Gives `query`, which looks for rows `w` that have no parent by `key`, the same shorter way.
    pub fn shorten_query(&mut self, query: &str, key: &ForeignKey, most: i64) -> Result<String> {
        let parent = Table::read(self.connection, &key.parent)?;
        let shortened = self.orphaned(&parent, key, most)?;
        Ok(query.replace(&conditions::orphaned(&parent, key), &shortened))
    }

    /// `sql` as it is for those who do not have the functions.
    #[must_use]
    pub fn strike_from(&self, sql: &str) -> String {
        let conditions = self.conditions.iter();
        conditions.fold(sql.to_owned(), |sql, (with, without)| {
            sql.replace(with, without)
        })
    }
}

impl Drop for KnownKeys<'_> {
    fn drop(&mut self) {
        for number in 0..self.conditions.len() {
            // It fails while a statement runs, of which there is none; then it ends with the
            // connection.
            let _ = self
                .connection
                .remove_function(self.function(number).as_str(), 1);
        }
    }
}

/// Keys of a parent, all text or all integers, as its column's affinity stores them: other
/// values may be compared as what they are not.
#[derive(Default)]
struct Known {
    texts: HashSet<Box<[u8]>>,
    integers: HashSet<i64>,
    /// Values of the same class that are not among them are no keys.
    complete: bool,
}

impl Known {
    /// Reads at most `most` keys, and takes the memory for them from what is `left`.
    fn read(
        connection: &Connection,
        parent: &Table,
        column: &Column,
        most: i64,
        left: &mut usize,
    ) -> Result<Self> {
        let mut known = Known::default();
        let encoding: String = connection.pragma_query_value(None, "encoding", |row| row.get(0))?;
        if encoding != "UTF-8" {
            // What is no text in UTF-16 would come as the same text in UTF-8.
            return Ok(known);
        }
        let (name, table) = (quote(&column.name), parent.scanned(""));
        let mut statement = connection.prepare(&format!(
            "SELECT {name} FROM {table} WHERE {name} IS NOT NULL LIMIT {most} + 1"
        ))?;
        let mut rows = statement.query([])?;
        let mut count = 0;
        known.complete = same_name(&column.collation, "BINARY");
        while let Some(row) = rows.next()? {
            let value = row.get_ref(0)?;
            let length = match value {
                ValueRef::Text(text) => text.len(),
                _ => 0,
            };
            let bytes = BYTES_PER_KEY + length;
            count += 1;
            if count > most || bytes > *left {
                known.complete = false;
                break;
            }
            *left -= bytes;
            match (value, column.affinity) {
                (ValueRef::Text(text), Affinity::Text) => {
                    known.texts.insert(text.into());
                }
                (ValueRef::Integer(number), Affinity::Numeric) => {
                    known.integers.insert(number);
                }
                _ => known.complete = false,
            }
        }
        Ok(known)
    }

    /// Whether `value` is no key; none where that can't be told.
    fn is_missing(&self, value: ValueRef<'_>) -> Option<bool> {
        let (is_known, same_class) = match value {
            ValueRef::Text(text) => (self.texts.contains(text), self.integers.is_empty()),
            ValueRef::Integer(number) => (self.integers.contains(&number), self.texts.is_empty()),
            ValueRef::Null | ValueRef::Real(_) | ValueRef::Blob(_) => return None,
        };
        (is_known || self.complete && same_class).then_some(!is_known)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known(keys: &str, left: &mut usize) -> Known {
        let connection = Connection::open_in_memory().unwrap();
        connection
            .execute_batch(&format!(
                "CREATE TABLE p (id TEXT UNIQUE); INSERT INTO p VALUES {keys}"
            ))
            .unwrap();
        let parent = Table::read(&connection, "p").unwrap();
        Known::read(&connection, &parent, &parent.columns[0], 9, left).unwrap()
    }

    #[test]
    fn of_keys_that_memory_does_not_hold_nothing_is_said() {
        let (a, z) = (ValueRef::Text(b"a"), ValueRef::Text(b"z"));
        let all = known("('a'), ('b'), (NULL)", &mut 1000);
        assert_eq!(all.is_missing(a), Some(false));
        assert_eq!(all.is_missing(z), Some(true));
        let mut left = BYTES_PER_KEY + 2;
        let some = known("('a'), ('b')", &mut left);
        assert_eq!(some.is_missing(a), Some(false));
        assert_eq!(some.is_missing(z), None);
        assert_eq!(left, 1);
        assert_eq!(known("('a')", &mut left).is_missing(z), None);
    }

    #[test]
    fn as_many_keys_as_are_wanted_are_all_known() {
        let z = ValueRef::Text(b"z");
        let keys = |count: u8| {
            let keys: Vec<_> = (0..count).map(|at| format!("('k{at}')")).collect();
            known(&keys.join(", "), &mut 10_000)
        };
        assert_eq!(keys(9).is_missing(z), Some(true));
        assert_eq!(keys(10).is_missing(z), None);
    }

    #[test]
    fn values_that_may_be_compared_as_others_are_left_to_sqlite() {
        let texts = known("('1')", &mut 1000);
        assert_eq!(texts.is_missing(ValueRef::Integer(1)), None);
        assert_eq!(texts.is_missing(ValueRef::Real(1.0)), None);
        assert_eq!(texts.is_missing(ValueRef::Blob(b"1")), None);
        assert_eq!(texts.is_missing(ValueRef::Null), None);
    }
}
