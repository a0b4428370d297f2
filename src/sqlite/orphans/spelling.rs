//! Text keys that differ in case, blanks and hyphens alone, as those of a UUID do.

use std::borrow::Cow;
use std::collections::HashMap;

use foldhash::fast::RandomState;

/// How many rows miss a parent that is there in another spelling. `missed` has each missing key
/// and its rows; `there`, the keys of the parent.
pub fn others<'k>(missed: &[(&[u8], i64)], there: impl Iterator<Item = &'k [u8]>) -> i64 {
    let mut rows: HashMap<Cow<'_, [u8]>, i64, RandomState> = HashMap::default();
    for (key, number) in missed {
        *rows.entry(plain(key)).or_default() += number;
    }
    rows.remove(&b""[..]);
    if rows.is_empty() {
        return 0;
    }
    there.filter_map(|key| rows.remove(&plain(key))).sum()
}

/// `lower(replace(trim(key), '-', ''))`, as SQLite has it.
fn plain(key: &[u8]) -> Cow<'_, [u8]> {
    let mut key = key;
    while let Some(rest) = key.strip_prefix(b" ") {
        key = rest;
    }
    while let Some(rest) = key.strip_suffix(b" ") {
        key = rest;
    }
    if !key.iter().any(|it| *it == b'-' || it.is_ascii_uppercase()) {
        return Cow::Borrowed(key);
    }
    let without = key.iter().filter(|it| **it != b'-');
    without.map(u8::to_ascii_lowercase).collect()
}
