//! The table of an `ALTER TABLE`, and what is asked of it, one action after the other.

use super::lexer::{Kind, Token};
use crate::postgres::catalog::quoted;

/// A table as a script names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Path {
    /// The schema, where it is named.
    pub schema: Option<String>,
    /// The table.
    pub table: String,
    /// Whether the table was written without quotes.
    pub folded: bool,
}

impl Path {
    /// As SQL writes it.
    #[must_use]
    pub fn sql(&self) -> String {
        let table = quoted(&self.table);
        match &self.schema {
            Some(schema) => format!("{}.{table}", quoted(schema)),
            None => table,
        }
    }

    /// As people write it.
    #[must_use]
    pub fn shown(&self) -> String {
        match &self.schema {
            Some(schema) => format!("{schema}.{}", self.table),
            None => self.table.clone(),
        }
    }
}

/// The table of `ALTER TABLE [IF EXISTS] [ONLY] name [*]`, and the tokens behind it.
pub(super) fn alter_table(tokens: &[Token]) -> Option<(Path, &[Token])> {
    let [alter, table, rest @ ..] = tokens else {
        return None;
    };
    if !(alter.is("alter") && table.is("table")) {
        return None;
    }
    let rest = match rest {
        [a, b, rest @ ..] if a.is("if") && b.is("exists") => rest,
        _ => rest,
    };
    let rest = match rest {
        [only, rest @ ..] if only.is("only") => rest,
        _ => rest,
    };
    let (path, rest) = path(rest)?;
    Some(match rest {
        [star, rest @ ..] if star.is_char('*') => (path, rest),
        _ => (path, rest),
    })
}

pub(super) fn path(tokens: &[Token]) -> Option<(Path, &[Token])> {
    let named = |token: &Token| {
        let folded = matches!(token.kind, Kind::Word(_));
        token.name().map(|name| (name.to_owned(), folded))
    };
    match tokens {
        [schema, dot, table, rest @ ..] if dot.is_char('.') => {
            let (table, folded) = named(table)?;
            let schema = Some(named(schema)?.0);
            Some((
                Path {
                    schema,
                    table,
                    folded,
                },
                rest,
            ))
        }
        [table, rest @ ..] => {
            let (table, folded) = named(table)?;
            Some((
                Path {
                    schema: None,
                    table,
                    folded,
                },
                rest,
            ))
        }
        [] => None,
    }
}

/// Cuts the actions of an ALTER TABLE at the commas outside of parentheses.
pub(super) fn actions(tokens: &[Token]) -> Vec<&[Token]> {
    let (mut actions, mut depth, mut start) = (Vec::new(), 0_usize, 0);
    for (at, token) in tokens.iter().enumerate() {
        match token.kind {
            Kind::Other('(' | '[') => depth += 1,
            Kind::Other(')' | ']') => depth = depth.saturating_sub(1),
            Kind::Other(',') if depth == 0 => {
                actions.extend(tokens.get(start..at));
                start = at + 1;
            }
            _ => {}
        }
    }
    actions.extend(tokens.get(start..));
    actions
}
