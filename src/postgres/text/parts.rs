//! A migration in parts: keys that are added together, and statements that PostgreSQL runs itself.

use anyhow::Result;

use super::script::{self, Asks, Request};
use crate::migrations::Migration;
use crate::postgres::catalog::quoted;

/// A part of a script: keys that are added together, or a statement that PostgreSQL runs itself.
pub enum Part {
    /// Keys asked for one after the other.
    Keys(Vec<Request>),
    /// A statement with the line it stands in.
    Statement(usize, String),
}

/// Cuts the script of `migration` into its parts.
pub fn parts(migration: &Migration) -> Result<Vec<Part>> {
    let mut parts: Vec<Part> = Vec::new();
    for statement in script::parse(&migration.file(), migration.script())? {
        match (statement.asks, parts.last_mut()) {
            (Asks::Key(request), Some(Part::Keys(requests))) => requests.push(*request),
            (Asks::Key(request), _) => parts.push(Part::Keys(vec![*request])),
            (
                Asks::Drop {
                    table,
                    constraint,
                    if_exists,
                },
                _,
            ) => {
                let exists = if if_exists { "IF EXISTS " } else { "" };
                let name = quoted(&constraint);
                let sql = format!("ALTER TABLE {} DROP CONSTRAINT {exists}{name}", table.sql());
                parts.push(Part::Statement(statement.line, sql));
            }
            (Asks::Other(sql), _) => parts.push(Part::Statement(statement.line, sql)),
        }
    }
    Ok(parts)
}

/// The keys that `migration` asks for, in order.
pub fn requests(migration: &Migration) -> Result<Vec<Request>> {
    let keys = parts(migration)?.into_iter().map(|part| match part {
        Part::Keys(keys) => keys,
        Part::Statement(..) => Vec::new(),
    });
    Ok(keys.flatten().collect())
}

/// Whether the script does nothing but add keys.
pub fn is_keys_alone(migration: &Migration) -> Result<bool> {
    Ok(parts(migration)?
        .iter()
        .all(|part| matches!(part, Part::Keys(_))))
}
