//! The words that names are made of, and when two names mean the same thing.

use std::borrow::Borrow;
use std::ops::Deref;

/// A word of a name, in lower case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Word {
    text: String,
    stem: String,
}

impl Word {
    /// The word `text`.
    #[must_use]
    pub fn new(text: String) -> Self {
        let stem = stem(&text);
        Word { text, stem }
    }

    /// Its text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// What its singular and its plural have in common; need not be a word.
    #[must_use]
    pub fn stem(&self) -> &str {
        &self.stem
    }

    /// Whether it is `other`, singular and plural alike.
    #[must_use]
    pub fn is(&self, other: &str) -> bool {
        self.stem == stem(other)
    }

    /// Whether both are the same, singular and plural alike.
    #[must_use]
    pub fn is_like(&self, other: &Word) -> bool {
        self.stem == other.stem
    }
}

impl Deref for Word {
    type Target = str;

    fn deref(&self) -> &str {
        &self.text
    }
}

impl Borrow<str> for Word {
    fn borrow(&self) -> &str {
        &self.text
    }
}

impl PartialEq<str> for Word {
    fn eq(&self, other: &str) -> bool {
        self.text == other
    }
}

impl PartialEq<&str> for Word {
    fn eq(&self, other: &&str) -> bool {
        self.text == *other
    }
}

/// The words of `name`: `alert_rule_id`, `AlertRuleID` and `alertRuleId` are `alert`, `rule`,
/// `id`.
#[must_use]
pub fn split(name: &str) -> Vec<Word> {
    let mut words: Vec<Word> = Vec::new();
    let mut word = String::new();
    let letters: Vec<char> = name.chars().collect();
    for (at, letter) in letters.iter().enumerate() {
        if !letter.is_alphanumeric() {
            words.extend(take(&mut word));
            continue;
        }
        let before = at.checked_sub(1).and_then(|before| letters.get(before));
        let after = letters.get(at + 1);
        let starts = letter.is_uppercase()
            && before.is_some_and(|before| {
                !before.is_uppercase() || after.is_some_and(|after| after.is_lowercase())
            });
        if starts {
            words.extend(take(&mut word));
        }
        word.extend(letter.to_lowercase());
    }
    words.extend(take(&mut word));
    words
}

fn take(word: &mut String) -> Option<Word> {
    (!word.is_empty()).then(|| Word::new(std::mem::take(word)))
}

/// Whether both lists of words mean the same, singular and plural alike and with or without
/// gaps: `alert`, `rules` and `alertrule` do.
#[must_use]
pub fn same(left: &[Word], right: &[Word]) -> bool {
    let (Some((left_last, left_head)), Some((right_last, right_head))) =
        (left.split_last(), right.split_last())
    else {
        return false;
    };
    let in_one = texts(left_head).chain(left_last.stem.bytes());
    stems(left).eq(stems(right)) || in_one.eq(texts(right_head).chain(right_last.stem.bytes()))
}

fn stems(words: &[Word]) -> impl Iterator<Item = u8> {
    words.iter().flat_map(|word| word.stem.bytes())
}

fn texts(words: &[Word]) -> impl Iterator<Item = u8> {
    words.iter().flat_map(|word| word.text.bytes())
}

/// Plurals that follow no rule, with the singular of each.
const IRREGULAR: [(&str, &str); 22] = [
    ("people", "person"),
    ("persons", "person"),
    ("children", "child"),
    ("men", "man"),
    ("women", "woman"),
    ("mice", "mouse"),
    ("geese", "goose"),
    ("feet", "foot"),
    ("teeth", "tooth"),
    ("oxen", "ox"),
    ("dice", "die"),
    ("indices", "index"),
    ("vertices", "vertex"),
    ("matrices", "matrix"),
    ("appendices", "appendix"),
    ("criteria", "criterion"),
    ("phenomena", "phenomenon"),
    ("data", "datum"),
    ("media", "medium"),
    ("schemata", "schema"),
    ("curricula", "curriculum"),
    ("alumni", "alumnus"),
];

/// Endings that a plural may have, with what stands in its stem instead; the first that fits.
/// The same is done to singulars, so a stem need not be a word: `movie` and `movies` are `movy`.
const ENDINGS: [(&str, &str); 21] = [
    ("ies", "y"),
    ("ie", "y"),
    ("ves", "f"),
    ("fe", "f"),
    ("ve", "f"),
    ("sses", "ss"),
    ("ses", "s"),
    ("sis", "s"),
    ("sse", "ss"),
    ("se", "s"),
    ("xes", "x"),
    ("xe", "x"),
    ("zzes", "z"),
    ("zes", "z"),
    ("ze", "z"),
    ("ches", "ch"),
    ("che", "ch"),
    ("shes", "sh"),
    ("she", "sh"),
    ("oes", "o"),
    ("oe", "o"),
];

