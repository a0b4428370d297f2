//! The words of SQL as PostgreSQL cuts them
//! (<https://www.postgresql.org/docs/current/sql-syntax-lexical.html>): what is needed to tell
//! statements apart and to read a foreign key.

/// What a token is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A word without quotes, in lower case as PostgreSQL folds it.
    Word(String),
    /// A name in double quotes, as it is meant.
    Quoted(String),
    /// A string of any form.
    Text,
    /// Anything else: one character, or a number.
    Other(char),
}

/// A token and where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    /// What it is.
    pub kind: Kind,
    /// The byte at which it begins …
    pub start: usize,
    /// … and the one behind it.
    pub end: usize,
}

impl Token {
    /// Whether it is this keyword, given in lower case.
    #[must_use]
    pub fn is(&self, keyword: &str) -> bool {
        matches!(&self.kind, Kind::Word(word) if word == keyword)
    }

    /// Whether it is this character.
    #[must_use]
    pub fn is_char(&self, character: char) -> bool {
        self.kind == Kind::Other(character)
    }

    /// The name that it is, if it is one.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        match &self.kind {
            Kind::Word(name) | Kind::Quoted(name) => Some(name),
            Kind::Text | Kind::Other(_) => None,
        }
    }
}

/// Cuts `text` into tokens, without white space and comments; fails with what is not closed.
pub fn tokens(text: &str) -> Result<Vec<Token>, &'static str> {
    let mut lexer = Lexer { text, at: 0 };
    let mut tokens = Vec::new();
    while let Some(token) = lexer.next()? {
        tokens.push(token);
    }
    Ok(tokens)
}

struct Lexer<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Lexer<'a> {
    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn skip_blank(&mut self) -> Result<(), &'static str> {
        loop {
            let rest = self.rest();
            if let Some(comment) = rest.strip_prefix("--") {
                self.at += 2 + comment.find('\n').unwrap_or(comment.len());
            } else if rest.starts_with("/*") {
                self.at += nested_comment(rest).ok_or("a comment /* is not closed")?;
            } else if let Some(blank) = rest.chars().next().filter(char::is_ascii_whitespace) {
                self.at += blank.len_utf8();
            } else {
                return Ok(());
            }
        }
    }

    fn next(&mut self) -> Result<Option<Token>, &'static str> {
        self.skip_blank()?;
        let start = self.at;
        let Some(first) = self.peek() else {
            return Ok(None);
        };
        let kind = match first {
            '\'' => self.string(false)?,
            '"' => Kind::Quoted(self.quoted()?),
            '$' => self.dollar()?,
            _ if is_name_start(first) => self.word()?,
            _ if first.is_ascii_digit() => {
                self.take(|it| it.is_ascii_alphanumeric() || it == '.' || it == '_');
                Kind::Other('0')
            }
            _ => {
                self.at += first.len_utf8();
                Kind::Other(first)
            }
        };
        Ok(Some(Token {
            kind,
            start,
            end: self.at,
        }))
    }

    fn take(&mut self, is_part: impl Fn(char) -> bool) -> &'a str {
        let rest = self.rest();
        let end = rest.find(|it| !is_part(it)).unwrap_or(rest.len());
        self.at += end;
        rest.get(..end).unwrap_or_default()
    }

    fn word(&mut self) -> Result<Kind, &'static str> {
        let word = self.take(|it| is_name_start(it) || it.is_ascii_digit() || it == '$');
        let rest = self.rest();
        let is_prefix = |letters: &str| word.eq_ignore_ascii_case(letters);
        if rest.starts_with('\'') && is_prefix("e") {
            return self.string(true);
        }
        if rest.starts_with('\'') && ["b", "x", "n"].iter().any(|it| is_prefix(it)) {
            return self.string(false);
        }
        if is_prefix("u") && rest.starts_with("&'") {
            self.at += 1;
            return self.string(false);
        }
        if is_prefix("u") && rest.starts_with("&\"") {
            return Err(
                "names of the form U&\"…\" are not read here: write the characters themselves",
            );
        }
        Ok(Kind::Word(word.to_lowercase()))
    }

    fn string(&mut self, escapes: bool) -> Result<Kind, &'static str> {
        self.at += 1;
        let mut characters = self.rest().char_indices().peekable();
        while let Some((at, character)) = characters.next() {
            match character {
                '\\' if escapes => {
                    characters.next();
                }
                '\'' if characters.next_if(|(_, it)| *it == '\'').is_none() => {
                    self.at += at + 1;
                    return Ok(Kind::Text);
                }
                _ => {}
            }
        }
        Err("a string is not closed")
    }

    fn quoted(&mut self) -> Result<String, &'static str> {
        self.at += 1;
        let mut name = String::new();
        let mut characters = self.rest().char_indices().peekable();
        while let Some((at, character)) = characters.next() {
            if character == '"' && characters.next_if(|(_, it)| *it == '"').is_none() {
                self.at += at + 1;
                return Ok(name);
            }
            name.push(character);
        }
        Err("a name in quotes is not closed")
    }

    /// `$tag$ … $tag$`, or a parameter such as `$1`.
    fn dollar(&mut self) -> Result<Kind, &'static str> {
        let rest = self.rest();
        let inner = rest.get(1..).unwrap_or_default();
        let end = inner.find(|it| !(is_name_start(it) || char::is_ascii_digit(&it)));
        let end = end.unwrap_or(inner.len());
        let is_tag = inner.get(end..).is_some_and(|it| it.starts_with('$'))
            && !inner.starts_with(|it: char| it.is_ascii_digit());
        if !is_tag {
            self.at += 1;
            return Ok(Kind::Other('$'));
        }
        let tag = rest.get(..end + 2).unwrap_or_default();
        let body = rest.get(tag.len()..).unwrap_or_default();
        let close = body.find(tag).ok_or("a string in dollars is not closed")?;
        self.at += tag.len() + close + tag.len();
        Ok(Kind::Text)
    }
}

