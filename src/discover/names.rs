//! Which tables the name of a column speaks of, and how. What a name is worth is not judged here
//! but learnt, see `weights.rs`.

use std::cmp::Ordering;

use super::catalog::{Catalog, Subject};
use super::column::{self, Ending, Reading};
use super::how::{How, Match, Prefix, Search};
use super::index::{Index, forms};
use super::roles;
use super::table::Column;
use crate::words::{self, Word, same};

/// Every table that `column` of `child` may speak of.
pub fn matches<'a>(
    catalog: &'a Catalog,
    index: &Index,
    child: &Subject,
    column: &Column,
) -> Vec<Match<'a>> {
    let full = words::split(&column.name);
    let bare = child.bare(&column.name);
    let mut readings = column::readings(&full);
    if bare != full {
        readings.extend(column::readings(&bare));
    }
    let is_own_key = child.is_single_key(&column.name);
    let tells_itself = |reading: &Reading| same(&reading.base, &child.words);
    if is_own_key && readings.iter().any(tells_itself) {
        return Vec::new();
    }
    let mut search = Search {
        catalog,
        index,
        child,
        column,
        found: Vec::new(),
    };
    search.by_key(&full, &readings);
    if bare != full {
        search.by_key(&bare, &readings);
    }
    for reading in &readings {
        search.by_table(reading);
    }
    for reading in &readings {
        search.by_relation(reading);
    }
    if search.found.iter().all(|it| it.how > How::LooseTail) {
        for reading in &readings {
            search.shortened(reading);
        }
    }
    search.finish()
}

