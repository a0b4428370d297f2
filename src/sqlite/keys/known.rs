//! The keys of a parent in memory.

use std::collections::{HashMap, HashSet};
use std::hash::Hash;

use anyhow::Result;
use foldhash::fast::RandomState;
use rusqlite::Connection;
use rusqlite::types::ValueRef;
use smallvec::SmallVec;

use crate::sqlite::schema::{Affinity, Column, Table};
use crate::sqlite::text::ddl::{quote, same_name};

/// What a text takes: its place in a map of which only 7/16 may be taken. One that is longer than the
/// place takes its own bytes as well.
const BYTES_PER_TEXT: usize = 130;

/// What an integer takes, likewise.
const BYTES_PER_INTEGER: usize = 40;

/// The length of a text that stands in the map itself, as a UUID does, so that a look at it is one.
const LONGEST_IN_PLACE: usize = 40;

type Text = SmallVec<[u8; LONGEST_IN_PLACE]>;

/// Keys of a parent, all text or all integers, as its column's affinity stores them: other
/// values may be compared as what they are not.
#[derive(Default)]
pub struct Known {
    texts: HashSet<Text, RandomState>,
    integers: HashSet<i64, RandomState>,
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
                    known.texts.insert(text.into());
                    known.has.0 = true;
                }
                (ValueRef::Integer(number), Affinity::Numeric) => {
                    known.integers.insert(number);
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
    pub fn is_missing(&self, value: ValueRef<'_>) -> Option<bool> {
        let (is_known, same_class) = match value {
            ValueRef::Text(text) => (self.texts.contains(text), !self.has.1),
            ValueRef::Integer(number) => (self.integers.contains(&number), !self.has.0),
            ValueRef::Null | ValueRef::Real(_) | ValueRef::Blob(_) => return None,
        };
        (is_known || self.complete && same_class).then_some(!is_known)
    }

    /// The keys that are text, in no order.
    pub fn texts(&self) -> impl Iterator<Item = &[u8]> {
        self.texts.iter().map(|it| &**it)
    }
}

/// Values that are no key, with the number of rows that have each.
#[derive(Default)]
pub struct Missed {
    texts: HashMap<Text, i64, RandomState>,
    integers: HashMap<i64, i64, RandomState>,
}

impl Missed {
    /// Counts a row with `value`; the memory that it takes, in bytes.
    pub fn add(&mut self, value: ValueRef<'_>) -> usize {
        let rows = match value {
            ValueRef::Text(text) => self.texts.get_mut(text),
            ValueRef::Integer(number) => self.integers.get_mut(&number),
            ValueRef::Null | ValueRef::Real(_) | ValueRef::Blob(_) => return 0,
        };
        if let Some(rows) = rows {
            *rows += 1;
            return 0;
        }
        match value {
            ValueRef::Text(text) => self.texts.insert(text.into(), 1),
            ValueRef::Integer(number) => self.integers.insert(number, 1),
            _ => None,
        };
        memory_for(value)
    }

    /// Adds the rows of `other`.
    pub fn absorb(&mut self, other: Missed) {
        absorb(&mut self.texts, other.texts);
        absorb(&mut self.integers, other.integers);
    }

    /// The integers, in no order.
    pub fn integers(&self) -> impl Iterator<Item = (i64, i64)> {
        self.integers.iter().map(|(key, rows)| (*key, *rows))
    }

    /// The texts, in no order.
    pub fn texts(&self) -> impl Iterator<Item = (&[u8], i64)> {
        self.texts.iter().map(|(key, rows)| (&**key, *rows))
    }
}

fn absorb<K: Eq + Hash>(
    all: &mut HashMap<K, i64, RandomState>,
    other: HashMap<K, i64, RandomState>,
) {
    for (key, rows) in other {
        *all.entry(key).or_default() += rows;
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
    fn a_text_that_fits_its_place_takes_no_memory_beside_it() {
        for (length, takes) in [(40, BYTES_PER_TEXT), (41, BYTES_PER_TEXT + 41)] {
            let mut left = takes;
            let all = known(&format!("(printf('%.{length}c', 'x'))"), &mut left);
            assert!(all.is_complete() && left == 0, "{length}: {left}");
        }
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
