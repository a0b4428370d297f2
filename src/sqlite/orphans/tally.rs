//! Counts the rows that break the keys of a table in one look at each row, by no index and without
//! a list of them: for whoever asks how many they are, and nothing hangs on them.
//!
//! Where that can't be told so, the search answers, which lists the rows.

use std::cmp::Ordering;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::Relaxed;

use anyhow::Result;
use rusqlite::types::ValueRef;
use rusqlite::{Connection, Row};

use crate::model::value::Value;
use crate::sqlite::keys::known::{Known, Missed};
use crate::sqlite::orphans::scan::{self, Note, Scan};
use crate::sqlite::orphans::spelling;
use crate::sqlite::schema::Table;
use crate::sqlite::schema::foreign_key::ForeignKey;
use crate::sqlite::schema::row_counts::RowCounts;
use crate::sqlite::schema::values;
use crate::sqlite::text::ddl::same_name;

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

/// What one thread has counted.
struct Count<'a> {
    asked: &'a Asked<'a>,
    left: &'a AtomicUsize,
    orphans: i64,
    break_several: i64,
    keys: Vec<KeyCount>,
    first: Vec<(i64, u64)>,
}

/// The rows that break one key, while they are counted.
#[derive(Default)]
struct KeyCount {
    rows: i64,
    span: Option<(Value, Value)>,
    missed: Missed,
}

impl Note for Count<'_> {
    fn note(&mut self, row: &Row<'_>, breaks: u64) -> Result<bool> {
        for (at, key) in self.keys.iter_mut().enumerate() {
            if breaks >> at & 1 == 0 {
                continue;
            }
            key.rows += 1;
            let taken = key.missed.add(row.get_ref(at + 1)?);
            let enough = |left: usize| left.checked_sub(taken);
            if taken > 0 && self.left.fetch_update(Relaxed, Relaxed, enough).is_err() {
                return Ok(false);
            }
            if self.asked.time.is_some() {
                let time = row.get_ref(self.asked.keys.len() + 1)?;
                if widen(&mut key.span, time).is_none() {
                    return Ok(false);
                }
            }
        }
        self.orphans += 1;
        self.break_several += i64::from(breaks.count_ones() > 1);
        if self.first.len() < self.asked.first {
            self.first.push((row.get(0)?, breaks));
        }
        Ok(true)
    }
}

impl KeyCount {
    /// Adds what another thread has counted; none where that can't be told.
    fn absorb(&mut self, other: KeyCount) -> Option<()> {
        self.rows += other.rows;
        self.missed.absorb(other.missed);
        for time in other
            .span
            .iter()
            .flat_map(|(least, greatest)| [least, greatest])
        {
            widen(&mut self.span, as_ref(time)?)?;
        }
        Some(())
    }

    /// What was counted, with the `most` missing parents that most rows refer to.
    fn numbers(self, known: &Known, most: usize) -> KeyTally {
        let integers: Vec<_> = self.missed.integers().collect();
        let texts: Vec<_> = self.missed.texts().collect();
        let dead_parents = integers.len() + texts.len();
        KeyTally {
            rows: self.rows,
            span: self.span,
            dead_parents: i64::try_from(dead_parents).unwrap_or(i64::MAX),
            other_spelling: spelling::others(&texts, known.texts()),
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
    let keys: Vec<_> = asked
        .keys
        .iter()
        .map(|(parent, key)| (parent, key))
        .collect();
    if !asked.may_be_counted() {
        return Ok(None);
    }
    let Some(scan) = Scan::new(connection, counts, asked.child, &keys, asked.time)? else {
        return Ok(None);
    };
    let left = AtomicUsize::new(scan.left);
    let none = || Count {
        asked,
        left: &left,
        orphans: 0,
        break_several: 0,
        keys: keys.iter().map(|_| KeyCount::default()).collect(),
        first: Vec::new(),
    };
    let Some(found) = scan.run(connection, counts, none)? else {
        return Ok(None);
    };
    let mut all = none();
    for part in found {
        all.orphans += part.orphans;
        all.break_several += part.break_several;
        all.first.extend(part.first);
        for (key, other) in all.keys.iter_mut().zip(part.keys) {
            if key.absorb(other).is_none() {
                return Ok(None);
            }
        }
    }
    all.first.sort_unstable();
    all.first.truncate(asked.first);
    let keys = all.keys.into_iter().enumerate();
    let keys = keys.filter_map(|(at, key)| Some(key.numbers(scan.known(at)?, asked.most_frequent)));
    Ok(Some(Tally {
        orphans: all.orphans,
        break_several: all.break_several,
        keys: keys.collect(),
        first: all.first,
    }))
}

impl Asked<'_> {
    /// Whether the table is one whose rows may be counted, as far as its schema tells.
    #[must_use]
    pub fn may_be_counted(&self) -> bool {
        let keys: Vec<_> = self.keys.iter().map(|(_, key)| key).collect();
        let in_order = |name| {
            let column = self.child.column(name);
            column.is_some_and(|it| same_name(&it.collation, "BINARY") && !it.generated)
        };
        self.time.is_none_or(in_order) && scan::may_be_read(self.child, &keys, self.time)
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
