//! The constraints in the stored text of a `CREATE TABLE`: read, added at its end, taken out.

use anyhow::{Result, anyhow};
use sqlite3_parser::dialect::TokenType;

use super::ddl::{Token, same_name, tokens, unquote};

/// Adds table constraints at the end of the body of a stored `CREATE TABLE`.
///
/// They stand directly before the closing parenthesis, each as `, CONSTRAINT …`; the white
/// space before that parenthesis stays, so that `ALTER TABLE … DROP CONSTRAINT` of SQLite
/// gives back `create_table` byte for byte.
pub fn add_constraints(create_table: &str, constraints: &[&str]) -> Result<String> {
    let close = body_end(create_table)?;
    let (before, after) = create_table.split_at(close);
    let mut edited = before.to_owned();
    for constraint in constraints {
        edited.push_str(", ");
        edited.push_str(constraint);
    }
    edited.push_str(after);
    Ok(edited)
}

/// Offset of the `)` that closes the body of a `CREATE TABLE`.
fn body_end(create_table: &str) -> Result<usize> {
    let mut depth = 0_u32;
    for token in tokens(create_table)? {
        match token.kind {
            TokenType::TK_LP => depth += 1,
            TokenType::TK_RP if depth == 1 => return Ok(token.start),
            TokenType::TK_RP => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    Err(anyhow!(
        "the stored CREATE TABLE has no body in parentheses"
    ))
}

/// The names given to constraints in a stored `CREATE TABLE`.
pub fn constraint_names(create_table: &str) -> Result<Vec<String>> {
    let tokens = tokens(create_table)?;
    let named = tokens
        .windows(2)
        .filter_map(|pair| match pair {
            [keyword, name] if keyword.kind == TokenType::TK_CONSTRAINT => Some(unquote(name.text)),
            _ => None,
        })
        .collect();
    Ok(named)
}

/// The name of each foreign key in a stored `CREATE TABLE`, in the order of the text:
/// `CONSTRAINT name FOREIGN KEY (a, b) REFERENCES …`. None for a key without a name, and for one
/// that stands behind a column, whatever it is called there.
pub fn foreign_key_names(create_table: &str) -> Result<Vec<Option<String>>> {
    use TokenType::{TK_CONSTRAINT, TK_FOREIGN, TK_REFERENCES};
    let tokens = tokens(create_table)?;
    let name_before = |at: usize| match tokens.get(at.checked_sub(2)?..at)? {
        [constraint, name] if constraint.kind == TK_CONSTRAINT => Some(unquote(name.text)),
        _ => None,
    };
    let mut names = Vec::new();
    // Where `FOREIGN` begins the key that waits for its `REFERENCES`.
    let mut foreign = None;
    for (at, token) in tokens.iter().enumerate() {
        match token.kind {
            TK_FOREIGN => foreign = Some(at),
            TK_REFERENCES => names.push(foreign.take().and_then(name_before)),
            _ => {}
        }
    }
    Ok(names)
}

/// A stored `CREATE TABLE` without the foreign key that is the `place`-th in its text, from 0: a table
/// constraint goes with the comma before it, the clause of a column with the space before it.
pub fn without_foreign_key(create_table: &str, place: usize) -> Result<String> {
    use TokenType::{TK_COMMA, TK_CONSTRAINT, TK_FOREIGN, TK_REFERENCES};
    let tokens = tokens(create_table)?;
    let kind = |at: usize| tokens.get(at).map(|it| it.kind);
    let references = tokens.iter().enumerate();
    let references = references.filter(|(_, it)| it.kind == TK_REFERENCES);
    let at = references.map(|(at, _)| at).nth(place);
    let at = at.ok_or_else(|| anyhow!("the stored CREATE TABLE has no such foreign key"))?;
    let last = at + key_clause(tokens.get(at..).unwrap_or_default()) - 1;
    // Constraints of a table may follow each other without a comma.
    let comma_stays = kind(last + 1).is_some_and(|it| it != TK_COMMA && it != TokenType::TK_RP);
    let end = tokens.get(last).map_or(create_table.len(), |last| last.end);
    // FOREIGN KEY ( … ) stands directly before REFERENCES; a column may be called so, in quotes.
    let mut first = at;
    if kind(at.wrapping_sub(1)) == Some(TokenType::TK_RP) {
        let before = tokens.get(..at).unwrap_or_default();
        let open = before.iter().rposition(|it| it.kind == TokenType::TK_LP);
        let foreign = open.and_then(|open| open.checked_sub(2));
        first = foreign
            .filter(|it| kind(*it) == Some(TK_FOREIGN))
            .unwrap_or(at);
    }
    if first >= 2 && kind(first - 2) == Some(TK_CONSTRAINT) {
        first -= 2;
    }
    let before = first.checked_sub(1).and_then(|it| tokens.get(it));
    let start = match before {
        Some(comma) if comma.kind == TK_COMMA && comma_stays => comma.end,
        Some(comma) if comma.kind == TK_COMMA => comma.start,
        Some(token) => token.end,
        None => 0,
    };
    let mut left = create_table.to_owned();
    left.replace_range(start..end, "");
    Ok(left)
}

/// The same without the first foreign key that is called `name`, if there is one.
pub fn without_named_key(create_table: &str, name: &str) -> Result<Option<String>> {
    use TokenType::{TK_CONSTRAINT, TK_FOREIGN, TK_REFERENCES};
    let tokens = tokens(create_table)?;
    let mut first = None;
    let mut place = None;
    let references = tokens.iter().filter(|it| it.kind == TK_REFERENCES).count();
    let mut keys = 0..references;
    for (at, token) in tokens.iter().enumerate() {
        match token.kind {
            TK_FOREIGN => first = Some(at),
            TK_REFERENCES => {
                let (key, begin) = (keys.next(), first.take().unwrap_or(at));
                let named = begin.checked_sub(2).and_then(|it| tokens.get(it..begin));
                if let Some([constraint, own]) = named
                    && constraint.kind == TK_CONSTRAINT
                    && same_name(&unquote(own.text), name)
                {
                    place = place.or(key);
                }
            }
            _ => {}
        }
    }
    place
        .map(|place| without_foreign_key(create_table, place))
        .transpose()
}

/// How many tokens the clause that begins with `REFERENCES` has
/// (<https://www.sqlite.org/syntax/foreign-key-clause.html>).
fn key_clause(tokens: &[Token<'_>]) -> usize {
    use TokenType::{TK_DEFERRABLE, TK_INITIALLY, TK_LP, TK_MATCH, TK_NOT, TK_ON, TK_RP, TK_SET};
    let kind = |at: usize| tokens.get(at).map(|it| it.kind);
    let mut at = 2;
    if kind(at) == Some(TK_LP) {
        while kind(at).is_some_and(|it| it != TK_RP) {
            at += 1;
        }
        at += 1;
    }
    loop {
        at += match (kind(at), kind(at + 1), kind(at + 2)) {
            (Some(TK_ON), _, Some(TK_SET)) => 4,
            (Some(TK_ON), _, Some(_)) if is_word(tokens, at + 2, "NO") => 4,
            (Some(TK_ON), _, Some(_)) => 3,
            (Some(TK_NOT), Some(TK_DEFERRABLE), _) | (Some(TK_MATCH | TK_INITIALLY), ..) => 2,
            (Some(TK_DEFERRABLE), ..) => 1,
            _ => return at.min(tokens.len()),
        };
    }
}

fn is_word(tokens: &[Token<'_>], at: usize, word: &str) -> bool {
    tokens.get(at).is_some_and(|it| same_name(it.text, word))
}

/// Whether each foreign key in a stored `CREATE TABLE` is checked at COMMIT alone, in the order
/// of the text. `foreign_key_list` does not tell.
pub fn deferred_keys(create_table: &str) -> Result<Vec<bool>> {
    use TokenType::{TK_DEFERRABLE, TK_DEFERRED, TK_INITIALLY, TK_NOT, TK_REFERENCES};
    let kinds: Vec<_> = tokens(create_table)?.iter().map(|it| it.kind).collect();
    let mut deferred = Vec::new();
    for (at, kind) in kinds.iter().enumerate() {
        let (before, after) = kinds.split_at(at);
        match (kind, deferred.last_mut()) {
            (TK_REFERENCES, _) => deferred.push(false),
            // SQLite gives the clause to the key before it, and the last clause counts.
            (TK_DEFERRABLE, Some(last)) => {
                let initially = after.starts_with(&[TK_DEFERRABLE, TK_INITIALLY, TK_DEFERRED]);
                *last = initially && before.last() != Some(&TK_NOT);
            }
            _ => {}
        }
    }
    Ok(deferred)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_constraint_stands_before_the_last_parenthesis() {
        let text = "CREATE TABLE t (\n  a CHECK (a <> ')'), -- )\n  b /* ) */\n) STRICT";
        assert_eq!(
            add_constraints(text, &["CONSTRAINT k FOREIGN KEY (b) REFERENCES p (id)"]).unwrap(),
            "CREATE TABLE t (\n  a CHECK (a <> ')'), -- )\n  b /* ) */\n, CONSTRAINT k FOREIGN KEY (b) REFERENCES p (id)) STRICT"
        );
    }

    #[test]
    fn a_definition_without_a_body_is_an_error() {
        assert!(add_constraints("CREATE TABLE t", &["x"]).is_err());
        assert!(add_constraints("CREATE TABLE t (a '", &["x"]).is_err());
    }

    #[test]
    fn names_of_constraints_are_read_in_any_quoting() {
        let text = "CREATE TABLE t (a CONSTRAINT [one] NOT NULL, b, CONSTRAINT \"t\"\"wo\" CHECK (a), CONSTRAINT three UNIQUE (a))";
        assert_eq!(constraint_names(text).unwrap(), ["one", "t\"wo", "three"]);
    }

    #[test]
    fn each_foreign_key_is_told_its_own_name() {
        let text = "CREATE TABLE t (a CONSTRAINT one NOT NULL REFERENCES p, b CONSTRAINT [two] REFERENCES p, c, CONSTRAINT \"k\" FOREIGN KEY (a) REFERENCES q, FOREIGN KEY (a) REFERENCES r, CONSTRAINT k FOREIGN KEY (c, b) REFERENCES s (a, b))";
        let names = foreign_key_names(text).unwrap();
        let names: Vec<_> = names.iter().map(Option::as_deref).collect();
        assert_eq!(names, [None, None, Some("k"), None, Some("k")]);
    }

    #[test]
    fn a_key_that_waits_for_commit_is_told_from_others() {
        let text = "CREATE TABLE t (a REFERENCES p DEFERRABLE INITIALLY DEFERRED, deferred REFERENCES p NOT DEFERRABLE INITIALLY DEFERRED, b REFERENCES p deferrable /* x */ initially\ndeferred NOT DEFERRABLE, FOREIGN KEY (a) REFERENCES p ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED, FOREIGN KEY (b) REFERENCES p DEFERRABLE)";
        assert_eq!(
            deferred_keys(text).unwrap(),
            [true, false, false, true, false]
        );
    }
}