impl<'a> Search<'a, '_> {
    /// By the name of a table's key.
    fn by_key(&mut self, words: &[Word], readings: &[Reading]) {
        let ending = readings
            .first()
            .map_or(Ending::None, |it| it.ending.clone());
        for start in 0..words.len() {
            let tail = words.get(start..).unwrap_or_default();
            let keys = forms(tail);
            let places = keys.iter().filter_map(|it| self.index.keys.get(it));
            let tables = places.clone().map(Vec::len).max().unwrap_or(0);
            let is_vague = matches!(tail, [word] if column::is_generic(word));
            // `uid`, where one table is told by it.
            let is_common = tables > 1 || tail.iter().all(|it| it.len() < 3);
            if is_vague && (is_common || start > 0) {
                continue;
            }
            for place in places.flatten() {
                if let Some(parent) = self.catalog.subjects.get(*place) {
                    self.by_key_of(parent, (tail, start > 0, tables), &ending, readings);
                }
            }
        }
    }

    fn by_key_of(
        &mut self,
        parent: &'a Subject,
        (tail, has_role, tables): (&[Word], bool, usize),
        ending: &Ending,
        readings: &[Reading],
    ) {
        let is_own_key = self.child.is_single_key(&self.column.name);
        let is_self = self.is_self(parent);
        if is_self && !has_role || is_own_key && has_role {
            return;
        }
        let shortens =
            |(short, long): (&Word, &Word)| short.is_like(long) || words::abbreviates(short, long);
        let named = readings.iter().any(|it| {
            let tail = parent.words.len().saturating_sub(it.base.len());
            let words = parent.words.get(tail..).unwrap_or_default();
            same(&it.base, &parent.words)
                || it.base.len() == words.len() && it.base.iter().zip(words).all(shortens)
        });
        for (key, column) in parent.single_keys() {
            let theirs = parent.bare(&column.name);
            let whole = words::split(&column.name);
            if !same(&theirs, tail) && !same(&whole, tail) {
                continue;
            }
            let name = &parent.table.name;
            let evidence = if has_role {
                format!(
                    "{} ends like {}, the key of {name}",
                    self.column.name, column.name
                )
            } else {
                format!("{} is the name of the key of {name} too", self.column.name)
            };
            self.add(Match {
                parent,
                key,
                how: match (has_role, named) {
                    (true, _) if is_self => How::OwnRole,
                    (true, _) => How::KeyRole,
                    (false, true) => How::NamedKey,
                    (false, false) => How::SharedKey,
                },
                ending: ending.clone(),
                misfit: if key.is_primary { 0.0 } else { 0.5 },
                is_plain_word: matches!(tail, [word] if column::is_generic(word)),
                alike: tables,
                prefix: Prefix::Other,
                is_outdone: false,
                evidence,
            });
        }
    }

    /// By the words of a table's name.
    fn by_table(&mut self, reading: &Reading) {
        let base = reading.base.as_slice();
        for start in 0..base.len() {
            let (role, tail) = base.split_at(start);
            for (place, at) in self.index.tails(tail) {
                let Some(parent) = self.catalog.subjects.get(place) else {
                    continue;
                };
                let is_self = self.is_self(parent);
                let prefix = parent.words.get(..at).unwrap_or_default();
                let is_prefix =
                    self.catalog.is_prefix(prefix) || self.child.words.starts_with(prefix);
                let how = match (role.is_empty(), prefix.is_empty(), is_prefix) {
                    _ if is_self && role.is_empty() => continue,
                    (false, true, _) if is_self => How::OwnRole,
                    (true, true, _) => How::Name,
                    (true, false, true) => How::Tail,
                    (true, false, false) => How::LooseTail,
                    (false, true, _) => How::Role,
                    (false, false, true) => How::RoleTail,
                    (false, false, false) => How::LooseRoleTail,
                };
                let name = &parent.table.name;
                let role = role_words(role);
                let evidence = match how {
                    How::Name => format!("is named after {name}"),
                    How::OwnRole => format!("tells the {role} row of the same table"),
                    How::Role => format!("names {name}, with {role} before it"),
                    _ => format!("ends like {name}: {}", role_words(tail)),
                };
                self.add_keys_behind(parent, prefix, reading, how, &evidence);
            }
        }
        self.by_beginning(reading);
        self.by_end_of_word(reading);
    }

    /// By a word that tells how rows of one table, or people, relate.
    fn by_relation(&mut self, reading: &Reading) {
        let child = self.child;
        let own = self.catalog.subject(&child.table.name);
        let superior = || child.people_rank.and_then(|_| roles::superior(reading));
        let what = roles::relative(reading).or_else(superior);
        if let (Some(own), Some(what)) = (own, what) {
            let evidence = format!("tells the {what} row of the same table");
            self.add_keys(own, reading, How::Relative, &evidence);
        }
        let is_person = roles::person(reading);
        // `order` ends so too, and is a table.
        let is_table = !self.index.tails(&reading.base).is_empty();
        let is_agent = !is_table && self.found.is_empty() && roles::agent(reading);
        if is_person || is_agent {
            for parent in &self.catalog.subjects {
                if parent.people_rank.is_none() {
                    continue;
                }
                let how = if is_person { How::Person } else { How::Agent };
                let evidence = format!("tells a person, and {} holds people", parent.table.name);
                self.add_keys(parent, reading, how, &evidence);
            }
        }
        // `issue_links (source_id, target_id)`, `user_relations (a, b)`.
        let is_pair = roles::is_one_of_two(&child.table, self.column);
        if !is_pair && !matches!(reading.ending, Ending::Id(_)) {
            return;
        }
        let is_own_key = child.is_single_key(&self.column.name);
        for length in 1..child.words.len() {
            let head = child.words.get(..length).unwrap_or_default();
            for (place, at) in self.index.tails(head) {
                let Some(parent) = self.catalog.subjects.get(place) else {
                    continue;
                };
                if is_own_key
                    || !(at == 0
                        || self
                            .catalog
                            .is_prefix(parent.words.get(..at).unwrap_or_default()))
                {
                    continue;
                }
                let name = &parent.table.name;
                let (how, evidence) = if is_pair {
                    let of_two = format!("is one of two, in a table named after {name}");
                    (How::Pair, of_two)
                } else {
                    let part = format!("is in a table named after {name}");
                    (How::Part, part)
                };
                self.add_keys(parent, reading, how, &evidence);
            }
        }
    }

    fn finish(self) -> Vec<Match<'a>> {
        let mut found = self.found;
        let hows: Vec<How> = found.iter().map(|it| it.how).collect();
        for one in &mut found {
            if one.how == How::SharedKey {
                continue;
            }
            one.alike = hows.iter().filter(|how| **how == one.how).count();
        }
        found.sort_by(|a, b| {
            (a.how, a.misfit)
                .partial_cmp(&(b.how, b.misfit))
                .unwrap_or(Ordering::Equal)
        });
        found
    }
}

/// The words of a role, as they are shown.
fn role_words(words: &[Word]) -> String {
    let texts: Vec<_> = words.iter().map(Word::as_str).collect();
    texts.join(" ")
}
