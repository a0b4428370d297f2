//! Reads a migration script: its statements, and the two kinds among them that fkfix carries
//! out or has to know of.
//!
//! `ALTER TABLE … ADD [CONSTRAINT name] FOREIGN KEY …` is the statement that SQLite lacks
//! (<https://www.sqlite.org/omitted.html>). `ALTER TABLE … DROP CONSTRAINT name` is SQLite's
//! own; it is recognised so that the way back can leave a key that was there before.

use anyhow::Result;
use sqlite3_parser::dialect::TokenType::{
    self, TK_ATTACH, TK_BEGIN, TK_COMMIT, TK_CREATE, TK_DETACH, TK_DROP, TK_END, TK_PRAGMA,
    TK_RELEASE, TK_RENAME, TK_ROLLBACK, TK_SAVEPOINT, TK_SEMI, TK_SET, TK_TABLE, TK_TEMP,
    TK_TRIGGER, TK_VACUUM,
};

use crate::failure::Failure;
use crate::sqlite::text::alter_table::AlterTable;
use crate::sqlite::text::ddl::{self, Token};
use crate::sqlite::text::statement::{Action, Statement};

const BYTE_ORDER_MARK: char = '\u{feff}';

/// Reads `script`; `file` is named in errors.
///
/// Statements that would end fkfix's one transaction, or that act outside it, are refused
/// with file and line, before anything runs.
pub fn parse(file: &str, script: &str) -> Result<Vec<Statement>> {
    // Some editors begin a file with a byte order mark.
    let script = script.strip_prefix(BYTE_ORDER_MARK).unwrap_or(script);
    let tokens = ddl::tokens(script).map_err(|error| {
        Failure::impossible(format!("could not read {file}: {error}"))
            .hint("quotes, brackets and comments must be closed")
    })?;
    // To SQLite it is white space before any token, to the tokenizer a part of it: a COMMIT
    // behind it would not be seen.
    if let Some(token) = tokens
        .iter()
        .find(|it| it.text.starts_with(BYTE_ORDER_MARK))
    {
        let line = line_at(script, token.start);
        return Err(Failure::impossible(format!(
            "{file}:{line}: a byte order mark stands before {}",
            token.text.trim_start_matches(BYTE_ORDER_MARK)
        ))
        .hint("remove the invisible character U+FEFF; it may stand only at the start of a file")
        .into());
    }
    let mut statements = Vec::new();
    for statement in split(&tokens) {
        statements.extend(read(file, script, statement)?);
    }
    Ok(statements)
}

/// Cuts at each `;`, but not at those in the body of a trigger, which ends with `; END ;`
/// (the rule of <https://www.sqlite.org/c3ref/complete.html>).
pub fn split<'t, 's>(tokens: &'t [Token<'s>]) -> Vec<&'t [Token<'s>]> {
    let mut statements = Vec::new();
    let mut rest = tokens;
    while !rest.is_empty() {
        let length = statement_length(rest);
        let (statement, after) = rest.split_at(length);
        if !statement.is_empty() {
            statements.push(statement);
        }
        rest = after.get(1..).unwrap_or_default();
    }
    statements
}

