//! Parent keys in memory, so that most rows of a child find their parent without a search in the
//! database.
//!
//! A value that stands among the parent's keys to the byte has a parent, whatever affinity and
//! collation say of other values. One that does not has none, if all keys are known and compare by
//! their bytes. A function of SQL tells it for as long as the search lasts, and says NULL where it
//! can't tell: then the row is looked up as ever, and the row of the parent that an index leads to
//! must have the key itself. So it does no harm that memory ends before the keys do, and statements
//! mean the same with the function and without, wherever the index of the parent is sound.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context as _, Result};
use foldhash::fast::RandomState;
use rusqlite::Connection;
use rusqlite::functions::FunctionFlags;
use rusqlite::types::ValueRef;
use smallvec::SmallVec;

use crate::sqlite::keys::conditions;
use crate::sqlite::schema::foreign_key::ForeignKey;
use crate::sqlite::schema::{Affinity, Column, Table};
use crate::sqlite::text::ddl::{quote, same_name};

/// Memory for all keys of one search, in bytes.
const MOST_BYTES: usize = 48 << 20;

/// What a text takes: its place in a map of which only 7/16 may be taken. One that is longer than the
/// place takes its own bytes as well.
const BYTES_PER_TEXT: usize = 130;

/// What an integer takes, likewise.
const BYTES_PER_INTEGER: usize = 40;

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
        self.orphaned_or(parent, key, most, conditions::orphaned(parent, key))
    }

    /// The same, which is `without` for those who do not have the functions.
    pub fn orphaned_or(
        &mut self,
        parent: &Table,
        key: &ForeignKey,
        most: i64,
        without: String,
    ) -> Result<String> {
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

/// The length of a text that stands in the map itself, as a UUID does, so that a look at it is one.
const LONGEST_IN_PLACE: usize = 40;

type Text = SmallVec<[u8; LONGEST_IN_PLACE]>;

/// Keys of a parent, all text or all integers, as its column's affinity stores them: other
/// values may be compared as what they are not. Beside them those that were missed, with how often.
#[derive(Default)]
pub struct Known {
    texts: HashMap<Text, i64, RandomState>,
    integers: HashMap<i64, i64, RandomState>,
    /// Values of the same class that are not among them are no keys.
    complete: bool,
    /// The parent has text, or integers, among its keys.
    has: (bool, bool),
}

/// The memory that a key takes, in bytes.
fn memory_for(key: ValueRef<'_>) -> usize {
    match key {
        ValueRef::Text(text) if text.len() > LONGEST_IN_PLACE => BYTES_PER_TEXT + text.len(),
        ValueRef::Text(_) => BYTES_PER_TEXT,
        _ => BYTES_PER_INTEGER,
    }
}

/// A key that is there; another has the number of rows that missed it.
const IS_THERE: i64 = 0;

impl Known {
    /// Reads at most `most` keys, and takes the memory for them from what is `left`.
    pub fn read(
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
            let bytes = memory_for(value);
            count += 1;
            if count > most || bytes > *left {
                known.complete = false;
                break;
            }
            *left -= bytes;
            match (value, column.affinity) {
                (ValueRef::Text(text), Affinity::Text) => {
                    known.texts.insert(text.into(), IS_THERE);
                    known.has.0 = true;
                }
                (ValueRef::Integer(number), Affinity::Numeric) => {
                    known.integers.insert(number, IS_THERE);
                    known.has.1 = true;
                }
                _ => known.complete = false,
            }
        }
        Ok(known)
    }

    /// All keys of the parent are known, and compare by their bytes.
    pub fn is_complete(&self) -> bool {
        self.complete
    }

    /// Whether `value` is no key; none where that can't be told.
    fn is_missing(&self, value: ValueRef<'_>) -> Option<bool> {
        let (is_known, same_class) = match value {
            ValueRef::Text(text) => (self.texts.contains_key(text), !self.has.1),
            ValueRef::Integer(number) => (self.integers.contains_key(&number), !self.has.0),
            ValueRef::Null | ValueRef::Real(_) | ValueRef::Blob(_) => return None,
        };
        (is_known || self.complete && same_class).then_some(!is_known)
    }

    /// The same, and counts how often each value was missed. The memory for those is taken from what
    /// is `left`; none where that is used up, too.
    pub fn misses(&mut self, value: ValueRef<'_>, left: &mut usize) -> Option<bool> {
        let (known, same_class) = match value {
            ValueRef::Text(text) => (self.texts.get_mut(text), !self.has.1),
            ValueRef::Integer(number) => (self.integers.get_mut(&number), !self.has.0),
            ValueRef::Null | ValueRef::Real(_) | ValueRef::Blob(_) => return None,
        };
        match known {
            Some(&mut IS_THERE) => return Some(false),
            Some(missed) => *missed += 1,
            None if !(self.complete && same_class) => return None,
            None => {
                *left = left.checked_sub(memory_for(value))?;
                match value {
                    ValueRef::Text(text) => self.texts.insert(text.into(), 1),
                    ValueRef::Integer(number) => self.integers.insert(number, 1),
                    _ => None,
                };
            }
        }
        Some(true)
    }

    /// The integers that were missed, with how often, in no order.
    pub fn missed_integers(&self) -> impl Iterator<Item = (i64, i64)> {
        let missed = self.integers.iter().filter(|(_, rows)| **rows != IS_THERE);
        missed.map(|(key, rows)| (*key, *rows))
    }

    /// The same of text.
    pub fn missed_texts(&self) -> impl Iterator<Item = (&[u8], i64)> {
        let missed = self.texts.iter().filter(|(_, rows)| **rows != IS_THERE);
        missed.map(|(key, rows)| (&**key, *rows))
    }

    /// The keys of the parent that are text, in no order.
    pub fn texts(&self) -> impl Iterator<Item = &[u8]> {
        let there = self.texts.iter().filter(|(_, rows)| **rows == IS_THERE);
        there.map(|(key, _)| &**key)
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
        let mut left = BYTES_PER_TEXT + 1;
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
