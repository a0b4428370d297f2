//! Names that speak of a table less plainly: by how they begin or end, or shortened.

use super::catalog::Subject;
use super::column::Reading;
use super::how::{How, Search};
use crate::words::{self, Word, same};

impl Search<'_, '_> {
    /// `person_in_charge_id`, `order_of_origin`.
    pub(super) fn by_beginning(&mut self, reading: &Reading) {
        let base = reading.base.as_slice();
        for length in 1..base.len() {
            let head = base.get(..length).unwrap_or_default();
            for (place, at) in self.index.tails(head) {
                if let Some(parent) = self.catalog.subjects.get(place)
                    && at == 0
                {
                    let evidence = format!("begins with the name of {}", parent.table.name);
                    self.add_keys(parent, reading, How::Head, &evidence);
                }
            }
        }
    }

    /// `homewarehouse`, without a gap.
    pub(super) fn by_end_of_word(&mut self, reading: &Reading) {
        let Some(word) = reading.base.last() else {
            return;
        };
        for (at, _) in word.char_indices().skip(2) {
            let end = word.get(at..).unwrap_or_default();
            if end.len() < 4 {
                return;
            }
            let end = [Word::new(end.to_owned())];
            for (place, start) in self.index.tails(&end) {
                if let Some(parent) = self.catalog.subjects.get(place)
                    && start == 0
                {
                    let evidence = format!("ends like {}", parent.table.name);
                    self.add_keys(parent, reading, How::Glued, &evidence);
                }
            }
        }
    }
}

impl<'a> Search<'a, '_> {
    /// `cust_id` for `customers`, `head_repo_id` for `repositories`, `po_id` for `purchase_orders`.
    pub(super) fn shortened(&mut self, reading: &Reading) {
        let base = reading.base.as_slice();
        let mut letters: Vec<char> = base.iter().filter_map(|word| word.chars().next()).collect();
        letters.sort_unstable();
        letters.dedup();
        let found = letters.iter().filter_map(|it| self.index.letters.get(it));
        for (place, at) in found.flatten() {
            if let Some(parent) = self.catalog.subjects.get(*place) {
                let words = parent.words.get(*at..).unwrap_or_default();
                self.short_for(parent, words, reading);
            }
        }
    }

    fn short_for(&mut self, parent: &'a Subject, words: &[Word], reading: &Reading) {
        let base = reading.base.as_slice();
        let name = &parent.table.name;
        let shortens =
            |(short, long): (&Word, &Word)| short.is_like(long) || words::abbreviates(short, long);
        if base.len() >= words.len() {
            let (_, end) = base.split_at(base.len() - words.len());
            if end.iter().zip(words).all(shortens) {
                let evidence = format!("shortens the name of {name}");
                self.add_keys(parent, reading, How::Short, &evidence);
            }
        }
        let letters: String = base.iter().map(Word::as_str).collect();
        let initials: String = words
            .iter()
            .filter_map(|word| word.chars().next())
            .collect();
        let inflects = |(a, b): (&Word, &Word)| a.is_like(b) || words::inflects(a, b);
        if base.len() == words.len() && base.iter().zip(words).all(inflects) {
            let evidence = format!("is nearly the name of {name}");
            self.add_keys(parent, reading, How::Inflected, &evidence);
        }
        let start = words.get(..base.len()).unwrap_or_default();
        if words.len() > base.len() && same(base, start) {
            let evidence = format!("is how the name of {name} begins");
            self.add_keys(parent, reading, How::Start, &evidence);
        }
        if words.len() > 1 && letters == initials {
            let evidence = format!("has the initials of {name}");
            self.add_keys(parent, reading, How::Initials, &evidence);
        }
    }
}
