//! Takes the foreign keys out of a schema.

use std::ops::Range;

use fkfix::sqlite::text::ddl::{self, Token};

/// `create_table` without its foreign keys.
pub fn keys(create_table: &str) -> String {
    let tokens = ddl::tokens(create_table).unwrap();
    let mut out = create_table.to_owned();
    for range in ranges(&tokens).into_iter().rev() {
        out.replace_range(range, "");
    }
    out
}

fn is(token: Option<&Token<'_>>, word: &str) -> bool {
    token.is_some_and(|token| token.text.eq_ignore_ascii_case(word))
}

/// What is cut out: whole `FOREIGN KEY` constraints with the comma before them, and
/// `REFERENCES` clauses.
fn ranges(tokens: &[Token<'_>]) -> Vec<Range<usize>> {
    let (mut ranges, mut depth, mut comma) = (Vec::new(), 0, None);
    let mut at = 0;
    while let Some(token) = tokens.get(at) {
        match token.text {
            "(" => depth += 1,
            ")" => depth -= 1,
            "," if depth == 1 => comma = Some(token.start),
            _ => {}
        }
        let named = is(Some(token), "CONSTRAINT");
        let first = tokens.get(if named { at + 2 } else { at });
        let start = if is(first, "FOREIGN") {
            comma.unwrap()
        } else {
            token.start
        };
        if depth == 1 && (is(first, "FOREIGN") || is(first, "REFERENCES")) {
            let mut end = at;
            while !is(tokens.get(end), "REFERENCES") {
                end += 1;
            }
            end = clause_end(tokens, end);
            ranges.push(start..tokens[end - 1].end);
            at = end;
        } else {
            at += 1;
        }
    }
    ranges
}

/// Behind `REFERENCES parent (columns) ON DELETE SET NULL …`.
fn clause_end(tokens: &[Token<'_>], references: usize) -> usize {
    let mut at = references + 2;
    if is(tokens.get(at), "(") {
        while !is(tokens.get(at), ")") {
            at += 1;
        }
        at += 1;
    }
    loop {
        let next = tokens.get(at);
        if is(next, "ON") {
            at += if is(tokens.get(at + 2), "SET") || is(tokens.get(at + 2), "NO") {
                4
            } else {
                3
            };
        } else if is(next, "DEFERRABLE") || is(next, "MATCH") {
            at += if is(next, "MATCH") || is(tokens.get(at + 1), "INITIALLY") {
                2
            } else {
                1
            };
            if is(tokens.get(at - 1), "INITIALLY") {
                at += 1;
            }
        } else {
            return at;
        }
    }
}

#[test]
fn only_the_keys_go() {
    for (text, bare) in [
        (
            "CREATE TABLE a (x INTEGER NOT NULL REFERENCES b (id) ON DELETE SET NULL ON UPDATE CASCADE DEFAULT 1, y REFERENCES c, CHECK (x > 0))",
            "CREATE TABLE a (x INTEGER NOT NULL  DEFAULT 1, y , CHECK (x > 0))",
        ),
        (
            "CREATE TABLE a (x, y, FOREIGN KEY (x) REFERENCES b DEFERRABLE INITIALLY DEFERRED, CONSTRAINT k FOREIGN KEY (x, y) REFERENCES c (x, y) ON DELETE CASCADE) STRICT",
            "CREATE TABLE a (x, y) STRICT",
        ),
    ] {
        assert_eq!(keys(text), bare);
    }
}
