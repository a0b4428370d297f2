//! Counts the rows that break the keys of a table in one look at each row, by no index and without
//! a list of them: for whoever asks how many they are, and nothing hangs on them.
//!
//! It answers where memory holds all keys of the parents and no value could be compared as what it
//! is not; elsewhere the search answers, which lists the rows.

use std::cmp::Ordering;

use anyhow::{Context as _, Result};
use rusqlite::types::ValueRef;
use rusqlite::{Connection, Row};

use crate::model::value::Value;
use crate::sqlite::keys::known_keys::Known;
use crate::sqlite::orphans::lists::KEYS_PER_PASS;
use crate::sqlite::orphans::spelling;
use crate::sqlite::schema::foreign_key::ForeignKey;
use crate::sqlite::schema::row_counts::RowCounts;
use crate::sqlite::schema::values;
use crate::sqlite::schema::{Column, RowKey, Table};
use crate::sqlite::text::ddl::{quote, same_name};

/// Memory for the keys of the parents and those that were missed, of one table, in bytes. The texts
/// that were missed take up to as much again for a moment, when their other spellings are sought.
const MOST_BYTES: usize = 64 << 20;

/// Children with fewer rows than this do not call for all keys of a parent that has more.
const FEW_ROWS: i64 = 50_000;

/// What is asked of the rows of a table.
pub struct Asked<'a> {
    /// The table.
    pub child: &'a Table,
    /// Its keys, with their parents.
    pub keys: Vec<(Table, ForeignKey)>,
    /// The column that tells the time of a row.
    pub time: Option<&'a str>,
    /// How many orphans to name, from the first.
    pub first: usize,
    /// How many missing parents to name of each key.
    pub most_frequent: usize,
}

/// The orphans of a table, in numbers.
pub struct Tally {
    /// How many rows break a key, each counted once.
    pub orphans: i64,
    /// How many of these break more than one.
    pub break_several: i64,
    /// For each key.
    pub keys: Vec<KeyTally>,
    /// The first orphans: the rowid, and a bit for each key that the row breaks.
    pub first: Vec<(i64, u64)>,
}

/// The rows that break one key, in numbers.
pub struct KeyTally {
    /// How many.
    pub rows: i64,
    /// The least and the greatest of their times that are not NULL.
    pub span: Option<(Value, Value)>,
    /// How many distinct parents are missed.
    pub dead_parents: i64,
    /// The missing parents that most rows refer to, with the number of rows; of those with as many
    /// rows the least first, in SQLite's order.
    pub most_frequent: Vec<(Value, i64)>,
    /// How many of the rows have a parent in another spelling.
    pub other_spelling: i64,
}

/// The rows that break one key, while they are counted.
struct Counter {
    rows: i64,
    span: Option<(Value, Value)>,
    /// The keys of the parent, and those that were missed.
    known: Known,
}

impl Counter {
    /// What was counted, with the `most` missing parents that most rows refer to.
    fn numbers(self, most: usize) -> KeyTally {
        let integers: Vec<_> = self.known.missed_integers().collect();
        let texts: Vec<_> = self.known.missed_texts().collect();
        let dead_parents = integers.len() + texts.len();
        KeyTally {
            rows: self.rows,
            span: self.span,
            dead_parents: i64::try_from(dead_parents).unwrap_or(i64::MAX),
            other_spelling: spelling::others(&texts, self.known.texts()),
            most_frequent: most_frequent(&integers, &texts, most),
        }
    }
}

/// Those of the missed keys that most rows have.
fn most_frequent(
    integers: &[(i64, i64)],
    texts: &[(&[u8], i64)],
    most: usize,
) -> Vec<(Value, i64)> {
    let integers = integers.iter();
    let integers = integers.map(|(key, rows)| (ValueRef::Integer(*key), *rows));
    let texts = texts.iter();
    let texts = texts.map(|(key, rows)| (ValueRef::Text(key), *rows));
    let mut all: Vec<_> = integers.chain(texts).collect();
    let order = |(left, more): &(ValueRef<'_>, i64), (right, less): &(ValueRef<'_>, i64)| {
        let by_key = || compare(*left, *right).unwrap_or(Ordering::Equal);
        less.cmp(more).then_with(by_key)
    };
    if all.len() > most {
        all.select_nth_unstable_by(most, order);
        all.truncate(most);
    }
    all.sort_unstable_by(order);
    let shown = all.iter();
    shown
        .map(|(key, rows)| (values::start(*key), *rows))
        .collect()
}

