//! What all columns hold, at a glance: a few rows of each table and the keys of the tables, so
//! that values can be held against all keys at once. Exact numbers are for `values.rs`.

use std::collections::{HashMap, HashSet};

use anyhow::Result;
use rusqlite::Connection;
use rusqlite::types::ValueRef;
use siphasher::sip::SipHasher13;

use super::catalog::{Catalog, Subject};
use super::misleading;
use super::values::{self, unless_lacking};
use crate::sqlite::schema::Column;
use crate::sqlite::text::ddl::quote;

/// How many rows of a table are looked at.
const ROWS: i64 = 2_000;
/// How many distinct values of a column are held against keys.
const MOST_VALUES: usize = 200;
/// The keys of a table are taken in where they are at most so many...
const MOST_KEYS: usize = 20_000;
/// ...and of all tables together so many: 50 MB.
const MOST_KEYS_IN_ALL: usize = 2_000_000;

/// What a column holds.
#[derive(Clone, Debug, Default)]
pub struct Profile {
    /// Some of its distinct values, hashed.
    values: HashSet<u64>,
    /// Those of them that are whole numbers, in order.
    numbers: Vec<i64>,
    /// All are whole numbers.
    pub are_integers: bool,
    /// The least and the greatest whole number.
    range: Option<(i64, i64)>,
}

/// The keys of a table.
#[derive(Debug)]
pub struct Keys {
    /// The table, as its place in the catalog.
    pub place: usize,
    /// The key, as its place among those of the table.
    pub key: usize,
    hashes: HashSet<u64>,
    range: Option<(i64, i64)>,
    are_integers: bool,
    /// Its type is that of a time or a measure.
    pub is_measure: bool,
}

/// Profiles of the columns of every table, by the places of both, and the keys of all.
#[derive(Debug, Default)]
pub struct Profiles {
    columns: Vec<Vec<Profile>>,
    /// The keys of one column that were taken in.
    pub keys: Vec<Keys>,
    places: HashMap<(usize, usize), usize>,
}

impl Profiles {
    /// Reads them.
    pub fn read(connection: &Connection, catalog: &Catalog) -> Result<Self> {
        let mut profiles = Profiles::default();
        let mut room = MOST_KEYS_IN_ALL;
        for (place, subject) in catalog.subjects.iter().enumerate() {
            let columns = unless_lacking(columns(connection, subject))?;
            profiles.columns.push(columns.unwrap_or_default());
            for (key, parent_key) in subject.keys.iter().enumerate() {
                let [column] = parent_key.columns.as_slice() else {
                    continue;
                };
                let Some(mut keys) = unless_lacking(keys(connection, subject, column))?.flatten()
                else {
                    continue;
                };
                if keys.hashes.len() <= room {
                    room -= keys.hashes.len();
                    (keys.place, keys.key) = (place, key);
                    profiles.places.insert((place, key), profiles.keys.len());
                    profiles.keys.push(keys);
                }
            }
        }
        Ok(profiles)
    }

    /// The keys at `key` of the table at `table`, if they were taken in.
    pub fn keys_of(&self, table: usize, key: usize) -> Option<&Keys> {
        self.keys.get(*self.places.get(&(table, key))?)
    }

    /// What the column at `column` of the table at `table` holds.
    pub fn of(&self, table: usize, column: usize) -> Option<&Profile> {
        self.columns.get(table)?.get(column)
    }
}

impl Profile {
    /// How many distinct values were seen, up to a few hundred.
    pub fn distinct(&self) -> usize {
        self.values.len()
    }

    fn note(&mut self, value: ValueRef<'_>) {
        let Some((hash, number)) = hash(value) else {
            return;
        };
        if self.values.is_empty() {
            self.are_integers = true;
        }
        self.are_integers &= number.is_some();
        self.range = widen(self.range, number);
        if self.values.len() < MOST_VALUES && self.values.insert(hash) {
            self.numbers.extend(number);
        }
    }

    /// Whether the least number is larger than the number of `keys`: they do not count from 1.
    pub fn begins_behind(&self, keys: &Keys) -> bool {
        let number = i64::try_from(keys.len()).unwrap_or(i64::MAX);
        self.least().is_some_and(|least| least > number)
    }

    /// The least whole number.
    pub fn least(&self) -> Option<i64> {
        self.range.map(|(least, _)| least)
    }