/// What the singular and the plural of a word have in common.
fn stem(word: &str) -> String {
    if let Some((head, singular)) = IRREGULAR.iter().find_map(|(plural, singular)| {
        let head = word.strip_suffix(plural)?;
        // `salespeople` too, but not `women` by its `men`.
        (head.is_empty() || head.len() > 2).then_some((head, singular))
    }) {
        return head.to_owned() + &stem(singular);
    }
    let stem = ENDINGS.iter().find_map(|(ending, instead)| {
        let head = word.strip_suffix(ending)?;
        (!head.is_empty()).then(|| head.to_owned() + instead)
    });
    let stem = stem.unwrap_or_else(|| word.to_owned());
    match stem.strip_suffix('s') {
        Some(head) if !head.is_empty() && !head.ends_with('s') => head.to_owned(),
        _ => stem,
    }
}

/// Whether `short` is how people shorten `long`: the same first letter, the others in order,
/// at least three of them and fewer: `cust` for `customer`, `dept` for `department`.
#[must_use]
pub fn abbreviates(short: &str, long: &str) -> bool {
    if short.len() < 3 || short.len() >= long.len() || short.chars().next() != long.chars().next() {
        return false;
    }
    let mut letters = long.chars();
    let in_order = short
        .chars()
        .all(|letter| letters.any(|other| other == letter));
    let same_start = short.chars().zip(long.chars()).take(2).all(|(a, b)| a == b);
    in_order && (same_start || !short.contains(['a', 'e', 'i', 'o', 'u']))
}

/// Whether two words may be forms of one in some language: they begin alike and differ in the
/// last letters, as `Kunde` and `Kunden`.
#[must_use]
pub fn inflects(left: &str, right: &str) -> bool {
    let (left, right): (Vec<char>, Vec<char>) = (left.chars().collect(), right.chars().collect());
    let alike = left.iter().zip(&right).take_while(|(a, b)| a == b).count();
    let rest = left.len().max(right.len()) - alike;
    alike >= 3 && rest <= 2 && alike >= 2 * rest && left != right
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_any_style_are_the_same_words() {
        for name in [
            "alert_rule_id",
            "AlertRuleID",
            "alertRuleId",
            "ALERT_RULE_ID",
            "Alert Rule-Id",
        ] {
            assert_eq!(split(name), ["alert", "rule", "id"], "{name}");
        }
        assert_eq!(split("HTTPServerId"), ["http", "server", "id"]);
        assert_eq!(split("IDCustomer"), ["id", "customer"]);
        assert_eq!(split("__"), [""; 0]);
    }

    #[test]
    fn singular_and_plural_are_alike() {
        for pair in "user users, category categories, status statuses, address addresses, person people, child children, movie movies, bus buses, box boxes, quiz quizzes, alias aliases, house houses, case cases, leaf leaves, knife knives, archive archives, hero heroes, analysis analyses, index indices, cache caches, batch batches, class classes, series series, news news, datum data, day days, key keys, process processes, salesperson salespeople, woman women, shoe shoes, database databases, schema schemas, branch branches, company companies, response responses, size sizes".split(", ") {
            let (singular, plural) = pair.split_once(' ').unwrap();
            assert_eq!(stem(singular), stem(plural), "{pair}");
        }
        for pair in "user order, man woman, book box, post posting, cart card".split(", ") {
            let (left, right) = pair.split_once(' ').unwrap();
            assert_ne!(stem(left), stem(right), "{pair}");
        }
    }

    #[test]
    fn words_without_a_gap_mean_the_same() {
        let words = |text: &str| split(text);
        assert!(same(&words("alertrule"), &words("alert_rules")));
        assert!(same(&words("sales_order"), &words("SalesOrders")));
        assert!(!same(&words("alert"), &words("alert_rules")));
        assert!(!same(&[], &words("a")));
    }

    #[test]
    fn abbreviations_start_alike() {
        for pair in "cust customer, dept department, emp employee, prod product, acct account, org organization, cat category, mgr manager, inv invoice".split(", ") {
            let (short, long) = pair.split_once(' ').unwrap();
            assert!(abbreviates(short, long), "{pair}");
        }
        for pair in "us user, user user, act product, cart customer, team tournament".split(", ") {
            let (short, long) = pair.split_once(' ').unwrap();
            assert!(!abbreviates(short, long), "{pair}");
        }
    }
}
