//! Words and numbers for people.

use std::borrow::Cow;
use std::fmt::{self, Display, Write as _};

use anstyle::{AnsiColor, Style};
use indicatif::HumanCount;
use textwrap::{Options, WordSeparator, WordSplitter};
use unicode_width::UnicodeWidthStr as _;

/// Text for people, line by line. What is written at once is one line of it, whatever the names
/// and values in it hold: a table may be called `t\nno orphans`.
#[derive(Clone, Debug, Default)]
pub struct Lines {
    plain: String,
    /// The same, in the colours of a terminal.
    coloured: String,
}

/// How a part of a line stands out on a terminal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mark {
    /// Something is wrong.
    Error,
    /// Something may be wrong, or goes.
    Warning,
    /// Something can be done about it.
    Hint,
}

impl Mark {
    /// Its colour.
    #[must_use]
    pub fn style(self) -> Style {
        match self {
            Mark::Error => AnsiColor::Red.on_default().bold(),
            Mark::Warning => AnsiColor::Yellow.on_default().bold(),
            Mark::Hint => AnsiColor::Cyan.on_default(),
        }
    }
}

impl fmt::Write for Lines {
    /// Adds `line`, with or without its end.
    fn write_str(&mut self, line: &str) -> fmt::Result {
        let line = line.strip_suffix('\n').unwrap_or(line);
        self.push(&printable(line));
        Ok(())
    }

    fn write_fmt(&mut self, line: fmt::Arguments<'_>) -> fmt::Result {
        self.write_str(&fmt::format(line))
    }
}

impl Lines {
    /// One line.
    #[must_use]
    pub fn of(line: &str) -> Self {
        let mut lines = Lines::default();
        lines.push(&printable(line));
        lines
    }

    /// Adds a line that is fit to be shown.
    fn push(&mut self, line: &str) {
        for text in [&mut self.plain, &mut self.coloured] {
            text.push_str(line);
            text.push('\n');
        }
    }

    /// Adds a line in which `marked` stands out, between `before` and `after`.
    pub fn marked(&mut self, before: &str, mark: Mark, marked: &str, after: &str) {
        let (before, marked, after) = (printable(before), printable(marked), printable(after));
        let style = mark.style();
        let _ = writeln!(self.plain, "{before}{marked}{after}");
        let _ = writeln!(self.coloured, "{before}{style}{marked}{style:#}{after}");
    }

    /// Adds an empty line.
    pub fn blank(&mut self) {
        self.push("");
    }

    /// Adds `other`.
    pub fn append(&mut self, other: &Lines) {
        self.plain.push_str(&other.plain);
        self.coloured.push_str(&other.coloured);
    }

    /// The text, each line ended.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.plain
    }

    /// The text for a terminal of `width` columns, if it is one, in colours if that is wanted.
    #[must_use]
    pub fn shown(&self, width: Option<u16>, in_colour: bool) -> Cow<'_, str> {
        let text = if in_colour {
            &self.coloured
        } else {
            &self.plain
        };
        let Some(width) = width else {
            return Cow::Borrowed(text);
        };
        let lines = text.lines().map(|line| wrapped(line, width) + "\n");
        Cow::Owned(lines.collect())
    }
}

/// `line` broken between words where it is wider than a terminal of `width` columns; what follows
/// hangs two columns deeper.
#[must_use]
pub fn wrapped(line: &str, width: u16) -> String {
    let width = usize::from(width);
    // It does not count what sets a colour.
    if textwrap::core::display_width(line) <= width {
        return line.to_owned();
    }
    let text = line.trim_start();
    let margin = " ".repeat(line.len() - text.len());
    let hanging = format!("{margin}  ");
    let options = Options::new(width)
        .initial_indent(&margin)
        .subsequent_indent(&hanging)
        .break_words(false)
        .word_separator(WordSeparator::AsciiSpace)
        .word_splitter(WordSplitter::NoHyphenation);
    textwrap::fill(text, options)
}

/// `text` as one line that a terminal shows and does not obey: each character that it would not
/// show, and each break, as an escape.
#[must_use]
pub fn printable(text: &str) -> Cow<'_, str> {
    let is_plain =
        |character: char| character == '\t' || !(character.is_control() || is_invisible(character));
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

/// `text` in one line, with blanks for its breaks: for a cell of a table, or a label.
#[must_use]
pub fn one_line(text: &str) -> String {
    printable(&text.replace(['\n', '\t'], " ")).into_owned()
}

