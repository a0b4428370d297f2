//! Loads a dump, the text that `sqlite3 app.db .schema` prints, into a database in memory.
//!
//! Only statements that make a schema are run; rows, pragmas and transactions are passed over,
//! so that the output of `.dump` loads as well and a dump can do nothing outside its memory.

use std::collections::BTreeMap;

use anyhow::Result;
use rusqlite::Connection;
use sqlite3_parser::dialect::TokenType::{
    TK_ALTER, TK_ANALYZE, TK_BEGIN, TK_COMMIT, TK_CREATE, TK_DELETE, TK_DOT, TK_DROP, TK_END,
    TK_EXISTS, TK_IF, TK_INSERT, TK_NOT, TK_PRAGMA, TK_REINDEX, TK_REPLACE, TK_ROLLBACK, TK_TABLE,
    TK_UPDATE, TK_VIRTUAL,
};

use crate::failure::Failure;
use crate::interrupt;
use crate::sqlite::schema::scratch;
use crate::sqlite::text::ddl::{self, Token};
use crate::sqlite::text::script;

/// A schema in memory, and where its tables stand in the text.
#[derive(Debug)]
pub struct Dump {
    /// The database in memory.
    pub connection: Connection,
    lines: BTreeMap<String, usize>,
}

impl Dump {
    /// Loads `text`; `file` is named in errors, with the line that does not load.
    pub fn load(file: &str, text: &str) -> Result<Self> {
        let connection = scratch::in_memory()?;
        interrupt::watch(&connection);
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let tokens = ddl::tokens(text).map_err(|error| {
            Failure::impossible(format!("could not read {file}: {error}")).hint(HINT)
        })?;
        let mut dump = Dump {
            connection,
            lines: BTreeMap::new(),
        };
        for statement in script::split(&tokens) {
            dump.run(file, text, statement)?;
        }
        if dump.lines.is_empty() {
            return Err(Failure::impossible(format!("{file} makes no table"))
                .hint(HINT)
                .into());
        }
        Ok(dump)
    }

    /// The line in which `table` is made.
    #[must_use]
    pub fn line_of(&self, table: &str) -> Option<usize> {
        self.lines.get(&table.to_ascii_lowercase()).copied()
    }

    fn run(&mut self, file: &str, text: &str, statement: &[Token<'_>]) -> Result<()> {
        let (Some(first), Some(last)) = (statement.first(), statement.last()) else {
            return Ok(());
        };
        let line = script::line_at(text, first.start);
        match first.kind {
            TK_CREATE | TK_ALTER | TK_DROP => {}
            TK_PRAGMA | TK_BEGIN | TK_COMMIT | TK_END | TK_ROLLBACK | TK_INSERT | TK_REPLACE
            | TK_UPDATE | TK_DELETE | TK_ANALYZE | TK_REINDEX => return Ok(()),
            _ => {
                return Err(Failure::impossible(format!(
                    "{file}:{line}: {} begins no statement of a schema",
                    first.text
                ))
                .hint(HINT)
                .into());
            }
        }
        let table = created_table(statement);
        // SQLite makes its own tables itself, and lets nobody else do so.
        if table
            .as_ref()
            .is_some_and(|name| name.starts_with("sqlite_"))
        {
            return Ok(());
        }
        let sql = text.get(first.start..last.end).unwrap_or_default();
        match self.connection.execute_batch(sql) {
            Ok(()) => {
                if let Some(table) = table {
                    self.lines.insert(table.to_ascii_lowercase(), line);
                }
                Ok(())
            }
            Err(error) => {
                let (message, offset) = told(error);
                let is_virtual = statement.get(1).is_some_and(|it| it.kind == TK_VIRTUAL);
                if is_virtual && message.starts_with("no such module") {
                    // An extension of the application's own; no key can refer to such a table.
                    tracing::warn!("{file}:{line}: {message}: this virtual table is left out");
                    return Ok(());
                }
                let line = script::line_at(text, first.start + offset);
                Err(Failure::impossible(format!("{file}:{line}: {message}"))
                    .hint(HINT)
                    .into())
            }
        }
    }
}

const HINT: &str = "give what the shell prints: sqlite3 app.db .schema > schema.sql";

/// SQLite's message, and the offset in the statement that it points to.
fn told(error: rusqlite::Error) -> (String, usize) {
    match error {
        rusqlite::Error::SqlInputError { msg, offset, .. } => {
            (msg, usize::try_from(offset).unwrap_or_default())
        }
        rusqlite::Error::SqliteFailure(_, Some(message)) => (message, 0),
        other => (other.to_string(), 0),
    }
}

/// The name in `CREATE [VIRTUAL] TABLE [IF NOT EXISTS] [main.]name`.
fn created_table(statement: &[Token<'_>]) -> Option<String> {
    let mut rest = statement
        .iter()
        .skip_while(|token| token.kind != TK_TABLE)
        .skip(1)
        .skip_while(|token| [TK_IF, TK_NOT, TK_EXISTS].contains(&token.kind));
    let is_create_table = statement.iter().take(3).any(|token| token.kind == TK_TABLE);
    if !is_create_table || statement.first()?.kind != TK_CREATE {
        return None;
    }
    let first = rest.next()?;
    let name = match rest.next() {
        Some(dot) if dot.kind == TK_DOT => rest.next()?,
        _ => first,
    };
    Some(ddl::unquote(name.text))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(text: &str) -> String {
        format!("{:#}", Dump::load("schema.sql", text).unwrap_err())
    }

    #[test]
    fn an_error_names_the_line_that_does_not_load() {
        let cases = [
            (
                "CREATE TABLE a (x);\nCREATE TABLE b (\n  x,\n  FOREIGN\n);",
                "schema.sql:5: near \")\": syntax error",
            ),
            (
                "CREATE TABLE a (x);\n\nCREATE INDEX i ON b (x);",
                "schema.sql:3: no such table: main.b",
            ),
            (
                "CREATE TABLE a (x);\nhello world;",
                "schema.sql:2: hello begins no statement of a schema",
            ),
            (
                "ATTACH 'x.db' AS x;",
                "schema.sql:1: ATTACH begins no statement of a schema",
            ),
            (
                "CREATE TABLE a (x);\nCREATE TABLE b (y 'z);",
                "could not read schema.sql: line 2 is not SQL that SQLite can read: non-terminated literal",
            ),
            (
                "-- nothing\nPRAGMA foreign_keys = ON;",
                "schema.sql makes no table",
            ),
        ];
        for (text, expected) in cases {
            assert_eq!(error(text), expected);
        }
    }

    #[test]
    fn tables_are_found_by_their_line() {
        let text = "\u{feff}CREATE TABLE sqlite_sequence(name,seq);\nCREATE TABLE IF NOT EXISTS \"A\" (x);\n\nCREATE TABLE main.b (x); CREATE VIEW v AS SELECT 1;\nCREATE VIRTUAL TABLE c USING fts5(x)\n/* c(x) */;\nCREATE TABLE IF NOT EXISTS 'c_data'(id INTEGER PRIMARY KEY, block BLOB);\nCREATE VIRTUAL TABLE d USING vec0(x);";
        let dump = Dump::load("schema.sql", text).unwrap();
        let lines = ["a", "B", "c", "c_data", "d", "v"].map(|name| dump.line_of(name));
        assert_eq!(lines, [Some(2), Some(4), Some(5), Some(7), None, None]);
    }
}
