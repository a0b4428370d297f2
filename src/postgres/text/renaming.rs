//! What a statement does to names that keys go by.

use super::alter_table::{Path, actions, alter_table, path};
use super::lexer::{self, Token};

/// What a statement does to names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Renaming {
    /// `DROP TABLE`
    Dropped(Path),
    /// `ALTER TABLE … RENAME TO …`
    Table {
        /// The table.
        from: Path,
        /// Its new name.
        to: String,
    },
    /// `ALTER TABLE … RENAME [COLUMN] … TO …`
    Column {
        /// The table.
        table: Path,
        /// The column.
        from: String,
        /// Its new name.
        to: String,
    },
    /// `ALTER TABLE … RENAME CONSTRAINT … TO …`
    Constraint {
        /// The table.
        table: Path,
        /// The constraint.
        from: String,
        /// Its new name.
        to: String,
    },
}

/// What the one statement `sql` does to names.
#[must_use]
pub fn renamings(sql: &str) -> Vec<Renaming> {
    let tokens = lexer::tokens(sql).unwrap_or_default();
    if let [drop, table, rest @ ..] = tokens.as_slice()
        && drop.is("drop")
        && table.is("table")
    {
        let rest = match rest {
            [a, b, rest @ ..] if a.is("if") && b.is("exists") => rest,
            _ => rest,
        };
        let paths = actions(rest).into_iter().filter_map(path);
        return paths.map(|(path, _)| Renaming::Dropped(path)).collect();
    }
    let Some((table, [rename, rest @ ..])) = alter_table(&tokens) else {
        return Vec::new();
    };
    let name = |token: &Token| token.name().unwrap_or_default().to_owned();
    let renaming = match rest {
        _ if !rename.is("rename") => None,
        [to, new] if to.is("to") => Some(Renaming::Table {
            from: table,
            to: name(new),
        }),
        [constraint, old, to, new] if constraint.is("constraint") && to.is("to") => {
            Some(Renaming::Constraint {
                table,
                from: name(old),
                to: name(new),
            })
        }
        [.., old, to, new] if to.is("to") => Some(Renaming::Column {
            table,
            from: name(old),
            to: name(new),
        }),
        _ => None,
    };
    renaming.into_iter().collect()
}
