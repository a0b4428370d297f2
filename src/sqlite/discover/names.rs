//! Which tables the name of a column speaks of, and how clearly.

use super::catalog::{Catalog, ParentKey, Subject};
use super::column::{self, Ending, Reading};
use super::roles::{person, to_itself};
use crate::sqlite::schema::{Affinity, Column};
use crate::sqlite::text::ddl::same_name;
use crate::words::{self, Word, same};

/// A table that a column seems to speak of.
pub struct Match<'a> {
    /// The table.
    pub parent: &'a Subject,
    /// The key of it.
    pub key: &'a ParentKey,
    /// How.
    pub how: How,
    /// How sure it is by the name alone, in percent.
    pub weight: i32,
    /// The same in words.
    pub evidence: String,
}

/// How a name speaks of a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum How {
    /// By the table's name, or by that of its key.
    Plainly,
    /// By a word that tells how rows of one table, or people, relate.
    ByRole,
    /// In part, or shortened: what the column holds must agree.
    Vaguely,
}

/// Every table that `column` of `child` may speak of.
pub fn matches<'a>(catalog: &'a Catalog, child: &Subject, column: &Column) -> Vec<Match<'a>> {
    let mut found: Vec<Match<'a>> = Vec::new();
    let readings = column::readings(&column.name);
    let tells_itself = child.is_single_key(&column.name)
        && readings
            .iter()
            .any(|reading| same(&reading.base, &child.words));
    if tells_itself {
        return found;
    }
    let mut add = |new: Match<'a>| {
        let same_place = |it: &&mut Match<'a>| {
            same_name(&it.parent.table.name, &new.parent.table.name) && it.key == new.key
        };
        match found.iter_mut().find(same_place) {
            Some(old) if old.weight >= new.weight => {}
            Some(old) => *old = new,
            None => found.push(new),
        }
    };
    for parent in &catalog.subjects {
        let is_self = same_name(&parent.table.name, &child.table.name);
        if let Some(shared) = shared_key(child, column, &readings, parent, is_self) {
            add(shared);
        }
        for reading in &readings {
            let Some((how, weight, evidence)) = speaks_of(catalog, child, reading, parent, is_self)
            else {
                continue;
            };
            for (key, less) in keys_for(parent, reading) {
                add(Match {
                    parent,
                    key,
                    how,
                    weight: weight - less,
                    evidence: format!("{} {evidence}", column.name),
                });
            }
        }
    }
    found.sort_by_key(|it| -it.weight);
    found
}

/// A column with the very name of another table's key.
fn shared_key<'a>(
    child: &Subject,
    column: &Column,
    readings: &[Reading],
    parent: &'a Subject,
    is_self: bool,
) -> Option<Match<'a>> {
    let (key, _) = parent
        .single_keys()
        .find(|(_, key)| same_name(&key.name, &column.name))?;
    let named = readings
        .iter()
        .any(|reading| same(&reading.base, &parent.words));
    // Where both tables are told by it, the name must say whose it is.
    let unclear = child.is_single_key(&column.name) && !named;
    if is_self || unclear || column::is_generic(&column.name) {
        return None;
    }
    let is_id = matches!(
        readings.first(),
        Some(Reading {
            ending: Ending::Id(_),
            ..
        })
    );
    let name = &parent.table.name;
    Some(Match {
        parent,
        key,
        how: if is_id || key.is_primary {
            How::Plainly
        } else {
            How::Vaguely
        },
        weight: match (named, is_id) {
            (true, true) => 93,
            (true, false) => 84,
            (false, true) => 82,
            // `isbn`, where that is what tells books apart.
            (false, false) if key.is_primary => 75,
            (false, false) => 68,
        },
        evidence: format!("{} is the name of the key of {name} too", column.name),
    })
}

/// How the reading speaks of the table `parent`, how surely, and in words.
fn speaks_of(
    catalog: &Catalog,
    child: &Subject,
    reading: &Reading,
    parent: &Subject,
    is_self: bool,
) -> Option<(How, i32, String)> {
    let base = reading.base.as_slice();
    if reading.ending == Ending::None && base.last().is_some_and(|it| column::is_plural(it)) {
        return None;
    }
    if is_self {
        return to_itself(catalog, child, reading);
    }
    let (how, weight, evidence) = by_words(catalog, child, base, parent)
        .or_else(|| person(catalog, reading, parent))
        .or_else(|| shortened(reading, parent))?;
    let less = match reading.ending {
        Ending::Code(_) if how == How::Plainly => 8,
        // A level may be a row of `levels`, and is mostly a number.
        Ending::None if how == How::Plainly && is_level(child, base, parent) => 30,
        Ending::None if how != How::ByRole => 18,
        Ending::Id(_) | Ending::Code(_) | Ending::None => 0,
    };
    Some((how, weight - less, evidence))
}