/// Whether `character` has no shape of its own: marks that reorder a line
/// (<https://www.unicode.org/reports/tr9/>), breaks of lines, and what Unicode has programs
/// ignore (`Default_Ignorable_Code_Point` in <https://www.unicode.org/reports/tr44/>), but for
/// the selectors that emoji are written with.
#[must_use]
pub fn is_invisible(character: char) -> bool {
    matches!(
        character,
        '\u{ad}'
            | '\u{34f}'
            | '\u{61c}'
            | '\u{115f}'
            | '\u{1160}'
            | '\u{17b4}'
            | '\u{17b5}'
            | '\u{180b}'..='\u{180f}'
            | '\u{200b}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{2800}'
            | '\u{3164}'
            | '\u{feff}'
            | '\u{ffa0}'
            | '\u{fff0}'..='\u{fffb}'
            | '\u{1bca0}'..='\u{1bca3}'
            | '\u{1d173}'..='\u{1d17a}'
            | '\u{e0000}'..='\u{e0fff}'
    )
}

/// The start of `text` that is at most `widest` columns wide on a terminal, with `…` where there
/// is more.
#[must_use]
pub fn cut(text: &str, widest: usize) -> String {
    if text.width() <= widest {
        return text.to_owned();
    }
    let mut start = String::new();
    for character in text.chars() {
        start.push(character);
        if start.width() >= widest {
            start.pop();
            break;
        }
    }
    start + "…"
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

/// What an archive holds of `table`: rows that `left` it, and the keys that others had which `stayed`.
#[must_use]
pub fn archived(left: i64, stayed: i64, table: &str) -> String {
    let keys = format!("the earlier keys of {} that stayed", rows(stayed));
    match (left, stayed) {
        (_, 0) => format!("{} that left {table}", rows(left)),
        (0, _) => format!("{keys} in {table}"),
        _ => format!("{} that left {table}, and {keys}", rows(left)),
    }
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
        assert_eq!(printable("plain ü\n\ttext"), "plain ü\\n\ttext");
        for mark in [
            '\u{200b}',
            '\u{2028}',
            '\u{2066}',
            '\u{feff}',
            '\u{85}',
            '\u{e0041}',
        ] {
            let shown = printable(&format!("a{mark}")).into_owned();
            assert_eq!(shown, format!("a\\u{{{:x}}}", u32::from(mark)));
        }
        assert_eq!(printable("\u{1b}[31mred\u{7}\r"), "\\u{1b}[31mred\\u{7}\\r");
        assert_eq!(printable("a\u{202e}b\u{0}"), "a\\u{202e}b\\u{0}");
    }

    #[test]
    fn what_is_written_at_once_is_one_line() {
        use std::fmt::Write as _;
        let mut lines = Lines::of("a\n");
        let name = "t\nno orphans\r";
        let _ = writeln!(lines, "{name} is fine");
        lines.blank();
        lines.append(&Lines::of("end"));
        assert_eq!(lines.as_str(), "a\\n\nt\\nno orphans\\r is fine\n\nend\n");
    }

    #[test]
    fn what_is_marked_stands_out_in_colour_alone_and_wraps_like_the_rest() {
        let mut lines = Lines::default();
        lines.marked("  ", Mark::Warning, "4 rows", " of t\n leave");
        assert_eq!(lines.as_str(), "  4 rows of t\\n leave\n");
        assert_eq!(lines.shown(None, false), lines.as_str());
        assert_eq!(
            lines.shown(None, true),
            "  \u{1b}[1m\u{1b}[33m4 rows\u{1b}[0m of t\\n leave\n"
        );
        assert_eq!(
            lines.shown(Some(14), false),
            "  4 rows of\n    t\\n leave\n"
        );
        assert_eq!(
            lines.shown(Some(14), true),
            "  \u{1b}[1m\u{1b}[33m4 rows\u{1b}[0m of\n    t\\n leave\n"
        );
    }

    #[test]
    fn a_wide_line_breaks_between_words_and_hangs() {
        assert_eq!(wrapped("  one two three", 9), "  one two\n    three");
        assert_eq!(wrapped("never-in-mid/word", 9), "never-in-mid/word");
        assert_eq!(wrapped("漢字 漢字", 6), "漢字\n  漢字");
        assert_eq!(cut("漢字漢字", 5), "漢字…");
        assert_eq!(cut("abcde", 5), "abcde");
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