fn is_name_start(character: char) -> bool {
    character.is_ascii_alphabetic() || character == '_' || !character.is_ascii()
}

/// The length of the comment that `text` begins with; comments nest.
fn nested_comment(text: &str) -> Option<usize> {
    let (mut depth, mut at) = (0_usize, 0);
    loop {
        let rest = text.get(at..)?;
        if rest.starts_with("/*") {
            depth += 1;
            at += 2;
        } else if rest.starts_with("*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return Some(at);
            }
        } else {
            at += rest.chars().next()?.len_utf8();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<String> {
        let tokens = tokens(text).unwrap();
        let word = |token: &Token| match &token.kind {
            Kind::Word(word) => word.clone(),
            Kind::Quoted(name) => format!("\"{name}\""),
            Kind::Text => "''".to_owned(),
            Kind::Other(character) => character.to_string(),
        };
        tokens.iter().map(word).collect()
    }

    #[test]
    fn tokens_are_cut_as_postgresql_cuts_them() {
        assert_eq!(
            words("SELECT 'a;''b', E'c\\';', $x$ ; $x$, $$;$$, $1 /* ; /* ; */ ; */ -- ;\n;"),
            [
                "select", "''", ",", "''", ",", "''", ",", "''", ",", "$", "0", ";"
            ]
        );
        assert_eq!(
            words("alter Table \"Web \"\"Logs\"\"\".Täb U&'x' b'1' a$b"),
            [
                "alter",
                "table",
                "\"Web \"Logs\"\"",
                ".",
                "täb",
                "''",
                "''",
                "a$b"
            ]
        );
        assert_eq!(words("'a\\' b"), ["''", "b"]);
    }

    #[test]
    fn what_is_not_closed_is_an_error() {
        for open in ["'a", "\"a", "/* /* */", "$a$ $b$", "E'\\'"] {
            assert!(tokens(open).is_err(), "{open}");
        }
    }
}