/// Whether `base` is a word for a number or a text, and `parent` is not called by it and the
/// child, as `area_type` is by the type of `area`.
fn is_level(child: &Subject, base: &[Word], parent: &Subject) -> bool {
    let Some(last) = base.last() else {
        return false;
    };
    let of_child = [&child.words, base].concat();
    column::is_number(last) || column::is_generic(last) && !same(&of_child, &parent.words)
}

/// By the words of the table's name, all of them or some.
fn by_words(
    catalog: &Catalog,
    child: &Subject,
    base: &[Word],
    parent: &Subject,
) -> Option<(How, i32, String)> {
    let (name, words) = (&parent.table.name, &parent.words);
    let is_prefix = |prefix: &[Word]| catalog.is_prefix(prefix) || child.words.starts_with(prefix);
    if same(base, words) {
        return Some((How::Plainly, 90, format!("is made of the name of {name}")));
    }
    if let Some((prefix, tail)) = tail_that(words, |tail| same(base, tail)) {
        let (how, weight) = if is_prefix(prefix) {
            (How::Plainly, 85)
        } else {
            (How::Vaguely, 66)
        };
        return Some((how, weight, format!("ends like {name}: {}", tail.join("_"))));
    }
    if let Some(role) = role_before(base, words) {
        return Some((
            How::Plainly,
            80,
            format!("names {name}, with {role} before it"),
        ));
    }
    let (prefix, tail) = tail_that(words, |tail| role_before(base, tail).is_some())?;
    let (how, weight) = if is_prefix(prefix) {
        (How::Plainly, 74)
    } else {
        (How::Vaguely, 62)
    };
    Some((how, weight, format!("ends like {name}: {}", tail.join("_"))))
}

/// The words behind a prefix, of which `fits` is true.
fn tail_that(words: &[Word], fits: impl Fn(&[Word]) -> bool) -> Option<(&[Word], &[Word])> {
    (1..words.len())
        .map(|at| words.split_at(at))
        .find(|(_, tail)| fits(tail))
}

/// The words that stand before `name` at the end of `base`.
pub fn role_before(base: &[Word], name: &[Word]) -> Option<String> {
    (1..base.len())
        .map(|at| base.split_at(at))
        .find(|(_, tail)| same(tail, name))
        .map(|(role, _)| role.join(" "))
}

/// `cust_id` for `customers`, `head_repo_id` for `repositories`, `po_id` for `purchase_orders`.
fn shortened(reading: &Reading, parent: &Subject) -> Option<(How, i32, String)> {
    let (base, words) = (reading.base.as_slice(), parent.words.as_slice());
    if reading.ending == Ending::None {
        return None;
    }
    let name = &parent.table.name;
    let told = |weight, what: &str| Some((How::Vaguely, weight, format!("{what} {name}")));
    let shortens =
        |(short, long): (&Word, &Word)| short.is_like(long) || words::abbreviates(short, long);
    if base.len() >= words.len() {
        let (role, end) = base.split_at(base.len() - words.len());
        if end.iter().zip(words).all(shortens) {
            let weight = if role.is_empty() { 66 } else { 60 };
            return told(weight, "shortens the name of");
        }
    }
    let letters: usize = base.iter().map(|word| word.len()).sum();
    let mut initials = words.iter().filter_map(|word| word.chars().next());
    let are_initials = letters == words.len()
        && base
            .iter()
            .flat_map(|word| word.chars())
            .all(|letter| initials.next() == Some(letter));
    if words.len() > 1 && are_initials {
        return told(60, "has the initials of");
    }
    None
}

/// The keys of `parent` that a column may mean that reads so, each with what must be taken
/// from the weight.
fn keys_for<'a>(parent: &'a Subject, reading: &Reading) -> Vec<(&'a ParentKey, i32)> {
    let mut keys = Vec::new();
    for (key, column) in parent.single_keys() {
        let last = words::split(&column.name).pop();
        let last = last.as_ref().map_or("", Word::as_str);
        let less = match &reading.ending {
            Ending::Id(id) if key.is_primary => i32::from(id != "id" && id != last),
            Ending::Id(id) if id == last => 0,
            Ending::Id(_) => 12,
            Ending::Code(code) if code == last => 0,
            // `version_number` is mostly a number, and not the id of a version.
            Ending::Code(_) if key.is_primary && column.affinity == Affinity::Numeric => 30,
            Ending::Code(_) if key.is_primary => 14,
            Ending::Code(_) => continue,
            Ending::None if key.is_primary => 0,
            Ending::None => 6,
        };
        keys.push((key, less));
    }
    keys
}
