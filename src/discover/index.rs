//! The tables by their words, so that the time for all columns grows with their number.

use std::collections::HashMap;

use super::catalog::Catalog;
use crate::words::Word;

/// The tables by the words that their names end with.
pub struct Index {
    /// Each with the place of the word that the end begins with.
    tails: HashMap<String, Vec<(usize, usize)>>,
    /// Tables by the name of a key of one column.
    pub keys: HashMap<String, Vec<usize>>,
    /// Tables by the first letter of their names, and of what stands behind the application's
    /// name; each with the place where that begins.
    pub letters: HashMap<char, Vec<(usize, usize)>>,
}

impl Index {
    /// Of the tables of `catalog`.
    pub fn new(catalog: &Catalog) -> Self {
        let mut index = Index {
            tails: HashMap::new(),
            keys: HashMap::new(),
            letters: HashMap::new(),
        };
        for (place, subject) in catalog.subjects.iter().enumerate() {
            for at in 0..subject.words.len() {
                for form in forms(subject.words.get(at..).unwrap_or_default()) {
                    index.tails.entry(form).or_default().push((place, at));
                }
            }
            for (_, column) in subject.single_keys() {
                for form in forms(&subject.bare(&column.name)) {
                    index.keys.entry(form).or_default().push(place);
                }
            }
            for (at, word) in subject.words.iter().enumerate().take(2) {
                let before = subject.words.get(..at).unwrap_or_default();
                if let Some(letter) = word.chars().next()
                    && (at == 0 || catalog.is_prefix(before))
                {
                    index.letters.entry(letter).or_default().push((place, at));
                }
            }
        }
        index
    }

    /// The tables whose names end with `words`, each with the place where these begin.
    pub fn tails(&self, words: &[Word]) -> Vec<(usize, usize)> {
        let mut found = Vec::new();
        for form in forms(words) {
            found.extend(self.tails.get(&form).into_iter().flatten().copied());
        }
        found
    }
}

/// What words that mean the same have in common, see [`words::same`](crate::words::same): one of these.
pub fn forms(words: &[Word]) -> Vec<String> {
    let Some((last, head)) = words.split_last() else {
        return Vec::new();
    };
    let stems: String = words.iter().map(Word::stem).collect();
    let mut text: String = head.iter().map(Word::as_str).collect();
    text.push_str(last.stem());
    if text == stems {
        vec![stems]
    } else {
        vec![stems, text]
    }
}