/// How many tokens stand before the `;` that ends the first statement.
fn statement_length(tokens: &[Token<'_>]) -> usize {
    let trigger = creates_trigger(tokens);
    let mut before = (TK_SEMI, TK_SEMI);
    for (index, token) in tokens.iter().enumerate() {
        if token.kind == TK_SEMI && (!trigger || before == (TK_SEMI, TK_END)) {
            return index;
        }
        before = (before.1, token.kind);
    }
    tokens.len()
}

fn creates_trigger(tokens: &[Token<'_>]) -> bool {
    let mut kinds = tokens.iter().map(|token| token.kind);
    kinds.next() == Some(TK_CREATE)
        && match kinds.next() {
            Some(TK_TEMP) => kinds.next() == Some(TK_TRIGGER),
            kind => kind == Some(TK_TRIGGER),
        }
}

/// One statement; or several, where an ALTER TABLE has several actions, as in `PostgreSQL`.
fn read(file: &str, script: &str, tokens: &[Token<'_>]) -> Result<Vec<Statement>> {
    let (Some(first), Some(last)) = (tokens.first(), tokens.last()) else {
        return Err(Failure::impossible(format!("{file} has an empty statement")).into());
    };
    let line = line_at(script, first.start);
    if let Some(reason) = refusal(first.kind) {
        return Err(Failure::impossible(format!(
            "{file}:{line}: {} is not allowed in a migration: {reason}",
            first.text.to_ascii_uppercase()
        ))
        .hint("take the statement out of the script; fkfix runs the whole script in one transaction of its own")
        .into());
    }
    let sql = script.get(first.start..last.end).unwrap_or_default();
    let Some(alter) = AlterTable::read(tokens) else {
        let action = Action::Other(sql.to_owned());
        return Ok(vec![Statement { line, action }]);
    };
    let place = format!("{file}:{line}");
    let actions = alter.actions.iter();
    actions
        .map(|tokens| {
            let written = match (tokens.first(), tokens.last()) {
                _ if !alter.is_foreign => sql.to_owned(),
                (Some(first), Some(last)) => {
                    let action = script.get(first.start..last.end).unwrap_or_default();
                    format!("ALTER TABLE {} {action}", ddl::quote(&alter.table))
                }
                _ => sql.to_owned(),
            };
            let action = alter.action(&place, tokens, written)?;
            Ok(Statement { line, action })
        })
        .collect()
}

/// The line, from 1, in which the byte at `offset` of `text` stands.
#[must_use]
pub fn line_at(text: &str, offset: usize) -> usize {
    let before = text.get(..offset).unwrap_or_default();
    1 + before.matches('\n').count()
}

fn refusal(keyword: TokenType) -> Option<&'static str> {
    match keyword {
        TK_BEGIN | TK_COMMIT | TK_END | TK_ROLLBACK | TK_SAVEPOINT | TK_RELEASE => {
            Some("the script already runs in a transaction")
        }
        TK_VACUUM => Some("SQLite can't run it in a transaction"),
        TK_ATTACH | TK_DETACH => Some("a migration works on one database"),
        TK_PRAGMA => Some("a pragma may act beyond the migration, or not at all in a transaction"),
        TK_SET => Some("SQLite has no SET"),
        _ => None,
    }
}

/// What a statement that is not about keys may do to those that are there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Alteration {
    /// Rename a table or a column: SQLite renames it in each key too
    /// (<https://www.sqlite.org/lang_altertable.html#alter_table_rename>).
    Rename,
    /// Drop this table, and its keys with it.
    DropTable(String),
}

/// What `statement` does to keys, if it does anything.
#[must_use]
pub fn alters(statement: &str) -> Option<Alteration> {
    let tokens = ddl::tokens(statement).ok()?;
    if let Some(alter) = AlterTable::read(&tokens) {
        let renames = |action: &&[Token<'_>]| action.first().is_some_and(|it| it.kind == TK_RENAME);
        return (alter.actions.iter().any(renames)).then_some(Alteration::Rename);
    }
    let [drop, table, rest @ ..] = tokens.as_slice() else {
        return None;
    };
    let name = rest.iter().rfind(|token| token.kind != TK_SEMI)?;
    (drop.kind == TK_DROP && table.kind == TK_TABLE)
        .then(|| Alteration::DropTable(ddl::unquote(name.text)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sqlite::text::statement::AddForeignKey;

    fn only(script: &str) -> Action {
        let mut statements = parse("V1__x.sql", script).unwrap();
        assert_eq!(statements.len(), 1, "{statements:?}");
        statements.remove(0).action
    }

    #[test]
    fn a_foreign_key_is_found_in_any_dress() {
        let plain = AddForeignKey {
            table: "t".into(),
            name: Some("k".into()),
            constraint: "CONSTRAINT k FOREIGN KEY (a) REFERENCES p (id) ON DELETE CASCADE".into(),
        };
        for script in [
            "ALTER TABLE t ADD CONSTRAINT k FOREIGN KEY (a) REFERENCES p (id) ON DELETE CASCADE",
            "ALTER TABLE t -- the logs; all of them\n ADD CONSTRAINT k\n\tFOREIGN /* a ; */ KEY (a)\r\nREFERENCES p (id) ON DELETE CASCADE -- done\n;",
            ";;ALTER TABLE main . \"t\" ADD CONSTRAINT k FOREIGN KEY (a) REFERENCES p (id) ON DELETE CASCADE;;",
        ] {
            assert_eq!(
                only(script),
                Action::AddForeignKey(plain.clone()),
                "{script}"
            );
        }
        assert_eq!(
            only("alter table [two words] add foreign key(\"a;b\") references p"),
            Action::AddForeignKey(AddForeignKey {
                table: "two words".into(),
                name: None,
                constraint: "foreign key(\"a;b\") references p".into(),
            })
        );
    }

    #[test]
    fn other_statements_stay_as_they_are() {
        for script in [
            "ALTER TABLE t ADD CONSTRAINT c CHECK (a > 0)",
            "ALTER TABLE t ADD COLUMN b INTEGER REFERENCES p (id)",
            "ALTER TABLE other.t ADD COLUMN a INTEGER",
            "CREATE TRIGGER x AFTER INSERT ON t BEGIN SELECT 1; SELECT CASE WHEN 1 THEN 2 END; END",
            "CREATE TEMP TRIGGER x AFTER INSERT ON t BEGIN SELECT 1; END",
            "INSERT INTO t VALUES ('ALTER TABLE t ADD FOREIGN KEY (a) REFERENCES p')",
        ] {
            assert_eq!(only(script), Action::Other(script.into()));
        }
    }

    #[test]
    fn statements_are_told_apart_with_their_lines() {
        let script = "CREATE TRIGGER x AFTER INSERT ON t BEGIN\n SELECT 1;\nEND;\n\n-- next\nALTER TABLE t DROP CONSTRAINT 'k';\nSELECT 2";
        let statements = parse("f", script).unwrap();
        let lines: Vec<_> = statements.iter().map(|statement| statement.line).collect();
        assert_eq!(lines, [1, 6, 7]);
        assert_eq!(
            statements[1].action,
            Action::DropConstraint {
                table: "t".into(),
                constraint: "k".into(),
                sql: "ALTER TABLE t DROP CONSTRAINT 'k'".into()
            }
        );
    }

    #[test]
    fn statements_that_break_the_transaction_are_refused_with_file_and_line() {
        for keyword in [
            "BEGIN", "COMMIT", "end", "ROLLBACK", "VACUUM", "ATTACH", "DETACH", "PRAGMA",
        ] {
            let script = format!("SELECT 1;\n/* a\nb */ {keyword} x;");
            let error = parse("V7__y.sql", &script).unwrap_err().to_string();
            let expected = format!("V7__y.sql:3: {} is not allowed", keyword.to_uppercase());
            assert!(error.starts_with(&expected), "{error}");
        }
    }

    #[test]
    fn a_clause_that_holds_more_than_a_key_is_refused() {
        for clause in [
            "(a) REFERENCES p (id), CHECK (b > 0)",
            "(a) REFERENCES p (id)) WITHOUT ROWID --",
        ] {
            let script = format!("ALTER TABLE t ADD FOREIGN KEY {clause}");
            assert!(parse("f", &script).is_err(), "{clause}");
        }
    }

    #[test]
    fn an_open_quote_is_an_error_and_not_a_panic() {
        let error = parse("V1__x.sql", "SELECT 'a").unwrap_err().to_string();
        assert!(error.starts_with("could not read V1__x.sql"), "{error}");
    }
}
