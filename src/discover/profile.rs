//! What all columns hold, at a glance: a few rows of each table and the keys of the tables, so
//! that values can be held against all keys at once. Exact numbers are for `values.rs`.

use std::collections::{HashMap, HashSet};

use anyhow::Result;
use siphasher::sip::SipHasher13;

use super::catalog::{Catalog, Subject};
use super::facts::{Rows, Seen};
use super::misleading;

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
    pub fn read(rows: &dyn Rows, catalog: &Catalog) -> Result<Self> {
        let mut profiles = Profiles::default();
        let mut room = MOST_KEYS_IN_ALL;
        for (place, subject) in catalog.subjects.iter().enumerate() {
            profiles.columns.push(columns(rows, subject)?);
            for (key, parent_key) in subject.keys.iter().enumerate() {
                let [column] = parent_key.columns.as_slice() else {
                    continue;
                };
                let Some(mut keys) = keys(rows, subject, column)? else {
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

    fn note(&mut self, value: Seen<'_>) {
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
fn hash(value: Seen<'_>) -> Option<(u64, Option<i64>)> {
    let hasher = SipHasher13::new();
    Some(match value {
        Seen::Null => return None,
        Seen::Integer(number) => (hasher.hash(&number.to_le_bytes()), Some(number)),
        Seen::Real(number) => (hasher.hash(&number.to_bits().to_be_bytes()), None),
        Seen::Text(text) => {
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
        Seen::Bytes(bytes) => (hasher.hash(bytes), None),
    })
}

/// Profiles of the columns of `subject`, over a few of its rows; none where it can't be looked at.
fn columns(rows: &dyn Rows, subject: &Subject) -> Result<Vec<Profile>> {
    let mut profiles = vec![Profile::default(); subject.table.columns.len()];
    let seen = rows.some(subject, ROWS, &mut |place, value| {
        if let Some(profile) = profiles.get_mut(place) {
            profile.note(value);
        }
    })?;
    if !seen {
        return Ok(Vec::new());
    }
    for profile in &mut profiles {
        profile.numbers.sort_unstable();
    }
    Ok(profiles)
}

/// The keys in `column`, none where they are too many or can't be looked at.
fn keys(rows: &dyn Rows, subject: &Subject, column: &str) -> Result<Option<Keys>> {
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
    let seen = rows.values(subject, column, MOST_KEYS + 1, &mut |value| {
        if let Some((hash, number)) = hash(value) {
            keys.hashes.insert(hash);
            keys.are_integers &= number.is_some();
            keys.range = widen(keys.range, number);
        }
    })?;
    let length = keys.hashes.len();
    Ok((seen && length > 0 && length <= MOST_KEYS).then_some(keys))
}
