//! Text in, text out: names, and the stored text of `CREATE TABLE`.
//!
//! SQLite's own tokenizer rules (the crate `sqlite3-parser`) find every place; nothing here
//! searches text by hand, because strings, comments and quoted names may hold anything.

use anyhow::{Context as _, Result, anyhow};
use sqlite3_parser::dialect::TokenType;
use sqlite3_parser::lexer::Scanner;
use sqlite3_parser::lexer::sql::{Error, Tokenizer};

/// A token and where it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Token<'a> {
    /// What kind of token SQLite takes it for.
    pub kind: TokenType,
    /// Its text, quotes included.
    pub text: &'a str,
    /// Offset of its first byte.
    pub start: usize,
    /// Offset behind its last byte.
    pub end: usize,
}

/// The tokens of `sql`, without white space and comments.
pub fn tokens(sql: &str) -> Result<Vec<Token<'_>>> {
    // To SQLite a vertical tab is white space behind other white space; to the crate it is an
    // error. Of one byte both, the offsets stay.
    let text = sql.replace('\u{b}', " ");
    let mut scanner = Scanner::new(Tokenizer::new());
    let mut found = Vec::new();
    loop {
        let next = scanner.scan(text.as_bytes());
        // To SQLite a comment that is not closed ends with the text.
        if let Err(Error::UnterminatedBlockComment(_)) = next {
            return Ok(found);
        }
        let (start, token, end) = next.map_err(|error| {
            let line = scanner.position(text.as_bytes()).line;
            // The crate ends its text with the position in Rust's own notation.
            let text = error.to_string();
            let what = text.split(" at ").next().unwrap_or(&text);
            anyhow!("line {line} is not SQL that SQLite can read: {what}")
        })?;
        let Some((_, kind)) = token else {
            return Ok(found);
        };
        // The token's own slice lacks the prefix of `?1` and `x'00'`; the offsets do not.
        let text = sql
            .get(start..end)
            .context("a token ends inside a character")?;
        found.push(Token {
            kind,
            text,
            start,
            end,
        });
    }
}

/// Whether the table counts its rowids by AUTOINCREMENT.
pub fn counts_rowids(create_table: &str) -> Result<bool> {
    let tokens = tokens(create_table)?;
    Ok(tokens.iter().any(|it| it.kind == TokenType::TK_AUTOINCR))
}

/// `name` as a quoted identifier: `a"b` becomes `"a""b"`.
#[must_use]
pub fn quote(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// `text` as a string literal: `it's` becomes `'it''s'`.
#[must_use]
pub fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// Several names, quoted, each with `prefix` before it: `w."a", w."b"`.
pub fn quote_list<'a>(prefix: &str, names: impl IntoIterator<Item = &'a str>) -> String {
    let quoted: Vec<_> = names
        .into_iter()
        .map(|name| format!("{prefix}{}", quote(name)))
        .collect();
    quoted.join(", ")
}

/// The name that an identifier token stands for: `"a""b"`, `[a]`, `` `a` `` and `'a'` are all
/// identifiers to SQLite (<https://www.sqlite.org/lang_keywords.html>).
#[must_use]
pub fn unquote(token: &str) -> String {
    let mut characters = token.chars();
    let (first, last) = (characters.next(), characters.next_back());
    let inner = characters.as_str();
    match (first, last) {
        (Some('['), Some(']')) => inner.to_owned(),
        (Some(open @ ('"' | '`' | '\'')), Some(close)) if open == close => {
            inner.replace(&format!("{open}{open}"), &open.to_string())
        }
        _ => token.to_owned(),
    }
}

pub use crate::model::key::same_name;

/// The stored text of a `CREATE TABLE` for a table called `name`, which is quoted.
pub fn rename_table(create_table: &str, name: &str) -> Result<String> {
    let tokens = tokens(create_table)?;
    let place = tokens.get(2).filter(|_| {
        let table = tokens.get(1).map(|it| it.kind);
        table == Some(TokenType::TK_TABLE)
    });
    let place = place.ok_or_else(|| anyhow!("the stored CREATE TABLE has no name"))?;
    let mut renamed = create_table.to_owned();
    renamed.replace_range(place.start..place.end, &format!(" {name} "));
    Ok(renamed)
}

/// The stored text of a `CREATE INDEX` for an index called `name`, which is quoted, on `table`.
pub fn move_index(create_index: &str, name: &str, table: &str) -> Result<String> {
    let tokens = tokens(create_index)?;
    let at = tokens.iter().position(|it| it.kind == TokenType::TK_INDEX);
    let places = at.and_then(|at| Some((tokens.get(at + 1)?, tokens.get(at + 3)?)));
    let (own, on) = places.ok_or_else(|| anyhow!("the stored CREATE INDEX has no name"))?;
    let mut moved = create_index.to_owned();
    moved.replace_range(on.start..on.end, &format!(" {} ", quote(table)));
    moved.replace_range(own.start..own.end, &format!(" {name} "));
    Ok(moved)
}

/// `name` as people write it: bare where it is a plain word, or else quoted.
#[must_use]
pub fn as_word(name: &str) -> String {
    let plain = tokens(name).is_ok_and(|it| {
        matches!(it.as_slice(), [token] if token.kind == TokenType::TK_ID && token.text == name)
    });
    let quoted = name.starts_with(['"', '[', '`', '\'']);
    if plain && !quoted {
        name.to_owned()
    } else {
        quote(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quoted_name_reads_back() {
        for name in ["plain", "two words", "a\"b", "", "'", "]", "naïve\u{0}"] {
            assert_eq!(unquote(&quote(name)), name);
        }
        assert_eq!(unquote("[a\"b]"), "a\"b");
        assert_eq!(unquote("`a``b`"), "a`b");
        assert_eq!(unquote("'it''s'"), "it's");
        assert_eq!(unquote("\""), "\"");
    }

    #[test]
    fn a_vertical_tab_behind_white_space_is_white_space() {
        let tokens = tokens("a \u{b}'\u{b}'").unwrap();
        let texts: Vec<_> = tokens.iter().map(|token| token.text).collect();
        assert_eq!(texts, ["a", "'\u{b}'"]);
    }

    #[test]
    fn what_cannot_be_read_is_told_with_its_line() {
        let error = tokens("SELECT 1;\n\nSELECT 'open").unwrap_err().to_string();
        assert_eq!(
            error,
            "line 3 is not SQL that SQLite can read: non-terminated literal"
        );
    }
}
