//! Words and numbers for people.

use std::borrow::Cow;
use std::fmt::Display;

use indicatif::HumanCount;

/// `text` without control characters, which a database may hold and a terminal would obey:
/// each is shown as an escape. Line breaks and tabs stay.
#[must_use]
pub fn printable(text: &str) -> Cow<'_, str> {
    let is_plain = |character: char| {
        character == '\n'
            || character == '\t'
            || !(character.is_control() || is_invisible(character))
    };
    if text.chars().all(is_plain) {
        return Cow::Borrowed(text);
    }
    let shown = text.chars().map(|character| {
        if is_plain(character) {
            character.to_string()
        } else {
            character.escape_default().to_string()
        }
    });
    Cow::Owned(shown.collect())
}

/// `text` in one line and without control characters.
#[must_use]
pub fn one_line(text: &str) -> String {
    printable(&text.replace(['\n', '\t'], " ")).into_owned()
}

/// Marks that reorder what a terminal shows (<https://www.unicode.org/reports/tr9/>).
fn is_invisible(character: char) -> bool {
    matches!(character, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// `1234567` as `1,234,567`.
#[must_use]
pub fn count(number: i64) -> String {
    HumanCount(number.unsigned_abs()).to_string()
}

/// `1 row`, `2 rows`.
#[must_use]
pub fn rows(number: i64) -> String {
    plural(number, "row")
}

/// `1 <noun>`, `2 <noun>s`.
#[must_use]
pub fn plural(number: i64, noun: &str) -> String {
    let ending = if number == 1 { "" } else { "s" };
    format!("{} {noun}{ending}", count(number))
}

/// `a, b and c`.
#[must_use]
pub fn listing(items: &[impl Display]) -> String {
    match items {
        [] => String::new(),
        [only] => only.to_string(),
        [most @ .., last] => {
            let most: Vec<_> = most.iter().map(ToString::to_string).collect();
            format!("{} and {last}", most.join(", "))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_are_made_visible() {
        assert_eq!(printable("plain ü\n\ttext"), "plain ü\n\ttext");
        assert_eq!(printable("\u{1b}[31mred\u{7}\r"), "\\u{1b}[31mred\\u{7}\\r");
        assert_eq!(printable("a\u{202e}b\u{0}"), "a\\u{202e}b\\u{0}");
    }

    #[test]
    fn numbers_read_well() {
        assert_eq!(count(1_234_567), "1,234,567");
        assert_eq!(rows(1), "1 row");
        assert_eq!(rows(0), "0 rows");
        assert_eq!(listing(&["a", "b", "c"]), "a, b and c");
        assert_eq!(listing(&["a"]), "a");
    }
}