/// Counts the rows that are `asked` about, and notes how many rows the table has in `counts`; none
/// where only the search can tell.
pub fn tally(
    connection: &Connection,
    counts: &RowCounts<'_>,
    asked: &Asked<'_>,
) -> Result<Option<Tally>> {
    let child = asked.child;
    let Some(columns) = columns(asked) else {
        return Ok(None);
    };
    let (mut left, mut counters) = (MOST_BYTES, Vec::new());
    let most = counts.at_most(child, FEW_ROWS)?;
    let mut tally = Tally {
        orphans: 0,
        break_several: 0,
        keys: Vec::new(),
        first: Vec::new(),
    };
    for (parent, key) in &asked.keys {
        let column = key.parent_columns.first();
        let Some(column) = column.and_then(|name| parent.column(name)) else {
            return Ok(None);
        };
        let known = Known::read(
            connection,
            parent,
            column,
            most.unwrap_or(i64::MAX - 1),
            &mut left,
        )
        .with_context(|| format!("could not read the keys of {}", parent.name))?;
        if !known.is_complete() {
            return Ok(None);
        }
        counters.push(Counter {
            rows: 0,
            span: None,
            known,
        });
    }
    let query = format!("SELECT {} FROM {}", columns.join(", "), child.scanned(""));
    let reading = || format!("could not count the orphans of {}", child.name);
    let mut statement = connection.prepare(&query).with_context(reading)?;
    let mut rows = statement.query([])?;
    let mut read = 0;
    while let Some(row) = rows.next().with_context(reading)? {
        read += 1;
        if tally.look(asked, &mut counters, row, &mut left)?.is_none() {
            return Ok(None);
        }
    }
    counts.note(&child.name, read);
    let counters = counters.into_iter();
    tally.keys = counters.map(|it| it.numbers(asked.most_frequent)).collect();
    Ok(Some(tally))
}

impl Asked<'_> {
    /// Whether the table is one whose rows may be counted, as far as its schema tells.
    #[must_use]
    pub fn may_be_counted(&self) -> bool {
        columns(self).is_some()
    }
}

/// The columns to read of each row: its rowid, those of the keys, and the time. None where there
/// are others, or their values may be compared by more than their bytes.
fn columns(asked: &Asked<'_>) -> Option<Vec<String>> {
    let Asked {
        child, keys, time, ..
    } = asked;
    let by_bytes = |name: &str| -> Option<&Column> {
        let column = child.column(name)?;
        same_name(&column.collation, "BINARY").then_some(column)
    };
    if keys.len() > KEYS_PER_PASS {
        return None;
    }
    let mut columns = vec![match &child.row_key {
        RowKey::Alias(name) => quote(name),
        RowKey::Implicit(name) => (*name).to_owned(),
        RowKey::PrimaryKey(_) | RowKey::Hidden => return None,
    }];
    for (_, key) in keys {
        let [only] = key.columns.as_slice() else {
            return None;
        };
        columns.push(quote(&by_bytes(only)?.name));
    }
    if let Some(time) = time {
        let column = by_bytes(time)?;
        if column.generated {
            return None;
        }
        columns.push(quote(&column.name));
    }
    Some(columns)
}

impl Tally {
    /// Counts `row`; none where its keys can't be told.
    fn look(
        &mut self,
        asked: &Asked<'_>,
        counters: &mut [Counter],
        row: &Row<'_>,
        left: &mut usize,
    ) -> Result<Option<()>> {
        let mut breaks: u64 = 0;
        for (at, key) in counters.iter_mut().enumerate() {
            let value = row.get_ref(at + 1)?;
            if value == ValueRef::Null {
                continue;
            }
            match key.known.misses(value, left) {
                Some(false) => continue,
                Some(true) => {}
                None => return Ok(None),
            }
            key.rows += 1;
            breaks |= 1 << at;
            if asked.time.is_some() {
                let time = row.get_ref(asked.keys.len() + 1)?;
                if widen(&mut key.span, time).is_none() {
                    return Ok(None);
                }
            }
        }
        if breaks == 0 {
            return Ok(Some(()));
        }
        self.orphans += 1;
        self.break_several += i64::from(breaks.count_ones() > 1);
        if self.first.len() < asked.first {
            self.first.push((row.get(0)?, breaks));
        }
        Ok(Some(()))
    }
}

/// Has `span` reach to `time`; none where their order can't be told.
fn widen(span: &mut Option<(Value, Value)>, time: ValueRef<'_>) -> Option<()> {
    if time == ValueRef::Null {
        return Some(());
    }
    let Some((least, greatest)) = span else {
        *span = Some((values::start(time), values::start(time)));
        return Some(());
    };
    if compare(time, as_ref(least)?)?.is_lt() {
        *least = values::start(time);
    }
    if compare(time, as_ref(greatest)?)?.is_gt() {
        *greatest = values::start(time);
    }
    Some(())
}

/// A whole value; none where it may be but the start of one.
fn as_ref(value: &Value) -> Option<ValueRef<'_>> {
    match value {
        Value::Integer(number) => Some(ValueRef::Integer(*number)),
        Value::Text(text) if text.len() < values::START => Some(ValueRef::Text(text)),
        _ => None,
    }
}

/// The order of two values by their bytes, integers before text
/// (<https://www.sqlite.org/datatype3.html#sort_order>); none of other values.
fn compare(left: ValueRef<'_>, right: ValueRef<'_>) -> Option<Ordering> {
    match (left, right) {
        (ValueRef::Integer(left), ValueRef::Integer(right)) => Some(left.cmp(&right)),
        (ValueRef::Text(left), ValueRef::Text(right)) => Some(left.cmp(right)),
        (ValueRef::Integer(_), ValueRef::Text(_)) => Some(Ordering::Less),
        (ValueRef::Text(_), ValueRef::Integer(_)) => Some(Ordering::Greater),
        _ => None,
    }
}

#[cfg(test)]
#[path = "tally_tests.rs"]
mod tests;