    /// Whether all values but one in fifty are among `keys`.
    pub fn fits(&self, keys: &Keys) -> bool {
        if self.values.is_empty() || self.are_integers != keys.are_integers {
            return false;
        }
        let allowed = self.values.len() / 50;
        if let (true, Some((first, last))) = (self.are_integers, keys.range) {
            let before = self.numbers.partition_point(|it| *it < first);
            let until = self.numbers.partition_point(|it| *it <= last);
            let outside = before + self.numbers.len() - until;
            if outside > allowed || keys.is_gapless() {
                return outside <= allowed;
            }
        }
        let lacking = self.values.iter().filter(|it| !keys.hashes.contains(*it));
        lacking.take(allowed + 1).count() <= allowed
    }
}

impl Keys {
    fn is_gapless(&self) -> bool {
        let length = self.range.and_then(|(first, last)| last.checked_sub(first));
        length.and_then(|it| usize::try_from(it).ok()) == self.hashes.len().checked_sub(1)
    }

    /// How many.
    pub fn len(&self) -> usize {
        self.hashes.len()
    }
}

fn widen(range: Option<(i64, i64)>, number: Option<i64>) -> Option<(i64, i64)> {
    match (range, number) {
        (Some((least, most)), Some(number)) => Some((least.min(number), most.max(number))),
        (None, Some(number)) => Some((number, number)),
        (range, None) => range,
    }
}

/// A value and, if it is one, the whole number: `'7'` is 7 too, because a column with numbers
/// would take it for that.
fn hash(value: ValueRef<'_>) -> Option<(u64, Option<i64>)> {
    let hasher = SipHasher13::new();
    Some(match value {
        ValueRef::Null => return None,
        ValueRef::Integer(number) => (hasher.hash(&number.to_le_bytes()), Some(number)),
        ValueRef::Real(number) => (hasher.hash(&number.to_bits().to_be_bytes()), None),
        ValueRef::Text(text) => {
            let number = std::str::from_utf8(text)
                .ok()
                .and_then(|it| it.parse::<i64>().ok());
            match number {
                Some(number) if text.first() != Some(&b'0') || text.len() == 1 => {
                    (hasher.hash(&number.to_le_bytes()), Some(number))
                }
                _ => (hasher.hash(text), None),
            }
        }
        ValueRef::Blob(bytes) => (hasher.hash(bytes), None),
    })
}

/// Profiles of the columns of `subject`, over a few of its rows.
fn columns(connection: &Connection, subject: &Subject) -> Result<Vec<Profile>> {
    let table = &subject.table;
    let mut profiles = vec![Profile::default(); table.columns.len()];
    let wanted: Vec<(usize, &Column)> = table
        .columns
        .iter()
        .enumerate()
        .filter(|(_, column)| !column.generated)
        .collect();
    let names: Vec<&str> = wanted
        .iter()
        .map(|(_, column)| column.name.as_str())
        .collect();
    // A long text is no key, and is not read.
    let list: Vec<String> = names
        .iter()
        .map(|name| {
            format!(
                "CASE WHEN octet_length({0}) <= 800 THEN {0} END",
                quote(name)
            )
        })
        .collect();
    let (source, _) = values::rows_of(connection, table, &names, ROWS)?;
    let mut statement = connection.prepare(&format!("SELECT {} FROM {source}", list.join(", ")))?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        for (at, (place, _)) in wanted.iter().enumerate() {
            if let Some(profile) = profiles.get_mut(*place) {
                profile.note(row.get_ref(at)?);
            }
        }
    }
    for profile in &mut profiles {
        profile.numbers.sort_unstable();
    }
    Ok(profiles)
}

/// The keys in `column`, none where they are too many.
fn keys(connection: &Connection, subject: &Subject, column: &str) -> Result<Option<Keys>> {
    let mut statement = connection.prepare(&format!(
        "SELECT {0} FROM {1} LIMIT {2}",
        quote(column),
        subject.table.source("t"),
        MOST_KEYS + 1
    ))?;
    let mut rows = statement.query([])?;
    let mut keys = Keys {
        place: 0,
        key: 0,
        hashes: HashSet::new(),
        range: None,
        are_integers: true,
        is_measure: subject
            .table
            .column(column)
            .is_some_and(misleading::is_no_key_by_type),
    };
    while let Some(row) = rows.next()? {
        if let Some((hash, number)) = hash(row.get_ref(0)?) {
            keys.hashes.insert(hash);
            keys.are_integers &= number.is_some();
            keys.range = widen(keys.range, number);
        }
        if keys.hashes.len() > MOST_KEYS {
            return Ok(None);
        }
    }
    Ok((!keys.hashes.is_empty()).then_some(keys))
}
